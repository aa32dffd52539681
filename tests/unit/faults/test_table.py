# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from table import BEGIN, END, written

TRIED = {
    "module 1, before write a (1)": "old",
    "module 1, before write b (1)": "new",
    "module 2, before fsync b (1)": "new",
}
RESULT = {"points": 9, "cases": 4, "tried": TRIED, "failures": ["one"]}


def rows(document: str) -> list[str]:
    return document.partition(BEGIN)[2].partition(END)[0].splitlines()[3:]


def test_a_row_for_each_kind() -> None:
    kept = {"date": "2027-01-02", "kinds": {"killed": RESULT, "full": RESULT}}
    document = written(f"a\n{BEGIN}\n{END}\nb\n", {("secure", "4.1"): kept})
    assert rows(document) == [
        f"| secure | 4.1 | {kind} | 9 | 4 | 3 | 1 | 2 | 1 | 2027-01-02 |" for kind in ("killed", "full")
    ]
    assert document.startswith(f"a\n{BEGIN}\n| run |")
    assert document.endswith(f"{END}\nb\n")


def test_what_was_not_tried_anew_stays() -> None:
    former = {"date": "2027-01-02", "kinds": {"full": RESULT}}
    once = written(f"{BEGIN}\n{END}", {("rotate", "4.1"): former, ("secure", "4.1"): former})
    anew = {"date": "2027-01-03", "kinds": {"full": {**RESULT, "failures": []}}}
    twice = written(once, {("secure", "4.1"): anew, ("rotate", "3.1"): anew})
    assert rows(twice) == [
        "| rotate | 3.1 | full | 9 | 4 | 3 | 1 | 2 | 0 | 2027-01-03 |",
        "| rotate | 4.1 | full | 9 | 4 | 3 | 1 | 2 | 1 | 2027-01-02 |",
        "| secure | 4.1 | full | 9 | 4 | 3 | 1 | 2 | 0 | 2027-01-03 |",
    ]


@pytest.mark.parametrize("document", ["", BEGIN, END, END + BEGIN])
def test_a_document_without_markers_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="no <!-- begin"):
        written(document, {})
