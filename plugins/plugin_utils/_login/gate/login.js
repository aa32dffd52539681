// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The login of what flows serve. settings.js hands these functions to Node-RED, by the settings that it has for them.
"use strict";
const path = require("path");
const { Gate } = require("./gate.js");
const { Limits } = require("./limits.js");
const { loginPage } = require("./page.js");
const { parseOptions, readData } = require("./options.js");
const { Passwords } = require("./passwords.js");
const { LoginRoutes } = require("./routes.js");
const { Sessions } = require("./sessions.js");
const { Sockets } = require("./sockets.js");

const warn = (text) => console.warn(`[pifleet] ${text}`);

// What Node-RED itself has loaded; where another program reads the settings, there is none.
function ofNodeRed(name) {
    try { return require.main.require(name); } catch (error) { return undefined; }
}

// Without a provider its files are not there.
function readOidc(data) {
    const { parseOidc } = require("./oidc/options.js");
    const { ProvidedAccounts } = require("./oidc/accounts.js");
    const oidc = parseOidc(data);
    return { oidc, accounts: oidc.dashboards.length > 0 ? new ProvidedAccounts(oidc, oidc.dashboards) : undefined };
}

function makeSignOn() {
    const { SignOn, makeProvider } = require("./oidc/oidc.js");
    const { loginPath } = options;
    return new SignOn({
        options, oidc, accounts, warn,
        provider: makeProvider(oidc),
        paths: { begin: options.signOn.path, callback: `${loginPath}/callback`, cookie: loginPath },
        hasLocal: options.users.size > 0,
        page: (more) => loginPage(options, { next: options.nodeRoot, ...more }),
    });
}

const data = readData();
const parsed = parseOptions(data);
const { oidc, accounts } = data.oidc === undefined ? {} : readOidc(data.oidc);
const options = Object.freeze({
    ...parsed, signOn: accounts && { name: oidc.name, path: `${parsed.loginPath}/oidc` } });
const gate = new Gate({
    options,
    warn,
    passwords: new Passwords({
        users: options.users,
        bcrypt: ["@node-rs/bcrypt", "bcrypt", "bcryptjs"].map(ofNodeRed).find(Boolean),
        limits: new Limits(),
        warn,
    }),
    sessions: new Sessions({
        file: path.join(__dirname, "sessions.json"),
        users: options.users,
        expiry: options.sessionExpiry,
        provided: accounts,
        warn,
    }),
});
const routes = new LoginRoutes(gate, accounts && makeSignOn());
const sockets = new Sockets(gate);

/** Middleware of Express: of httpNodeAuth, and of what lies outside of httpNodeRoot. */
function http(request, response, next) {
    routes.http(request, response, () => gate.http(request, response, next));
}

// Node-RED 3 takes no function as httpNodeAuth, and has nothing else that comes before all that nodes serve. Where the
// release cannot be told, the function is given: 3 does not start with it, instead of starting open.
function isBeforeFour() {
    const release = ofNodeRed("./package.json");
    return release !== undefined && release.name === "node-red" && parseInt(release.version, 10) < 4;
}

function putBeforeNodes() {
    const RED = require.main.require("./lib/red.js");
    const { init } = RED;
    RED.init = function initWithLogin(...values) {
        const result = init.apply(this, values);
        RED.httpNode.use(http);
        return result;
    };
}

const joined = (...parts) => `/${parts.join("/").split("/").filter(Boolean).join("/")}`;

// Where the sockets of dashboards are that let socketIo see what comes in.
function filteredSockets(RED) {
    const { settings } = RED;
    const uses = (dashboard) => dashboard && [].concat(dashboard.ioMiddleware).includes(exported.socketIo);
    const paths = [];
    if (uses(settings.ui)) { paths.push(settings.ui.path || "ui"); }
    if (uses(settings.dashboard || settings.ui)) {
        RED.nodes.eachNode((node) => { if (node.type === "ui-base" && node.path) { paths.push(node.path); } });
    }
    return paths.map((one) => `${joined(settings.httpNodeRoot || "/", one, "socket.io")}/`);
}

/**
 * What the settings do not reach: sockets of nodes that ask nobody, and preflights. For the plugin, which Node-RED
 * loads before its nodes.
 */
function protect(RED) {
    const { settings } = RED;
    const cors = settings.httpNodeCors && ofNodeRed("cors");
    if (cors) { gate.cors = cors(settings.httpNodeCors); }
    if (!RED.server) { return; }
    const hasEditor = settings.httpAdminRoot !== false && !settings.disableEditor;
    if (oidc && oidc.editor.length > 0) { require("./oidc/editor.js").guard(RED.server); }
    sockets.guard(RED.server, {
        editorSocket: hasEditor ? joined(settings.httpAdminRoot || "/", "comms") : undefined,
        editorLogin: hasEditor ? `${joined(settings.httpAdminRoot || "/", "auth")}/` : undefined,
        filteredSockets: () => filteredSockets(RED),
    });
}

const before = isBeforeFour();
if (before) { putBeforeNodes(); }

const exported = {
    http,
    httpNodeAuth: before ? undefined : http,
    protect,
    socketIo: (socket, next) => sockets.socketIo(socket, next),
    webSocket: (info, done) => sockets.webSocket(info, done),
};
module.exports = exported;
