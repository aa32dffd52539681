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
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError


class ActionModule(HostAction):
    """Puts back what the open transaction has replaced, and fails with the reason that it is given."""

    spec = argument_spec("rollback")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        failure = options["failure"]
        reason = failure.get("msg", "A task failed.")
        # A restart that failed has put everything back itself.
        if "restored" in failure:
            raise UserError(reason)
        if self.check_mode:
            raise UserError(f"{reason} Nothing was changed.")
        # What another run has replaced is not ours to put back.
        if options["host_info"]:
            self.state(options)
        else:
            self._run_seen = ""
        asked = {**host_options(options), "operation": "undo", "timeout": options["timeout"]}
        try:
            undone = self.run_module("host_restart", asked, UndoResult)
        except UserError as error:
            raise UserError(f"{reason} {error}", **error.details) from None
        end = "The host is as it was."
        if undone["finished"]:
            end = "What this or a former run had changed was proved on the host, and stays."
        elif undone["restored"]:
            end = f"What had been replaced before is back.{of_displaced(map(one_line, undone['displaced']))}"
        raise UserError(f"{reason} {end}", restored=undone["restored"])
