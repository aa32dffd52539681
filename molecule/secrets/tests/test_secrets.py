# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Good and failing runs, as talkative as Ansible can be, while processes and files of host and control node are watched.

Nothing secret may turn up anywhere but where it belongs: in settings.js, in server.pem, and in root's own files.
"""

from __future__ import annotations

import dataclasses
import sys
import typing as t

import pytest
from scenario.fleet import CERTIFICATE, SETTINGS, USER_DIR, Fleet, Run
from scenario.leaks import leaked
from scenario.sampling import SAMPLER, sampled

LOUD = ("-vvv", "--diff")
NEW_PASSWORD = "another-only-for-secrets"
LONG_PASSWORD = "long-only-for-secrets" + "x" * 60
OTHER_SECRET = "other-secret-only-for-secrets"
BROKER_PASSWORD = "broker-only-for-secrets"
#: A node with credentials, for them to be encrypted anew.
FLOW = [
    {
        "id": "b0",
        "type": "mqtt-broker",
        "broker": "127.0.0.1",
        "port": "1",
        "autoConnect": False,
        "credentials": {"user": "fred", "password": BROKER_PASSWORD},
    }
]
MARK = "the sampler sees this"

ADMIN = {"username": "admin", "permissions": "*"}
#: The runs, in this order: name, arguments, variables, and whether it is to succeed.
RUNS: list[tuple[str, tuple[str, ...], dict[str, t.Any], bool]] = [
    ("check mode on an open host", ("--check", *LOUD), {}, True),
    ("first run", LOUD, {}, True),
    ("unchanged run", LOUD, {}, True),
    ("password too long", LOUD, {"nodered_admin_users": [{**ADMIN, "password": LONG_PASSWORD}]}, False),
    ("another credentialSecret", LOUD, {"nodered_credential_secret": OTHER_SECRET}, True),
    (
        "settings that Node cannot load",
        LOUD,
        {"nodered_settings_js": {"functionGlobalContext": "{ lost: require('no-such-module') }"}},
        False,
    ),
    (
        "change with which Node-RED does not start",
        LOUD,
        {"nodered_admin_users": [{**ADMIN, "password": NEW_PASSWORD}], "nodered_settings": {"uiHost": "192.0.2.1"}},
        False,
    ),
    (
        "another password in check mode",
        ("--check", *LOUD),
        {"nodered_admin_users": [{**ADMIN, "password": NEW_PASSWORD}]},
        True,
    ),
    ("another password", LOUD, {"nodered_admin_users": [{**ADMIN, "password": NEW_PASSWORD}]}, True),
]


@dataclasses.dataclass
class Seen:
    """What came to light in all the runs, and what should not have."""

    runs: dict[str, Run] = dataclasses.field(default_factory=dict)
    secrets: set[str] = dataclasses.field(default_factory=set)
    host: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    here: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    log: str = ""


@pytest.fixture(scope="module")
def seen(fleet: Fleet) -> Seen:
    result = Seen()
    log, home = fleet.work / "loud.log", fleet.work / "home"
    home.mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    host = fleet.host("pi")
    fleet.here().deploy(fleet.url("pi", "http"), FLOW)
    host.check_output("echo %s >/tmp/mark", MARK)
    on_host = fleet.command_on("pi", "python3", "-c", SAMPLER, "/tmp", "/var/tmp", "/dev/shm", "/root", "/home/pi")
    # ANSIBLE_HOME: what Ansible would keep in ~/.ansible, temporary files among it.
    environment = {"ANSIBLE_LOG_PATH": str(log), "ANSIBLE_HOME": str(home)}
    result.secrets = {*fleet.secrets(), NEW_PASSWORD, LONG_PASSWORD, OTHER_SECRET, BROKER_PASSWORD}
    with sampled(*on_host) as result.host, sampled(sys.executable, "-c", SAMPLER, str(home)) as result.here:
        host.check_output("rm /tmp/mark")
        for name, arguments, variables, _good in RUNS:
            result.runs[name] = fleet.play(*arguments, variables=variables, environment=environment)
            result.secrets |= fleet.secrets_on("pi")
    result.log = log.read_text("utf-8")
    return result


@pytest.mark.parametrize(("name_of_run", "good"), [(name, good) for name, _arguments, _variables, good in RUNS])
def test_output(seen: Seen, name_of_run: str, good: bool) -> None:
    run = seen.runs[name_of_run]
    assert (run.status == 0) is good, run.output
    assert leaked(seen.secrets, run.output) == []


def test_differences_are_shown(seen: Seen) -> None:
    """With the secrets hidden, and not by showing nothing at all."""
    output = seen.runs["first run"].output
    assert '"username": "admin"' in output or 'username: "admin"' in output
    assert "+" in output
    assert "********" in output


def test_log(seen: Seen) -> None:
    assert seen.log.count("PLAY RECAP") == len(RUNS)
    assert leaked(seen.secrets, seen.log) == []


def test_processes(seen: Seen) -> None:
    for place, sampled_there in (("the host", seen.host), ("the control node", seen.here)):
        commands = "\n".join(sampled_there["commands"])
        assert "node" in commands, place
        assert leaked(seen.secrets, commands) == [], place
    assert "ansible-playbook" in "\n".join(seen.here["commands"])


def test_what_systemd_shows_to_every_user(fleet: Fleet, seen: Seen) -> None:
    shown = fleet.host("pi").check_output(
        "setpriv --reuid=65534 --regid=65534 --clear-groups systemctl show --all nodered"
    )
    assert "50-pifleet.environment" in shown
    assert leaked(seen.secrets, shown) == []


def test_files_of_the_host(seen: Seen) -> None:
    assert MARK in "".join(found["content"] for found in seen.host["files"])
    # Beside a file that is replaced lies the new one for a moment.
    allowed = (SETTINGS, CERTIFICATE, f"{USER_DIR}/.settings.js.", f"{USER_DIR}/nodecerts/.server.pem.")
    for found in seen.host["files"]:
        secrets = leaked(seen.secrets, found["content"])
        assert not secrets or found["path"].startswith(allowed), found["path"]
        assert not secrets or found["mode"] == 0o600, found["path"]


def test_files_of_the_control_node(seen: Seen) -> None:
    for found in seen.here["files"]:
        assert leaked(seen.secrets, found["content"]) == [], found["path"]


def test_journal(fleet: Fleet, seen: Seen) -> None:
    journal = fleet.journal("pi", "--all")
    assert "COMMAND=" in journal
    assert leaked(seen.secrets, journal) == []
