# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything about one Node-RED that can be read without changing it and without starting a program but systemctl."""

from __future__ import annotations

import os
import socket
import time

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate import certbot_lineage as acme
from ansible_collections.pifleet.nodered.plugins.module_utils._certificate.pem import key_matches, split_pem
from ansible_collections.pifleet.nodered.plugins.module_utils._credentials.files import read_credentials
from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.network import addresses, fully_qualified_name
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.command_line import overrides
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import endpoints, service_processes
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.exposed_files import exposed_files
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    CERTIFICATE_FILE,
    DROP_IN,
    ENVIRONMENT_FILE,
)
from .audit_details import gather_details

#: States of a unit file to which `systemctl enable` can add nothing.
ENABLED = ("enabled", "enabled-runtime", "static", "generated", "indirect", "alias")


def gather(service, user=None, user_dir=None, settings_path=None, details=False):
    """The state of one Node-RED as a dictionary; the texts of the settings are bytes.

    ``details`` adds what only an audit wants to know.
    """
    unit = Unit(service, user, user_dir, settings_path)
    name = socket.gethostname()
    hostname = name.split(".")[0]
    state = {
        "host": {
            "hostname": hostname,
            "addresses": addresses(),
            "clock": int(time.time()),
            "fqdn": name if "." in name else fully_qualified_name(hostname),
        },
        "service": {
            "name": unit.name,
            "exists": unit.exists,
            "active": unit.active,
            "enabled": unit.properties.get("UnitFileState") in ENABLED,
            "reload_needed": unit.properties.get("NeedDaemonReload") == "yes",
            "environment_files": unit.environment_files,
            "drop_in": _text(files.read(DROP_IN % unit.name)),
            "environment": _text(files.read(ENVIRONMENT_FILE % unit.name)),
        },
        "user": None,
        "node": dict(zip(("path", "version"), unit.node())),
        "node_red": {"path": unit.node_red_home, "version": unit.node_red_version, "node": unit.node_engine},
        "overrides": overrides(unit.command_line, unit.environment, unit.working_directory),
        "user_dir": {"path": unit.user_dir, "status": files.status(unit.user_dir) if unit.user_dir else None},
        "settings": {
            "path": unit.settings_path,
            "in_use": in_use(unit),
            "status": None,
            "sha256": "",
            "content": None,
            "stock": None,
        },
        "certificate": {
            "path": None,
            "status": None,
            "chain": None,
            "key": False,
            "key_encrypted": False,
            "key_matches": None,
            "sha256": "",
        },
        "credentials": None,
        "acme": acme.read(unit.name),
        "exposed": [],
        "endpoints": [],
        "proof": None,
        "transaction": None,
        "details": None,
    }
    if not unit.account:
        return state
    state["user"] = {
        "name": unit.account.name,
        "group": unit.account.group,
        "home": unit.account.home,
        "uid": unit.account.uid,
        "gid": unit.account.gid,
    }
    _gather_settings(unit, state["settings"])
    _gather_certificate(unit, state["certificate"])
    state["exposed"] = exposed_files(unit.user_dir, unit.account)
    _gather_proof(unit, state)
    if details:
        state["details"] = gather_details(unit, service_processes(unit))
    return state


def in_use(unit):
    """Whether Node-RED loads the settings file that is meant; None where a script between hides it."""
    if not unit.command_line.direct:
        return None
    return os.path.realpath(unit.settings_path) == os.path.realpath(unit.settings_in_use)


def _text(content):
    return None if content is None else content.decode("utf-8", "replace")


def _gather_settings(unit, found):
    content, status = files.read_with_status(unit.settings_path, unit.account)
    found.update(content=content, sha256=checksum(content), status=status)
    if content is None and unit.node_red_home:
        found["stock"] = files.read(os.path.join(unit.node_red_home, "settings.js"))


def _gather_certificate(unit, found):
    found["path"] = os.path.join(unit.settings_folder, CERTIFICATE_FILE)
    content, status = files.read_with_status(found["path"], unit.account)
    if content is not None:
        key, chain = split_pem(content)
        found.update(
            status=status,
            chain=chain.decode("ascii", "replace"),
            key=key is not None,
            key_encrypted=b"ENCRYPTED" in (key or b""),
            key_matches=bool(key and chain and key_matches(found["path"], unit.account)),
            sha256=checksum(content),
        )


def _gather_proof(unit, state):
    store = Store(unit.name)
    transaction = Transaction(store)
    plan = {}
    if transaction.open:
        state["transaction"] = {"id": transaction.identifier}
        plan = transaction.record.get("credentials") or {}
    state["credentials"] = read_credentials(unit, plan.get("keys", []))
    proved = store.read("proved.json")
    if not unit.active:
        if proved:
            state["proof"] = {**proved, "failures": ["the service does not run"]}
        return
    if proved:
        expected = acme.expected_after_renewal(proved["expected"], state["acme"], state["certificate"])
        state["proof"] = {**proved, "expected": expected, "failures": probe.prove(expected)}
    else:
        state["endpoints"] = endpoints(unit)
