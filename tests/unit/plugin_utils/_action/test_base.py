# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module on the host is told of its run, how long it may take, and what is said where it fails."""

from __future__ import annotations

import contextlib
import dataclasses
import types
import typing as t
from collections.abc import Iterator

import pytest
from ansible.errors import AnsibleError
from ansible.plugins.callback import CallbackBase
from host_state import make_state

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import ModuleResult
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import base
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.look_program import look_program
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

FORMER = "2026-01-01T03:00:00Z-00000000 timer@nas open"


class Visited(HostAction):
    """One whose host takes everything, and keeps with what its modules were called."""

    def __init__(self) -> None:
        self.task_vars = {}
        self._connection = types.SimpleNamespace(transport="local")
        self._play_context = types.SimpleNamespace(no_log=False)
        self._answer = ({"changed": False}, {})
        self.arguments: dict[str, t.Any] = {}

    def _execute_module(self, **given: t.Any) -> dict[str, t.Any]:
        self.arguments = given["module_args"]
        return {}


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the modules could have taken."""
    limits: list[float] = []

    @contextlib.contextmanager
    def bounded(limit: float, _limits_memory: bool) -> Iterator[None]:
        limits.append(limit)
        yield

    monkeypatch.setattr(base, "bounded", bounded)
    return limits


def test_a_module_that_changes_knows_who_was_there_before(seconds: list[float]) -> None:
    action = Visited()
    action.run_module("host_settings", {}, ModuleResult)
    assert "run_seen" not in action.arguments
    action.state({"host_info": make_state(last_run=FORMER)})
    # What is read again, because a file has changed, is no reason to go on from another run.
    action.state({"host_info": make_state(last_run="another")})
    action.run_module("host_settings", {}, ModuleResult)
    assert action.arguments["run_seen"] == FORMER
    begun, _space, owner = action.arguments["run"].partition(" ")
    assert begun.startswith("20") and "@" in owner


def test_all_tasks_of_a_run_have_its_name(seconds: list[float]) -> None:
    one, other = Visited(), Visited()
    for action in (one, other):
        action.state({"host_info": make_state()})
        action.run_module("host_restart", {}, ModuleResult)
    assert one.arguments == other.arguments == {"run": base._RUN, "run_seen": ""}


def test_a_look_is_not_told(seconds: list[float]) -> None:
    action = Visited()
    action.run_module("host_credentials", {}, ModuleResult)
    assert action.arguments == {}


def test_a_slow_host_has_more_time_for_a_change(seconds: list[float]) -> None:
    action = Visited()
    action.run_module("host_certificate", {}, ModuleResult)
    action.run_module("host_restart", {"timeout": 180}, ModuleResult)
    action.run_module("host_restart", {"timeout": 900}, ModuleResult)
    action.run_module("host_restart", {"timeout": 900}, ModuleResult, 170)
    assert seconds == [1800, 2700, 6300, 170]


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(base.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(base.time, "sleep", self.wait)

    def wait(self, seconds: float) -> None:
        self.now += seconds


class Busy(HostAction):
    """One on whose host another run works for some time.

    :param clock: the time
    :param until: when that run ends
    :param waits: whether the host waits for it for as long as it is told to; one that lies does not
    """

    def __init__(self, clock: Clock, until: float, waits: bool) -> None:
        self.task_vars = {"inventory_hostname": "pi"}
        self.told: list[str] = []
        self._display = types.SimpleNamespace(display=self.told.append)
        self.clock, self.until, self.waits = clock, until, waits
        self.visits: list[tuple[float, float | None]] = []

    def run_module(self, module: str, options: dict[str, t.Any], shape: type, seconds: float | None = None) -> t.Any:
        self.visits.append((options["patience"], seconds))
        if self.waits:
            self.clock.wait(min(options["patience"], max(0.0, self.until - self.clock.now)))
        self.clock.wait(1)
        return make_state(last_run=FORMER, busy=self.clock.now < self.until)


PLACE = dict.fromkeys(("service", "user", "user_dir", "settings_path"))


@pytest.mark.parametrize("waits", [True, False])
def test_a_look_that_waits_for_another_run_says_so_and_is_not_cut_off(
    monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    """Each visit is short, so that one host that hangs costs no more than a visit may take."""
    action = Busy(Clock(monkeypatch), 37, waits)
    assert not action.look(PLACE, seconds=8)["busy"]
    assert set(action.visits) == {(2, 8)}
    assert len(action.visits) < 37
    assert action.told == [
        "pi: Another run works on this host, the one of 2026-01-01T03:00:00Z-00000000 by timer@nas. It is waited for,"
        " 60 s at most."
    ]


@pytest.mark.parametrize("waits", [True, False])
def test_a_look_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    clock = Clock(monkeypatch)
    action = Busy(clock, float("inf"), waits)
    assert action.look(PLACE, seconds=180)["busy"]
    assert 60 <= clock.now < 75
    assert len(action.visits) < 10
    assert action.visits[-1] == (0, 180)


def test_a_look_at_a_host_of_nobody_else_is_one_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    action = Busy(Clock(monkeypatch), 0, True)
    action.look(PLACE)
    assert (len(action.visits), action.told) == (1, [])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Missing sudo password", r"^Missing sudo password\. Add -K \(--ask-become-pass\)"),
        (
            "Incorrect su password",
            r"^Incorrect su password\. Correct what the inventory has as ansible_become_password",
        ),
    ],
)
def test_who_has_no_or_a_wrong_password_of_sudo_is_told_how(
    seconds: list[float], monkeypatch: pytest.MonkeyPatch, said: str, told: str
) -> None:
    def refused(**_given: t.Any) -> t.NoReturn:
        raise AnsibleError(said)

    action = Visited()
    monkeypatch.setattr(action, "_execute_module", refused)
    with pytest.raises(UserError, match=told) as failure:
        action.run_module("host_info", {}, ModuleResult)
    assert failure.value.details == {"became_root": False}


class Ended(HostAction):
    """One on whose host Node-RED has ended, and left its last words."""

    def __init__(self) -> None:
        task = types.SimpleNamespace(
            args={}, async_val=0, check_mode=False, diff=False, action="restart", delegate_to=None
        )
        connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
        super().__init__(task, connection, types.SimpleNamespace(), None, None, None)

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        raise UserError("It ended.", journal=["Welcome to Node-RED", "Error: no such address"])


def test_each_line_of_the_journal_is_printed_on_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "keep_alive", lambda _connection: None)
    printed = CallbackBase()._dump_results(Ended().run(task_vars={}))
    assert [line.strip(' ",') for line in printed.splitlines() if "no such" in line] == ["Error: no such address"]


@dataclasses.dataclass(frozen=True)
class Built:
    """A module as ansible-core 2.19 and newer have it packed."""

    module_style: str = "new"
    shebang: str = "#!/usr/bin/python3.11"
    b_module_data: bytes = b"packed"


def configured(monkeypatch: pytest.MonkeyPatch, module: str, packed: tuple[t.Any, ...]) -> tuple[t.Any, ...]:
    monkeypatch.setattr(base.ActionBase, "_configure_module", lambda *_given: packed)
    arguments = {"service": "kitchen", "_ansible_check_mode": True}
    return t.cast("tuple[t.Any, ...]", Visited()._configure_module(f"pifleet.nodered.{module}", arguments, {}))


def test_the_look_is_sent_without_ansibles_library(monkeypatch: pytest.MonkeyPatch) -> None:
    built, path = configured(monkeypatch, "host_info", (Built(), "/a/host_info.py"))
    assert (built.module_style, built.shebang, path) == ("new", "#!/usr/bin/python3.11", "/a/host_info.py")
    assert built.b_module_data == look_program({"service": "kitchen"})
    # Before ansible-core 2.19.
    packed = ("new", "#!/usr/bin/python3.11", b"packed", "/a/host_info.py")
    assert configured(monkeypatch, "host_info", packed) == (*packed[:2], built.b_module_data, packed[3])


def test_modules_that_change_are_sent_as_ansible_packs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured(monkeypatch, "host_restart", (Built(), "/a/host_restart.py"))[0].b_module_data == b"packed"
