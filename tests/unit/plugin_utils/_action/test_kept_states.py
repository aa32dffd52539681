# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states that a host has kept, as people read them."""

from __future__ import annotations

import base64
import typing as t

import pytest
from host_state import HASH, USER_DIR, make_state

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import KeptState, StatesResult
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.answers import ShapeError, checked
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.kept_states import described_states, settings_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

SETTINGS = f"{USER_DIR}/settings.js"
DIRECTORY = "/etc/systemd/system/nodered.service.d"
OPEN = {
    "address": "127.0.0.1",
    "port": 1880,
    "tls": False,
    "certificate": None,
    "http": True,
    "login": "",
    "settings_status": 200,
}


def kept(
    *files: tuple[str, str], settings: bytes | None = None, number: int = 1, endpoint: t.Any = None, **changes: t.Any
) -> KeptState:
    state = {
        "id": f"20260102T03040{number}Z-6",
        "proved": 1767323045 + 60 * number,
        "restored": None,
        "files": [{"path": path, "change": change} for path, change in files],
        "active": True,
        "endpoints": [{**OPEN, **(endpoint or {})}],
        "settings": None if settings is None else base64.b64encode(settings).decode("ascii"),
        **changes,
    }
    return checked(StatesResult, {"changed": False, "states": [state]}, "host_restore")["states"][0]


def lines(*states: KeptState, settings: bytes = b"module.exports = { uiPort: 3 }") -> list[str]:
    host: dict[str, t.Any] = {**make_state()}
    host["settings"] = {**host["settings"], "content": settings}
    return described_states(states, host)


def test_a_line_says_what_changed_when_and_what_was_served() -> None:
    made = [(f"{USER_DIR}/nodecerts/server.pem", "made"), (f"{DIRECTORY}/50-pifleet.conf", "made")]
    newest = kept(
        (SETTINGS, "replaced"),
        settings=b"module.exports = { uiPort: 2 }",
        number=2,
        endpoint={"tls": True, "login": "credentials"},
    )
    oldest = kept((SETTINGS, "replaced"), *made, settings=b"module.exports = { adminAuth: x, uiPort: 2 }")
    assert lines(newest, oldest) == [
        "20260102T030402Z-6 (last): before the change of 2026-01-02 03:06 UTC (settings.js replaced: uiPort). Node-RED served"
        " https on port 1880, with a login.",
        "20260102T030401Z-6: before the change of 2026-01-02 03:05 UTC (settings.js replaced: adminAuth; certificate made;"
        " drop-in of the service made). Node-RED served plain HTTP on port 1880, open to anyone.",
    ]


def test_a_restore_is_a_change_too() -> None:
    (line,) = lines(kept((f"{USER_DIR}/.sessions.json", "replaced"), restored="20260101T000000Z-1", active=False))
    assert "before 20260101T000000Z-1 was brought back on" in line
    assert "(logins of the editor replaced). Node-RED did not run." in line


def test_logins_by_a_provider_are_told_apart_from_the_files_of_single_sign_on() -> None:
    names = ("login.json", "oidc/editor.js", "oidc/editor_sessions.json", "sessions.json")
    (line,) = lines(kept(*((f"{USER_DIR}/nodelogin/{name}", "replaced") for name in names)))
    assert "(login page replaced; logins of the editor replaced; logins of the login page replaced)" in line


def test_many_settings_are_counted() -> None:
    text = ", ".join(f"key{number}: 1" for number in range(12))
    (line,) = lines(kept((SETTINGS, "replaced"), settings=f"module.exports = {{ {text} }}".encode()))
    assert "key7 and 5 more" in line


def test_no_line_has_a_secret() -> None:
    former = f'module.exports = {{ adminAuth: {{ password: "{HASH}" }}, credentialSecret: "geheim" }}'.encode()
    (line,) = lines(kept((SETTINGS, "replaced"), settings=former))
    assert HASH not in line
    assert "geheim" not in line


def test_the_words_of_a_host_are_one_line() -> None:
    (line,) = lines(kept(("/etc/evil\n\x1b[31m", "made"), settings=None))
    assert "\n" not in line
    assert "\x1b" not in line


def test_a_host_may_have_any_clock() -> None:
    assert "the change of 9999-12-31 23:59 UTC" in lines(kept(proved=1 << 40))[0]
    assert "the change of 1970-01-01 00:00 UTC" in lines(kept(proved=0))[0]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../../x"},
        {"id": "20260102T030405Z-6\n"},
        {"files": [{"path": "relative", "change": "made"}]},
        {"files": [{"path": "/x", "change": "shown"}]},
        {"endpoints": None},
    ],
)
def test_what_no_module_answers_is_refused(change: dict[str, t.Any]) -> None:
    with pytest.raises(ShapeError):
        kept(**change)


def test_settings_that_are_no_base64_are_refused() -> None:
    state = {**kept(), "settings": "no Base64!"}
    with pytest.raises(ShapeError):
        checked(StatesResult, {"changed": False, "states": [state]}, "host_restore")


def test_the_settings_of_a_state_are_the_oldest_since() -> None:
    newest = kept((SETTINGS, "replaced"), number=3)
    middle = kept((SETTINGS, "replaced"), number=2, settings=b"middle")
    oldest = kept(("/other", "made"))
    assert settings_of([newest, middle, oldest], SETTINGS) == b"middle"
    assert settings_of([oldest], SETTINGS) is None


@pytest.mark.parametrize(("change", "words"), [("made", "there was no"), ("replaced", "has lost the")])
def test_settings_that_are_not_there(change: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        settings_of([kept((SETTINGS, change))], SETTINGS)
