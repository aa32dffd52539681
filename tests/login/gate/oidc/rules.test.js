// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { test } = require("node:test");
const { load } = require("./support.js");
const { permissionsOf, userOf } = load("oidc/rules.js");

const ANNA = { username: "anna", groups: ["family", "users"], email: "anna@example.com" };
const fits = (rule, claims = ANNA) => userOf(claims, [{ permissions: "*", ...rule }], "Keycloak") !== undefined;

test("a rule is for a group, a user, a domain, or everybody", () => {
    for (const rule of [
        { group: "family" },
        { user: "anna" },
        { user: "Anna@Example.com" },
        { domain: "example.com" },
        { domain: "EXAMPLE.com" },
        { everybody: true },
    ]) {
        assert.ok(fits(rule), JSON.stringify(rule));
    }
    for (const rule of [
        { group: "famil" },
        { group: "Family" },
        { group: "anna" },
        { user: "Anna" },
        { user: "family" },
        { user: "anna@evil.example" },
        { domain: "ample.com" },
        { domain: "com" },
        { domain: "sub.example.com" },
        { domain: "anna@example.com" },
    ]) {
        assert.ok(!fits(rule), JSON.stringify(rule));
    }
});

test("addresses count only where they are verified", () => {
    const { email, ...unverified } = ANNA;
    assert.ok(!fits({ user: email }, unverified));
    assert.ok(!fits({ domain: "example.com" }, unverified));
    // Somebody has taken the address as a name.
    assert.ok(!fits({ user: email }, { ...unverified, username: email }));
    assert.ok(!fits({ domain: "example.com" }, { ...ANNA, email: "anna@example.com@evil.example" }));
});

test("the rights of all rules that fit add up", () => {
    const rules = [
        { group: "family", permissions: "read" },
        { group: "guests", permissions: "*" },
        { user: "anna", permissions: ["flows.read", "read"] },
    ];
    const { grants, ...user } = userOf(ANNA, rules, "Keycloak");
    assert.deepStrictEqual(user, { username: "anna", provider: "Keycloak", claims: ANNA });
    assert.deepStrictEqual(permissionsOf(grants), ["read", "flows.read"]);
    assert.strictEqual(permissionsOf([rules[0]]), "read");
    assert.strictEqual(permissionsOf([...rules, { permissions: "*" }]), "*");
    assert.strictEqual(userOf(ANNA, [], "Keycloak"), undefined);
});
