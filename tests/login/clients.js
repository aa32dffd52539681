// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Clients of sockets, led by lines of JSON: {"number", "action", "name", ...}. Each is answered by one with the same
// number.
"use strict";
const https = require("https");
const readline = require("readline");
const { io } = require("socket.io-client");
const WebSocket = require("ws");

const open = new Map();

function webSocket({ name, url, headers }) {
    return new Promise((resolve) => {
        const socket = new WebSocket(url, { headers });
        const state = { open: true, received: [] };
        socket.on("open", () => {
            open.set(name, { socket, state, close: () => socket.terminate() });
            resolve({ open: true });
        });
        socket.on("message", (data) => state.received.push(String(data)));
        socket.on("close", () => {
            state.open = false;
        });
        socket.on("unexpected-response", (request, response) => {
            resolve({ status: response.statusCode });
            request.destroy();
        });
        socket.on("error", (error) => resolve({ error: error.message }));
    });
}

function socketIo({ name, url, path, headers, transports, auth }) {
    return new Promise((resolve) => {
        const socket = io(url, {
            path,
            transports,
            auth,
            extraHeaders: headers,
            reconnection: false,
            forceNew: true,
            agent: new https.Agent(),
        });
        const state = { open: true, received: [] };
        socket.onAny((...event) => state.received.push(event));
        socket.on("connect", () => {
            open.set(name, { socket, state, close: () => socket.close() });
            resolve({ open: true });
        });
        socket.on("disconnect", () => {
            state.open = false;
        });
        socket.on("connect_error", (error) => {
            socket.close();
            resolve({ error: error.message });
        });
    });
}

const ACTIONS = {
    webSocket,
    socketIo,
    send: ({ name, text }) => {
        open.get(name).socket.send(text);
        return {};
    },
    emit: ({ name, event }) => {
        open.get(name).socket.emit(...event);
        return {};
    },
    state: ({ name }) => open.get(name).state,
    close: ({ name }) => {
        open.get(name).close();
        open.delete(name);
        return {};
    },
};

readline
    .createInterface({ input: process.stdin })
    .on("line", async (line) => {
        const command = JSON.parse(line);
        const answer = await ACTIONS[command.action](command);
        process.stdout.write(`${JSON.stringify({ ...answer, number: command.number })}\n`);
    })
    .on("close", () => process.exit());
