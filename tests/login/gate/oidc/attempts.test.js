// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { test } = require("node:test");
const { load } = require("./support.js");
const { Attempts } = load("oidc/attempts.js");
const { hideLoginCookies } = load("cookies.js");

const ATTEMPT = { state: "a".repeat(43), nonce: "n", verifier: "v", next: "/ui" };
const attempts = new Attempts({ id: "0123abcd", path: "/_login" });
const bring = (...cookies) => ({ headers: { cookie: cookies.map((one) => one.split(";")[0]).join("; ") } });
const begin = (attempt, secure = true, request = bring()) => attempts.serialize(attempt, request, secure);

test("the cookie is for ten minutes, one path, and no script", () => {
    assert.match(
        begin(ATTEMPT),
        /^__Secure-nodered-0123abcd-oidc-[0-7]=[\w-]+; Path=\/_login; HttpOnly; SameSite=Lax; Secure; Max-Age=600$/,
    );
    assert.match(
        begin(ATTEMPT, false),
        /^nodered-0123abcd-oidc-[0-7]=[\w-]+; Path=\/_login; HttpOnly; SameSite=Lax; Max-Age=600$/,
    );
});

test("an attempt is found by its state, in the browser that has begun it", () => {
    const cookie = begin(ATTEMPT);
    const { attempt, clear } = attempts.find(bring("x=y", cookie), ATTEMPT.state, true);
    assert.deepStrictEqual(attempt, ATTEMPT);
    assert.strictEqual(clear, `${cookie.split("=")[0]}=; Path=/_login; HttpOnly; SameSite=Lax; Secure; Max-Age=0`);
    assert.strictEqual(attempts.find(bring(cookie), "b".repeat(43), true), undefined);
    assert.strictEqual(attempts.find(bring(cookie), ATTEMPT.state, false), undefined);
    assert.strictEqual(attempts.find(bring("x=y"), ATTEMPT.state, true), undefined);
    for (const none of [null, "", undefined]) {
        assert.strictEqual(attempts.find(bring(cookie), none, true), undefined);
    }
});

test("several at once do not disturb each other, and there is an end to them", () => {
    const cookies = new Map();
    const all = Array.from({ length: 20 }, (_none, number) => ({ ...ATTEMPT, state: `state ${number}` }));
    for (const attempt of all) {
        const cookie = begin(attempt, true, bring(...cookies.values()));
        cookies.set(cookie.split("=")[0], cookie);
    }
    assert.strictEqual(cookies.size, 8);
    cookies.clear();
    for (const attempt of all.slice(0, 8)) {
        const cookie = begin(attempt, true, bring(...cookies.values()));
        cookies.set(cookie.split("=")[0], cookie);
    }
    for (const attempt of all.slice(0, 8)) {
        assert.deepStrictEqual(attempts.find(bring(...cookies.values()), attempt.state, true).attempt, attempt);
    }
});

test("a cookie that somebody has made up is none", () => {
    const name = begin(ATTEMPT).split("=")[0];
    const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    for (const value of ["", "x", "%%%", encode(null), encode([]), encode({}), encode({ ...ATTEMPT, verifier: 1 })]) {
        assert.strictEqual(attempts.find(bring(`${name}=${value}`), ATTEMPT.state, true), undefined, value);
    }
});

test("flows do not get to see it", () => {
    const request = bring("a=b", begin(ATTEMPT), begin(ATTEMPT, false), "__Secure-nodered-0123abcd-local=1");
    hideLoginCookies(request);
    assert.strictEqual(request.headers.cookie, "a=b");
});
