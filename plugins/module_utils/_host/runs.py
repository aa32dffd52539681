# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which run has worked on a host last, so that of two at the same time only one counts, and the other says so."""

from __future__ import annotations

import typing as t

from .errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Mapping


#: What follows the name of a run whose changes are neither proved nor put back.
OPEN = " open"


class Run(t.NamedTuple):
    """A run on the control node, as its modules know of it."""

    #: "20260102T030405Z-1a2b3c4d root@desk": when it began and by whom; None where the module was not told.
    name: str | None = None
    #: The run that had worked on the host last when this one looked at it, with `OPEN` behind it while it had not come to its
    #: end; "" for none, None where it did not look.
    seen: str | None = None

    def is_own(self, last: str | None) -> bool:
        """Whether it was this run that has worked on the host last."""
        return last is not None and last.removesuffix(OPEN) == self.name

    def refuse_other(self, last: str | None) -> None:
        """Refuse what this run has computed from a state that another one has replaced since.

        :param last: the run that has worked on the host last
        :raises HostError: it is neither this one, nor the one that this one knew of and just as that had left the host
        """
        if self.name is None or last is None or self.is_own(last) or self.seen in (None, last):
            return
        begun, _space, owner = last.removesuffix(OPEN).partition(" ")
        raise HostError(
            f"Another run works on this host, or did so since this one looked at it: the one of {begun}"
            f" by {owner or 'somebody'}. It counts, and this one changes nothing more. Run again to see what is left to do.",
            # So nothing is put back either: that would be the other's.
            restored=[],
        )


#: A module runs in a process of its own, for one run.
_this = Run()


def announce(options: Mapping[str, t.Any]) -> None:
    """Say which run this module works for.

    :param options: the module's, with those of `RUN_ARGUMENTS`
    """
    global _this  # noqa: PLW0603 (one process, one run)
    _this = Run(options["run"], options["run_seen"])


def this_run() -> Run:
    """The run that this module works for."""
    return _this
