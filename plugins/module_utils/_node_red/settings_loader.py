# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a settings.js means: the host's own Node.js loads it as the service would, and says what it found.

The text travels over standard input and is compiled under its real file name, so `__dirname`, `require` and relative
paths mean what they will mean, and nothing secret touches the disk before it is known to be good.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import redact

#: Variables that Node.js needs at its start and that are no secrets. All others go the way of the text, because systemd
#: shows the environment of a unit to every user of the host.
_AT_START = re.compile(r"(?:PATH|HOME|USER|LOGNAME|LANG|TZ|LC_\w+|LD_\w+|XDG_\w+|NODE_(?!RED_)\w+)$")
#: The search path of root's own commands: the service's user writes the environment of the service.
_ROOT_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
#: Seconds for processes that a settings file has left behind to go away.
_CLEANING = 5
_PR_SET_CHILD_SUBREAPER = 36

#: The settings whose values the proof of a running server follows from.
_LOADER = r"""
"use strict";
const Module = require("module");
const { path: file, source, wanted, load_tls: loadTls, mark, environment } =
    JSON.parse(require("fs").readFileSync(0, "utf8"));
Object.assign(process.env, environment);
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
    // Hours between two looks for a renewed certificate, as red.js reads them; 0 where it never looks.
    const refresh = typeof settings.https === "function" && settings.httpsRefreshInterval
        ? Math.min(parseFloat(settings.httpsRefreshInterval) || 12, 596) : 0;
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
            refresh: refresh * 3600,
            user_dir: settings.userDir ?? null,
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


class Runtime(t.NamedTuple):
    """How Node.js is started to load a settings file."""

    node: t.Optional[str]
    environment: t.Dict[str, str]
    directory: str
    account: Account
    in_transient_unit: bool


def runtime_of_service(unit):
    """The Node.js, the user, the environment and the working directory that a service has."""
    in_transient_unit = os.geteuid() == 0 and os.path.isdir("/run/systemd/system")
    return Runtime(unit.node()[0], unit.environment, unit.working_directory, unit.account, in_transient_unit)


def runtime_of_file(path, account):
    """The Node.js on our own PATH, as a user and in the folder of a file."""
    environment = dict(os.environ)
    if os.geteuid() == 0:
        environment.update(HOME=account.home, USER=account.name, LOGNAME=account.name)
    return Runtime(shutil.which("node"), environment, os.path.dirname(os.path.abspath(path)), account, False)


def load_settings(runtime, path, source, desired, load_tls, timeout):
    """Load the text of a settings.js with Node.js, and leave nothing running that it may have started.

    ``source`` is bytes; ``wanted`` a list of key paths (lists of strings) to read back; ``load_tls`` also reads the
    key and the certificate that ``https`` names; ``timeout`` is in seconds. Returns a dictionary with ``values`` (a
    list of ``type`` and ``value`` in the order of ``wanted``) and ``effective`` (port, roots, which logins there are).
    Raises HostError with Node's own words when the text does not load.
    """
    if not runtime.node:
        raise HostError(
            "No Node.js was found on the PATH of %s, so %s cannot be checked. Install it; a file that belongs "
            "to no service can be edited without, with validate: false." % (runtime.account.name, path)
        )
    request = {"path": path, "source": source.decode("utf-8"), "wanted": desired, "load_tls": load_tls}
    try:
        status, answer, stderr = ask(runtime, _LOADER, request, timeout)
    except subprocess.TimeoutExpired:
        raise HostError("Loading %s with Node.js did not end in %d s." % (path, timeout)) from None
    if answer is None:
        raise HostError(
            "Node.js ended without having loaded %s (status %d): %s"
            % (path, status, stderr or "it took longer than %d s, or the file ends the process" % timeout)
        )
    if "error" in answer:
        raise HostError("Node.js cannot load the new %s: %s" % (path, redact(answer["error"])))
    return answer


def ask(runtime, program, request, timeout):
    """What a program for Node.js answers, with its exit status and what it wrote to standard error.

    It reads ``request`` (a dictionary) from standard input as JSON, with ``environment`` (variables that it should have) and
    ``mark`` added, and answers with a line of JSON behind the mark; the answer is None where there is no such line.
    """
    mark = secrets.token_hex(16)
    at_start = {name: value for name, value in runtime.environment.items() if _AT_START.match(name)}
    others = {name: value for name, value in runtime.environment.items() if name not in at_start}
    sent = json.dumps({**request, "mark": mark, "environment": others})
    run = _run_in_transient_unit if runtime.in_transient_unit else _run_here
    status, output, errors = run([runtime.node, "-e", program], runtime, at_start, sent.encode(), timeout)
    answers = [line[len(mark) :] for line in output.decode("utf-8", "replace").splitlines() if line.startswith(mark)]
    stderr = redact(errors.decode("utf-8", "replace").strip())
    return status, json.loads(answers[-1]) if answers else None, stderr


def _run_in_transient_unit(command, runtime, environment, request, timeout):
    """Run under systemd, which ends whatever the command has started together with it."""
    options = [
        "--quiet",
        "--pipe",
        "--wait",
        "--collect",
        "--service-type=exec",
        "--property=User=" + runtime.account.name,
        "--property=RuntimeMaxSec=%d" % timeout,
        "--property=WorkingDirectory=-" + runtime.directory,
    ]
    # These are no secrets, so the list of processes may show them. systemd-run itself must not be started with them.
    options += ["--setenv=%s=%s" % pair for pair in environment.items()]
    run = subprocess.run(
        [shutil.which("systemd-run", path=_ROOT_PATH), *options, *command],
        input=request,
        capture_output=True,
        env={"PATH": _ROOT_PATH},
        timeout=timeout + 30,
        check=False,
    )
    return run.returncode, run.stdout, run.stderr


def _run_here(command, runtime, environment, request, timeout):
    """Run as a child, and kill it with all its descendants afterwards."""
    # What a descendant leaves without a parent becomes our own child, also when it has a session of its own.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    switch = {}
    if os.geteuid() == 0 and runtime.account.uid != 0:
        switch = {"user": runtime.account.uid, "group": runtime.account.gid, "extra_groups": runtime.account.groups}
    others = set(_children())
    # Files in memory: a pipe would stay open as long as any descendant lives.
    with _in_memory(request) as stdin, _in_memory() as stdout, _in_memory() as stderr:
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=runtime.directory,
            start_new_session=True,
            **switch,
        )
        try:
            status = process.wait(timeout)
        finally:
            process.kill()
            process.wait()
            _kill_children(others)
        stdout.seek(0)
        stderr.seek(0)
        return status, stdout.read(), stderr.read()


def _in_memory(content=b""):
    stream = os.fdopen(os.memfd_create("pifleet"), "w+b")
    stream.write(content)
    stream.seek(0)
    return stream


def _kill_children(others):
    """Kill the children of this process but for the ``others``, and those that become its children by that."""
    deadline = time.monotonic() + _CLEANING
    while (children := set(_children()) - others) and time.monotonic() < deadline:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _children():
    """The process ids of our children, of those too that have ended."""
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError), open("/proc/%d/stat" % int(name), "rb") as stream:
            if int(stream.read().rpartition(b")")[2].split()[1]) == os.getpid():
                yield int(name)
