// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// How the login answers: in a sentence, or by a page.
"use strict";
const { PAGE_HEADERS } = require("./page.js");

const TEXT_HEADERS = Object.freeze({
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
});

function send(response, status, headers, body) {
    if (response.headersSent) { return; }
    response.writeHead(status, headers);
    response.end(body);
}

function answer(response, status, text = "", headers = {}) {
    send(response, status, { ...TEXT_HEADERS, ...headers }, text);
}

function answerPage(response, status, page, headers = {}) {
    send(response, status, { ...PAGE_HEADERS, ...headers }, page);
}

module.exports = { answer, answerPage };
