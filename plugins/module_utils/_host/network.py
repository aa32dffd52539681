# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names and addresses that a host claims for itself."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import itertools
import re
import socket
import struct

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.probe import unpacked

from . import files

#: Bridges and the like, which belong to containers and virtual machines and not to the network around the host.
_VIRTUAL = re.compile(r"lo$|docker|br-|veth|virbr|cni|podman")

_SIOCGIFADDR = 0x8915

#: A state of /proc/net/tcp (net/tcp_states.h), and how much of that table is read.
_ESTABLISHED = "01"

_MOST_CONNECTIONS = 20000

#: Flags of /proc/net/if_inet6 (linux/if_addr.h): temporary, deprecated, tentative.
_PASSING = 0x01 | 0x20 | 0x40


def addresses() -> list[str]:
    """Addresses that last: no loopback, no link-local, no temporary IPv6 address, none of a container's bridge."""
    present: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _index, name in socket.if_nameindex():
            if not _VIRTUAL.match(name):
                with contextlib.suppress(OSError):
                    request = struct.pack("256s", name[:15].encode())
                    present.append(ipaddress.ip_address(fcntl.ioctl(sock.fileno(), _SIOCGIFADDR, request)[20:24]))
    with contextlib.suppress(OSError), open("/proc/net/if_inet6", encoding="ascii") as stream:
        for line in stream:
            fields = line.split()
            if not _VIRTUAL.match(fields[5]) and not int(fields[4], 16) & _PASSING:
                present.append(ipaddress.ip_address(bytes.fromhex(fields[0])))
    return [str(address) for address in present if not address.is_loopback and not address.is_link_local]


def connections() -> list[tuple[int, str]]:
    """Local port and remote address of each TCP connection that is established, by the kernel's own table."""
    found = set()
    for table, family in (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6)):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as stream:
            for line in itertools.islice(stream, 1, _MOST_CONNECTIONS):
                fields = line.split()
                if fields[3] == _ESTABLISHED:
                    address = ipaddress.ip_address(unpacked(fields[2].partition(":")[0], family))
                    # A server that listens for both families sees IPv4 within IPv6.
                    mapped = getattr(address, "ipv4_mapped", None)
                    found.add((int(fields[1].partition(":")[2], 16), str(mapped or address)))
    return sorted(found)


def fully_qualified_name(hostname: str) -> str:
    """The host's full name as /etc/hosts has it; a resolver is not asked, because a host offline would wait for it.

    :param hostname: the name without a domain
    :returns: the name with its domain, or the same where none is known
    """
    for line in (files.read("/etc/hosts") or b"").decode("utf-8", "replace").splitlines():
        names = line.partition("#")[0].split()[1:]
        if hostname in names and names[0].startswith(f"{hostname}."):
            return names[0]
    return hostname
