// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A provider of OpenID Connect for tests. It asks for no password: who somebody is stands in the cookie `who`.
import fs from "node:fs";
import https from "node:https";
import Provider from "oidc-provider";

const { issuer, ...client } = JSON.parse(fs.readFileSync("configuration.json", "utf8"));

const ACCOUNTS = {
    anna: { groups: ["admins", "family"], email: "anna@example.com", email_verified: true },
    bert: { groups: ["family"], email: "bert@elsewhere.example", email_verified: true },
    carol: { groups: [], email: "carol@example.com", email_verified: true },
    eve: { groups: ["strangers"], email: "eve@example.com", email_verified: false },
};

const provider = new Provider(issuer, {
    clients: [client],
    claims: {
        openid: ["sub"],
        profile: ["preferred_username"],
        email: ["email", "email_verified"],
        groups: ["groups"],
    },
    scopes: ["openid", "profile", "email", "groups"],
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ["of-the-tests"] },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    findAccount: (ctx, sub) => ({
        accountId: sub,
        claims: () => ({ sub, preferred_username: sub, ...ACCOUNTS[sub] }),
    }),
    // Nobody is asked whether the client may know that.
    loadExistingGrant: async (ctx) => {
        const { client: { clientId }, session: { accountId } } = ctx.oidc;
        const grant = new ctx.oidc.provider.Grant({ clientId, accountId });
        grant.addOIDCScope("openid profile email groups");
        await grant.save();
        return grant;
    },
});

const answer = provider.callback();
const whose = (request) => /(?:^|; )who=(\w+)/.exec(request.headers.cookie || "")?.[1];

async function interact(request, response) {
    await provider.interactionDetails(request, response);
    const who = whose(request);
    const result = who in ACCOUNTS ? { login: { accountId: who } }
        : { error: "access_denied", error_description: "nobody is logged in" };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

https.createServer({ key: fs.readFileSync("key.pem"), cert: fs.readFileSync("server.pem") }, (request, response) => {
    if (!request.url.startsWith("/interaction/")) { return answer(request, response); }
    return interact(request, response).catch((error) => response.writeHead(500).end(String(error)));
}).listen(new URL(issuer).port);
