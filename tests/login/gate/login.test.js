// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// login.js as a Node-RED loads it. The Node-REDs are made up; tests/login has real ones.
"use strict";
const assert = require("node:assert");
const { EventEmitter } = require("node:events");
const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const { test } = require("node:test");
const { DATA, GATE, bcrypt, makeGate } = require("./support.js");

const resolve = Module._resolveFilename;
const load = Module._load;

/** Loads login.js anew, or another: with this login.json, in a program whose main module can require these. */
function loadLogin(data, program, name = "login.js") {
    for (const file of Object.keys(require.cache)) {
        if (file.startsWith(GATE) || file.endsWith("/login.json")) {
            delete require.cache[file];
        }
    }
    const file = makeGate().file.replace("sessions.json", "login.json");
    if (data !== undefined) {
        fs.writeFileSync(file, typeof data === "string" ? data : JSON.stringify(data));
    }
    Module._resolveFilename = function (request, ...more) {
        return request === "./login.json" ? resolve.call(this, file, ...more) : resolve.call(this, request, ...more);
    };
    Module._load = function (request, parent, ...more) {
        if (parent === require.main && program && request in program) {
            return program[request];
        }
        if (parent === require.main && !request.startsWith("/") && !request.startsWith("node:")) {
            throw Object.assign(new Error("no"), { code: "MODULE_NOT_FOUND" });
        }
        return load.call(this, request, parent, ...more);
    };
    try {
        return require(path.join(GATE, name));
    } finally {
        Module._resolveFilename = resolve;
    }
}
const four = { "./package.json": { name: "node-red", version: "4.1.15" }, bcryptjs: bcrypt };

test("a file that is missing, or says nothing, ends the start", () => {
    assert.throws(() => loadLogin(undefined, four), /^Error: nodelogin\/login\.json is missing\.$/);
    for (const text of ["", "{", '{"users": [{"password": "$2b$08$secret"}]']) {
        assert.throws(() => loadLogin(text, four), /^Error: nodelogin\/login\.json cannot be read as JSON\.$/);
    }
    assert.throws(
        () => loadLogin({ ...DATA, users: [{}] }, four),
        /^Error: nodelogin\/login\.json: users\[0\] has no valid username\.$/,
    );
});

test("Node-RED 4 and 5 get a function as httpNodeAuth", () => {
    for (const version of ["4.0.0", "4.1.15", "5.0.7", "10.0.0"]) {
        const login = loadLogin(DATA, { ...four, "./package.json": { name: "node-red", version } });
        assert.strictEqual(login.httpNodeAuth, login.http, version);
        assert.strictEqual(typeof login.webSocket, "function");
        assert.strictEqual(login.webSocket.length, 2);
    }
});

test("where the release cannot be told, the function is given", () => {
    for (const program of [
        undefined,
        {},
        { "./package.json": { name: "something", version: "3.1.0" } },
        { "./package.json": {} },
    ]) {
        const login = loadLogin(DATA, program);
        assert.strictEqual(login.httpNodeAuth, login.http);
    }
});

test("in Node-RED 3 the gate is the first of what nodes are served with", () => {
    const used = [];
    const RED = {
        httpNode: { use: (middleware) => used.push(middleware) },
        init(server, settings) {
            this.given = [server, settings];
            return "result";
        },
    };
    const login = loadLogin(DATA, { "./package.json": { name: "node-red", version: "3.1.15" }, "./lib/red.js": RED });
    assert.strictEqual(login.httpNodeAuth, undefined);
    assert.strictEqual(RED.init("server", "settings"), "result");
    assert.deepStrictEqual(RED.given, ["server", "settings"]);
    assert.deepStrictEqual(used, [login.http]);
    // Instead of starting open.
    assert.throws(() => loadLogin(DATA, { "./package.json": { name: "node-red", version: "3.1.15" } }));
});

test("nothing is read or written before somebody comes", () => {
    const before = fs.readdirSync(GATE);
    loadLogin(DATA, four);
    assert.deepStrictEqual(fs.readdirSync(GATE), before);
});

function answerOf(handler, request) {
    return new Promise((resolve) => {
        const response = {
            writeHead(status, headers) {
                Object.assign(this, { status, headers });
            },
            end() {
                resolve(this);
            },
        };
        handler({ method: "GET", headers: {}, socket: {}, ...request }, response, () => resolve("passed"));
    });
}

test("what is exported asks for a login", async () => {
    const login = loadLogin(DATA, four);
    assert.strictEqual((await answerOf(login.http, { url: "/x" })).status, 401);
    assert.strictEqual((await answerOf(login.http, { url: "/_login" })).status, 200);
    assert.strictEqual(await answerOf(login.http, { url: "/health", rawHeaders: [] }), "passed");
    const request = { method: "GET", url: "/ws", headers: {}, socket: {} };
    assert.strictEqual(await new Promise((resolve) => login.webSocket({ req: request }, resolve)), false);
    const error = await new Promise((resolve) => login.socketIo({ request }, resolve));
    assert.strictEqual(error.message, "Unauthorized");
});

test("a failed login is one line on the console", async (context) => {
    const login = loadLogin(DATA, four);
    const warn = context.mock.method(console, "warn", () => {});
    const authorization = `Basic ${Buffer.from("x\ny:z").toString("base64")}`;
    await answerOf(login.http, {
        url: "/x",
        headers: { authorization },
        socket: { remoteAddress: "::ffff:192.0.2.1" },
    });
    assert.deepStrictEqual(
        warn.mock.calls.map((call) => call.arguments),
        [['[pifleet] login failed: user="x\\ny" from=192.0.2.1']],
    );
});

// A Node-RED as plugins see it, and what reaches the listeners of its server.
function makeRED(login, settings, nodes = []) {
    const server = new EventEmitter();
    server.on("request", () => {});
    const RED = { server, settings, nodes: { eachNode: (visit) => nodes.forEach(visit) } };
    login.protect(RED);
    const upgrade = (url) =>
        new Promise((resolve) => {
            const socket = Object.assign(new EventEmitter(), {
                end: (text) => resolve(text.split("\r\n")[0].split(" ")[1]),
                destroy: () => {},
            });
            const authorization = `Basic ${Buffer.from("vera:verapw").toString("base64")}`;
            server.once("upgrade", () => resolve("101"));
            server.emit(
                "upgrade",
                { url, method: "GET", headers: { authorization }, rawHeaders: [], socket },
                socket,
                Buffer.alloc(0),
            );
        });
    return { upgrade };
}

test("the editor's socket is where Node-RED has it", async () => {
    for (const [settings, url, status] of [
        [{}, "/comms", "101"],
        [{ httpAdminRoot: "/" }, "/comms", "101"],
        [{ httpAdminRoot: "/admin" }, "/admin/comms", "101"],
        [{ httpAdminRoot: "admin/" }, "/admin/comms", "101"],
        [{ httpAdminRoot: "/admin" }, "/comms", "403"],
        [{ httpAdminRoot: false }, "/comms", "403"],
        [{ disableEditor: true }, "/comms", "403"],
    ]) {
        const { upgrade } = makeRED(loadLogin(DATA, four), settings);
        assert.strictEqual(await upgrade(url), status, JSON.stringify(settings));
    }
});

test("who may only read gets the sockets that are filtered, and no others", async () => {
    const login = loadLogin(DATA, four);
    const filtered = { ioMiddleware: login.socketIo };
    const nodes = [{ type: "ui-base", path: "/dashboard" }, { type: "other", path: "/other" }, { type: "ui-base" }];
    const statuses = async (settings) => {
        const { upgrade } = makeRED(login, settings, nodes);
        const root = settings.httpNodeRoot || "";
        const answers = [];
        for (const url of ["/ui/socket.io/?x", "/dashboard/socket.io/?x", "/other/socket.io/?x", "/ui/x"]) {
            answers.push(await upgrade(root + url));
        }
        return answers;
    };
    assert.deepStrictEqual(await statuses({ ui: filtered, dashboard: filtered }), ["101", "101", "403", "403"]);
    assert.deepStrictEqual(await statuses({ ui: { ioMiddleware: [login.socketIo] }, httpNodeRoot: "/api" }), [
        "101",
        "101",
        "403",
        "403",
    ]);
    assert.deepStrictEqual(await statuses({ ui: { ...filtered, path: "other" }, dashboard: {} }), [
        "403",
        "403",
        "101",
        "403",
    ]);
    assert.deepStrictEqual(await statuses({}), ["403", "403", "403", "403"]);
    assert.deepStrictEqual(await statuses({ ui: { ioMiddleware: () => {} }, dashboard: { path: "x" } }), [
        "403",
        "403",
        "403",
        "403",
    ]);
});

test("httpNodeCors answers preflights, by the library that Node-RED has", async () => {
    const preflight = {
        method: "OPTIONS",
        url: "/x",
        headers: { origin: "https://a", "access-control-request-method": "PUT" },
    };
    const given = [];
    const cors = (options) => {
        given.push(options);
        return (request, response, next) => next();
    };
    const login = loadLogin(DATA, { ...four, cors });
    assert.strictEqual((await answerOf(login.http, preflight)).status, 401);
    makeRED(login, { httpNodeCors: { origin: "*" } });
    assert.deepStrictEqual(given, [{ origin: "*" }]);
    assert.strictEqual((await answerOf(login.http, preflight)).status, 204);
    const without = loadLogin(DATA, four);
    makeRED(without, { httpNodeCors: { origin: "*" } });
    assert.strictEqual((await answerOf(without.http, preflight)).status, 401);
    without.protect({ settings: {} });
});

// The plugin

test("Dashboard 2 learns from the plugin who is behind a page", () => {
    loadLogin(DATA, four);
    const registered = [];
    const RED = { settings: {}, plugins: { registerPlugin: (...values) => registered.push(values) } };
    require(path.join(GATE, "plugin/plugin.js"))(RED);
    const [[name, { type, hooks }]] = registered;
    assert.deepStrictEqual([name, type], ["pifleet-login", "node-red-dashboard-2"]);
    const fred = { username: "fred", permissions: "*" };
    const named = (connection, message) => hooks.onAddConnectionCredentials(connection, message);
    assert.deepStrictEqual(
        named({ data: { user: fred } }, { payload: 1, _client: { socketId: "x", user: { username: "mallory" } } }),
        { payload: 1, _client: { socketId: "x", user: fred } },
    );
    assert.notStrictEqual(named({ data: { user: fred } }, {})._client.user, fred);
    assert.deepStrictEqual(named({ data: {} }, { _client: { user: { username: "mallory" } } }), { _client: {} });
    assert.deepStrictEqual(named({}, { _client: "mallory" })._client.user, undefined);
    for (const nothing of [undefined, null, "text", 5]) {
        assert.strictEqual(named({}, nothing), nothing);
    }
    const valid = (connection, message) => hooks.onIsValidConnection(connection, message);
    assert.ok(valid({ data: { user: fred } }, { _client: { user: { username: "fred" } } }));
    assert.ok(!valid({ data: { user: fred } }, { _client: { user: { username: "vera" } } }));
    assert.ok(!valid({}, { _client: { user: { username: "vera" } } }));
    // Who has the same name elsewhere is somebody else.
    const other = { username: "fred", provider: "Keycloak" };
    assert.ok(!valid({ data: { user: fred } }, { _client: { user: other } }));
    assert.ok(!valid({ data: { user: other } }, { _client: { user: { username: "fred" } } }));
    assert.ok(valid({ data: { user: other } }, { _client: { user: other } }));
    for (const message of [undefined, {}, { _client: {} }, { _client: { user: {} } }]) {
        assert.ok(valid({}, message));
        assert.ok(hooks.onCanSaveInStore(message));
    }
    // It would be shown to everybody who comes later.
    assert.ok(!hooks.onCanSaveInStore({ _client: { user: { username: "fred" } } }));
});

test("the plugin is what its package says", () => {
    const description = JSON.parse(fs.readFileSync(path.join(GATE, "plugin/package.json"), "utf8"));
    for (const file of Object.values(description["node-red"].plugins)) {
        assert.ok(fs.existsSync(path.join(GATE, "plugin", file)));
    }
});

// With a provider.

const OIDC = {
    admin_root: "/",
    authority: true,
    client_id: "nodered",
    client_secret: "secret",
    dashboards: [{ group: "family", permissions: "*" }],
    editor: [],
    groups_claim: "groups",
    issuer: "https://localhost:1",
    kind: "openid",
    name: "Keycloak",
    scope: "openid",
    session_expiry: 600,
    url: "https://kitchen.example.com",
    username_claim: "preferred_username",
};
const EDITOR = [{ group: "admins", permissions: "*" }];
const isLoaded = (name) => Object.keys(require.cache).includes(path.join(GATE, "oidc", name));

test("without a provider nothing of it is loaded, for it is not there", async () => {
    const login = loadLogin(DATA, four);
    assert.ok(!Object.keys(require.cache).some((file) => file.startsWith(path.join(GATE, "oidc"))));
    assert.strictEqual((await answerOf(login.http, { url: "/_login/oidc" })).status, 401);
});

test("what login.json says of a provider is checked at the start", () => {
    assert.throws(
        () => loadLogin({ ...DATA, oidc: { ...OIDC, issuer: "http://secret" } }, four),
        /^Error: nodelogin\/login\.json: oidc\.issuer is not a URL of https\.$/,
    );
});

test("a provider is there for dashboards where rules say so", async (context) => {
    const warn = context.mock.method(console, "warn", () => {});
    const request = { url: "/_login/oidc?next=/ui", headers: { host: "kitchen.example.com" } };
    const login = loadLogin({ ...DATA, oidc: OIDC }, four);
    // Its authority is not there.
    assert.strictEqual((await answerOf(login.http, request)).status, 502);
    assert.match(
        warn.mock.calls[0].arguments[0],
        /^\[pifleet\] sign-on failed: provider="Keycloak" reason="ENOENT: .*authority\.pem/,
    );
    const github = { ...OIDC, kind: "github", issuer: null, name: "GitHub" };
    const { status, headers } = await answerOf(loadLogin({ ...DATA, oidc: github }, four).http, request);
    assert.strictEqual(status, 302);
    assert.ok(headers.Location.startsWith("https://github.com/login/oauth/authorize?client_id=nodered&"));
    const none = loadLogin({ ...DATA, oidc: { ...OIDC, dashboards: [], editor: EDITOR } }, four);
    assert.strictEqual((await answerOf(none.http, request)).status, 401);
    assert.strictEqual((await answerOf(none.http, { url: "/_login" })).status, 200);
});

test("where the provider is for the editor, its socket is looked after from the start", () => {
    const heard = (editor) => {
        const login = loadLogin({ ...DATA, oidc: { ...OIDC, editor } }, four);
        const server = new EventEmitter();
        login.protect({ server, settings: {}, nodes: { eachNode: () => {} } });
        return server.listenerCount("upgrade");
    };
    assert.deepStrictEqual([heard(EDITOR), isLoaded("editor.js")], [1, true]);
    assert.deepStrictEqual([heard([]), isLoaded("editor.js")], [0, false]);
});

test("the editor's half does not need the other", async () => {
    const data = { ...DATA, users: [], oidc: { ...OIDC, dashboards: [], editor: EDITOR } };
    const { middleware, tokens } = loadLogin(data, four, "oidc/editor.js");
    assert.strictEqual(await tokens("a".repeat(43)), null);
    const request = { url: "/auth/oidc/choose", socket: { server: new EventEmitter() } };
    assert.strictEqual((await answerOf(middleware, request)).status, 200);
    assert.strictEqual(await answerOf(middleware, { ...request, url: "/flows" }), "passed");
    assert.ok(!fs.existsSync(path.join(GATE, "oidc/editor_sessions.json")));
});
