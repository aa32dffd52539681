# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By which groups and rules of sudo a user may become root."""

from __future__ import annotations

import os
import pathlib
import types
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._info import root_rights as module
from ansible_collections.pifleet.nodered.plugins.module_utils._info.root_rights import root_rights

GROUPS = {1000: "pi", 27: "sudo", 4: "adm", 100: "users"}


@pytest.fixture
def rights(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., t.Any]:
    """What root_rights tells of the user pi, where these files are in /etc."""
    monkeypatch.setattr(module, "group_name", lambda gid: GROUPS.get(gid, str(gid)))
    (tmp_path / "sudoers.d").mkdir()

    def of(text: str = "", *groups: int, **drop_ins: str) -> t.Any:
        (tmp_path / "sudoers").write_text(text, "utf-8")
        for name, content in drop_ins.items():
            (tmp_path / "sudoers.d" / name).write_text(content, "utf-8")
        account: t.Any = types.SimpleNamespace(name="pi", uid=1000, groups=[1000, *groups])
        found = root_rights(account, str(tmp_path))
        for rule in found["sudo"]:
            rule["file"] = os.path.relpath(rule["file"], tmp_path)
        return found

    return of


def test_groups(rights: t.Callable[..., t.Any]) -> None:
    assert rights("", 4, 27, 100) == {"groups": ["sudo", "adm"], "sudo": []}
    assert rights("", 100) == {"groups": [], "sudo": []}


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("pi ALL=(ALL) NOPASSWD: ALL", False),
        ("pi ALL=(ALL:ALL) ALL", True),
        ("pi\tALL = ( ALL ) NOPASSWD:ALL", False),
        ("pi ALL=ALL", True),
        ("eve, pi ALL=(root) SETENV: NOPASSWD: ALL", False),
        ("%pi ALL=(ALL) ALL", True),
        ("%#1000 ALL=(ALL) ALL", True),
        ("#1000 ALL=(ALL) ALL", True),
        ("ALL ALL=(ALL) ALL", True),
        ("pi \\\n  ALL=(ALL) \\\n  ALL # any", True),
        ("pi ALL=(ALL) NOPASSWD: /bin/ls, PASSWD: ALL", True),
        ("pi ALL=(ALL) /bin/ls, NOPASSWD: ALL, !/bin/su", False),
        ("pi ALL=(eve, root) CWD=/tmp ALL", True),
        ("pi kitchen=/bin/ls : ALL=(ALL) NOPASSWD: ALL", False),
        ("pi ALL=(ALL) ALL\npi ALL=(ALL) NOPASSWD: ALL", False),
        ("User_Alias A = eve : B = fred, pi\nUser_Alias C = B\nC ALL=(ALL) ALL", True),
        ("Cmnd_Alias ANY = ALL\nRunas_Alias BOSS = root\npi ALL=(BOSS) NOPASSWD: ANY", False),
    ],
)
def test_rules_that_let_it(rights: t.Callable[..., t.Any], text: str, password: bool) -> None:
    assert rights(text + "\n")["sudo"] == [{"file": "sudoers", "password": password}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# pi ALL=(ALL) ALL",
        "#pi ALL=(ALL) ALL",
        "@includedir /etc/sudoers.d\n#includedir /etc/sudoers.d",
        "Defaults env_reset\nDefaults:pi !authenticate",
        "root ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL",
        "pine ALL=(ALL) ALL",
        "ALL, !pi ALL=(ALL) ALL",
        "pi ALL=(www-data) ALL",
        "pi ALL=(:users) ALL",
        "pi ALL=NOPASSWD: /sbin/reboot, /sbin/poweroff",
        "User_Alias pi = ALL",
        "pi",
        "= ALL",
        ", , =",
        "pi ALL",
        "\0\udcff".encode("utf-8", "replace").decode(),
    ],
)
def test_what_does_not(rights: t.Callable[..., t.Any], text: str) -> None:
    assert rights(text + "\n") == {"groups": [], "sudo": []}


def test_files_below_sudoers_d(rights: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    rule = "pi ALL=(ALL) NOPASSWD: ALL\n"
    os.mkfifo(tmp_path / "sudoers.d" / "pipe")
    (tmp_path / "sudoers.d" / "folder").mkdir()
    found = rights("", **{"010_pi-nopasswd": rule, "copy~": rule, "a.bak": rule, "large": rule + "#" * 70000})
    assert found["sudo"] == [{"file": "sudoers.d/010_pi-nopasswd", "password": False}]


def test_there_are_bounds(rights: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    assert len(rights("", **{f"f{number:04}": "pi ALL=ALL" for number in range(300)})["sudo"]) == 99
    (tmp_path / "sudoers").unlink()
    (tmp_path / "sudoers").symlink_to("/dev/zero")
    account: t.Any = types.SimpleNamespace(name="pi", uid=1000, groups=[1000])
    assert len(root_rights(account, str(tmp_path))["sudo"]) == 99
    assert root_rights(account, str(tmp_path / "none")) == {"groups": [], "sudo": []}
