# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a settings.js means: the host's own Node.js loads it as the service would, and says what it found.

The text travels over standard input and is compiled under its real file name, so `__dirname`, `require` and relative
paths mean what they will mean, and nothing secret touches the disk before it is known to be good.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess

from ansible_collections.pifleet.nodered.plugins.module_utils._files import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._redact import redact

#: The settings whose values the proof of a running server follows from.
_LOADER = r"""
"use strict";
const Module = require("module");
const { path: file, source, wanted, load_tls: loadTls, mark } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answer = (value) => {
    require("fs").writeSync(1, "\n" + mark + JSON.stringify(value) + "\n");
    process.exit(0);
};
const at = (root, keys) => keys.reduce((value, key) => (value ?? undefined)?.[key], root);
const refuse = (reason) => answer({ error: reason });
process.on("uncaughtException", (error) => refuse(String(error && error.stack || error)));
process.on("unhandledRejection", (error) => refuse(String(error && error.stack || error)));
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
    const statics = [].concat(settings.httpStatic || []).map((entry) => entry.root || "");
    const root = (value) => settings.httpRoot ?? value ?? "/";
    answer({
        values: wanted.map((keys) => {
            const value = at(settings, keys);
            return { type: typeof value, value: typeof value === "function" ? undefined : value };
        }),
        effective: {
            port: settings.uiPort ?? 1880,
            host: settings.uiHost ?? "0.0.0.0",
            tls: Boolean(settings.https),
            admin_root: root(settings.httpAdminRoot),
            node_root: root(settings.httpNodeRoot),
            auth: Boolean(settings.adminAuth),
            anonymous: Boolean(settings.adminAuth && settings.adminAuth.default),
            node_auth: Boolean(settings.httpNodeAuth),
            static: settings.httpStatic && settings.httpStaticAuth
                ? statics.map((path) => (settings.httpStaticRoot || "") + "/" + path) : [],
        },
    });
})().catch((error) => refuse(String(error && error.stack || error)));
"""


def load_settings(unit, path, source, wanted, load_tls, timeout):
    """Load the text of a settings.js with the host's Node.js, as the service's user and in its environment.

    ``source`` is bytes; ``wanted`` a list of key paths (lists of strings) to read back; ``load_tls`` also reads the
    key and the certificate that ``https`` names; ``timeout`` is in seconds. Returns a dictionary with ``values`` (a
    list of ``type`` and ``value`` in the order of ``wanted``) and ``effective`` (port, roots, which logins there are).
    Raises HostError with Node's own words when the text does not load.
    """
    node, _version = unit.node()
    if not node:
        raise HostError("No Node.js was found on the PATH of %s: %s cannot be checked." % (unit.name, path))
    mark = secrets.token_hex(16)
    request = json.dumps({"path": path, "source": source.decode("utf-8"), "wanted": wanted, "load_tls": load_tls,
                          "mark": mark})
    environment = unit.environment
    if os.geteuid() == 0 and os.path.isdir("/run/systemd/system"):
        # A transient unit takes everything that the file may have started away with it.
        command = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec",
                   "--property=User=" + unit.account.name, "--property=RuntimeMaxSec=%d" % timeout,
                   "--property=WorkingDirectory=-" + unit.working_directory]
        command += ["--setenv=" + name for name in environment]
        environment = {**os.environ, **environment}
    else:
        command = []
    try:
        run = subprocess.run([*command, node, "-e", _LOADER], input=request, capture_output=True, text=True,
                             env=environment, timeout=timeout + 30, check=False)
    except subprocess.TimeoutExpired:
        raise HostError("Loading %s with Node.js did not end in %d s." % (path, timeout)) from None
    answers = [line[len(mark):] for line in run.stdout.splitlines() if line.startswith(mark)]
    if not answers:
        raise HostError("Node.js ended without having loaded %s (status %d): %s" % (
            path, run.returncode, redact(run.stderr.strip()) or "it took longer than %d s, or the file ends the process"
            % timeout))
    answer = json.loads(answers[-1])
    if "error" in answer:
        raise HostError("Node.js cannot load the new %s: %s" % (path, redact(answer["error"])))
    return answer
