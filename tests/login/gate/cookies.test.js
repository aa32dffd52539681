// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { test } = require("node:test");
const { load } = require("./support.js");
const { LoginCookie, hideAuthorization, hideLoginCookies } = load("cookies.js");

const cookie = new LoginCookie({ id: "0123abcd", cookiePath: "/" });

test("the prefix holds the cookie to this host and to TLS", () => {
    const attributes = "HttpOnly; SameSite=Lax; Secure; Max-Age=34560000";
    assert.strictEqual(cookie.serialize("x", true), `__Host-nodered-0123abcd=x; Path=/; ${attributes}`);
    const behind = new LoginCookie({ id: "0123abcd", cookiePath: "/kitchen" });
    assert.strictEqual(behind.serialize("x", true), `__Secure-nodered-0123abcd=x; Path=/kitchen; ${attributes}`);
    assert.strictEqual(
        cookie.serialize("x", false),
        "nodered-0123abcd=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=34560000",
    );
    assert.strictEqual(
        cookie.serialize("", true),
        "__Host-nodered-0123abcd=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0",
    );
});

test("what is read is this server's, and little of it", () => {
    const read = (header, secure = true) => cookie.read({ headers: { cookie: header } }, secure);
    assert.deepStrictEqual(read(undefined), []);
    assert.deepStrictEqual(
        read(
            "a=b;  __Host-nodered-0123abcd=x;__Host-nodered-0123abcd=y; nodered-0123abcd=z; __Host-nodered-99999999=q",
        ),
        ["x", "y"],
    );
    assert.deepStrictEqual(read("__Host-nodered-0123abcd=x; nodered-0123abcd=z", false), ["z"]);
    assert.strictEqual(read("__Host-nodered-0123abcd=x;".repeat(1000)).length, 5);
});

test("flows see no cookie of any login, and all others", () => {
    const hidden = (header) => {
        const request = {
            headers: { host: "h", cookie: header },
            rawHeaders: ["Host", "h", "COOKIE", header, "X", "y"],
        };
        hideLoginCookies(request);
        return request;
    };
    const some = hidden(
        "a=b; __Host-nodered-0123abcd=x; nodered-99999999=y; __Secure-nodered-00000000=z; nodered-x=1; c=d",
    );
    assert.strictEqual(some.headers.cookie, "a=b; nodered-x=1; c=d");
    assert.deepStrictEqual(some.rawHeaders, ["Host", "h", "COOKIE", "a=b; nodered-x=1; c=d", "X", "y"]);
    const none = hidden("__Host-nodered-0123abcd=x");
    assert.ok(!("cookie" in none.headers));
    assert.deepStrictEqual(none.rawHeaders, ["Host", "h", "X", "y"]);
    const without = { headers: {} };
    hideLoginCookies(without);
    assert.deepStrictEqual(without, { headers: {} });
});

test("flows see no password", () => {
    const request = {
        headers: { host: "h", authorization: "Basic x" },
        rawHeaders: ["Authorization", "Basic x", "Host", "h", "authorization", "Basic y"],
    };
    hideAuthorization(request);
    assert.deepStrictEqual(request, { headers: { host: "h" }, rawHeaders: ["Host", "h"] });
});
