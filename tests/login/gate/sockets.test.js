// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { EventEmitter } = require("node:events");
const http = require("node:http");
const net = require("node:net");
const { test } = require("node:test");
const { ask, basic, cookieOf, formHeaders, load, logIn, makeGate, serve, until } = require("./support.js");
const { Sockets } = load("sockets.js");

const FILTERED = "/ui/socket.io/";
const POLL = "EIO=4&transport=polling";

// A server with the guard before a listener for upgrades, and one for requests, that ask nobody.
async function serveNode(context, changes = {}) {
    const made = await serve(context, makeGate(changes));
    const sockets = new Sockets(made.gate);
    const seen = [];
    sockets.guard(made.server, { editorSocket: "/comms", filteredSockets: () => [FILTERED] });
    made.server.on("upgrade", (request, socket) => {
        seen.push(`upgrade ${request.url}`);
        made.last = { request, socket };
        socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    });
    const [express] = made.server.listeners("request");
    made.server.removeAllListeners("request");
    made.server.on("request", (request, response) => {
        if (!request.url.startsWith("/node/") && !request.url.startsWith(FILTERED)) {
            return express(request, response);
        }
        seen.push(`${request.method} ${request.url}`);
        response.end(JSON.stringify(request.headers));
    });
    return { ...made, sockets, seen, made };
}

/** @returns {Promise<{status, headers, socket}>} */
function upgrade(port, target, headers = {}) {
    return new Promise((resolve, reject) => {
        const request = http.request({
            host: "127.0.0.1",
            port,
            path: target,
            agent: false,
            headers: { Connection: "Upgrade", Upgrade: "websocket", ...headers },
        });
        request.on("upgrade", (answer, socket) => resolve({ status: 101, headers: answer.headers, socket }));
        request.on("response", (answer) => {
            answer.resume();
            resolve({ status: answer.statusCode, headers: answer.headers });
        });
        request.on("error", reject);
        request.end();
    });
}

test("an upgrade of a stranger gets no further", async (context) => {
    const { port, seen } = await serveNode(context);
    const program = await upgrade(port, "/node/ws");
    assert.deepStrictEqual(
        [program.status, program.headers["www-authenticate"]],
        [401, 'Basic realm="Node-RED", charset="UTF-8"'],
    );
    const browser = await upgrade(port, "/node/ws", { "User-Agent": "Mozilla/5.0" });
    assert.deepStrictEqual([browser.status, browser.headers["www-authenticate"]], [401, undefined]);
    for (const target of [
        "/comms/",
        "/comms/x",
        "/COMMS",
        "//comms",
        "/x/../comms",
        "/%63omms",
        `/ui/socket.io/?${POLL}`,
        "/_login",
    ]) {
        assert.strictEqual((await upgrade(port, target)).status, 401, target);
    }
    assert.deepStrictEqual(seen, []);
});

test("the editor's socket asks for the editor's login", async (context) => {
    const { port, seen } = await serveNode(context);
    for (const target of ["/comms", "/comms?x=y"]) {
        assert.strictEqual((await upgrade(port, target)).status, 101);
    }
    assert.deepStrictEqual(seen, ["upgrade /comms", "upgrade /comms?x=y"]);
});

test("where there is no editor its path is no exception", async (context) => {
    const made = await serve(context, makeGate());
    new Sockets(made.gate).guard(made.server, { editorSocket: undefined, filteredSockets: () => [] });
    made.server.on("upgrade", assert.fail);
    assert.strictEqual((await upgrade(made.port, "/comms")).status, 401);
});

test("an upgrade with a login passes, and ends with it", async (context) => {
    const { port, made, sessions } = await serveNode(context);
    const login = cookieOf(await logIn(port, "fred", "fredpw"));
    const { status, socket } = await upgrade(port, "/node/ws", { ...login, Origin: `http://127.0.0.1:${port}` });
    assert.strictEqual(status, 101);
    assert.ok(!("cookie" in made.last.request.headers));
    let ended = false;
    socket
        .on("close", () => {
            ended = true;
        })
        .on("error", () => {})
        .resume();
    await ask(port, "POST", "/_login/out", { ...formHeaders(port), ...login });
    await until(() => ended);
    assert.strictEqual((await upgrade(port, "/node/ws", login)).status, 401);
    assert.strictEqual(sessions.connections.size, 0);
});

test("an upgrade with a password passes, without it", async (context) => {
    const { port, made } = await serveNode(context);
    assert.strictEqual((await upgrade(port, "/node/ws", basic("fred", "fredpw"))).status, 101);
    assert.ok(!("authorization" in made.last.request.headers));
    assert.strictEqual((await upgrade(port, "/node/ws", basic("fred", "no"))).status, 401);
});

test("an upgrade of a page of another site is refused", async (context) => {
    const { port, seen } = await serveNode(context);
    for (const credentials of [cookieOf(await logIn(port, "fred", "fredpw")), basic("fred", "fredpw")]) {
        for (const headers of [
            { Origin: "https://evil.example" },
            { Origin: `http://127.0.0.1:${port + 1}` },
            { Origin: "null" },
            { "Sec-Fetch-Site": "same-site" },
        ]) {
            assert.strictEqual((await upgrade(port, "/node/ws", { ...headers, ...credentials })).status, 403);
        }
    }
    assert.deepStrictEqual(seen, []);
});

test("rights hold for upgrades", async (context) => {
    const { port } = await serveNode(context);
    const [vera, paul] = [cookieOf(await logIn(port, "vera", "verapw")), cookieOf(await logIn(port, "paul", "paulpw"))];
    assert.strictEqual((await upgrade(port, "/node/ws", vera)).status, 403);
    assert.strictEqual((await upgrade(port, `${FILTERED}?${POLL}`, vera)).status, 101);
    assert.strictEqual((await upgrade(port, "/node/ws", paul)).status, 403);
    assert.strictEqual((await upgrade(port, "/ui/ws", paul)).status, 101);
    assert.strictEqual((await upgrade(port, "/ui/..%2fnode/ws", paul)).status, 403);
});

test("an open upgrade passes", async (context) => {
    const { port, made } = await serveNode(context);
    assert.strictEqual((await upgrade(port, "/webhook/ws", { Cookie: "a=b; nodered-0123abcd=x" })).status, 101);
    assert.strictEqual(made.last.request.headers.cookie, "a=b");
});

test("too many attempts by upgrade are told so", async (context) => {
    const { port } = await serveNode(context);
    for (let index = 0; index < 10; index += 1) {
        await upgrade(port, "/node/ws", basic("fred", `x${index}`));
    }
    const { status, headers } = await upgrade(port, "/node/ws", basic("fred", "fredpw"));
    assert.strictEqual(status, 429);
    assert.ok(Number(headers["retry-after"]) > 500);
});

test("strangers who break off in the middle of an upgrade do no harm", async (context) => {
    const { port, seen } = await serveNode(context);
    const { Authorization: authorization } = basic("fred", "no");
    for (let index = 0; index < 160; index += 1) {
        await new Promise((resolve) => {
            const target = ["/node/ws", "/comms"][index % 2];
            const socket = net.connect(port, "127.0.0.1", () => {
                const upgrades = "Connection: Upgrade\r\nUpgrade: websocket";
                const head = `Host: h\r\n${upgrades}\r\nAuthorization: ${authorization}`;
                socket.write(`GET ${target} HTTP/1.1\r\n${head}\r\n\r\n`);
                setImmediate(() => {
                    socket.resetAndDestroy();
                    resolve();
                });
            });
        });
    }
    await until(async () => (await ask(port, "GET", "/_login")).status === 200);
    assert.ok(seen.every((line) => line === "upgrade /comms"));
});

test("every upgrade has a listener for errors before all else", async () => {
    const { gate } = makeGate();
    const server = new EventEmitter();
    new Sockets(gate).guard(server, { editorSocket: "/comms", filteredSockets: () => [] });
    for (const url of ["/comms", "/node/ws"]) {
        const socket = Object.assign(new EventEmitter(), { end: () => {} });
        server.emit("upgrade", { url, method: "GET", headers: {}, socket }, socket, Buffer.alloc(0));
        socket.emit("error", new Error("read ECONNRESET"));
    }
    assert.strictEqual(server.emit("something else"), false);
});

test("a request that a node answers before Express is asked for a login", async (context) => {
    const { port, seen } = await serveNode(context);
    for (const target of [
        `/node/?${POLL}`,
        "/node/",
        `/node/?%45IO=4&%74ransport=polling`,
        `/node/#?${POLL}`,
        "/node/?transport=polling",
    ]) {
        for (const method of ["GET", "POST"]) {
            assert.strictEqual((await ask(port, method, target)).status, 401, target);
        }
    }
    assert.strictEqual((await ask(port, "GET", `/node/?${POLL}`, basic("fred", "no"))).status, 401);
    assert.deepStrictEqual(seen, []);
    assert.strictEqual((await ask(port, "GET", `/node/?${POLL}`, { Accept: "text/html" })).status, 302);
});

test("who has logged in gets to such a node, without what opened the door", async (context) => {
    const { port, seen, sessions } = await serveNode(context);
    const login = cookieOf(await logIn(port, "fred", "fredpw"));
    for (const [target, credentials] of [
        [`/node/?${POLL}`, login],
        ["/node/", login],
        [`/node/?${POLL}`, basic("fred", "fredpw")],
    ]) {
        const answer = await ask(port, "POST", target, credentials);
        assert.strictEqual(answer.status, 200);
        const headers = JSON.parse(answer.text);
        assert.ok(!("cookie" in headers) && !("authorization" in headers));
    }
    assert.strictEqual(seen.length, 3);
    await until(() => sessions.connections.size === 0);
    assert.strictEqual(
        (await ask(port, "GET", `/node/?${POLL}`, { ...login, Origin: "https://evil.example" })).status,
        403,
    );
    assert.strictEqual((await ask(port, "POST", "/node/", { ...login, Origin: "https://evil.example" })).status, 403);
    assert.strictEqual(seen.length, 3);
});

test("rights hold for such a node", async (context) => {
    const { port, seen } = await serveNode(context);
    const [vera, paul] = [cookieOf(await logIn(port, "vera", "verapw")), cookieOf(await logIn(port, "paul", "paulpw"))];
    assert.strictEqual((await ask(port, "POST", `/node/?${POLL}`, vera)).status, 403);
    assert.strictEqual((await ask(port, "POST", "/node/?%45IO=4&transport=polling", vera)).status, 403);
    assert.strictEqual((await ask(port, "GET", `/node/?${POLL}`, paul)).status, 403);
    assert.deepStrictEqual(seen, []);
    assert.strictEqual((await ask(port, "POST", `${FILTERED}?${POLL}`, vera)).status, 200);
    assert.strictEqual((await ask(port, "GET", `${FILTERED}?${POLL}`, paul)).status, 200);
});

test("an open request passes to such a node", async (context) => {
    const { port, seen } = await serveNode(context, { open: ["/node/*"] });
    assert.strictEqual((await ask(port, "POST", `/node/x?${POLL}`)).status, 200);
    assert.strictEqual(
        (await ask(port, "POST", "/node/x", { Cookie: "nodered-0123abcd=x" })).text.includes("cookie"),
        false,
    );
    assert.strictEqual(seen.length, 2);
});

test("a login's own pages get its cookies, though somebody is logged in", async (context) => {
    const made = await serve(context, makeGate());
    const brought = [];
    made.server.prependListener("request", ({ headers }) => brought.push(headers.cookie));
    const more = { editorSocket: "/comms", editorLogin: "/x/auth/", filteredSockets: () => [] };
    new Sockets(made.gate).guard(made.server, more);
    const { Cookie: login } = cookieOf(await logIn(made.port, "fred", "fredpw"));
    const cookies = `${login}; nodered-0123abcd-oidc-0=x; own=1`;
    for (const [target, expected] of [
        ["/_login", cookies],
        ["/_login/callback?code=x", cookies],
        ["/x/auth/oidc/callback?code=x", cookies],
        ["/x/auth/login", cookies],
        ["/hello", "own=1"],
        ["/_loginx", "own=1"],
        ["/x/authx", "own=1"],
        ["/auth/login", "own=1"],
    ]) {
        brought.length = 0;
        await ask(made.port, "GET", target, { Cookie: cookies });
        assert.deepStrictEqual(brought, [expected], target);
    }
});

test("a log-out is answered, though the guard has seen the session", async (context) => {
    const { port } = await serveNode(context);
    const login = cookieOf(await logIn(port, "fred", "fredpw"));
    assert.strictEqual((await ask(port, "POST", "/_login/out", { ...formHeaders(port), ...login })).status, 303);
    assert.strictEqual((await ask(port, "GET", "/", login)).status, 401);
});

test("what fails in the guard ends one connection, not Node-RED", async (context) => {
    const { port, gate, said } = await serveNode(context);
    gate.identify = async () => {
        throw new Error("broken");
    };
    await assert.rejects(upgrade(port, "/node/ws"));
    await assert.rejects(ask(port, "GET", `/node/?${POLL}`));
    assert.match(said[0], /^a socket failed: Error: broken/);
    assert.match(said[1], /^a request failed: Error: broken/);
});

// webSocketNodeVerifyClient

function verify(sockets, request) {
    return new Promise((resolve) => sockets.webSocket({ req: request }, (...values) => resolve(values)));
}

async function requestOf(made, credentials, more = {}) {
    const socket = Object.assign(new EventEmitter(), {
        remoteAddress: "192.0.2.1",
        destroy() {
            this.gone = true;
        },
    });
    return { method: "GET", url: "/ws", headers: { host: "h", ...credentials, ...more }, rawHeaders: [], socket };
}
const sessionOf = async ({ gate, sessions, options }, name) => ({
    cookie: gate.cookie.serialize(await sessions.begin(options.users.get(name)), false).split(";")[0],
});

test("a websocket node is for those who may write", async () => {
    const made = makeGate();
    const sockets = new Sockets(made.gate);
    const fred = await requestOf(made, await sessionOf(made, "fred"));
    assert.deepStrictEqual(await verify(sockets, fred), [true]);
    assert.ok(!("cookie" in fred.headers));
    const { authorization } = { authorization: basic("fred", "fredpw").Authorization };
    assert.deepStrictEqual(await verify(sockets, await requestOf(made, { authorization })), [true]);
    const refused = async (...values) => (await verify(sockets, await requestOf(made, ...values))).slice(0, 3);
    assert.deepStrictEqual(await refused({}), [false, 401, "Unauthorized"]);
    assert.deepStrictEqual(await refused(await sessionOf(made, "vera")), [false, 403, "Forbidden"]);
    assert.deepStrictEqual(await refused(await sessionOf(made, "paul")), [false, 403, "Forbidden"]);
    assert.deepStrictEqual(await refused(await sessionOf(made, "fred"), { origin: "https://evil.example" }), [
        false,
        403,
        "Forbidden",
    ]);
    const { key } = made.sessions.find(made.gate.cookie.read({ headers: await sessionOf(made, "fred") }, false)[0]);
    assert.ok(key);
    for (const one of made.sessions.connections.keys()) {
        await made.sessions.end(one);
    }
    assert.ok(fred.socket.gone);
});

test("a websocket node whose check fails gets no socket", async () => {
    const made = makeGate();
    made.gate.identify = async () => {
        throw new Error("broken");
    };
    const request = await requestOf(made, {});
    new Sockets(made.gate).webSocket({ req: request }, assert.fail);
    await until(() => request.socket.gone);
    assert.match(made.said[0], /^a socket failed/);
});

// ioMiddleware

async function connect(sockets, request, more = {}) {
    const socket = {
        request: { ...request, url: "/ui/socket.io/?x" },
        handshake: { auth: { user: { username: "mallory" }, other: 1 } },
        conn: Object.assign(new EventEmitter(), { readyState: "open" }),
        disconnect() {
            this.gone = true;
        },
        use(check) {
            this.check = check;
        },
        on: EventEmitter.prototype.on,
        ...more,
    };
    const error = await new Promise((resolve) => {
        sockets.socketIo(socket, resolve);
    });
    const receive = (...packet) => {
        let passed = false;
        socket.check(packet, () => {
            passed = true;
        });
        return passed;
    };
    return { socket, error, receive };
}

test("a dashboard's socket knows who is behind it", async () => {
    const made = makeGate();
    const sockets = new Sockets(made.gate);
    const { socket, error, receive } = await connect(sockets, await requestOf(made, await sessionOf(made, "fred")), {
        data: { kept: 1 },
    });
    assert.strictEqual(error, undefined);
    assert.deepStrictEqual(socket.data, { kept: 1, user: { username: "fred", permissions: "*" } });
    assert.deepStrictEqual(socket.handshake.auth, { other: 1 });
    const claimed = { payload: 1, _client: { user: { username: "mallory" }, socketId: "of another" } };
    assert.ok(receive("widget-action", "id", claimed));
    assert.deepStrictEqual(claimed, { payload: 1, _client: { user: { username: "fred", permissions: "*" } } });
    const nested = [[structuredClone(claimed)], null];
    nested[0][0]._client = { user: "mallory" };
    assert.ok(receive("widget-send", "id", nested));
    assert.strictEqual(nested[0][0]._client.user.username, "fred");
    const inherited = JSON.parse('{"payload": 1, "__proto__": {"_client": {"user": {"username": "mallory"}}}}');
    assert.ok(receive("widget-action", "id", inherited));
    assert.strictEqual(Object.assign({}, inherited)._client, undefined);
    assert.deepStrictEqual(Object.keys(inherited), ["payload"]);
    await made.sessions.end([...made.sessions.connections.keys()][0]);
    assert.ok(socket.gone);
});

test("a dashboard's socket is for those who have logged in, on its own pages", async () => {
    const made = makeGate({ open: ["/open/*"] });
    const sockets = new Sockets(made.gate);
    const refused = async (credentials, more) =>
        (await connect(sockets, await requestOf(made, credentials, more))).error;
    for (const values of [
        [{}],
        [{ cookie: `nodered-0123abcd=${"a".repeat(43)}` }],
        [{ authorization: basic("fred", "no").Authorization }],
        [await sessionOf(made, "fred"), { origin: "https://evil.example" }],
        [await sessionOf(made, "fred"), { "sec-fetch-site": "same-site" }],
    ]) {
        assert.strictEqual((await refused(...values)).message, "Unauthorized");
    }
    const { error, receive } = await connect(
        sockets,
        await requestOf(made, { authorization: basic("paul", "paulpw").Authorization }),
    );
    assert.strictEqual(error, undefined);
    assert.ok(receive("anything"));
});

test("who may only read presses nothing", async () => {
    const made = makeGate();
    const { error, receive } = await connect(
        new Sockets(made.gate),
        await requestOf(made, await sessionOf(made, "vera")),
    );
    assert.strictEqual(error, undefined);
    for (const packet of [
        ["ui-replay-state"],
        ["ui-refresh"],
        ["ui-change", 1],
        ["ui-change", "1"],
        ["ui-change", null],
        ["widget-load", "id"],
    ]) {
        assert.ok(receive(...packet), packet[0]);
    }
    for (const event of [
        "update-value",
        "widget-action",
        "widget-change",
        "widget-send",
        "some-widgets-own",
        "ui-params",
        "ui-collapse",
        "ui-audio",
        "UI-PARAMS",
        "__proto__",
        "constructor",
    ]) {
        assert.ok(!receive(event, "id", {}), event);
    }
});

test("what would end a dashboard does not reach it", async () => {
    const made = makeGate();
    const { receive } = await connect(new Sockets(made.gate), await requestOf(made, await sessionOf(made, "fred")));
    for (const packet of [
        ["ui-params"],
        ["ui-params", null],
        ["ui-collapse", "x"],
        ["ui-change", { toString: 1, valueOf: 1 }],
        ["ui-change", [1]],
        ["ui-audio", 5],
        ["ui-audio"],
        ["update-value", null],
        ["widget-load", 5],
        ["widget-load"],
        ["widget-action", { a: 1 }],
        ["widget-change", null],
        ["widget-send", []],
    ]) {
        assert.ok(!receive(...packet), JSON.stringify(packet));
    }
});

test("what a widget cannot take ends nothing, and is told", async () => {
    const made = makeGate();
    const { socket } = await connect(new Sockets(made.gate), await requestOf(made, await sessionOf(made, "fred")));
    const events = Object.assign(socket, { emit: EventEmitter.prototype.emit });
    const seen = [];
    const listener = (value) => seen.push(value);
    events.on("change", listener);
    events.on("change", () => {
        throw new TypeError("not a number");
    });
    events.on("change", async () => {
        throw new Error("not in time");
    });
    events.emit("change", 5);
    EventEmitter.prototype.removeListener.call(events, "change", listener);
    events.emit("change", 6);
    await new Promise(setImmediate);
    assert.deepStrictEqual(seen, [5]);
    assert.ok(made.said.some((line) => /^a dashboard could not take a message: TypeError: not a number/.test(line)));
    assert.ok(made.said.some((line) => /^a dashboard could not take a message: Error: not in time/.test(line)));
});

test("an open dashboard has nobody behind it, and takes no foreign page", async () => {
    const made = makeGate({ open: ["/ui/*"] });
    const sockets = new Sockets(made.gate);
    const { socket, error, receive } = await connect(sockets, await requestOf(made, await sessionOf(made, "fred")));
    assert.strictEqual(error, undefined);
    assert.strictEqual(socket.data.user, undefined);
    const claimed = { _client: { user: { username: "mallory" } } };
    assert.ok(receive("widget-action", "id", claimed));
    assert.deepStrictEqual(claimed, { _client: {} });
    assert.ok((await connect(sockets, await requestOf(made, {}, { origin: "https://evil.example" }))).error);
});

test("a dashboard's socket whose check fails is closed", async () => {
    const made = makeGate();
    made.gate.identify = async () => {
        throw new Error("broken");
    };
    const socket = {
        request: { method: "GET", url: "/ui/socket.io/", headers: {} },
        disconnect() {
            this.gone = true;
        },
    };
    new Sockets(made.gate).socketIo(socket, assert.fail);
    await until(() => socket.gone);
    assert.match(made.said[0], /^a socket failed/);
});
