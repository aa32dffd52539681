// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The gate's own paths: the page, its form, the log-out, and the way to a provider and back.
"use strict";
const { retryAfter, urlOf } = require("./gate.js");
const { readForm } = require("./form.js");
const { accountPage, loginPage, spokenWait } = require("./page.js");
const { loginTarget } = require("./paths.js");

class LoginRoutes {
    /**
     * @param {Gate} gate
     * @param {SignOn} [signOn] Where there is a provider.
     */
    constructor(gate, signOn) {
        this.gate = gate;
        this.options = gate.options;
        this.signOn = signOn;
    }

    /** Middleware of Express: answers what is the login's, and hands on all else. */
    http(request, response, next) {
        const { loginPath } = this.options;
        const [path, query = ""] = urlOf(request).split("?");
        if (path === loginPath) {
            return this.#run(request, response, { GET: () => this.#show(request, response, query),
                HEAD: () => this.#show(request, response, query), POST: () => this.#logIn(request, response) });
        }
        if (path === `${loginPath}/out`) {
            return this.#run(request, response, { POST: () => this.#logOut(request, response) });
        }
        if (this.signOn && path === `${loginPath}/oidc`) {
            return this.#run(request, response, { GET: () => this.#goToProvider(request, response, query) });
        }
        if (this.signOn && path === `${loginPath}/callback`) {
            return this.#run(request, response, { GET: () => this.#comeBack(request, response) });
        }
        return next();
    }

    async #run(request, response, methods) {
        const { gate } = this;
        const method = new Map(Object.entries(methods)).get(request.method);
        if (method === undefined) {
            return gate.answer(response, 405, "Method not allowed\n", { Allow: Object.keys(methods).join(", ") });
        }
        // A form of another site would log a person in as somebody else, or out.
        const { origin, "sec-fetch-site": site } = request.headers;
        const isOwn = gate.isSameOrigin(request) && (origin !== undefined || site === "same-origin");
        if (request.method === "POST" && !isOwn) {
            return gate.answer(response, 403, "This form came from another site.\n");
        }
        try {
            return await method();
        } catch (error) {
            gate.warn(`a login failed: ${error.message}`);
            return gate.answer(response, 500);
        }
    }

    #show(request, response, query) {
        const session = this.gate.sessionOf(request);
        const next = loginTarget(new URLSearchParams(query).get("next"), this.options);
        this.gate.answerPage(response, 200, session ? accountPage(this.options, session.user)
            : loginPage(this.options, { next }));
    }

    async #logIn(request, response) {
        const { gate, options } = this;
        const form = await readForm(request, ["username", "password", "next"]);
        if (form === undefined) {
            return gate.answer(response, 413, "The form is too large.\n", { Connection: "close" });
        }
        const { username, password } = form;
        if (username === "" || password === "") { return gate.answer(response, 400, "A field is missing.\n"); }
        const next = loginTarget(form.next, options);
        const { user, wait } = await gate.passwords.check(gate.address(request), username, password);
        if (user) { return this.#enter(request, response, user, next); }
        const error = wait ? `Too many attempts. Try again in ${spokenWait(wait)}.`
            : "The user name or the password is wrong.";
        return gate.answerPage(response, wait ? 429 : 401, loginPage(options, { next, username, error }),
            wait ? retryAfter(wait) : {});
    }

    async #enter(request, response, user, next, cookies = []) {
        const { gate } = this;
        const former = gate.sessionOf(request);
        if (former) { await gate.sessions.end(former.key); }
        const cookie = gate.cookie.serialize(await gate.sessions.begin(user), gate.isSecure(request));
        gate.answer(response, 303, "", { Location: next, "Set-Cookie": [cookie, ...cookies] });
    }

    #goToProvider(request, response, query) {
        const next = loginTarget(new URLSearchParams(query).get("next"), this.options);
        return this.signOn.begin(request, response, next);
    }

    #comeBack(request, response) {
        return this.signOn.finish(request, response, (user, next, cookie) =>
            this.#enter(request, response, user, loginTarget(next, this.options), [cookie]));
    }

    async #logOut(request, response) {
        const { gate } = this;
        const session = gate.sessionOf(request);
        if (session) { await gate.sessions.end(session.key); }
        gate.answer(response, 303, "",
            { Location: this.options.loginPath, "Set-Cookie": gate.cookie.serialize("", gate.isSecure(request)) });
    }
}

module.exports = { LoginRoutes };
