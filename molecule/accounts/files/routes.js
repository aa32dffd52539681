// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Prints the routes of an editor and of its nodes as JSON: a list of [area, method, path or regular expression].
// node routes.js NODE_RED_DIRECTORY SETTINGS USER_DIR
// Starts the Node-RED of a host with its own settings, nodes and flows, and without listening anywhere.
const [directory, file, userDir] = process.argv.slice(2);
const express = require(require.resolve("express", { paths: [directory] }));

// Express does not tell which apps are mounted in another.
const mounted = [];
const use = express.application.use;
express.application.use = function (...given) {
    const path = typeof given[0] === "string" ? given[0].replace(/\/$/, "") : "";
    for (const app of given.flat()) {
        if (typeof app === "function" && app.handle && app.set) { mounted.push({ parent: this, path, app }); }
    }
    return use.apply(this, given);
};

function routes(area, app, prefix = "") {
    const own = (app._router ? app._router.stack : []).filter((layer) => layer.route).flatMap((layer) =>
        Object.keys(layer.route.methods).map((method) => [area, method.toUpperCase(), prefix + layer.route.path]));
    const inside = mounted.filter(({ parent }) => parent === app);
    return own.concat(...inside.map((mount) => routes(area, mount.app, prefix + mount.path)));
}

const RED = require(directory + "/lib/red.js");
const roots = { httpAdminRoot: "/", httpNodeRoot: "/" };
const changed = { userDir, settingsFile: file, httpStatic: false, logging: { console: { level: "off" } } };
const settings = { ...roots, ...require(file), ...changed };
RED.init(require("http").createServer(), settings);
RED.events.once("flows:started", () => {
    const found = [...routes("editor", RED.httpAdmin), ...routes("nodes", RED.httpNode)];
    process.stdout.write(JSON.stringify(found), () => process.exit());
});
RED.start();
