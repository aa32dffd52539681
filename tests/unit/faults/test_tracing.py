# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import re

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


SLEEPER = b"""\
import os, subprocess
with open("{path}", "w") as stream:
    stream.write(str(os.getpid()))
subprocess.run(["sleep", "1000"])
"""


def is_gone(process: str) -> bool:
    """Whether it has ended; that it is a zombie for a while is a matter of the machine's first process."""
    try:
        return "State:\tZ" in pathlib.Path("/proc", process, "status").read_text("utf-8")
    except OSError:
        return True


def test_one_that_stands_still_is_ended_with_its_children(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "PATIENCE", 3)
    command = ["env", "--", "/usr/bin/python3"]
    with pytest.raises(tracing.Stuck, match="sleep 1000") as stuck:
        tracing.run(
            command, SLEEPER.replace(b"{path}", bytes(path)), lambda _: tracing.Verdict.GO_ON, (str(path.parent),)
        )
    assert is_gone(path.read_text())
    for process in re.findall(r"process (\d+),", str(stuck.value)):
        assert is_gone(process)


def test_none_is_left_behind_where_the_campaign_fails(path: pathlib.Path) -> None:
    def fail(boundary: tracing.Boundary) -> tracing.Verdict:
        if boundary.call == "exit_group" or not path.exists():
            return tracing.Verdict.GO_ON
        raise OSError("no")

    command = ["env", "--", "/usr/bin/python3"]
    program = b"import os\nopen('{path}', 'w', 1).write(f'{os.getpid()}\\n')\nos.mkdir('{path}.d')\n".replace(
        b"{path}", bytes(path)
    )
    with pytest.raises(OSError, match="no"):
        tracing.run(command, program, fail, (str(path.parent),))
    assert not path.with_suffix(".d").exists()


def test_points_are_spread_evenly() -> None:
    points = [tracing.Boundary("write", str(number), True) for number in range(10)]
    assert [point.path for point in spread(points, 3)] == ["1", "5", "8"]
    assert spread(points, None) == points
