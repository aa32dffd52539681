# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from results import Kept, Result

if t.TYPE_CHECKING:
    import pathlib

RESULTS = {"full": Result(9, 4, {"module 1, before write a (1)": "old"}, ["one"])}


def test_what_is_kept_is_there_for_the_same_modules_alone(tmp_path: pathlib.Path) -> None:
    kept = Kept(tmp_path / "below" / "file.json", "2027-01-02")
    kept.write("a program", RESULTS)
    assert kept.read("a program") == RESULTS
    assert kept.read("another one") == {}
    assert kept.all()["date"] == "2027-01-02"


def test_nothing_was_kept_before() -> None:
    assert Kept(None, "").read("a program") == {}
