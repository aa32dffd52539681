// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Encrypts files of credentials with another secret: for each the new string, null where it stays, or the problem.
"use strict";
const crypto = require("crypto");
const { mark, secret, keys, contents } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const hashed = (key) => crypto.createHash("sha256").update(key).digest();
const decrypted = (encrypted, key) => {
    try {
        const iv = Buffer.from(encrypted.substring(0, 32), "hex");
        const decipher = crypto.createDecipheriv("aes-256-ctr", hashed(key), iv);
        const plain = decipher.update(encrypted.substring(32), "base64", "utf8") + decipher.final("utf8");
        const value = JSON.parse(plain);
        return value !== null && typeof value === "object" ? plain : null;
    } catch (error) {
        return null;
    }
};
const encrypted = (plain) => {
    const iv = crypto.randomBytes(16);
    const cipher = crypto.createCipheriv("aes-256-ctr", hashed(secret), iv);
    return iv.toString("hex") + cipher.update(plain, "utf8", "base64") + cipher.final("base64");
};
const anew = (content) => {
    let record = null;
    try {
        record = JSON.parse(content.replace(/^\uFEFF/, ""));
    } catch (error) { /* no JSON */ }
    if (record === null || typeof record !== "object") {
        return { problem: "it is damaged" };
    }
    let plain;
    if (!("$" in record)) {
        if (Object.keys(record).length === 0) {
            return { content: null };
        }
        plain = JSON.stringify(record);
    } else if (decrypted(String(record.$), secret) !== null) {
        return { content: null };
    } else {
        plain = keys.map((key) => decrypted(String(record.$), key)).find((value) => value !== null);
        if (plain === undefined && Buffer.from(String(record.$).substring(32), "base64").length === 2) {
            plain = "{}";
        }
        if (plain === undefined) {
            return { problem: "no known key decrypts it" };
        }
    }
    return { content: JSON.stringify({ $: encrypted(plain) }, null, content.includes("\n") ? 4 : 0) };
};
const answers = Object.entries(contents).map(([name, content]) => [name, anew(content)]);
require("fs").writeSync(1, "\n" + mark + JSON.stringify(Object.fromEntries(answers)) + "\n");
