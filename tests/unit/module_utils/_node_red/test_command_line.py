# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings the command line of a service overrides."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from stopwatch import times_as_long

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.command_line import CommandLine, overrides

PI = ("/usr/bin/env", "node-red-pi")


def overridden(
    *words: str, environment: dict[str, str] | None = None, directory: str = "/", program: t.Sequence[str] = PI
) -> dict[str, str]:
    """The overridden settings with what does it."""
    found = overrides(CommandLine([*program, *words]), environment or {}, directory)
    return {".".join(entry["path"]): entry["by"] for entry in found}


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (["-D", "adminAuth=null"], "adminAuth"),
        (["-D=adminAuth=null"], "adminAuth"),
        (["-vD", "adminAuth=null"], "adminAuth"),
        (["-define", "adminAuth.type=x"], "adminAuth.type"),
        (["-D", 'editorTheme["page"].title=x'], "editorTheme.page.title"),
        (["-D", "adminAuth.users[0].password=x"], "adminAuth.users.0.password"),
        (["-p", "1990"], "uiPort"),
        (["-p=1990"], "uiPort"),
        (["-u", "/data"], "userDir"),
        (["flows_of_others.json"], "flowFile"),
    ],
)
def test_a_setting_is_overridden(words: list[str], path: str) -> None:
    assert list(overridden(*words)) == [path]


def test_no_value_is_told() -> None:
    assert "hunter2" not in str(overridden("-D", "httpNodeAuth.pass=hunter2", "-D", "credentialSecret=hunter2"))


def test_what_goes_to_node_overrides_nothing() -> None:
    assert overridden("--max_old_space_size=512", "--", "-v") == {}
    assert overridden("--define=adminAuth=null") == {}
    assert overridden("--define=adminAuth=null", program=["/usr/bin/node-red"]) == {"adminAuth": "-D adminAuth"}


def test_a_file_of_definitions_overrides_its_keys(tmp_path: pathlib.Path) -> None:
    (tmp_path / "more.json").write_text(json.dumps({"adminAuth": None, "a.b": 1}))
    assert list(overridden("-D", "@more.json", directory=str(tmp_path))) == ["adminAuth", "a.b"]


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_an_unreadable_file_of_definitions_may_override_anything(tmp_path: pathlib.Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "more.json").write_text(content)
    assert list(overridden("-D", "@more.json", directory=str(tmp_path))) == [""]


def test_the_environment_overrides_too() -> None:
    assert overridden(environment={"NODE_RED_ENABLE_PROJECTS": "true", "PORT": "1", "NODE_RED_ENABLE_TOURS": ""}) == {
        "editorTheme.projects.enabled": "NODE_RED_ENABLE_PROJECTS"
    }


@pytest.mark.parametrize(
    ("words", "direct"),
    [
        (["/usr/bin/env", "node-red-pi", "-v"], True),
        (["/usr/bin/node", "/usr/lib/node_modules/node-red/red.js"], True),
        (["/usr/local/bin/node-red"], True),
        (["/opt/start-node-red.sh", "flows.json"], False),
        ([], False),
    ],
)
def test_a_script_between_is_recognised(words: list[str], direct: bool) -> None:
    assert CommandLine(words).direct is direct


def test_paths_are_those_of_the_service() -> None:
    line = CommandLine([*PI, "-s", "~/other.js", "-u", "data"])
    assert line.path("settings", "/srv", "/home/pi") == "/home/pi/other.js"
    assert line.path("userDir", "/srv", "/home/pi") == "/srv/data"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can take another user's rights")
def test_a_file_of_definitions_is_read_as_the_user(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "definitions.json"
    path.write_text('{"httpAdminRoot": "/admin"}')
    path.chmod(0o600)
    words = CommandLine(["node-red", "-D", f"@{path}"])
    assert [each["path"] for each in overrides(words, {}, "/", Account("nobody"))] == [[]]
    assert [each["path"] for each in overrides(words, {}, "/")] == [["httpAdminRoot"]]


def test_a_file_of_definitions_may_be_deep(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "definitions.json"
    path.write_text("[" * 200_000)
    words = CommandLine(["node-red", "-D", f"@{path}"])
    assert [each["path"] for each in overrides(words, {}, "/")] == [[]]


@pytest.mark.slow
@pytest.mark.parametrize("word", ["x", "-pv", "--port=1", "-v"])
def test_many_words_take_no_longer_each(word: str) -> None:
    few, many = [word] * 5_000, [word] * 20_000
    assert times_as_long(lambda: CommandLine(["node-red", *many]), lambda: CommandLine(["node-red", *few])) < 12
