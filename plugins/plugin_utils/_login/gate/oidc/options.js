// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What login.json says of the provider, checked once.
"use strict";
const { isList, isPath, isText, require_ } = require("../options.js");

const ADMIN_ROOT = /^\/(?:[A-Za-z0-9._~!$&'()*+=:@-]+\/)*$/;
const SUBJECTS = ["group", "user", "domain", "everybody"];

function isUrl(value, protocols) {
    try { return isText(value) && protocols.includes(new URL(value).protocol); } catch (error) { return false; }
}

const isOrigin = (value) => isUrl(value, ["https:", "http:"]) && new URL(value).origin === value;

function parseRule(rule, name, isPermission) {
    require_(rule !== null && typeof rule === "object", `${name} is not an object`);
    const { permissions, paths } = rule;
    const [subject, ...others] = SUBJECTS.filter((one) => rule[one] !== undefined);
    require_(subject !== undefined && others.length === 0, `${name} does not say for whom it is`);
    const isSubject = subject === "everybody" ? rule.everybody === true : isText(rule[subject]);
    require_(isSubject, `${name} has no valid ${subject}`);
    require_(isPermission(permissions), `${name} has no valid permissions`);
    require_(paths === undefined || isList(paths, isPath), `the paths of ${name} are not a list of paths`);
    return Object.freeze({ [subject]: rule[subject], permissions, ...(paths === undefined ? {} : { paths }) });
}

function parseRules(rules, name, isPermission) {
    require_(Array.isArray(rules), `${name} is not a list`);
    return rules.map((rule, position) => parseRule(rule, `${name}[${position}]`, isPermission));
}

const isOfDashboards = (permissions) => ["*", "read"].includes(permissions);
const isOfEditor = (permissions) => isText(permissions)
    || (isList(permissions, isText) && permissions.length > 0);

/**
 * @param {object} data The key `oidc` of login.json. Keys that are not known are ignored.
 * @returns {object} adminRoot (a path with a slash at its end), authority (boolean), clientId, clientSecret, kind
 *     ("openid" or "github"), issuer, name, scope, usernameClaim, groupsClaim, url (an origin), sessionExpiry
 *     (milliseconds from the login), editor and dashboards (rules), groups (a Set of those that rules name).
 * @throws {Error} that names the key, never its value.
 */
function parseOidc(data) {
    require_(data !== null && typeof data === "object" && !Array.isArray(data), "oidc is not an object");
    for (const key of ["client_id", "client_secret", "groups_claim", "name", "scope", "username_claim"]) {
        require_(isText(data[key]), `oidc.${key} is not a text`);
    }
    require_(["openid", "github"].includes(data.kind), "oidc.kind is neither \"openid\" nor \"github\"");
    require_(data.kind === "github" || isUrl(data.issuer, ["https:"]), "oidc.issuer is not a URL of https");
    require_(isOrigin(data.url), "oidc.url is not a URL without a path");
    require_(typeof data.authority === "boolean", "oidc.authority is neither true nor false");
    require_(ADMIN_ROOT.test(data.admin_root), "oidc.admin_root is not a path with a slash at its end");
    require_(Number.isFinite(data.session_expiry) && data.session_expiry > 0,
        "oidc.session_expiry is not a number of seconds");
    const editor = parseRules(data.editor, "oidc.editor", isOfEditor);
    require_(!editor.some((rule) => rule.everybody), "oidc.editor has a rule for everybody");
    const dashboards = parseRules(data.dashboards, "oidc.dashboards", isOfDashboards);
    return Object.freeze({
        adminRoot: data.admin_root,
        authority: data.authority,
        clientId: data.client_id,
        clientSecret: data.client_secret,
        dashboards,
        editor,
        groups: new Set([...editor, ...dashboards].map((rule) => rule.group).filter(Boolean)),
        groupsClaim: data.groups_claim,
        issuer: data.issuer,
        kind: data.kind,
        name: data.name,
        scope: data.scope,
        sessionExpiry: data.session_expiry * 1000,
        url: data.url,
        usernameClaim: data.username_claim,
    });
}

module.exports = { parseOidc };
