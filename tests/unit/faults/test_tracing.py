# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
import tracing
from campaign import spread

PROGRAM = b"""\
import os, subprocess, sys
with open("{path}", "w") as stream:
    stream.write("all of it")
os.rename("{path}", "{path}.new")
subprocess.run(["true"])
"""


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "file"


def traced(path: pathlib.Path, call: str, verdict: tracing.Verdict) -> tuple[int, list[str]]:
    """Runs the program with a verdict for one call; returns its status and the calls that it came to."""
    seen = []

    def decide(boundary: tracing.Boundary) -> tracing.Verdict:
        seen.append(boundary.call)
        return verdict if boundary.call == call else tracing.Verdict.GO_ON

    program = PROGRAM.replace(b"{path}", bytes(path))
    python = "/usr/bin/python3"
    status, _printed = tracing.run(["env", "--", python], program, decide, (str(path.parent),))
    return status, seen


def test_each_writing_call_is_a_boundary(path: pathlib.Path) -> None:
    assert traced(path, "", tracing.Verdict.GO_ON) == (0, ["openat", "write", "rename", "exit_group"])
    assert path.with_suffix(".new").read_text() == "all of it"


def test_a_program_is_killed_before_a_call(path: pathlib.Path) -> None:
    assert traced(path, "rename", tracing.Verdict.KILL) == (-9, ["openat", "write", "rename"])
    assert path.read_text() == "all of it"


def test_a_call_fails_in_place_of_being_done(path: pathlib.Path) -> None:
    status, _seen = traced(path, "write", tracing.Verdict.FAIL)
    assert status == 1
    assert path.read_text() == ""


def test_points_are_spread_evenly() -> None:
    points = [tracing.Boundary("write", str(number), True) for number in range(10)]
    assert [point.path for point in spread(points, 3)] == ["1", "5", "8"]
    assert spread(points, None) == points
