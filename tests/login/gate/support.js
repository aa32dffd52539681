// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A gate with made-up users, and a server behind it that tells what a flow would see.
"use strict";
const fs = require("fs");
const http = require("http");
const os = require("os");
const path = require("path");

const GATE = path.resolve(__dirname, "../../../plugins/plugin_utils/_login/gate");
const load = (name) => require(path.join(GATE, name));

const { Gate } = load("gate.js");
const { Limits } = load("limits.js");
const { parseOptions } = load("options.js");
const { Passwords } = load("passwords.js");
const { LoginRoutes } = load("routes.js");
const { Sessions } = load("sessions.js");

/** Looks like a bcrypt hash, and says of what. */
const hashOf = (password, cost = "08") => `$2b$${cost}$${Buffer.from(password).toString("hex").padEnd(53, ".")}`;
const bcrypt = { compare: async (password, hash) => hash.slice(7) === hashOf(password).slice(7) };

const FOLDERS = [];
process.on("exit", () => FOLDERS.forEach((folder) => fs.rmSync(folder, { recursive: true, force: true })));

const DATA = {
    id: "0123abcd",
    cookie_path: "/",
    node_root: "/",
    open: ["/webhook/*", "/health"],
    session_expiry: 600,
    title: "Kitchen",
    trusted_proxies: [],
    users: [
        { username: "fred", password: hashOf("fredpw"), permissions: "*" },
        { username: "vera", password: hashOf("verapw"), permissions: "read" },
        { username: "paul", password: hashOf("paulpw"), permissions: "*", paths: ["/api", "/ui"] },
    ],
};

function makeGate(changes = {}, tools = {}) {
    const options = parseOptions({ ...DATA, ...changes });
    const said = [];
    const warn = (text) => said.push(text);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gate-"));
    FOLDERS.push(folder);
    const file = path.join(folder, "sessions.json");
    const sessions = new Sessions({ file, users: options.users, expiry: options.sessionExpiry, warn, now: tools.now });
    const passwords = new Passwords({ users: options.users, bcrypt, limits: new Limits(), warn, ...tools });
    const gate = new Gate({ options, passwords, sessions, warn });
    return { gate, routes: new LoginRoutes(gate), options, sessions, passwords, said, file };
}

/** Serves what comes through the gate with what a flow would see of it; `listen` for an application of one's own. */
async function serve(context, made, application) {
    const { gate, routes } = made;
    const flow = (request, response) => {
        const { method, url, headers, rawHeaders, user } = request;
        response.end(JSON.stringify({ method, url, headers, rawHeaders, user: user === undefined ? null : user }));
    };
    const server = http.createServer(
        application ||
            ((request, response) => {
                routes.http(request, response, () => gate.http(request, response, () => flow(request, response)));
            }),
    );
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    // Those that were upgraded are no longer the server's.
    const connections = new Set();
    server.on("connection", (socket) => connections.add(socket));
    context.after(() => {
        connections.forEach((socket) => socket.destroy());
        server.close();
    });
    return { ...made, server, port: server.address().port };
}

/** @returns {Promise<{status, headers, text}>} */
function ask(port, method, target, headers = {}, body = undefined) {
    return new Promise((resolve, reject) => {
        const request = http.request(
            { host: "127.0.0.1", port, method, path: target, headers, agent: false },
            (answer) => {
                const parts = [];
                answer.on("data", (part) => parts.push(part));
                answer.on("end", () =>
                    resolve({
                        status: answer.statusCode,
                        headers: answer.headers,
                        text: Buffer.concat(parts).toString(),
                    }),
                );
                answer.on("error", reject);
            },
        );
        request.on("error", reject);
        request.end(body);
    });
}

const PAGE = {
    Accept: "text/html",
    "User-Agent": "Mozilla/5.0",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Dest": "document",
};
const basic = (name, password) => ({ Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}` });
const formHeaders = (port) => ({
    Origin: `http://127.0.0.1:${port}`,
    "Content-Type": "application/x-www-form-urlencoded",
    "User-Agent": "Mozilla/5.0",
});
const logIn = (port, username, password, more = {}) =>
    ask(port, "POST", "/_login", formHeaders(port), new URLSearchParams({ username, password, ...more }).toString());
const cookieOf = (answer) => ({ Cookie: answer.headers["set-cookie"].map((one) => one.split(";")[0]).join("; ") });

/** Waits until a condition holds; it need not be quick. */
async function until(condition) {
    for (let attempt = 0; attempt < 3000; attempt += 1) {
        if (await condition()) {
            return;
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error("It did not come true within 30 seconds.");
}

module.exports = {
    DATA,
    GATE,
    PAGE,
    ask,
    basic,
    bcrypt,
    cookieOf,
    formHeaders,
    hashOf,
    load,
    logIn,
    makeGate,
    serve,
    until,
};
