// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The same with a provider that others have written, over TLS.
"use strict";
const assert = require("node:assert");
const { execFileSync, spawn } = require("node:child_process");
const fs = require("node:fs");
const https = require("node:https");
const net = require("node:net");
const path = require("node:path");
const { test } = require("node:test");
const { OIDC, load, temporaryFolder } = require("./support.js");
const { identityOf } = load("oidc/claims.js");
const { makeFetch } = load("oidc/http.js");
const { parseOidc } = load("oidc/options.js");
const { OpenIdProvider } = load("oidc/provider.js");

const CALLBACK = `${OIDC.url}/_login/callback`;
const FOLDER = temporaryFolder();
execFileSync(
    "openssl",
    [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split(" "),
        ..."-addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem".split(" "),
    ],
    { cwd: FOLDER, stdio: "ignore" },
);
const AUTHORITY = path.join(FOLDER, "cert.pem");

function freePort() {
    return new Promise((resolve) => {
        const server = net.createServer().listen(0, "127.0.0.1", () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

async function start(context, changes) {
    const port = await freePort();
    const wanted = {
        modules: process.env.OIDC_PROVIDER_MODULES,
        folder: FOLDER,
        port,
        redirectUris: [CALLBACK],
        secret: OIDC.client_secret,
        method: "client_secret_basic",
        algorithm: "RS256",
        inIdToken: false,
        people: { anna: ["family"], boss: ["admins"] },
        unverified: ["boss"],
        offset: 0,
        lifetime: 3600,
        ...changes,
    };
    const provider = spawn(process.env.OIDC_PROVIDER_NODE, [path.resolve(__dirname, "../../provider.mjs")], {
        env: { ...process.env, PROVIDER: JSON.stringify(wanted) },
        stdio: ["ignore", "pipe", "ignore"],
    });
    context.after(() => provider.kill());
    await new Promise((resolve, reject) => {
        provider.stdout.once("data", resolve);
        provider.once("exit", (code) => reject(new Error(`the provider ended with ${code}`)));
    });
    const options = parseOidc({ ...OIDC, issuer: `https://localhost:${port}` });
    return { options, provider: new OpenIdProvider({ options, fetch: makeFetch(AUTHORITY) }) };
}

// A browser that only knows the provider.
function go(cookies, url, form) {
    const headers = { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    const method = form === undefined ? "GET" : "POST";
    const body = form && new URLSearchParams(form).toString();
    if (form) {
        Object.assign(headers, { "Content-Type": "application/x-www-form-urlencoded", Origin: new URL(url).origin });
    }
    return new Promise((resolve, reject) => {
        const request = https.request(url, { method, headers, ca: fs.readFileSync(AUTHORITY) }, (answer) => {
            let text = "";
            answer.setEncoding("utf8").on("data", (part) => {
                text += part;
            });
            answer.on("end", () => {
                for (const line of answer.headers["set-cookie"] || []) {
                    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
                    if (value === "") {
                        cookies.delete(name);
                    } else {
                        cookies.set(name, value);
                    }
                }
                resolve({ text, location: answer.headers.location && new URL(answer.headers.location, url) });
            });
        });
        request.on("error", reject);
        request.end(body);
    });
}

/** @returns {Promise<URL>} What the provider sends the browser back to. */
async function logInAt(url, name, cookies = new Map(), cancels = false) {
    let answer = await go(cookies, url);
    for (let step = 0; step < 20; step += 1) {
        if (answer.location && answer.location.href.startsWith(CALLBACK)) {
            return answer.location;
        }
        const current = answer.location || url;
        if (answer.location) {
            answer = await go(cookies, answer.location);
            answer.at = current;
            continue;
        }
        const [, action] = /<form[^>]* action="([^"]+)"/.exec(answer.text);
        const hidden = [...answer.text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)];
        const fields = {
            ...Object.fromEntries(hidden.map(([, key, value]) => [key, value])),
            login: name,
            password: "x",
        };
        const target = new URL(cancels ? /href="([^"]*\/abort)"/.exec(answer.text)[1] : action, answer.at);
        answer = cancels ? await go(cookies, target) : await go(cookies, target, fields);
    }
    throw new Error("It does not come back.");
}

async function identity({ options, provider }, name) {
    const { url, attempt } = await provider.begin(CALLBACK, false);
    return identityOf(await provider.finish(await logInAt(url, name), attempt, CALLBACK), options);
}

for (const changes of [
    { method: "client_secret_basic", algorithm: "RS256", inIdToken: true },
    { method: "client_secret_post", algorithm: "ES256", inIdToken: false },
]) {
    test(`who comes back is who has logged in: ${Object.values(changes).join(", ")}`, async (context) => {
        const made = await start(context, changes);
        assert.deepStrictEqual(await identity(made, "anna"), {
            username: "anna",
            groups: ["family"],
            email: "anna@example.com",
        });
        assert.deepStrictEqual(await identity(made, "boss"), { username: "boss", groups: ["admins"] });
    });
}

test("the provider takes no code twice, nor of somebody else, and tells who cancels", async (context) => {
    const { provider } = await start(context, {});
    const { url, attempt } = await provider.begin(CALLBACK, false);
    const cookies = new Map();
    const back = await logInAt(url, "anna", cookies);
    assert.strictEqual((await provider.finish(back, attempt, CALLBACK)).sub, "anna");
    await assert.rejects(provider.finish(back, attempt, CALLBACK), { error: "invalid_grant" });
    // It knows the browser, and asks nobody; with `again` it does.
    const second = await provider.begin(CALLBACK, false);
    const other = { ...second.attempt, verifier: attempt.verifier };
    const stolen = await logInAt(second.url, undefined, cookies);
    await assert.rejects(provider.finish(stolen, other, CALLBACK), { error: "invalid_grant" });
    const again = await provider.begin(CALLBACK, true);
    assert.strictEqual(
        (await provider.finish(await logInAt(again.url, "boss", cookies), again.attempt, CALLBACK)).sub,
        "boss",
    );
    const third = await provider.begin(CALLBACK, true);
    const cancelled = await logInAt(third.url, "anna", new Map(), true);
    await assert.rejects(provider.finish(cancelled, third.attempt, CALLBACK), { error: "access_denied" });
});

for (const [offset, holds] of [
    [60, true],
    [-60, true],
    [-3700, false],
    [120, false],
]) {
    test(`a clock that is ${offset} seconds ahead ${holds ? "does no harm" : "is told"}`, async (context) => {
        const { provider } = await start(context, { offset });
        const { url, attempt } = await provider.begin(CALLBACK, false);
        const claims = logInAt(url, "anna").then((back) => provider.finish(back, attempt, CALLBACK));
        if (holds) {
            assert.strictEqual((await claims).sub, "anna");
        } else {
            await assert.rejects(claims, { code: "OAUTH_JWT_TIMESTAMP_CHECK_FAILED" });
        }
    });
}
