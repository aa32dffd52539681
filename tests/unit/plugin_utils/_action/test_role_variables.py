# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of roles as a run has them: most are the roles' own defaults."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.role_variables import role_variables
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.roles import OPTIONS_BY_ROLE, ROLE_DEFAULTS
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

ROLES = ("certificate", "settings", "proxy", "service")


class CountingTemplar(Templar):
    """Ansible's own, which knows what it was asked for."""

    def __init__(self, variables: dict[str, t.Any]) -> None:
        super().__init__(loader=DataLoader(), variables=variables)
        self.evaluated: list[t.Any] = []

    def template(self, variable: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        self.evaluated.append(variable)
        return super().template(variable, *arguments, **options)


def values(**given: t.Any) -> tuple[dict[str, t.Any], list[t.Any]]:
    """The values of all variables where these are set beside the defaults of all roles, and what was evaluated."""
    variables = {**copy.deepcopy(ROLE_DEFAULTS), **given}
    templar = CountingTemplar(variables)
    return role_variables(variables, templar, *ROLES), templar.evaluated


def test_defaults_of_roles_need_no_templates() -> None:
    found, evaluated = values(nodered_umask="0027")
    assert evaluated == [{"value": "0027"}]
    expected = {name: option.get("default") for role in ROLES for name, option in OPTIONS_BY_ROLE[role].items()}
    assert found == {**expected, "nodered_umask": "0027"}


def test_no_default_has_a_template() -> None:
    """Else what is not set would be taken as it stands."""
    assert "{{" not in repr(ROLE_DEFAULTS)
    assert "{%" not in repr(ROLE_DEFAULTS)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"nodered_certificate_days": "many"}, "nodered_certificate_days"),
        ({"nodered_umask": "0027", "nodered_settings": "flows.json", "nodered_start_timeout": 90}, "nodered_settings"),
        ({"nodered_watch_minutes": {"a": 1}, "nodered_keep_states": "x"}, "nodered_"),
    ],
)
def test_a_value_of_another_type_is_named(given: dict[str, t.Any], named: str) -> None:
    with pytest.raises(UserError, match=rf"^{named}\w* must be "):
        values(**given)


def test_a_variable_without_a_value_is_named() -> None:
    """A line whose entries were made comments. Ansible has null of it, and since 2.19 no variable `omit`."""
    with pytest.raises(UserError, match=r"^nodered_settings must be a mapping\.$"):
        values(nodered_settings=None)
    assert values(nodered_static=None)[0]["nodered_static"] is None


def test_what_is_left_out_has_its_default() -> None:
    assert values(omit="a mark", nodered_settings="a mark")[0]["nodered_settings"] == {}
