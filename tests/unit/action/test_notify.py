# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is told what of a regular run, and what becomes of it when that fails."""

from __future__ import annotations

import email
import email.policy
import json
import pathlib
import types
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.action.notify import ActionModule, command_words, mail, sendmail
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

HOST = {"name": "hall", "outcome": "failed", "reason": "No room.", "changes": [], "certificate_ends": ""}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "summary.json").write_text(json.dumps({"hosts": [HOST]}))
    (tmp_path / "report.json").write_text(json.dumps({"subjects": [], "findings": []}))
    return tmp_path


def notify(folder: pathlib.Path, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    action = ActionModule(types.SimpleNamespace(check_mode=check_mode), None, None, None, None, None)
    given = {"command": None, "mail": None, "off_runs": 3, "certificate_days": 14, **options}
    return action.execute({"directory": str(folder), **given})


def program(folder: pathlib.Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def test_a_command_gets_the_text_and_the_data(folder: pathlib.Path) -> None:
    command = program(folder, "tell", f'{{ cat; echo "$#"; cat "$NODERED_NEWS"; }} >>{folder}/told')
    assert notify(folder, command=[command, "two words", "$HOME"])["changed"]
    text, data = (folder / "told").read_text().split("\n2\n")
    assert text.splitlines()[0] == "Node-RED: 1 host failed"
    assert "hall: failed: No room." in text
    told = json.loads(data)
    assert told["news"] == [{"kind": "failed", "host": "hall", "text": "failed: No room."}]
    assert json.loads(pathlib.Path(told["summary"]).read_text())["hosts"] == [HOST]
    # Nobody is called where nothing is new.
    assert not notify(folder, command=[command])["changed"]
    assert (folder / "told").read_text().count("1 host failed") == 2


def test_what_nobody_was_told_is_told_again(folder: pathlib.Path) -> None:
    failing = program(folder, "fail", "cat >/dev/null; echo no network >&2; exit 7")
    for _time in range(2):
        with pytest.raises(UserError, match="status 7: no network"):
            notify(folder, command=failing)
    assert not (folder / "memory.json").exists()


def test_a_mail_is_handed_to_sendmail(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(folder, "sendmail", f'{{ echo "$@"; cat; }} >{folder}/mail')
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    notify(folder, mail="ann@example.org")
    words, _newline, sent = (folder / "mail").read_text().partition("\n")
    assert words == "-i -- ann@example.org"
    message = email.message_from_string(sent, policy=email.policy.default)
    assert (message["To"], message["Subject"]) == ("ann@example.org", "Node-RED: 1 host failed")
    assert "hall: failed: No room." in message.get_content()


def test_no_line_of_a_mail_becomes_a_header() -> None:
    message = email.message_from_bytes(mail("ann@example.org", "Node-RED: 1\nBcc: all@example.org", "ü\n.\nBcc: b"))
    assert message["Bcc"] is None
    assert message.get_payload(decode=True) == "ü\n.\nBcc: b\n".encode()


def test_check_mode_tells_nobody(folder: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = program(folder, "tell", f"touch {folder}/told")
    assert notify(folder, check_mode=True, command=command)["changed"]
    assert "hall: failed: No room." in capsys.readouterr().out
    assert not [name for name in ("told", "memory.json", "news.json") if (folder / name).exists()]


def test_a_run_that_came_to_no_end_is_told_and_fails(folder: pathlib.Path) -> None:
    (folder / "summary.json").unlink()
    command = program(folder, "tell", f"cat >>{folder}/told")
    for _time in range(2):
        with pytest.raises(UserError, match="secure did not come to an end"):
            notify(folder, command=command)
    assert (folder / "told").read_text().count("The playbook secure") == 1


def test_a_memory_that_cannot_be_used_is_no_reason_to_be_silent(folder: pathlib.Path) -> None:
    (folder / "memory.json").write_text("[]")
    command = program(folder, "tell", f"cat >{folder}/told")
    assert notify(folder, command=command)["changed"]
    assert "All is told as new, because" in (folder / "told").read_text()


@pytest.mark.parametrize("text", ["[]", '{"hosts": [{}]}', '{"hosts": 1}', "nothing"])
def test_a_file_of_somebody_else_is_refused(folder: pathlib.Path, text: str) -> None:
    (folder / "summary.json").write_text(text)
    with pytest.raises(UserError, match="summary.json"):
        notify(folder)
    assert not (folder / "memory.json").exists()


@pytest.mark.parametrize("command", ["no-such-program a", 'echo "a', 7, [1], ["a\0"]])
def test_what_is_no_command_is_refused(command: object) -> None:
    with pytest.raises(UserError, match="nodered_notify_command"):
        command_words(command)


@pytest.mark.parametrize("command", [None, "", []])
def test_no_command_is_asked_for(command: object) -> None:
    assert command_words(command) is None


def test_what_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sendmail(None) is None
    with pytest.raises(UserError, match="one address"):
        sendmail("ann@example.org bob@example.org")
    monkeypatch.setattr("shutil.which", lambda *_words, **_names: None)
    with pytest.raises(UserError, match="needs the program sendmail"):
        sendmail("ann@example.org")


@pytest.mark.parametrize("name", ["off_runs", "certificate_days"])
def test_limits_are_numbers_from_one_on(folder: pathlib.Path, name: str) -> None:
    with pytest.raises(UserError, match=f"nodered_notify_{name} must be at least 1"):
        notify(folder, **{name: 0})
