# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import passwords

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "password": {"type": "str", "required": True, "no_log": True},
    "hash": {"type": "str", "no_log": True},
    "cost": {"type": "int", "default": passwords.DEFAULT_COST},
    "compare_cost": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Hashes a password on the control node; see the module of the same name for its documentation."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        # Not ActionBase.validate_argument_spec: its error carries the arguments, whose source lines may be printed.
        validation = ArgumentSpecValidator(ARGUMENT_SPEC).validate(self._task.args)
        if validation.error_messages:
            prefix = "Unsupported parameters: " if validation.unsupported_parameters else ""
            return self._failure(result, prefix + "; ".join(validation.error_messages), task_vars)
        options = validation.validated_parameters
        existing = options["hash"]
        try:
            hash = passwords.desired_hash(options["password"], existing, options["cost"], options["compare_cost"])
        except passwords.PasswordError as error:
            return self._failure(result, str(error), task_vars)
        # A result's own mark hides it from every callback; `register` still gets it.
        result.update(changed=bool(existing) and existing != hash, hash=hash, _ansible_no_log=True)
        return result

    def _failure(self, result: dict[str, t.Any], message: str, task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        result.update(failed=True, msg=message)
        # Callbacks print a failed loop item as a whole, and the password is usually part of it.
        if "ansible_loop_var" in (task_vars or {}):
            self._display.warning(message)
            result["_ansible_no_log"] = True
        return result
