// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What a browser has to bring back from the provider: a cookie of ten minutes, which no script and no flow sees.
"use strict";
const crypto = require("crypto");
const { cookieValues } = require("../cookies.js");

const SECONDS = 600;
// So many logins may go on in one browser, each in its own tab.
const SLOTS = [0, 1, 2, 3, 4, 5, 6, 7];
const KEYS = ["state", "nonce", "verifier", "next"];

function parse(value) {
    try {
        const attempt = JSON.parse(Buffer.from(value, "base64url").toString());
        return KEYS.every((key) => typeof attempt[key] === "string") ? attempt : undefined;
    } catch (error) { return undefined; }
}

class Attempts {
    /** @param {{id: string, path: string}} options `path` is the one below which the provider's answers come in. */
    constructor({ id, path }) { Object.assign(this, { id, path }); }

    #name(slot, secure) { return `${secure ? "__Secure-" : ""}nodered-${this.id}-oidc-${slot}`; }

    #cookie(slot, value, seconds, secure) {
        return `${this.#name(slot, secure)}=${value}; Path=${this.path}; HttpOnly; SameSite=Lax`
            + `${secure ? "; Secure" : ""}; Max-Age=${seconds}`;
    }

    /** @returns {string} A Set-Cookie header, which leaves other attempts of the browser alone while there is room. */
    serialize(attempt, request, secure) {
        const free = SLOTS.filter((slot) => cookieValues(request, this.#name(slot, secure)).length === 0);
        const slots = free.length > 0 ? free : SLOTS;
        const value = Buffer.from(JSON.stringify(attempt)).toString("base64url");
        return this.#cookie(slots[crypto.randomInt(slots.length)], value, SECONDS, secure);
    }

    /**
     * @returns {{attempt: object, clear: string}|undefined} The attempt that has this state, where the browser has
     *     begun it, and a Set-Cookie header that takes it away.
     */
    find(request, state, secure) {
        for (const slot of SLOTS) {
            const attempt = cookieValues(request, this.#name(slot, secure)).map(parse)
                .find((one) => one && one.state === state);
            if (attempt) { return { attempt, clear: this.#cookie(slot, "", 0, secure) }; }
        }
        return undefined;
    }
}

module.exports = { Attempts };
