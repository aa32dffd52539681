# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts that stand above the inventory: refused where a variable of this collection is made of them, else left alone."""

from __future__ import annotations

import re
import typing as t

import pytest
import yaml
from ad_hoc import program

#: A module of the user's that gathers facts, on a host that says what it likes.
GATHER = """\
#!/usr/bin/python
# WANT_JSON
import json, sys
with open(sys.argv[1]) as stream:
    print(json.dumps({"changed": False, "ansible_facts": json.load(stream)["says"]}))
"""
VARIABLES: dict[str, t.Any] = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "/usr/bin/python3",
    "site": "{{ domain }}",
    "shelf": "{{ lookup('vars', 'row') }}",
    "unused": "inventory",
    "nodered_certificate_names": ["x.{{ site }}", "{{ shelf }}.lan", "{{ ansible_facts.hostname | default('y') }}"],
    # Refused where the facts are not.
    "nodered_admin_users": "nobody",
}
PLAY = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"gather": {"says": "{{ facts }}"}}, {"pifleet.nodered.preflight": {}}],
    }
]
#: By the name of the host that says them: its facts, and how the refusal begins.
HIDDEN = "is a variable of the inventory and also a fact of this host"
SAID: dict[str, tuple[dict[str, t.Any], str]] = {
    "group-vars": ({"domain": "google.com"}, f"domain {HIDDEN}"),
    "inventory": ({"site": "google.com"}, f"site {HIDDEN}"),
    "lookup": ({"row": "google"}, f"row {HIDDEN}"),
    "template": ({"shelf": "google", "other": 1}, f"shelf {HIDDEN}"),
    "own-name": ({"nodered_certificate_names": ["google.com"]}, "nodered_certificate_names is a fact of this host"),
    "own-prefix": ({"nodered_anything": 1}, "nodered_anything is a fact of this host"),
    "setup": ({"ansible_hostname": "kitchen", "ansible_domain": "lan"}, "nodered_admin_users"),
    "not-used": ({"unused": "fact"}, "nodered_admin_users"),
    "the-same": ({"domain": "example.org"}, "nodered_admin_users"),
    "of-nobody": ({"free": 1, "ansible_local": {"domain": "google.com"}}, "nodered_admin_users"),
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("facts")
    hosts = {name: {"facts": facts} for name, (facts, _message) in SAID.items()}
    (folder / "library").mkdir()
    (folder / "library/gather.py").write_text(GATHER, "utf-8")
    (folder / "group_vars").mkdir()
    (folder / "group_vars/all.yml").write_text("domain: example.org\nrow: top\n", "utf-8")
    (folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": VARIABLES}}), "utf-8")
    (folder / "play.yml").write_text(yaml.safe_dump(PLAY), "utf-8")
    return program(folder, "ansible-playbook", "-i", "inventory.yml", "play.yml").stdout


@pytest.mark.parametrize("name", SAID)
def test_facts(output: str, name: str) -> None:
    said = re.search(rf'(?m)^fatal: \[{name}\]: .*"msg": "(.*)"', output)
    assert said, output
    assert said[1].startswith(SAID[name][1])
