// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The same for the sockets of dashboards, which know no status.
const code = function pifleetIoMiddleware(socket, next) {
    // Written by pifleet.nodered: dashboards ask for the login of httpNodeAuth.
    module.exports.pifleetVerifyLogin(socket.request, (fits) => next(fits ? undefined : new Error("Unauthorized")));
};
