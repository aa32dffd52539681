# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who will be cut off when a server begins to speak TLS, and its files are closed: said before that is so."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import DependentsState
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names

#: So many clients and nodes are named; the others are counted.
_MOST_NAMED = 10
_MOST_NAMES = 3


def plain_http_warning(
    found: DependentsState, own_addresses: Iterable[str], flow_file: str | None, names: Names, private: bool
) -> str | None:
    """What to tell before the server speaks TLS; None where nobody is known who would notice.

    :param found: who talks to it now
    :param own_addresses: of the host
    :param flow_file: the name of the file of flows that Node-RED loads; None where that is not known
    :param names: those that the certificate will have
    :param private: whether clients have to be told to trust what signs the certificate
    """
    clients = _clients(found["clients"], set(own_addresses))
    calls = _labels(found["calls"], flow_file)
    if not clients and not calls:
        return None
    sentences = [f"Node-RED speaks plain HTTP on port {found['port']} until now, and after this run https alone."]
    if clients:
        sentences.append(
            f"Connected now: {_some(clients)}. They fall silent until they use https:// (wss://)"
            + (" and trust your authority: docs/trust.md." if private else ".")
        )
    if calls:
        those = "A node calls" if len(calls) == 1 else f"{len(calls)} nodes call"
        known = ", ".join([*names.dns, *names.ips][:_MOST_NAMES])
        sentences.append(
            f"{those} this Node-RED itself by http:// or ws:// ({_some(calls)}). Give them https:// (wss://) with a name"
            f" of the certificate ({known})"
            + (
                ", and have this host trust your authority: pifleet.nodered.trust -e nodered_trust_hosts=nodered, and"
                " nodered_environment: {NODE_EXTRA_CA_CERTS: /etc/ssl/certs/ca-certificates.crt}."
                if private
                else "."
            )
        )
    return " ".join(sentences)


def ipv4_warning(host: str | None, reached_at: str | None, own_addresses: Sequence[str]) -> str | None:
    """What to tell where people come by IPv6, and Node-RED answers by IPv4; None where that is not so, or not known.

    :param host: the uiHost of its settings, None where that is not known
    :param reached_at: the name or address that the control node connects to
    :param own_addresses: of the host, as it tells them
    """
    listens, reached = _address(host), _address(reached_at)
    if listens is None or listens.version == 6 or listens.is_loopback:
        return None
    if reached is not None:
        by_ipv6, why = reached.version == 6, f"{reached} is one of IPv6"
    else:
        own = [_address(address) for address in own_addresses]
        by_ipv6 = bool(own) and all(address is not None and address.version == 6 for address in own)
        why = "this host has addresses of IPv6 alone"
    if not by_ipv6:
        return None
    return (
        f"Node-RED answers by IPv4 alone (uiHost is {listens}), and {why}: nobody gets to the editor there. Set"
        " nodered_settings: {uiHost: '::'}, which answers by both."
    )


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text or "")
    except ValueError:
        return None


def files_warning(found: DependentsState, flow_file: str | None, user: str) -> str | None:
    """What to tell before files are closed to other users; None where no flow is known to write one.

    :param found: as above
    :param flow_file: as above
    :param user: who runs Node-RED
    """
    writers = _labels(found["writers"], flow_file)
    if not writers:
        return None
    return (
        f"Flows write files ({_some(writers)}), which every user of the host could read. From this run on a new file is for"
        f' {one_line(user)} alone. Where a web server, Samba or a backup has to read it, set nodered_umask: "0027" and have'
        " flows write to a directory for that: docs/installs.md."
    )


def _labels(by_file: Mapping[str, Sequence[str]], flow_file: str | None) -> list[str]:
    return [
        one_line(label)
        for file, labels in by_file.items()
        if flow_file is None or file == flow_file
        for label in labels
    ]


def _clients(addresses: Sequence[str], own: set[str]) -> list[str]:
    """Others, by their addresses, and the host itself."""
    others, itself = [], False
    for text in addresses:
        try:
            is_own = ipaddress.ip_address(text).is_loopback or text in own
        except ValueError:
            continue
        itself = itself or is_own
        others += [] if is_own else [text]
    return [*others, *(["this host itself"] if itself else [])]


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _MOST_NAMED
    return ", ".join(texts[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
