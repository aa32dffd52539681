// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const { test } = require("node:test");
const { ANNA, ISSUER, KEYS, OIDC, StandIn, load } = require("./support.js");
const { parseOidc } = load("oidc/options.js");
const { OpenIdProvider } = load("oidc/provider.js");

const CALLBACK = `${OIDC.url}/_login/callback`;
const HOUR = 3600 * 1000;

function make(changes = {}, now = undefined, oidc = {}) {
    const standIn = new StandIn(changes);
    return {
        standIn,
        provider: new OpenIdProvider({ options: parseOidc({ ...OIDC, ...oidc }), fetch: standIn.fetch, now }),
    };
}

async function roundTrip({ standIn, provider }, changes = {}, attemptChanges = {}) {
    const { url, attempt } = await provider.begin(CALLBACK, false);
    return provider.finish(standIn.comeBack(url, changes), { ...attempt, ...attemptChanges }, CALLBACK);
}

test("the browser is sent with all that the provider needs, and nothing that is secret", async () => {
    const { provider } = make();
    const { url, attempt } = await provider.begin(CALLBACK, false);
    const { origin, pathname, searchParams } = new URL(url);
    assert.strictEqual(origin + pathname, `${ISSUER}/auth`);
    assert.deepStrictEqual(Object.fromEntries(searchParams), {
        kept: "1",
        client_id: "nodered",
        redirect_uri: CALLBACK,
        response_type: "code",
        scope: "openid profile email groups",
        state: attempt.state,
        nonce: attempt.nonce,
        code_challenge: crypto.createHash("sha256").update(attempt.verifier).digest("base64url"),
        code_challenge_method: "S256",
    });
    for (const secret of Object.values(attempt)) {
        assert.match(secret, /^[\w-]{43}$/);
    }
    const again = await provider.begin(CALLBACK, true);
    assert.strictEqual(new URL(again.url).searchParams.get("prompt"), "login");
    assert.notStrictEqual(again.attempt.state, attempt.state);
});

for (const algorithm of ["RS256", "ES256"]) {
    for (const [methods, expected] of [
        [undefined, "client_secret_basic"],
        [["client_secret_post", "client_secret_basic"], "client_secret_basic"],
        [["private_key_jwt", "client_secret_post"], "client_secret_post"],
    ]) {
        test(`who comes back is known by an ID token: ${algorithm}, ${methods}`, async () => {
            const made = make({ algorithm, methods });
            const claims = await roundTrip(made);
            assert.strictEqual(claims.preferred_username, "anna");
            assert.strictEqual(made.standIn.authenticatedBy, expected);
        });
    }
}

const now = () => Math.floor(Date.now() / 1000);
const seconds = (changes) => ({ claims: { ...ANNA, ...changes } });

for (const [name, changes] of [
    ["ended half a minute ago, by this clock", () => seconds({ iat: now() - 330, exp: now() - 30 })],
    ["begins in half a minute, by this clock", () => seconds({ iat: now() + 30, nbf: now() + 30, exp: now() + 330 })],
    ["for several", () => seconds({ aud: ["nodered", "other"], azp: "nodered" })],
]) {
    test(`an ID token that holds: ${name}`, async () => {
        assert.strictEqual((await roundTrip(make(changes()))).sub, "1");
    });
}

for (const [name, changes, code] of [
    ["of another issuer", () => seconds({ iss: "https://evil.example" }), "OAUTH_JWT_CLAIM_COMPARISON_FAILED"],
    ["for another", () => seconds({ aud: "other" }), "OAUTH_JWT_CLAIM_COMPARISON_FAILED"],
    ["for several, and another's", () => seconds({ aud: ["nodered", "other"], azp: "other" }), undefined],
    ["of another login", () => seconds({ nonce: "x".repeat(43) }), "OAUTH_JWT_CLAIM_COMPARISON_FAILED"],
    ["without the login's mark", () => seconds({ nonce: undefined }), undefined],
    ["that has ended", () => seconds({ exp: now() - 90 }), "OAUTH_JWT_TIMESTAMP_CHECK_FAILED"],
    ["that has not begun", () => seconds({ nbf: now() + 90 }), "OAUTH_JWT_TIMESTAMP_CHECK_FAILED"],
    ["from the future", () => seconds({ iat: now() + 90, exp: now() + 390 }), "OAUTH_JWT_TIMESTAMP_CHECK_FAILED"],
    ["without an end", () => seconds({ exp: undefined }), undefined],
    ["without its time", () => seconds({ iat: undefined }), undefined],
    ["without a subject", () => seconds({ sub: undefined }), undefined],
    ["signed by another key", () => ({ key: KEYS.other.privateKey }), undefined],
    ["of a key that is not known", () => ({ header: { kid: "other" } }), "OAUTH_KEY_SELECTION_FAILED"],
    ["without a signature", () => ({ algorithm: "none" }), undefined],
    ["signed with the client's secret", () => ({ algorithm: "HS256" }), undefined],
    ["by a method the provider does not have", () => ({ algorithm: "ES256", header: { alg: "PS256" } }), undefined],
    ["that is none", () => ({ token: { id_token: "x.y.z" } }), undefined],
    ["that is missing", () => ({ token: { id_token: undefined } }), undefined],
]) {
    test(`an ID token that is refused: ${name}`, async () => {
        const { standIn, provider } = make();
        Object.assign(standIn, changes());
        await assert.rejects(roundTrip({ standIn, provider }), (error) => code === undefined || error.code === code);
    });
}

for (const [name, changes] of [
    ["iss is another's", { iss: "https://evil.example" }],
    ["iss is missing", { iss: undefined }],
    ["state is another's", { state: "x".repeat(43) }],
    ["state is missing", { state: undefined }],
    ["the code is invented", { code: "invented" }],
    ["there is no code", { code: undefined }],
    ["the answer is an ID token", { id_token: "x" }],
]) {
    test(`an answer that is refused: ${name}`, async () => {
        await assert.rejects(roundTrip(make(), changes));
    });
}

test("a code counts once, and for who has begun", async () => {
    const { standIn, provider } = make();
    const { url, attempt } = await provider.begin(CALLBACK, false);
    const back = standIn.comeBack(url);
    const other = { ...attempt, verifier: "x".repeat(43) };
    assert.strictEqual((await provider.finish(back, attempt, CALLBACK)).sub, "1");
    await assert.rejects(provider.finish(back, attempt, CALLBACK), { error: "invalid_grant" });
    await assert.rejects(provider.finish(standIn.comeBack(url), other, CALLBACK), { error: "invalid_grant" });
});

test("what the provider refuses is told by its name", async () => {
    await assert.rejects(roundTrip(make(), { error: "access_denied", code: undefined }), { error: "access_denied" });
});

test("what is not in the ID token is asked for, and adds to it", async () => {
    const { groups, email, ...less } = ANNA;
    const { standIn, provider } = make({
        claims: { ...less, email_verified: true },
        userinfo: {
            sub: "1",
            groups,
            email: "other@example.com",
            email_verified: false,
            preferred_username: "mallory",
        },
    });
    const claims = await roundTrip({ standIn, provider });
    assert.deepStrictEqual(claims.groups, ["family"]);
    assert.strictEqual(claims.preferred_username, "anna");
    // What is verified is the address that stands beside it.
    assert.deepStrictEqual([claims.email, claims.email_verified], ["other@example.com", false]);
    assert.ok(standIn.asked.includes(`${ISSUER}/userinfo`));
    standIn.userinfo = { sub: "2", groups: ["admins"] };
    await assert.rejects(roundTrip({ standIn, provider }), { code: "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED" });
});

test("what the ID token says is not asked for", async () => {
    const made = make({ userinfo: { sub: "1", groups: ["admins"] } });
    assert.deepStrictEqual((await roundTrip(made)).groups, ["family"]);
    assert.ok(!made.standIn.asked.includes(`${ISSUER}/userinfo`));
});

test("claims elsewhere are not asked for either", async () => {
    const made = make({ userinfo: { sub: "1" }, claims: { ...ANNA, realm_access: { roles: ["x"] } } }, undefined, {
        groups_claim: "realm_access.roles",
    });
    await roundTrip(made);
    assert.ok(!made.standIn.asked.includes(`${ISSUER}/userinfo`));
});

test("the provider is asked for its description once an hour, however many come", async () => {
    let time = 1000;
    const { standIn, provider } = make({}, () => time);
    await Promise.all(Array.from({ length: 20 }, () => provider.begin(CALLBACK, false)));
    time += HOUR - 1;
    await provider.begin(CALLBACK, false);
    assert.strictEqual(standIn.asked.length, 1);
    time += 1;
    await provider.begin(CALLBACK, false);
    assert.strictEqual(standIn.asked.length, 2);
});

test("a provider that was down is asked again, but not by each who comes", async () => {
    let time = 0;
    const { standIn, provider } = make({ down: true }, () => time);
    for (let index = 0; index < 20; index += 1) {
        await assert.rejects(provider.begin(CALLBACK, false), /ECONNREFUSED/);
    }
    assert.strictEqual(standIn.asked.length, 1);
    standIn.down = false;
    time += 5000;
    await provider.begin(CALLBACK, false);
});

test("a description of another issuer is refused", async () => {
    await assert.rejects(make({ issuer: "https://evil.example" }).provider.begin(CALLBACK, false), {
        code: "OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED",
    });
});

test("secrets go to no address without TLS", async () => {
    const made = make({ metadata: { token_endpoint: "http://id.example.com/token" } });
    await assert.rejects(roundTrip(made), { code: "OAUTH_HTTP_REQUEST_FORBIDDEN" });
});
