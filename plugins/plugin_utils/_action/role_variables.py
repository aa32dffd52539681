# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of roles as an action reads them: templates evaluated, types checked, defaults filled in."""

from __future__ import annotations

import typing as t

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
    values = {}
    for name, option in {name: option for role in roles for name, option in OPTIONS_BY_ROLE[role].items()}.items():
        values[name] = option.get("default")
        if name not in task_vars:
            continue
        try:
            # Where the whole is left out with `omit`, so is the entry.
            given = evaluated({"value": task_vars[name]}, templar)
        except UnresolvedTemplateError as error:
            raise UserError(f"{name} has no value: {error}.") from None
        if "value" in given and given["value"] != task_vars.get("omit"):
            values[name] = given["value"]
            if message := wrong_type(name, values[name]):
                raise UserError(message)
    return values
