// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A provider of OpenID Connect that others have written: npm's oidc-provider, on loopback. What it is like stands in
// JSON in the environment variable PROVIDER: modules (a directory node_modules), folder (with key.pem and cert.pem),
// port, redirectUris, secret, method, algorithm, inIdToken (whether groups stand in the ID token), people (groups by
// name), unverified (names whose address is not verified), offset (seconds that its clock is ahead).
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const wanted = JSON.parse(process.env.PROVIDER);
const now = Date.now.bind(Date);
Date.now = () => now() + wanted.offset * 1000;

const { Provider } = await import(pathToFileURL(join(wanted.modules, "oidc-provider/lib/index.js")).href);
const { privateKey } =
    wanted.algorithm === "ES256"
        ? generateKeyPairSync("ec", { namedCurve: "P-256" })
        : generateKeyPairSync("rsa", { modulusLength: 2048 });

const provider = new Provider(`https://localhost:${wanted.port}`, {
    clients: [
        {
            client_id: "nodered",
            client_secret: wanted.secret,
            redirect_uris: wanted.redirectUris,
            token_endpoint_auth_method: wanted.method,
            id_token_signed_response_alg: wanted.algorithm,
        },
    ],
    clientAuthMethods: [wanted.method],
    findAccount: (_context, id) => ({
        accountId: id,
        claims: () => ({
            sub: id,
            preferred_username: id,
            email: `${id}@example.com`,
            email_verified: !wanted.unverified.includes(id),
            groups: wanted.people[id],
        }),
    }),
    claims: { profile: ["preferred_username"], email: ["email", "email_verified"], groups: ["groups"] },
    conformIdTokenClaims: !wanted.inIdToken,
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: wanted.algorithm, kid: "key" }] },
    cookies: { keys: ["a key of tests"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
});

const file = (name) => readFileSync(join(wanted.folder, name));
createServer({ key: file("key.pem"), cert: file("cert.pem") }, provider.callback()).listen(
    wanted.port,
    "127.0.0.1",
    () => console.log("The provider is ready."),
);
