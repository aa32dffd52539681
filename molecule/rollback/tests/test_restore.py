# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A state of before comes back by a playbook, proved, and can be left again. The tests follow each other on one host."""

from __future__ import annotations

import re

import pytest
from scenario.fleet import SETTINGS, STORE, Fleet, Run
from scenario.leaks import leaked
from scenario.waiting import wait_for

RESTORE = "pifleet.nodered.restore"
HOST = "other"
FORMER = "former-only-for-tests"
SESSIONS = "/home/pi/.node-red/.sessions.json"


def users(password: str) -> dict[str, object]:
    return {"nodered_admin_users": [{"username": "admin", "password": password, "permissions": "*"}]}


def restore(fleet: Fleet, *arguments: str, **variables: object) -> Run:
    run = fleet.play("--limit", HOST, "--diff", *arguments, playbook=RESTORE, variables=variables)
    assert leaked({*fleet.secrets(), FORMER}, run.output) == []
    return run


def states(fleet: Fleet) -> list[str]:
    """The names of the states that are kept, the newest first."""
    run = restore(fleet)
    assert (run.status, run.recap[HOST]["changed"]) == (0, 0), run.output
    return listed(run)


def listed(run: Run) -> list[str]:
    return re.findall(r'"(\d{8}T\d{6}Z-\d+)(?: \(last\))?: before ', run.output)


def settings(fleet: Fleet) -> str:
    return fleet.host(HOST).file(SETTINGS).content_string


def status_of_login(fleet: Fleet, password: str) -> int:
    return fleet.here().login(fleet.url(HOST), "admin", password).status


@pytest.fixture(scope="module")
def stock(fleet: Fleet) -> str:
    """The file of the open host, which then is secured, and gets another password."""
    before = settings(fleet)
    for variables in (users(FORMER), {}):
        run = fleet.play("--limit", HOST, variables=variables)
        assert run.status == 0, run.output
    return before


def test_the_last_change_is_undone_and_done_again(fleet: Fleet, stock: str) -> None:
    assert stock
    present = settings(fleet)
    token = fleet.here().token(fleet.url(HOST), "admin", fleet.password("admin"))
    before = states(fleet)
    assert len(before) == 2
    assert restore(fleet, "--check", nodered_restore="last").recap[HOST]["changed"] == 1
    assert settings(fleet) == present

    run = restore(fleet, nodered_restore="last")
    assert (run.status, run.recap[HOST]["changed"]) == (0, 1), run.output
    assert (status_of_login(fleet, FORMER), status_of_login(fleet, fleet.password("admin"))) == (200, 403)
    # Who was logged in has to do so again.
    assert token not in fleet.host(HOST).file(SESSIONS).content_string
    assert restore(fleet, nodered_restore=before[0]).recap[HOST]["changed"] == 0

    run = restore(fleet, nodered_restore="last")
    assert (run.status, run.recap[HOST]["changed"]) == (0, 1), run.output
    assert settings(fleet) == present
    assert status_of_login(fleet, fleet.password("admin")) == 200
    # Nor does a session come back.
    assert token not in fleet.host(HOST).file(SESSIONS).content_string
    assert fleet.play("--limit", HOST).recap[HOST]["changed"] == 0


def test_one_that_cannot_be_proved_goes_back(fleet: Fleet, stock: str) -> None:
    assert stock
    host = fleet.host(HOST)
    run = fleet.play("--limit", HOST, variables={"settings_of": {HOST: {"uiPort": 1999}}})
    assert run.status == 0, run.output
    # Back at its port, and the other one is taken.
    assert restore(fleet, nodered_restore="last").status == 0
    present = settings(fleet)
    host.check_output("systemd-run --quiet --unit=taken python3 -m http.server 1999")
    wait_for(lambda: host.socket("tcp://0.0.0.0:1999").is_listening, "the port is taken")
    run = restore(fleet, nodered_restore="last")
    host.check_output("systemctl stop taken")
    assert run.recap[HOST]["failed"] == 1, run.output
    assert run.said("ended right after its start"), run.output
    assert run.said("The old files are back and the service is as it was before."), run.output
    assert settings(fleet) == present
    assert status_of_login(fleet, fleet.password("admin")) == 200
    assert not host.file(f"{STORE}/nodered/transaction.json").exists


def test_a_stopped_one_is_started_and_proved(fleet: Fleet, stock: str) -> None:
    assert stock
    fleet.host(HOST).check_output("systemctl stop nodered")
    assert restore(fleet, "--check").recap[HOST]["changed"] == 1
    assert fleet.host(HOST).run("systemctl is-active nodered").rc != 0
    run = restore(fleet)
    assert (run.status, run.recap[HOST]["changed"]) == (0, 1), run.output
    assert status_of_login(fleet, fleet.password("admin")) == 200


def test_a_file_that_somebody_has_broken(fleet: Fleet, stock: str) -> None:
    assert stock
    host = fleet.host(HOST)
    host.check_output("echo '}} broken' >>%s && systemctl restart nodered", SETTINGS)
    run = restore(fleet)
    assert run.recap[HOST]["failed"] == 1
    assert run.said("settings.js was edited since it was proved"), run.output
    # In the newest one the port is another one.
    run = restore(fleet, nodered_restore=listed(run)[1])
    assert run.status == 0, run.output
    host.check_output("systemctl is-active nodered")
    assert "broken" not in settings(fleet)
    assert fleet.play("--limit", HOST).status == 0
    assert status_of_login(fleet, fleet.password("admin")) == 200


def test_the_open_state_comes_back_only_where_that_is_asked_for(fleet: Fleet, stock: str) -> None:
    first, present = states(fleet)[-1], settings(fleet)
    run = restore(fleet, nodered_restore=first)
    assert run.recap[HOST]["failed"] == 1
    assert run.said("asked nobody for a login"), run.output
    assert settings(fleet) == present
    assert fleet.here().request(fleet.url(HOST) + "/settings").status == 401

    run = restore(fleet, nodered_restore=first, nodered_restore_open=True)
    assert run.status == 0, run.output
    assert settings(fleet) == stock
    assert fleet.here().request(fleet.url(HOST, "http") + "/settings").status == 200

    fleet.host(HOST).check_output("systemctl stop nodered")
    run = restore(fleet)
    assert (run.status, run.recap[HOST]["changed"]) == (0, 0), run.output
    assert run.said("asks nobody for a login"), run.output

    assert fleet.play("--limit", HOST).status == 0
    assert fleet.here().request(fleet.url(HOST) + "/settings").status == 401


def test_few_states_are_kept(fleet: Fleet, stock: str) -> None:
    assert stock
    for number in range(3):
        title = {"settings_of": {HOST: {"editorTheme.page.title": f"title {number}"}}, "nodered_keep_states": 2}
        assert fleet.play("--limit", HOST, variables=title).status == 0
    assert len(states(fleet)) == 2
    assert fleet.play("--limit", HOST).status == 0
