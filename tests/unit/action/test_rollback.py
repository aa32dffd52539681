# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is put back where a run fails, and what is not because it is another run's."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.action.rollback import ActionModule
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

OPTIONS: dict[str, t.Any] = {
    "service": "nodered",
    "user": None,
    "user_dir": None,
    "settings_path": None,
    "host_info": None,
    "timeout": 900,
    "failure": {"msg": "This cannot be."},
}


class Rollback(ActionModule):
    """One whose host has undone something; None stands for a host on which another run is at work."""

    def __init__(self, undone: dict[str, t.Any] | None = None) -> None:
        super().__init__(types.SimpleNamespace(check_mode=False), None, None, None, None, None)
        self.undone = undone
        self.asked: list[tuple[str | None, dict[str, t.Any]]] = []

    def run_module(self, module: str, options: dict[str, t.Any], shape: type, seconds: float | None = None) -> t.Any:
        self.asked.append((self._run_seen, options))
        if self.undone is None:
            raise UserError("Another run works on this host.", restored=[])
        return self.undone


def test_without_a_look_nothing_of_another_run_is_put_back() -> None:
    rollback = Rollback()
    with pytest.raises(UserError) as failure:
        rollback.execute(OPTIONS)
    ((seen, asked),) = rollback.asked
    # Not None, with which a module goes on from whatever is there.
    assert seen == ""
    assert (asked["operation"], asked["timeout"]) == ("undo", 900)
    assert str(failure.value) == "Another run works on this host."
    assert failure.value.details == {"restored": []}


@pytest.mark.parametrize(
    ("restored", "message"),
    [(["/a"], "The host is as it was."), ([], "That task says what has become of the host.")],
)
def test_a_restart_that_failed_has_gone_back_itself(restored: list[str], message: str) -> None:
    rollback = Rollback()
    result = rollback.execute({**OPTIONS, "failure": {"msg": "It ended.", "restored": restored}})
    assert result == {"changed": False, "message": message, "restored": []}
    assert rollback.asked == []


def test_where_nobody_could_become_root_the_host_is_not_visited_again() -> None:
    """It would fail for the same reason, and read as if going back had failed."""
    rollback = Rollback()
    refused = {"msg": "Missing sudo password. Add -K (--ask-become-pass).", "became_root": False}
    result = rollback.execute({**OPTIONS, "failure": refused})
    assert result == {
        "changed": False,
        "message": "That task has changed nothing, and nothing was put back.",
        "restored": [],
    }
    assert rollback.asked == []


@pytest.mark.parametrize(
    ("finished", "restored", "message"),
    [
        (True, [], "What this or a former run had changed was proved on the host, and stays."),
        (False, ["/a"], "What had been replaced before is back."),
        (False, [], "The host is as it was."),
    ],
)
def test_what_has_become_of_the_host_is_said(finished: bool, restored: list[str], message: str) -> None:
    """Of one that was proved before the run broke off, it must not be said that it is as it was."""
    rollback = Rollback({"changed": True, "finished": finished, "restored": restored, "displaced": {}})
    assert rollback.execute(OPTIONS) == {"changed": bool(restored), "message": message, "restored": restored}
