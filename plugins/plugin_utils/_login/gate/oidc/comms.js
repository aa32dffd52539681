// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The socket of the editor. Node-RED asks its token function for nothing but what comes later on the socket.
"use strict";

// It looks for sessions that are over.
const PAUSE = 60000;
const ignore = () => {};

class EditorSockets {
    /**
     * @param {string} path Of the socket.
     * @param {function()} look Ends sessions whose time is over, and calls `closeAll` where one has ended.
     */
    constructor(path, look) {
        Object.assign(this, { path, look });
        this.servers = new WeakSet();
        this.open = new Set();
    }

    /** Stands before Node-RED's own listener; once for each server. */
    guard(server) {
        if (server === undefined || this.servers.has(server)) { return; }
        this.servers.add(server);
        server.prependListener("upgrade", (request, socket) => {
            if (request.url.split("?")[0] === this.path) { this.#admit(request, socket); }
        });
    }

    #admit(request, socket) {
        // Where somebody breaks off while Node-RED asks, nobody else listens.
        socket.on("error", ignore);
        // Browsers send the password along that they have for dashboards. Node-RED takes it for a token, and closes.
        if (!/^Bearer /.test(request.headers.authorization || "")) { delete request.headers.authorization; }
        this.open.add(socket);
        socket.once("close", () => this.open.delete(socket));
        this.timer = this.timer || setInterval(this.look, PAUSE).unref();
    }

    /** Node-RED does not say whose socket is whose. The editor connects again, and shows its token anew. */
    closeAll() { this.open.forEach((socket) => socket.destroy()); }
}

module.exports = { EditorSockets };
