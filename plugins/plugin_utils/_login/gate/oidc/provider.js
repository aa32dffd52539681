// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The provider: where it sends people, and what it says of who comes back. The protocol is the library's.
"use strict";
const crypto = require("crypto");
const { performance } = require("perf_hooks");
const { isIncomplete, withMore } = require("./claims.js");

const KNOWN = 3600 * 1000;
/** Milliseconds for which a provider that does not answer is not asked again, however often strangers want to log in. */
const UNKNOWN = 5 * 1000;
/** Seconds by which the clocks of provider and host may differ. */
const TOLERANCE = 60;
/** The `code` of an error that a wrong clock is the reason of; the library's name for it. */
const WRONG_CLOCK = "OAUTH_JWT_TIMESTAMP_CHECK_FAILED";

function loadLibrary() {
    // Node.js 18 has it under another name.
    if (globalThis.crypto === undefined) { globalThis.crypto = crypto.webcrypto; }
    return import("./oauth4webapi.mjs");
}

class Provider {
    /**
     * @param {object} tools
     * @param {object} tools.options Of parseOidc.
     * @param {function(string, object): Promise<Response>} tools.fetch
     * @param {() => number} [tools.now] Milliseconds of a clock that nobody sets.
     */
    constructor({ options, fetch, now = () => performance.now() }) { Object.assign(this, { options, fetch, now }); }

    /** @returns {Promise<object>} What is known of the provider, which is asked at the first use and then each hour. */
    discover() {
        if (this.known === undefined || this.known.until <= this.now()) {
            const known = { until: this.now() + KNOWN, found: this.#find() };
            this.known = known;
            known.found.catch(() => { known.until = this.now() + UNKNOWN; });
        }
        return this.known.found;
    }

    async #find() {
        const { clientId, clientSecret } = this.options;
        const oauth = await loadLibrary();
        const requests = { [oauth.customFetch]: this.fetch };
        const server = await this.describe(oauth, requests);
        const methods = server.token_endpoint_auth_methods_supported || ["client_secret_basic"];
        const authentication = methods.includes("client_secret_basic") ? oauth.ClientSecretBasic(clientSecret)
            : oauth.ClientSecretPost(clientSecret);
        return { oauth, requests, server, authentication,
            client: { client_id: clientId, [oauth.clockTolerance]: TOLERANCE } };
    }

    /**
     * @param {string} callback Where the provider sends people back to, a URL that it has to know.
     * @param {boolean} again Whether it asks who somebody is, even where it knows.
     * @returns {Promise<{url: string, attempt: object}>} Where to go, and what has to be known at the way back.
     */
    async begin(callback, again) {
        const { oauth, server } = await this.discover();
        const attempt = { state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(),
            verifier: oauth.generateRandomCodeVerifier() };
        const url = new URL(server.authorization_endpoint);
        const parameters = {
            client_id: this.options.clientId,
            redirect_uri: callback,
            response_type: "code",
            state: attempt.state,
            code_challenge: await oauth.calculatePKCECodeChallenge(attempt.verifier),
            code_challenge_method: "S256",
            ...this.parameters(attempt, again),
        };
        for (const [name, value] of Object.entries(parameters)) { url.searchParams.set(name, value); }
        return { url: url.href, attempt };
    }

    /**
     * @param {URL} url That the browser has come back to.
     * @param {object} attempt Of `begin`.
     * @param {string} callback The same as there.
     * @returns {Promise<object>} The claims.
     */
    async finish(url, attempt, callback) {
        const found = await this.discover();
        const { oauth, requests, server, client, authentication } = found;
        const parameters = oauth.validateAuthResponse(server, client, url, attempt.state);
        const answer = await oauth.authorizationCodeGrantRequest(
            server, client, authentication, parameters, callback, attempt.verifier, requests);
        return this.claims(found, answer, attempt);
    }
}

// An ID token comes straight from the provider, and was issued just now. One from the future shows that one of both clocks
// is wrong, so that its end means nothing. OpenID Connect Core (3.1.3.7) lets a client refuse it; the library does not.
function refuseFuture({ iat }) {
    if (iat > Math.floor(Date.now() / 1000) + TOLERANCE) {
        throw Object.assign(new Error("the ID token was issued in the future"), { code: WRONG_CLOCK });
    }
}

class OpenIdProvider extends Provider {
    async describe(oauth, requests) {
        const issuer = new URL(this.options.issuer);
        return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, requests));
    }

    parameters({ nonce }, again) {
        return { scope: this.options.scope, nonce, ...(again ? { prompt: "login" } : {}) };
    }

    async claims({ oauth, requests, server, client }, answer, { nonce }) {
        const tokens = await oauth.processAuthorizationCodeResponse(
            server, client, answer, { expectedNonce: nonce, requireIdToken: true });
        await oauth.validateApplicationLevelSignature(server, answer, requests);
        const claims = oauth.getValidatedIdTokenClaims(tokens);
        refuseFuture(claims);
        if (server.userinfo_endpoint === undefined || !isIncomplete(claims, this.options)) { return claims; }
        const more = await oauth.userInfoRequest(server, client, tokens.access_token, requests);
        return withMore(claims, await oauth.processUserInfoResponse(server, client, claims.sub, more));
    }
}

module.exports = { OpenIdProvider, Provider, WRONG_CLOCK };
