# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles' variables mean to modules: the same in the table and in the roles' tasks."""

from __future__ import annotations

import pathlib

import pytest
import yaml

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec, validated
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.module_options import (
    ALWAYS,
    OF_KEY,
    UNLESS_EMPTY,
    module_options,
    variables_of,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.roles import (
    OPTIONS_BY_ROLE,
    ROLE_DEFAULTS,
)

ROLES = pathlib.Path(__file__).parents[4] / "roles"
MODULES = {"certificate": "certificate", "settings": "settings", "proxy": "proxy", "restart": "service"}
#: What the tasks of a role hand on beside variables: what was found before, and what other tasks returned.
RESULTS = {"host_info", "changed", "fingerprint", "certificate_names", "settings_port"}
#: The modules that have the option `https`.
WITH_HTTPS = ("settings", "restart")

every_module = pytest.mark.parametrize("module", MODULES)


@every_module
def test_the_tasks_of_the_role_say_the_same(module: str) -> None:
    tasks = yaml.safe_load((ROLES / MODULES[module] / "tasks/main.yml").read_text("utf-8"))
    (task,) = (task for task in tasks if f"pifleet.nodered.{module}" in task)
    templates = {option: text for option, text in task[f"pifleet.nodered.{module}"].items() if option not in RESULTS}
    expected = {option: f"{{{{ {variable} }}}}" for option, variable in ALWAYS[module].items()}
    expected |= {
        option: f"{{{{ {variable} | default(omit, true) }}}}" for option, variable in UNLESS_EMPTY[module].items()
    }
    expected |= {
        option: f"{{{{ {variable}.{key} | default(omit) }}}}"
        for option, (variable, key) in OF_KEY.get(module, {}).items()
    }
    if module in WITH_HTTPS:
        expected["https"] = "{{ nodered_certificate_provider != 'none' and nodered_proxy == 'none' }}"
    if module == "settings":
        expected["https_absent"] = "{{ nodered_certificate_provider == 'none' and nodered_proxy == 'none' }}"
        expected["proxy_path"] = "{{ nodered_proxy_path if nodered_proxy != 'none' else omit }}"
    assert templates == expected


@every_module
def test_every_variable_of_the_role_is_used(module: str) -> None:
    # Of this one it depends which others are given.
    decides = {"nodered_proxy"} if module == "settings" else set()
    assert set(variables_of(module).values()) | decides == set(OPTIONS_BY_ROLE[MODULES[module]])


@every_module
def test_the_defaults_are_options_that_the_module_takes(module: str) -> None:
    assert validated(argument_spec(module), module_options(module, ROLE_DEFAULTS)) is not None


@pytest.mark.parametrize(
    ("settings", "port"),
    [
        ({}, None),
        ({"uiPort": 443}, 443),
        ({"uiPort": "443"}, 443),
        ({"other": 1}, None),
        # Refused as a setting.
        *(({"uiPort": wrong}, None) for wrong in ("process.env.PORT || 1880", "", True, None, [1880], 1.5)),
    ],
)
def test_the_port_is_one_of_the_settings(settings: dict[str, object], port: int | None) -> None:
    assert module_options("restart", {**ROLE_DEFAULTS, "nodered_settings": settings}).get("port") == port


def test_what_is_empty_is_left_out_or_kept() -> None:
    given = {**ROLE_DEFAULTS, "nodered_admin_users": [], "nodered_node_auth": {}, "nodered_session_expiry": 0}
    options = module_options("settings", given)
    assert options["admin_users"] == []
    assert "node_auth" not in options
    assert "session_expiry" not in options
    assert module_options("restart", given)["environment"] == {}


@pytest.mark.parametrize(
    ("provider", "proxy", "https"), [("ca", "none", True), ("none", "none", False), ("ca", "nginx", False)]
)
def test_https_follows_from_provider_and_proxy(provider: str, proxy: str, https: bool) -> None:
    variables = {**ROLE_DEFAULTS, "nodered_certificate_provider": provider, "nodered_proxy": proxy}
    assert module_options("restart", variables)["https"] is https


@pytest.mark.parametrize(("proxy", "path"), [("none", None), ("nginx", "/kitchen")])
def test_a_path_counts_only_with_a_proxy(proxy: str, path: str | None) -> None:
    variables = {**ROLE_DEFAULTS, "nodered_proxy": proxy, "nodered_proxy_path": "/kitchen"}
    assert module_options("settings", variables).get("proxy_path") == path
