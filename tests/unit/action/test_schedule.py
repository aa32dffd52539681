# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What regular runs are refused for before anything is written, and what is written for their user."""

from __future__ import annotations

import json
import pathlib
import pwd
import stat
import types
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.action import schedule
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

ANN = pwd.struct_passwd(("ann", "x", 1000, 1000, "Ann", "/home/ann", "/bin/sh"))


class Hostvars(dict[str, t.Any]):
    """Of an inventory with these hosts."""

    @property
    def _inventory(self) -> object:
        return types.SimpleNamespace(get_hosts=lambda pattern: [types.SimpleNamespace(name=name) for name in self])


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Of a user for whom systemd runs services."""
    monkeypatch.setattr(schedule.pwd, "getpwuid", lambda _uid: ANN)
    monkeypatch.setattr(schedule, "_check_systemd", lambda *_words: None)
    monkeypatch.setattr(schedule, "_LINGERING", tmp_path / "linger")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepare(check_mode: bool = False, connection: str = "ssh", **options: t.Any) -> dict[str, t.Any]:
    action = schedule.ActionModule(types.SimpleNamespace(check_mode=check_mode), None, None, None, None, None)
    action.task_vars = {
        "hostvars": Hostvars(hall={"ansible_connection": connection}),
        "ansible_inventory_sources": ["/srv/fleet.ini", "pi5,"],
    }
    given = {name: option.get("default") for name, option in schedule.ActionModule.spec.items()}
    return action.execute({**given, "results": "results", **options})


def service(prepared: dict[str, t.Any]) -> str:
    return prepared["units"][1]["content"]


def test_what_belongs_to_the_user_is_written_once(folder: pathlib.Path) -> None:
    assert prepare(check_mode=True, mail=None)["changed"]
    assert not (folder / "results").exists()
    assert prepare(command="true")["changed"]
    assert stat.S_IMODE((folder / "results").stat().st_mode) == 0o700
    assert json.loads((folder / "results/notify.json").read_text())["nodered_notify_command"] == "true"
    assert not prepare(command="true")["changed"]
    (folder / "results").chmod(0o755)
    assert prepare(command="true")["changed"]
    assert stat.S_IMODE((folder / "results").stat().st_mode) == 0o700


def test_what_is_not_ours_stays(folder: pathlib.Path) -> None:
    prepare()
    (folder / "results/mine").touch()
    assert prepare(state="absent", check_mode=True)["changed"]
    assert (folder / "results/notify.json").exists()
    assert prepare(state="absent")["changed"]
    assert [file.name for file in (folder / "results").iterdir()] == ["mine"]
    (folder / "results/mine").unlink()
    assert not prepare(state="absent")["changed"]
    assert not (folder / "results").exists()


def test_scopes(folder: pathlib.Path) -> None:
    of_user, of_system = prepare(), prepare(scope="system")
    assert (of_user["scope"], of_user["become"]) == ("user", False)
    assert of_user["units"][0]["path"] == "/home/ann/.config/systemd/user/pifleet-nodered.timer"
    assert (of_system["become"], of_system["units"][0]["path"]) == (True, "/etc/systemd/system/pifleet-nodered.timer")
    assert "User=ann\n" in service(of_system)
    assert "User=" not in service(of_user)
    assert any("enable-linger" in message for message in of_user["messages"])
    assert not any("enable-linger" in message for message in of_system["messages"])
    (folder / "linger").mkdir()
    (folder / "linger/ann").touch()
    assert not any("enable-linger" in message for message in prepare()["messages"])


def test_root_has_a_timer_of_the_system(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = pwd.struct_passwd(("root", "x", 0, 0, "", "/root", "/bin/sh"))
    monkeypatch.setattr(schedule.pwd, "getpwuid", lambda _uid: root)
    assert prepare()["scope"] == "system"


def test_the_inventories_of_this_run_are_those_of_the_others(folder: pathlib.Path) -> None:
    text = service(prepare(hosts="pis", arguments=["--forks=50"]))
    assert '"-i" "/srv/fleet.ini" "-i" "pi5," "-e" "{\\"nodered_hosts\\": \\"pis\\"}" "--forks=50"' in text
    assert f"WorkingDirectory={folder}\n" in text


def test_a_run_that_needs_sudo_here_may_use_it(folder: pathlib.Path) -> None:
    assert "NoNewPrivileges" in service(prepare())
    assert "NoNewPrivileges" not in service(prepare(connection="local"))


@pytest.mark.parametrize("option", ["vault_password_file", "become_password_file"])
def test_passwords_come_from_private_files(folder: pathlib.Path, option: str) -> None:
    file = folder / "password"
    with pytest.raises(UserError, match=f"nodered_schedule_{option}: password cannot be read: No such file"):
        prepare(**{option: "password"})
    file.touch(0o600)
    with pytest.raises(UserError, match="is empty"):
        prepare(**{option: "password"})
    file.write_text("secret")
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        with pytest.raises(UserError, match="others can read or change password"):
            prepare(**{option: "password"})
    assert not (folder / "results").exists()
    file.chmod(0o600)
    text = service(prepare(**{option: "password"}))
    assert f":{file}\n" in text
    assert "secret" not in text
    # A program prints it.
    file.chmod(0o700)
    assert "LoadCredential" not in service(prepare(**{option: "password"}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calendar": "often"}, "systemd does not know the time 'often'"),
        ({"calendar": "--help"}, "systemd does not know the time"),
        ({"command": "no-such-program"}, "no program no-such-program"),
        ({"random_delay": -1}, "nodered_schedule_random_delay"),
        ({"off_runs": 0}, "nodered_notify_off_runs"),
        ({"name": "../a"}, "nodered_schedule_name"),
        ({"results": "/dev/null/a"}, "nodered_notify_dir"),
    ],
)
def test_what_cannot_be_is_refused(folder: pathlib.Path, options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        prepare(**options)


def test_a_machine_without_systemd_gets_the_line_for_cron(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule.pathlib.Path, "is_dir", lambda _path: False)
    with pytest.raises(UserError, match="a line for cron"):
        schedule._check_systemd("system", "ann")
    monkeypatch.setattr(schedule.pathlib.Path, "is_dir", lambda path: path.name == "system")
    schedule._check_systemd("system", "ann")
    with pytest.raises(UserError, match="systemd runs no services of ann now"):
        schedule._check_systemd("user", "ann")
