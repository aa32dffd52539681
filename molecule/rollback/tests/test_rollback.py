# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes with which Node-RED does not start: the host must be as it was, and say why. Also runs that are killed."""

from __future__ import annotations

import contextlib
import time
import typing as t

import pytest
from fleet import SETTINGS, STORE, Fleet, differences, kill

#: Node loads the file, but Node-RED ends at its start, or never answers. What is asked for, and what the run must say.
NO_START = [
    # An address of a documentation network (RFC 5737), which no host has.
    pytest.param({"uiHost": "192.0.2.1"}, "EADDRNOTAVAIL", id="address of another host"),
    # sshd's port: Node-RED may not have it.
    pytest.param({"uiPort": 22}, "listen E", id="port of another program"),
    # Node-RED stays alive and listens nowhere.
    pytest.param({"uiPort": 70000}, "70000", id="no such port"),
]
#: Node cannot load the file.
NO_LOAD = {"functionGlobalContext": "{ lost: require('no-such-module') }"}


@pytest.fixture(scope="module", autouse=True)
def secured(fleet: Fleet) -> None:
    """Two of the hosts are secured, the third is open."""
    run = fleet.play("--limit", "proved,other")
    assert run.status == 0, run.output


def held(fleet: Fleet, name: str) -> list[str]:
    """What a host holds, without what Node-RED itself writes at each start and what root keeps of refused files."""
    own = (".config.", STORE, "MainPID")
    return [line for line in fleet.checksums(name) if not any(word in line for word in own)]


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
def test_proved_host_goes_back_while_the_other_is_finished(fleet: Fleet, settings: dict, reason: str) -> None:
    before = held(fleet, "proved")
    titles = {"editorTheme.page.title": f"changed at {time.time()}"}
    run = fleet.play("--limit", "proved,other", variables={
        "settings_of": {"proved": settings, "other": titles}, "nodered_start_timeout": 10})
    assert run.status != 0
    assert run.recap["proved"]["failed"] == 1
    assert reason in run.output
    assert run.said("The old files are back and the service is as it was before."), run.output
    assert "Traceback" not in run.output
    assert differences(before, held(fleet, "proved")) == []
    assert_nothing_pends(fleet, "proved")
    assert_closed(fleet, "proved")

    assert (run.recap["other"]["failed"], run.recap["other"]["changed"]) == (0, 2)
    assert titles["editorTheme.page.title"] in fleet.host("other").file(SETTINGS).content_string
    assert_nothing_pends(fleet, "other")
    assert_closed(fleet, "other")


def test_proved_host_keeps_running_when_node_cannot_load_the_file(fleet: Fleet) -> None:
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


@pytest.mark.parametrize(
    "variables",
    [pytest.param({"settings_of": {"fresh": {"uiHost": "192.0.2.1"}}}, id="Node-RED does not start"),
     pytest.param({"expressions_of": {"fresh": NO_LOAD}}, id="Node cannot load the file")],
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
    with killed_run(fleet, {"settings_of": {"fresh": title}}):
        if moment == "before the restart":
            wait_for(lambda: moment in host.check_output("cat %s", SETTINGS))
        else:
            wait_for(lambda: fleet.process("fresh") not in (process, "0"))
    # What the run had started on the host; no other Python runs there.
    host.run("pkill -9 -x python3")
    assert host.file(f"{STORE}/nodered/transaction.json").exists

    run = fleet.play("--limit", "fresh", variables={"settings_of": {"fresh": title}})
    assert run.status == 0, run.output
    assert moment in host.file(SETTINGS).content_string
    assert_nothing_pends(fleet, "fresh")
    assert_closed(fleet, "fresh")
    assert fleet.play("--limit", "fresh", variables={"settings_of": {"fresh": title}}).recap["fresh"]["changed"] == 0


@contextlib.contextmanager
def killed_run(fleet: Fleet, variables: dict) -> t.Iterator[None]:
    """A run of `secure` on the host `fresh` that is killed, with all its children, at the end of the block."""
    run = fleet.start("--limit", "fresh", variables=variables)
    try:
        yield
    finally:
        kill(run)


def wait_for(condition: t.Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the run did not get that far"
        time.sleep(0.1)
