// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What the editor needs for users of a provider, beside its local ones.
"use strict";
const crypto = require("crypto");
const { answer, answerPage } = require("../answers.js");
const { cookieValues } = require("../cookies.js");
const { urlOf } = require("../gate.js");
const { quoted } = require("../journal.js");
const { clientAddress, isSecure } = require("../requests.js");
const { Sessions } = require("../sessions.js");
const { ProvidedAccounts } = require("./accounts.js");
const { EditorSockets } = require("./comms.js");
const { SignOn } = require("./oidc.js");
const { choicePage, handOverHeaders, handOverPage } = require("./pages.js");
const { permissionsOf } = require("./rules.js");

// Seconds for which the choice of a local account holds.
const CHOSEN = 300;

class EditorSignOn {
    /**
     * @param {object} tools
     * @param {object} tools.options Of parseOptions.
     * @param {object} tools.oidc Of parseOidc.
     * @param {Provider} tools.provider
     * @param {string} tools.file For sessions.
     * @param {function(string)} tools.warn
     * @param {function(): number} [tools.now]
     */
    constructor({ options, oidc, provider, file, warn, now }) {
        const accounts = new ProvidedAccounts(oidc, oidc.editor);
        Object.assign(this, { options, oidc, warn });
        this.path = `${oidc.adminRoot}auth/oidc`;
        this.sessions = new Sessions({
            file, warn, now,
            users: new Map(),
            expiry: oidc.sessionExpiry,
            provided: accounts,
            ended: () => this.sockets.closeAll(),
        });
        this.sockets = new EditorSockets(`${oidc.adminRoot}comms`, () => this.sessions.endOld());
        this.signOn = new SignOn({
            options, oidc, provider, accounts, warn,
            paths: { begin: this.path, callback: `${this.path}/callback`, cookie: this.path },
            hasLocal: true,
            page: (more) => this.#choicePage(more),
        });
        this.routes = new Map(Object.entries({
            "GET auth/login": this.#describeLogin,
            "POST auth/revoke": this.#logOut,
            "POST auth/token": this.#watchLogin,
            "GET auth/oidc": (request, response) => this.signOn.begin(request, response, oidc.adminRoot),
            "GET auth/oidc/choose": (request, response) => answerPage(response, 200, this.#choicePage()),
            "GET auth/oidc/local": this.#chooseLocal,
            "GET auth/oidc/callback": this.#handOver,
        }));
    }

    /** Middleware of Express, before all that the editor has. */
    middleware(request, response, next) {
        this.sockets.guard(request.socket.server);
        const [whole] = urlOf(request).split("?");
        const { adminRoot } = this.oidc;
        const below = whole.startsWith(adminRoot) ? whole.slice(adminRoot.length) : "";
        const route = this.routes.get(`${request.method} ${below}`);
        if (route !== undefined) { return this.#run(route, request, response, next); }
        if (this.routes.has(`GET ${below}`) && below !== "auth/login") {
            return answer(response, 405, "Method not allowed\n", { Allow: "GET" });
        }
        return next();
    }

    async #run(route, request, response, next) {
        try {
            await route.call(this, request, response, next);
        } catch (error) {
            this.warn(`a login failed: ${error.message}`);
            answer(response, 500);
        }
    }

    /** @returns {Promise<object|null>} Whom Node-RED lets in with a token that is none of its own. */
    async tokens(token) {
        const session = this.sessions.find(String(token));
        if (session === undefined) { return null; }
        const { username, grants } = session.user;
        return { username, permissions: permissionsOf(grants) };
    }

    #choicePage(more) {
        return choicePage(this.options, { name: this.oidc.name, path: this.path }, `${this.path}/local`, more);
    }

    #isSecure(request) { return isSecure(request, this.options.trustedProxies); }

    #choiceName(request) { return `${this.#isSecure(request) ? "__Secure-" : ""}nodered-${this.options.id}-local`; }

    #choiceCookie(request, value, seconds) {
        return `${this.#choiceName(request)}=${value}; Path=${this.oidc.adminRoot}; HttpOnly; SameSite=Lax`
            + `${this.#isSecure(request) ? "; Secure" : ""}; Max-Age=${seconds}`;
    }

    // The editor's page learns of the choice; programs, which cannot make it, get what Node-RED answers. After the
    // choice of a local account so does the page, once.
    #describeLogin(request, response, next) {
        if (request.headers["x-requested-with"] !== "XMLHttpRequest") { return next(); }
        if (cookieValues(request, this.#choiceName(request)).includes("1")) {
            response.setHeader("Set-Cookie", this.#choiceCookie(request, "", 0));
            return next();
        }
        const target = `${this.path}/choose`;
        // Who was logged in may have changes that are not deployed, and is asked before the page is left.
        const leave = request.headers.authorization === undefined ? { autoLogin: true, loginRedirect: target } : {};
        const prompts = [{ type: "button", label: "Log in", url: target }];
        const { json } = response;
        response.json = (body) => json.call(response, body.type === "credentials"
            ? { ...body, type: "strategy", ...leave, prompts } : body);
        return next();
    }

    #chooseLocal(request, response) {
        const cookie = this.#choiceCookie(request, "1", CHOSEN);
        answer(response, 302, "", { Location: this.oidc.adminRoot, "Set-Cookie": cookie });
    }

    #handOver(request, response) {
        return this.signOn.finish(request, response, async (user, next, cookie) => {
            const nonce = crypto.randomBytes(16).toString("base64");
            const token = await this.sessions.begin(user);
            answerPage(response, 200, handOverPage(this.oidc.adminRoot, token, nonce),
                { ...handOverHeaders(nonce), "Set-Cookie": cookie });
        });
    }

    // Node-RED answers, so that its audit log tells of it and editorTheme.logout.redirect leads where it leads local users
    // to. It knows nothing of our tokens, and would leave them as they are.
    #logOut(request, response, next) {
        const [, token = ""] = /^Bearer ([\w-]{43})$/.exec(request.headers.authorization || "") || [];
        const session = this.sessions.find(token);
        if (session !== undefined) {
            const { end } = response;
            // Not before: by this token Node-RED lets the request in. Nor later: who is told of it is logged out.
            response.end = (...parts) => {
                response.end = end;
                this.sessions.end(session.key).then(() => end.apply(response, parts));
                return response;
            };
        }
        return next();
    }

    // Node-RED tells nobody where a wrong password came from.
    #watchLogin(request, response, next) {
        const from = clientAddress(request, this.options.trustedProxies) || "unknown";
        response.on("finish", () => {
            if (response.statusCode < 400) { return; }
            const { username = "" } = request.body || {};
            this.warn(`editor login failed: user=${quoted(username)} from=${from}`);
        });
        return next();
    }
}

module.exports = { EditorSignOn };
