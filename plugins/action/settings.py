# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.settings_change import (
    PlainSettings,
    ServiceSettings,
    SettingsChange,
    SettingsTarget,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.variable_names import check_names
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

#: How often a file that its owner changes while we work is read anew.
ATTEMPTS = 3
#: What the host tells of a file that it has written.
_KEPT = ("transaction", "backup_file", "listening")


class ActionModule(HostAction):
    """Edits settings.js on the control node, and sends it to the host only when a byte differs."""

    spec = argument_spec("settings")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        check_names(self.task_vars)
        target = self._target(options)
        for _attempt in range(ATTEMPTS):
            edit = SettingsChange(target, options)
            outcome: dict[str, t.Any] = {
                "path": target.path,
                "warnings": edit.warnings,
                "listening": edit.listening._asdict(),
            }
            if not edit.is_due:
                return {"changed": False, "changes": [], **outcome}
            # Before the write: a fault in it must not leave a file written.
            diff = edit.diff()
            written = edit.write()
            if written is not None:
                kept = {key: value for key, value in written.items() if key in _KEPT}
                return {
                    "changed": True,
                    "changes": edit.changes,
                    "diff": diff,
                    "transaction": "",
                    **outcome,
                    **kept,
                }
            target.read(fresh=True)
        raise UserError(f"{target.path} was changed {ATTEMPTS} times by somebody else while it was edited.")

    def _target(self, options: dict[str, t.Any]) -> SettingsTarget:
        if not options["path"]:
            return ServiceSettings(self, options)
        for name in ("host_info", "user", "user_dir", "settings_path"):
            if options[name] is not None:
                raise UserError(f"path is for a file that belongs to no service: leave {name} out, or path.")
        return PlainSettings(self, options)
