// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The page of the login. It has no script and loads nothing.
"use strict";
const crypto = require("crypto");

const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ground: #f2f3f5; --ink: #1f2328; --line: #70767d; --edge: #d5d8dc;
  --main: #8f0000; --on-main: #fff; --wrong: #a40e26; }
@media (prefers-color-scheme: dark) { :root { --paper: #24272b; --ground: #17191c; --ink: #eceef0; --line: #8b9198;
  --edge: #3b3f45; --main: #ffb4a8; --on-main: #4a0002; --wrong: #ffb3b8; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 22rem; padding: 2rem; background: var(--paper); border: 1px solid var(--edge);
  border-radius: .75rem; }
h1 { margin: 0 0 1.25rem; font-size: 1.375rem; line-height: 1.3; overflow-wrap: anywhere; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { display: block; width: 100%; padding: .625rem .75rem; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--line); border-radius: .375rem; }
button, .button { display: block; width: 100%; margin-top: 1.5rem; padding: .75rem; font: inherit; font-weight: 600;
  color: var(--on-main); background: var(--main); border: 0; border-radius: .375rem; cursor: pointer;
  text-align: center; text-decoration: none; overflow-wrap: anywhere; }
.other { color: var(--main); background: none; border: 1px solid; }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
.error { padding: .5rem .75rem; color: var(--wrong); border-left: .25rem solid; font-weight: 600; }
`;
const STYLE_HASH = crypto.createHash("sha256").update(STYLE).digest("base64");
const PAGE_HEADERS = Object.freeze({
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy":
        `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; `
        + "frame-ancestors 'none'; base-uri 'none'",
    // With "no-referrer" browsers would send their forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
});

const escapeHtml = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** @returns {string} "7 minutes", "1 second": rounded up. */
function spokenWait(milliseconds) {
    const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
    const [number, unit] = seconds < 120 ? [seconds, "second"] : [Math.ceil(seconds / 60), "minute"];
    return `${number} ${unit}${number === 1 ? "" : "s"}`;
}

function document(title, heading, content) {
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(heading)} – ${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${content}
</main>
</body>
</html>
`;
}

const errorLine = (error) => error ? `<p class="error" role="alert">${escapeHtml(error)}</p>\n` : "";

/** A link that looks like a button; `kind` is "other" for the second choice of a page. */
function linkButton(target, text, kind = "") {
    return `<a class="${`button ${kind}`.trim()}" href="${escapeHtml(target)}">${escapeHtml(text)}</a>`;
}

/**
 * The way to a provider.
 *
 * @param {{name: string, path: string}} signOn
 * @param {boolean} [again] Whether it is for another account than the one that the provider knows the browser by.
 * @param {string} [next] Where the login leads to.
 */
function signOnButton({ name, path }, again, next) {
    const query = new URLSearchParams({ ...(again ? { again: "1" } : {}), ...(next ? { next } : {}) }).toString();
    return linkButton(query ? `${path}?${query}` : path, again ? "Log in as somebody else" : `Log in with ${name}`);
}

/**
 * @param {object} options title and loginPath; users, where a form is shown only for some; signOn where there is a
 *     provider.
 * @param {object} more
 * @param {string} more.next Where the login leads to.
 * @param {string} [more.username] What was typed before.
 * @param {string} [more.error]
 * @param {boolean} [more.again] Whether another account of the provider is offered.
 */
function loginPage({ title, loginPath, users, signOn }, { next, username = "", error, again }) {
    const parts = [];
    if (signOn) { parts.push(signOnButton(signOn, again, next)); }
    if (!signOn || users.size > 0) { parts.push(passwordForm(loginPath, next, username, signOn === undefined)); }
    return document(title, "Log in", errorLine(error) + parts.join("\n"));
}

function passwordForm(loginPath, next, username, isAlone) {
    const [focusName, focusPassword] = username !== "" ? ["", " autofocus"] : [isAlone ? " autofocus" : "", ""];
    return `<form method="post" action="${escapeHtml(loginPath)}">
<input type="hidden" name="next" value="${escapeHtml(next)}">
<label for="username">User name</label>
<input id="username" name="username" value="${escapeHtml(username)}" autocomplete="username" autocapitalize="none"
 autocorrect="off" spellcheck="false" required${focusName}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${focusPassword}>
<button${isAlone ? "" : " class=\"other\""}>Log in</button>
</form>`;
}

/** The page of somebody who is logged in; `error` where it stands in for another that this user may not see. */
function accountPage({ title, loginPath }, { username, provider, error }) {
    const from = provider === undefined ? "" : ` (${escapeHtml(provider)})`;
    const who = `<p>Logged in as <strong>${escapeHtml(username)}</strong>${from}.</p>`;
    return document(title, error ? "Not allowed" : "Logged in", `${errorLine(error)}${who}
<form method="post" action="${escapeHtml(loginPath)}/out">
<button>Log out</button>
</form>`);
}

module.exports = {
    PAGE_HEADERS, accountPage, document, errorLine, escapeHtml, linkButton, loginPage, signOnButton, spokenWait,
};
