// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Whether a password is right. Hashing is slow on purpose, and a stranger must neither stop the flows with it nor learn
// by its time which users there are.
"use strict";
const crypto = require("crypto");
const { performance } = require("perf_hooks");
const { quoted } = require("./journal.js");

// Native libraries hash in the four threads that read files, too.
const AT_ONCE = 2;
const IN_LINE = 14;
/** Of so many addresses, and of so many logins from each, right ones are remembered. */
const REMEMBERED = 200;

const costOf = (hash) => parseInt(hash.slice(4, 6), 10);
/** A hash that nothing fits, and that takes as long as another of its cost. */
const unusableHash = (cost) => `$2b$${String(cost).padStart(2, "0")}$${"abcdefghijklmnopqrstuu"}${"x".repeat(31)}`;

class Passwords {
    /**
     * @param {object} tools
     * @param {Map<string, object>} tools.users By name; `password` is a bcrypt hash.
     * @param {{compare: function}|undefined} tools.bcrypt Without it nobody gets in.
     * @param {Limits} tools.limits
     * @param {function(string)} tools.warn
     */
    constructor({ users, bcrypt, limits, warn }) {
        Object.assign(this, { users, bcrypt, limits, warn });
        this.highestCost = Math.max(4, ...[...users.values()].map((user) => costOf(user.password)));
        this.running = 0;
        this.line = [];
        this.duration = 1000;
        this.secret = crypto.randomBytes(32);
        this.remembered = new Map();
        this.pending = new Map();
    }

    /**
     * @param {string} address Who asks.
     * @param {string} name
     * @param {string} password
     * @returns {Promise<{user?: object, wait?: number}>} `user` where the password is right; `wait` in milliseconds
     *     where it was not looked at.
     */
    async check(address, name, password) {
        if (this.bcrypt === undefined) { return {}; }
        const wait = this.limits.wait(address, name) || this.#waitInLine();
        if (wait > 0) { return { wait }; }
        this.limits.begin(address, name);
        const user = this.users.get(name);
        if (await this.#inTurn(() => this.#compare(user, password))) {
            this.limits.succeed(address, name);
            return { user };
        }
        this.warn(`login failed: user=${quoted(name)} from=${address || "unknown"}`);
        return {};
    }

    /**
     * The same for an Authorization header. A right one is remembered: it comes with each request, and no user changes
     * without a restart. That holds for the address that it came from, and until a wrong one comes from there: else a
     * guess that is right would be answered where all others are refused.
     */
    async checkBasic(address, header) {
        const [, sent] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header) || [];
        const [, name, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(sent || "", "base64").toString()) || [];
        if (name === undefined) { return {}; }
        const key = crypto.createHmac("sha256", this.secret).update(`${address} ${sent}`).digest("base64");
        const known = this.remembered.get(address);
        if (known !== undefined && known.has(key)) { return { user: known.get(key) }; }
        // A page or a device sends many at once.
        if (!this.pending.has(key)) {
            this.pending.set(key, this.check(address, name, password).finally(() => this.pending.delete(key)));
        }
        const result = await this.pending.get(key);
        if (result.user) { this.#remember(address, key, result.user); } else { this.remembered.delete(address); }
        return result;
    }

    #remember(address, key, user) {
        const known = this.remembered.get(address) || new Map();
        for (const [table, name, value] of [[known, key, user], [this.remembered, address, known]]) {
            table.set(name, value);
            if (table.size > REMEMBERED) { table.delete(table.keys().next().value); }
        }
    }

    #waitInLine() {
        return this.line.length < IN_LINE ? 0 : this.duration * Math.ceil(this.line.length / AT_ONCE);
    }

    async #inTurn(work) {
        if (this.running < AT_ONCE) {
            this.running += 1;
        } else {
            await new Promise((resolve) => this.line.push(resolve));
        }
        const begun = performance.now();
        try {
            return await work();
        } finally {
            this.duration = performance.now() - begun;
            const next = this.line.shift();
            // Who is next takes the place over.
            if (next) { next(); } else { this.running -= 1; }
        }
    }

    async #compare(user, password) {
        const cost = user ? costOf(user.password) : this.highestCost;
        if (await this.#fits(password, user ? user.password : unusableHash(cost)) && user) { return true; }
        // Each cost is twice the one below, so these add up to the highest.
        for (let more = cost; more < this.highestCost; more += 1) { await this.#fits(password, unusableHash(more)); }
        return false;
    }

    async #fits(password, hash) {
        try { return await this.bcrypt.compare(password, hash) === true; } catch (error) { return false; }
    }
}

module.exports = { Passwords };
