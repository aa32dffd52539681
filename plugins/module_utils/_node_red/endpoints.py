# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes of a running Node-RED, and what it shows on its ports."""

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import PROVED, Store
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy import nginx
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe

if t.TYPE_CHECKING:
    from collections.abc import Collection

    from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import EndpointState

    from .unit import LocatedUnit


def listening_of(pids: Collection[int], account: Account) -> list[tuple[str, int]]:
    """The TCP endpoints that the processes of a service listen on.

    :param pids: the ids of the processes
    :param account: the user of the service
    :returns: IP addresses with their ports, sorted
    """
    found = probe.listening(pids)
    if found:
        return found
    with account.sight():
        return probe.listening(pids)


def endpoints(unit: LocatedUnit) -> list[EndpointState]:
    """What the running service shows on each of its ports that speaks HTTP, and nginx in front of it.

    :returns: nothing where it does not run
    """
    if not unit.main_pid:
        return []
    listening = listening_of(unit.processes(), unit.account)
    # Flows may listen too, on ports where a stray request does harm: those are asked only where no other is known.
    proved = (Store(unit.name).read(PROVED) or {}).get("expected", {}).get("port")
    usual = {str(port) for port in (proved, unit.command_line.last("port"), unit.environment.get("PORT"), 1880)}
    likely = [endpoint for endpoint in listening if str(endpoint[1]) in usual]
    seen = [probe.observe(probe.reachable(address), port) for address, port in likely or listening]
    proxy = nginx.expected(unit.name)
    if proxy:
        seen.append(probe.observe("127.0.0.1", proxy["https"], proxy["path"], name=proxy["name"]))
    return [endpoint for endpoint in seen if endpoint["tls"] or endpoint["http"]]
