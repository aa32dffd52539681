# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Node-REDs that run on a host beside the service that is meant, for a message that says where they are.

A process says of itself that it is one, so that nothing else may follow from it.
"""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import user_name

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import OtherNodeRed

#: The title that Node-RED gives its process, as the kernel cuts it.
_TITLE = "node-red"
#: More are not told.
_MOST = 8
#: By what runs a process: its control group (cgroups(7)), with the name of what runs it.
KINDS: tuple[tuple[t.Literal["docker", "podman", "user", "pm2", "snap", "service"], str], ...] = (
    ("docker", r"/docker[-/]([0-9a-f]{12})"),
    ("podman", r"/libpod-(?:conmon-)?([0-9a-f]{12})"),
    ("user", r"/user@\d+\.service/.*?([\w@.:-]{1,200}\.service)$"),
    ("pm2", r"/(pm2[\w@.:-]{0,200}\.service)$"),
    ("snap", r"/snap\.([\w-]{1,200})\."),
    ("service", r"/([\w@.:-]{1,200}\.service)$"),
)


def elsewhere(own: list[int]) -> list[OtherNodeRed]:
    """The Node-REDs that run on this host.

    :param own: processes that are not looked at
    :returns: what runs each; none twice
    """
    found: list[OtherNodeRed] = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(pid) not in own and (one := _one(pid)) and one not in found:
                found.append(one)
    return sorted(found, key=lambda each: (each["by"], each["name"]))[:_MOST]


def _one(pid: str) -> OtherNodeRed | None:
    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as stream:
        if stream.read(100).rstrip("\n") != _TITLE:
            return None
    with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as stream:
        groups = stream.read(10_000).splitlines()
    user = user_name(os.stat(f"/proc/{pid}").st_uid)
    for by, pattern in KINDS:
        for group in groups:
            if name := re.search(pattern, group):
                return {"by": by, "name": name[1], "user": user}
    return {"by": "hand", "name": "", "user": user}
