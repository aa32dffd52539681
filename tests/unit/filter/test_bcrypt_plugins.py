# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter, the test and the module bcrypt_hash as ansible-playbook runs them, and what it prints meanwhile."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
import yaml

import ansible_collections.pifleet.nodered as collection

PASSWORD = "hunter2-secret"
TOO_LONG = 6 * PASSWORD
ONE_TASK_THAT_FAILS: dict[str, dict[str, t.Any]] = {
    "module": {"pifleet.nodered.bcrypt_hash": {"password": "{{ too_long }}"}},
    "module, unknown option": {"pifleet.nodered.bcrypt_hash": {"password": PASSWORD, "cots": 8}},
    "module, cost is no number": {"pifleet.nodered.bcrypt_hash": {"password": PASSWORD, "cost": "eight"}},
    "module, cost out of range": {"pifleet.nodered.bcrypt_hash": {"password": PASSWORD, "cost": 40}},
    "module in a loop": {
        "pifleet.nodered.bcrypt_hash": {"password": "{{ item.password }}"},
        "loop": "{{ users }}",
    },
    "filter": {"ansible.builtin.set_fact": {"x": "{{ too_long | pifleet.nodered.bcrypt_hash }}"}},
    "test": {"ansible.builtin.assert": {"that": "'' is pifleet.nodered.bcrypt_match(too_long)"}},
}
REASONS = {
    "module, unknown option": "Unsupported parameters: cots",
    "module, cost is no number": "int",
    "module, cost out of range": "4 to 16",
}


def play(folder: pathlib.Path, tasks: list[dict[str, object]], *arguments: str) -> str:
    """The output, at -vvv, of ansible-playbook for a host that cannot be reached."""
    variables = {"password": PASSWORD, "too_long": TOO_LONG, "users": [{"password": "good"}, {"password": TOO_LONG}]}
    (folder / "group_vars").mkdir(exist_ok=True)
    (folder / "group_vars" / "all.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")
    (folder / "hosts").write_text("unreachable.invalid\n", encoding="ascii")
    plays = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    (folder / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "hosts", "play.yml", "-vvv", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(pathlib.Path(next(iter(collection.__path__))).parents[2]),
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + run.stderr


def test_what_fits_is_kept_and_nothing_is_printed(tmp_path: pathlib.Path) -> None:
    module = "pifleet.nodered.bcrypt_hash"
    tasks: list[dict[str, object]] = [
        {module: {"password": "{{ password }}", "cost": 4}, "register": "new"},
        {module: {"password": "{{ password }}", "hash": "{{ new.hash }}"}, "register": "kept"},
        {module: {"password": "{{ password }}", "hash": "{{ '$2y$' ~ new.hash[4:] }}"}, "register": "rewritten"},
        {module: {"password": "other", "hash": "{{ new.hash }}"}, "register": "replaced"},
        {
            module: {"password": "{{ password }}", "hash": "{{ new.hash }}", "cost": 5, "compare_cost": True},
            "register": "dearer",
        },
        {module: {"password": "{{ item.password }}", "cost": 4}, "loop": "{{ users[:1] }}", "register": "looped"},
        {
            "ansible.builtin.assert": {
                "that": [
                    "new.hash is pifleet.nodered.bcrypt_match(password)",
                    "new.hash is not pifleet.nodered.bcrypt_match('other')",
                    "'5ebe2294ecd0e0f08eab7690d2a6ee69' is not pifleet.nodered.bcrypt_match('secret')",
                    "new.hash.startswith('$2b$04$')",
                    "not new.changed",
                    "kept.hash == new.hash",
                    "not kept.changed",
                    "rewritten.hash == new.hash",
                    "rewritten.changed",
                    "replaced.hash is pifleet.nodered.bcrypt_match('other')",
                    "replaced.changed",
                    "dearer.hash.startswith('$2b$05$')",
                    "dearer.changed",
                    "looped.results[0].hash is pifleet.nodered.bcrypt_match('good')",
                    "password | pifleet.nodered.bcrypt_hash(existing=new.hash) == new.hash",
                    "(password | pifleet.nodered.bcrypt_hash(cost=5)).startswith('$2b$05$')",
                    "(password | pifleet.nodered.bcrypt_hash(5, new.hash, true)).startswith('$2b$05$')",
                    "(password | pifleet.nodered.bcrypt_hash) != (password | pifleet.nodered.bcrypt_hash)",
                ]
            }
        },
    ]
    output = play(tmp_path, tasks, "--check", "--diff")
    assert "failed=0" in output, output
    assert "All assertions passed" in output
    assert PASSWORD not in output
    assert "$2b$04$" not in output.replace("startswith('$2b$04$')", "")


@pytest.mark.parametrize("kind", ONE_TASK_THAT_FAILS)
def test_errors_say_what_is_wrong_and_not_the_password(kind: str, tmp_path: pathlib.Path) -> None:
    output = play(tmp_path, [{"name": "A task that fails", **ONE_TASK_THAT_FAILS[kind]}])
    assert "failed=1" in output, output
    assert REASONS.get(kind, "84 bytes") in output
    assert PASSWORD not in output


def test_documentation_is_shown() -> None:
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(pathlib.Path(next(iter(collection.__path__))).parents[2]),
    }
    for kind, name in (("module", "bcrypt_hash"), ("filter", "bcrypt_hash"), ("test", "bcrypt_match")):
        run = subprocess.run(
            [sys.executable, "-m", "ansible", "doc", "--json", "-t", kind, f"pifleet.nodered.{name}"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        documented = json.loads(run.stdout)[f"pifleet.nodered.{name}"]
        assert documented["doc"]["short_description"]
        assert documented["examples"]
        assert documented["return"]
