# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory that nobody has read may do on the control node: nothing. A file that must not appear tells."""

from __future__ import annotations

import datetime
import pathlib
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from inventory_files import loaded

from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import (
    HostVariables,
    is_incomplete,
    is_stand_in,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._validation.host_checks import check_host

TODAY = datetime.date(2026, 11, 23)
#: Each makes the file canary where it runs.
LOOKUPS = [
    "{{ lookup('pipe', 'touch canary') }}",
    "{{ query('pipe', 'touch canary') }}",
    "{{ q('ansible.builtin.pipe', 'touch canary') }}",
    "{{ (lookup)('pipe', 'touch canary') }}",
    "{% set l = lookup %}{{ l('pipe', 'touch canary') }}",
    "{{ lookup('pipe', 'touch canary', errors='ignore') }}",
    "{{ lookup('pipe', 'touch canary', errors='ignore') | default('x', true) }}",
    "{{ (lookup('pipe', 'touch canary') is defined) | ternary('a', 'b') }}",
    "{{ lookup('vars', 'indirect') }}",
    "{{ lookup('template', 'lookups.j2') }}",
    "{{ indirect }}",
    "{{ nested.list[0] }}",
    "{% for each in [1] %}{{ lookup('pipe', 'touch canary') }}{% endfor %}",
    "{% macro run() %}{{ lookup('pipe', 'touch canary') }}{% endmacro %}{{ run() }}",
    "{% include 'lookups.j2' %}",
    "{% import 'lookups.j2' as found %}{{ found.name }}",
    "{% from 'lookups.j2' import name with context %}{{ name }}",
    "#jinja2: variable_start_string:'[%', variable_end_string:'%]'\n[% lookup('pipe', 'touch canary') %]",
]
#: The same by Python's internals, which only a sandbox keeps from templates; and what is no lookup at all.
INTERNALS = [
    "{{ cycler.__init__.__globals__.os.popen('touch canary').read() }}",
    "{{ (cycler|attr('__init__')|attr('__globals__')).os.popen('touch canary').read() }}",
    "{{ lookup.__globals__ }}{{ lookup.__self__ }}{{ self.__init__.__globals__ }}",
    "{{ lookup|attr('__self__')|attr('_lookup') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() | length }}",
    "{{ self }}",
    "{{ lookup }}",
]


@pytest.fixture
def variables(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., HostVariables]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lookups.j2").write_text("{% set name = lookup('pipe', 'touch canary') %}{{ name }}", "utf-8")

    def of(text: str, lookups: bool = False) -> HostVariables:
        (tmp_path / "vars.yml").write_text(text, "utf-8")
        (tmp_path / "others.yml").write_text(
            "indirect: \"{{ lookup('pipe', 'touch canary') }}\"\nnested: {list: ['{{ indirect }}']}\n", "utf-8"
        )
        raw = {"inventory_hostname": "kitchen", **loaded(tmp_path / "others.yml"), **loaded(tmp_path / "vars.yml")}
        loader = DataLoader()
        loader.set_basedir(str(tmp_path))
        return HostVariables(raw, Templar(loader=loader), "hosts.ini", lookups)

    return of


#: Passwords that nothing is wrong with.
GOOD = """\
nodered_admin_users: [{username: admin, password: "{{ 'correct horse ' ~ 'only-for-tests' }}", permissions: "*"}]
nodered_node_auth: {user: fred, password: "{{ 'battery staple ' ~ 'only-for-tests' }}"}
"""


def yaml_text(template: str) -> str:
    return GOOD + "nodered_settings_path: |-\n" + "".join(f"  {line}\n" for line in template.splitlines())


@pytest.mark.parametrize("template", [*LOOKUPS, *INTERNALS])
def test_nothing_runs(template: str, variables: t.Callable[..., HostVariables], tmp_path: pathlib.Path) -> None:
    host = variables(yaml_text(template))
    check_host("kitchen", host, None, TODAY)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("template", LOOKUPS)
def test_what_needs_a_lookup_is_not_known(template: str, variables: t.Callable[..., HostVariables]) -> None:
    host = variables(yaml_text(template))
    value = host.value("nodered_settings_path")
    assert is_stand_in(value)
    assert not is_incomplete(value)
    assert host.refused == 1
    assert check_host("kitchen", host, None, TODAY) == []


@pytest.mark.parametrize(
    "template", [LOOKUPS[0], LOOKUPS[1], LOOKUPS[4], "{{ indirect }}", "{% include 'lookups.j2' %}"]
)
def test_lookups_run_for_those_who_trust_the_inventory(
    template: str, variables: t.Callable[..., HostVariables], tmp_path: pathlib.Path
) -> None:
    """The same templates would have made the file."""
    host = variables(yaml_text(template), lookups=True)
    assert not is_stand_in(host.value("nodered_settings_path"))
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "text",
    [
        "nodered_certificate_days: L",
        "nodered_certificate_names: L",
        "nodered_certificate_provider: L",
        "nodered_session_expiry: L",
        "nodered_settings: L",
        "nodered_settings: {uiHost: L, uiPort: L, httpNodeRoot: L, https: L}",
        "nodered_settings_js: {adminAuth: L, https: L}",
        "nodered_settings_absent: [L]",
        "nodered_admin_users: L",
        "nodered_admin_users: [{username: L, password: L, permissions: L}]",
        "nodered_admin_users: [{username: admin, password_hash: L, permissions: [L]}]",
        "nodered_admin_default_permissions: L",
        "nodered_node_auth: L",
        "nodered_node_auth: {user: L, password: L}",
        "nodered_static: L",
        "nodered_environment: {HTTPS_PROXY: L}",
        "nodered_credential_secret: L",
    ],
)
def test_a_lookup_is_no_fault(text: str, variables: t.Callable[..., HostVariables]) -> None:
    host = variables(GOOD + text.replace("L", "\"{{ lookup('env', 'ANY') }}\"") + "\n")
    assert check_host("kitchen", host, None, TODAY) == []


def test_what_stands_beside_a_lookup_is_checked(variables: t.Callable[..., HostVariables]) -> None:
    host = variables(
        "nodered_admin_users:\n"
        "  - {username: admin, password: \"{{ lookup('file', 'secret') }}\", permissions: '*'}\n"
        '  - {username: eve, password: "{{ vault_eve }}", permissions: read}\n'
        "nodered_session_expiry: -1\n"
    )
    users = host.value("nodered_admin_users")
    assert [is_stand_in(user["password"]) for user in users] == [True, True]
    assert users[0]["username"] == "admin"
    assert [missing.undefined for missing in host.missing("nodered_admin_users")] == ["vault_eve"]
    found = check_host("kitchen", host, None, TODAY)
    assert [(finding.rule.identifier, finding.location.line) for finding in found] == [
        ("variable-unresolved", 3),
        ("variable-refused", 4),
    ]


def test_lookups_work_again_afterwards(variables: t.Callable[..., HostVariables], tmp_path: pathlib.Path) -> None:
    variables(yaml_text(LOOKUPS[0])).value("nodered_settings_path")
    variables(yaml_text(LOOKUPS[0]), lookups=True).value("nodered_settings_path")
    assert (tmp_path / "canary").exists()
