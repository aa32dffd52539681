# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of regular runs, as systemd reads them."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shlex
import subprocess
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._schedule.units import Schedule, ScheduleError

STRANGE = """/srv/50% of $HOME/it's "mine" \\ yours"""


def schedule(**changes: t.Any) -> Schedule:
    made = Schedule(
        name="pifleet-nodered",
        calendar="daily",
        random_delay=3600,
        user=None,
        # Any program, for systemd looks whether it is there.
        program="/bin/true",
        arguments=["-i", STRANGE],
        directory="/srv",
        results="/srv/results",
        environment={"LANG": "C.UTF-8", "ANSIBLE_CONFIG": STRANGE},
        secrets={"vault-password": "/srv/vault password"},
        programs_of_secrets={},
        hardened=True,
    )
    return dataclasses.replace(made, **changes)


def verify(folder: pathlib.Path, units: dict[str, str], scope: str) -> str:
    """What systemd finds wrong with units."""
    for name, text in units.items():
        (folder / name).write_text(text)
    command = ["systemd-analyze", scope, "verify", "--man=no", "--recursive-errors=no"]
    done = subprocess.run(
        [*command, *(str(folder / name) for name in units)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("user", [None, "root"])
@pytest.mark.parametrize("hardened", [True, False])
def test_systemd_finds_nothing_wrong(tmp_path: pathlib.Path, user: str | None, hardened: bool) -> None:
    units = schedule(user=user, hardened=hardened).units()
    scope = "--system" if user else "--user"
    assert verify(tmp_path, units, scope) == ""
    broken = {name: text.replace("Persistent=", "Persistence=") for name, text in units.items()}
    assert "Persistence" in verify(tmp_path, broken, scope)


def words(unit: str, playbook: str) -> list[str]:
    """A command line of a unit, by the rules that systemd shares with a shell."""
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=") and f"nodered.{playbook}" in line]
    command = line.removeprefix("ExecStart=").removeprefix("-")
    return [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(command)]


def test_arguments_come_as_they_are() -> None:
    secure = words(schedule().units()["pifleet-nodered.service"], "secure")
    assert secure[:4] == ["/bin/true", "--vault-password-file=%d/vault-password", "-i", STRANGE]
    assert json.loads(secure[5]) == {"nodered_summary_path": "/srv/results/summary.json"}


def test_a_program_that_prints_a_password_is_run_by_ansible() -> None:
    units = schedule(secrets={}, programs_of_secrets={"become-password": "/srv/50%"}).units()
    assert words(units["pifleet-nodered.service"], "audit")[1] == "--become-password-file=/srv/50%"
    assert "LoadCredential" not in units["pifleet-nodered.service"]


def test_the_run_of_an_ordinary_user_is_that_users() -> None:
    units = schedule(user="ann").units()
    assert all("\nUser=ann\n" in text for name, text in units.items() if name.endswith(".service"))
    assert "network-online" in units["pifleet-nodered.service"]
    # A manager of a user knows no network.
    assert not [text for text in schedule().units().values() if "network-online" in text or "User=" in text]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a/b"}, "nodered_schedule_name"),
        ({"name": ""}, "nodered_schedule_name"),
        ({"calendar": "daily\nOnBootSec=1"}, "cannot stand in a unit"),
        ({"directory": " "}, "cannot stand in a unit"),
        ({"arguments": ["-e", "a=b\nc"]}, "cannot stand in a unit"),
        ({"environment": {"LANG": "\x00"}}, "cannot stand in a unit"),
    ],
)
def test_what_no_unit_can_have_is_refused(changes: dict[str, t.Any], message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        schedule(**changes).units()
