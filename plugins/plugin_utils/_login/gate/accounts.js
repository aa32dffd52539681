// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The users of login.json, and what ends their sessions: another password, or not being used.
"use strict";
const crypto = require("crypto");

// Being used is noted on the disk at most so often: an SD card lives longer.
const NOTE = 3600 * 1000;

// The one call is half as dear; older releases do not have it.
const sha256 = crypto.hash ? (text) => crypto.hash("sha256", text, "base64url")
    : (text) => crypto.createHash("sha256").update(text).digest("base64url");
/** What is another when something that a session rests on has changed: such a session has ended. */
const generationOf = (values) => sha256(JSON.stringify(values)).slice(0, 22);
const generationOfUser = ({ username, password }) => generationOf([username, password]);

class LocalAccounts {
    /**
     * @param {object} tools
     * @param {Map<string, object>} tools.users By name.
     * @param {number} tools.expiry Milliseconds without use.
     */
    constructor({ users, expiry }) {
        Object.assign(this, { users, expiry });
        // Each request asks for it.
        this.generations = new Map([...users].map(([name, user]) => [name, generationOfUser(user)]));
    }

    begin({ username }, now) { return { user: username, generation: this.generations.get(username), seen: now }; }

    isSession(session) { return Number.isFinite(session.seen); }

    /** When it was begun or used. */
    age(session) { return session.seen; }

    /** @returns {object|undefined} The user of a session that goes on. A clock that was set back does not end it. */
    userOf(session, now) {
        const user = this.users.get(session.user);
        const isUsed = session.seen + this.expiry > now;
        return user && isUsed && session.generation === this.generations.get(session.user) ? user : undefined;
    }

    /** @returns {boolean} Whether a use has to be written down. */
    use(session, now) {
        if (session.seen + Math.min(this.expiry / 10, NOTE) > now) { return false; }
        session.seen = now;
        return true;
    }
}

module.exports = { LocalAccounts, generationOf, sha256 };
