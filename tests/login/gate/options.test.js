// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { test } = require("node:test");
const { DATA, load } = require("./support.js");
const { parseOptions } = load("options.js");

test("what is written becomes what is used", () => {
    const options = parseOptions({
        ...DATA,
        node_root: "/api",
        cookie_path: "/kitchen",
        trusted_proxies: ["127.0.0.1", "::1"],
        unknown: 1,
    });
    assert.strictEqual(options.loginPath, "/api/_login");
    assert.strictEqual(options.cookiePath, "/kitchen");
    assert.strictEqual(options.sessionExpiry, 600000);
    assert.deepStrictEqual([...options.trustedProxies], ["127.0.0.1", "::1"]);
    assert.deepStrictEqual([...options.users.keys()], ["fred", "vera", "paul"]);
    assert.deepStrictEqual(options.users.get("paul").paths, ["/api", "/ui"]);
    assert.strictEqual(parseOptions(DATA).loginPath, "/_login");
});

test("keys that may be missing have a default", () => {
    const { id, cookie_path, node_root, users } = DATA;
    const options = parseOptions({ id, cookie_path, node_root, users });
    assert.deepStrictEqual(options.open, []);
    assert.strictEqual(options.sessionExpiry, 7 * 24 * 3600 * 1000);
    assert.strictEqual(options.title, "Node-RED");
    assert.strictEqual(options.trustedProxies.size, 0);
});

const user = (changes) => ({ users: [{ ...DATA.users[0], ...changes }] });
for (const [wrong, key] of [
    [{ id: "xyz" }, "id"],
    [{ id: undefined }, "id"],
    [{ cookie_path: "/x; Domain=example.com" }, "cookie_path"],
    [{ cookie_path: "/kitchen/" }, "cookie_path"],
    [{ node_root: "api" }, "node_root"],
    [{ node_root: "/api/" }, "node_root"],
    [{ node_root: "//x" }, "node_root"],
    [{ open: "/x" }, "open"],
    [{ open: ["x"] }, "open"],
    [{ open: [1] }, "open"],
    [{ session_expiry: 0 }, "session_expiry"],
    [{ session_expiry: "1" }, "session_expiry"],
    [{ title: 1 }, "title"],
    [{ trusted_proxies: ["all"] }, "trusted_proxies"],
    [{ users: {} }, "users"],
    [{ users: [null] }, "users"],
    [{ users: [DATA.users[0], DATA.users[0]] }, "users"],
    [user({ username: "" }), "username"],
    [user({ username: "a:b" }), "username"],
    [user({ username: 1 }), "username"],
    [user({ password: "secret" }), "password"],
    [user({ password: undefined }), "password"],
    [user({ permissions: "write" }), "permissions"],
    [user({ permissions: undefined }), "permissions"],
    [user({ paths: "/x" }), "paths"],
    [user({ paths: ["x"] }), "paths"],
    [user({ paths: null }), "paths"],
]) {
    test(`refused, and its key named: ${JSON.stringify(wrong)}`, () => {
        assert.throws(
            () => parseOptions({ ...DATA, ...wrong }),
            (error) => {
                assert.match(error.message, /^nodelogin\/login\.json: /);
                assert.ok(error.message.includes(key), error.message);
                assert.ok(!error.message.includes("secret") && !error.message.includes("$2b$"), error.message);
                return true;
            },
        );
    });
}

test("what is no object is refused", () => {
    for (const wrong of [null, [], "x", 1, undefined]) {
        assert.throws(() => parseOptions(wrong), /is not an object/);
    }
});

test("a user is not found by the name of what all objects have", () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
        assert.strictEqual(parseOptions(DATA).users.get(name), undefined);
    }
    assert.strictEqual(
        parseOptions({ ...DATA, ...user({ username: "__proto__" }) }).users.get("__proto__").permissions,
        "*",
    );
});
