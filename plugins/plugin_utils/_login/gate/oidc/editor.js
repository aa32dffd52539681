// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The provider's users in the editor, beside its local ones. settings.js hands these functions to Node-RED, by the
// settings that it has for them: httpAdminMiddleware, and adminAuth.tokens.
"use strict";
const path = require("path");
const { parseOptions, readData } = require("../options.js");
const { EditorSignOn } = require("./editor_sign_on.js");
const { makeProvider } = require("./oidc.js");
const { parseOidc } = require("./options.js");

const data = readData();
const oidc = parseOidc(data.oidc);
const signOn = new EditorSignOn({
    options: parseOptions(data),
    oidc,
    provider: makeProvider(oidc),
    file: path.join(__dirname, "editor_sessions.json"),
    warn: (text) => console.warn(`[pifleet] ${text}`),
});

module.exports = {
    /** What the plugin calls, so that a socket that comes before any request is known. */
    guard: (server) => signOn.sockets.guard(server),
    middleware: (request, response, next) => signOn.middleware(request, response, next),
    tokens: (token) => signOn.tokens(token),
};
