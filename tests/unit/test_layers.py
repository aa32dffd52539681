# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The walls of the house: which directory of plugins/ may import which, and who may reach beyond the process."""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Iterator

import pytest

PROJECT = pathlib.Path(__file__).parents[2]
PLUGINS = PROJECT / "plugins"
PACKAGE = "ansible_collections.pifleet.nodered.plugins."

#: What each room of plugin_utils/ may import beside itself and `_errors`; `shared` is module_utils/_shared/, the only
#: room of the hosts' side that the control node enters.
KNOWLEDGE = {
    "_collection": set(),
    "_javascript": {"_collection"},
    "_accounts": {"_collection"},
    "_releases": set(),
    "_findings": set(),
    "_pki": {"_collection", "shared"},
    "_proxy": {"shared"},
    "_network": {"shared"},
    "_inventory": {"_collection", "_findings"},
    "_login": set(),
    "_settings": {"_accounts", "_javascript", "_pki", "shared"},
    "_schedule": set(),
    "_service": {"_accounts"},
    "_credentials": {"_collection", "_javascript", "_settings"},
    "_report": {"_findings", "shared"},
    "_rules": {
        "_accounts",
        "_collection",
        "_credentials",
        "_findings",
        "_inventory",
        "_javascript",
        "_login",
        "_network",
        "_pki",
        "_releases",
        "_settings",
        "shared",
    },
    "_action": {
        "_collection",
        "_credentials",
        "_inventory",
        "_javascript",
        "_login",
        "_network",
        "_pki",
        "_proxy",
        "_settings",
        "shared",
    },
    "_validation": {
        "_action",
        "_collection",
        "_findings",
        "_inventory",
        "_javascript",
        "_pki",
        "_proxy",
        "_rules",
        "_service",
        "_settings",
    },
}
#: The same for module_utils/, which travels to the hosts.
HOST_SIDE = {
    "_shared": set(),
    "_host": {"_shared"},
    "_proxy": {"_host", "_shared"},
    "_node_red": {"_host", "_proxy", "_shared"},
    "_credentials": {"_host", "_node_red", "_shared"},
    "_certificate": {"_host", "_node_red", "_proxy", "_shared"},
    "_settings": {"_credentials", "_host", "_node_red", "_proxy", "_shared"},
    "_service": {"_credentials", "_host", "_node_red", "_proxy", "_shared"},
    "_trust": {"_host", "_shared"},
    "_info": {"_certificate", "_credentials", "_host", "_node_red", "_proxy", "_shared"},
}
#: Who may import what reaches beyond the process, by its top-level name. Rooms without a base name are of plugin_utils/.
BEYOND = {
    "ansible": {"_action", "_collection", "_inventory"},
    "socket": {"_network"},
    "http": {"_network"},
    "ssl": {"_network"},
    "subprocess": set(),
}
#: The libraries of requirements.txt, each with the rooms of plugin_utils/ that know it.
LIBRARIES = {
    "cryptography": {"_credentials", "_pki", "_rules"},
    "passlib": {"_accounts"},
    "tree_sitter": {"_javascript"},
    "tree_sitter_javascript": {"_javascript"},
    "jinja2": {"_inventory", "_proxy", "_report"},
}
#: What a host's Python has, beside the standard library.
OF_HOSTS = {"__future__", "ansible", "ansible_collections"}


def imports(file: pathlib.Path) -> Iterator[str]:
    """The modules that a file imports, with their full names; those of its own directory are left out."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, f"{file} climbs out of its directory"
            if node.level == 0 and node.module:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(base: str) -> list[pathlib.Path]:
    return sorted(path for path in (PLUGINS / base).iterdir() if path.is_dir() and path.name != "__pycache__")


def imported_rooms(directory: pathlib.Path) -> set[str]:
    """The other rooms that the files of one import."""
    own = f"{directory.parent.name}.{directory.name}"
    entered = set()
    for file in directory.rglob("*.py"):
        for name in imports(file):
            if name.startswith(PACKAGE):
                base, room, *_rest = name.removeprefix(PACKAGE).split(".")
                assert f"{base}.{room}" != own, f"{file} imports its own directory by its full name"
                entered.add(f"{base}.{room}")
    return entered


def test_every_room_has_its_rule() -> None:
    assert {path.name for path in rooms("plugin_utils")} == set(KNOWLEDGE)
    assert {path.name for path in rooms("module_utils")} == set(HOST_SIDE)


@pytest.mark.parametrize("room", KNOWLEDGE)
def test_knowledge_imports_only_what_it_may(room: str) -> None:
    allowed = {"plugin_utils._errors", *(f"plugin_utils.{name}" for name in KNOWLEDGE[room] - {"shared"})}
    if "shared" in KNOWLEDGE[room]:
        allowed.add("module_utils._shared")
    assert imported_rooms(PLUGINS / "plugin_utils" / room) <= allowed


@pytest.mark.parametrize("room", HOST_SIDE)
def test_the_host_side_imports_only_what_it_may(room: str) -> None:
    assert imported_rooms(PLUGINS / "module_utils" / room) <= {f"module_utils.{name}" for name in HOST_SIDE[room]}


@pytest.mark.parametrize("rules", [KNOWLEDGE, HOST_SIDE], ids=["plugin_utils", "module_utils"])
def test_the_rules_have_no_circle(rules: dict[str, set[str]]) -> None:
    left = dict(rules)
    while left:
        free = {room for room, allowed in left.items() if not (allowed - {"shared"}) & left.keys()}
        assert free, f"these import each other: {sorted(left)}"
        left = {room: allowed for room, allowed in left.items() if room not in free}


@pytest.mark.parametrize("library", [*BEYOND, *LIBRARIES])
def test_few_reach_beyond_the_process_or_know_a_library(library: str) -> None:
    allowed = {**BEYOND, **LIBRARIES}[library]
    found = {
        room.name
        for room in rooms("plugin_utils")
        for file in room.rglob("*.py")
        if any(name.split(".")[0] == library for name in imports(file))
    }
    assert found <= allowed


def test_the_host_side_needs_nothing_but_python() -> None:
    """Nothing is installed on a host for this collection."""
    import sys

    for file in (*(PLUGINS / "module_utils").rglob("*.py"), *(PLUGINS / "modules").glob("*.py")):
        names = {name.split(".")[0] for name in imports(file)}
        assert names <= OF_HOSTS | sys.stdlib_module_names, file
        if "module_utils" in file.parts:
            assert not [name for name in imports(file) if name.startswith("ansible.")], file


def test_modules_of_hosts_know_nothing_of_the_control_node() -> None:
    for file in (PLUGINS / "modules").glob("*.py"):
        assert not [name for name in imports(file) if name.startswith(f"{PACKAGE}plugin_utils")], file


def test_no_directory_has_an_init_file() -> None:
    """ansible-core makes packages of directories, on the control node and in what travels to a host."""
    assert not list(PLUGINS.rglob("__init__.py"))


def test_files_in_private_rooms_have_public_names() -> None:
    files = [file.name for base in ("plugin_utils", "module_utils") for room in rooms(base) for file in room.rglob("*")]
    assert [name for name in files if name.startswith("_") and name != "__pycache__"] == []


def test_every_room_is_described() -> None:
    """docs/development.md says in one sentence what each room is for."""
    text = (PROJECT / "docs" / "development.md").read_text("utf-8")
    described = set(re.findall(r"^\| `((?:plugin|module)_utils/_\w+/)` \|", text, re.MULTILINE))
    assert described == {f"{base}/{room.name}/" for base in ("plugin_utils", "module_utils") for room in rooms(base)}
