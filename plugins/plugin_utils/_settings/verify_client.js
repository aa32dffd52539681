// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Browsers send a login below the directory of the page that asked for it, and elsewhere when they are asked (RFC 7617).
const code = function pifleetVerifyClient(info, done) {
    // Written by pifleet.nodered: web sockets of flows ask for the login of httpNodeAuth.
    const ask = { "WWW-Authenticate": "Basic realm=\"Authorization Required\"" };
    module.exports.pifleetVerifyLogin(info.req, (fits) => done(fits, 401, "Unauthorized", ask));
};
