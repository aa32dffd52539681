# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who will be cut off when a server that spoke plain HTTP begins to speak TLS: said before that is so."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import PlainHttpState
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names

#: So many clients and nodes are named; the others are counted.
_MOST_NAMED = 10
_MOST_NAMES = 3


def plain_http_warning(
    found: PlainHttpState, own_addresses: Iterable[str], flow_file: str | None, names: Names, private: bool
) -> str | None:
    """What to tell before the server speaks TLS; None where nobody is known who would notice.

    :param found: who talks to it now
    :param own_addresses: of the host
    :param flow_file: the name of the file of flows that Node-RED loads; None where that is not known
    :param names: those that the certificate will have
    :param private: whether clients have to be told to trust what signs the certificate
    """
    clients = _clients(found["clients"], set(own_addresses))
    calls = [
        one_line(label)
        for file, labels in found["flows"].items()
        if flow_file is None or file == flow_file
        for label in labels
    ]
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
