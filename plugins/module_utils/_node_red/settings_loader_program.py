# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated from settings_loader.js by tests/ci/embed-programs: only Python travels to a host together with a module."""

from __future__ import annotations

PROGRAM = r"""// Loads a settings.js as Node-RED does, and says what it found: the settings that were asked for, and those from which the
// proof of a running server follows.
"use strict";
const Module = require("module");
const { path: file, source, wanted, load_tls: loadTls, beside, login_page: loginPage, mark, environment } =
    JSON.parse(require("fs").readFileSync(0, "utf8"));
Object.assign(process.env, environment);
const answer = (value) => {
    require("fs").writeSync(1, "\n" + mark + JSON.stringify(value) + "\n");
    process.exit(0);
};
const at = (root, keys) => keys.reduce((value, key) => (value ?? undefined)?.[key], root);
const refuse = (reason) => answer({ error: reason });
const hasValue = (value) => !["bigint", "function", "symbol"].includes(typeof value);
// What JSON has of a value: nothing of functions, BigInts, circles, and of what cannot be read.
const plain = (value, above = []) => {
    if (typeof value !== "object" || value === null) { return hasValue(value) ? value : undefined; }
    if (above.includes(value)) { return undefined; }
    const copy = Array.isArray(value) ? Array(value.length) : Object.create(null);
    for (const key of Object.keys(value)) {
        try { copy[key] = plain(value[key], [...above, value]); } catch {}
    }
    return copy;
};
process.on("uncaughtException", (error) => refuse(String(error && error.stack || error)));
process.on("unhandledRejection", (error) => refuse(String(error && error.stack || error)));
// Files of the login page that are not there yet, or another one, are taken from the request.
const resolve = Module._resolveFilename;
Module._resolveFilename = function(name, parent, ...others) {
    const path = /^\.{1,2}\//.test(name) && parent?.filename
        ? require("path").resolve(require("path").dirname(parent.filename), name) : "";
    return beside[path] === undefined ? resolve.call(this, name, parent, ...others) : path;
};
for (const extension of [".js", ".json"]) {
    const read = Module._extensions[extension];
    Module._extensions[extension] = (module, path) => {
        if (beside[path] === undefined) { return read(module, path); }
        return extension === ".js" ? module._compile(beside[path], path) : module.exports = JSON.parse(beside[path]);
    };
}
(async () => {
    const loaded = new Module(file, null);
    loaded.filename = file;
    loaded.paths = Module._nodeModulePaths(require("path").dirname(file));
    loaded._compile(source.replace(/^\uFEFF/, ""), file);
    const settings = loaded.exports;
    const kind = settings === null ? "null" : typeof settings.then === "function" ? "promise" : typeof settings;
    if (kind !== "object") {
        refuse("the file exports a " + kind + " instead of an object: Node-RED would start unprotected");
    }
    let tls = settings.https;
    if (loadTls && tls) {
        tls = await (typeof tls === "function" ? tls() : tls);
        require("tls").createSecureContext(tls);
        if (!tls || !tls.key && !tls.pfx) { refuse("https gives no key: Node-RED would serve plain HTTP"); }
    }
    // Hours between two looks for a renewed certificate, as red.js reads them; 0 where it never looks.
    const refresh = typeof settings.https === "function" && settings.httpsRefreshInterval
        ? Math.min(parseFloat(settings.httpsRefreshInterval) || 12, 596) : 0;
    const page = Module._cache[loginPage]?.exports;
    const asksForPage = Boolean(page) && settings.httpNodeAuth === page.httpNodeAuth;
    const statics = [].concat(settings.httpStatic || []).filter((entry) =>
        settings.httpStaticAuth || page && [].concat(entry.middleware || []).includes(page.http));
    // Node-RED would end with it, or listen elsewhere.
    for (const key of ["uiPort", "uiHost", "userDir", "httpRoot", "httpAdminRoot", "httpNodeRoot"]) {
        const value = settings[key];
        if (!hasValue(value) || typeof value === "object" && value !== null) {
            refuse(key + " is of the type " + typeof value + " and must be a number, a text or false: correct it in"
                + " nodered_settings_js, or in the file");
        }
    }
    const root = (value) => settings.httpRoot ?? value ?? "/";
    answer({
        values: wanted.map((keys) => {
            let value;
            try {
                value = at(settings, keys);
            } catch (error) {
                refuse(keys.join(".") + " cannot be read: " + error);
            }
            return { type: typeof value, value: plain(value) };
        }),
        effective: {
            port: settings.uiPort ?? 1880,
            host: settings.uiHost ?? "0.0.0.0",
            tls: Boolean(settings.https),
            refresh: refresh * 3600,
            client_certificate: Boolean(tls && tls.requestCert === true && tls.rejectUnauthorized !== false),
            user_dir: settings.userDir ?? null,
            admin_root: root(settings.httpAdminRoot),
            node_root: root(settings.httpNodeRoot),
            auth: Boolean(settings.adminAuth),
            anonymous: Boolean(settings.adminAuth && settings.adminAuth.default),
            node_auth: Boolean(settings.httpNodeAuth) || asksForPage,
            login_page: asksForPage,
            require_https: settings.requireHttps === true,
            static: statics.map((entry) => (settings.httpStaticRoot || "") + "/" + (entry.root || "")),
        },
    });
})().catch((error) => refuse(String(error && error.stack || error)));
"""
