# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec


class ActionModule(HostAction):
    """Visits the host and keeps what it tells out of every log, while errors stay readable."""

    spec = argument_spec("host_info")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        result = self.look(options, options["details"], options["dependents"], patience=options["patience"])
        # A result's own mark hides it from every callback; `register` still gets it.
        return {"changed": False, **result, "_ansible_no_log": True}
