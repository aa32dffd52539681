# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import UndoResult
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.sentences import of_displaced
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction, host_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec


class ActionModule(HostAction):
    """Puts back what the open transaction has replaced; why it has to, the task that failed has said."""

    spec = argument_spec("rollback")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        # A restart that failed has put everything back itself, and has said what became of it.
        if "restored" in options["failure"]:
            restored = options["failure"]["restored"]
            return _result("The host is as it was." if restored else "That task says what has become of the host.", [])
        if self.check_mode:
            return _result("Nothing was changed.", [])
        # This task would fail for the same reason. Where there was a look before, one had become root, and may have changed
        # something.
        if options["failure"].get("became_root") is False and not options["host_info"]:
            return _result("That task has changed nothing, and nothing was put back.", [])
        # What another run has replaced is not ours to put back.
        if options["host_info"]:
            self.state(options)
        else:
            self._run_seen = ""
        asked = {**host_options(options), "operation": "undo", "timeout": options["timeout"]}
        undone = self.run_module("host_restart", asked, UndoResult)
        message = "The host is as it was."
        if undone["finished"]:
            message = "What this or a former run had changed was proved on the host, and stays."
        elif undone["restored"]:
            message = f"What had been replaced before is back.{of_displaced(map(one_line, undone['displaced']))}"
        return _result(message, undone["restored"])


def _result(message: str, restored: list[str]) -> dict[str, t.Any]:
    return {"changed": bool(restored), "message": message, "restored": restored}
