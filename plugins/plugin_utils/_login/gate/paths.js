// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Which paths are open, which a user may use, and where a login leads to. Several programs read a path before a flow
// does, each in its own way; a path counts only where all must agree on what it means.
"use strict";

const SEGMENT = /^[A-Za-z0-9._~!$&'()*+,=:@-]+$/;

/**
 * The path of a request line where it is written in the one plain way: no escapes, no empty segments, no `.` or `..`,
 * nothing that some reader takes for a separator.
 *
 * @param {string} url As the client sent it, with its query.
 * @returns {string|undefined}
 */
function plainPath(url) {
    const path = url.split("?", 1)[0];
    const [first, ...segments] = path.split("/");
    if (first !== "" || segments.length === 0) { return undefined; }
    if (segments[segments.length - 1] === "") { segments.pop(); }
    const isPlain = (segment) => SEGMENT.test(segment) && segment !== "." && segment !== "..";
    return segments.every(isPlain) ? path : undefined;
}

const withoutSlash = (path) => path.endsWith("/") ? path.slice(0, -1) : path;

/**
 * Below is not the same with a slash at the end: Express takes /webhook/ for /webhook.
 *
 * @param {string} folder With a slash at its end.
 */
const isBelow = (folder, path) => path.startsWith(folder) && path.length > folder.length;

/**
 * @param {string[]} patterns A path, or a path and `/*` for what is below it. Their case counts.
 * @param {string} url As the client sent it.
 * @returns {boolean} Whether this path needs no login.
 */
function isOpen(patterns, url) {
    const [path] = url.split("?", 1);
    const fits = (pattern) => pattern.endsWith("/*")
        ? isBelow(pattern.slice(0, -1), path)
        : withoutSlash(path) === withoutSlash(pattern);
    return patterns.some(fits) && plainPath(url) !== undefined;
}

/**
 * @param {string[]|undefined} paths Each counts with all that is below it; undefined for no restriction.
 * @param {string} url As the client sent it.
 * @returns {boolean} Whether somebody who is restricted to the paths may use this one.
 */
function isAllowed(paths, url) {
    if (paths === undefined) { return true; }
    const path = plainPath(url);
    return path !== undefined && paths.map(withoutSlash).some((base) =>
        withoutSlash(path) === base || isBelow(`${base}/`, path));
}

/**
 * Where a login leads to: a path of this server, never another site.
 *
 * @param {*} wanted What a link or a form asks for.
 * @param {{nodeRoot: string, loginPath: string}} options
 * @returns {string} `wanted`, or the root where it is anything else.
 */
function loginTarget(wanted, { nodeRoot, loginPath }) {
    return typeof wanted === "string" && wanted.length <= 1024 && /^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(wanted)
        && !wanted.startsWith(loginPath) ? wanted : nodeRoot;
}

module.exports = { plainPath, isOpen, isAllowed, loginTarget };
