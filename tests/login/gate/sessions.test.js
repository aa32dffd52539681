// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const { EventEmitter } = require("node:events");
const fs = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const { DATA, hashOf, load, makeGate, until } = require("./support.js");
const { Sessions } = load("sessions.js");

const DAY = 24 * 3600 * 1000;
const users = (changes = {}) =>
    new Map(DATA.users.map((user) => [user.username, { ...user, ...changes[user.username] }]));

function store(file, more = {}) {
    const said = [];
    return {
        said,
        sessions: new Sessions({ file, users: users(), expiry: 7 * DAY, warn: (text) => said.push(text), ...more }),
    };
}
const fred = users().get("fred");

test("who is logged in stays so over a restart", async () => {
    const { file } = makeGate();
    const id = await store(file).sessions.begin(fred);
    assert.match(id, /^[\w-]{43}$/);
    const { sessions, said } = store(file);
    assert.strictEqual(sessions.find(id).user.username, "fred");
    assert.deepStrictEqual(said, []);
});

test("the file is private, small, and opens nothing", async () => {
    const { file } = makeGate();
    const id = await store(file).sessions.begin(fred);
    assert.strictEqual(fs.statSync(file).mode & 0o777, 0o600);
    const text = fs.readFileSync(file, "utf8");
    assert.ok(!text.includes(id) && !text.includes(fred.password));
    const [[key, session]] = Object.entries(JSON.parse(text));
    assert.strictEqual(key, crypto.createHash("sha256").update(id).digest("base64url"));
    assert.deepStrictEqual(Object.keys(session), ["user", "generation", "seen"]);
    assert.strictEqual(store(file).sessions.find(key), undefined);
    assert.deepStrictEqual(fs.readdirSync(path.dirname(file)), ["sessions.json"]);
});

test("a session ends with its log-out, on the disk too", async () => {
    const { file } = makeGate();
    const { sessions } = store(file);
    const [id, other] = [await sessions.begin(fred), await sessions.begin(fred)];
    await sessions.end(sessions.find(id).key);
    assert.strictEqual(sessions.find(id), undefined);
    assert.strictEqual(store(file).sessions.find(id), undefined);
    assert.strictEqual(store(file).sessions.find(other).user.username, "fred");
});

test("a session ends with another password, and with its user", async () => {
    const { file } = makeGate();
    const id = await store(file).sessions.begin(fred);
    assert.strictEqual(
        store(file, { users: users({ fred: { password: hashOf("new") } }) }).sessions.find(id),
        undefined,
    );
    assert.strictEqual(store(file, { users: new Map() }).sessions.find(id), undefined);
});

test("rights are those of now", async () => {
    const { file } = makeGate();
    const id = await store(file).sessions.begin(fred);
    const { user } = store(file, { users: users({ fred: { permissions: "read" } }) }).sessions.find(id);
    assert.strictEqual(user.permissions, "read");
});

test("a session ends when it was not used for so long", async () => {
    const { file } = makeGate();
    let now = 50 * 365 * DAY;
    const { sessions } = store(file, { now: () => now });
    const id = await sessions.begin(fred);
    now += 6 * DAY;
    assert.ok(sessions.find(id));
    now += 6 * DAY;
    assert.ok(sessions.find(id));
    now += 7 * DAY;
    assert.strictEqual(sessions.find(id), undefined);
    now -= 7 * DAY;
    assert.strictEqual(sessions.find(id), undefined);
    assert.strictEqual(JSON.stringify([...sessions.sessions]), "[]");
});

test("a clock that begins in 1970 logs nobody out", async () => {
    const { file } = makeGate();
    let now = 56 * 365 * DAY;
    const id = await store(file, { now: () => now }).sessions.begin(fred);
    let early = 1000;
    const { sessions } = store(file, { now: () => early });
    assert.ok(sessions.find(id));
    early = now + DAY;
    assert.ok(sessions.find(id));
});

test("being used is written at most once an hour", async () => {
    const { file } = makeGate();
    let now = 50 * 365 * DAY;
    const { sessions } = store(file, { now: () => now });
    const id = await sessions.begin(fred);
    const written = () => Object.values(JSON.parse(fs.readFileSync(file, "utf8")))[0].seen;
    const before = written();
    now += 3599000;
    sessions.find(id);
    await sessions.saving;
    assert.strictEqual(written(), before);
    now += 1000;
    sessions.find(id);
    await sessions.saving;
    assert.strictEqual(written(), before + 3600000);
});

test("an open connection is a use, and ends with its session", async () => {
    const { file } = makeGate();
    let now = 50 * 365 * DAY;
    const { sessions } = store(file, { now: () => now });
    const { key } = sessions.find(await sessions.begin(fred));
    const closed = [];
    const [one, gone] = [new EventEmitter(), new EventEmitter()];
    sessions.track(key, one, () => closed.push("one"));
    sessions.track(key, gone, () => closed.push("gone"));
    gone.emit("close");
    for (let day = 0; day < 30; day += 1) {
        now += DAY;
        sessions.useConnections();
    }
    assert.deepStrictEqual(closed, []);
    await sessions.end(key);
    assert.deepStrictEqual(closed, ["one"]);
    assert.strictEqual(sessions.connections.size, 0);
});

test("a connection of a session that is over is closed", async () => {
    const { file } = makeGate();
    let now = 50 * 365 * DAY;
    const { sessions } = store(file, { now: () => now });
    const { key } = sessions.find(await sessions.begin(fred));
    const closed = [];
    sessions.track(key, new EventEmitter(), () => closed.push("early"));
    now += 8 * DAY;
    sessions.useConnections();
    assert.deepStrictEqual(closed, ["early"]);
    sessions.track(key, new EventEmitter(), () => closed.push("late"));
    assert.deepStrictEqual(closed, ["early", "late"]);
    assert.strictEqual(sessions.connections.size, 0);
});

test("a connection that has ended is not waited for", async () => {
    const { file } = makeGate();
    const { sessions } = store(file);
    const { key } = sessions.find(await sessions.begin(fred));
    for (const state of [{ destroyed: true }, { readyState: "closed" }]) {
        sessions.track(key, Object.assign(new EventEmitter(), state), assert.fail);
    }
    assert.strictEqual(sessions.connections.size, 0);
    const connection = new EventEmitter();
    sessions.track(key, connection, assert.fail);
    connection.emit("close");
    assert.strictEqual(sessions.connections.size, 0);
});

test("the timer looks at connections by itself", async () => {
    const { file } = makeGate();
    const { sessions } = store(file, { expiry: 200 });
    const { key } = sessions.find(await sessions.begin(fred));
    sessions.track(key, new EventEmitter(), () => {});
    let looked = 0;
    sessions.useConnections = () => {
        looked += 1;
    };
    await until(() => looked > 1);
});

test("a user has fifty sessions, and the oldest go", async () => {
    const { file } = makeGate();
    let now = 50 * 365 * DAY;
    const { sessions } = store(file, { now: () => (now += 1) });
    const other = await sessions.begin(users().get("vera"));
    const ids = [];
    for (let index = 0; index < 60; index += 1) {
        ids.push(await sessions.begin(fred));
    }
    assert.deepStrictEqual(
        ids.map((id) => sessions.find(id) !== undefined),
        [...Array(10).fill(false), ...Array(50).fill(true)],
    );
    assert.ok(sessions.find(other));
});

test("sessions that are over do not stay in the file", async () => {
    const { file } = makeGate();
    let now = 50 * 365 * DAY;
    const { sessions } = store(file, { now: () => now });
    await sessions.begin(users().get("vera"));
    now += 8 * DAY;
    await sessions.begin(fred);
    assert.deepStrictEqual(
        Object.values(JSON.parse(fs.readFileSync(file, "utf8"))).map(({ user }) => user),
        ["fred"],
    );
});

test("what is no cookie of ours finds nothing", async () => {
    const { sessions } = makeGate();
    for (const id of [
        "",
        "x",
        "__proto__",
        "constructor",
        "a".repeat(43),
        "a".repeat(44),
        "ä".repeat(43),
        "a".repeat(1e6),
    ]) {
        assert.strictEqual(sessions.find(id), undefined);
    }
});

for (const text of ["", "{", "null", "[]", "1", '"x"', '{"a":1}', "[[1,2]]"]) {
    test(`a broken file logs people out, and lets nobody in: ${text}`, async () => {
        const { file } = makeGate();
        fs.writeFileSync(file, text);
        const { sessions } = store(file);
        assert.strictEqual(sessions.find("a".repeat(43)), undefined);
        const id = await sessions.begin(fred);
        assert.ok(store(file).sessions.find(id));
    });
}

test("in a file that was written by others only whole sessions count", async () => {
    const { file } = makeGate();
    const id = "a".repeat(43);
    const key = crypto.createHash("sha256").update(id).digest("base64url");
    const good = {
        user: "fred",
        generation: crypto
            .createHash("sha256")
            .update(JSON.stringify(["fred", fred.password]))
            .digest("base64url")
            .slice(0, 22),
        seen: Date.now(),
    };
    const found = (session) => {
        fs.writeFileSync(file, JSON.stringify({ [key]: session, __proto__: good }));
        return store(file).sessions.find(id);
    };
    assert.ok(found(good));
    for (const wrong of [
        null,
        1,
        [],
        { ...good, user: 1 },
        { ...good, user: "__proto__" },
        { ...good, generation: "x" },
        { ...good, generation: undefined },
        { ...good, seen: "9e99" },
        { ...good, seen: null },
        { ...good, seen: 0 },
    ]) {
        assert.strictEqual(found(wrong), undefined, JSON.stringify(wrong));
    }
});

test("a file that is too large, or no file, is told", async () => {
    const { file } = makeGate();
    fs.writeFileSync(file, " ".repeat(4 * 1024 * 1024 + 1));
    const large = store(file);
    assert.strictEqual(large.sessions.find("a".repeat(43)), undefined);
    assert.deepStrictEqual(large.said, ["everybody is logged out: the file is too large"]);
    fs.unlinkSync(file);
    fs.mkdirSync(file);
    const folder = store(file);
    assert.ok(folder.sessions.find(await folder.sessions.begin(fred)));
    assert.match(folder.said[0], /^everybody is logged out: EISDIR/);
    assert.match(folder.said[1], /^logins are not kept over a restart: /);
});

test("what changes while the file is written is written too", async () => {
    const { file } = makeGate();
    const { sessions } = store(file);
    const ids = await Promise.all(Array.from({ length: 20 }, () => sessions.begin(fred)));
    await sessions.end(sessions.find(ids[0]).key);
    const again = store(file).sessions;
    assert.deepStrictEqual(
        ids.map((id) => again.find(id) !== undefined),
        [false, ...Array(19).fill(true)],
    );
});
