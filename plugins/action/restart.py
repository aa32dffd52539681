# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils import _pki
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import HostAction, where
from ansible_collections.pifleet.nodered.plugins.plugin_utils._arguments import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._differences import difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._drop_in import DropInError, drop_in, variable_names


class ActionModule(HostAction):
    """Decides whether Node-RED has to be restarted and proved, from what is known of the host."""

    spec = argument_spec("restart")
    errors = (_pki.PkiError, DropInError)

    def act(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        host = where(options)
        if options["state"] == "undone":
            return self._undo(host, options["failure"])
        wanted = drop_in(options["environment"] or {})
        if options["state"] == "checked":
            return {"changed": False, "reasons": []}
        state = self.state(options)
        if options["environment"] is None:
            wanted = state["service"]["drop_in"] or wanted
        fingerprint = options["fingerprint"] or self._installed(state, options["https"])
        reasons = self._reasons(state, options, wanted, fingerprint)
        if not reasons:
            if not state["exposed"]:
                return {"changed": False, "reasons": []}
            reasons = ["other users of the host may read " + ", ".join(state["exposed"])]
            changed = self.check_mode or self.visit("host_restart", {**host, "operation": "protect"})["changed"]
            return {"changed": changed, "reasons": reasons, "diff": self._difference(state, wanted, reasons)}
        result = {"changed": True, "reasons": reasons, "diff": self._difference(state, wanted, reasons)}
        if self.check_mode:
            return {**result, "transaction": ""}
        service, proof = state["service"], state["proof"]
        done = self.visit("host_restart", {
            **host, "operation": "prove", "drop_in": wanted, "timeout": options["timeout"],
            "stable": options["stable"], "wait_first": service["active"] and reasons == (proof or {}).get("failures"),
            "expected": {"tls": options["https"], "auth": options["admin_auth"],
                         "certificate": fingerprint or None},
        })
        return {**result, "changed": done["changed"], "proof": done["proof"], "transaction": done["transaction"]}

    def _undo(self, host: dict[str, t.Any], failure: dict[str, t.Any]) -> dict[str, t.Any]:
        reason = failure.get("msg", "A task failed.")
        # A restart that failed has put everything back itself.
        if "restored" in failure:
            return {"failed": True, "msg": reason}
        if self.check_mode:
            return {"failed": True, "msg": f"{reason} Nothing was changed."}
        restored = self.visit("host_restart", {**host, "operation": "undo"})["restored"]
        end = "What had been replaced before is back." if restored else "The host is as it was."
        return {"failed": True, "msg": f"{reason} {end}", "restored": restored}

    @staticmethod
    def _installed(state: dict[str, t.Any], https: bool) -> str:
        chain = state["certificate"]["chain"]
        return _pki.describe(chain.encode("utf-8"))["fingerprint"] if https and chain else ""

    @staticmethod
    def _reasons(state: dict[str, t.Any], options: dict[str, t.Any], wanted: str, fingerprint: str) -> list[str]:
        """Why the service has to be restarted and proved."""
        service, proof = state["service"], state["proof"]
        reasons = []
        if options["force"]:
            reasons.append("a restart was asked for")
        if options["changed"]:
            reasons.append("files of Node-RED were replaced")
        if state["transaction"]:
            reasons.append("an earlier run was interrupted before it could prove its changes")
        if service["drop_in"] != wanted:
            reasons.append("the service's drop-in file differs")
        if service["reload_needed"]:
            reasons.append("systemd has not read the service's files since they were changed")
        if not service["active"]:
            reasons.append("the service does not run")
        if not service["enabled"]:
            reasons.append("the service is not enabled")
        if proof is None:
            reasons.append("the service was never proved")
            return reasons
        reasons += proof["failures"]
        expected = proof["expected"]
        if proof["settings"] != state["settings"]["sha256"]:
            reasons.append("settings.js was edited since the service was proved")
        if fingerprint and expected["certificate"] != fingerprint:
            reasons.append("the service was proved with another certificate")
        for option, name in (("https", "tls"), ("admin_auth", "auth")):
            if options[option] and not expected[name]:
                reasons.append(f"the service was proved without {name}")
        return reasons

    @staticmethod
    def _difference(state: dict[str, t.Any], wanted: str, reasons: list[str]) -> dict[str, str]:
        """The state of the service, with the names of its variables and without their values."""
        service = state["service"]
        before = [
            f"active: {str(service['active']).lower()}",
            f"enabled: {str(service['enabled']).lower()}",
            *(f"variable: {name}" for name in variable_names(service["drop_in"] or "")),
            *(f"due: {reason}" for reason in reasons),
        ]
        after = ["active: true", "enabled: true", *(f"variable: {name}" for name in variable_names(wanted)), "proved: true"]
        return difference(service["name"], "\n".join(before) + "\n", "\n".join(after) + "\n")
