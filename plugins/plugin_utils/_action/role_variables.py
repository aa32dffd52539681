# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of roles as an action reads them: templates evaluated, types checked, defaults filled in."""

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import validated
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.roles import OPTIONS_BY_ROLE, wrong_type
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.variable_names import check_names
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import (
    UnresolvedTemplateError,
    evaluated,
)


def role_variables(task_vars: t.Mapping[str, t.Any], templar: t.Any, *roles: str) -> dict[str, t.Any]:
    """The values of all variables that some roles take.

    :param task_vars: the variables of the host with their templates
    :param templar: Ansible's own, with these variables
    :raises UserError: one is misspelt, has no value, or has another type than its role takes
    """
    check_names(task_vars)
    options = {name: option for role in roles for name, option in OPTIONS_BY_ROLE[role].items()}
    defaults = {name: option.get("default") for name, option in options.items()}
    given: dict[str, t.Any] = {}
    for name, default in defaults.items():
        # Most are there as defaults of roles, which have no templates.
        if name not in task_vars or _is_same(task_vars[name], default):
            continue
        try:
            # Where the whole is left out with `omit`, so is the entry; before ansible-core 2.19 it has a value of its own.
            value = evaluated({"value": task_vars[name]}, templar)
        except UnresolvedTemplateError as error:
            raise UserError(f"{name} has no value: {error}.") from None
        if "value" in value and ("omit" not in task_vars or value["value"] != task_vars["omit"]):
            given[name] = value["value"]
    # All at once, because that is much faster; one after the other only to say which it is.
    if validated({name: options[name] for name in given}, given) is None:
        for name, value in given.items():
            if message := wrong_type(name, value):
                raise UserError(message)
    return {**defaults, **given}


def _is_same(raw: t.Any, default: t.Any) -> bool:
    """Whether a variable, as it was written, has the value of the default."""
    return isinstance(raw, type(default)) and bool(raw == default)
