// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// People who come to dashboards by a provider.
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");
const { test } = require("node:test");
const { PAGE, ask, basic, formHeaders, hashOf, logIn, serve } = require("../support.js");
const { ANNA, Browser, ISSUER, OIDC, StandIn, makeGate, textOf } = require("./support.js");

const START = "/_login/oidc?next=/ui/";
const person = (changes) => new StandIn({ claims: { ...ANNA, ...changes } });
const visible = async (browser, target = "/hello") => {
    const answer = await browser.go(target);
    return answer.status === 200 ? JSON.parse(answer.text).user : answer.status;
};

async function start(context, made = makeGate(), headers = PAGE) {
    const served = await serve(context, made);
    return { ...served, browser: new Browser(served.port, headers) };
}

test("the page offers the provider, with where the login leads to", async (context) => {
    const { port } = await start(context, makeGate({ oidc: { name: 'Our <id> & "co"' } }));
    const { text } = await ask(port, "GET", `/_login?next=${encodeURIComponent("/ui/?x=y")}`, PAGE);
    assert.match(text, /<a class="button" href="\/_login\/oidc\?next=%2Fui%2F%3Fx%3Dy">/);
    assert.match(text, />Log in with Our &#60;id&#62; &#38; &#34;co&#34;<\/a>/);
    assert.match(text, /<label for="username">/);
    assert.match(text, /<button class="other">Log in<\/button>/);
});

test("without local users there is no form", async (context) => {
    const { port, browser, standIn } = await start(context, makeGate({ users: [] }));
    const { text } = await ask(port, "GET", "/_login", PAGE);
    assert.ok(text.includes("Log in with Keycloak") && !text.includes("<form"));
    assert.strictEqual((await ask(port, "GET", "/", basic("fred", "fredpw"))).status, 401);
    standIn.down = true;
    assert.match(textOf(await browser.go(START)), /does not work now\. Try again later\. Log in with Keycloak$/);
});

test("who comes back is let in, and leads on", async (context) => {
    const { browser, standIn } = await start(context);
    assert.strictEqual(await visible(browser), 302);
    const answer = await browser.signOn(standIn, START);
    assert.deepStrictEqual([answer.status, answer.headers.location], [303, "/ui/"]);
    assert.deepStrictEqual(await visible(browser), { username: "anna", permissions: "*", provider: "Keycloak" });
    // What was needed for the way is gone.
    assert.deepStrictEqual([...browser.cookies.keys()], ["nodered-0123abcd /"]);
    const page = await browser.go("/_login");
    assert.match(page.text, /Logged in as <strong>anna<\/strong> \(Keycloak\)/);
    const { port } = browser;
    await browser.go("/_login/out", { ...formHeaders(port), Origin: OIDC.url.replace("https", "http") }, "POST");
    assert.strictEqual(await visible(browser), 302);
});

test("a login leads to no other site", async (context) => {
    const { browser, standIn } = await start(context);
    for (const next of ["//evil.example", "https://evil.example", "/\\evil", "/_login/oidc", ""]) {
        const answer = await browser.signOn(standIn, `/_login/oidc?next=${encodeURIComponent(next)}`);
        assert.strictEqual(answer.headers.location, "/", next);
    }
    // Nor where the browser has changed its cookie.
    const begun = await browser.go(START);
    const state = new URL(begun.headers.location).searchParams.get("state");
    for (const cookie of browser.cookies.values()) {
        const [name, value] = cookie.pair.split("=");
        if (name.includes("-oidc-")) {
            const attempt = JSON.parse(Buffer.from(value, "base64url"));
            assert.strictEqual(attempt.state, state);
            const changed = Buffer.from(JSON.stringify({ ...attempt, next: "https://evil.example" }));
            cookie.pair = `${name}=${changed.toString("base64url")}`;
        }
    }
    assert.strictEqual((await browser.go(standIn.comeBack(begun.headers.location).href)).headers.location, "/");
});

test("rights are those of the rules that fit, each for its paths", async (context) => {
    const { browser, standIn } = await start(context, makeGate({ standIn: person({ groups: ["guests"] }) }));
    await browser.signOn(standIn, START);
    assert.strictEqual((await visible(browser)).permissions, "read");
    assert.strictEqual((await visible(browser, "/games/x")).permissions, "*");
    const own = { Origin: OIDC.url.replace("https", "http") };
    assert.strictEqual((await browser.go("/hello", own, "POST")).status, 403);
    assert.strictEqual((await browser.go("/games/x", own, "POST")).status, 200);
    // A reader of two meanings.
    assert.strictEqual((await browser.go("/games/%2e%2e/hello", own, "POST")).status, 403);
});

test("paths hold, and who may not see one is told who he is", async (context) => {
    const { browser, standIn } = await start(context, makeGate({ standIn: person({ groups: ["kids"] }) }));
    await browser.signOn(standIn, START);
    assert.strictEqual((await visible(browser, "/games/x")).permissions, "*");
    const refused = await browser.go("/hello");
    assert.strictEqual(refused.status, 403);
    assert.match(textOf(refused), /You are not allowed to do this\. Logged in as anna \(Keycloak\)\./);
});

test("who fits no rule can come as somebody else", async (context) => {
    const { browser, standIn, said } = await start(context, makeGate({ standIn: person({ groups: ["strangers"] }) }));
    const refused = await browser.signOn(standIn, START);
    assert.strictEqual(refused.status, 403);
    assert.match(textOf(refused), /anna may not log in here\. Log in as somebody else/);
    assert.deepStrictEqual(said, [
        'sign-on failed: provider="Keycloak" reason="anna may not log in here." from=127.0.0.1',
    ]);
    assert.deepStrictEqual([...browser.cookies.keys()], []);
    const [, again] = /href="(\/_login\/oidc[^"]*)"/.exec(refused.text);
    const begun = await browser.go(again.replace("&#38;", "&"));
    const asked = new URL(begun.headers.location).searchParams;
    assert.strictEqual(asked.get("prompt"), "login");
    standIn.claims = ANNA;
    const answer = await browser.go(standIn.comeBack(begun.headers.location).href);
    assert.deepStrictEqual([answer.status, answer.headers.location], [303, "/ui/"]);
});

test("a name that pages could mistake is refused", async (context) => {
    const { browser, standIn } = await start(
        context,
        makeGate({ standIn: person({ preferred_username: "<img src=x>" }) }),
    );
    const refused = await browser.signOn(standIn, START);
    assert.strictEqual(refused.status, 403);
    assert.ok(!refused.text.includes("<img") && refused.text.includes("Your user name cannot be used here."));
});

test("another name of this host is left for the one that the provider knows", async (context) => {
    const { port, browser } = await start(context);
    for (const host of ["kitchen:1880", "192.0.2.1", "kitchen.example.com", "kitchen.example.com.evil:1880", "a b"]) {
        const answer = await ask(port, "GET", "/_login/oidc?next=/ui/&again=1", { ...PAGE, Host: host });
        assert.deepStrictEqual(
            [answer.status, answer.headers.location],
            [302, `${OIDC.url}/_login/oidc?next=%2Fui%2F&again=1&moved=1`],
            host,
        );
        assert.ok(!("set-cookie" in answer.headers));
    }
    const upper = await browser.go(START, { Host: "KITCHEN.example.com:1880" });
    assert.ok(upper.headers.location.startsWith(ISSUER));
    // Once, or a proxy that hands on its own name would lead round for ever.
    const moved = await browser.go("/_login/oidc?next=%2Fui%2F&moved=1", { Host: "127.0.0.1" });
    assert.ok(moved.headers.location.startsWith(ISSUER));
});

test("a provider that is down hinders no local account, and the page says so", async (context) => {
    const { port, browser, standIn, said } = await start(context, makeGate({ standIn: new StandIn({ down: true }) }));
    const answer = await browser.go(START);
    assert.strictEqual(answer.status, 502);
    assert.match(
        textOf(answer),
        /The login with Keycloak does not work now\. Try again later, or use a local account\./,
    );
    assert.match(answer.text, /name="next" value="\/ui\/"/);
    assert.deepStrictEqual(said, [
        'sign-on failed: provider="Keycloak" reason="id.example.com: connect ECONNREFUSED" from=127.0.0.1',
    ]);
    assert.strictEqual((await logIn(port, "fred", "fredpw")).status, 303);
    standIn.down = false;
    standIn.later = 5000;
    const begun = await browser.go(START);
    standIn.down = true;
    assert.strictEqual((await browser.go(standIn.comeBack(begun.headers.location).href)).status, 502);
    // Nobody who is logged in notices.
    standIn.down = false;
    await browser.signOn(standIn, START);
    standIn.down = true;
    assert.strictEqual((await visible(browser)).username, "anna");
});

test("an answer that nobody asked for logs nobody in", async (context) => {
    const { browser, standIn, port } = await start(context);
    const stranger = new Browser(port, PAGE);
    const refused = async (target, from = browser) => {
        const answer = await from.go(target);
        assert.strictEqual(answer.status, 400, target);
        assert.match(textOf(answer), /This login took too long, or was begun in another browser\. Try again\./);
        assert.strictEqual(await visible(from), 302);
    };
    await refused("/_login/callback");
    await refused("/_login/callback?code=x");
    await refused("/_login/callback?code=x&state=y");
    const begun = await browser.go(START);
    const back = standIn.comeBack(begun.headers.location);
    await refused(back.href, stranger);
    await refused(standIn.comeBack(begun.headers.location, { state: "x".repeat(43) }).href);
    assert.strictEqual((await browser.go(back.href)).status, 303);
    // A code that comes once more.
    await refused(back.href, stranger);
    browser.cookies.clear();
    await refused(back.href);
});

test("a stranger fills no journal, and has nobody ask a provider that is down", async (context) => {
    const { browser, standIn, said } = await start(context, makeGate({ standIn: new StandIn({ down: true }) }));
    for (let index = 0; index < 100; index += 1) {
        assert.strictEqual((await browser.go(START)).status, 502);
    }
    assert.deepStrictEqual([standIn.asked.length, said.length], [1, 1]);
    const statuses = [];
    for (let index = 0; index < 100; index += 1) {
        statuses.push((await browser.go("/_login/callback?state=x")).status);
    }
    assert.deepStrictEqual([statuses.filter((status) => status === 400).length, statuses.pop()], [10, 429]);
    assert.strictEqual(said.length, 11);
});

test("a code that comes once more, with its cookie, logs nobody in", async (context) => {
    const { browser, standIn, port } = await start(context);
    const begun = await browser.go(START);
    const thief = new Browser(port, PAGE);
    thief.cookies = new Map(browser.cookies);
    const back = standIn.comeBack(begun.headers.location);
    assert.strictEqual((await browser.go(back.href)).status, 303);
    assert.strictEqual((await thief.go(back.href)).status, 502);
    assert.strictEqual(await visible(thief), 302);
});

for (const [name, changes, status] of [
    ["another issuer", { iss: "https://evil.example" }, 502],
    ["no issuer", { iss: undefined }, 502],
    ["a cancelled login", { error: "access_denied", code: undefined }, 403],
    ["another fault", { error: "server_error", error_description: "<b>x</b>", code: undefined }, 502],
    ["no code", { code: undefined }, 502],
]) {
    test(`an answer with ${name} logs nobody in`, async (context) => {
        const { browser, standIn } = await start(context);
        const answer = await browser.signOn(standIn, START, changes);
        assert.strictEqual(answer.status, status);
        assert.ok(!answer.text.includes("<b>"));
        assert.strictEqual(await visible(browser), 302);
    });
}

test("a cancelled login is told as such", async (context) => {
    const { browser, standIn } = await start(context);
    const answer = await browser.signOn(standIn, START, { error: "access_denied", code: undefined });
    assert.match(textOf(answer), /The login was cancelled\. Log in as somebody else/);
});

test("a clock that is wrong is told in the log", async (context) => {
    const now = Math.floor(Date.now() / 1000);
    const { browser, standIn, said } = await start(context, makeGate({ standIn: person({ exp: now - 90 }) }));
    assert.strictEqual((await browser.signOn(standIn, START)).status, 502);
    assert.match(said[0], /the clock of this host or of the provider is wrong" from=/);
});

test("a secret that the provider does not take is told in the log, and not shown", async (context) => {
    const { browser, standIn, said } = await start(context, makeGate({ oidc: { client_secret: "of yesterday" } }));
    assert.strictEqual((await browser.signOn(standIn, START)).status, 502);
    assert.match(said[0], /: the provider takes another client_id or client_secret" from=/);
    assert.ok(!said[0].includes("yesterday"));
});

test("no secret stands in the log", async (context) => {
    const { browser, standIn, said } = await start(context);
    standIn.token = { id_token: "x.y.z" };
    await browser.signOn(standIn, START);
    standIn.token = {};
    await browser.signOn(standIn, START, { code: "a-stolen-code" });
    assert.strictEqual(said.length, 2);
    assert.ok(!/access token|odd|stolen|x\.y\.z/.test(said.join()), said);
});

test("several logins at once, each in its tab", async (context) => {
    const { browser, standIn } = await start(context);
    const begun = [];
    for (let tab = 0; tab < 8; tab += 1) {
        begun.push(await browser.go(`/_login/oidc?next=/${tab}`));
    }
    for (const [tab, { headers }] of begun.entries()) {
        const answer = await browser.go(standIn.comeBack(headers.location).href);
        assert.deepStrictEqual([answer.status, answer.headers.location], [303, `/${tab}`]);
    }
});

test("who fails again and again has to wait, and asks the provider nothing", async (context) => {
    const { browser, standIn } = await start(context);
    for (let attempt = 0; attempt < 10; attempt += 1) {
        assert.strictEqual((await browser.signOn(standIn, START, { code: "invented" })).status, 502);
    }
    const asked = standIn.asked.length;
    const answer = await browser.signOn(standIn, START);
    assert.strictEqual(answer.status, 429);
    assert.match(textOf(answer), /Too many attempts\. Try again in 10 minutes\./);
    assert.strictEqual(standIn.asked.length, asked);
});

test("who succeeds does not have to wait", async (context) => {
    const { browser, standIn } = await start(context);
    for (let attempt = 0; attempt < 15; attempt += 1) {
        assert.strictEqual((await browser.signOn(standIn, START)).status, 303);
    }
});

test("a session of a provider ends after its time, however much it is used", async (context) => {
    let now = 50 * 365 * 24 * 3600 * 1000;
    const { browser, standIn } = await start(context, makeGate({ now: () => now, session_expiry: 604800 }));
    await browser.signOn(standIn, START);
    for (let hour = 0; hour < 9; hour += 1) {
        now += 3600 * 1000;
        assert.strictEqual((await visible(browser)).username, "anna");
    }
    now += 3600 * 1000;
    assert.strictEqual(await visible(browser), 302);
});

test("over a restart rights are those of the rules of now", async (context) => {
    const made = makeGate();
    const { browser, standIn, file } = await start(context, made);
    await browser.signOn(standIn, START);
    const text = fs.readFileSync(file, "utf8");
    const [[, { began, generation, ...session }]] = Object.entries(JSON.parse(text));
    assert.deepStrictEqual(session, {
        user: "anna",
        provider: "Keycloak",
        claims: { username: "anna", groups: ["family"], email: "anna@example.com" },
    });
    assert.ok(Math.abs(Date.now() - began) < 600000 && /^[\w-]{22}$/.test(generation));
    for (const [oidc, expected] of [
        [{}, { username: "anna", permissions: "*", provider: "Keycloak" }],
        [
            { dashboards: [{ domain: "example.com", permissions: "read" }] },
            { username: "anna", permissions: "read", provider: "Keycloak" },
        ],
        [{ dashboards: [{ group: "admins", permissions: "*" }] }, 302],
        [{ issuer: "https://other.example" }, 302],
        [{ client_id: "other" }, 302],
        [{ name: "Other" }, 302],
        [{ groups_claim: "roles" }, 302],
        [{ username_claim: "name" }, 302],
        [{ session_expiry: 1e-9 }, 302],
    ]) {
        fs.writeFileSync(file, text);
        const { browser: later } = await start(context, makeGate({ oidc, file }));
        later.cookies = new Map(browser.cookies);
        assert.deepStrictEqual(await visible(later), expected, JSON.stringify(oidc));
    }
});

test("a file of sessions that others have written lets nobody in", async (context) => {
    const { browser, standIn, file } = await start(context);
    await browser.signOn(standIn, START);
    const [[key, session]] = Object.entries(JSON.parse(fs.readFileSync(file, "utf8")));
    const found = async (changes) => {
        fs.writeFileSync(file, JSON.stringify({ [key]: { ...session, ...changes } }));
        const { browser: later } = await start(context, makeGate({ file }));
        later.cookies = new Map(browser.cookies);
        return visible(later);
    };
    assert.strictEqual((await found({})).username, "anna");
    for (const changes of [
        { provider: undefined },
        { provider: null },
        { provider: "Other" },
        { generation: "x" },
        { began: null },
        { claims: undefined },
        { claims: null },
        { claims: { username: "anna" } },
        { claims: { ...session.claims, groups: [1] } },
    ]) {
        assert.strictEqual(await found(changes), 302, JSON.stringify(changes));
    }
});

test("a user of the provider is not the local one of the same name", async (context) => {
    const users = [{ username: "anna", password: hashOf("right"), permissions: "read" }];
    const { port, browser, standIn, sessions } = await start(context, makeGate({ users }));
    await browser.signOn(standIn, START);
    assert.strictEqual((await visible(browser)).permissions, "*");
    const local = new Browser(port, PAGE);
    const answer = await logIn(port, "anna", "right");
    local.cookies.set("x", { pair: answer.headers["set-cookie"][0].split(";")[0], path: "/" });
    assert.deepStrictEqual(await visible(local), { username: "anna", permissions: "read" });
    // Nor do the sessions of one push out those of the other.
    for (let index = 0; index < 60; index += 1) {
        await sessions.begin({
            username: "anna",
            provider: "Keycloak",
            claims: { username: "anna", groups: ["family"] },
        });
    }
    assert.strictEqual((await visible(local)).permissions, "read");
    assert.strictEqual(await visible(browser), 302);
});

test("a provider has five hundred sessions, and the oldest go", async (context) => {
    const { browser, standIn, sessions, port } = await start(context);
    const fred = await logIn(port, "fred", "fredpw");
    await browser.signOn(standIn, START);
    const begin = (number) =>
        sessions.begin({
            username: `user ${number}`,
            provider: "Keycloak",
            claims: { username: `user ${number}`, groups: ["family"] },
        });
    await Promise.all(Array.from({ length: 499 }, (_none, number) => begin(number)));
    assert.strictEqual((await visible(browser)).username, "anna");
    await begin(499);
    assert.strictEqual(await visible(browser), 302);
    assert.strictEqual(sessions.sessions.size, 501);
    const local = { Cookie: fred.headers["set-cookie"][0].split(";")[0] };
    assert.strictEqual((await ask(port, "GET", "/hello", local)).status, 200);
});

test("another login ends the one before", async (context) => {
    const { browser, standIn, sessions } = await start(context);
    await browser.signOn(standIn, START);
    await browser.signOn(standIn, START);
    assert.strictEqual(sessions.sessions.size, 1);
});

test("other methods and paths are not the login's", async (context) => {
    const { port } = await start(context);
    for (const path of ["/_login/oidc", "/_login/callback"]) {
        for (const method of ["POST", "HEAD", "PUT"]) {
            const answer = await ask(port, method, path, { "Sec-Fetch-Site": "same-origin" });
            assert.deepStrictEqual([answer.status, answer.headers.allow], [405, "GET"]);
        }
    }
    for (const path of ["/_login/oidc/", "/_login/OIDC", "/_login/callback/x", "//_login/oidc", "/x/_login/oidc"]) {
        assert.strictEqual((await ask(port, "GET", path)).status, 401, path);
    }
});

test("behind a trusted proxy the way's cookie is for TLS and for its path", async (context) => {
    const made = makeGate({ trusted_proxies: ["127.0.0.1"], node_root: "/kitchen", cookie_path: "/kitchen" });
    const { browser, standIn } = await start(context, made, { ...PAGE, "X-Forwarded-Proto": "https" });
    const begun = await browser.go("/kitchen/_login/oidc?next=/kitchen/ui");
    assert.match(
        begun.headers["set-cookie"][0],
        /^__Secure-nodered-0123abcd-oidc-\d=[\w-]+; Path=\/kitchen\/_login; HttpOnly; SameSite=Lax; Secure; /,
    );
    const asked = new URL(begun.headers.location).searchParams.get("redirect_uri");
    assert.strictEqual(asked, `${OIDC.url}/kitchen/_login/callback`);
    const answer = await browser.go(standIn.comeBack(begun.headers.location).href);
    assert.deepStrictEqual([answer.status, answer.headers.location], [303, "/kitchen/ui"]);
    assert.strictEqual((await visible(browser, "/kitchen/ui")).username, "anna");
});
