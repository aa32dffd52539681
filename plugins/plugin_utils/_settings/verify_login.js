// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Whether a request has the login of httpNodeAuth. bcryptjs is the one bcrypt library that every Node-RED has; where another
// program loads the settings, nobody gets in. It works in slices, so that a wrong password does not stop the flows; the
// right one is computed once. A browser sends a login that it remembers with the web sockets of any page, so a page of
// another host gets none. Nor does one that came in plain HTTP, where this server speaks TLS: somebody between may have
// written it. Where it does not, a proxy may end TLS before it, whose word for that anybody could give as well.
const code = function pifleetVerifyLogin(request, done) {
    // Written by pifleet.nodered: web sockets and dashboards ask for the login of httpNodeAuth.
    const { origin, host } = request.headers;
    const schemes = (request.socket || {}).encrypted ? ["https"] : ["https", "http"];
    if (origin && !schemes.some((scheme) => origin === `${scheme}://${host}`)) { return done(false); }
    const login = module.exports.httpNodeAuth || {};
    const header = request.headers.authorization || "";
    const sent = Buffer.from(header.replace(/^Basic /i, ""), "base64").toString();
    const colon = sent.indexOf(":");
    if (colon < 0 || sent.slice(0, colon) !== login.user) { return done(false); }
    if (header === pifleetVerifyLogin.accepted) { return done(true); }
    let bcrypt;
    try { bcrypt = require.main.require("bcryptjs"); } catch (error) { return done(false); }
    bcrypt.compare(sent.slice(colon + 1), String(login.pass), (error, fits) => {
        if (fits) { pifleetVerifyLogin.accepted = header; }
        done(fits === true);
    });
};
