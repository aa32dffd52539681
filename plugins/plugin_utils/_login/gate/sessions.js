// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Who is logged in, in memory and in a file. The cookie has 256 random bits, the file their SHA-256: who steals it gets
// in nowhere, and where it is lost or broken people log in once more.
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const { LocalAccounts, sha256 } = require("./accounts.js");

const PER_USER = 50;
// Anybody may have accounts at a provider, as many as there is time for.
const PER_PROVIDER = 500;
const LARGEST_FILE = 4 * 1024 * 1024;
// How many cookies are known again without a look at their SHA-256, which takes longer than all else of a request.
const KNOWN = 1000;

class Sessions {
    /**
     * @param {object} tools
     * @param {string} tools.file It is read at the first question, and need not be there.
     * @param {Map<string, object>} tools.users
     * @param {number} tools.expiry Milliseconds without use. An open connection is a use.
     * @param {ProvidedAccounts} [tools.provided] Where users may come from a provider, too.
     * @param {function(string)} tools.warn
     * @param {function()} [tools.ended] Is called when a session has ended.
     * @param {function(): number} [tools.now]
     */
    constructor({ file, users, expiry, provided, warn, ended = () => {}, now = Date.now }) {
        Object.assign(this, { file, provided, warn, ended, now });
        this.local = new LocalAccounts({ users, expiry });
        this.shortest = Math.min(...[this.local, provided].filter(Boolean).map((accounts) => accounts.expiry));
        this.connections = new Map();
        this.keys = new Map();
        this.changed = false;
    }

    /** @returns {Promise<string>} What the cookie of a new session holds. */
    async begin(user) {
        this.endOld();
        const accounts = this.#accountsOf(user);
        const kin = [...this.#all()].filter(([, session]) => session.provider === user.provider)
            .sort(([, one], [, other]) => accounts.age(one) - accounts.age(other));
        this.#makeRoom(kin.filter(([, session]) => session.user === user.username), PER_USER);
        if (user.provider !== undefined) { this.#makeRoom(kin, PER_PROVIDER); }
        const id = crypto.randomBytes(32).toString("base64url");
        this.#all().set(sha256(id), accounts.begin(user, this.now()));
        await this.#save();
        return id;
    }

    /** @returns {{key: string, user: object}|undefined} Whose session a cookie names; its rights are those of now. */
    find(id) {
        if (!/^[\w-]{43}$/.test(id)) { return undefined; }
        const known = this.keys.get(id);
        const key = known || sha256(id);
        const user = this.#userOf(key);
        if (user === undefined) {
            this.keys.delete(id);
            return undefined;
        }
        if (known === undefined) {
            if (this.keys.size >= KNOWN) { this.keys.clear(); }
            this.keys.set(id, key);
        }
        this.#use(key);
        return { key, user };
    }

    // The oldest go.
    #makeRoom(sessions, most) {
        for (const [key] of sessions.slice(0, Math.max(0, sessions.length - most + 1))) { this.#drop(key); }
    }

    /** Ends a session, and every connection that it has open; resolves when the disk knows. */
    async end(key) {
        this.#drop(key);
        await this.#save();
    }

    /**
     * Lets an open connection end with its session.
     *
     * @param {string} key
     * @param {EventEmitter} connection A socket or a response, which emits `close` at its end.
     * @param {function()} close
     */
    track(key, connection, close) {
        if (connection.destroyed || connection.readyState === "closed") { return; }
        if (!this.connections.has(key)) { this.connections.set(key, new Set()); }
        const open = this.connections.get(key);
        const ended = () => {
            open.delete(close);
            if (open.size === 0 && this.connections.get(key) === open) { this.connections.delete(key); }
        };
        open.add(close);
        connection.on("close", ended);
        // One that was open while the session ended.
        if (this.#userOf(key) === undefined) { this.#drop(key); }
        this.timer = this.timer || setInterval(() => this.useConnections(), Math.min(this.shortest / 4, 60000)).unref();
    }

    /** Ends what has come to its end, without anybody asking for it. */
    endOld() {
        for (const key of this.#all().keys()) { this.#userOf(key); }
    }

    /** What is open is used. */
    useConnections() {
        for (const key of this.connections.keys()) {
            if (this.#userOf(key) === undefined) { this.#drop(key); } else { this.#use(key); }
        }
    }

    /** @param {{provider?: string}} of A user, or a session. */
    #accountsOf({ provider }) { return provider === undefined ? this.local : this.provided; }

    #isSession([key, session]) {
        if (!/^[\w-]{43}$/.test(key) || session === null || typeof session !== "object") { return false; }
        const accounts = this.#accountsOf(session);
        return typeof session.user === "string" && typeof session.generation === "string" && accounts !== undefined
            && accounts.isSession(session);
    }

    #all() {
        if (this.sessions === undefined) { this.sessions = this.#load(); }
        return this.sessions;
    }

    #load() {
        let text;
        try {
            if (fs.statSync(this.file).size > LARGEST_FILE) { throw new Error("the file is too large"); }
            text = fs.readFileSync(this.file, "utf8");
        } catch (error) {
            if (error.code !== "ENOENT") { this.warn(`everybody is logged out: ${error.message}`); }
            return new Map();
        }
        try {
            return new Map(Object.entries(JSON.parse(text)).filter((entry) => this.#isSession(entry)));
        } catch (error) {
            this.warn(`everybody is logged out: ${this.file} is not valid JSON`);
            return new Map();
        }
    }

    #userOf(key) {
        const session = this.#all().get(key);
        if (session === undefined) { return undefined; }
        const user = this.#accountsOf(session).userOf(session, this.now());
        if (user !== undefined) { return user; }
        this.#drop(key);
        this.#save();
        return undefined;
    }

    #use(key) {
        const session = this.#all().get(key);
        if (this.#accountsOf(session).use(session, this.now())) { this.#save(); }
    }

    #drop(key) {
        this.#all().delete(key);
        const open = this.connections.get(key) || [];
        this.connections.delete(key);
        for (const close of open) { close(); }
        this.ended();
    }

    // One write at a time, and one more for all that changes meanwhile.
    #save() {
        this.changed = true;
        this.saving = this.saving || this.#write();
        return this.saving;
    }

    async #write() {
        while (this.changed) {
            this.changed = false;
            const text = JSON.stringify(Object.fromEntries(this.#all()));
            try {
                const handle = await fs.promises.open(`${this.file}.new`, "w", 0o600);
                try {
                    await handle.writeFile(text);
                    await handle.sync();
                } finally { await handle.close(); }
                await fs.promises.rename(`${this.file}.new`, this.file);
            } catch (error) { this.warn(`logins are not kept over a restart: ${error.message}`); }
        }
        this.saving = undefined;
    }
}

module.exports = { Sessions };
