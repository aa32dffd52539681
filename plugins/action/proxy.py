# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import RemovalResult
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import nginx_site
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction, host_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.proxy_change import ProxyChange, desired_proxy
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec


class ActionModule(HostAction):
    """Decides whether nginx needs another site for Node-RED, and has the host put it in place."""

    spec = argument_spec("proxy")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        desired = desired_proxy(options)
        ports = desired.ports if desired else []
        state = self.state(options, proxy_ports=ports)
        if desired and (state["proxy"] is None or state["proxy"]["version"] is None) and not self.check_mode:
            # It was installed since.
            state = self.state(options, fresh=True, proxy_ports=ports)
        change = ProxyChange(options, state)
        result: dict[str, t.Any] = {"changed": bool(change.reasons), "reasons": change.reasons, "transaction": ""}
        if not change.reasons:
            return result
        result["diff"] = difference(nginx_site(state["service"]["name"]), change.before, change.after)
        if self.check_mode:
            return result
        asked: dict[str, t.Any] = {"authorities": change.authorities}
        if desired:
            asked["site"] = change.after
        done = self.run_module("host_proxy", {**host_options(options), **asked}, RemovalResult)
        return {**result, "transaction": done["transaction"]}
