// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { test } = require("node:test");
const { load } = require("./support.js");
const requests = load("requests.js");

const from = (remoteAddress, headers = {}, more = {}) => ({
    method: "GET",
    socket: { remoteAddress, ...more },
    headers,
});
const PROXIES = new Set(["127.0.0.1", "10.0.0.2", "::1"]);

test("an address has one way of writing", () => {
    for (const [text, address] of [
        ["192.0.2.1", "192.0.2.1"],
        ["::ffff:192.0.2.1", "192.0.2.1"],
        ["::FFFF:192.0.2.1", "192.0.2.1"],
        ["FE80::1%eth0", "fe80::1"],
        [" 192.0.2.1 ", "192.0.2.1"],
        ["2001:DB8::1", "2001:db8::1"],
        ["evil", ""],
        ["", ""],
        [undefined, ""],
        ["1.2.3.4\nx", ""],
        ["[::1]:80", ""],
    ]) {
        assert.strictEqual(requests.plainAddress(text), address);
    }
});

test("X-Forwarded-For counts from a trusted proxy only", () => {
    for (const [request, address] of [
        [from("192.0.2.1", { "x-forwarded-for": "198.51.100.1" }), "192.0.2.1"],
        [from("127.0.0.1", { "x-forwarded-for": "198.51.100.1" }), "198.51.100.1"],
        [from("::ffff:127.0.0.1", { "x-forwarded-for": "198.51.100.1" }), "198.51.100.1"],
        // Whatever the client itself has put in front.
        [from("127.0.0.1", { "x-forwarded-for": "203.0.113.9, 198.51.100.1, 10.0.0.2" }), "198.51.100.1"],
        [from("127.0.0.1", { "x-forwarded-for": '203.0.113.9, evil" from=1' }), "127.0.0.1"],
        [from("127.0.0.1", { "x-forwarded-for": "10.0.0.2" }), "127.0.0.1"],
        [from("127.0.0.1"), "127.0.0.1"],
        [from(undefined, { "x-forwarded-for": "198.51.100.1" }), ""],
        [{ headers: {} }, ""],
    ]) {
        assert.strictEqual(requests.clientAddress(request, PROXIES), address);
    }
});

test("TLS is what the socket has, or what a trusted proxy says", () => {
    assert.ok(requests.isSecure(from("192.0.2.1", {}, { encrypted: true }), PROXIES));
    assert.ok(requests.isSecure(from("127.0.0.1", { "x-forwarded-proto": "https" }), PROXIES));
    assert.ok(!requests.isSecure(from("127.0.0.1", { "x-forwarded-proto": "https, http" }), PROXIES));
    assert.ok(!requests.isSecure(from("192.0.2.1", { "x-forwarded-proto": "https" }), PROXIES));
    assert.ok(!requests.isSecure(from("127.0.0.1"), PROXIES));
});

test("an origin is scheme, host and port", () => {
    const host = "kitchen.local:1880";
    const same = (headers, more) => requests.isSameOrigin(from("192.0.2.1", { host, ...headers }, more), PROXIES);
    assert.strictEqual(same({}), undefined);
    assert.strictEqual(same({ origin: "https://kitchen.local:1880" }, { encrypted: true }), true);
    assert.strictEqual(same({ origin: "https://Kitchen.local:1880" }, { encrypted: true }), true);
    // A page that somebody between has written.
    assert.strictEqual(same({ origin: "http://kitchen.local:1880" }, { encrypted: true }), false);
    // A proxy that is not trusted may speak TLS.
    assert.strictEqual(same({ origin: "https://kitchen.local:1880" }), true);
    assert.strictEqual(same({ origin: "http://kitchen.local:1880" }), true);
    for (const origin of [
        "null",
        "",
        "https://kitchen.local",
        "https://kitchen.local:1881",
        "https://evil.example",
        "https://kitchen.local:1880.evil.example",
        "xhttps://kitchen.local:1880",
        "kitchen.local:1880",
    ]) {
        assert.strictEqual(same({ origin }), false, origin);
        assert.strictEqual(same({ origin, "sec-fetch-site": "same-origin" }), false, origin);
    }
    assert.strictEqual(requests.isSameOrigin(from("192.0.2.1", { origin: "https://undefined" }), PROXIES), false);
    for (const [site, answer] of [
        ["same-origin", true],
        ["none", true],
        ["same-site", false],
        ["cross-site", false],
        ["x", false],
    ]) {
        assert.strictEqual(same({ "sec-fetch-site": site }), answer);
    }
});

test("a navigation makes a page of its own, no frame", () => {
    const navigates = (headers) => requests.isNavigation({ headers });
    assert.ok(navigates({ "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" }));
    assert.ok(navigates({ "sec-fetch-mode": "navigate" }));
    for (const destination of ["iframe", "frame", "object", "embed"]) {
        assert.ok(!navigates({ "sec-fetch-mode": "navigate", "sec-fetch-dest": destination }));
    }
    assert.ok(!navigates({ "sec-fetch-mode": "no-cors" }));
    assert.ok(!navigates({}));
});

test("who wants a page, who is a browser, what is a preflight", () => {
    const wants = (method, headers) => requests.wantsPage({ method, headers });
    assert.ok(wants("GET", { "sec-fetch-mode": "navigate" }));
    assert.ok(wants("HEAD", { accept: "text/html,*/*" }));
    assert.ok(!wants("GET", { "sec-fetch-mode": "cors", accept: "text/html" }));
    assert.ok(!wants("GET", { accept: "text/html", "x-requested-with": "XMLHttpRequest" }));
    assert.ok(!wants("GET", { accept: "application/json" }));
    assert.ok(!wants("GET", {}));
    assert.ok(!wants("POST", { accept: "text/html" }));
    const browses = (headers) => requests.isBrowser({ headers });
    assert.ok(browses({ "sec-fetch-mode": "cors" }));
    assert.ok(browses({ "user-agent": "Mozilla/5.0 (X11)" }));
    assert.ok(!browses({ "user-agent": "curl/8.0 Mozilla/5.0" }));
    assert.ok(!browses({}));
    const asks = (method, headers) => requests.isPreflight({ method, headers });
    assert.ok(asks("OPTIONS", { origin: "https://a", "access-control-request-method": "PUT" }));
    assert.ok(!asks("OPTIONS", { origin: "https://a" }));
    assert.ok(!asks("OPTIONS", { "access-control-request-method": "PUT" }));
    assert.ok(!asks("POST", { origin: "https://a", "access-control-request-method": "PUT" }));
});
