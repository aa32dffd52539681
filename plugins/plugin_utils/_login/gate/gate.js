// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Who asks, and whether that may be: for each request that reaches what flows serve, pages, endpoints, files.
"use strict";
const { answer, answerPage } = require("./answers.js");
const { LoginCookie, hideAuthorization, hideLoginCookies } = require("./cookies.js");
const { accountPage, spokenWait } = require("./page.js");
const { isAllowed, isOpen, loginTarget } = require("./paths.js");
const requests = require("./requests.js");

const CHALLENGE = Object.freeze({ "WWW-Authenticate": "Basic realm=\"Node-RED\", charset=\"UTF-8\"" });

const retryAfter = (wait) => ({ "Retry-After": String(Math.max(1, Math.ceil(wait / 1000))) });
const urlOf = (request) => request.originalUrl || request.url;

/** @returns {{username: string, permissions: string, provider?: string}} What flows learn of a user. */
const describe = ({ username, permissions, provider }) =>
    provider === undefined ? { username, permissions } : { username, permissions, provider };

/** A user as far as a path is concerned: of several grants only those count that are for it. */
function userAt(user, url) {
    if (user.grants === undefined) { return user; }
    const grants = user.grants.filter(({ paths }) => isAllowed(paths, url));
    const permissions = grants.some((grant) => grant.permissions === "*") ? "*" : "read";
    const { username, provider, claims } = user;
    return { username, provider, claims, permissions, paths: grants.length > 0 ? undefined : [] };
}

class Gate {
    /**
     * @param {object} tools
     * @param {object} tools.options Of parseOptions.
     * @param {Passwords} tools.passwords
     * @param {Sessions} tools.sessions
     * @param {function(string)} tools.warn
     */
    constructor({ options, passwords, sessions, warn }) {
        Object.assign(this, { options, passwords, sessions, warn });
        this.cookie = new LoginCookie(options);
        // Answers preflights, where httpNodeCors lets pages of other origins call flows.
        this.cors = undefined;
        this.identities = new WeakMap();
        this.passed = new WeakSet();
    }

    address(request) { return requests.clientAddress(request, this.options.trustedProxies); }

    isSecure(request) { return requests.isSecure(request, this.options.trustedProxies); }

    isSameOrigin(request) { return requests.isSameOrigin(request, this.options.trustedProxies); }

    isOpen(request) { return isOpen(this.options.open, urlOf(request)); }

    /** @returns {{key: string, user: object}|undefined} */
    sessionOf(request) {
        const known = this.identities.get(request);
        if (known && known.key) { return known; }
        const session = this.cookie.read(request, this.isSecure(request)).map((id) => this.sessions.find(id))
            .find(Boolean);
        if (session === undefined) { return undefined; }
        const identity = { key: session.key, user: userAt(session.user, urlOf(request)) };
        // Several ask, one after the other, and looking for it is the dearest of all.
        this.identities.set(request, identity);
        return identity;
    }

    /**
     * Who asks, by session or else by password; the same for each who wants to know it of a request.
     *
     * @returns {Promise<{user?: object, key?: string, wait?: number}>} `key` of the session; nothing for a stranger;
     *     `wait` in milliseconds where a password was not looked at.
     */
    async identify(request) {
        const known = this.identities.get(request) || this.sessionOf(request);
        if (known !== undefined) { return known; }
        const identity = this.#identifyByPassword(request);
        this.identities.set(request, identity);
        return identity;
    }

    #identifyByPassword(request) {
        const { authorization = "" } = request.headers;
        if (!/^Basic /i.test(authorization)) { return {}; }
        return this.passwords.checkBasic(this.address(request), authorization);
    }

    /** @returns {boolean} Whether a user's rights cover a request; `reads` is for what only shows. */
    isAllowed(user, request, reads = requests.isSafe(request)) {
        return (user.permissions === "*" || reads) && isAllowed(user.paths, urlOf(request));
    }

    /** Whether a page of another origin makes use of a login. A link to here is none of that. */
    isForged(request, { key }) {
        if (this.isSameOrigin(request) !== false || (requests.isSafe(request) && requests.isNavigation(request))) {
            return false;
        }
        // With httpNodeCors pages of others may bring a password along, but never a session.
        return this.cors === undefined || key !== undefined || request.headers["sec-fetch-mode"] !== "cors";
    }

    /** Cuts out of a request what has opened it; who asked is remembered. */
    conceal(request, { user, key }) {
        hideLoginCookies(request);
        if (user && key === undefined) { hideAuthorization(request); }
    }

    /** Middleware of Express. */
    http(request, response, next) {
        if (this.passed.has(request)) { return next(); }
        if (this.cors && requests.isPreflight(request)) {
            return this.cors(request, response, () => this.answer(response, 204));
        }
        return this.#admit(request, response).then((identity) => {
            if (identity === undefined) { return; }
            this.passed.add(request);
            this.conceal(request, identity);
            // Whatever it was before: flows believe it.
            request.user = identity.user && describe(identity.user);
            next();
        }).catch((error) => {
            this.warn(`a request failed: ${error.stack}`);
            this.answer(response, 500);
        });
    }

    // Who asks; where that is not enough, the answer is given.
    async #admit(request, response) {
        if (this.isOpen(request)) { return {}; }
        const identity = await this.identify(request);
        const { user, key } = identity;
        if (user === undefined) {
            this.refuse(request, response, identity.wait);
        } else if (this.isForged(request, identity)) {
            this.answer(response, 403, "This request came from another site.\n");
        } else if (!this.isAllowed(user, request)) {
            this.#forbid(request, response, user);
        } else {
            if (key) {
                this.sessions.track(key, response, () => response.destroy());
                // What a browser keeps of it is for this login only.
                const vary = response.getHeader("Vary");
                response.setHeader("Vary", vary ? `${vary}, Cookie` : "Cookie");
            }
            return identity;
        }
        return undefined;
    }

    /** Sends a stranger to the login, in the way that fits who asks. */
    refuse(request, response, wait) {
        if (wait > 0) {
            this.answer(response, 429, `Too many attempts. Try again in ${spokenWait(wait)}.\n`, retryAfter(wait));
        } else if (requests.wantsPage(request)) {
            const next = encodeURIComponent(loginTarget(urlOf(request), this.options));
            this.answer(response, 302, "", { Location: `${this.options.loginPath}?next=${next}` });
        } else {
            // A browser that were told how would show its own dialog.
            this.answer(response, 401, "Unauthorized\n", requests.isBrowser(request) ? {} : CHALLENGE);
        }
    }

    #forbid(request, response, user) {
        const error = "You are not allowed to do this.";
        if (requests.wantsPage(request)) {
            this.answerPage(response, 403, accountPage(this.options, { ...user, error }));
        } else {
            this.answer(response, 403, `${error}\n`);
        }
    }

    answer(...values) { answer(...values); }

    answerPage(...values) { answerPage(...values); }
}

module.exports = { CHALLENGE, Gate, describe, retryAfter, urlOf };
