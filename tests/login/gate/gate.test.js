// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const http = require("node:http");
const net = require("node:net");
const { test } = require("node:test");
const { PAGE, ask, basic, cookieOf, formHeaders, logIn, makeGate, serve, until } = require("./support.js");

const SCRIPT = { "User-Agent": "Mozilla/5.0", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin" };

test("a stranger gets what fits who asks", async (context) => {
    const { port } = await serve(context, makeGate());
    const page = await ask(port, "GET", "/ui/?x=y", PAGE);
    assert.strictEqual(page.status, 302);
    assert.strictEqual(page.headers.location, "/_login?next=%2Fui%2F%3Fx%3Dy");
    assert.strictEqual(page.headers["cache-control"], "no-store");
    const script = await ask(port, "GET", "/ui/", SCRIPT);
    assert.strictEqual(script.status, 401);
    assert.ok(!("www-authenticate" in script.headers));
    const post = await ask(port, "POST", "/ui/", { ...PAGE });
    assert.strictEqual(post.status, 401);
    assert.ok(!("www-authenticate" in post.headers));
    const program = await ask(port, "POST", "/api");
    assert.strictEqual(program.status, 401);
    assert.strictEqual(program.headers["www-authenticate"], 'Basic realm="Node-RED", charset="UTF-8"');
    for (const method of ["OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND"]) {
        assert.strictEqual((await ask(port, method, "/")).status, 401);
    }
    const preflight = { Origin: "https://a", "Access-Control-Request-Method": "POST" };
    assert.strictEqual((await ask(port, "OPTIONS", "/", preflight)).status, 401);
});

// What a request line may hold that http.request refuses to send.
function askRaw(port, target, headers) {
    return new Promise((resolve, reject) => {
        const socket = net.connect(port, "127.0.0.1", () =>
            socket.write(`GET ${target} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`),
        );
        let text = "";
        socket.on("data", (part) => {
            text += part;
        });
        socket.on("close", () => resolve(text));
        socket.on("error", reject);
    });
}

test("where the login leads to is never another site", async (context) => {
    const { port } = await serve(context, makeGate({ node_root: "/api" }));
    for (const target of [
        "//evil.example/x",
        "/\\evil.example",
        "https://evil.example/x",
        "///evil",
        "/api/_login/x?next=//evil",
    ]) {
        const answer = await askRaw(port, target, "Host: h\r\nAccept: text/html\r\nUser-Agent: Mozilla/5.0\r\n");
        assert.match(answer, /^HTTP\/1\.1 302 /, target);
        assert.match(answer, /\r\nLocation: \/api\/_login\?next=%2Fapi\r\n/, target);
    }
});

test("who has logged in is named, and what opened the door is not shown", async (context) => {
    const { port } = await serve(context, makeGate());
    const { Cookie: login } = cookieOf(await logIn(port, "fred", "fredpw"));
    const answer = await ask(port, "GET", "/hello", {
        ...PAGE,
        Cookie: `a=b; ${login}; nodered-99999999=x`,
        Authorization: "Bearer z",
    });
    const seen = JSON.parse(answer.text);
    assert.deepStrictEqual(seen.user, { username: "fred", permissions: "*" });
    assert.strictEqual(seen.headers.cookie, "a=b");
    assert.strictEqual(seen.headers.authorization, "Bearer z");
    assert.ok(!answer.text.includes("nodered-"));
    assert.strictEqual(answer.headers.vary, "Cookie");
});

test("a program logs in with each request", async (context) => {
    const { port } = await serve(context, makeGate());
    const answer = await ask(port, "POST", "/hello", basic("vera", "nonsense"));
    assert.strictEqual(answer.status, 401);
    const seen = JSON.parse((await ask(port, "POST", "/hello", basic("fred", "fredpw"))).text);
    assert.deepStrictEqual(seen.user, { username: "fred", permissions: "*" });
    assert.ok(!("authorization" in seen.headers) && !seen.rawHeaders.includes("Authorization"));
    // A dialog of the browser would come up.
    assert.ok(!("www-authenticate" in (await ask(port, "GET", "/", { ...SCRIPT, ...basic("fred", "no") })).headers));
});

test("what is open asks nobody, believes nobody, and learns nothing", async (context) => {
    const made = makeGate();
    const { gate, routes } = made;
    const { port } = await serve(context, made, (request, response) => {
        request.user = { username: "somebody of before" };
        routes.http(request, response, () =>
            gate.http(request, response, () => response.end(JSON.stringify([request.user || null, request.headers]))),
        );
    });
    const { Cookie: login } = cookieOf(await logIn(port, "fred", "fredpw"));
    const [user, headers] = JSON.parse(
        (await ask(port, "POST", "/webhook/x", { Cookie: login, Origin: "https://evil.example" })).text,
    );
    assert.strictEqual(user, null);
    assert.ok(!("cookie" in headers));
    assert.strictEqual(JSON.parse((await ask(port, "GET", "/", basic("fred", "fredpw"))).text)[0].username, "fred");
});

test("pages of other sites and ports make no use of a login", async (context) => {
    const { port } = await serve(context, makeGate());
    const login = cookieOf(await logIn(port, "fred", "fredpw"));
    const own = { Origin: `http://127.0.0.1:${port}`, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors" };
    const status = async (method, headers) => (await ask(port, method, "/api", headers)).status;
    for (const credentials of [login, basic("fred", "fredpw")]) {
        for (const method of ["GET", "POST", "DELETE"]) {
            assert.strictEqual(await status(method, { ...own, ...credentials }), 200);
        }
        for (const mode of ["no-cors", "cors", "navigate", "websocket"]) {
            for (const site of ["cross-site", "same-site"]) {
                const foreign = { "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, ...credentials };
                assert.strictEqual(await status("POST", { ...foreign, Origin: "https://evil.example" }), 403, mode);
                assert.strictEqual(await status("POST", { ...foreign, Origin: "null" }), 403, mode);
                assert.strictEqual(await status("POST", foreign), 403, mode);
                assert.strictEqual(await status("GET", { ...foreign, "Sec-Fetch-Dest": "iframe" }), 403, mode);
                assert.strictEqual(await status("GET", foreign), mode === "navigate" ? 200 : 403, mode);
            }
        }
        assert.strictEqual(await status("POST", { Origin: `http://127.0.0.1:${port + 1}`, ...credentials }), 403);
        assert.strictEqual(await status("GET", { Origin: "https://evil.example", ...credentials }), 403);
        // A program says nothing of pages.
        assert.strictEqual(await status("POST", credentials), 200);
    }
});

test("with httpNodeCors pages of others bring their own password", async (context) => {
    const made = makeGate();
    const calls = [];
    made.gate.cors = (request, response, next) => {
        calls.push(request.headers.origin);
        response.setHeader("Access-Control-Allow-Origin", "*");
        next();
    };
    const { port } = await serve(context, made);
    const preflight = await ask(port, "OPTIONS", "/hello", {
        Origin: "https://other.example",
        "Access-Control-Request-Method": "POST",
    });
    assert.strictEqual(preflight.status, 204);
    assert.strictEqual(preflight.text, "");
    assert.strictEqual(preflight.headers["access-control-allow-origin"], "*");
    const foreign = { Origin: "https://other.example", "Sec-Fetch-Site": "cross-site" };
    assert.strictEqual(
        (await ask(port, "POST", "/hello", { ...foreign, "Sec-Fetch-Mode": "cors", ...basic("fred", "fredpw") }))
            .status,
        200,
    );
    assert.strictEqual(
        (await ask(port, "POST", "/hello", { ...foreign, "Sec-Fetch-Mode": "no-cors", ...basic("fred", "fredpw") }))
            .status,
        403,
    );
    const login = cookieOf(await logIn(port, "fred", "fredpw"));
    assert.strictEqual(
        (await ask(port, "POST", "/hello", { ...foreign, "Sec-Fetch-Mode": "cors", ...login })).status,
        403,
    );
    assert.deepStrictEqual(calls, ["https://other.example"]);
    assert.strictEqual((await ask(port, "OPTIONS", "/hello")).status, 401);
});

test("who may only read reads, and nothing else", async (context) => {
    const { port } = await serve(context, makeGate());
    const login = cookieOf(await logIn(port, "vera", "verapw"));
    for (const method of ["GET", "HEAD"]) {
        assert.strictEqual((await ask(port, method, "/api", login)).status, 200);
    }
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
        assert.strictEqual((await ask(port, method, "/api", login)).status, 403, method);
        assert.strictEqual((await ask(port, method, "/api", basic("vera", "verapw"))).status, 403, method);
    }
});

test("who has paths gets these", async (context) => {
    const { port } = await serve(context, makeGate());
    const login = cookieOf(await logIn(port, "paul", "paulpw"));
    for (const target of ["/ui/", "/api/x"]) {
        assert.strictEqual((await ask(port, "GET", target, login)).status, 200);
    }
    for (const target of ["/", "/uix", "/UI", "/ui/..%2fx"]) {
        const refused = await ask(port, "GET", target, login);
        assert.deepStrictEqual([refused.status, refused.text], [403, "You are not allowed to do this.\n"]);
    }
    const page = await ask(port, "GET", "/other", { ...PAGE, ...login });
    assert.strictEqual(page.status, 403);
    assert.match(page.text, /not allowed.*\n.*<strong>paul<\/strong>/);
    assert.match(page.headers["content-security-policy"], /^default-src 'none'/);
});

test("who has guessed too often is told when to come back", async (context) => {
    const { port } = await serve(context, makeGate());
    const login = cookieOf(await logIn(port, "fred", "fredpw"));
    for (let index = 0; index < 10; index += 1) {
        assert.strictEqual((await ask(port, "GET", "/", basic("fred", `x${index}`))).status, 401);
    }
    const refused = await ask(port, "GET", "/", basic("fred", "fredpw"));
    assert.strictEqual(refused.status, 429);
    assert.ok(Number(refused.headers["retry-after"]) > 590 && Number(refused.headers["retry-after"]) <= 600);
    assert.strictEqual(refused.text, "Too many attempts. Try again in 10 minutes.\n");
    assert.strictEqual((await ask(port, "GET", "/", login)).status, 200);
});

test("an answer that is still being sent ends with its session", async (context) => {
    const made = makeGate();
    const { gate, routes, sessions } = made;
    const { port } = await serve(context, made, (request, response) => {
        routes.http(request, response, () => gate.http(request, response, () => response.write("begun")));
    });
    const login = cookieOf(await logIn(port, "fred", "fredpw"));
    let ended = false;
    const request = http.request(
        { host: "127.0.0.1", port, path: "/events", headers: login, agent: false },
        (answer) => {
            answer.on("error", () => {
                ended = true;
            });
            answer.resume();
        },
    );
    request.on("error", () => {
        ended = true;
    });
    request.end();
    await until(() => sessions.connections.size === 1);
    assert.strictEqual((await ask(port, "POST", "/_login/out", { ...formHeaders(port), ...login })).status, 303);
    await until(() => ended);
});

test("a request is asked once, however often it passes", async () => {
    const { gate } = makeGate({ open: ["/x"] });
    const request = { method: "GET", url: "/x", headers: {}, socket: {} };
    let passed = 0;
    await gate.http(request, {}, () => {
        passed += 1;
    });
    gate.http(request, {}, () => {
        passed += 1;
    });
    assert.strictEqual(passed, 2);
});

test("what fails is told and answered, and Node-RED lives", async (context) => {
    const made = makeGate();
    made.sessions.find = () => {
        throw new Error("broken");
    };
    const { port, said } = await serve(context, made);
    assert.strictEqual((await ask(port, "GET", "/", { Cookie: `nodered-0123abcd=${"a".repeat(43)}` })).status, 500);
    assert.match(said[0], /^a request failed: Error: broken/);
    const { gate } = makeGate({ open: ["/x"] });
    const sent = { headersSent: true, end: assert.fail };
    await gate.http({ method: "GET", url: "/x", headers: {}, socket: {} }, sent, () => {
        throw new Error("of a flow");
    });
});
