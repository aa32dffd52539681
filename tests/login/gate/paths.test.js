// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { test } = require("node:test");
const { load } = require("./support.js");
const { isAllowed, isOpen, loginTarget, plainPath } = load("paths.js");

test("a plain path is itself, without its query", () => {
    for (const path of ["/", "/a", "/a/", "/a/b.js", "/.well-known/x", "/a...b", "/@scope/~x!$&'()*+,=:"]) {
        assert.strictEqual(plainPath(path), path);
        assert.strictEqual(plainPath(`${path}?x=/../y`), path);
    }
});

test("a path that readers may understand differently is not plain", () => {
    for (const path of [
        "",
        "a",
        "*",
        "//",
        "//a",
        "/a//b",
        "/a//",
        "/.",
        "/..",
        "/a/.",
        "/a/..",
        "/a/../b",
        "/a/./b",
        "/%61",
        "/a%2fb",
        "/a;b",
        "/a/..;/b",
        "/a\\b",
        "/a#b",
        "/a b",
        "/a\tb",
        "/ä",
        "http://host/a",
        "https://host/a",
        "/a\0",
        "/a|b",
        '/a"b',
    ]) {
        assert.strictEqual(plainPath(path), undefined, JSON.stringify(path));
    }
});

test("open is what the list says and nothing else", () => {
    const patterns = ["/webhook/*", "/health", "/api/deep/*"];
    for (const url of [
        "/webhook/x",
        "/webhook/x/",
        "/webhook/x/y?z",
        "/health",
        "/health/",
        "/health?x",
        "/api/deep/x",
    ]) {
        assert.ok(isOpen(patterns, url), url);
    }
    for (const url of [
        "/",
        "/webhook",
        "/webhook/",
        "/webhook/?x",
        "/webhookx",
        "/WEBHOOK/x",
        "/webhook/../x",
        "/webhook/./x",
        "/webhook/%2e%2e/x",
        "/webhook/..%2fx",
        "//webhook/x",
        "/webhook//x",
        "/webhook;/x",
        "/x?y=/webhook/z",
        "/health/x",
        "/Health",
        "/healthy",
        "/api/deep",
        "http://host/webhook/x",
        "/%77ebhook/x",
        "/webhook%2fx",
        "/webhook\\x",
        "/webhook/x#/../../y",
    ]) {
        assert.ok(!isOpen(patterns, url), url);
    }
    assert.ok(!isOpen([], "/health"));
});

test("a restricted user gets the paths and what is below them", () => {
    for (const url of ["/ui", "/ui/", "/ui/x", "/ui?x", "/api/solar", "/api/solar/x"]) {
        assert.ok(isAllowed(["/ui", "/api/solar/"], url), url);
    }
    for (const url of [
        "/",
        "/uix",
        "/UI",
        "/api",
        "/api/",
        "/api/solarx",
        "/ui/../x",
        "/ui/%2e%2e/x",
        "//ui",
        "/ui//x",
        "http://host/ui",
    ]) {
        assert.ok(!isAllowed(["/ui", "/api/solar/"], url), url);
    }
    assert.ok(isAllowed(["/"], "/anything/at/all"));
    assert.ok(!isAllowed(["/"], "/anything/../all"));
    assert.ok(!isAllowed([], "/ui"));
    assert.ok(isAllowed(undefined, "/ui/../%2f//x"));
});

test("a login leads to a path of this server", () => {
    const options = { nodeRoot: "/api", loginPath: "/api/_login" };
    for (const wanted of ["/", "/ui/#!/1", "/api/x?y=z", "/x//evil.example", "/%5cevil"]) {
        assert.strictEqual(loginTarget(wanted, options), wanted);
    }
    for (const wanted of [
        "//evil.example",
        "///x",
        "/\\evil.example",
        "\\\\evil",
        "https://evil.example/",
        "javascript:alert(1)",
        "evil",
        "",
        null,
        undefined,
        1,
        ["/x"],
        { toString: () => "/x" },
        "/a\r\nSet-Cookie: x=y",
        "/a b",
        "/ä",
        "/\t/evil.example",
        "/a\\b",
        "/api/_login",
        "/api/_login/out",
        "/api/_login?next=/",
        `/${"x".repeat(1024)}`,
    ]) {
        assert.strictEqual(loginTarget(wanted, options), "/api", JSON.stringify(wanted));
    }
});

test("a target stays on this host as browsers read it", () => {
    const options = { nodeRoot: "/", loginPath: "/_login" };
    const pieces = [
        "/",
        "\\",
        ".",
        "..",
        "@",
        ":",
        "evil.example",
        "\t",
        "%2f",
        "%5c",
        "?",
        "#",
        "//",
        "https:",
        ";",
        " ",
        "\0",
        "x",
    ];
    let tried = 0;
    const extend = (text, depth) => {
        tried += 1;
        const target = loginTarget(text, options);
        assert.strictEqual(
            new URL(target, "https://kitchen.local:1880/_login").host,
            "kitchen.local:1880",
            JSON.stringify(text),
        );
        if (depth > 0) {
            pieces.forEach((piece) => extend(text + piece, depth - 1));
        }
    };
    extend("/", 3);
    extend("", 3);
    assert.ok(tried > 10000);
});
