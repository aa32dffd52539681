# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has ssh notice a host that has vanished: without a packet that says so, TCP itself waits for two hours."""

from __future__ import annotations

import typing as t

#: Seconds between two questions whether the host still answers, and how many it may leave without an answer.
INTERVAL = 15
MOST_MISSED = 5

#: What Ansible gives to ssh of what the owner has set, in this order; of an option that is given twice ssh takes the first.
_OWN_ARGUMENTS = ("ssh_args", "ssh_common_args", "ssh_extra_args")


def keep_alive(connection: t.Any) -> None:
    """Have a connection end that gets no answer any more. One that the owner has set up for that stays as it is.

    :param connection: of whatever kind; only ssh knows such an option
    """
    if connection.transport != "ssh":
        return
    given = [connection.get_option(name) or "" for name in _OWN_ARGUMENTS]
    if "serveraliveinterval" in " ".join(given).lower():
        return
    # Also scp and sftp take the common ones, which bring a module where pipelining is off.
    own = f"-o ServerAliveInterval={INTERVAL} -o ServerAliveCountMax={MOST_MISSED}"
    connection.set_option("ssh_common_args", f"{connection.get_option('ssh_common_args') or ''} {own}".strip())
