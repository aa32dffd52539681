// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What login.json says, checked once. Whatever is not as it should be ends the start of Node-RED, and nothing is open.
"use strict";
const net = require("net");

const BCRYPT_HASH = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;
const ROOT = /^(?:\/|(?:\/[A-Za-z0-9._~!$&'()*+=:@-]+)+)$/;

function require_(fits, what) {
    if (!fits) { throw new Error(`nodelogin/login.json: ${what}.`); }
}

const isList = (value, fits) => Array.isArray(value) && value.every(fits);
const isText = (value) => typeof value === "string" && value !== "";
const isPath = (value) => typeof value === "string" && value.startsWith("/");

function parseUser(user, position) {
    const name = `users[${position}]`;
    require_(user !== null && typeof user === "object", `${name} is not an object`);
    require_(isText(user.username) && !user.username.includes(":"), `${name} has no valid username`);
    require_(BCRYPT_HASH.test(user.password), `${name} has no bcrypt hash as its password`);
    require_(["*", "read"].includes(user.permissions), `${name} has no permissions, "*" or "read"`);
    require_(user.paths === undefined || isList(user.paths, isPath), `the paths of ${name} are not a list of paths`);
    const { username, password, permissions, paths } = user;
    return Object.freeze({ username, password, permissions, paths });
}

/**
 * @param {object} data What login.json holds. Keys that are not known are ignored.
 * @returns {object} id, cookiePath, nodeRoot and loginPath (strings), title, open (paths, as in the browser's line),
 *     sessionExpiry (milliseconds without use), trustedProxies (a Set of addresses), users (a Map by name).
 * @throws {Error} that names the key, never its value.
 */
function parseOptions(data) {
    require_(data !== null && typeof data === "object" && !Array.isArray(data), "it is not an object");
    const { open = [], session_expiry: expiry = 604800, title = "Node-RED", trusted_proxies: proxies = [] } = data;
    require_(/^[0-9a-f]{8}$/.test(data.id), "id is not 8 hexadecimal digits");
    require_(ROOT.test(data.cookie_path), "cookie_path is not a path without a slash at its end");
    require_(ROOT.test(data.node_root), "node_root is not a path without a slash at its end");
    require_(isList(open, isPath), "open is not a list of paths");
    require_(Number.isFinite(expiry) && expiry > 0, "session_expiry is not a number of seconds");
    require_(isText(title), "title is not a text");
    require_(isList(proxies, (address) => net.isIP(address) !== 0), "trusted_proxies is not a list of addresses");
    require_(Array.isArray(data.users), "users is not a list");
    const users = new Map(data.users.map(parseUser).map((user) => [user.username, user]));
    require_(users.size === data.users.length, "two users have the same username");
    return Object.freeze({
        id: data.id,
        cookiePath: data.cookie_path,
        nodeRoot: data.node_root,
        loginPath: `${data.node_root === "/" ? "" : data.node_root}/_login`,
        title,
        open,
        sessionExpiry: expiry * 1000,
        trustedProxies: new Set(proxies),
        users,
    });
}

/** @returns {object} What login.json holds, beside the code. */
function readData() {
    try {
        return require("./login.json");
    } catch (error) {
        // The words of the parser quote the file, which holds hashes.
        const fault = error.code === "MODULE_NOT_FOUND" ? "is missing" : "cannot be read as JSON";
        throw new Error(`nodelogin/login.json ${fault}.`);
    }
}

module.exports = { isList, isPath, isText, parseOptions, readData, require_ };
