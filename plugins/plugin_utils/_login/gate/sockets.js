// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The same for sockets: those of websocket nodes, of the dashboards, and of nodes that ask nobody.
"use strict";
const { CHALLENGE, describe, retryAfter, urlOf } = require("./gate.js");
const { isBrowser, isSafe } = require("./requests.js");

const isObject = (value) => value !== null && typeof value === "object";
const isString = (value) => typeof value === "string";
const isPlain = (value) => value === null || isString(value) || typeof value === "number";

// What pages send that only look: of these, flows learn no more than which page that is. What is not listed is refused,
// a contributed widget's for example.
const VIEWERS_EVENTS = new Set(["ui-replay-state", "ui-refresh", "ui-change", "widget-load"]);
// The dashboards rely on these.
const FIRST_VALUES = new Map([
    ["ui-params", isObject], ["ui-collapse", isObject], ["update-value", isObject],
    ["ui-change", isPlain], ["ui-audio", isString],
    ["widget-load", isString], ["widget-change", isString], ["widget-action", isString], ["widget-send", isString],
]);

// The way of engine.io to do without a web socket; it answers before Express.
const isPolling = (request) => /[?&]EIO=/.test(request.url) && /[?&]transport=/.test(request.url);
const ignore = () => {};

/** Takes out of a message whatever it says of its sender. */
function nameSender(value, user, depth = 3) {
    if (Array.isArray(value)) {
        if (depth > 0) { value.forEach((item) => nameSender(item, user, depth - 1)); }
    } else if (isObject(value)) {
        // JSON makes it a property of its own; a copy made by assignment would inherit from it.
        if (Object.prototype.hasOwnProperty.call(value, "__proto__")) { delete value["__proto__"]; }
        if ("_client" in value) { value._client = user ? { user: describe(user) } : {}; }
    }
}

/** Keeps a message that a dashboard's widget was not made for from ending Node-RED. */
function shield(socket, warn) {
    const tell = (error) => warn(`a dashboard could not take a message: ${(error && error.stack) || error}`);
    const { on } = socket;
    socket.on = (event, listener) => {
        const shielded = (...values) => {
            try {
                Promise.resolve(listener.apply(socket, values)).catch(tell);
            } catch (error) { tell(error); }
        };
        // By this removeListener knows it.
        shielded.listener = listener;
        return on.call(socket, event, shielded);
    };
}

function refuseUpgrade(socket, status, reason, headers = {}) {
    const lines = Object.entries({ Connection: "close", "Content-Length": "0", ...headers })
        .map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join("")}\r\n`, () => socket.destroy());
}

class Sockets {
    /** @param {Gate} gate */
    constructor(gate) { this.gate = gate; }

    /**
     * Whether a socket may be opened.
     *
     * @param {boolean} reads Whether what it carries is filtered, so that who may only look may have it.
     * @returns {Promise<{identity?: object, status?: number, reason?: string, headers?: object}>} An identity, or why
     *     there is none.
     */
    async #judge(request, reads) {
        const { gate } = this;
        if (gate.isOpen(request)) { return { identity: {} }; }
        const identity = await gate.identify(request);
        const { user, wait } = identity;
        if (wait > 0) { return { status: 429, reason: "Too Many Requests", headers: retryAfter(wait) }; }
        if (user === undefined) {
            return { status: 401, reason: "Unauthorized", headers: isBrowser(request) ? {} : CHALLENGE };
        }
        if (gate.isSameOrigin(request) === false || !gate.isAllowed(user, request, reads)) {
            return { status: 403, reason: "Forbidden" };
        }
        return { identity };
    }

    /** webSocketNodeVerifyClient. Flows take whatever comes, so who may only look gets none. */
    webSocket({ req: request }, done) {
        const { gate } = this;
        this.#judge(request, false).then(({ identity, status, reason, headers }) => {
            if (identity === undefined) { return done(false, status, reason, headers); }
            this.#closeAtEnd(identity, request.socket);
            gate.conceal(request, identity);
            return done(true);
        }).catch((error) => {
            gate.warn(`a socket failed: ${error.stack}`);
            request.socket.destroy();
        });
    }

    /** ioMiddleware of both dashboards. */
    socketIo(socket, next) {
        const { gate } = this;
        const { request } = socket;
        this.#judge(request, true).then(({ identity }) => {
            // It takes the place of the dashboards' own check of foreign pages.
            if (identity === undefined || gate.isSameOrigin(request) === false) {
                return next(new Error("Unauthorized"));
            }
            const { user, key } = identity;
            socket.data = { ...socket.data, user: user && describe(user) };
            // What the page says of itself.
            if (isObject(socket.handshake.auth)) { delete socket.handshake.auth.user; }
            if (key) { gate.sessions.track(key, socket.conn, () => socket.disconnect(true)); }
            shield(socket, gate.warn);
            socket.use((packet, go) => this.#receive(user, packet, go));
            gate.conceal(request, identity);
            return next();
        }).catch((error) => {
            gate.warn(`a socket failed: ${error.stack}`);
            socket.disconnect(true);
        });
    }

    #receive(user, [event, ...values], go) {
        if (user && user.permissions !== "*" && !VIEWERS_EVENTS.has(event)) { return; }
        const fits = FIRST_VALUES.get(event);
        if (fits && !fits(values[0])) { return; }
        values.forEach((value) => nameSender(value, user));
        go();
    }

    #closeAtEnd({ key }, connection) {
        if (key) { this.gate.sessions.track(key, connection, () => connection.destroy()); }
    }

    /**
     * Stands before everything that listens at the server, since nodes listen there without asking anybody. To be
     * called before there are nodes.
     *
     * @param {http.Server} server
     * @param {object} more
     * @param {string|undefined} more.editorSocket The path of the editor's socket, which asks for the editor's login.
     * @param {string|undefined} more.editorLogin The path below which that login is, with a slash at its end.
     * @param {function(): string[]} more.filteredSockets Paths of dashboards' sockets, as a URL begins.
     */
    guard(server, { editorSocket, editorLogin, filteredSockets }) {
        const emit = server.emit.bind(server);
        const express = server.listeners("request");
        server.emit = (event, ...values) => {
            if (event === "upgrade") { return this.#upgrade(emit, values, editorSocket, filteredSockets); }
            if (event === "request") {
                const toExpress = () => express.forEach((listener) => listener.call(server, ...values));
                return this.#request(emit, values, toExpress, { editorLogin, filteredSockets });
            }
            return emit(event, ...values);
        };
    }

    #upgrade(emit, [request, socket, head], editorSocket, filteredSockets) {
        // Node.js has taken its own listener off: a client that breaks off now would end Node-RED.
        socket.on("error", ignore);
        if (editorSocket !== undefined && request.url.split("?")[0] === editorSocket) {
            return emit("upgrade", request, socket, head);
        }
        const reads = this.#isFiltered(request, filteredSockets);
        this.#judge(request, reads).then(({ identity, status, reason, headers }) => {
            if (identity === undefined) { return refuseUpgrade(socket, status, reason, headers); }
            this.#closeAtEnd(identity, socket);
            this.gate.conceal(request, identity);
            return emit("upgrade", request, socket, head);
        }).catch((error) => {
            this.gate.warn(`a socket failed: ${error.stack}`);
            socket.destroy();
        });
        return true;
    }

    // A login's own pages get what it brings back in cookies, whoever is logged in. For nodes that is cut out.
    #isLogin(request, editorLogin) {
        const { loginPath } = this.gate.options;
        const [path] = urlOf(request).split("?");
        return path === loginPath || path.startsWith(`${loginPath}/`)
            || (editorLogin !== undefined && path.startsWith(editorLogin));
    }

    // Whom the gate does not know, or would not let in, gets to Express alone, where it asks once more and answers.
    #request(emit, [request, response], toExpress, { editorLogin, filteredSockets }) {
        const { gate } = this;
        const polls = isPolling(request);
        // A password is looked at where it is asked for: other requests may be for the editor.
        const isStrange = !polls && !gate.isOpen(request) && gate.sessionOf(request) === undefined;
        if (isStrange || this.#isLogin(request, editorLogin)) {
            toExpress();
            return true;
        }
        const reads = (!polls && isSafe(request)) || this.#isFiltered(request, filteredSockets);
        this.#judge(request, reads).then(({ identity }) => {
            if (identity === undefined) { return toExpress(); }
            if (polls) { this.#closeAtEnd(identity, response); }
            gate.conceal(request, identity);
            return emit("request", request, response);
        }).catch((error) => {
            gate.warn(`a request failed: ${error.stack}`);
            response.destroy();
        });
        return true;
    }

    #isFiltered(request, filteredSockets) {
        return filteredSockets().some((path) => urlOf(request).startsWith(path));
    }
}

module.exports = { Sockets };
