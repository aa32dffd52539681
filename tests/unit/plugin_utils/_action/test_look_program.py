# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The look as a program of its own: it answers as the module does, and needs nothing that a host does not have."""

from __future__ import annotations

import ast
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import look_program
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.look_program import look_program as program

PROJECT = pathlib.Path(__file__).parents[4]
SIDE = PROJECT / "plugins" / "module_utils"
PACKAGE = "ansible_collections.pifleet.nodered.plugins.module_utils."
OPTIONS = {"service": "pifleet-is-not-there", "details": False, "dependents": True, "proxy_ports": [443, 80]}
#: Runs the module itself, with Ansible's library.
MODULE = """\
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.pifleet.nodered.plugins.modules import host_info
with patch_module_args(json.loads(sys.argv[1])):
    host_info.main()
"""


def run(text: bytes, cwd: pathlib.Path, *interpreter: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program as Ansible does on a host: from standard input, where a session begins."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        interpreter or [sys.executable],
        input=text,
        cwd=cwd,
        env={**environment, **variables},
        capture_output=True,
        check=False,
    )


def answer(options: dict[str, t.Any], cwd: pathlib.Path, **variables: str) -> dict[str, t.Any]:
    done = run(program(options), cwd, **variables)
    assert done.returncode == 0, done.stderr.decode()
    return t.cast("dict[str, t.Any]", json.loads(done.stdout))


def module_answer(options: dict[str, t.Any], cwd: pathlib.Path) -> dict[str, t.Any]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", MODULE, json.dumps(options)]
    printed = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=False).stdout
    return t.cast("dict[str, t.Any]", json.loads(printed))


def compared(said: dict[str, t.Any]) -> dict[str, t.Any]:
    """What two visits have to agree in."""
    host = {**said.get("host", {}), "clock": None}
    return {**{name: value for name, value in said.items() if name != "invocation"}, "host": host}


def test_it_answers_as_the_module_does(tmp_path: pathlib.Path) -> None:
    asked = {**OPTIONS, "_ansible_check_mode": True}
    said = answer(asked, tmp_path)
    assert said["service"]["name"] == "pifleet-is-not-there.service"
    assert compared(said) == compared(module_answer(OPTIONS, tmp_path))


def test_it_fails_as_the_module_does(tmp_path: pathlib.Path) -> None:
    asked = {**OPTIONS, "user": "pifleet-nobody"}
    said = answer(asked, tmp_path)
    assert said["failed"]
    assert "pifleet-nobody" in said["msg"]
    assert compared(said) == compared(module_answer(asked, tmp_path))


def test_a_home_is_that_of_the_host(tmp_path: pathlib.Path) -> None:
    said = answer({**OPTIONS, "user_dir": "~/flows"}, tmp_path, HOME="/home/of-the-host")
    assert said["user_dir"]["path"] == "/home/of-the-host/flows"


def test_nothing_is_imported_from_where_the_session_begins(tmp_path: pathlib.Path) -> None:
    for name in ("__future__", "base64", "json", "zlib", "typing", "socket", "ansible_collections"):
        tmp_path.joinpath(f"{name}.py").write_text("import os; os.write(2, b'taken'); os._exit(7)")
    assert answer(OPTIONS, tmp_path)["changed"] is False


def test_a_python_that_is_too_old_is_told(tmp_path: pathlib.Path) -> None:
    text = program(OPTIONS).decode().replace("import sys\n", "import sys\nsys.version_info = (3, 8, 20)\n", 1)
    done = run(text.encode(), tmp_path)
    assert (done.returncode, done.stderr) == (1, b"")
    said = json.loads(done.stdout)
    assert said["failed"]
    assert "3.9 or newer" in said["msg"]


def test_it_has_what_it_may_import_with_it() -> None:
    def imported(file: pathlib.Path) -> set[str]:
        nodes = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
        return {(node.module or "").removeprefix(PACKAGE).split(".")[0] for node in nodes if node.level == 0} & rooms

    rooms = {path.name for path in SIDE.iterdir() if path.is_dir()}
    reached, left = set(), {"_info"}
    while left:
        room = left.pop()
        reached.add(room)
        left |= set().union(*(imported(file) for file in SIDE.joinpath(room).glob("*.py"))) - reached
    assert reached == set(look_program.ROOMS)


@pytest.mark.parametrize("value", ["'; import os #", '"""', "{sources}", "\\\\N{BULLET}", "ü\u2028"])
def test_an_option_stays_a_value(value: str, tmp_path: pathlib.Path) -> None:
    said = answer({**OPTIONS, "user_dir": f"/{value}"}, tmp_path)
    assert said["user_dir"]["path"] == f"/{value}"
