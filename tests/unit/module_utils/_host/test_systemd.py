# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service has the time to end that its unit says, and an end in any case."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host import systemd
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError

#: A systemctl whose `stop` waits until the service is killed; what it is asked is written down.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$0.log"
case "$2" in
stop) while ! [ -e "$0.killed" ]; do sleep 0.05; done ;;
restart) echo "Job failed." >&2; exit 1 ;;
show) cat "$0.state" ;;
kill) [ -e "$0.immortal" ] || : >"$0.killed" ;;
esac
"""


@pytest.fixture
def systemctl(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The program in the place of systemctl."""
    program = tmp_path / "systemctl"
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    (tmp_path / "systemctl.state").write_text("deactivating\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program


def asked(systemctl: pathlib.Path) -> str:
    return pathlib.Path(f"{systemctl}.log").read_text()


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("1min 30s", 90),
        ("6min 40s", 400),
        ("90s", 90),
        ("1d 2h", 93600),
        ("500ms", 0.5),
        ("0", 0),
        ("infinity", None),
        ("", None),
        ("soon", None),
    ],
)
def test_a_span_of_time_as_systemctl_prints_it(span: str, seconds: float | None) -> None:
    assert systemd.seconds_of(span) == seconds


@pytest.mark.parametrize(
    ("properties", "limit"),
    [
        ({"TimeoutStopUSec": "1min 30s"}, 120),
        ({"TimeoutStopUSec": "1min 30s", "ExecStop": "{ path=/bin/true }"}, 210),
        ({"TimeoutStopUSec": "6min 40s"}, 430),
        ({"TimeoutStopUSec": "1h"}, 600),
        ({"TimeoutStopUSec": "infinity"}, 600),
        ({}, 600),
    ],
)
def test_a_service_ends_in_the_time_of_its_unit(properties: dict[str, str], limit: float) -> None:
    assert systemd.stop_limit(properties, 600) == limit


def test_what_does_not_end_is_killed(systemctl: pathlib.Path) -> None:
    systemd.end("stop", "nodered.service", 0.2)
    assert "kill --signal=KILL nodered.service" in asked(systemctl)


def test_what_is_starting_already_is_not_killed(systemctl: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "_TIMEOUT", 1)
    pathlib.Path(f"{systemctl}.state").write_text("activating\n")
    with pytest.raises(
        HostError, match="systemctl stop nodered.service did not end in 0 s, nor, by force, in 1 s more"
    ):
        systemd.end("stop", "nodered.service", 0.2)
    assert "kill" not in asked(systemctl)


def test_what_cannot_be_killed_is_not_waited_for(systemctl: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "_TIMEOUT", 1)
    pathlib.Path(f"{systemctl}.immortal").touch()
    with pytest.raises(HostError, match="did not end"):
        systemd.end("stop", "nodered.service", 0.2)


def test_a_failure_has_the_words_of_systemctl(systemctl: pathlib.Path) -> None:
    with pytest.raises(HostError, match=r"systemctl restart nodered\.service failed: Job failed\."):
        systemd.end("restart", "nodered.service", 60)
