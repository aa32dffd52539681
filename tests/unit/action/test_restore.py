# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is listed of a host's states, what is sent to it to bring one back, and what the user is told."""

from __future__ import annotations

import base64
import types
import typing as t

import pytest
from host_state import SETTINGS, USER_DIR, make_state

from ansible_collections.pifleet.nodered.plugins.action.restore import ActionModule
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import KeptState
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

OPTIONS: dict[str, t.Any] = {
    "service": "nodered",
    "user": None,
    "user_dir": None,
    "settings_path": None,
    "host_info": None,
    "state": "",
    "allow_open": False,
    "keep_states": 10,
    "watch_minutes": 10,
    "timeout": 180,
    "stable": 3,
}
PATH = f"{USER_DIR}/settings.js"
FORMER = SETTINGS.replace("fred", "former-fred").encode()


def kept(number: int, settings: bytes | None = FORMER, change: t.Any = "replaced") -> KeptState:
    return {
        "id": f"20260102T03040{number}Z-6",
        "proved": 1767323045 + 60 * number,
        "restored": None,
        "files": [{"path": PATH, "change": change}],
        "active": True,
        "endpoints": [],
        "settings": None if settings is None else base64.b64encode(settings).decode("ascii"),
    }


class Restore(ActionModule):
    """One whose host has these states, and does what it is asked."""

    def __init__(self, *states: KeptState, changed: bool = True, check_mode: bool = False, **state: t.Any) -> None:
        task = types.SimpleNamespace(check_mode=check_mode)
        super().__init__(task, None, types.SimpleNamespace(remote_addr="127.0.0.1"), None, None, None)
        self.states = states
        self.changed = changed
        self.hosts = [make_state(**state), make_state()]
        self.asked: list[dict[str, t.Any]] = []

    def run_module(self, module: str, options: dict[str, t.Any], shape: type, seconds: float | None = None) -> t.Any:
        if module == "host_info":
            return self.hosts.pop(0)
        self.asked.append(options)
        if options["operation"] == "list":
            return {"changed": False, "states": list(self.states)}
        files = [{"path": PATH, "change": "replaced"}] if self.changed else []
        return {"changed": self.changed, "files": files, "transaction": "20260303T000000Z-1"}

    def done(self, state: str = "", **options: t.Any) -> dict[str, t.Any]:
        return self.execute({**OPTIONS, "state": state, **options})


def text(result: dict[str, t.Any]) -> str:
    return "\n".join(result["messages"])


def test_a_list_changes_nothing_and_names_the_way_on() -> None:
    restore = Restore(kept(2), kept(1))
    result = restore.done()
    assert (result["changed"], result["start"]) == (False, False)
    assert result["states"] == ["20260102T030402Z-6", "20260102T030401Z-6"]
    assert "-e nodered_restore=last" in text(result)
    assert [each["operation"] for each in restore.asked] == ["list"]


def test_no_states() -> None:
    assert "No state is kept here" in text(Restore().done())
    with pytest.raises(UserError, match="No state is kept on this host"):
        Restore().done("last")


@pytest.mark.parametrize(
    ("state", "allow_open", "start", "words"),
    [
        ({}, False, False, ""),
        ({"service__active": False}, False, True, "This run starts it"),
        ({"service__active": False, "proof": None}, True, False, "was never proved here"),
        ({"service__active": False, "proof__expected__auth": False}, False, False, "asks nobody for a login"),
        ({"service__active": False, "proof__expected__auth": False}, True, True, "This run starts it"),
        ({"transaction": {"id": "x"}}, False, False, "was interrupted here"),
        ({"proof__settings": "0" * 64}, False, False, "was edited since it was proved"),
    ],
)
def test_what_else_a_list_tells(state: dict[str, t.Any], allow_open: bool, start: bool, words: str) -> None:
    result = Restore(kept(1), **state).done(allow_open=allow_open)
    assert result["start"] is start
    assert words in text(result)
    assert result["changed"] is False


def test_last_is_the_newest() -> None:
    restore = Restore(kept(2), kept(1))
    result = restore.done("last")
    listed, brought = restore.asked
    assert (listed["state"], brought["state"]) == (None, "20260102T030402Z-6")
    assert base64.b64decode(brought["settings"]) == FORMER
    assert brought["sha256"] == make_state()["settings"]["sha256"]
    assert brought["expected"] == {"tls": True, "auth": True}
    assert "To undo this: -e nodered_restore=last" in text(result)
    assert "all logins of the editor end" in text(result)
    assert "pifleet.nodered.secure makes true again" in text(result)
    assert result["transaction"] == "20260303T000000Z-1"


def test_a_name_takes_the_oldest_settings_since() -> None:
    restore = Restore(kept(2, None), kept(1))
    restore.done("20260102T030401Z-6")
    listed, brought = restore.asked
    assert listed["state"] == brought["state"] == "20260102T030401Z-6"
    assert base64.b64decode(brought["settings"]) == FORMER


def test_an_open_state_has_to_be_asked_for() -> None:
    restore = Restore(kept(1))
    restore.done("last", allow_open=True)
    assert restore.asked[-1]["expected"] == {}


def test_a_difference_shows_no_secret() -> None:
    former = FORMER.replace(b"$2b$08$abc", b"$2b$08$xyz")
    result = Restore(kept(1, former)).done("last")
    (shown,) = result["diff"]
    assert "former-fred" in shown["after"]
    assert "$2b$" not in str(result)


def test_check_mode_says_would() -> None:
    result = Restore(kept(1), check_mode=True).done("last")
    assert "Node-RED would be as it was" in text(result)


def test_the_present_state_changes_nothing() -> None:
    result = Restore(kept(1, SETTINGS.encode()), changed=False).done("last")
    assert result["changed"] is False
    assert "already. Nothing to do." in text(result)


def test_what_a_run_has_left_open_is_undone_first() -> None:
    restore = Restore(kept(1), transaction={"id": "x"})
    restore.done("last", timeout=900)
    assert [each["operation"] for each in restore.asked] == ["undo", "list", "restore"]
    assert (restore.asked[0]["timeout"], restore.asked[0]["stable"]) == (900, 3)
    restore = Restore(kept(1), check_mode=True, transaction={"id": "x"})
    assert restore.done("last")["changed"]
    assert restore.asked == []


@pytest.mark.parametrize("name", ["first", "../../etc", "20260102T030401Z", "LAST"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(UserError, match="nodered_restore is .*last, or the name of a state"):
        Restore(kept(1)).done(name)


@pytest.mark.parametrize("number", [0, -1, 101])
def test_a_number_of_states_that_cannot_be(number: int) -> None:
    with pytest.raises(UserError, match="nodered_keep_states"):
        Restore(kept(1)).done(keep_states=number)
