# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about the releases of Node-RED and Node.js on a host."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._releases.node_versions import new_enough
from ansible_collections.pifleet.nodered.plugins.plugin_utils._releases.support import advisories, end_of_support

from .base import RuleBook
from .host_view import Host

RULES = RuleBook()

_UPDATE = "Update it with Node-RED's own installer, then run pifleet.nodered.secure, which proves that all still works."

NODE_RED_OLD = RULES.add(
    "node-red-out-of-support",
    Severity.MEDIUM,
    "Node-RED gets no corrections any more",
    "Faults found from now on stay. The days are those that the project published.",
    _UPDATE,
)

NODE_RED_ADVISORY = RULES.add(
    "node-red-advisory",
    Severity.HIGH,
    "This release of Node-RED has a published fault",
    "How to use the fault is public.",
    _UPDATE,
)

NODE_OLD = RULES.add(
    "node-out-of-support",
    Severity.MEDIUM,
    "Node.js gets no corrections any more",
    "Faults found from now on stay. Not said of Debian's own package, which Debian corrects as long as the release.",
    _UPDATE,
)

NODE_UNFIT = RULES.add(
    "node-too-old",
    Severity.MEDIUM,
    "Node.js is too old for this Node-RED",
    "It wants a newer one: what it needs may be missing, and nobody tests it so.",
    _UPDATE,
)

_DEBIANS_NODE = ("/usr/bin/node", "/usr/bin/nodejs")


def check_versions(host: Host) -> Iterator[Finding]:
    node_red, node = host.state["node_red"], host.state["node"]
    if node_red["version"]:
        end = end_of_support("node_red", node_red["version"])
        if end and end < host.today:
            yield host.finding(NODE_RED_OLD, f"Node-RED {node_red['version']} was supported until {end}.")
        for advisory in advisories(node_red["version"]):
            yield host.finding(
                NODE_RED_ADVISORY,
                f"Node-RED {node_red['version']} has {advisory.identifier}: {advisory.title}."
                f" {advisory.fixed} has it no more.",
                advisory.identifier,
            )
    if not node["version"]:
        return
    end = end_of_support("node", node["version"])
    debians = node["path"] in _DEBIANS_NODE and "dfsg" in (host.details.get("node_package") or "")
    if end and end < host.today and not debians:
        yield host.finding(NODE_OLD, f"Node.js {node['version']} was supported until {end}.")
    try:
        if node_red["node"] and not new_enough(node["version"], node_red["node"]):
            yield host.finding(
                NODE_UNFIT, f"Node.js {node['version']} is there, and Node-RED wants {node_red['node']}."
            )
    except ValueError:
        # A range of another form says nothing.
        return
