// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A node as some are: with an endpoint, a web socket and a socket.io of its own, none of which asks anybody.
"use strict";

module.exports = (RED) => {
    const root = String(RED.settings.httpNodeRoot || "/").replace(/\/$/, "");
    RED.nodes.registerType("own", function Own(config) { RED.nodes.createNode(this, config); });
    RED.httpNode.use("/own/data", (request, response) => response.send(`OWN ${request.method}`));
    const { Server } = require("socket.io");
    const server = new Server(RED.server, { path: `${root}/own/socket.io` });
    server.on("connection", (socket) => {
        socket.emit("hello", socket.handshake.headers);
        socket.on("write", () => server.emit("written"));
    });
    const WebSocket = require.main.require("ws");
    const sockets = new WebSocket.Server({ noServer: true });
    RED.server.on("upgrade", (request, socket, head) => {
        if (request.url !== `${root}/own/ws`) { return; }
        sockets.handleUpgrade(request, socket, head, (client) => client.send("OWN"));
    });
};
