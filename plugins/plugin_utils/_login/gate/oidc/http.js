// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// How a provider is asked: by TLS alone, with its own authority where it has one, for so long and so much.
"use strict";
const fs = require("fs");
const https = require("https");
const tls = require("tls");

const LONGEST = 10000;
const LARGEST = 1000000;
const WITHOUT_BODY = [204, 205, 304];

// Those that Node.js trusts without us are still right: the userinfo endpoint may be elsewhere.
function authorities(file) {
    const own = fs.readFileSync(file, "utf8");
    return [...(tls.getCACertificates ? tls.getCACertificates("default") : tls.rootCertificates), own];
}

function responseOf(answer, parts) {
    const headers = Object.entries(answer.headers).filter(([name]) => name !== "set-cookie");
    const body = WITHOUT_BODY.includes(answer.statusCode) ? null : Buffer.concat(parts);
    return new Response(body, { status: answer.statusCode, headers });
}

/**
 * @param {string} [authorityFile] Certificates in PEM that are trusted besides; read when somebody asks.
 * @param {number} [longest] Milliseconds until an answer must be there.
 * @returns {function(string, object): Promise<Response>} What fetch is, without following redirects.
 */
function makeFetch(authorityFile, longest = LONGEST) {
    return (url, { method = "GET", headers = {}, body } = {}) => new Promise((resolve, reject) => {
        const text = body === undefined || body === null ? "" : String(body);
        const request = https.request(url, {
            method,
            headers: { ...headers, ...(text === "" ? {} : { "content-length": Buffer.byteLength(text) }) },
            ...(authorityFile === undefined ? {} : { ca: authorities(authorityFile) }),
        });
        const fail = (error) => {
            request.destroy();
            reject(new Error(`${new URL(url).host}: ${error.message || error.code}`));
        };
        const timer = setTimeout(() => fail(new Error(`no answer within ${longest / 1000} seconds`)), longest);
        request.on("close", () => clearTimeout(timer));
        request.on("error", fail);
        request.on("response", (answer) => {
            const parts = [];
            let size = 0;
            answer.on("data", (part) => {
                size += part.length;
                if (size > LARGEST) { fail(new Error(`an answer of more than ${LARGEST} bytes`)); }
                parts.push(part);
            });
            answer.on("error", fail);
            answer.on("end", () => resolve(responseOf(answer, parts)));
        });
        request.end(text);
    });
}

module.exports = { makeFetch };
