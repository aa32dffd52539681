// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Why somebody is not logged in, in words for the page.
"use strict";

class Refusal extends Error {
    /**
     * @param {number} status Of HTTP.
     * @param {string} message
     * @param {boolean} [again] Whether another account of the provider may be the way out.
     */
    constructor(status, message, again = false) {
        super(message);
        Object.assign(this, { status, again });
    }
}

module.exports = { Refusal };
