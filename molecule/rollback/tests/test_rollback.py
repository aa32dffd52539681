# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes with which Node-RED does not start: the host must be as it was, and say why. Also runs that are killed."""

from __future__ import annotations

import time
import typing as t

import pytest
from scenario import pythons
from scenario.fleet import OF_A_START, SETTINGS, STORE, Fleet, Run, differences
from scenario.power_loss import lose_power
from scenario.waiting import PATIENCE, wait_for

#: Node loads the file, but Node-RED ends at its start. What is asked for, and what the run must say.
NO_START = [
    # An address of a documentation network (RFC 5737), which no host has.
    pytest.param({"uiHost": "192.0.2.1"}, "EADDRNOTAVAIL", id="address of another host"),
    # sshd's port, which the service may have and cannot get.
    pytest.param({"uiPort": 22}, "port in use", id="port of another program"),
]
#: Node-RED stays alive and listens nowhere. A number that is no port would be refused.
NO_ANSWER = {"uiPort": "70000"}
#: Node cannot load the file.
NO_LOAD = {"functionGlobalContext": "{ lost: require('no-such-module') }"}


@pytest.fixture(scope="module", autouse=True)
def secured(fleet: Fleet) -> None:
    """Two of the hosts are secured, the third is open."""
    run = fleet.play("--limit", "proved,other")
    assert run.status == 0, run.output


def held(fleet: Fleet, name: str) -> list[str]:
    """What a host holds, without what Node-RED itself writes and what root keeps of refused files."""
    return fleet.held(name, OF_A_START, r"\.config\.runtime")


def assert_nothing_pends(fleet: Fleet, name: str) -> None:
    host = fleet.host(name)
    assert host.service("nodered").is_running
    assert not host.file(f"{STORE}/nodered/transaction.json").exists
    assert not host.file(f"{STORE}/nodered/staged.key").exists


def assert_closed(fleet: Fleet, name: str) -> None:
    assert fleet.here().request(fleet.url(name) + "/settings").status == 401
    assert fleet.here().request(fleet.url(name, "http") + "/settings").status == 0
    assert fleet.here().login(fleet.url(name), "admin", fleet.password("admin")).status == 200


def assert_open(fleet: Fleet, name: str) -> None:
    answer = fleet.here().request(fleet.url(name, "http") + "/settings")
    assert (answer.status, answer.json["httpNodeRoot"]) == (200, "/")


@pytest.mark.parametrize(("settings", "reason"), NO_START)
def test_proved_host_goes_back_while_the_other_is_finished(
    fleet: Fleet, settings: dict[str, t.Any], reason: str
) -> None:
    before = held(fleet, "proved")
    title = f"changed at {time.time()}"
    run = fleet.play(
        "--limit",
        "proved,other",
        variables={"settings_of": {"proved": settings, "other": {"editorTheme.page.title": title}}},
    )
    assert_one_is_back_and_one_finished(fleet, run, reason, before, title)


def test_proved_host_goes_back_when_node_red_never_answers(fleet: Fleet) -> None:
    """The time for a start is over when Node-RED has said why it will never answer; going back has all of it again."""
    before = held(fleet, "proved")
    title = f"changed at {time.time()}"
    pythons.install(fleet.host("other"), "put_forward")
    with pythons.put_forward(fleet.host("proved")) as (python, put_forward):
        started = fleet.start(
            "--limit",
            "proved,other",
            variables={
                "settings_of": {"other": {"editorTheme.page.title": title}},
                "expressions_of": {"proved": NO_ANSWER},
                "ansible_python_interpreter": python,
            },
        )
        wait_for(
            lambda: "70000" in fleet.journal("proved", "--unit=nodered", "--output=cat"),
            "Node-RED complains of its port",
        )
        put_forward()
        run = fleet.end(started)
    assert_one_is_back_and_one_finished(fleet, run, "70000", before, title)
    assert run.said(f"After {PATIENCE} s"), run.output


def assert_one_is_back_and_one_finished(fleet: Fleet, run: Run, reason: str, before: list[str], title: str) -> None:
    assert run.status != 0
    assert run.recap["proved"]["failed"] == 1
    assert reason in run.output
    assert run.said("The old files are back and the service is as it was before."), run.output
    assert "Traceback" not in run.output
    # What follows the task that failed says what has become of the host, and the reason no second time.
    end = run.output.partition("TASK [Count the host as failed]")[2].partition("\nPLAY ")[0]
    assert "The host is as it was. Why: see the task " in end, run.output
    assert reason not in end
    assert "RUNNING HANDLER" not in run.output
    assert differences(before, held(fleet, "proved")) == []
    assert_nothing_pends(fleet, "proved")
    assert_closed(fleet, "proved")

    assert (run.recap["other"]["failed"], run.recap["other"]["changed"]) == (0, 2)
    assert title in fleet.host("other").file(SETTINGS).content_string
    assert_nothing_pends(fleet, "other")
    assert_closed(fleet, "other")


def test_proved_host_keeps_running_when_the_file_does_not_load(fleet: Fleet) -> None:
    before, process = held(fleet, "proved"), fleet.process("proved")
    run = fleet.play("--limit", "proved", variables={"expressions_of": {"proved": NO_LOAD}})
    assert run.recap["proved"]["failed"] == 1
    assert run.said("Cannot find module 'no-such-module'"), run.output
    assert differences(before, held(fleet, "proved")) == []
    assert fleet.process("proved") == process
    assert_nothing_pends(fleet, "proved")
    assert_closed(fleet, "proved")


def test_proved_host_is_unchanged_afterwards(fleet: Fleet) -> None:
    run = fleet.play("--limit", "proved")
    assert (run.status, run.recap["proved"]["changed"]) == (0, 0), run.output


def test_what_its_owner_writes_before_the_way_back_is_kept(fleet: Fleet) -> None:
    """A line that the owner adds after the run has written settings.js, and before it fails, is put aside and named."""
    before, host = held(fleet, "proved"), fleet.host("proved")
    with pythons.still(host, "192.0.2.1") as python:
        started = fleet.start(
            "--limit",
            "proved",
            variables={
                "settings_of": {"proved": {"uiHost": "192.0.2.1"}},
                "ansible_python_interpreter": python,
            },
        )
        wait_for(lambda: "192.0.2.1" in host.file(SETTINGS).content_string, "the run has written settings.js")
        host.check_output("echo '// precious' >>%s", SETTINGS)
    run = fleet.end(started)
    assert run.recap["proved"]["failed"] == 1
    assert run.said("Somebody has edited settings.js since it was written: that text is kept in"), run.output
    kept = " ".join(run.output.split()).partition("that text is kept in ")[2].partition(". Add by hand")[0]
    assert host.file(kept).content_string.endswith("// precious\n")
    assert host.file(kept).user == "root"
    assert differences(before, held(fleet, "proved")) == []
    assert_nothing_pends(fleet, "proved")
    assert_closed(fleet, "proved")


def test_what_needs_no_signature_needs_no_authority(fleet: Fleet) -> None:
    """The folder of the authority is on another control node, or lost: a run says so, and does all else."""
    elsewhere = {"nodered_ca_dir": str(fleet.work / "nowhere")}
    idle = fleet.play("--limit", "proved", variables=elsewhere)
    assert (idle.status, idle.recap["proved"]["changed"]) == (0, 0), idle.output
    assert idle.said("nowhere holds no certificate authority."), idle.output

    users = [{"username": "admin", "password": "another-only-for-tests", "permissions": "*"}]
    changed = fleet.play("--limit", "proved", variables={**elsewhere, "nodered_admin_users": users})
    assert changed.status == 0, changed.output
    assert fleet.here().login(fleet.url("proved"), "admin", "another-only-for-tests").status == 200

    refused = fleet.play("--limit", "proved", variables={**elsewhere, "nodered_certificate_names": ["another.local"]})
    assert refused.recap["proved"]["failed"] == 1
    assert refused.said("Restore that directory from its backup, or set nodered_ca_dir to where it is."), refused.output
    assert not (fleet.work / "nowhere").exists()
    assert fleet.here().login(fleet.url("proved"), "admin", "another-only-for-tests").status == 200

    assert fleet.play("--limit", "proved").status == 0
    assert_closed(fleet, "proved")


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"settings_of": {"fresh": {"uiHost": "192.0.2.1"}}}, id="Node-RED does not start"),
        pytest.param({"expressions_of": {"fresh": NO_LOAD}}, id="Node cannot load the file"),
    ],
)
def test_fresh_host_is_open_again(fleet: Fleet, variables: dict) -> None:
    before = held(fleet, "fresh")
    assert_open(fleet, "fresh")
    run = fleet.play("--limit", "fresh", variables=variables)
    assert run.recap["fresh"]["failed"] == 1
    fleet.wait("fresh", 200, scheme="http")
    assert_open(fleet, "fresh")
    assert differences(before, held(fleet, "fresh")) == []
    assert_nothing_pends(fleet, "fresh")


# Runs that are killed


@pytest.mark.parametrize("moment", ["before the restart", "in the proof"])
def test_next_run_finishes_a_killed_one(fleet: Fleet, moment: str) -> None:
    host = fleet.host("fresh")
    process = fleet.process("fresh")
    title = {"editorTheme.page.title": moment}
    variables = {"settings_of": {"fresh": title}}
    if moment == "before the restart":
        lose_power(fleet, "fresh", variables, written=moment)
    else:
        lose_power(fleet, "fresh", variables, proving=lambda: fleet.process("fresh") not in (process, "0"))
    assert host.file(f"{STORE}/nodered/transaction.json").exists

    run = fleet.play("--limit", "fresh", variables=variables)
    assert run.status == 0, run.output
    assert moment in host.file(SETTINGS).content_string
    assert_nothing_pends(fleet, "fresh")
    assert_closed(fleet, "fresh")
    assert fleet.play("--limit", "fresh", variables=variables).recap["fresh"]["changed"] == 0
