// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The cookie of a login. It holds nothing but a random name for the session; when that ends is the server's affair.
"use strict";

// Browsers keep none longer.
const LONGEST = 400 * 24 * 3600;
// Cookies know no port: those of all Node-REDs under this host name come along.
const ANY_LOGIN = /^(?:__Host-|__Secure-)?nodered-[0-9a-f]{8}(?:-oidc-\d|-local)?=/;

const pairs = (header) => String(header || "").split(";").map((pair) => pair.trim()).filter(Boolean);
/** Each header of each request is asked. */
const isNamed = (header, name) => header.length === name.length && header.toLowerCase() === name;
const withoutLogins = (header) => pairs(header).filter((pair) => !ANY_LOGIN.test(pair)).join("; ");

/** @returns {string[]} The values that a request brings of a cookie; several where those of different paths meet. */
function cookieValues(request, name) {
    return pairs(request.headers.cookie).filter((pair) => pair.startsWith(`${name}=`))
        .map((pair) => pair.slice(name.length + 1)).slice(0, 5);
}

class LoginCookie {
    /** @param {{id: string, cookiePath: string}} options */
    constructor({ id, cookiePath }) {
        this.id = id;
        this.path = cookiePath;
    }

    /** The prefixes keep pages of plain HTTP, and those of other hosts of the domain, from setting it. */
    name(secure) {
        return (secure ? this.path === "/" ? "__Host-" : "__Secure-" : "") + `nodered-${this.id}`;
    }

    /** @returns {string} A Set-Cookie header; "" as the value takes the cookie away. */
    serialize(value, secure) {
        return `${this.name(secure)}=${value}; Path=${this.path}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`
            + `; Max-Age=${value ? LONGEST : 0}`;
    }

    read(request, secure) { return cookieValues(request, this.name(secure)); }
}

/** Cuts the cookies of logins out of a request, so that flows do not get to see what opens it. */
function hideLoginCookies(request) {
    const { headers, rawHeaders = [] } = request;
    const whole = headers.cookie;
    if (whole === undefined) { return; }
    const rest = withoutLogins(whole);
    if (rest === "") { delete headers.cookie; } else { headers.cookie = rest; }
    for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
        if (!isNamed(rawHeaders[index], "cookie")) { continue; }
        const kept = rawHeaders[index + 1] === whole ? rest : withoutLogins(rawHeaders[index + 1]);
        rawHeaders.splice(index, 2, ...(kept ? [rawHeaders[index], kept] : []));
    }
}

/** Cuts out the password of a request that has logged in with it. */
function hideAuthorization(request) {
    const { headers, rawHeaders = [] } = request;
    delete headers.authorization;
    for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
        if (isNamed(rawHeaders[index], "authorization")) { rawHeaders.splice(index, 2); }
    }
}

module.exports = { LoginCookie, cookieValues, hideLoginCookies, hideAuthorization };
