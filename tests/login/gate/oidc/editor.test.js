// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// People who come to the editor by a provider. What stands behind it is made up; tests/login has real Node-REDs.
"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const { EventEmitter } = require("node:events");
const fs = require("node:fs");
const http = require("node:http");
const { test } = require("node:test");
const vm = require("node:vm");
const express = require("express");
const { PAGE, ask, serve, until } = require("../support.js");
const { ANNA, Browser, ISSUER, OIDC, StandIn, makeEditor, textOf } = require("./support.js");

const BOSS = { ...ANNA, sub: "2", preferred_username: "boss", groups: ["admins"] };
const PAGES_SCRIPT = { "X-Requested-With": "XMLHttpRequest" };
const CREDENTIALS = { type: "credentials", prompts: [{ id: "username" }, { id: "password" }], image: "own.png" };

// An application that asks for a token as Node-RED does.
async function start(context, made = makeEditor(), root = "") {
    const { editor } = made;
    const application = express();
    application.use(`${root}/`, (request, response, next) => editor.middleware(request, response, next));
    application.use(express.urlencoded({ extended: true }));
    application.get(`${root}/auth/login`, (_request, response) => response.json(made.login || CREDENTIALS));
    application.post(`${root}/auth/token`, (request, response) => {
        response.status(request.body && request.body.password === "right" ? 200 : 403).end();
    });
    application.get(`${root}/flows`, async (request, response) => {
        const [, token] = /^Bearer (.*)$/.exec(request.headers.authorization || "") || [];
        const user = await editor.tokens(token);
        response.status(user === null ? 401 : 200).json(user);
    });
    application.post(`${root}/auth/revoke`, async (request, response, next) => {
        const [, token] = /^Bearer (.*)$/.exec(request.headers.authorization || "") || [];
        return (await editor.tokens(token)) === null ? next() : response.json({ redirect: "https://id.example.com/out" });
    });
    application.use((_request, response) => response.status(404).end("Node-RED's own"));
    const served = await serve(context, made, application);
    return { ...served, ...made, browser: new Browser(served.port, PAGE) };
}

/** What the page that hands the token over does in a browser. */
function run({ text, headers }) {
    const [, nonce, script] = /<script nonce="([^"]+)">([^]*)<\/script>/.exec(text);
    assert.ok(headers["content-security-policy"].includes(`script-src 'nonce-${nonce}'`));
    const stored = new Map();
    const result = { stored };
    const location = { replace: (target) => Object.assign(result, { target }) };
    vm.runInNewContext(script, { localStorage: { setItem: (key, value) => stored.set(key, value) }, location });
    return result;
}
const tokenOf = (answer) => JSON.parse([...run(answer).stored.values()][0]).access_token;
const flows = (port, token) => ask(port, "GET", "/flows", { Authorization: `Bearer ${token}` });

test("the editor's page learns of the provider, and programs do not", async (context) => {
    const { port, browser } = await start(context);
    const prompts = [{ type: "button", label: "Log in", url: "/auth/oidc/choose" }];
    const strategy = { type: "strategy", prompts, image: "own.png" };
    const answer = async (headers) => JSON.parse((await browser.go("/auth/login", headers)).text);
    assert.deepStrictEqual(await answer(PAGES_SCRIPT), {
        ...strategy,
        autoLogin: true,
        loginRedirect: "/auth/oidc/choose",
    });
    // Who was logged in is asked before the page is left.
    assert.deepStrictEqual(await answer({ ...PAGES_SCRIPT, Authorization: "Bearer x" }), strategy);
    assert.deepStrictEqual(JSON.parse((await ask(port, "GET", "/auth/login")).text), CREDENTIALS);
});

test("what Node-RED says of another login stays", async (context) => {
    const { browser } = await start(context, { ...makeEditor(), login: {} });
    assert.strictEqual((await browser.go("/auth/login", PAGES_SCRIPT)).text, "{}");
});

test("there is a choice, and the page of it is as closed as the login's", async (context) => {
    const { browser } = await start(context);
    const { status, headers, text } = await browser.go("/auth/oidc/choose");
    assert.strictEqual(status, 200);
    assert.match(headers["content-security-policy"], /^default-src 'none'; style-src 'sha256-/);
    assert.match(text, /<a class="button" href="\/auth\/oidc">Log in with Keycloak<\/a>/);
    assert.match(text, /<a class="button other" href="\/auth\/oidc\/local">Log in with a local account<\/a>/);
    assert.ok(!/<script/.test(text));
});

test("the local account brings Node-RED's own dialog, once", async (context) => {
    const { browser } = await start(context);
    const answer = await browser.go("/auth/oidc/local");
    assert.deepStrictEqual([answer.status, answer.headers.location], [302, "/"]);
    assert.deepStrictEqual(answer.headers["set-cookie"], [
        "nodered-0123abcd-local=1; Path=/; HttpOnly; SameSite=Lax; Max-Age=300",
    ]);
    const types = [];
    for (let load = 0; load < 2; load += 1) {
        types.push(JSON.parse((await browser.go("/auth/login", PAGES_SCRIPT)).text).type);
    }
    assert.deepStrictEqual(types, ["credentials", "strategy"]);
});

test("who comes back gets a token, where the editor looks for it, and nowhere else", async (context) => {
    const { port, browser, standIn, file } = await start(
        context,
        makeEditor({ standIn: new StandIn({ claims: BOSS }) }),
    );
    const begun = await browser.go("/auth/oidc");
    const asked = new URL(begun.headers.location);
    assert.strictEqual(asked.searchParams.get("redirect_uri"), `${OIDC.url}/auth/oidc/callback`);
    assert.match(begun.headers["set-cookie"][0], /; Path=\/auth\/oidc; HttpOnly; /);
    const answer = await browser.go(standIn.comeBack(begun.headers.location).href);
    assert.strictEqual(answer.status, 200);
    const { stored, target } = run(answer);
    assert.deepStrictEqual([[...stored.keys()], target], [["auth-tokens"], "/"]);
    assert.strictEqual(answer.headers["cache-control"], "no-store");
    assert.strictEqual(answer.headers["referrer-policy"], "no-referrer");
    assert.match(
        answer.headers["content-security-policy"],
        /^default-src 'none'; script-src 'nonce-[^']+'; frame-ancestors 'none'/,
    );
    assert.strictEqual(browser.cookies.size, 0);
    const token = tokenOf(answer);
    assert.match(token, /^[\w-]{43}$/);
    assert.deepStrictEqual(JSON.parse((await flows(port, token)).text), { username: "boss", permissions: "*" });
    const text = fs.readFileSync(file, "utf8");
    assert.ok(!text.includes(token) && text.includes(crypto.createHash("sha256").update(token).digest("base64url")));
    assert.strictEqual(fs.statSync(file).mode & 0o777, 0o600);
});

test("below another root the editor looks elsewhere", async (context) => {
    const made = makeEditor({ oidc: { admin_root: "/x/admin/" } });
    const { browser, standIn } = await start(context, made, "/x/admin");
    const { loginRedirect } = JSON.parse((await browser.go("/x/admin/auth/login", PAGES_SCRIPT)).text);
    assert.strictEqual(loginRedirect, "/x/admin/auth/oidc/choose");
    const answer = await browser.signOn(standIn, "/x/admin/auth/oidc");
    const { stored, target } = run(answer);
    assert.deepStrictEqual([[...stored.keys()], target], [["auth-tokens-x-admin"], "/x/admin/"]);
    assert.strictEqual((await browser.go("/auth/oidc")).status, 404);
    assert.strictEqual((await browser.go("/x/admin/auth/oidc/local")).headers.location, "/x/admin/");
});

test("permissions are those of the rules for the editor", async (context) => {
    const { port, browser, standIn } = await start(context);
    const permissions = async (claims) => {
        standIn.claims = { ...ANNA, ...claims };
        return JSON.parse((await flows(port, tokenOf(await browser.signOn(standIn, "/auth/oidc")))).text).permissions;
    };
    assert.deepStrictEqual(await permissions({}), ["read", "flows.read", "flows.write"]);
    assert.deepStrictEqual(await permissions({ groups: [] }), ["flows.read", "flows.write"]);
    assert.strictEqual(await permissions({ preferred_username: "eve" }), "read");
    assert.strictEqual(await permissions({ groups: ["admins", "family"] }), "*");
});

test("who fits no rule gets no token, and can come as somebody else", async (context) => {
    const { browser, standIn, said } = await start(context);
    // A guest may see dashboards.
    standIn.claims = { ...ANNA, preferred_username: "gus", groups: ["guests"] };
    const answer = await browser.signOn(standIn, "/auth/oidc");
    assert.strictEqual(answer.status, 403);
    assert.match(textOf(answer), /gus may not log in here\. Log in as somebody else Log in with a local account$/);
    assert.match(answer.text, /href="\/auth\/oidc\?again=1"/);
    assert.strictEqual(said.length, 1);
    const again = await browser.go("/auth/oidc?again=1");
    assert.strictEqual(new URL(again.headers.location).searchParams.get("prompt"), "login");
});

test("a provider that is down leaves the local account, and the page says so", async (context) => {
    const { browser } = await start(context, makeEditor({ standIn: new StandIn({ down: true }) }));
    const answer = await browser.go("/auth/oidc");
    assert.strictEqual(answer.status, 502);
    assert.match(
        textOf(answer),
        /does not work now\. Try again later, or use a local account\. .* Log in with a local account$/,
    );
});

test("an answer that nobody asked for brings no token", async (context) => {
    const { port, browser, standIn } = await start(context);
    const begun = await browser.go("/auth/oidc");
    const back = standIn.comeBack(begun.headers.location).href;
    for (const answer of [
        await browser.go("/auth/oidc/callback"),
        await browser.go("/auth/oidc/callback?code=x&state=y"),
        await new Browser(port, PAGE).go(back),
    ]) {
        assert.strictEqual(answer.status, 400);
        assert.ok(!answer.text.includes("<script"));
    }
    assert.strictEqual((await browser.go(`${back}&iss=https://evil.example`)).status, 502);
    assert.strictEqual((await browser.signOn(standIn, "/auth/oidc", { iss: "https://evil.example" })).status, 502);
});

test("another name of this host is left", async (context) => {
    const { port, browser } = await start(context);
    const answer = await ask(port, "GET", "/auth/oidc", { ...PAGE, Host: "kitchen:1880" });
    assert.strictEqual(answer.headers.location, `${OIDC.url}/auth/oidc?next=%2F&moved=1`);
    assert.ok((await browser.go("/auth/oidc?next=%2F&moved=1")).headers.location.startsWith(ISSUER));
});

test("a log-out ends the token, and Node-RED's own tokens are its own", async (context) => {
    const { port, browser, standIn, file } = await start(context);
    const [first, second] = [
        tokenOf(await browser.signOn(standIn, "/auth/oidc")),
        tokenOf(await browser.signOn(standIn, "/auth/oidc")),
    ];
    const revoke = (authorization) =>
        ask(port, "POST", "/auth/revoke", authorization && { Authorization: authorization });
    // Node-RED has let it in, and says where the browser goes.
    const { status, text } = await revoke(`Bearer ${first}`);
    assert.deepStrictEqual([status, text], [200, '{"redirect":"https://id.example.com/out"}']);
    assert.strictEqual((await flows(port, first)).status, 401);
    assert.strictEqual((await flows(port, second)).status, 200);
    assert.strictEqual(Object.keys(JSON.parse(fs.readFileSync(file, "utf8"))).length, 1);
    for (const authorization of [
        undefined,
        `Bearer ${first}`,
        "Bearer x",
        `Basic ${second}`,
        `Bearer ${"a".repeat(43)}`,
    ]) {
        assert.strictEqual((await revoke(authorization)).text, "Node-RED's own", authorization);
    }
    assert.strictEqual((await flows(port, second)).status, 200);
});

test("what is no token of ours is nobody", async () => {
    const { editor } = makeEditor();
    for (const token of [undefined, null, "", "x", 5, {}, "a".repeat(43), "__proto__"]) {
        assert.strictEqual(await editor.tokens(token), null);
    }
});

test("a token ends after its time, and over a restart rights are those of now", async (context) => {
    let now = 50 * 365 * 24 * 3600 * 1000;
    const made = makeEditor({ now: () => now });
    const { browser, standIn, file } = await start(context, made);
    const token = tokenOf(await browser.signOn(standIn, "/auth/oidc"));
    now += 9.9 * 3600 * 1000;
    assert.ok(await made.editor.tokens(token));
    const later = (oidc) => makeEditor({ oidc, file, now: () => now }).editor.tokens(token);
    assert.strictEqual((await later({ editor: [{ group: "family", permissions: "*" }] })).permissions, "*");
    now += 0.2 * 3600 * 1000;
    assert.strictEqual(await made.editor.tokens(token), null);
    assert.strictEqual(await later({}), null);
});

test("a wrong password at Node-RED's own login is told with its address", async (context) => {
    const { port, said } = await start(context, makeEditor({ trusted_proxies: ["127.0.0.1"] }));
    const headers = { "Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": "192.0.2.7" };
    const post = (body) => ask(port, "POST", "/auth/token", headers, body);
    assert.strictEqual((await post("username=admin&password=right")).status, 200);
    assert.strictEqual((await post("username=ad%0amin&password=secret")).status, 403);
    assert.strictEqual((await post("")).status, 403);
    assert.deepStrictEqual(said, [
        'editor login failed: user="ad\\nmin" from=192.0.2.7',
        'editor login failed: user="" from=192.0.2.7',
    ]);
});

test("other methods and paths are Node-RED's", async (context) => {
    const { port } = await start(context);
    for (const path of ["/auth/oidc", "/auth/oidc/choose", "/auth/oidc/local", "/auth/oidc/callback"]) {
        const answer = await ask(port, "POST", path);
        assert.deepStrictEqual([answer.status, answer.headers.allow], [405, "GET"]);
    }
    for (const [method, path] of [
        ["GET", "/auth/oidc/"],
        ["GET", "/auth/oidcx"],
        ["GET", "/auth/revoke"],
        ["GET", "/AUTH/OIDC"],
        ["POST", "/auth/login"],
        ["GET", "//auth/oidc"],
        ["GET", "/x/auth/oidc"],
        ["GET", "/"],
    ]) {
        assert.strictEqual((await ask(port, method, path)).text, "Node-RED's own", path);
    }
});

test("what fails is told, and answered", async (context) => {
    const { port, editor, said, browser, standIn } = await start(context);
    context.mock.method(editor.sessions, "begin", async () => {
        throw new Error("no");
    });
    assert.strictEqual((await browser.signOn(standIn, "/auth/oidc")).status, 500);
    assert.deepStrictEqual(said, ["a login failed: no"]);
    assert.strictEqual((await ask(port, "GET", "/flows")).status, 401);
});

// The editor's socket.

function upgrade(port, target, headers = {}) {
    return new Promise((resolve, reject) => {
        const all = { Connection: "Upgrade", Upgrade: "websocket", ...headers };
        const request = http.request({ host: "127.0.0.1", port, path: target, agent: false, headers: all });
        request.on("upgrade", (_answer, socket) => resolve(socket));
        request.on("error", reject);
        request.end();
    });
}

// A listener for upgrades that is there before, as Node-RED's is.
async function startWithSocket(context) {
    const started = await start(context);
    const seen = [];
    started.server.on("upgrade", (request, socket) => {
        seen.push(request.headers.authorization);
        socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    });
    await ask(started.port, "GET", "/");
    await ask(started.port, "GET", "/");
    return { ...started, seen };
}

test("a password for dashboards does not get to the editor's socket", async (context) => {
    const { port, seen, server } = await startWithSocket(context);
    for (const authorization of ["Basic eDp5", "Digest x", "Bearer x"]) {
        await upgrade(port, "/comms", { Authorization: authorization });
    }
    await upgrade(port, "/comms?x=y", { Authorization: "Basic eDp5" });
    await upgrade(port, "/comms");
    assert.deepStrictEqual(seen, [undefined, undefined, "Bearer x", undefined, undefined]);
    await upgrade(port, "/other", { Authorization: "Basic eDp5" });
    assert.strictEqual(seen.pop(), "Basic eDp5");
    assert.strictEqual(server.listenerCount("upgrade"), 2);
});

test("when a token ends the editor's sockets have to show theirs anew", async (context) => {
    const { port, browser, standIn, editor } = await startWithSocket(context);
    const token = tokenOf(await browser.signOn(standIn, "/auth/oidc"));
    const closed = [];
    for (const target of ["/comms", "/comms", "/other"]) {
        const socket = await upgrade(port, target);
        socket
            .on("close", () => closed.push(target))
            .on("error", () => {})
            .resume();
    }
    await ask(port, "POST", "/auth/revoke", { Authorization: `Bearer ${token}` });
    await until(() => closed.length === 2);
    assert.deepStrictEqual(closed, ["/comms", "/comms"]);
    await until(() => editor.sockets.open.size === 0);
});

test("a token that has come to its end is noticed while a socket is open", async (context) => {
    const intervals = [];
    context.mock.method(globalThis, "setInterval", (look, pause) => {
        intervals.push({ look, pause });
        return { unref: () => intervals };
    });
    let now = 50 * 365 * 24 * 3600 * 1000;
    const { editor } = makeEditor({ now: () => now });
    const server = new EventEmitter();
    editor.sockets.guard(server);
    const account = editor.sessions.provided.account({ username: "anna", groups: [] });
    const token = await editor.sessions.begin(account);
    const socket = Object.assign(new EventEmitter(), { destroyed: false });
    socket.destroy = () => Object.assign(socket, { destroyed: true });
    server.emit("upgrade", { url: "/comms", headers: {} }, socket);
    socket.emit("error", new Error("the client has gone"));
    const [{ look, pause }] = intervals;
    assert.strictEqual(pause, 60000);
    now += 9 * 3600 * 1000;
    look();
    assert.ok(!socket.destroyed);
    now += 3600 * 1000;
    look();
    assert.ok(socket.destroyed);
    assert.strictEqual(await editor.tokens(token), null);
});
