// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What somebody may, by the rules of login.json.
"use strict";

function fits(rule, { username, groups, email }) {
    if (rule.group !== undefined) { return groups.includes(rule.group); }
    if (rule.user !== undefined) {
        return rule.user.includes("@") ? rule.user.toLowerCase() === email : rule.user === username;
    }
    if (rule.domain !== undefined) {
        return email !== undefined && email.slice(email.lastIndexOf("@") + 1) === rule.domain.toLowerCase();
    }
    return rule.everybody;
}

/**
 * @param {object} claims Of identityOf.
 * @param {object[]} rules
 * @param {string} provider Its name.
 * @returns {object|undefined} username, provider, claims, and `grants`: each has permissions, and paths where it is
 *     for these only. undefined where no rule fits.
 */
function userOf(claims, rules, provider) {
    const grants = rules.filter((rule) => fits(rule, claims));
    return grants.length > 0 ? { username: claims.username, provider, claims, grants } : undefined;
}

/** @returns {string|string[]} The permissions of all grants, as Node-RED takes them. */
function permissionsOf(grants) {
    const permissions = [...new Set(grants.flatMap((grant) => grant.permissions))];
    if (permissions.includes("*")) { return "*"; }
    return permissions.length === 1 ? permissions[0] : permissions;
}

module.exports = { permissionsOf, userOf };
