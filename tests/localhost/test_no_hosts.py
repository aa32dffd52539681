# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook that secures nobody is no success: a mistyped group, a limit that leaves nobody, an inventory that is not there."""

from __future__ import annotations

import pathlib

import pytest
from ad_hoc import PROJECT, program

#: All that work on the group `nodered`. By default `trust` works on this machine, and says itself what it has done; `notify`
#: reads what others have written.
PLAYBOOKS = sorted({path.stem for path in (PROJECT / "playbooks").glob("*.yml")} - {"notify", "trust"})

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
    # An authority is made before there are hosts.
    assert status == (0 if playbook == "authority" else 2)
    assert "The inventory has no hosts. Name the file" in output or playbook in ("authority", "validate")


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_limit_that_leaves_nobody_is_an_error(tmp_path: pathlib.Path, playbook: str) -> None:
    status, output = run(tmp_path, playbook, "-i", "fleet.ini", "-e", "nodered_hosts=kitchen", "-l", "cellar")
    assert status == 2
    assert "No host of kitchen is left by the limit cellar." in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-i", "fleet.ini", "-e", "nodered_trust_hosts=desks"), "no host for nodered_trust_hosts=desks."),
        (("-i", "no-such.ini", "-e", "nodered_trust_hosts=desks"), "The inventory has no hosts."),
        (("-i", "fleet.ini", "-l", "cellar"), "No host of localhost is left by the limit cellar."),
    ],
)
def test_trusting_nowhere_is_an_error(tmp_path: pathlib.Path, words: tuple[str, ...], message: str) -> None:
    status, output = run(tmp_path, "trust", *words)
    assert status == 2
    assert message in output


def test_trusting_here_needs_no_inventory(tmp_path: pathlib.Path) -> None:
    """It goes on, until it finds no authority."""
    _status, output = run(tmp_path, "trust", "-e", f"nodered_ca_dir={tmp_path}", "-e", "nodered_trust_users=[]")
    assert f"There is no {tmp_path}/ca.pem" in output


def test_files_need_no_hosts(tmp_path: pathlib.Path) -> None:
    (tmp_path / "settings.js").write_text("module.exports = {};\n")
    status, output = run(
        tmp_path, "validate", "-e", "nodered_validate_files=settings.js", "-e", "nodered_fail_severity=never"
    )
    assert (status, "settings.js" in output) == (0, True)


def test_hosts_that_are_there_are_visited(tmp_path: pathlib.Path) -> None:
    """Nobody answers at these addresses, which the report says."""
    (tmp_path / "ansible.cfg").write_text("[defaults]\ntimeout = 1\n")
    status, output = run(tmp_path, "audit", "-i", "fleet.ini", "-e", "nodered_hosts=kitchen:cellar")
    assert "Not looked at: 2 hosts" in output
    assert "Nothing was looked at, because pi1, pi2 could not be." in output
    assert status == 2


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_the_syntax_can_be_checked_without_hosts(tmp_path: pathlib.Path, playbook: str) -> None:
    assert run(tmp_path, playbook, "-i", "no-such.ini", "--syntax-check")[0] == 0
