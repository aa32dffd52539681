// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The way to the provider and back, for dashboards and for the editor.
"use strict";
const path = require("path");
const { answer, answerPage } = require("../answers.js");
const { urlOf } = require("../gate.js");
const { quoted } = require("../journal.js");
const { Limits } = require("../limits.js");
const { spokenWait } = require("../page.js");
const { clientAddress, isSecure } = require("../requests.js");
const { Attempts } = require("./attempts.js");
const { identityOf } = require("./claims.js");
const { GitHubProvider } = require("./github.js");
const { makeFetch } = require("./http.js");
const { OpenIdProvider, WRONG_CLOCK } = require("./provider.js");
const { Refusal } = require("./refusal.js");

/** @returns {Provider} The one of login.json. */
function makeProvider(options) {
    const fetch = makeFetch(options.authority ? path.join(__dirname, "authority.pem") : undefined);
    return options.kind === "github" ? new GitHubProvider({ options, fetch }) : new OpenIdProvider({ options, fetch });
}

// What to do about it, where the words of the library do not say so.
const HINTS = new Map([
    [WRONG_CLOCK, "the clock of this host or of the provider is wrong"],
    ["OAUTH_WWW_AUTHENTICATE_CHALLENGE", "the provider takes another client_id or client_secret"],
]);

function detailsOf(error) {
    const { cause, code, error: name, error_description: description, message } = error;
    const more = cause instanceof Error ? cause.message : undefined;
    return [name, description, message, more, HINTS.get(code)].filter(Boolean).join(": ");
}

class SignOn {
    /**
     * @param {object} tools
     * @param {object} tools.options Of parseOptions.
     * @param {object} tools.oidc Of parseOidc.
     * @param {Provider} tools.provider
     * @param {ProvidedAccounts} tools.accounts
     * @param {{begin: string, callback: string, cookie: string}} tools.paths Where a login begins, where the provider
     *     sends people back to, and below which path the browser brings what it has to bring.
     * @param {boolean} tools.hasLocal Whether there are local accounts, too.
     * @param {function({error: string, again: boolean, next: string}): string} tools.page For who is not logged in.
     * @param {function(string)} tools.warn
     */
    constructor({ options, oidc, provider, accounts, paths, hasLocal, page, warn }) {
        Object.assign(this, { options, oidc, provider, accounts, paths, hasLocal, page, warn });
        this.attempts = new Attempts({ id: options.id, path: paths.cookie });
        this.callback = oidc.url + paths.callback;
        this.limits = new Limits();
        this.told = new WeakSet();
    }

    #address(request) { return clientAddress(request, this.options.trustedProxies); }

    #isSecure(request) { return isSecure(request, this.options.trustedProxies); }

    // The provider knows one name of this host, and cookies are for one.
    #isElsewhere(request) {
        try {
            const { protocol, host } = new URL(this.oidc.url);
            return new URL(`${protocol}//${request.headers.host}`).host !== host;
        } catch (error) { return true; }
    }

    /**
     * Sends a browser to the provider.
     *
     * @param {string} next Where the login leads to.
     */
    async begin(request, response, next) {
        const query = new URL(urlOf(request), this.oidc.url).searchParams;
        const again = query.get("again") === "1";
        // Once only: behind a proxy that hands on another name it would never be the right one.
        if (this.#isElsewhere(request) && query.get("moved") !== "1") {
            const moved = new URLSearchParams({ next, ...(again ? { again: "1" } : {}), moved: "1" });
            return answer(response, 302, "", { Location: `${this.oidc.url}${this.paths.begin}?${moved}` });
        }
        try {
            const { url, attempt } = await this.provider.begin(this.callback, again);
            const cookie = this.attempts.serialize({ ...attempt, next }, request, this.#isSecure(request));
            return answer(response, 302, "", { Location: url, "Set-Cookie": cookie });
        } catch (error) {
            return this.#fail(request, response, error, { next });
        }
    }

    /**
     * Takes up who comes back from the provider.
     *
     * @param {function(object, string, string): Promise} succeed Is called with the user, with `next` of `begin`, and
     *     with a Set-Cookie header that takes away what is needed no more.
     */
    async finish(request, response, succeed) {
        const url = new URL(urlOf(request), this.oidc.url);
        const state = url.searchParams.get("state");
        const { attempt, clear: cookie } = this.attempts.find(request, state, this.#isSecure(request)) || {};
        const { next } = attempt || {};
        let user;
        try {
            user = this.#accountOf(await this.#claims(request, url, attempt));
        } catch (error) {
            return this.#fail(request, response, error, { next, cookie });
        }
        return succeed(user, next, cookie);
    }

    // Each costs the provider a request, which a stranger could have made by us, or at least a line in the journal.
    async #claims(request, url, attempt) {
        const address = this.#address(request);
        const wait = this.limits.wait(address, address);
        if (wait > 0) { throw new Refusal(429, `Too many attempts. Try again in ${spokenWait(wait)}.`); }
        this.limits.begin(address, address);
        if (attempt === undefined) {
            throw new Refusal(400, "This login took too long, or was begun in another browser. Try again.");
        }
        const claims = await this.provider.finish(url, attempt, this.callback);
        this.limits.succeed(address, address);
        return claims;
    }

    #accountOf(claims) {
        const identity = identityOf(claims, this.oidc);
        const user = this.accounts.account(identity);
        if (user === undefined) { throw new Refusal(403, `${identity.username} may not log in here.`, true); }
        return user;
    }

    #fail(request, response, error, { next, cookie }) {
        this.#tell(error, this.#address(request) || "unknown");
        const headers = cookie === undefined ? {} : { "Set-Cookie": cookie };
        const { status, message, again } = this.#judge(error);
        return answerPage(response, status, this.page({ error: message, again, next }), headers);
    }

    // Strangers decide how often this happens: of who does not stop, and of one answer of the provider, one line is enough.
    #tell(error, from) {
        if (error.status === 429 || this.told.has(error)) { return; }
        this.told.add(error);
        const reason = quoted(detailsOf(error), 300);
        this.warn(`sign-on failed: provider=${quoted(this.oidc.name)} reason=${reason} from=${from}`);
    }

    #judge(error) {
        if (error instanceof Refusal) { return error; }
        if (error.error === "access_denied") { return new Refusal(403, "The login was cancelled.", true); }
        const otherwise = this.hasLocal ? ", or use a local account" : "";
        return new Refusal(502, `The login with ${this.oidc.name} does not work now. Try again later${otherwise}.`);
    }
}

module.exports = { SignOn, makeProvider };
