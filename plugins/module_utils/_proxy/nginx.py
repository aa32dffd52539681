# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nginx of a host, as systemd and dpkg know it, and the site that leads to a Node-RED."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.packages import installed_version
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import processes, systemctl
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe, proxy_probe
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    NGINX_UNIT,
    nginx_site,
    proxy_authorities,
)

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        DirectSettings,
        Listener,
        NginxBefore,
        ProxyExpected,
        ProxyState,
        SiteAnswer,
    )

#: Of the store: how settings.js was before a proxy came.
DIRECT = "direct.json"
#: Seconds that nginx may take to follow its new configuration before what comes next looks for itself.
PATIENCE = 30
_PAUSE = 0.05
#: What a worker of nginx calls itself, and one that accepts no connection any more.
_WORKER = "nginx: worker process"
_LEAVING = "is shutting down"


def properties() -> dict[str, str]:
    """What systemd says of nginx."""
    names = ("ActiveState", "UnitFileState", "ControlGroup")
    printed = systemctl("show", NGINX_UNIT, f"--property={','.join(names)}", check=False)
    return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)


def is_active() -> bool:
    """Whether nginx runs."""
    return _runs(properties())


def _runs(now: Mapping[str, str]) -> bool:
    return now.get("ActiveState") in ("active", "reloading")


def site(service: str) -> str | None:
    """The content of the site of a service; None where there is none."""
    content = files.read(nginx_site(service), None, files.MAXIMUM_OF_TEXT)
    return None if content is None else content.decode("utf-8", "replace")


def expected(service: str) -> ProxyExpected | None:
    """What nginx has to answer for a service; None where it has no site."""
    return proxy_probe.expected_of(site(service))


def proxy_state(service: str, ports: Collection[int], of_service: Iterable[int]) -> ProxyState | None:
    """What is known of the proxy of a service.

    :param service: the name of the service
    :param ports: the ports that it is to have; empty where none is asked for
    :param of_service: the processes of the service itself, which will leave the ports that they have
    :returns: None where none is asked for, and none is there
    """
    direct: DirectSettings | None = Store(service).read(DIRECT)
    text = site(service)
    if not ports and text is None and direct is None:
        return None
    version = installed_version("nginx")
    now = properties() if version else {}
    authorities = files.read(proxy_authorities(service), None, files.MAXIMUM_OF_PEM) or b""
    own = {*of_service, *processes(now.get("ControlGroup", ""))}
    return {
        "version": version,
        "active": _runs(now),
        "enabled": now.get("UnitFileState") == "enabled",
        "site": text,
        "authorities": authorities.decode("ascii", "replace"),
        "ipv6": os.path.exists("/proc/net/if_inet6"),
        "listeners": listeners(ports, own) if ports else [],
        "direct": direct,
        "complaints": [],
    }


def listeners(ports: Collection[int], but: Collection[int]) -> list[Listener]:
    """Which programs listen on some ports.

    :param ports: the ports
    :param but: the processes that do not count
    """
    inodes: dict[str, tuple[str, int]] = {}
    for table, family in (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6)):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as stream:
            for line in list(stream)[1:]:
                fields = line.split()
                raw, port = fields[1].split(":")
                if fields[3] == "0A" and int(port, 16) in ports:
                    inodes[fields[9]] = (probe.unpacked(raw, family), int(port, 16))
    if not inodes:
        return []
    owners = _owners(inodes.keys())
    found: list[Listener] = [
        {"address": address, "port": port, "program": _program(owners.get(inode))}
        for inode, (address, port) in inodes.items()
        if not owners.get(inode, set()) & set(but)
    ]
    return sorted(found, key=lambda each: (each["port"], each["address"]))


def _owners(inodes: Collection[str]) -> dict[str, set[int]]:
    """The processes that have some sockets open."""
    owners: dict[str, set[int]] = {}
    for process in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{process}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(entry.path)
                    if target.startswith("socket:[") and target[8:-1] in inodes:
                        owners.setdefault(target[8:-1], set()).add(int(process))
    return owners


def _program(pids_of_it: set[int] | None) -> str:
    for pid in sorted(pids_of_it or ()):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as stream:
            return re.sub(r"[^\w.@+-]", "_", stream.read().strip())
    return ""


def before(sites: list[SiteAnswer]) -> NginxBefore:
    """How nginx is now, for the way back to it.

    :param sites: what its other sites answer
    """
    now = properties()
    return {
        "active": _runs(now),
        "enabled": now.get("UnitFileState") == "enabled",
        "sites": sites,
    }


def read_anew() -> None:
    """Have nginx read its configuration, which ends no connection; start it where it does not run.

    A reload is only a signal, and the former workers hold the ports that nginx is to leave a little longer. So this waits
    until they accept nothing any more.

    :raises HostError: systemd cannot do so
    """
    now = properties()
    if _runs(now):
        former = _workers(now)
        systemctl("reload", NGINX_UNIT)
        deadline = time.monotonic() + PATIENCE
        # Where none was found, none can be waited for. If it takes too long, the proof that follows says what is wrong.
        while former and (not (workers := _workers(now)) or workers & former) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
    else:
        systemctl("reset-failed", NGINX_UNIT, check=False)
        systemctl("start", NGINX_UNIT)


def _workers(now: Mapping[str, str]) -> set[int]:
    """The processes of nginx that accept connections."""
    found = set()
    for process in processes(now.get("ControlGroup", "")):
        with contextlib.suppress(OSError), open(f"/proc/{process}/cmdline", "rb") as stream:
            title = stream.read().decode("utf-8", "replace")
            if title.startswith(_WORKER) and _LEAVING not in title:
                found.add(process)
    return found


def as_before(former: NginxBefore) -> None:
    """Have nginx run and start with the host as it did; its files are back already."""
    if former["active"]:
        read_anew()
    else:
        systemctl("stop", NGINX_UNIT, check=False)
    if not former["enabled"]:
        systemctl("disable", "--quiet", NGINX_UNIT, check=False)
