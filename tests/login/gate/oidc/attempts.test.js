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

test("the cookie is for ten minutes, one path, and no script", () => {
    assert.match(
        attempts.serialize(ATTEMPT, true),
        /^__Secure-nodered-0123abcd-oidc-\d=[\w-]+; Path=\/_login; HttpOnly; SameSite=Lax; Secure; Max-Age=600$/,
    );
    assert.match(attempts.serialize(ATTEMPT, false), /^nodered-0123abcd-oidc-\d=[^;]+; Path=\/_login; HttpOnly; SameSite=Lax; Max-Age=600$/);
    assert.match(attempts.clear(ATTEMPT.state, true), /^__Secure-nodered-0123abcd-oidc-\d=; .*; Max-Age=0$/);
});

test("an attempt is found by its state, in the browser that has begun it", () => {
    const cookie = attempts.serialize(ATTEMPT, true);
    assert.deepStrictEqual(attempts.find(bring("x=y", cookie), ATTEMPT.state, true), ATTEMPT);
    assert.strictEqual(attempts.find(bring(cookie), "b".repeat(43), true), undefined);
    assert.strictEqual(attempts.find(bring(cookie), ATTEMPT.state, false), undefined);
    assert.strictEqual(attempts.find(bring("x=y"), ATTEMPT.state, true), undefined);
    for (const none of [null, "", undefined]) {
        assert.strictEqual(attempts.find(bring(cookie), none, true), undefined);
    }
});

test("several at once do not disturb each other, and there is an end to them", () => {
    const states = Array.from({ length: 26 }, (_none, number) => String.fromCharCode(97 + number).repeat(43));
    const names = new Set(states.map((state) => attempts.serialize({ ...ATTEMPT, state }, true).split("=")[0]));
    assert.strictEqual(names.size, 8);
    const [one, other] = states.map((state) => ({ ...ATTEMPT, state }));
    const both = bring(attempts.serialize(one, true), attempts.serialize(other, true));
    assert.deepStrictEqual(attempts.find(both, one.state, true), one);
    assert.deepStrictEqual(attempts.find(both, other.state, true), other);
});

test("a cookie that somebody has made up is none", () => {
    const name = attempts.serialize(ATTEMPT, true).split("=")[0];
    const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    for (const value of ["", "x", "%%%", encode(null), encode([]), encode({}), encode({ ...ATTEMPT, verifier: 1 })]) {
        assert.strictEqual(attempts.find(bring(`${name}=${value}`), ATTEMPT.state, true), undefined, value);
    }
});

test("flows do not get to see it", () => {
    const request = bring("a=b", attempts.serialize(ATTEMPT, true), attempts.serialize(ATTEMPT, false), "__Secure-nodered-0123abcd-local=1");
    hideLoginCookies(request);
    assert.strictEqual(request.headers.cookie, "a=b");
});
