# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both a host and the control node tell of a way back."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from .host_state import WayBack


def of_displaced(copies: Iterable[str]) -> str:
    """What to tell of an owner's edits that the way back had to put aside; empty where there are none.

    :param copies: the paths of what was kept of them
    """
    return "".join(
        f" Somebody has edited settings.js since it was written: that text is kept in {copy}. Add by hand what you need of it."
        for copy in copies
    )


def of_way_back(way_back: WayBack, service: str) -> str:
    """What a host has done by itself since a run had changed it.

    :param way_back: the host's record of it
    :param service: the name of the service, with its suffix
    """
    return f"{_CAUSES[way_back['cause']]} {_OUTCOMES[way_back['outcome']]}".format(
        service=service, identifier=way_back["transaction"]
    )


_CAUSES = {
    "ended": "Node-RED ended by itself after its last change was proved.",
    "interrupted": "The host was switched off, or started anew, in the middle of a run.",
}
_OUTCOMES = {
    "back": (
        "So the files of before are back; the refused ones are among backups/{identifier} in /var/lib/pifleet-nodered. What"
        " Node-RED said: journalctl --unit {service}"
    ),
    "closed": (
        "It was started again and not put back, because the state before would let in again whom the change has locked out,"
        " or lacks credentials of flows that were deployed since."
        " What Node-RED said: journalctl --unit {service}"
    ),
    "failed": "Going back failed too; the next run of pifleet.nodered.secure tries it again.",
}
