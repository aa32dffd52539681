// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Who somebody is, of all that a provider says.
"use strict";
const { Refusal } = require("./refusal.js");

// Those that rules name come first.
const MOST_GROUPS = 100;
const LONGEST_GROUP = 256;
// Names are shown in pages, the editor's among them, which takes them for HTML.
const NAME = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,128}$/u;
const NOT_IN_NAMES = /["<>`\\]|^ | $/;

const isText = (value) => typeof value === "string" && value !== "";
const isObject = (value) => value !== null && typeof value === "object";
const has = (value, key) => isObject(value) && Object.prototype.hasOwnProperty.call(value, key);

/** @returns {*} The claim of this name, which may have dots itself; else what they lead to. */
function claimAt(claims, name) {
    if (has(claims, name)) { return claims[name]; }
    return name.split(".").reduce((value, key) => (has(value, key) ? value[key] : undefined), claims);
}

function usernameOf(claims, usernameClaim, email) {
    const named = claimAt(claims, usernameClaim);
    const username = named === undefined ? email || claims.sub : named;
    // Some providers never say it, and let nobody choose an address. Where it is said, it counts.
    if (usernameClaim === "email" && claims.email_verified === false) {
        throw new Refusal(403, "Your e-mail address is not verified.", true);
    }
    if (!isText(username) || !NAME.test(username) || NOT_IN_NAMES.test(username)) {
        throw new Refusal(403, "Your user name cannot be used here.", true);
    }
    return username;
}

function groupsOf(claims, groupsClaim, wanted) {
    const claim = claimAt(claims, groupsClaim);
    const groups = (Array.isArray(claim) ? claim : [claim])
        .filter((group) => isText(group) && group.length <= LONGEST_GROUP);
    return [...new Set([...groups.filter((group) => wanted.has(group)), ...groups])].slice(0, MOST_GROUPS);
}

/**
 * What is kept of somebody while a session lasts.
 *
 * @param {object} claims
 * @param {{usernameClaim: string, groupsClaim: string, groups: Set<string>}} options `groups` are those of all rules.
 * @returns {{username: string, groups: string[], email?: string}} An address only where the provider has verified it.
 * @throws {Refusal} where the name is one that pages and logs could mistake.
 */
function identityOf(claims, { usernameClaim, groupsClaim, groups }) {
    const email = claims.email_verified === true && isText(claims.email) ? claims.email.toLowerCase() : undefined;
    return {
        username: usernameOf(claims, usernameClaim, email),
        groups: groupsOf(claims, groupsClaim, groups),
        ...(email === undefined ? {} : { email }),
    };
}

/** @returns {boolean} Whether it is what identityOf returns. */
function isIdentity(value) {
    return isObject(value) && isText(value.username) && Array.isArray(value.groups) && value.groups.every(isText)
        && (value.email === undefined || isText(value.email));
}

/** @returns {boolean} Whether more is to be asked for. */
function isIncomplete(claims, { usernameClaim, groupsClaim }) {
    return [usernameClaim, groupsClaim, "email"].some((name) => claimAt(claims, name) === undefined);
}

/** Claims of the ID token, and of the userinfo endpoint; an address and whether it is verified belong together. */
function withMore(claims, more) {
    const { email, email_verified: verified, ...rest } = claims;
    return { ...more, ...rest, ...(email === undefined ? {} : { email, email_verified: verified }) };
}

module.exports = { claimAt, identityOf, isIdentity, isIncomplete, withMore };
