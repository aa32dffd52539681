// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What stands in a line of the log.
"use strict";

/** A text in JSON with nothing but ASCII, so that whoever sent it cannot write a line of its own. */
function quoted(text, longest = 64) {
    return JSON.stringify(String(text).slice(0, longest))
        .replace(/[^\x20-\x7e]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

module.exports = { quoted };
