# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of the login page, whose owner may have put anything there."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from stopped_unit import StoppedUnit

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import login_directory
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum


@pytest.fixture
def page(tmp_path: pathlib.Path) -> pathlib.Path:
    """A login page as a run leaves it, and Node-RED after a login."""
    directory = tmp_path / "nodelogin"
    (directory / "plugin").mkdir(parents=True)
    for name in (
        "login.js",
        "login.json",
        "sessions.json",
        "sessions.json.new",
        ".login.js.pifleet~",
        "plugin/plugin.js",
    ):
        (directory / name).write_text(name, "utf-8")
    for path in directory.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    directory.chmod(0o700)
    return directory


def unit_of(page: pathlib.Path) -> t.Any:
    return StoppedUnit(page.parent)


def test_all_but_sessions_and_second_names_is_told(page: pathlib.Path) -> None:
    names = ("login.js", "login.json", "plugin/plugin.js")
    assert login_directory.read_login_page(unit_of(page)) == {
        "path": str(page),
        "files": {name: checksum(name.encode()) for name in names},
        "data": "login.json",
        "exposed": [],
    }


def test_another_settings_file_has_its_own(page: pathlib.Path) -> None:
    unit = unit_of(page)
    unit.settings_path = str(page.parent / "garage.js")
    assert login_directory.directory_of(unit) == f"{page}-garage"
    assert login_directory.read_login_page(unit)["files"] == {}


def test_there_need_be_none(tmp_path: pathlib.Path) -> None:
    unit: t.Any = StoppedUnit(tmp_path)
    found = login_directory.read_login_page(unit)
    assert found == {"path": str(tmp_path / "nodelogin"), "files": {}, "data": None, "exposed": []}


def test_what_cannot_be_read_is_told_without_a_checksum(page: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAXIMUM_OF_TEXT", 8)
    os.mkfifo(page / "pipe")
    found = login_directory.read_login_page(unit_of(page))
    assert found["files"]["pipe"] == found["files"]["login.json"] == ""
    assert found["data"] is None


def test_links_and_depths_lead_nowhere(page: pathlib.Path) -> None:
    (page / "loop").symlink_to(page)
    (page / "plugin/deep").mkdir()
    (page / "plugin/deep/file.js").write_text("x", "utf-8")
    assert not [name for name in login_directory.names(unit_of(page)) if "loop" in name or "deep" in name]


def test_no_more_than_a_page_has(page: pathlib.Path) -> None:
    for number in range(100):
        (page / f"{number}.js").touch()
    assert len(login_directory.names(unit_of(page))) == 64


def test_what_others_may_read_is_exposed(page: pathlib.Path) -> None:
    (page / "login.json").chmod(0o640)
    (page / "sessions.json").chmod(0o602)
    page.chmod(0o711)
    names = ("", "login.json", "sessions.json")
    assert login_directory.exposed(unit_of(page)) == [str(page / name) for name in names]
