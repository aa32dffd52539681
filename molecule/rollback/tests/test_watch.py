# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host does by itself: when it starts after a run was killed, and when a change does not last."""

from __future__ import annotations

import json
import typing as t

import pytest
from scenario.fleet import OF_A_START, SETTINGS, STORE, Fleet, differences
from scenario.power_loss import lose_power
from scenario.waiting import wait_for

#: Node.js loads it, and Node-RED starts with it and ends with status 0 as soon as there is this file.
END = "/run/end"
ENDS_LATER = (
    r"{ t: require.main && /red\.js$/.test(require.main.filename)"
    f" ? setInterval(() => require('fs').existsSync('{END}') && process.exit(0), 200) : 1 }}"
)
#: Node-RED ends at its start.
BAD: dict[str, t.Any] = {"settings_of": {"proved": {"uiHost": "192.0.2.1"}}}
#: The longest.
WATCH = {"nodered_watch_minutes": 1440}


@pytest.fixture(scope="module", autouse=True)
def secured(fleet: Fleet) -> None:
    run = fleet.play("--limit", "proved")
    assert run.status == 0, run.output


def held(fleet: Fleet) -> list[str]:
    return fleet.held("proved", OF_A_START, r"\.config\.runtime")


def of_ours(fleet: Fleet) -> str:
    """Units and programs of this collection."""
    return fleet.host("proved").check_output(
        f"systemctl list-unit-files --no-legend 'pifleet-*'; ls {STORE}/nodered | grep -E 'pyz$|watched|transaction'; true"
    )


def went_back(fleet: Fleet) -> dict[str, t.Any] | None:
    file = fleet.host("proved").file(f"{STORE}/nodered/went_back.json")
    return json.loads(file.content_string) if file.exists else None


def test_a_corrected_run_after_a_killed_one_is_green(fleet: Fleet) -> None:
    before = held(fleet)
    lose_power(fleet, "proved", BAD, written="192.0.2.1")
    assert "pifleet-nodered-boot.service" in of_ours(fleet)
    run = fleet.play("--limit", "proved")
    assert run.status == 0, run.output
    assert run.said("A former run was interrupted before it had proved its changes."), run.output
    assert differences(before, held(fleet)) == []
    assert of_ours(fleet) == ""
    assert fleet.play("--limit", "proved").recap["proved"]["changed"] == 0


def test_a_start_of_the_host_goes_back_before_node_red_starts(fleet: Fleet) -> None:
    before, host = held(fleet), fleet.host("proved")
    lose_power(fleet, "proved", BAD, written="192.0.2.1")
    # What a start of the host does with the two of them; a container does not start.
    host.check_output("systemctl stop nodered && systemctl daemon-reload && systemctl start multi-user.target")
    fleet.wait("proved", 401)
    assert host.check_output("systemctl show nodered --property=NRestarts --value") == "0"
    assert differences(before, held(fleet)) == []
    assert of_ours(fleet) == ""
    run = fleet.play("--limit", "proved")
    assert (run.status, run.recap["proved"]["changed"]) == (0, 0), run.output
    assert run.said("in the middle of a run"), run.output


def test_a_change_that_does_not_last_is_taken_back(fleet: Fleet) -> None:
    before = held(fleet)
    variables = {**WATCH, "expressions_of": {"proved": {"functionGlobalContext": ENDS_LATER}}}
    run = fleet.play("--limit", "proved", variables=variables)
    assert run.status == 0, run.output
    fleet.host("proved").check_output("touch %s", END)
    wait_for(lambda: (went_back(fleet) or {}).get("cause") == "ended", "the host goes back")
    wait_for(lambda: of_ours(fleet) == "", "nothing of it is left")
    fleet.wait("proved", 401)
    assert differences(before, held(fleet)) == []
    assert "ended by itself" in fleet.journal("proved", "--unit=pifleet-nodered-watch", "--output=cat")
    run = fleet.play("--limit", "proved")
    assert (run.status, run.recap["proved"]["changed"]) == (0, 0), run.output
    assert run.said("Node-RED ended by itself after its last change was proved."), run.output


def test_what_systemd_is_asked_for_is_no_end_of_the_watch(fleet: Fleet) -> None:
    host = fleet.host("proved")
    watched = {**WATCH, "settings_of": {"proved": {"editorTheme.page.title": "watched"}}}
    run = fleet.play("--limit", "proved", variables=watched)
    assert run.status == 0, run.output
    # The watch looks every five seconds.
    host.check_output("systemctl restart nodered && sleep 6 && systemctl stop nodered && sleep 6")
    assert host.run("systemctl is-active nodered").stdout.strip() == "inactive"
    host.check_output("systemctl start nodered && sleep 6")
    fleet.wait("proved", 401)
    assert "watched" in host.file(SETTINGS).content_string
    # It goes on, and is no change.
    assert host.service("pifleet-nodered-watch").is_running
    assert fleet.play("--limit", "proved", variables=watched).recap["proved"]["changed"] == 0
    assert host.service("pifleet-nodered-watch").is_running
    assert host.file(f"{STORE}/nodered/watched.json").exists
    # Another change takes it for finished.
    run = fleet.play("--limit", "proved", variables={"settings_of": {"proved": {"editorTheme.page.title": "again"}}})
    assert run.status == 0, run.output
    wait_for(lambda: of_ours(fleet) == "", "nothing of it is left")
