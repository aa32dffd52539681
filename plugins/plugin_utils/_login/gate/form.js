// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What a form sends.
"use strict";

const LARGEST = 8192;

function readText(request) {
    return new Promise((resolve, reject) => {
        if (request.destroyed) { reject(new Error("the client has gone")); }
        const parts = [];
        let size = 0;
        request.on("data", (part) => {
            size += part.length;
            if (size > LARGEST) { parts.length = 0; resolve(undefined); } else { parts.push(part); }
        });
        request.on("end", () => resolve(Buffer.concat(parts).toString("utf8")));
        request.on("error", reject);
        request.on("close", () => reject(new Error("the client has gone")));
    });
}

/**
 * @param {http.IncomingMessage} request
 * @param {string[]} names
 * @returns {Promise<object|undefined>} The fields of these names, "" where one is missing; undefined for a form that is
 *     too large.
 * @throws {Error} where the client breaks off.
 */
async function readForm(request, names) {
    // Where both roots are "/", the editor's parser has read it, and would let a second reader wait forever.
    if (request.readableEnded) {
        const body = new Map(Object.entries(request.body || {}));
        // JSON may have half a character, which some libraries for bcrypt never come to an end with.
        const text = (value) => (typeof value === "string" ? Buffer.from(value).toString() : "");
        return Object.fromEntries(names.map((name) => [name, text(body.get(name))]));
    }
    const text = await readText(request);
    if (text === undefined) { return undefined; }
    const fields = new URLSearchParams(text);
    return Object.fromEntries(names.map((name) => [name, fields.get(name) || ""]));
}

module.exports = { readForm };
