// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Read in one call, so that a renewal between two reads cannot give a key beside another certificate.
const code = function() {
    // Written by pifleet.nodered: the key and the certificate of nodered_certificate_provider.
    const pem = require("fs").readFileSync(require("path").join(__dirname, "nodecerts", "server.pem"));
    return { key: pem, cert: pem };
};
