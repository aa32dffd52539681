# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often a run visits a host, counted on the host by the Python that its modules are run with."""

from __future__ import annotations

import re

import pytest
from scenario.fleet import Fleet, Run

COUNT = "/var/tmp/module-executions"


def counted(fleet: Fleet, name: str, *arguments: str) -> tuple[int, Run]:
    """The module executions of a run, and the run."""
    host = fleet.host(name)
    host.check_output("install -m 0666 /dev/null %s", COUNT)
    run = fleet.play(*arguments)
    assert run.status == 0, run.output
    return int(host.check_output("wc -l < %s", COUNT)), run


@pytest.mark.parametrize(
    ("arguments", "fewest", "most", "changes"),
    [
        pytest.param(["--check"], 1, 3, True, id="check mode on an open host"),
        pytest.param([], 2, 6, True, id="first run"),
        pytest.param([], 1, 1, False, id="unchanged run"),
        pytest.param(["--check", "--diff"], 1, 1, False, id="unchanged run in check mode"),
    ],
)
def test_module_count(fleet: Fleet, name: str, arguments: list[str], fewest: int, most: int, changes: bool) -> None:
    """The runs follow each other on one host."""
    executions, run = counted(fleet, name, *arguments)
    assert fewest <= executions <= most
    assert (run.recap[name]["changed"] > 0) is changes, run.output


def test_an_unchanged_run_has_one_task_for_each_host(fleet: Fleet) -> None:
    """The one that looks and compares, and one for all hosts that says what has become of them; two more end a play."""
    run = fleet.play()
    assert run.status == 0, run.output
    tasks = [run.recap[name] for name in fleet.names]
    assert sum(sum(recap.values()) for recap in tasks) == sum(recap["ok"] for recap in tasks) == len(tasks) + 1, (
        run.output
    )
    assert len(set(re.findall(r"^(?:TASK|RUNNING HANDLER) \[(.*?)\]", run.output, re.MULTILINE))) == 4, run.output
    assert re.search(rf"^{len(tasks)} hosts?: {len(tasks)} unchanged\\.$", run.output, re.MULTILINE), run.output
