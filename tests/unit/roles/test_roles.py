# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All roles have one shape, and say the same in defaults/main.yml, in argument_specs and to each other."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from inventory_files import loaded

PROJECT = pathlib.Path(__file__).parents[3]
ROLES = sorted((PROJECT / "roles").iterdir())
SHAPE = [
    "README.md",
    "defaults/main.yml",
    "meta/argument_specs.yml",
    "meta/main.yml",
    "tasks/main.yml",
]
# What some roles need beside.
FOLDERS = {"defaults", "files", "handlers", "meta", "tasks", "templates"}

every_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def load(role: pathlib.Path, file: str) -> dict[str, t.Any]:
    return yaml.safe_load((role / file).read_text("utf-8"))


def options(role: pathlib.Path) -> dict:
    return load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def test_there_are_roles() -> None:
    assert ROLES


@every_role
def test_shape(role: pathlib.Path) -> None:
    assert [file for file in SHAPE if not (role / file).is_file()] == []
    assert {entry.name for entry in role.iterdir() if entry.is_dir()} <= FOLDERS


@every_role
def test_only_one_entry_point(role: pathlib.Path) -> None:
    assert list(load(role, "meta/argument_specs.yml")["argument_specs"]) == ["main"]


@every_role
def test_defaults_equal_argument_specs(role: pathlib.Path) -> None:
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert load(role, "defaults/main.yml") == documented


@every_role
def test_what_has_no_default_is_required(role: pathlib.Path) -> None:
    assert [
        name for name, option in options(role).items() if "default" not in option and not option.get("required")
    ] == []


@every_role
def test_every_option_is_described(role: pathlib.Path) -> None:
    assert [name for name, option in options(role).items() if not option.get("description")] == []


@every_role
def test_variables_have_the_prefix(role: pathlib.Path) -> None:
    assert [name for name in options(role) if not name.startswith("nodered_")] == []


@every_role
def test_own_variables_have_the_name_of_the_role(role: pathlib.Path) -> None:
    """Results and facts that a role sets itself, so that no two roles write the same variable."""
    own = set()
    for file in [*role.glob("tasks/*.yml"), *role.glob("handlers/*.yml")]:
        own |= set(re.findall(r"^\s*register: (\w+)", file.read_text("utf-8"), re.MULTILINE))
    assert [name for name in own if not name.startswith(f"nodered_{role.name}_")] == []


def test_roles_agree_on_shared_variables() -> None:
    meanings: dict[str, dict[str, t.Any]] = {}
    for role in ROLES:
        for name, option in options(role).items():
            described = {key: value for key, value in option.items() if key != "description"}
            meanings.setdefault(name, {})[role.name] = described
    differing = {
        name: users
        for name, users in meanings.items()
        if any(user != next(iter(users.values())) for user in users.values())
    }
    assert differing == {}


@every_role
def test_meta_tells_the_name(role: pathlib.Path) -> None:
    meta = load(role, "meta/main.yml")
    assert meta["galaxy_info"]["role_name"] == role.name
    assert (
        meta["galaxy_info"]["description"]
        == load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["short_description"]
    )
    assert meta["dependencies"] == []


ABSENT = {"failed": True, "changed": False, "msg": "python3-apt must be installed to use check mode. If run normally"}
WRONG = {"failed": True, "changed": False, "msg": "No package matching 'nginx' is available"}


def tasks_of_apt() -> dict[str, dict[str, t.Any]]:
    """The tasks that install packages, by what they install."""
    found = {}
    for path in sorted([*PROJECT.glob("roles/*/tasks/*.yml"), *PROJECT.glob("playbooks/*.yml")]):
        waiting = list(yaml.safe_load(path.read_text("utf-8")) or [])
        while waiting:
            task = waiting.pop()
            waiting += [each for key in ("tasks", "pre_tasks", "post_tasks", "block") for each in task.get(key, ())]
            if "ansible.builtin.apt" in task:
                found[str(task["ansible.builtin.apt"]["name"])] = task
    return found


@pytest.mark.parametrize(
    ("result", "check_mode", "failed", "changed"),
    [
        (ABSENT, True, False, True),
        (ABSENT, False, True, True),
        (WRONG, True, True, True),
        ({"changed": False}, True, False, False),
        ({"changed": True}, False, False, True),
    ],
)
def test_check_mode_needs_no_python3_apt(
    tmp_path: pathlib.Path, result: dict[str, t.Any], check_mode: bool, failed: bool, changed: bool
) -> None:
    tasks = tasks_of_apt()
    assert set(tasks) == {"['nodejs', 'npm']", "nginx", "libnss3-tools"}
    for task in tasks.values():
        failed_when = " and ".join(task["failed_when"])
        conditions = [f"{{{{ {condition} }}}}" for condition in (failed_when, task["changed_when"])]
        (tmp_path / "conditions.yml").write_text(yaml.safe_dump({"conditions": conditions}), "utf-8")
        variables = {task["register"]: result, "ansible_check_mode": check_mode}
        templar = Templar(loader=DataLoader(), variables=variables)
        assert templar.template(loaded(tmp_path / "conditions.yml")["conditions"]) == [failed, changed]
