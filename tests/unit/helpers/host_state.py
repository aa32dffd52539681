# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a host for the tests, as the module host_info returns it."""

from __future__ import annotations

import base64
import copy
import hashlib
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import FileStatus, HostState

ADDRESS = "192.0.2.7"
USER_DIR = "/home/pi/.node-red"
#: The hash of a password that nobody has.
HASH = "$2b$08$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232"
SETTINGS = f"""module.exports = {{
    adminAuth: {{type: "credentials", users: [
        {{username: "admin", password: "{HASH}", permissions: "*"}},
        {{username: "eve", password: "{HASH}", permissions: ["read"]}}]}},
    https: function() {{ return {{ key: read("server.pem"), cert: read("server.pem") }}; }},
    httpNodeAuth: {{user: "fred", pass: "{HASH}"}},
}}
"""


def file_status(mode: str = "0600", **changes: t.Any) -> FileStatus:
    """The status of a file, by default one that only the user of the service may read."""
    status: FileStatus = {"mode": mode, "uid": 1000, "gid": 1000, "owner": "pi", "group": "pi"}
    assert changes.keys() <= status.keys(), changes
    return t.cast("FileStatus", {**status, **changes})


def make_state(**changes: t.Any) -> HostState:
    """The state of a host that has been secured, audited and proved.

    :param changes: Values that replace others, by their keys, joined by dots or double underscores:
        ``make_state(node__version="20.19.2", **{"settings.in_use": False})``. Each of the keys must be there; the
        content of a file may be bytes. A content that is replaced has its own checksum.
    :returns: A state of its own for each call, so that a test may change it.
    """
    state = copy.deepcopy(_SECURED)
    for path, value in changes.items():
        put_in(state, path.replace("__", "."), value)
    settings = state["settings"]
    if isinstance(settings["content"], bytes) and not {"settings__sha256", "settings.sha256"} & changes.keys():
        settings["sha256"] = hashlib.sha256(settings["content"]).hexdigest()
    for name in ("content", "stock"):
        if isinstance(settings[name], bytes):
            settings[name] = base64.b64encode(settings[name]).decode("ascii")
    return t.cast("HostState", state)


def put_in(nested: t.Any, path: str, value: object) -> None:
    """Replace a value in nested dictionaries, which must be there, by its keys with dots between them."""
    *keys, last = path.split(".")
    for key in keys:
        nested = nested[key]
    assert last in nested, f"{path} is not part of a state"
    nested[last] = value


_SECURED: dict[str, t.Any] = {
    "host": {"hostname": "kitchen", "fqdn": "kitchen", "addresses": [ADDRESS], "clock": 0},
    "service": {
        "name": "nodered.service",
        "exists": True,
        "active": True,
        "enabled": True,
        "reload_needed": False,
        "environment_files": [],
        "drop_in": "[Service]\nUMask=0077\n",
        "environment": None,
    },
    "user": {"name": "pi", "group": "pi", "home": "/home/pi", "uid": 1000, "gid": 1000},
    "node": {"path": "/usr/bin/node", "version": "22.23.3"},
    "node_red": {"path": "/usr/lib/node_modules/node-red", "version": "4.1.15", "node": ">=18.5", "manager": None},
    "elsewhere": [],
    "overrides": [],
    "user_dir": {"path": USER_DIR, "status": file_status("0700")},
    "settings": {
        "path": f"{USER_DIR}/settings.js",
        "in_use": True,
        "guessed": False,
        "status": file_status(),
        "sha256": "",
        "content": SETTINGS.encode("utf-8"),
        "stock": None,
    },
    "origin": None,
    # Of a certificate there is all but the certificate, because that has to be made anew for each run.
    "disks": [],
    "certificate": {
        "path": f"{USER_DIR}/nodecerts/server.pem",
        "status": file_status(),
        "chain": "",
        "key": True,
        "key_encrypted": False,
        "key_matches": True,
        "sha256": "0" * 64,
    },
    "login_page": {"path": f"{USER_DIR}/nodelogin", "files": {}, "data": None, "exposed": []},
    "credentials": {
        "project": None,
        "flow_file": None,
        "default_flow_file": "flows_kitchen.json",
        "pending": [],
        "generated": None,
        "files": [],
    },
    "acme": None,
    "source": None,
    "follower": None,
    "proxy": None,
    "exposed": [],
    "endpoints": [],
    "dependents": None,
    "proof": {
        "expected": {
            "address": "127.0.0.1",
            "port": 1880,
            "tls": True,
            "refresh": 0,
            "user_dir": None,
            "certificate": None,
            "admin_root": "/",
            "node_root": "/",
            "auth": True,
            "anonymous": False,
            "node_auth": True,
            "static": [],
            "client_certificate": False,
            "proxy": None,
            "login_page": False,
            "require_https": False,
            "settings": hashlib.sha256(SETTINGS.encode("utf-8")).hexdigest(),
        },
        "settings": hashlib.sha256(SETTINGS.encode("utf-8")).hexdigest(),
        "transaction": None,
        "failures": [],
    },
    "transaction": None,
    "went_back": None,
    "last_run": None,
    "busy": False,
    "details": {
        "umask": "0077",
        "no_new_privileges": False,
        "root_rights": {"groups": [], "sudo": []},
        "node_package": None,
        "listening": [["0.0.0.0", 1880]],
        "flows": {"flows.json": []},
        "sessions": [],
    },
}
