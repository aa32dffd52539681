// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What a browser has to bring back from the provider: a cookie of ten minutes, which no script and no flow sees.
"use strict";
const { cookieValues } = require("../cookies.js");

const SECONDS = 600;
// So many logins may go on in one browser, each in its own tab.
const AT_ONCE = 8;
const KEYS = ["state", "nonce", "verifier", "next"];

const slotOf = (state) => state.charCodeAt(0) % AT_ONCE;

function parse(value) {
    try {
        const attempt = JSON.parse(Buffer.from(value, "base64url").toString());
        return KEYS.every((key) => typeof attempt[key] === "string") ? attempt : undefined;
    } catch (error) { return undefined; }
}

class Attempts {
    /** @param {{id: string, path: string}} options `path` is the one below which the provider's answers come in. */
    constructor({ id, path }) { Object.assign(this, { id, path }); }

    #name(state, secure) { return `${secure ? "__Secure-" : ""}nodered-${this.id}-oidc-${slotOf(state)}`; }

    #serialize(state, value, seconds, secure) {
        return `${this.#name(state, secure)}=${value}; Path=${this.path}; HttpOnly; SameSite=Lax`
            + `${secure ? "; Secure" : ""}; Max-Age=${seconds}`;
    }

    /** @returns {string} A Set-Cookie header. */
    serialize(attempt, secure) {
        const value = Buffer.from(JSON.stringify(attempt)).toString("base64url");
        return this.#serialize(attempt.state, value, SECONDS, secure);
    }

    /** @returns {string} A Set-Cookie header that takes it away. */
    clear(state, secure) { return this.#serialize(state, "", 0, secure); }

    /** @returns {object|undefined} The attempt that has this state, where the browser has begun it. */
    find(request, state, secure) {
        if (!state) { return undefined; }
        return cookieValues(request, this.#name(state, secure)).map(parse)
            .find((attempt) => attempt && attempt.state === state);
    }
}

module.exports = { Attempts };
