# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host answers is data: no template, no order to Ansible, and nothing that a log may show.

A program in the place of the host's Python answers each module as a good host would, but for one lie.
"""

from __future__ import annotations

import base64
import json
import pathlib
import re
import typing as t

import pytest
import yaml
from ad_hoc import program
from host_state import HASH, make_state

#: What shows when somebody has evaluated it.
EVALUATED = "seventimes"
JINJA = "{{ 'seven' ~ 'times' }}{{ lookup('pipe', 'touch evaluated') }}"
SECRET = "secret-only-for-tests"
SETTINGS = f"""\
module.exports = {{
    credentialSecret: "{SECRET}",
    flowFile: "{JINJA}",
    httpNodeAuth: {{user: "fred", pass: "{HASH}"}},
}}
""".encode()
FACTS = {
    "ansible_connection": "ssh",
    "ansible_host": "192.0.2.66",
    "ansible_python_interpreter": "/bin/false",
    "ansible_become_exe": "/bin/false",
    "ansible_shell_executable": "/bin/false",
    "ansible_shell_type": "powershell",
    "nodered_ca_dir": JINJA,
    "lied": JINJA,
}
#: What Ansible itself would obey in the answer of a module.
ORDERS: dict[str, t.Any] = {
    "ansible_facts": FACTS,
    "add_host": {"host_name": "planted", "groups": ["planted"], "host_vars": FACTS},
    "add_group": {"group_name": "planted"},
    "_ansible_no_log": False,
    "_ansible_verbose_always": True,
    "ansible_stats": {"data": {"planted": 1}, "aggregate": True, "per_host": False},
    "warnings": [JINJA],
    "exception": f"planted {SECRET}",
    "diff": {"before": SECRET, "after": SECRET},
    "skipped": True,
    "invocation": {"module_args": {"secret": SECRET}},
}
#: By the name of the host: how its answer differs from that of a good one, and whether that is an answer.
LIES: dict[str, tuple[dict[str, t.Any], bool]] = {
    "orders": ({}, True),
    "host-name": ({"host__hostname": JINJA, "host__fqdn": JINJA}, True),
    "path": ({"settings__path": f"/home/{JINJA}", "user_dir__path": f"/home/{JINJA}"}, True),
    "home": ({"user__home": f"/home/{JINJA}", "node_red__path": f"/{JINJA}"}, True),
    "service": ({"service__name": JINJA}, True),
    "version": ({"node_red__version": JINJA}, False),
    "address": ({"host__addresses": [JINJA]}, False),
}
#: Is given the file of a module, and answers what lies beside itself for that module.
LIAR = """#!/bin/sh
module=${1##*AnsiballZ_}
cat "$0-${module%.py}.json"
"""
PLAY: list[dict[str, t.Any]] = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"pifleet.nodered.host_info": {}, "register": "info"},
            {"pifleet.nodered.preflight": {}, "register": "before"},
            {
                "name": "Say what is known",
                "ansible.builtin.debug": {
                    "msg": "known {{ inventory_hostname }}: {{ info.settings.path }} {{ info.host.hostname }}"
                    " {{ info.user.home }} {{ before.host_info.service.name }} {{ ansible_facts }}"
                    " {{ ansible_connection }} {{ lied | default('no lie') }} {{ nodered_ca_dir | default('default') }}"
                    " {{ groups.all | sort }} {{ hostvars | list | sort == groups.all | sort }} {{ groups | list | sort }}"
                },
            },
            {
                "name": "Use what is known",
                "pifleet.nodered.settings": {"host_info": "{{ info }}", "values": {"uiPort": 1881}},
                "check_mode": True,
                "ignore_errors": True,
            },
        ],
    }
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("lies")


@pytest.fixture(scope="module")
def output(folder: pathlib.Path) -> str:
    hosts = {}
    for name, (changes, _taken) in LIES.items():
        orders = ORDERS if name == "orders" else {}
        answers = {
            "host_info": {"changed": False, **make_state(settings__content=SETTINGS, **changes), **orders},
            "host_settings": {"changed": True, "conflict": False, **orders},
        }
        for module, answer in answers.items():
            (folder / f"{name}-{module}.json").write_text(json.dumps(answer), "utf-8")
        liar = folder / name
        liar.write_text(LIAR, "utf-8")
        liar.chmod(0o755)
        hosts[name] = {"ansible_python_interpreter": str(liar)}
    admin = {"username": "admin", "password": SECRET, "permissions": "*"}
    variables = {"ansible_connection": "local", "nodered_admin_users": [admin]}
    (folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": variables}}), "utf-8")
    (folder / "play.yml").write_text(yaml.safe_dump(PLAY), "utf-8")
    return program(folder, "ansible-playbook", "-vvvvv", "--diff", "-i", "inventory.yml", "play.yml").stdout


def known(output: str, name: str) -> str:
    """What the playbook says of a host, with the facts and the connection that it goes on with."""
    said = re.search(rf'(?m)^ +"msg": "known {name}: (.*)"$', output)
    assert said, output
    return said[1]


@pytest.mark.parametrize("name", [name for name, (_changes, taken) in LIES.items() if taken and name != "orders"])
def test_what_a_host_says_is_no_template(output: str, folder: pathlib.Path, name: str) -> None:
    assert JINJA in known(output, name)
    assert EVALUATED not in output
    assert list(folder.rglob("evaluated")) == []


@pytest.mark.parametrize("name", [name for name, (_changes, taken) in LIES.items() if not taken])
def test_what_can_be_no_template_is_refused(output: str, name: str) -> None:
    assert re.search(rf"(?m)^fatal: \[{name}\]: .*\n?.*\n?.*This host answers what", output)
    assert re.search(rf"(?m)^{name} +: ok=0 .* failed=1 ", output)


def test_ansible_takes_no_order_of_a_host(output: str) -> None:
    hosts = sorted(LIES)
    assert known(output, "orders").endswith(f" {{}} local no lie default {hosts} True ['all', 'ungrouped']")
    assert re.search(r"(?m)^orders +: ok=4 .* unreachable=0 +failed=0 +skipped=0 ", output)
    assert "planted" not in output


def test_nothing_that_a_host_says_undoes_what_hides_secrets(output: str) -> None:
    """As talkative as Ansible can be, and with differences."""
    assert "uiPort: 1881" in output
    for secret in (SECRET, base64.b64encode(SETTINGS).decode()[:60], HASH):
        assert secret not in output
