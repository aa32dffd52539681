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
#: Where the first process of a host is, in the root of all of its control groups.
_INIT = "/init.scope"
#: More are not told.
_MOST = 8
#: Processes with that title that are looked at; whoever starts more wants to be waited for.
_MOST_PROCESSES = 64
#: By what runs a process: its control group (cgroups(7)), with the name of what runs it.
KINDS: tuple[tuple[t.Literal["docker", "podman", "container", "user", "pm2", "snap", "service"], str], ...] = (
    ("docker", r"/docker[-/]([0-9a-f]{12})"),
    ("podman", r"/libpod-(?:conmon-|payload-)?([0-9a-f]{12})"),
    ("container", r"\b(?:cri-containerd|crio)[-:]([0-9a-f]{12})"),
    ("container", r"/lxc(?:\.payload)?[./]([\w.-]{1,200})"),
    ("container", r":/machine\.slice/machine-([\w@.:\\-]{1,200})\.scope"),
    # Only what starts containers divides the group of its service.
    ("container", r":/(?:system|machine)\.slice/(?:[^/]{1,200}\.slice/)?([\w@.:\\-]{1,200}\.service)/."),
    ("user", r":/user\.slice/user-\d+\.slice/user@\d+\.service/(?:[^/]{1,200}/){0,8}([\w@.:-]{1,200}\.service)$"),
    ("pm2", r"/(pm2[\w@.:-]{0,200}\.service)$"),
    ("snap", r"/snap\.([\w-]{1,200})\."),
    (
        "service",
        r":/system\.slice/(?:system-[^/]{1,200}\.slice/)?"
        # What starts things by the way is not what anybody would call the service of a Node-RED.
        r"(?!(?:cron|crond|anacron|atd|rc-local|supervisor|supervisord|ssh|sshd)[.@])([\w@.:\\-]{1,200}\.service)$",
    ),
)


def elsewhere(own: list[int]) -> list[OtherNodeRed]:
    """The Node-REDs that run on this host.

    :param own: processes that are not looked at
    :returns: what runs each; none twice
    """
    found: list[OtherNodeRed] = []
    looked_at = 0
    root = _root()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if int(pid) in own or not _has_title(pid):
                continue
            looked_at += 1
            if (one := _one(pid, root)) not in found:
                found.append(one)
        if looked_at == _MOST_PROCESSES:
            break
    return sorted(found, key=lambda each: (each["by"], each["name"]))[:_MOST]


def _has_title(pid: str) -> bool:
    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as stream:
        return stream.read(100).rstrip("\n") == _TITLE


def _groups(pid: str) -> list[str]:
    """The control groups of a process, a line for each hierarchy."""
    with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as stream:
        return stream.read(4096).splitlines()


def _root() -> str:
    """The group below which all others lie, where the host is a container itself; else the empty text."""
    with contextlib.suppress(OSError):
        return next((group.split(":", 2)[2][: -len(_INIT)] for group in _groups("1") if group.endswith(_INIT)), "")
    return ""


def _one(pid: str, root: str) -> OtherNodeRed:
    groups = [group.replace(f":{root}", ":", 1) if root else group for group in _groups(pid)]
    user = user_name(os.stat(f"/proc/{pid}").st_uid)
    for by, pattern in KINDS:
        for group in groups:
            if name := re.search(pattern, group):
                return {"by": by, "name": name[1], "user": user}
    return {"by": "hand", "name": "", "user": user}
