# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only an audit wants to know of a host, beside its state: read from files, without starting any program."""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.packages import package_version
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import listening_of
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.flow_files import flow_files, read_json

from .root_rights import root_rights

if t.TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import AuditDetails, SessionState

#: Nodes and configurations that listen for somebody who is not logged in to the editor.
_LISTENING = ("http in", "websocket-listener", "ui_base", "ui-base", "uibuilder", "worldmap", "socketio-config")


def gather_details(unit: LocatedUnit, pids: Collection[int]) -> AuditDetails:
    """What only an audit wants to know of a unit.

    :param unit: the unit
    :param pids: the processes of the service
    :returns: the details
    """
    with unit.account.rights():
        flows = _flows(unit.user_dir) if unit.user_dir else {}
        sessions = _sessions(unit.user_dir) if unit.user_dir else []
    return {
        "umask": unit.properties.get("UMask", ""),
        "no_new_privileges": unit.properties.get("NoNewPrivileges") == "yes",
        "root_rights": root_rights(unit.account),
        "node_package": package_version("nodejs"),
        "listening": [list(endpoint) for endpoint in listening_of(pids, unit.account)],
        "flows": flows,
        "sessions": sessions,
    }


def _flows(user_dir: str) -> dict[str, list[str]]:
    """For each file of flows, which nodes of `_LISTENING` it has that are not disabled."""
    kinds = {}
    for name, nodes in flow_files(user_dir):
        # A list, because what stands there need not be a string.
        types = [node.get("type") for node in nodes]
        kinds[name] = [kind for kind in _LISTENING if kind in types]
    return kinds


def _sessions(user_dir: str) -> list[SessionState]:
    """Who is logged in with which rights, never the tokens."""
    sessions = read_json(os.path.join(user_dir, ".sessions.json"))
    now = time.time() * 1000
    return [
        {"user": session["user"], "scope": _scope(session.get("scope"))}
        for session in (sessions.values() if isinstance(sessions, dict) else ())
        if isinstance(session, dict)
        and isinstance(session.get("user"), str)
        and isinstance(session.get("expires"), (int, float))
        and session["expires"] > now
    ]


def _scope(scope: t.Any) -> str | list[str] | None:
    """The rights of a login, without anything that is not a string."""
    if isinstance(scope, list):
        return [right for right in scope if isinstance(right, str)]
    return scope if isinstance(scope, str) else None
