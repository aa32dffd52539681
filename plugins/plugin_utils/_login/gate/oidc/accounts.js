// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The users of a provider. What it has said of them is kept with their sessions; what they may is looked up in today's
// rules. Their sessions end after a fixed time, however much they are used: the provider is asked anew then.
"use strict";
const { generationOf } = require("../accounts.js");
const { isIdentity } = require("./claims.js");
const { userOf } = require("./rules.js");

class ProvidedAccounts {
    /**
     * @param {object} options Of parseOidc.
     * @param {object[]} rules Its rules for the editor, or those for dashboards.
     */
    constructor(options, rules) {
        Object.assign(this, { options, rules });
        this.expiry = options.sessionExpiry;
        const { kind, issuer, clientId, usernameClaim, groupsClaim } = options;
        this.generation = generationOf([kind, issuer, clientId, usernameClaim, groupsClaim]);
    }

    /** @returns {object|undefined} The user whom the provider describes so; undefined where no rule fits. */
    account(claims) { return userOf(claims, this.rules, this.options.name); }

    begin({ username, claims }, now) {
        return { user: username, provider: this.options.name, generation: this.generation, began: now, claims };
    }

    isSession(session) { return Number.isFinite(session.began) && isIdentity(session.claims); }

    age(session) { return session.began; }

    userOf(session, now) {
        return session.provider === this.options.name && session.generation === this.generation
            && session.began + this.expiry > now ? this.account(session.claims) : undefined;
    }

    use() { return false; }
}

module.exports = { ProvidedAccounts };
