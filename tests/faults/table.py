# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of what has become of all injected faults, in a document."""

from __future__ import annotations

import typing as t

BEGIN = "<!-- begin: written by make faults -->"
END = "<!-- end -->"
_HEAD = ("run", "Node-RED", "fault", "system calls", "cases", "tried", "old again", "new", "not whole", "modules of")
#: How many of the columns say what a row is about.
_ABOUT = 3

#: By operation and release, what `results.Kept` keeps of them.
Results = dict[tuple[str, str], dict[str, t.Any]]


def written(document: str, results: Results) -> str:
    """A document with the results in the table between its markers; rows about what is not among them stay.

    :param document: Markdown
    :param results: the results
    :raises ValueError: it has no markers
    """
    before, begin, rest = document.partition(BEGIN)
    former, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The document has no {BEGIN} with {END} behind it.")
    rows = {row[:_ABOUT]: row for row in map(_cells, former.strip().splitlines()[2:])}
    for (operation, release), kept in results.items():
        for kind, each in kept["kinds"].items():
            tried = list(each["tried"].values())
            counts = (each["points"], each["cases"], len(tried), tried.count("old"), tried.count("new"))
            row = (operation, release, kind, *map(str, (*counts, len(each["failures"]))), kept["date"])
            rows[row[:_ABOUT]] = row
    operations = [operation for operation, _release, _kind in rows]
    ordered = sorted(rows.values(), key=lambda row: (operations.index(row[0]), row[1]))
    lines = [_HEAD, ("---",) * len(_HEAD), *ordered]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{before}{BEGIN}\n{text}{END}{after}"


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
