// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const { test } = require("node:test");
const { OIDC, json, load } = require("./support.js");
const { GitHubProvider } = load("oidc/github.js");
const { identityOf } = load("oidc/claims.js");
const { parseOidc } = load("oidc/options.js");

const CALLBACK = `${OIDC.url}/_login/callback`;
const OPTIONS = parseOidc({ ...OIDC, kind: "github", issuer: null, name: "GitHub" });

// Answers as GitHub documents them.
function make(changes = {}) {
    const asked = [];
    const answers = {
        "https://github.com/login/oauth/access_token": () =>
            json({ access_token: "gho_x", token_type: "bearer", scope: "read:org,read:user" }),
        "https://api.github.com/user": () => json({ login: "octo", id: 7, name: null, email: "octo@example.com" }),
        "https://api.github.com/user/orgs?per_page=100": () => json([{ login: "acme" }, { login: "umbrella" }]),
        ...changes,
    };
    const fetch = async (url, options) => {
        asked.push({ url, ...options });
        return answers[url]();
    };
    return { asked, provider: new GitHubProvider({ options: OPTIONS, fetch }) };
}

async function roundTrip(provider, changes = {}) {
    const { url, attempt } = await provider.begin(CALLBACK, false);
    const back = new URL(CALLBACK);
    Object.entries({ code: "abc", state: new URL(url).searchParams.get("state"), ...changes }).forEach(
        ([name, value]) => back.searchParams.set(name, value),
    );
    return { attempt, url, claims: await provider.finish(back, attempt, CALLBACK) };
}

test("the user and the organizations are asked for", async () => {
    const { asked, provider } = make();
    const { attempt, url, claims } = await roundTrip(provider);
    assert.deepStrictEqual(identityOf(claims, OPTIONS), { username: "octo", groups: ["acme", "umbrella"] });
    const { origin, pathname, searchParams } = new URL(url);
    assert.strictEqual(origin + pathname, "https://github.com/login/oauth/authorize");
    assert.deepStrictEqual(Object.fromEntries(searchParams), {
        client_id: "nodered",
        redirect_uri: CALLBACK,
        response_type: "code",
        scope: "read:user read:org",
        state: attempt.state,
        code_challenge: crypto.createHash("sha256").update(attempt.verifier).digest("base64url"),
        code_challenge_method: "S256",
    });
    const [token, user, organizations] = asked;
    assert.strictEqual(token.headers.accept, "application/json");
    assert.strictEqual(new URLSearchParams(String(token.body)).get("code_verifier"), attempt.verifier);
    for (const request of [user, organizations]) {
        assert.strictEqual(request.headers.authorization, "Bearer gho_x");
        assert.ok(request.headers["user-agent"]);
    }
    assert.strictEqual(
        new URL((await provider.begin(CALLBACK, true)).url).searchParams.get("prompt"),
        "select_account",
    );
});

test("what GitHub refuses lets nobody in", async () => {
    for (const changes of [
        { "https://github.com/login/oauth/access_token": () => json({ error: "bad_verification_code" }) },
        { "https://api.github.com/user": () => json({ message: "Bad credentials" }, 401) },
        { "https://api.github.com/user/orgs?per_page=100": () => json({ message: "rate limit" }, 403) },
    ]) {
        await assert.rejects(roundTrip(make(changes).provider));
    }
    await assert.rejects(roundTrip(make().provider, { state: "other" }));
    await assert.rejects(roundTrip(make().provider, { iss: "https://evil.example" }));
});
