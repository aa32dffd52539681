# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The library that others have written is the one that they have released, to the byte, with its licence."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re

import pytest
from npm_packages import npm_file

LOGIN = pathlib.Path(__file__).parents[4] / "plugins/plugin_utils/_login"
GATE = LOGIN / "gate"
PACKAGES = json.loads((LOGIN / "third_party.json").read_text("utf-8"))
FILES = [(package, name) for package, entry in PACKAGES.items() for name in entry["files"]]


@pytest.mark.parametrize(("package", "name"), FILES)
def test_a_file_is_the_released_one(package: str, name: str) -> None:
    entry = PACKAGES[package]
    file = entry["files"][name]
    content = (LOGIN / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == file["sha256"]
    released = npm_file(package, entry["version"], file["member"].removeprefix("package/"))
    assert content == released.encode()
    assert entry["purl"] == f"pkg:npm/{package}@{entry['version']}"


def test_all_that_others_have_written_is_listed() -> None:
    ours = "the pifleet.nodered maintainers"
    others = {
        path.relative_to(LOGIN).as_posix()
        for path in GATE.rglob("*")
        if path.is_file() and path.suffix != ".json" and ours not in path.read_text("utf-8")
    }
    assert others == {name for _package, name in FILES}


def test_the_library_says_which_it_is_and_needs_no_other_file() -> None:
    library = (GATE / "oidc/oauth4webapi.mjs").read_text("utf-8")
    assert f"const VERSION = 'v{PACKAGES['oauth4webapi']['version']}';" in library
    assert not re.search(r"^\s*(?:import|export .* from)\s|\bimport\(|\brequire\(", library, re.MULTILINE)
    assert "MIT License" in (GATE / "oidc/oauth4webapi.LICENSE.md").read_text("utf-8")
