// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The pages of the editor's login: the choice between provider and local account, and the one that hands a token over.
"use strict";
const { document, errorLine, linkButton, signOnButton } = require("../page.js");

/**
 * @param {{title: string}} options
 * @param {{name: string, path: string}} signOn
 * @param {string} local Where the way to a local account is.
 * @param {{error?: string, again?: boolean}} [more]
 */
function choicePage({ title }, signOn, local, { error, again } = {}) {
    return document(title, "Log in", `${errorLine(error)}${signOnButton(signOn, again)}
${linkButton(local, "Log in with a local account", "other")}`);
}

/**
 * The editor takes its token from the browser's storage. So it stands in no address, no history and no log of a proxy.
 *
 * @param {string} adminRoot With a slash at its end.
 * @param {string} token
 * @param {string} nonce Of the page's policy for scripts.
 */
function handOverPage(adminRoot, token, nonce) {
    const key = `auth-tokens${adminRoot.slice(0, -1).replace(/\//g, "-")}`;
    const [storedKey, value, target] = [key, JSON.stringify({ access_token: token }), adminRoot]
        .map((text) => JSON.stringify(text).replace(/</g, "\\u003c"));
    return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Log in</title>
<script nonce="${nonce}">
localStorage.setItem(${storedKey}, ${value});
location.replace(${target});
</script>
<noscript>The editor needs JavaScript.</noscript>
</html>
`;
}

/** @returns {object} Headers that let this page do that, and nothing else. */
function handOverHeaders(nonce) {
    return {
        "Content-Security-Policy":
            `default-src 'none'; script-src 'nonce-${nonce}'; frame-ancestors 'none'; base-uri 'none'`,
        // The address of this page has the code of the provider.
        "Referrer-Policy": "no-referrer",
    };
}

module.exports = { choicePage, handOverHeaders, handOverPage };
