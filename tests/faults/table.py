# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of what has become of all injected faults, in a document."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN = "<!-- begin: written by make faults -->"
END = "<!-- end -->"
_HEAD = ("run", "Node-RED", "fault", "system calls", "cases", "tried", "old again", "new", "not whole")

#: By operation and release, by kind of fault, the fields of `campaign.Result`.
Results = dict[tuple[str, str], dict[str, dict[str, t.Any]]]


def table(results: Results, kinds: Sequence[str]) -> str:
    """The results as a table.

    :param results: the results
    :param kinds: the kinds of faults, in their order
    """
    lines = [" | ".join(_HEAD), " | ".join(["---"] * len(_HEAD))]
    for (operation, release), of_kinds in results.items():
        for kind in kinds:
            if kind in of_kinds:
                each = of_kinds[kind]
                tried = list(each["tried"].values())
                counts = (each["points"], each["cases"], len(tried), tried.count("old"), tried.count("new"))
                cells = (operation, release, kind, *counts)
                lines.append(" | ".join(map(str, (*cells, len(each["failures"])))))
    return "".join(f"| {line} |\n" for line in lines)


def written(document: str, text: str) -> str:
    """A document with another text between its markers.

    :raises ValueError: it has no markers
    """
    before, begin, rest = document.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The document has no {BEGIN} with {END} behind it.")
    return f"{before}{BEGIN}\n{text}{END}{after}"
