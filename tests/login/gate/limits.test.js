// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { test } = require("node:test");
const { load } = require("./support.js");
const { Limits, networkOf } = load("limits.js");

const MINUTE = 60000;
function clocked() {
    const clock = { now: 1000 };
    return { clock, limits: new Limits(() => clock.now) };
}
const fail = (limits, count, address, name) => {
    for (let index = 0; index < count; index += 1) {
        limits.begin(address, name);
    }
};

test("a network is an address, or 64 bits of one", () => {
    for (const [address, network] of [
        ["192.0.2.1", "192.0.2.1"],
        ["2001:db8::1", "2001:db8:0:0"],
        ["2001:db8:0:0:1:2:3:4", "2001:db8:0:0"],
        ["2001:0db8::ffff:1", "2001:db8:0:0"],
        ["::1", "0:0:0:0"],
        ["fe80::1:2:3:4", "fe80:0:0:0"],
        ["1:2:3:4:5:6:7:8", "1:2:3:4"],
        ["1:2:3:4:5::", "1:2:3:4"],
        ["64:ff9b::192.0.2.1", "64:ff9b:0:0"],
        ["::", "0:0:0:0"],
        ["1::8", "1:0:0:0"],
        ["::5:6:7:8", "0:0:0:0"],
        ["::4:5:6:7:8", "0:0:0:4"],
        ["", ""],
    ]) {
        assert.strictEqual(networkOf(address), network, address);
    }
});

test("ten from one network, and the wait is the real one", () => {
    const { clock, limits } = clocked();
    for (let index = 0; index < 10; index += 1) {
        assert.strictEqual(limits.wait("192.0.2.1", `user${index}`), 0);
        limits.begin("192.0.2.1", `user${index}`);
        clock.now += 1000;
    }
    assert.strictEqual(limits.wait("192.0.2.1", "another"), 10 * MINUTE - 10000);
    assert.strictEqual(limits.wait("192.0.2.2", "another"), 0);
    clock.now += 10 * MINUTE - 10001;
    assert.strictEqual(limits.wait("192.0.2.1", "another"), 1);
    clock.now += 1;
    assert.strictEqual(limits.wait("192.0.2.1", "another"), 0);
    limits.begin("192.0.2.1", "another");
    assert.strictEqual(limits.wait("192.0.2.1", "another"), 1000);
});

test("an IPv6 network has one limit for all of its addresses", () => {
    const { limits } = clocked();
    for (let index = 0; index < 10; index += 1) {
        limits.begin(`2001:db8:0:1::${index}`, "x");
    }
    assert.ok(limits.wait("2001:db8:0:1:ffff::1", "x") > 0);
    assert.strictEqual(limits.wait("2001:db8:0:2::1", "x"), 0);
});

test("fifty for one user, from wherever they come", () => {
    const { limits } = clocked();
    for (let index = 0; index < 50; index += 1) {
        limits.begin(`192.0.2.${index}`, "fred");
    }
    assert.ok(limits.wait("198.51.100.1", "fred") > 0);
    assert.strictEqual(limits.wait("198.51.100.1", "vera"), 0);
});

test("who knows one password gets no further tries at another", () => {
    const { limits } = clocked();
    fail(limits, 9, "192.0.2.1", "fred");
    limits.begin("192.0.2.1", "mallory");
    assert.ok(limits.wait("192.0.2.1", "fred") > 0);
    limits.succeed("192.0.2.1", "mallory");
    limits.begin("192.0.2.1", "fred");
    assert.ok(limits.wait("192.0.2.1", "fred") > 0);
    limits.succeed("192.0.2.1", "mallory");
    assert.ok(limits.wait("192.0.2.1", "fred") > 0);
});

test("a success takes back the user's own failures from there", () => {
    const { limits } = clocked();
    fail(limits, 10, "192.0.2.1", "fred");
    fail(limits, 3, "192.0.2.2", "fred");
    limits.succeed("192.0.2.1", "fred");
    assert.strictEqual(limits.wait("192.0.2.1", "fred"), 0);
    assert.strictEqual(limits.networks.size, 1);
    assert.strictEqual([...limits.users.values()][0].length, 3);
});

test("strangers cannot fill the memory", () => {
    const { limits } = clocked();
    for (let index = 0; index < 6000; index += 1) {
        limits.begin(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, "x".repeat(index));
    }
    assert.strictEqual(limits.networks.size, 5000);
    assert.strictEqual(limits.users.size, 5000);
    assert.ok([...limits.users.keys()].every((key) => key.length === 44));
});
