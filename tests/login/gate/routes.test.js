// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const http = require("node:http");
const { test } = require("node:test");
const { PAGE, ask, cookieOf, formHeaders, hashOf, load, logIn, makeGate, serve, until } = require("./support.js");
const { readForm } = load("form.js");

test("the page has no script, no frame, and loads nothing", async (context) => {
    const { port } = await serve(context, makeGate({ title: "Kitchen <b> \"&'" }));
    const { status, headers, text } = await ask(port, "GET", "/_login?next=/ui/", PAGE);
    assert.strictEqual(status, 200);
    const [, style] = /<style>([^]*)<\/style>/.exec(text);
    const hash = crypto.createHash("sha256").update(style).digest("base64");
    assert.strictEqual(
        headers["content-security-policy"],
        `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    );
    assert.strictEqual(headers["x-frame-options"], "DENY");
    assert.strictEqual(headers["x-content-type-options"], "nosniff");
    assert.strictEqual(headers["referrer-policy"], "same-origin");
    assert.strictEqual(headers["cache-control"], "no-store");
    assert.strictEqual(headers["content-type"], "text/html; charset=utf-8");
    assert.ok(!/<script|<link|<img|\bon\w+=|url\(|@import/i.test(text));
    assert.ok(text.includes("<h1>Kitchen &#60;b&#62; &#34;&#38;&#39;</h1>"));
    assert.match(
        text,
        /<label for="username">.*\n<input id="username" name="username" value="" autocomplete="username"/,
    );
    assert.match(
        text,
        /<label for="password">.*\n<input id="password" .*type="password" autocomplete="current-password"/,
    );
    assert.match(text, /name="next" value="\/ui\/"/);
    assert.strictEqual((await ask(port, "HEAD", "/_login", PAGE)).status, 200);
});

test("a login leads on, with a cookie that is new", async (context) => {
    const { port } = await serve(context, makeGate());
    const answer = await logIn(port, "fred", "fredpw", { next: "/ui/?x=y" });
    assert.strictEqual(answer.status, 303);
    assert.strictEqual(answer.headers.location, "/ui/?x=y");
    assert.match(
        answer.headers["set-cookie"][0],
        /^nodered-0123abcd=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=34560000$/,
    );
    assert.strictEqual((await ask(port, "GET", "/", cookieOf(answer))).status, 200);
    for (const next of ["//evil.example", "/\\evil", "https://evil.example", "/a\r\nSet-Cookie: x=y", "/_login", ""]) {
        assert.strictEqual((await logIn(port, "fred", "fredpw", { next })).headers.location, "/");
    }
});

test("half a character is none, where the editor's parser has read the form", async () => {
    const request = { readableEnded: true, body: { username: "fred", password: "\ud800", next: 5 } };
    assert.deepStrictEqual(await readForm(request, ["username", "password", "next", "other"]), {
        username: "fred",
        password: "\ufffd",
        next: "",
        other: "",
    });
});

test("another login ends the one before", async (context) => {
    const { port } = await serve(context, makeGate());
    const first = cookieOf(await logIn(port, "fred", "fredpw"));
    const body = new URLSearchParams({ username: "vera", password: "verapw" }).toString();
    const second = cookieOf(await ask(port, "POST", "/_login", { ...formHeaders(port), ...first }, body));
    assert.notStrictEqual(first.Cookie, second.Cookie);
    assert.strictEqual((await ask(port, "GET", "/", first)).status, 401);
    assert.strictEqual(JSON.parse((await ask(port, "GET", "/", second)).text).user.username, "vera");
});

test("a cookie that somebody has set opens nothing, and is replaced", async (context) => {
    const { port } = await serve(context, makeGate());
    const fixed = { Cookie: `nodered-0123abcd=${"a".repeat(43)}` };
    const body = new URLSearchParams({ username: "fred", password: "fredpw" }).toString();
    const answer = await ask(port, "POST", "/_login", { ...formHeaders(port), ...fixed }, body);
    assert.notStrictEqual(cookieOf(answer).Cookie, fixed.Cookie);
    assert.strictEqual((await ask(port, "GET", "/", fixed)).status, 401);
});

test("a wrong password keeps the name, and says nothing of who there is", async (context) => {
    const { port } = await serve(context, makeGate());
    const [known, unknown] = [
        await logIn(port, "fred", "no", { next: "/ui" }),
        await logIn(port, "none", "no", { next: "/ui" }),
    ];
    for (const answer of [known, unknown]) {
        assert.strictEqual(answer.status, 401);
        assert.ok(!("set-cookie" in answer.headers) && !("www-authenticate" in answer.headers));
        assert.match(answer.text, /role="alert">The user name or the password is wrong\.</);
        assert.match(answer.text, /name="next" value="\/ui"/);
    }
    assert.strictEqual(known.text.replace(/fred/g, "none"), unknown.text);
    assert.match(known.text, /value="fred"/);
    assert.match(
        (await logIn(port, '"><script>alert(1)</script>', "no")).text,
        /value="&#34;&#62;&#60;script&#62;alert\(1\)&#60;\/script&#62;"/,
    );
    assert.ok(!known.text.includes('value="no"'));
});

test("too many attempts are told with the real wait", async (context) => {
    const { port, said } = await serve(context, makeGate());
    for (let index = 0; index < 10; index += 1) {
        await logIn(port, "fred", "no");
    }
    const answer = await logIn(port, "fred", "fredpw");
    assert.strictEqual(answer.status, 429);
    assert.match(answer.text, /Too many attempts\. Try again in 10 minutes\./);
    assert.ok(Number(answer.headers["retry-after"]) > 500);
    assert.strictEqual(said.length, 10);
});

test("a busy server says so in seconds", async (context) => {
    const made = makeGate();
    made.passwords.line.push(...Array(14).fill(() => {}));
    made.passwords.duration = 100;
    const { port } = await serve(context, made);
    const answer = await logIn(port, "fred", "fredpw");
    assert.deepStrictEqual([answer.status, answer.headers["retry-after"]], [429, "1"]);
    assert.match(answer.text, /Try again in 1 second\./);
});

test("a form of another site is refused", async (context) => {
    const { port } = await serve(context, makeGate());
    const body = new URLSearchParams({ username: "fred", password: "fredpw" }).toString();
    const login = cookieOf(await logIn(port, "fred", "fredpw"));
    for (const headers of [
        {},
        { Origin: "null" },
        { Origin: "https://evil.example" },
        { Origin: `http://127.0.0.1:${port + 1}` },
        { Origin: "" },
        { "Sec-Fetch-Site": "none" },
        { "Sec-Fetch-Site": "same-site" },
        { "Sec-Fetch-Site": "cross-site" },
        { Origin: "null", "Sec-Fetch-Site": "same-origin" },
    ]) {
        for (const path of ["/_login", "/_login/out"]) {
            const answer = await ask(port, "POST", path, { ...headers, ...login }, body);
            assert.strictEqual(answer.status, 403, JSON.stringify(headers));
            assert.ok(!("set-cookie" in answer.headers));
        }
    }
    assert.strictEqual((await ask(port, "GET", "/", login)).status, 200);
    assert.strictEqual((await ask(port, "POST", "/_login", { "Sec-Fetch-Site": "same-origin" }, body)).status, 303);
});

test("who is logged in sees that, and how to log out", async (context) => {
    const { port } = await serve(context, makeGate());
    const login = cookieOf(await logIn(port, "fred", "fredpw"));
    const { text } = await ask(port, "GET", "/_login", { ...PAGE, ...login });
    assert.match(text, /Logged in as <strong>fred<\/strong>/);
    assert.match(text, /<form method="post" action="\/_login\/out">\n<button>Log out<\/button>/);
    assert.ok(!text.includes("password"));
});

test("a log-out ends the session", async (context) => {
    const { port, sessions } = await serve(context, makeGate());
    const login = cookieOf(await logIn(port, "fred", "fredpw"));
    const answer = await ask(port, "POST", "/_login/out", { ...formHeaders(port), ...login });
    assert.strictEqual(answer.status, 303);
    assert.strictEqual(answer.headers.location, "/_login");
    assert.match(answer.headers["set-cookie"][0], /^nodered-0123abcd=; .*Max-Age=0$/);
    assert.strictEqual((await ask(port, "GET", "/", login)).status, 401);
    assert.strictEqual(sessions.sessions.size, 0);
    assert.strictEqual((await ask(port, "POST", "/_login/out", formHeaders(port))).status, 303);
});

test("other methods and paths are not the login's", async (context) => {
    const { port } = await serve(context, makeGate({ open: [] }));
    for (const [method, path, allow] of [
        ["PUT", "/_login", "GET, HEAD, POST"],
        ["OPTIONS", "/_login", "GET, HEAD, POST"],
        ["GET", "/_login/out", "POST"],
    ]) {
        const answer = await ask(port, method, path);
        assert.deepStrictEqual([answer.status, answer.headers.allow], [405, allow]);
    }
    for (const path of [
        "/_login/",
        "/_loginx",
        "/_LOGIN",
        "/_login/x",
        "/x/_login",
        "/_login%2f",
        "/_login/..",
        "//_login",
    ]) {
        assert.strictEqual((await ask(port, "GET", path)).status, 401, path);
    }
});

test("a form that lacks something, or is too much", async (context) => {
    const { port, said } = await serve(context, makeGate());
    const post = (body) => ask(port, "POST", "/_login", formHeaders(port), body);
    for (const body of [
        "",
        "username=fred",
        "password=x",
        "username=&password=x",
        '{"username": {"$gt": 1}}',
        "username[]=fred&password=x",
        "__proto__=x",
    ]) {
        assert.strictEqual((await post(body)).status, 400, body);
    }
    assert.strictEqual((await post(`username=fred&password=${"x".repeat(8193)}`)).status, 413);
    assert.strictEqual((await post(`username=fred&password=${"x".repeat(100000)}`)).status, 413);
    assert.deepStrictEqual(said, []);
});

test("a form that the editor's parser has read", async (context) => {
    for (const [body, status] of [
        [{ username: "fred", password: "fredpw" }, 303],
        [{ username: "fred", password: ["fredpw"] }, 400],
        [{ username: { $gt: "" }, password: "x" }, 400],
        [undefined, 400],
        ["text", 400],
        [{ __proto__: { username: "fred", password: "fredpw" } }, 400],
    ]) {
        const made = makeGate();
        const { port } = await serve(context, made, (request, response) => {
            request.resume().on("end", () => {
                request.body = body;
                made.routes.http(request, response, assert.fail);
            });
        });
        assert.strictEqual((await ask(port, "POST", "/_login", formHeaders(port), "x=y")).status, status);
    }
});

test("a client that breaks off its form does no harm", async (context) => {
    const made = makeGate();
    const { port, said, server } = await serve(context, made);
    const headers = { ...formHeaders(port), "Content-Length": 100 };
    const request = http.request({ host: "127.0.0.1", port, method: "POST", path: "/_login", headers, agent: false });
    request.on("error", () => {});
    server.once("request", () => request.destroy());
    request.write("username=");
    await until(() => said.length === 1);
    assert.match(said[0], /^a login failed: /);
    assert.strictEqual((await ask(port, "GET", "/_login")).status, 200);
    // One that has gone already.
    const gone = new http.IncomingMessage();
    Object.assign(gone, {
        method: "POST",
        url: "/_login",
        headers: { "sec-fetch-site": "same-origin" },
        socket: {},
    }).destroy();
    await until(() => gone.destroyed);
    await made.routes.http(gone, { headersSent: true }, assert.fail);
    assert.strictEqual(said[1], "a login failed: the client has gone");
});

test("behind a trusted proxy the cookie is for TLS and for its path", async (context) => {
    const { port } = await serve(context, makeGate({ trusted_proxies: ["127.0.0.1"], cookie_path: "/kitchen" }));
    const headers = {
        ...formHeaders(port),
        Origin: "https://home.example",
        Host: "home.example",
        "X-Forwarded-Proto": "https",
    };
    const answer = await ask(port, "POST", "/_login", headers, "username=fred&password=fredpw");
    assert.match(
        answer.headers["set-cookie"][0],
        /^__Secure-nodered-0123abcd=[\w-]{43}; Path=\/kitchen; HttpOnly; SameSite=Lax; Secure; /,
    );
    assert.strictEqual(
        (await ask(port, "GET", "/", { ...cookieOf(answer), "X-Forwarded-Proto": "https" })).status,
        200,
    );
    // The same name in plain HTTP is another cookie.
    assert.strictEqual((await ask(port, "GET", "/", cookieOf(answer))).status, 401);
});

test("users with names that all objects have are like others", async (context) => {
    const users = ["__proto__", "constructor"].map((username) => ({
        username,
        password: hashOf("right"),
        permissions: "read",
    }));
    const { port } = await serve(context, makeGate({ users }));
    for (const { username } of users) {
        const seen = JSON.parse((await ask(port, "GET", "/", cookieOf(await logIn(port, username, "right")))).text);
        assert.deepStrictEqual(seen.user, { username, permissions: "read" });
    }
    assert.strictEqual({}.permissions, undefined);
});
