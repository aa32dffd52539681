// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The judge is Express, which Node-RED serves with. NODE_PATH says where npm has put it.
"use strict";
const assert = require("node:assert");
const http = require("node:http");
const net = require("node:net");
const { test } = require("node:test");
const express = require("express");
const { basic, makeGate } = require("./support.js");

const PIECES = [
    "/",
    "//",
    "webhook",
    "WEBHOOK",
    "%77ebhook",
    "health",
    "api",
    "secret",
    "ui",
    ".",
    "..",
    "%2e%2e",
    "%2E",
    "%2f",
    "%5c",
    "\\",
    ";",
    "..;",
    "?",
    "#",
    "%",
    "%00",
    "@",
    ":",
    "*",
    "x",
    "/webhook/x",
    "/secret",
    "/api/secret",
    "%252e",
    "&",
    "=",
    "~",
    "%c0%ae",
    "http://h",
    "/./",
    "/../",
    "a.js",
];

// Numbers that look random and are the same in each run.
function numbers(seed) {
    let state = seed;
    return (below) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
    };
}

function application({ gate, routes }) {
    const app = express();
    const tell = (name) => (request, response) =>
        response.send(`SERVED ${name} ${JSON.stringify(request.user || null)}`);
    app.use("/", (request, response, next) => routes.http(request, response, () => gate.http(request, response, next)));
    const nodes = express();
    for (const path of ["/secret", "/webhook", "/api/secret", "/apix", "/healthy", "/ui", "/"]) {
        nodes.all(path, tell(path));
    }
    nodes.all("/webhook/:name", tell("webhook"));
    nodes.all("/webhook/:name/:more", tell("webhook"));
    nodes.all("/health", tell("health"));
    nodes.use("/own", tell("own"));
    app.use("/", nodes);
    return app;
}

// Without the parser of Node.js before it, which would refuse some of the targets.
function askExpress(app, target, headers) {
    return new Promise((resolve) => {
        const request = new http.IncomingMessage(new net.Socket());
        Object.assign(request, { method: "GET", url: target, headers: { host: "h", ...headers } });
        const response = new http.ServerResponse(request);
        response.end = (text) => resolve(String(text));
        app(request, response, () => resolve("nothing is there"));
    });
}

function* makeTargets(seed) {
    const number = numbers(seed);
    for (let count = 0; count < 20000; count += 1) {
        const rest = Array.from({ length: 1 + number(5) }, () => PIECES[number(PIECES.length)]).join("");
        yield number(8) === 0 ? rest : `/${rest}`;
    }
}

// What was served, by target.
async function serveAll(app, seed, headers) {
    const served = [];
    for (const target of makeTargets(seed)) {
        const [, name] = /^SERVED (\S+)/.exec(await askExpress(app, target, headers)) || [];
        if (name !== undefined) {
            served.push([target, name]);
        }
    }
    return served;
}

test("Express serves nothing to a stranger but what is open", async () => {
    const served = await serveAll(application(makeGate()), 1, {});
    assert.ok(served.length > 100, `${served.length} were served`);
    for (const [target, name] of served) {
        assert.ok(["webhook", "health"].includes(name), `${target}: ${name}`);
        assert.match(target, /^\/(webhook\/[^/?]|health\/?(\?|$))/);
    }
});

test("Express serves to a restricted user nothing outside of the paths", async () => {
    const { Authorization: authorization } = basic("paul", "paulpw");
    const served = await serveAll(application(makeGate({ open: [] })), 2, { authorization });
    assert.ok(served.length > 100, `${served.length} were served`);
    for (const [target, name] of served) {
        assert.ok(["/ui", "/api/secret"].includes(name), `${target}: ${name}`);
    }
});

test("without the gate Express serves such targets in many ways", async () => {
    const app = express();
    app.all("/secret", (request, response) => response.send("SERVED /secret"));
    const served = await serveAll(app, 3, {});
    assert.ok(new Set(served.map(([target]) => target.replace(/\?.*/, ""))).size > 10, `${served}`);
});
