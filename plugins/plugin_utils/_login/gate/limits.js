// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// How often somebody may be wrong. An attempt counts from its beginning, so that a thousand at once are no way around;
// one that succeeds is taken back with those of the same user from the same network, and with no others: who knows one
// password gets no further tries at another.
"use strict";
const crypto = require("crypto");
const { performance } = require("perf_hooks");

const WINDOW = 10 * 60 * 1000;
const PER_NETWORK = 10;
const PER_USER = 50;
// Of each table. The oldest goes first: who fills one has to go on filling it.
const LARGEST = 5000;

/** @returns {string} What one household or attacker has: an address of IPv4, or the /64 of one of IPv6. */
function networkOf(address) {
    if (!address.includes(":")) { return address; }
    const [head, tail] = address.split("::").map((half) => half.split(":").filter(Boolean));
    const missing = tail === undefined ? 0 : 8 - head.length - tail.length - (address.includes(".") ? 1 : 0);
    const groups = [...head, ...Array(Math.max(0, missing)).fill("0"), ...(tail || [])];
    return groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":");
}

// Names come from strangers and are as long as they like.
const keyOf = (name) => crypto.createHash("sha256").update(name).digest("base64");

class Limits {
    /** @param {() => number} [now] Milliseconds of a clock that nobody sets. */
    constructor(now = () => performance.now()) {
        this.now = now;
        this.networks = new Map();
        this.users = new Map();
    }

    #recent(table, key) {
        return (table.get(key) || []).filter((attempt) => attempt.time > this.now() - WINDOW);
    }

    #put(table, key, attempts) {
        table.delete(key);
        if (attempts.length > 0) { table.set(key, attempts); }
        if (table.size > LARGEST) { table.delete(table.keys().next().value); }
    }

    /** @returns {number} Milliseconds until this user may be tried from this address again; 0 for now. */
    wait(address, name) {
        const until = (attempts, allowed) => attempts.length < allowed ? 0
            : attempts[attempts.length - allowed].time + WINDOW - this.now();
        return Math.max(
            until(this.#recent(this.networks, networkOf(address)), PER_NETWORK),
            until(this.#recent(this.users, keyOf(name)), PER_USER),
        );
    }

    begin(address, name) {
        const attempt = { time: this.now(), network: networkOf(address), user: keyOf(name) };
        for (const [table, key] of [[this.networks, attempt.network], [this.users, attempt.user]]) {
            this.#put(table, key, [...this.#recent(table, key), attempt]);
        }
    }

    succeed(address, name) {
        const [network, user] = [networkOf(address), keyOf(name)];
        for (const [table, key] of [[this.networks, network], [this.users, user]]) {
            this.#put(table, key, this.#recent(table, key).filter((attempt) =>
                attempt.network !== network || attempt.user !== user));
        }
    }
}

module.exports = { Limits, networkOf };
