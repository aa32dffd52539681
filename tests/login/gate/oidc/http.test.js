// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"use strict";
const assert = require("node:assert");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const https = require("node:https");
const path = require("node:path");
const { test } = require("node:test");
const { load, temporaryFolder } = require("./support.js");
const { makeFetch } = load("oidc/http.js");

const FOLDER = temporaryFolder();
const AUTHORITY = path.join(FOLDER, "authority.pem");
execFileSync(
    "openssl",
    [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split(" "),
        ..."-addext subjectAltName=DNS:localhost -keyout key.pem -out authority.pem".split(" "),
    ],
    { cwd: FOLDER, stdio: "ignore" },
);

/** @returns {Promise<string>} The URL of a server that answers so. */
async function serve(context, listener) {
    const tls = { key: fs.readFileSync(path.join(FOLDER, "key.pem")), cert: fs.readFileSync(AUTHORITY) };
    const server = https.createServer(tls, listener);
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    context.after(() => {
        server.closeAllConnections();
        server.close();
    });
    return `https://localhost:${server.address().port}/x`;
}

test("a provider with an authority of its own is believed where that is known", async (context) => {
    const url = await serve(context, (request, response) => {
        let text = "";
        request.on("data", (part) => {
            text += part;
        });
        request.on("end", () => {
            response.setHeader("Set-Cookie", ["a=b", "c=d"]);
            response.setHeader("Content-Type", "application/json");
            response.end(JSON.stringify({ text, method: request.method, headers: request.headers }));
        });
    });
    const fetch = makeFetch(AUTHORITY);
    const answer = await fetch(url, {
        method: "POST",
        headers: { accept: "x/y" },
        body: new URLSearchParams({ a: "ä" }),
    });
    assert.deepStrictEqual([answer.status, answer.headers.get("content-type")], [200, "application/json"]);
    const seen = await answer.json();
    assert.deepStrictEqual([seen.method, seen.text, seen.headers.accept], ["POST", "a=%C3%A4", "x/y"]);
    assert.strictEqual((await (await fetch(url)).json()).method, "GET");
    await assert.rejects(makeFetch()(url), /^Error: localhost:\d+: self.signed certificate/);
    await assert.rejects(makeFetch(path.join(FOLDER, "none.pem"))(url), /ENOENT/);
});

test("public authorities are believed besides", async (context) => {
    const given = [];
    context.mock.method(https, "request", (_url, options) => {
        given.push(options);
        throw new Error("enough");
    });
    await assert.rejects(makeFetch(AUTHORITY)("https://id.example.com"), /enough/);
    await assert.rejects(makeFetch()("https://id.example.com"), /enough/);
    assert.ok(given[0].ca.length > 50);
    assert.strictEqual(given[0].ca.pop(), fs.readFileSync(AUTHORITY, "utf8"));
    assert.ok(!("ca" in given[1]));
});

test("nothing is followed", async (context) => {
    const url = await serve(context, (request, response) => {
        assert.strictEqual(request.url, "/x");
        response.writeHead(302, { Location: "/other" }).end();
    });
    const answer = await makeFetch(AUTHORITY)(url, { redirect: "follow" });
    assert.deepStrictEqual([answer.status, answer.headers.get("location")], [302, "/other"]);
});

test("an answer without content", async (context) => {
    const url = await serve(context, (_request, response) => response.writeHead(204).end());
    assert.strictEqual(await (await makeFetch(AUTHORITY)(url)).text(), "");
});

test("an answer has to come in time", async (context) => {
    const url = await serve(context, (_request, response) => response.write("{"));
    await assert.rejects(makeFetch(AUTHORITY, 200)(url), /^Error: localhost:\d+: no answer within 0\.2 seconds$/);
});

test("an answer has to be of some size", async (context) => {
    const url = await serve(context, (request, response) => {
        const write = () => response.write("x".repeat(65536), write);
        response.on("error", () => {});
        write();
    });
    await assert.rejects(makeFetch(AUTHORITY)(url), /^Error: localhost:\d+: an answer of more than 1000000 bytes$/);
});

test("an answer has to be whole", async (context) => {
    const url = await serve(context, (_request, response) => {
        response.writeHead(200, { "Content-Length": 10 });
        response.write("x", () => response.destroy());
    });
    await assert.rejects(makeFetch(AUTHORITY)(url), /^Error: localhost:\d+: /);
});

test("who does not answer is named, and plain HTTP is not spoken", async () => {
    await assert.rejects(makeFetch()("https://localhost:1/x"), /^Error: localhost:1: .*ECONNREFUSED/);
    await assert.rejects(makeFetch()("http://localhost:1/x"), { code: "ERR_INVALID_PROTOCOL" });
});
