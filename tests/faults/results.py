# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has become of injected faults, and the file in which that is kept from one campaign to the next."""

from __future__ import annotations

import dataclasses
import json
import typing as t

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping


@dataclasses.dataclass
class Result:
    """What has become of one kind of fault."""

    points: int = 0
    #: How many different cases these are: states of the host or of its disks, or calls on a file in a state.
    cases: int = 0
    #: By the points that were tried, whether the host was "old" or "new" when it had gone back or on by itself.
    tried: dict[str, str] = dataclasses.field(default_factory=dict)
    #: What was wrong, with the point.
    failures: list[str] = dataclasses.field(default_factory=list)

    @property
    def old(self) -> int:
        return sum(which == "old" for which in self.tried.values())

    @property
    def new(self) -> int:
        return len(self.tried) - self.old

    def in_words(self) -> str:
        return (
            f"{self.points} system calls, {self.cases} cases, {len(self.tried)} tried: {self.old} old again,"
            f" {self.new} new, {len(self.failures)} not whole"
        )


@dataclasses.dataclass(frozen=True)
class Kept:
    """What is kept of the faults in one run with one release of Node-RED.

    :param path: the file, JSON; None keeps nothing
    :param date: the day of the newest module (YYYY-MM-DD)
    """

    path: pathlib.Path | None
    date: str

    def read(self, program: str) -> dict[str, Result]:
        """By kind, what has become of faults in the same modules so far.

        :param program: their short name
        """
        kept = self.all()
        if kept.get("program") != program:
            return {}
        return {kind: Result(**result) for kind, result in kept["kinds"].items()}

    def write(self, program: str, results: Mapping[str, Result]) -> None:
        """Take the place of what was kept."""
        if self.path:
            kinds = {kind: dataclasses.asdict(result) for kind, result in results.items()}
            kept = {"program": program, "date": self.date, "kinds": kinds}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")

    def all(self) -> dict[str, t.Any]:
        """All of the file; empty where there is none."""
        try:
            return t.cast("dict[str, t.Any]", json.loads(self.path.read_text("utf-8"))) if self.path else {}
        except FileNotFoundError:
            return {}
