# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two control nodes that want one host to be different things, at the same time or one in the middle of the other."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t

import pytest
from scenario.fleet import CERTIFICATE, SETTINGS, STORE, Fleet, Run
from scenario.power_loss import lose_power

#: More with PIFLEET_ROUNDS=10.
ROUNDS = int(os.environ.get("PIFLEET_ROUNDS", "4"))
#: How a run says that it was not the one that counts: it looked before the other's end, or was in its way at the end.
LOST = ("Another run works on this host", "does not count any more: another run has replaced it")
TRANSACTION = f"{STORE}/nodered/transaction.json"
LOCK = f"{STORE}/nodered/lock"


@pytest.fixture(scope="module", autouse=True)
def secured(fleet: Fleet) -> None:
    run = fleet.play()
    assert run.status == 0, run.output


def wish(number: int, who: str) -> dict[str, t.Any]:
    """What one control node asks for in a round: a password that tells whose it is, and a title beside it."""
    return {
        "nodered_admin_users": [{"username": "admin", "password": f"{who}-{number}-for-tests", "permissions": "*"}],
        "nodered_settings": {"editorTheme.page.title": f"{who} {number}"},
        # Also those who do not ask for a proof of it.
        "nodered_prove_login": bool(number % 2) or who == "one",
    }


def started(fleet: Fleet, number: int, who: str) -> subprocess.Popen[str]:
    variables = fleet.work / f"{who}.json"
    variables.touch(mode=0o600)
    variables.write_text(json.dumps(wish(number, who)), encoding="utf-8")
    return fleet.start("-e", f"@{variables}")


def may_log_in(fleet: Fleet, number: int, who: str) -> bool:
    (user,) = wish(number, who)["nodered_admin_users"]
    return fleet.here().login(fleet.url("pi"), "admin", user["password"]).status == 200


def assert_whole(fleet: Fleet) -> None:
    """Nothing pends, key and certificate are a pair, and a stranger is refused."""
    host = fleet.host("pi")
    assert host.service("nodered").is_running
    assert not host.file(TRANSACTION).exists
    host.check_output("node --check %s", SETTINGS)
    keys = host.check_output(
        "openssl pkey -in %s -pubout && openssl x509 -in %s -noout -pubkey", CERTIFICATE, CERTIFICATE
    )
    first, second = keys[: len(keys) // 2].strip(), keys[len(keys) // 2 :].strip()
    assert first == second
    assert fleet.here().request(fleet.url("pi") + "/flows").status == 401


@pytest.mark.parametrize("number", range(ROUNDS))
def test_one_of_two_counts_and_the_other_says_so(fleet: Fleet, number: int) -> None:
    running = {who: started(fleet, number, who) for who in ("one", "other")}
    runs: dict[str, Run] = {who: fleet.end(process) for who, process in running.items()}
    said = "\n".join(run.output for run in runs.values())

    winners = [who for who, run in runs.items() if run.status == 0]
    assert len(winners) == 1, said
    (loser,) = runs.keys() - {*winners}
    assert any(runs[loser].said(words) for words in LOST), said
    assert "Traceback" not in said
    assert may_log_in(fleet, number, winners[0])
    assert f"{winners[0]} {number}" in fleet.host("pi").file(SETTINGS).content_string
    assert_whole(fleet)
    again = fleet.end(started(fleet, number, winners[0]))
    assert (again.status, again.recap["pi"]["changed"]) == (0, 0), again.output


def test_what_a_killed_run_has_proved_is_finished(fleet: Fleet) -> None:
    """The host has proved the change, and the control node dies before it has tried the owner's login."""
    change = {"nodered_settings": {"editorTheme.page.title": "proved by a killed run"}}
    lose_power(fleet, "pi", {**change, "nodered_prove_login": True}, written='"expected"', path=TRANSACTION)
    assert fleet.host("pi").file(TRANSACTION).exists
    run = fleet.play(variables=change)
    assert run.status == 0, run.output
    assert "proved by a killed run" in fleet.host("pi").file(SETTINGS).content_string
    assert_whole(fleet)
    assert fleet.here().login(fleet.url("pi"), "admin", fleet.password("admin")).status == 200
    assert fleet.play(variables=change).recap["pi"]["changed"] == 0


def test_who_waits_for_another_run_says_so_and_is_not_cut_off(fleet: Fleet) -> None:
    """It waits longer than a host has for its answer; then it looks even so, and finds nothing to do."""
    host = fleet.host("pi")
    assert fleet.play().status == 0
    host.check_output("systemd-run --quiet --unit=at-work flock %s sleep infinity", LOCK)
    try:
        run = fleet.play(variables={"nodered_start_timeout": 30})
    finally:
        host.check_output("systemctl stop at-work")
    assert (run.status, run.recap["pi"]["changed"]) == (0, 0), run.output
    assert run.said("pi: Another run works on this host"), run.output
    assert run.said("It is waited for, 60 s at most."), run.output
