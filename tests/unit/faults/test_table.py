# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from table import BEGIN, END, table, written

TRIED = {
    "module 1, before write a (1)": "old",
    "module 1, before write b (1)": "new",
    "module 2, before fsync b (1)": "new",
}
RESULT = {"points": 9, "cases": 4, "tried": TRIED, "failures": ["one"]}


def test_a_row_for_each_kind_in_their_order() -> None:
    rows = table({("secure", "4.1"): {"full": RESULT, "killed": RESULT}}, ["killed", "full"]).splitlines()
    assert rows[2:] == [f"| secure | 4.1 | {kind} | 9 | 4 | 3 | 1 | 2 | 1 |" for kind in ("killed", "full")]


def test_only_what_is_between_the_markers_is_replaced() -> None:
    assert written(f"a\n{BEGIN}\nold\n{END}\nb\n", "new\n") == f"a\n{BEGIN}\nnew\n{END}\nb\n"


@pytest.mark.parametrize("document", ["", BEGIN, END, END + BEGIN])
def test_a_document_without_markers_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="no <!-- begin"):
        written(document, "new")
