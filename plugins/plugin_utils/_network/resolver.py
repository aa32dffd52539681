# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the control node's own resolver says of a name: evidence that no host gives."""

from __future__ import annotations

import ipaddress
import socket
import threading

#: Seconds after which a name has no addresses: a resolver without an answer takes its time, for each of its servers.
TIMEOUT = 5


def addresses_of(name: str, timeout: float = TIMEOUT) -> frozenset[str]:
    """The IP addresses of a name in their short form, or an address itself.

    :param timeout: seconds
    :returns: empty where the resolver has none, or does not answer in time
    """
    found: set[str] = set()

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        # A label that is too long is a UnicodeError.
        except (OSError, UnicodeError):
            return
        found.update(str(ipaddress.ip_address(str(answer[4][0]).partition("%")[0])) for answer in answers)

    # There is no other way to stop waiting for the resolver of the C library.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(timeout)
    return frozenset() if thread.is_alive() else frozenset(found)
