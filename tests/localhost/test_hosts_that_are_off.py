# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that is off keeps none behind it from its turn, and is named at the end; one that fails ends the roll-out."""

from __future__ import annotations

import pathlib
import re

import pytest
from ad_hoc import program

#: Nobody listens there, which ssh is told at once.
OFF = "ansible_host=127.0.0.1 ansible_port=1"
#: This machine, without a Node-RED: visited, and failed.
FAILS = "ansible_connection=local ansible_become=false nodered_service=no-such-service"


def run(folder: pathlib.Path, playbook: str, extra: str = '{"nodered_serial": 1}', **hosts: str) -> tuple[int, str]:
    """One host after the other, if `extra` says nothing else."""
    lines = [f"{name} {variables}" for name, variables in hosts.items()]
    (folder / "fleet.ini").write_text("\n".join(["[nodered]", *lines, ""]))
    done = program(folder, "ansible-playbook", "-i", "fleet.ini", "-e", extra, f"pifleet.nodered.{playbook}")
    return done.returncode, done.stdout


def recap(output: str, host: str) -> str | None:
    """What the last lines say of a host."""
    found = re.search(rf"(?m)^{host} +: (.*)$", output)
    return found and " ".join(found[1].split())


@pytest.mark.parametrize("playbook", ["secure", "install", "restore"])
def test_hosts_that_are_off_are_named_at_the_end(tmp_path: pathlib.Path, playbook: str) -> None:
    status, output = run(tmp_path, playbook, first=OFF, second=OFF)
    assert status == 4
    last = output.split("PLAY [Name the hosts that were off]")[1]
    for host in ("first", "second"):
        assert f"fatal: [{host}]: UNREACHABLE!" in last
        assert "changed=0 unreachable=1 failed=0" in str(recap(output, host))


def test_a_host_behind_one_that_is_off_is_visited(tmp_path: pathlib.Path) -> None:
    status, output = run(tmp_path, "secure", first=OFF, second=FAILS)
    assert "fatal: [second]: FAILED!" in output
    assert status == 2


def test_a_host_that_fails_ends_the_roll_out(tmp_path: pathlib.Path) -> None:
    status, output = run(tmp_path, "secure", first=FAILS, second=OFF, third=FAILS)
    assert status == 2
    assert recap(output, "first")
    assert recap(output, "second") is None and recap(output, "third") is None


def test_no_batch_begins_after_one_with_a_host_that_has_failed(tmp_path: pathlib.Path) -> None:
    hosts = {"first": FAILS, "second": OFF, "third": FAILS}
    status, output = run(tmp_path, "secure", '{"nodered_serial": [2, "50%"]}', **hosts)
    # As where no host has failed: one is off.
    assert status == 4
    assert "3 hosts: 1 failed, 1 off, 1 not begun." in output
    assert "fatal: [third]" not in output


def test_so_many_hosts_may_fail(tmp_path: pathlib.Path) -> None:
    hosts = {"first": FAILS, "second": OFF, "third": OFF, "fourth": FAILS}
    status, output = run(tmp_path, "secure", '{"nodered_serial": 2, "nodered_max_failed": 1}', **hosts)
    # As where no host has failed: one is off.
    assert status == 4
    assert "fatal: [fourth]: FAILED!" in output
    assert "4 hosts: 2 failed, 2 off." in output
