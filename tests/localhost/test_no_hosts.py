# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook that secures nobody is no success: a mistyped group, a limit that leaves nobody, an inventory that is not there."""

from __future__ import annotations

import pathlib

import pytest
from ad_hoc import PROJECT, program

#: All that work on the group `nodered`. By default `trust` works on this machine, and says itself what it has done.
PLAYBOOKS = sorted({path.stem for path in (PROJECT / "playbooks").glob("*.yml")} - {"trust"})

INVENTORY = """\
[kitchen]
pi1 ansible_host=192.0.2.1
[cellar]
pi2 ansible_host=192.0.2.2
"""


def run(folder: pathlib.Path, playbook: str, *words: str) -> tuple[int, str]:
    (folder / "fleet.ini").write_text(INVENTORY)
    done = program(folder, "ansible-playbook", f"pifleet.nodered.{playbook}", *words)
    return done.returncode, done.stdout


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_mistyped_group_is_an_error(tmp_path: pathlib.Path, playbook: str) -> None:
    status, output = run(tmp_path, playbook, "-i", "fleet.ini", "-e", "nodered_hosts=kitchn")
    assert status == 2
    assert "kitchn" in output or "nodered_hosts names no host" in output


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_an_inventory_that_is_not_there_is_an_error(tmp_path: pathlib.Path, playbook: str) -> None:
    status, output = run(tmp_path, playbook, "-i", "no-such.ini")
    assert status == 2
    assert "The inventory has no hosts. Name the file" in output or playbook == "validate"


@pytest.mark.parametrize("playbook", sorted(set(PLAYBOOKS) - {"validate"}))
def test_a_limit_that_leaves_nobody_is_an_error(tmp_path: pathlib.Path, playbook: str) -> None:
    status, output = run(tmp_path, playbook, "-i", "fleet.ini", "-e", "nodered_hosts=kitchen", "-l", "cellar")
    assert status == 2
    assert "No host of kitchen is left by the limit cellar." in output


def test_hosts_that_are_there_are_visited(tmp_path: pathlib.Path) -> None:
    """Nobody answers at these addresses, which the report says."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\ntimeout = 1\n")
    _status, output = run(tmp_path, "audit", "-i", "fleet.ini", "-e", "nodered_hosts=kitchen:cellar")
    assert "Not looked at: 2 hosts" in output


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_the_syntax_can_be_checked_without_hosts(tmp_path: pathlib.Path, playbook: str) -> None:
    assert run(tmp_path, playbook, "-i", "no-such.ini", "--syntax-check")[0] == 0
