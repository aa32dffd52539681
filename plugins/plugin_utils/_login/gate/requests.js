// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What a request says of its sender. Headers are believed only from where they cannot be invented.
"use strict";
const net = require("net");

/** @returns {string} An address in one way of writing: IPv4 without the prefix that it has on sockets of IPv6. */
function plainAddress(text) {
    const address = String(text || "").trim().replace(/%.*$/s, "").toLowerCase();
    const mapped = address.replace(/^::ffff:(?=\d+\.)/, "");
    return net.isIP(mapped) ? mapped : "";
}

const peer = (request) => plainAddress(request.socket && request.socket.remoteAddress);
const isTrusted = (request, trustedProxies) => trustedProxies.size > 0 && trustedProxies.has(peer(request));
const list = (header) => String(header || "").split(",").map((item) => item.trim()).filter(Boolean);

/**
 * @param {http.IncomingMessage} request
 * @param {Set<string>} trustedProxies Addresses whose X-Forwarded-For counts.
 * @returns {string} The address of who asks, the nearest that no trusted proxy has; "" where there is none.
 */
function clientAddress(request, trustedProxies) {
    if (!isTrusted(request, trustedProxies)) { return peer(request); }
    for (const hop of list(request.headers["x-forwarded-for"]).reverse()) {
        const address = plainAddress(hop);
        if (address === "") { break; }
        if (!trustedProxies.has(address)) { return address; }
    }
    return peer(request);
}

/** @returns {boolean} Whether the client speaks TLS, with this server or with a trusted proxy. */
function isSecure(request, trustedProxies) {
    return Boolean(request.socket && request.socket.encrypted)
        || (isTrusted(request, trustedProxies) && list(request.headers["x-forwarded-proto"]).pop() === "https");
}

/**
 * Whether the page that asks is one of this server. Another port is another origin.
 *
 * @returns {boolean|undefined} undefined where the client does not say, as programs do.
 */
function isSameOrigin(request, trustedProxies) {
    const { origin, host } = request.headers;
    if (origin !== undefined) {
        // Where this server speaks plain HTTP, a proxy that is not trusted may speak TLS before it.
        const schemes = isSecure(request, trustedProxies) ? ["https"] : ["https", "http"];
        return host !== undefined
            && schemes.some((scheme) => origin.toLowerCase() === `${scheme}://${host.toLowerCase()}`);
    }
    const site = request.headers["sec-fetch-site"];
    return site === undefined ? undefined : site === "same-origin" || site === "none";
}

/** @returns {boolean} Whether the request changes nothing, by the rules of HTTP. */
function isSafe(request) {
    return request.method === "GET" || request.method === "HEAD";
}

/** @returns {boolean} Whether the answer becomes a page of its own: a link, a line typed, a form. */
function isNavigation(request) {
    const { "sec-fetch-mode": mode, "sec-fetch-dest": destination } = request.headers;
    return mode === "navigate" && (destination === undefined || destination === "document");
}

/** @returns {boolean} Whether a login page is the better answer than a status. */
function wantsPage(request) {
    const { accept = "", "sec-fetch-mode": mode, "x-requested-with": script } = request.headers;
    return isSafe(request)
        && (mode ? mode === "navigate" : /\btext\/html\b/.test(accept) && script === undefined);
}

/** @returns {boolean} Whether a browser asks, which shows a dialog of its own for WWW-Authenticate. */
function isBrowser(request) {
    return request.headers["sec-fetch-mode"] !== undefined || /^Mozilla\//.test(request.headers["user-agent"] || "");
}

/** @returns {boolean} Whether a browser asks for a page of another origin what that page may send; it has no login. */
function isPreflight(request) {
    return request.method === "OPTIONS" && request.headers.origin !== undefined
        && request.headers["access-control-request-method"] !== undefined;
}

module.exports = {
    plainAddress, clientAddress, isSecure, isSameOrigin, isSafe, isNavigation, wantsPage, isBrowser, isPreflight,
};
