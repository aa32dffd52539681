# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who depends on a Node-RED that is not secured yet: who talks plain HTTP to it, and what flows write for others."""

from __future__ import annotations

import ipaddress
import typing as t
import urllib.parse

from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.flow_files import flow_files

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        DependentsState,
        HostIdentity,
    )

#: So many clients, and so many nodes of a file, are told at most.
MOST = 100
_LONGEST_NAME = 60
#: The keys with addresses, by the types of nodes that connect by HTTP.
_ADDRESSES = {"http request": "url", "websocket-client": "path"}
_PORTS = {"http": 80, "ws": 80}


def dependents_state(
    unit: LocatedUnit, port: int, connected: Iterable[tuple[int, str]], host: HostIdentity
) -> DependentsState:
    """Who depends on a server that speaks plain HTTP.

    :param unit: its unit
    :param port: its port
    :param connected: local port and remote address of the host's connections
    :param host: how the host is called
    :returns: remote addresses, and by the name of each file of flows the nodes that call the server itself, and those
        that write files which other users may read
    """
    clients = sorted({address for local, address in connected if local == port})
    own = {"localhost", host["hostname"], f"{host['hostname']}.local", host["fqdn"], *host["addresses"]}
    names = {each.lower() for each in own}
    found: dict[str, dict[str, list[str]]] = {"calls": {}, "writers": {}}
    if unit.user_dir:
        with unit.account.rights():
            for file, nodes in flow_files(unit.user_dir):
                kinds = {
                    "calls": [_label(node) for node in nodes if _calls(node, port, names)],
                    "writers": [_label(node) for node in nodes if _writes(node)] if _others_read(unit) else [],
                }
                for kind, labels in kinds.items():
                    if labels:
                        found[kind][file] = labels[:MOST]
    return {"port": port, "clients": clients[:MOST], "calls": found["calls"], "writers": found["writers"]}


def _others_read(unit: LocatedUnit) -> bool:
    """Whether every user may read what the service writes, unless its directory keeps them out."""
    try:
        return not int(unit.properties.get("UMask") or "0022", 8) & 0o004
    except ValueError:
        return False


def _writes(node: dict[str, t.Any]) -> bool:
    return node.get("type") == "file" and node.get("overwriteFile") != "delete"


def _calls(node: dict[str, t.Any], port: int, own: set[str]) -> bool:
    """Whether a node connects without TLS to a port of the host by one of its own names."""
    kind = node.get("type")
    address = node.get(_ADDRESSES[kind]) if isinstance(kind, str) and kind in _ADDRESSES else None
    if not isinstance(address, str) or not address:
        return False
    if "://" not in address:
        # As the node does; with a configuration for TLS it takes https.
        if kind != "http request" or node.get("tls"):
            return False
        address = f"http://{address}"
    try:
        parts = urllib.parse.urlsplit(address)
        return (
            parts.scheme in _PORTS
            and (parts.port or _PORTS[parts.scheme]) == port
            and _is_own((parts.hostname or "").rstrip("."), own)
        )
    except ValueError:
        # Such as a port that is filled in later.
        return False


def _is_own(name: str, own: set[str]) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback or name in own
    except ValueError:
        return name in own


def _label(node: dict[str, t.Any]) -> str:
    """What a node is called in the editor, unless that looks like an address, which may hold a password."""
    kind, name = str(node["type"]), node.get("name")
    if not isinstance(name, str) or not name.strip() or set(name) & set("/@"):
        return kind
    return f"{kind} {name.strip()!r}"[:_LONGEST_NAME]
