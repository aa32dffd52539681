// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { test } = require("node:test");
const { basic, bcrypt, hashOf, load, makeGate } = require("./support.js");
const { Limits } = load("limits.js");
const { Passwords } = load("passwords.js");

const header = (name, password) => basic(name, password).Authorization;

test("the right password is the user's", async () => {
    const { passwords, said } = makeGate();
    assert.strictEqual((await passwords.check("192.0.2.1", "fred", "fredpw")).user.username, "fred");
    for (const [name, password] of [
        ["fred", "verapw"],
        ["fred", ""],
        ["nobody", "fredpw"],
        ["", ""],
        ["__proto__", "x"],
        ["constructor", "x"],
    ]) {
        assert.deepStrictEqual(await passwords.check("192.0.2.1", name, password), {});
    }
    assert.deepStrictEqual(said.slice(0, 3), [
        'login failed: user="fred" from=192.0.2.1',
        'login failed: user="fred" from=192.0.2.1',
        'login failed: user="nobody" from=192.0.2.1',
    ]);
});

test("a name writes no line of its own into the log", async () => {
    const { passwords, said } = makeGate();
    await passwords.check("192.0.2.1", 'x\n[pifleet] login failed: user="y" from=9.9.9.9', "x");
    await passwords.check("192.0.2.1", "\u2028\u202e\x1b[2J\x7f\u0085ü", "x");
    await passwords.check("", "z".repeat(5000), "x");
    assert.strictEqual(
        said[0],
        'login failed: user="x\\n[pifleet] login failed: user=\\"y\\" from=9.9.9.9" from=192.0.2.1',
    );
    assert.strictEqual(said[1], 'login failed: user="\\u2028\\u202e\\u001b[2J\\u007f\\u0085\\u00fc" from=192.0.2.1');
    assert.strictEqual(said[2], `login failed: user="${"z".repeat(64)}" from=unknown`);
});

test("without a library nobody gets in", async () => {
    const { passwords } = makeGate({}, { bcrypt: undefined });
    assert.deepStrictEqual(await passwords.check("192.0.2.1", "fred", "fredpw"), {});
});

test("a library that fails lets nobody in", async () => {
    for (const compare of [
        async () => {
            throw new Error("no");
        },
        () => {
            throw new Error("no");
        },
        async () => "yes",
        async () => undefined,
    ]) {
        const { passwords } = makeGate({}, { bcrypt: { compare } });
        assert.deepStrictEqual(await passwords.check("192.0.2.1", "fred", "fredpw"), {});
    }
});

test("a user who is not there takes as long as one who is", async () => {
    const worked = async (name, password) => {
        let work = 0;
        const counting = {
            compare: async (text, hash) => {
                work += 2 ** Number(hash.slice(4, 6));
                return bcrypt.compare(text, hash);
            },
        };
        const users = [
            ["low", "08"],
            ["high", "12"],
        ].map(([username, cost]) => [username, { username, password: hashOf("right", cost), permissions: "*" }]);
        await new Passwords({ users: new Map(users), bcrypt: counting, limits: new Limits(), warn: () => {} }).check(
            "192.0.2.1",
            name,
            password,
        );
        return work;
    };
    for (const name of ["low", "high", "nobody", "__proto__"]) {
        assert.strictEqual(await worked(name, "wrong"), 2 ** 12);
    }
    assert.strictEqual(await worked("low", "right"), 2 ** 8);
});

test("what stands in for a user's hash is one, and nothing fits it", async () => {
    const hashes = [];
    const tools = {
        compare: async (password, hash) => {
            hashes.push(hash);
            return true;
        },
    };
    const passwords = new Passwords({ users: new Map(), bcrypt: tools, limits: new Limits(), warn: () => {} });
    assert.deepStrictEqual(await passwords.check("192.0.2.1", "nobody", "x"), {});
    assert.match(hashes[0], /^\$2b\$04\$[./A-Za-z0-9]{53}$/);
});

function held() {
    const waiting = [];
    const tools = {
        compare: (password, hash) =>
            new Promise((resolve) => waiting.push(() => resolve(bcrypt.compare(password, hash)))),
    };
    return { waiting, made: makeGate({}, { bcrypt: tools }) };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("two at a time, some in line, the others are told how long", async () => {
    const {
        waiting,
        made: { passwords, said },
    } = held();
    const answers = Array.from({ length: 40 }, (_, index) => passwords.check(`192.0.2.${index}`, "nobody", "x"));
    await settle();
    assert.strictEqual(waiting.length, 2);
    const refused = await Promise.all(answers.slice(16));
    assert.ok(
        refused.every(({ wait }) => wait === 7000),
        JSON.stringify(refused),
    );
    let begun = 0;
    while (begun < 16) {
        await settle();
        for (const go of waiting.splice(0)) {
            begun += 1;
            go();
        }
    }
    assert.deepStrictEqual(await Promise.all(answers.slice(0, 16)), Array(16).fill({}));
    assert.strictEqual(passwords.running, 0);
    assert.strictEqual(said.length, 16);
    // The real time is known now.
    passwords.line.push(...Array(14).fill(() => {}));
    const { wait } = await passwords.check("198.51.100.1", "nobody", "x");
    assert.ok(wait > 0 && wait < 7000, String(wait));
});

test("a thousand at once from one address are ten", async () => {
    const {
        waiting,
        made: { passwords, said },
    } = held();
    const answers = Array.from({ length: 1000 }, (_, index) => passwords.check("192.0.2.1", `user${index}`, "x"));
    for (let round = 0; round < 20; round += 1) {
        await settle();
        waiting.splice(0).forEach((go) => go());
    }
    const refused = (await Promise.all(answers)).filter(({ wait }) => wait > 0);
    assert.strictEqual(refused.length, 990);
    assert.ok(
        refused.every(({ wait }) => wait > 590000),
        "the wait is that of the limit",
    );
    assert.strictEqual(said.length, 10);
});

test("Basic has a name, a colon and a password", async () => {
    const { passwords } = makeGate();
    const check = async (text) => (await passwords.checkBasic("192.0.2.1", text)).user;
    assert.strictEqual((await check(header("fred", "fredpw"))).username, "fred");
    assert.strictEqual((await check(header("fred", "fredpw").replace("Basic", "bAsIc"))).username, "fred");
    for (const text of [
        "",
        "Basic",
        "Basic ",
        "Basic !",
        "Bearer x",
        `Bearer ${header("fred", "fredpw").slice(6)}`,
        `Basic ${Buffer.from("fredfredpw").toString("base64")}`,
        `${header("fred", "fredpw")}, x`,
        header("fred", "fredpw:"),
        header("", ""),
    ]) {
        assert.strictEqual(await check(text), undefined, text);
    }
});

test("a password may have a colon, and letters of any language", async () => {
    const users = new Map([["ünal", { username: "ünal", password: hashOf("a:ß"), permissions: "*" }]]);
    const passwords = new Passwords({ users, bcrypt, limits: new Limits(), warn: () => {} });
    assert.strictEqual((await passwords.checkBasic("192.0.2.1", header("ünal", "a:ß"))).user.username, "ünal");
});

test("many of one client at once are looked at once, and then never", async () => {
    let count = 0;
    const { passwords } = makeGate(
        {},
        {
            bcrypt: {
                compare: async (...values) => {
                    count += 1;
                    await settle();
                    return bcrypt.compare(...values);
                },
            },
        },
    );
    const answers = await Promise.all(
        Array.from({ length: 100 }, () => passwords.checkBasic("192.0.2.1", header("fred", "fredpw"))),
    );
    assert.ok(answers.every(({ user }) => user.username === "fred"));
    for (let index = 0; index < 20; index += 1) {
        await passwords.check("192.0.2.1", "nobody", "x");
    }
    assert.ok((await passwords.check("192.0.2.1", "fred", "fredpw")).wait > 0);
    assert.strictEqual((await passwords.checkBasic("192.0.2.1", header("fred", "fredpw"))).user.username, "fred");
    assert.strictEqual(count, 11);
    assert.strictEqual(passwords.pending.size, 0);
});

test("not more clients are remembered than some", async () => {
    const users = new Map(
        Array.from({ length: 250 }, (_, index) => [
            `user${index}`,
            { username: `user${index}`, password: hashOf("x"), permissions: "*" },
        ]),
    );
    const passwords = new Passwords({ users, bcrypt, limits: new Limits(), warn: () => {} });
    for (const name of users.keys()) {
        assert.ok((await passwords.checkBasic("192.0.2.1", header(name, "x"))).user);
    }
    const known = passwords.remembered.get("192.0.2.1");
    assert.strictEqual(known.size, 200);
    assert.ok([...known.keys()].every((key) => !key.includes(Buffer.from("user249:x").toString("base64"))));
    for (let index = 0; index < 250; index += 1) {
        assert.ok((await passwords.checkBasic(`192.0.2.${index}`, header("user0", "x"))).user);
    }
    assert.strictEqual(passwords.remembered.size, 200);
});

for (const guesser of ["192.0.2.66", "192.0.2.1", "2001:db8::66"]) {
    test(`a password that is remembered is no easier to guess: ${guesser}`, async () => {
        const { passwords } = makeGate();
        assert.ok((await passwords.checkBasic("192.0.2.1", header("fred", "fredpw"))).user);
        for (let index = 0; index < 20; index += 1) {
            await passwords.checkBasic(guesser, header("fred", `guess ${index}`));
        }
        const { user, wait } = await passwords.checkBasic(guesser, header("fred", "fredpw"));
        assert.deepStrictEqual([user, wait > 0], [undefined, true]);
        // Who guesses elsewhere does not stop a device.
        const device = await passwords.checkBasic("192.0.2.1", header("fred", "fredpw"));
        assert.strictEqual(device.user !== undefined, guesser !== "192.0.2.1");
    });
}
