// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { test } = require("node:test");
const { OIDC, load } = require("./support.js");
const { parseOidc } = load("oidc/options.js");

test("what is written becomes what is used", () => {
    const options = parseOidc({ ...OIDC, admin_root: "/admin/", unknown: 1 });
    assert.strictEqual(options.adminRoot, "/admin/");
    assert.strictEqual(options.sessionExpiry, 36000000);
    assert.deepStrictEqual([...options.groups], ["admins", "family", "guests", "kids"]);
    assert.deepStrictEqual(options.dashboards[3], { group: "kids", permissions: "*", paths: ["/games"] });
    assert.deepStrictEqual(options.editor[2], { user: "anna", permissions: ["flows.read", "flows.write"] });
    assert.strictEqual(parseOidc({ ...OIDC, kind: "github", issuer: null }).kind, "github");
    for (const url of [
        "https://kitchen.example.com",
        "https://192.0.2.1:1880",
        "http://localhost:1880",
        "https://[::1]:1",
    ]) {
        assert.strictEqual(parseOidc({ ...OIDC, url }).url, url);
    }
});

const rule = (list, changes) => ({ [list]: [{ group: "x", permissions: "*", ...changes }] });
for (const [wrong, key] of [
    [{ admin_root: "admin" }, "admin_root"],
    [{ admin_root: "/admin" }, "admin_root"],
    [{ admin_root: "//evil/" }, "admin_root"],
    [{ admin_root: "/<b>/" }, "admin_root"],
    [{ authority: "id.pem" }, "authority"],
    [{ client_id: "" }, "client_id"],
    [{ client_secret: undefined }, "client_secret"],
    [{ dashboards: undefined }, "dashboards"],
    [{ editor: {} }, "editor"],
    [{ groups_claim: 1 }, "groups_claim"],
    [{ username_claim: "" }, "username_claim"],
    [{ issuer: "http://id.example.com" }, "issuer"],
    [{ issuer: "id.example.com" }, "issuer"],
    [{ issuer: null }, "issuer"],
    [{ kind: "saml" }, "kind"],
    [{ name: "" }, "name"],
    [{ scope: [] }, "scope"],
    [{ session_expiry: 0 }, "session_expiry"],
    [{ session_expiry: "10" }, "session_expiry"],
    [{ url: "https://kitchen.example.com/" }, "url"],
    [{ url: "https://kitchen.example.com/x" }, "url"],
    [{ url: "kitchen.example.com" }, "url"],
    [{ url: "ftp://kitchen.example.com" }, "url"],
    [{ dashboards: [null] }, "dashboards[0]"],
    [rule("dashboards", { group: undefined }), "dashboards[0]"],
    [rule("dashboards", { user: "x" }), "dashboards[0]"],
    [rule("dashboards", { group: 1 }), "dashboards[0]"],
    [rule("dashboards", { group: undefined, everybody: false }), "everybody"],
    [rule("dashboards", { permissions: undefined }), "permissions"],
    [rule("dashboards", { permissions: ["read"] }), "permissions"],
    [rule("dashboards", { permissions: "write" }), "permissions"],
    [rule("dashboards", { paths: ["x"] }), "paths"],
    [rule("dashboards", { paths: "/x" }), "paths"],
    [rule("editor", { permissions: [] }), "permissions"],
    [rule("editor", { permissions: [1] }), "permissions"],
    [rule("editor", { group: undefined, everybody: true }), "everybody"],
]) {
    test(`refused, and its key named: ${JSON.stringify(wrong)}`, () => {
        assert.throws(
            () => parseOidc({ ...OIDC, ...wrong }),
            (error) => {
                assert.match(error.message, /^nodelogin\/login\.json: /);
                assert.ok(error.message.includes(key), error.message);
                assert.ok(!error.message.includes(OIDC.client_secret));
                return true;
            },
        );
    });
}

test("what is no object is refused", () => {
    for (const data of [null, [], "x", 1]) {
        assert.throws(() => parseOidc(data), /oidc is not an object/);
    }
});
