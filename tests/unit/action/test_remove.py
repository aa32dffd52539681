# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said before this collection is taken off a host, and what that host is sent then."""

from __future__ import annotations

import base64
import json
import types
import typing as t

import pytest
from host_state import HASH, SETTINGS, file_status, make_state

from ansible_collections.pifleet.nodered.plugins.action.remove import ActionModule
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import removal
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.restored import RestoredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

OPTIONS: dict[str, t.Any] = {
    "service": "nodered",
    "user": None,
    "user_dir": None,
    "settings_path": None,
    "host_info": None,
    "confirmed": False,
    "records": False,
    "keep_states": 10,
    "watch_minutes": 10,
    "timeout": 180,
    "stable": 3,
}
FIRST = b"module.exports = { uiPort: 1880 };\n"
WRITTEN = [{"path": ["httpNodeAuth"], "before": None, "now": checksum(f'{{user: "fred", pass: "{HASH}"}}'.encode())}]
NOTHING: dict[str, t.Any] = {
    "service.drop_in": None,
    "certificate.status": None,
    "certificate.chain": None,
    "settings.content": FIRST,
    "last_run": None,
}


class Remove(ActionModule):
    """One whose host was so before, and does what it is asked."""

    def __init__(self, first: bytes | None = FIRST, check_mode: bool = False, **state: t.Any) -> None:
        task = types.SimpleNamespace(check_mode=check_mode)
        super().__init__(task, None, types.SimpleNamespace(remote_addr="127.0.0.1"), None, None, None)
        self.first = first
        self.found = make_state(**{"last_run": "a run", "origin": {"unbroken": True, "written": WRITTEN}, **state})
        self.conflict = False
        self.asked: list[tuple[str, dict[str, t.Any]]] = []

    def run_module(self, module: str, options: dict[str, t.Any], shape: type, seconds: float | None = None) -> t.Any:
        if module == "host_info":
            return self.found
        if options.get("operation") == "list":
            settings = None if self.first is None else base64.b64encode(self.first).decode()
            return {
                "changed": False,
                "settings": settings,
                "opened": ["/home/pi/.node-red", "/home/pi/.node-red/environment", "/srv/key"],
            }
        self.asked.append((module, options))
        if options.get("operation") == "undo":
            self.found = {**self.found, "transaction": None}
        return {"changed": True, "conflict": self.conflict, "transaction": "20260303T000000Z-1", "opened": []}

    def done(self, **options: t.Any) -> dict[str, t.Any]:
        return self.execute({**OPTIONS, **options})

    @property
    def modules(self) -> list[str]:
        return [module for module, _options in self.asked]

    def settings(self) -> bytes:
        return base64.b64decode(dict(self.asked)["host_settings"]["content"])


def text(result: dict[str, t.Any]) -> str:
    return "\n".join(result["messages"])


def test_without_a_word_nothing_is_sent_and_all_is_said() -> None:
    remove = Remove()
    result = remove.done()
    assert (result["changed"], result["due"], remove.asked) == (False, True, [])
    for words in (
        "use its editor",
        "run any program as the user pi",
        "Dashboards and endpoints",
        "plain HTTP",
        "Other users of the host may read /home/pi/.node-red, environment, /srv/key.",
        "-e nodered_remove=true",
    ):
        assert words in text(result)
    assert HASH not in json.dumps(result)


def test_check_mode_shows_it_and_wants_no_word() -> None:
    remove = Remove(check_mode=True)
    result = remove.done(confirmed=True)
    assert (result["changed"], result["due"], remove.asked) == (True, False, [])
    assert [part["before_header"] for part in result["diff"]][1:] == ["other parts"]


def test_a_file_that_nobody_else_has_edited_comes_back_as_it_was() -> None:
    remove = Remove()
    result = remove.done(confirmed=True)
    assert (result["changed"], result["transaction"]) == (True, "20260303T000000Z-1")
    assert remove.modules == ["host_settings", "host_remove"]
    assert remove.settings() == FIRST
    sent = dict(remove.asked)
    assert (sent["host_settings"]["as_found"], sent["host_remove"]["keep_certificate"]) == (True, False)
    assert "nodered_restore=last" in text(result)


def test_else_only_what_was_written_goes() -> None:
    remove = Remove(origin={"unbroken": False, "written": WRITTEN})
    result = remove.done(confirmed=True)
    assert b"httpNodeAuth" not in remove.settings()
    assert b"adminAuth" in remove.settings()
    assert json.loads(dict(remove.asked)["host_settings"]["managed"]) == [
        {"path": ["httpNodeAuth"], "type": "undefined"}
    ]
    assert "use its editor" not in text(result)


def test_a_secret_that_stays_has_not_to_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where nodered_credential_secret has encrypted the credentials anew, and the owner has edited the file since."""
    secret = '"of-today-only-for-tests"'
    present = SETTINGS.replace("module.exports = {", f"module.exports = {{ credentialSecret: {secret},").encode()
    written = [*WRITTEN, {"path": ["credentialSecret"], "before": None, "now": checksum(secret.encode())}]
    monkeypatch.setattr(removal, "restored_settings", lambda *_of: RestoredSettings(FIRST, keeps_secret=True))
    remove = Remove(origin={"unbroken": False, "written": written}, **{"settings.content": present})
    result = remove.done(confirmed=True)
    assert [entry["path"] for entry in json.loads(dict(remove.asked)["host_settings"]["managed"])] == [["httpNodeAuth"]]
    assert remove.settings() == FIRST
    assert "credentialSecret stays" in text(result)


def test_what_still_reads_the_certificate_keeps_it() -> None:
    mine = SETTINGS.replace('read("server.pem")', 'read("nodecerts/server.pem")').encode()
    remove = Remove(origin={"unbroken": False, "written": WRITTEN}, **{"settings.content": mine})
    result = remove.done(confirmed=True)
    assert dict(remove.asked)["host_remove"]["keep_certificate"] is True
    assert "key and certificate" not in text(result)


def test_everything_else_of_ours_goes_too() -> None:
    remove = Remove(
        follower={"sha256": "0" * 64, "active": True},
        **{
            "login_page.files": {"login.js": "0" * 64},
            "service.environment": 'A="b"\n',
            "certificate.status": file_status(),
        },
    )
    result = remove.done(confirmed=True)
    assert remove.modules == ["host_settings", "host_certificate", "host_remove"]
    assert dict(remove.asked)["host_settings"]["login_removed"] is True
    for words in ("the login page in", "and its variables", "key and certificate in", "what follows a certificate"):
        assert words in text(result)


def test_what_is_kept_goes_only_when_it_is_asked_for() -> None:
    remove = Remove()
    result = remove.done(confirmed=True, records=True)
    assert [options.get("operation") for _module, options in remove.asked] == [None, "remove", "forget"]
    assert dict(remove.asked[:2])["host_remove"]["watch_minutes"] == 0
    assert "nodered_restore" not in text(result)


def test_a_host_without_anything_of_ours_is_left_alone() -> None:
    remove = Remove(None, origin=None, **NOTHING)
    result = remove.done(confirmed=True, records=True)
    assert (result["changed"], result["due"], remove.asked) == (False, False, [])
    assert "nothing of this collection" in text(result)


def test_an_edit_in_between_stops_it() -> None:
    remove = Remove()
    remove.conflict = True
    with pytest.raises(UserError, match="changed by somebody else meanwhile"):
        remove.done(confirmed=True)
    assert remove.modules == ["host_settings"]


def test_a_run_that_was_interrupted_comes_first() -> None:
    remove = Remove(transaction={"id": "x"})
    assert "interrupted" in text(remove.done())
    assert remove.asked == []
    remove.done(confirmed=True)
    assert remove.modules == ["host_restart", "host_settings", "host_remove"]
