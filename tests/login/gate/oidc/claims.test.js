// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { test } = require("node:test");
const { ANNA, OIDC, load } = require("./support.js");
const { claimAt, identityOf, isIdentity, isIncomplete, withMore } = load("oidc/claims.js");
const { parseOidc } = load("oidc/options.js");

const options = (changes = {}) => parseOidc({ ...OIDC, ...changes });

test("a claim may have dots, or lie below others", () => {
    const claims = { a: { b: { c: 1 } }, "a.b": 2, "https://example.com/groups": 3, list: ["x"] };
    assert.strictEqual(claimAt(claims, "a.b"), 2);
    assert.strictEqual(claimAt(claims, "a.b.c"), 1);
    assert.strictEqual(claimAt(claims, "https://example.com/groups"), 3);
    for (const name of ["none", "a.none.c", "list.length.x", "constructor", "a.constructor.name", "__proto__", "a."]) {
        assert.strictEqual(claimAt(claims, name), undefined, name);
    }
});

test("what is kept of somebody", () => {
    assert.deepStrictEqual(identityOf({ ...ANNA, picture: "x" }, options()), {
        username: "anna",
        groups: ["family"],
        email: "anna@example.com",
    });
    const roles = { ...ANNA, realm_access: { roles: ["admins"] } };
    assert.deepStrictEqual(identityOf(roles, options({ groups_claim: "realm_access.roles" })).groups, ["admins"]);
});

test("an address that is not verified is none", () => {
    for (const verified of [false, undefined, null, "true", 1]) {
        assert.ok(!("email" in identityOf({ ...ANNA, email_verified: verified }, options())), verified);
    }
    for (const email of ["", undefined, ["anna@example.com"]]) {
        assert.ok(!("email" in identityOf({ ...ANNA, email }, options())));
    }
});

test("groups are texts, each once, and those of rules are kept first", () => {
    const groupsOf = (groups) => identityOf({ ...ANNA, groups }, options()).groups;
    assert.deepStrictEqual(groupsOf("family"), ["family"]);
    assert.deepStrictEqual(groupsOf(["a", "a", 1, null, ["b"], { c: 1 }, ""]), ["a"]);
    for (const none of [undefined, null, 1, {}, true, "x".repeat(257)]) {
        assert.deepStrictEqual(groupsOf(none), []);
    }
    const many = Array.from({ length: 5000 }, (_none, number) => `group ${number}`);
    const kept = groupsOf([...many, "family"]);
    assert.deepStrictEqual([kept.length, kept[0]], [100, "family"]);
});

test("a name is the claim that is asked for, else a verified address, else the subject", () => {
    const nameOf = (changes) => identityOf({ ...ANNA, ...changes }, options()).username;
    assert.strictEqual(nameOf({}), "anna");
    assert.strictEqual(nameOf({ preferred_username: undefined }), "anna@example.com");
    assert.strictEqual(nameOf({ preferred_username: undefined, email_verified: false }), "1");
    const addressOf = (changes) => identityOf({ ...ANNA, ...changes }, options({ username_claim: "email" })).username;
    assert.strictEqual(addressOf({}), ANNA.email);
    assert.strictEqual(addressOf({ email_verified: undefined }), ANNA.email);
    assert.throws(() => addressOf({ email_verified: false }), /Your e-mail address is not verified/);
    for (const name of ["Anna Müller", "O'Neil", "anna@example.com", "李", "a+b=c", "x".repeat(128)]) {
        assert.strictEqual(nameOf({ preferred_username: name }), name);
    }
});

for (const name of [
    "",
    "<b>",
    'a"b',
    "a\\b",
    "a`b",
    "a>b",
    "a\nb",
    "a\u0000b",
    "a\u007fb",
    "a\u0085b",
    "a\u2028b",
    "a\u202eb",
    "a\u00a0b",
    "a\ud800",
    " anna",
    "anna ",
    "x".repeat(129),
    null,
    7,
    ["anna"],
    {},
]) {
    test(`a name that pages or logs could mistake: ${JSON.stringify(name)}`, () => {
        assert.throws(() => identityOf({ ...ANNA, preferred_username: name }, options()), {
            message: "Your user name cannot be used here.",
            status: 403,
            again: true,
        });
    });
}

test("what is kept is known again", () => {
    assert.ok(isIdentity(identityOf(ANNA, options())));
    const good = { username: "anna", groups: [] };
    assert.ok(isIdentity(good));
    for (const wrong of [
        undefined,
        null,
        "x",
        { ...good, username: 1 },
        { ...good, groups: "family" },
        { ...good, groups: [1] },
        { ...good, email: 1 },
    ]) {
        assert.ok(!isIdentity(wrong), JSON.stringify(wrong));
    }
});

test("what is missing is to be asked for", () => {
    assert.ok(!isIncomplete(ANNA, options()));
    for (const key of ["preferred_username", "groups", "email"]) {
        assert.ok(isIncomplete({ ...ANNA, [key]: undefined }, options()), key);
    }
});

test("an address is verified by who names it", () => {
    assert.deepStrictEqual(withMore({ sub: "1", email_verified: true }, { sub: "1", email: "a@b" }), {
        sub: "1",
        email: "a@b",
    });
    assert.deepStrictEqual(withMore({ email: "a@b" }, { email: "c@d", email_verified: true }), {
        email: "a@b",
        email_verified: undefined,
    });
});
