// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A provider that is made up, so that it can be wrong in each way, and gates that know it.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { DATA, ask, bcrypt, load } = require("../support.js");

const { Gate } = load("gate.js");
const { Limits } = load("limits.js");
const { parseOptions } = load("options.js");
const { loginPage } = load("page.js");
const { Passwords } = load("passwords.js");
const { LoginRoutes } = load("routes.js");
const { Sessions } = load("sessions.js");
const { ProvidedAccounts } = load("oidc/accounts.js");
const { EditorSignOn } = load("oidc/editor_sign_on.js");
const { SignOn } = load("oidc/oidc.js");
const { parseOidc } = load("oidc/options.js");
const { OpenIdProvider } = load("oidc/provider.js");

const ISSUER = "https://id.example.com/realms/home";
const OIDC = {
    admin_root: "/",
    authority: false,
    client_id: "nodered",
    client_secret: "odd: +&%/=signs",
    dashboards: [
        { group: "family", permissions: "*" },
        { group: "guests", permissions: "read" },
        { group: "guests", permissions: "*", paths: ["/games"] },
        { group: "kids", permissions: "*", paths: ["/games"] },
    ],
    editor: [
        { group: "admins", permissions: "*" },
        { group: "family", permissions: "read" },
        { user: "anna", permissions: ["flows.read", "flows.write"] },
    ],
    groups_claim: "groups",
    issuer: ISSUER,
    kind: "openid",
    name: "Keycloak",
    scope: "openid profile email groups",
    session_expiry: 36000,
    url: "https://kitchen.example.com:1880",
    username_claim: "preferred_username",
};
const ANNA = {
    sub: "1",
    preferred_username: "anna",
    email: "Anna@example.com",
    email_verified: true,
    groups: ["family"],
};
const KEYS = {
    RS256: crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ES256: crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }),
    other: crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }),
};

const json = (value, status = 200) =>
    new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json" } });
const encoded = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const formDecoded = (text) => decodeURIComponent(text.replace(/\+/g, " "));

/** What `fetch` of a gate reaches. Its properties may be changed at any time. */
class StandIn {
    constructor(changes = {}) {
        Object.assign(this, {
            issuer: ISSUER,
            algorithm: "RS256",
            methods: undefined,
            metadata: {},
            claims: ANNA,
            userinfo: undefined,
            token: {},
            header: {},
            down: false,
            // Milliseconds that have passed for the provider's clock.
            later: 0,
            asked: [],
            codes: new Map(),
            ...changes,
        });
        this.fetch = (url, options) => this.#answer(new URL(url), options);
        this.now = () => performance.now() + this.later;
    }

    async #answer(url, options = {}) {
        if (this.down) {
            this.asked.push(url.href);
            throw new Error("id.example.com: connect ECONNREFUSED");
        }
        this.asked.push(url.href);
        const { pathname } = url;
        if (pathname.endsWith("/.well-known/openid-configuration")) {
            return json({
                issuer: this.issuer,
                authorization_endpoint: `${ISSUER}/auth?kept=1`,
                token_endpoint: `${ISSUER}/token`,
                userinfo_endpoint: this.userinfo && `${ISSUER}/userinfo`,
                jwks_uri: `${ISSUER}/keys`,
                authorization_response_iss_parameter_supported: true,
                id_token_signing_alg_values_supported: ["RS256", "ES256", "HS256", "none"],
                token_endpoint_auth_methods_supported: this.methods,
                ...this.metadata,
            });
        }
        if (pathname.endsWith("/keys")) {
            const keys = ["RS256", "ES256"].map((alg) => ({
                ...KEYS[alg].publicKey.export({ format: "jwk" }),
                alg,
                use: "sig",
                kid: alg,
            }));
            return json({ keys });
        }
        if (pathname.endsWith("/token")) {
            return this.#exchange(options);
        }
        const isKnown = options.headers.authorization === "Bearer the access token";
        return isKnown ? json(this.userinfo) : json({ error: "invalid_token" }, 401);
    }

    #exchange({ headers, body }) {
        const form = new URLSearchParams(String(body));
        const [, basic = ""] = /^Basic (.*)$/.exec(headers.authorization || "") || [];
        const [id, secret] = basic
            ? Buffer.from(basic, "base64").toString().split(":").map(formDecoded)
            : [form.get("client_id"), form.get("client_secret")];
        this.authenticatedBy = basic ? "client_secret_basic" : "client_secret_post";
        if (id !== OIDC.client_id || secret !== OIDC.client_secret) {
            const refusal = json({ error: "invalid_client" }, 401);
            refusal.headers.set("www-authenticate", "Basic");
            return refusal;
        }
        const code = this.codes.get(form.get("code"));
        this.codes.delete(form.get("code"));
        const challenge = crypto.createHash("sha256").update(form.get("code_verifier")).digest("base64url");
        if (!code || code.code_challenge !== challenge || code.redirect_uri !== form.get("redirect_uri")) {
            return json({ error: "invalid_grant", error_description: "grant request is invalid" }, 400);
        }
        const now = Math.floor(Date.now() / 1000);
        const claims = { iss: this.issuer, aud: OIDC.client_id, iat: now, exp: now + 300, nonce: code.nonce };
        return json({
            access_token: "the access token",
            token_type: "Bearer",
            id_token: this.#sign({ ...claims, ...this.claims }),
            ...this.token,
        });
    }

    #sign(claims) {
        const head = encoded({ alg: this.algorithm, kid: this.algorithm, ...this.header });
        const content = `${head}.${encoded(claims)}`;
        const key = this.key || (KEYS[this.algorithm] || {}).privateKey;
        if (this.algorithm === "none") {
            return `${content}.`;
        }
        const signature =
            this.algorithm === "HS256"
                ? crypto.createHmac("sha256", OIDC.client_secret).update(content).digest()
                : crypto.sign("sha256", content, { key, dsaEncoding: "ieee-p1363" });
        return `${content}.${signature.toString("base64url")}`;
    }

    /** What the provider sends the browser back to, of where the browser was sent to. */
    comeBack(url, changes = {}) {
        const asked = Object.fromEntries(new URL(url).searchParams);
        const code = crypto.randomBytes(8).toString("hex");
        this.codes.set(code, asked);
        const answer = new URL(asked.redirect_uri);
        for (const [name, value] of Object.entries({ code, state: asked.state, iss: this.issuer, ...changes })) {
            if (value !== undefined) {
                answer.searchParams.set(name, value);
            }
        }
        return answer;
    }
}

const FOLDERS = [];
process.on("exit", () => FOLDERS.forEach((folder) => fs.rmSync(folder, { recursive: true, force: true })));
function temporaryFolder() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "oidc-"));
    FOLDERS.push(folder);
    return folder;
}

/** A gate that knows the provider, as login.js makes it. */
function makeGate({ standIn = new StandIn(), oidc: changes = {}, file, now, ...data } = {}) {
    const oidc = parseOidc({ ...OIDC, ...changes });
    const parsed = parseOptions({ ...DATA, ...data });
    const options = { ...parsed, signOn: { name: oidc.name, path: `${parsed.loginPath}/oidc` } };
    const said = [];
    const warn = (text) => said.push(text);
    const accounts = new ProvidedAccounts(oidc, oidc.dashboards);
    const kept = file || path.join(temporaryFolder(), "sessions.json");
    const { users, sessionExpiry: expiry } = options;
    const sessions = new Sessions({ file: kept, users, expiry, provided: accounts, warn, now });
    const passwords = new Passwords({ users, bcrypt, limits: new Limits(), warn });
    const gate = new Gate({ options, passwords, sessions, warn });
    const provider = new OpenIdProvider({ options: oidc, fetch: standIn.fetch, now: standIn.now });
    const signOn = new SignOn({
        options,
        oidc,
        provider,
        accounts,
        warn,
        paths: { begin: options.signOn.path, callback: `${options.loginPath}/callback`, cookie: options.loginPath },
        hasLocal: users.size > 0,
        page: (more) => loginPage(options, { next: options.nodeRoot, ...more }),
    });
    return { gate, routes: new LoginRoutes(gate, signOn), options, sessions, standIn, said, signOn, file: kept };
}

/** What the editor needs, as editor.js makes it. */
function makeEditor({ standIn = new StandIn(), oidc: changes = {}, file, now, ...data } = {}) {
    const said = [];
    const oidc = parseOidc({ ...OIDC, ...changes });
    const kept = file || path.join(temporaryFolder(), "editor_sessions.json");
    const editor = new EditorSignOn({
        options: parseOptions({ ...DATA, ...data }),
        oidc,
        provider: new OpenIdProvider({ options: oidc, fetch: standIn.fetch, now: standIn.now }),
        file: kept,
        warn: (text) => said.push(text),
        now,
    });
    return { editor, standIn, said, file: kept };
}

/** A browser that keeps cookies. It comes to the name that the provider knows. */
class Browser {
    constructor(port, headers = {}) {
        Object.assign(this, { port, headers, cookies: new Map() });
    }

    async go(target, more = {}, method = "GET", body = undefined) {
        const url = new URL(target, OIDC.url);
        const headers = { Host: url.host, Accept: "text/html", "User-Agent": "Mozilla/5.0", ...this.headers, ...more };
        const fitting = [...this.cookies.values()].filter((cookie) => url.pathname.startsWith(cookie.path));
        if (fitting.length > 0) {
            headers.Cookie = fitting.map((cookie) => cookie.pair).join("; ");
        }
        const answer = await ask(this.port, method, url.pathname + url.search, headers, body);
        for (const line of answer.headers["set-cookie"] || []) {
            this.#keep(line);
        }
        return answer;
    }

    #keep(line) {
        const [pair, ...attributes] = line.split("; ");
        const [, cookiePath] = /^Path=(.*)$/.exec(attributes.find((one) => one.startsWith("Path=")));
        const key = `${pair.split("=")[0]} ${cookiePath}`;
        if (attributes.includes("Max-Age=0")) {
            this.cookies.delete(key);
        } else {
            this.cookies.set(key, { pair, path: cookiePath });
        }
    }

    /** To the provider, and back; `changes` are to the provider's answer. */
    async signOn(standIn, target, changes = {}) {
        const begun = await this.go(target);
        return this.go(standIn.comeBack(begun.headers.location, changes).href);
    }
}

/** The text of a page as a person reads it. */
const textOf = ({ text }) =>
    text
        .replace(/<style>[^]*<\/style>|<head>[^]*<\/head>/g, "")
        .replace(/<[^>]+>/g, " ")
        .replace(/&#(\d+);/g, (_sign, code) => String.fromCharCode(code))
        .replace(/\s+/g, " ")
        .trim();

module.exports = {
    ANNA,
    Browser,
    ISSUER,
    KEYS,
    OIDC,
    StandIn,
    json,
    load,
    makeEditor,
    makeGate,
    temporaryFolder,
    textOf,
};
