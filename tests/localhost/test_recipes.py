# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipes and the README, read from their pages.

Their variables are those of hosts of an inventory that `validate` takes, which finds what a run would refuse; Ansible reads
their commands, with all options, and finds the playbooks. The scenario `installs` runs some of them on a host.
"""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import subprocess

import pytest
import yaml
from ad_hoc import PROJECT, program
from recipes import commands, recipes

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.variable_names import known_variables

PAGES = ("docs/recipes.md", "README.md")
#: Where the README has the password of the vault, below the home directory.
PASSWORD = ".pifleet/vault-password"
VAULT = ("--vault-password-file", PASSWORD)
#: Findings of a whole fleet, whatever the recipes say.
OF_FLEETS = {"secret-shared"}


@pytest.fixture
def fleet(tmp_path: pathlib.Path) -> pathlib.Path:
    """An inventory in which every recipe is a host, with a certificate that openssl has made."""
    for name in ("group_vars/nodered", "host_vars", ".pifleet"):
        (tmp_path / name).mkdir(parents=True)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "chain"),
            *("-days", "90", "-subj", "/CN=kitchen.example.com", "-addext", "subjectAltName=DNS:kitchen.example.com"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    secrets = set()
    hosts = {}
    for number, recipe in enumerate(recipes(PAGES[0]) + recipes(PAGES[1])):
        if recipe.variables:
            hosts[f"recipe{number}"] = recipe.title
            variables = {name: value for name, value in recipe.variables.items() if not name.startswith("vault_")}
            (tmp_path / f"host_vars/recipe{number}.yml").write_text(yaml.safe_dump(variables), "utf-8")
            secrets |= set(re.findall(r"\bvault_\w+", str(recipe.variables)))
    (tmp_path / "fleet.ini").write_text("\n".join(["[nodered]", *hosts]) + "\n", "utf-8")
    vault = {name: f"{name} only-for-tests" for name in secrets | {"vault_admin"}}
    vault["vault_certificate_chain"] = (tmp_path / "chain").read_text("utf-8")
    vault["vault_certificate_key"] = (tmp_path / "key").read_text("utf-8")
    (tmp_path / "key").unlink()
    (tmp_path / "hosts.json").write_text(json.dumps(hosts), "utf-8")
    (tmp_path / "group_vars/nodered/vault.yml").write_text(yaml.safe_dump(vault), "utf-8")
    (tmp_path / PASSWORD).write_text("only-for-tests", "utf-8")
    done = program(tmp_path, "ansible-vault", "encrypt", *VAULT, "group_vars/nodered/vault.yml")
    assert done.returncode == 0, done.stdout
    (tmp_path / "group_vars/nodered/main.yml").write_text(
        'nodered_admin_users:\n  - {username: admin, password: "{{ vault_admin }}", permissions: "*"}\n', "utf-8"
    )
    return tmp_path


def test_validate_takes_every_recipe(fleet: pathlib.Path) -> None:
    hosts = json.loads((fleet / "hosts.json").read_text("utf-8"))
    assert len(hosts) >= 10
    run = program(
        fleet,
        "ansible-playbook",
        *("-i", "fleet.ini", "pifleet.nodered.validate", *VAULT),
        *("-e", "nodered_report_dir=reports", "-e", "nodered_fail_severity=never"),
    )
    assert run.returncode == 0, run.stdout
    report = json.loads((fleet / "reports/report.json").read_text("utf-8"))
    found = [
        f"{hosts.get(finding['subject'], finding['subject'])}: {finding['message']}"
        for finding in report["findings"]
        if finding["rule"] not in OF_FLEETS
    ]
    assert found == []
    assert {subject["name"] for subject in report["subjects"] if not subject.get("error")} >= set(hosts)


def test_only_variables_of_the_collection_are_named() -> None:
    named = {
        name
        for page in PAGES
        for name in re.findall(r"\bnodered_\w+\b", (PROJECT / page).read_text("utf-8"))
        if not name.endswith("_")
    }
    assert named - known_variables() == set()


def test_ansible_reads_the_inventories(fleet: pathlib.Path) -> None:
    inventories = [recipe.inventory for page in PAGES for recipe in recipes(page) if recipe.inventory]
    assert len(inventories) >= 2
    for text in inventories:
        (fleet / "other.ini").write_text(text, "utf-8")
        done = subprocess.run(
            ["ansible-inventory", "-i", "other.ini", "--list", *VAULT], cwd=fleet, stdout=subprocess.PIPE, check=True
        )
        read = json.loads(done.stdout)
        assert read["nodered"]["hosts"]
        variables = {name for of_host in read["_meta"]["hostvars"].values() for name in of_host}
        assert {name for name in variables if name.startswith("nodered_")} <= known_variables()


def configure(fleet: pathlib.Path) -> None:
    """Write the inventory and the ansible.cfg that the README tells to write."""
    (set_up,) = [recipe for recipe in recipes("README.md") if recipe.configuration]
    (fleet / "fleet.ini").write_text(set_up.inventory, "utf-8")
    (fleet / "ansible.cfg").write_text(set_up.configuration, "utf-8")


def test_the_set_up_of_the_readme_opens_the_vault(fleet: pathlib.Path) -> None:
    configure(fleet)
    (command,) = [command for command in commands("README.md") if command.endswith("pifleet.nodered.validate")]
    run = program(fleet, *shlex.split(command), "-e", "nodered_fail_severity=never")
    assert run.returncode == 0, run.stdout
    (fleet / "ansible.cfg").unlink()
    run = program(fleet, *shlex.split(command), "-e", "nodered_fail_severity=never")
    assert "no vault secrets found" in run.stdout


@pytest.mark.parametrize("page", PAGES)
def test_ansible_takes_the_commands(fleet: pathlib.Path, page: str) -> None:
    configure(fleet)
    taken = set()
    for command in commands(page):
        words = shlex.split(command)
        if words[0] != "ansible-playbook":
            continue
        # Nobody is there to type it.
        words = [word for word in words if word != "-K"]
        run = program(fleet, *words, "--syntax-check")
        assert run.returncode == 0, f"{command}\n{run.stdout}"
        taken.add(command)
    assert len(taken) >= 4
