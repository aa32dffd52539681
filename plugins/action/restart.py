# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import (
    User,
    admin_users,
    first_administrator,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction, host_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._network.owner_login import (
    LoginRefusedError,
    LoginUnprovedError,
    prove_login,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.drop_in import (
    DROP_IN,
    environment_file,
    variable_names,
)


class ActionModule(HostAction):
    """Decides whether Node-RED has to be restarted and proved, from what is known of the host."""

    spec = argument_spec("restart")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        host = host_options(options)
        if options["state"] == "undone":
            return self._undo(host, options["failure"])
        desired = environment_file(options["environment"] or {})
        _check_revoked(options)
        if options["state"] == "checked":
            return {"changed": False, "reasons": []}
        state = self.state(options)
        if options["environment"] is None:
            desired = state["service"]["environment"] or ""
        fingerprint = options["fingerprint"] or self._installed(state, options["https"])
        reasons = self._reasons(state, options, desired, fingerprint)
        if not reasons:
            if not state["exposed"]:
                return {"changed": False, "reasons": []}
            reasons = ["other users of the host may read " + ", ".join(state["exposed"])]
            changed = (
                self.check_mode
                or self.run_module("host_restart", {**host, "operation": "restrict_permissions"})["changed"]
            )
            return {"changed": changed, "reasons": reasons, "diff": self._difference(state, desired, reasons)}
        result = {"changed": True, "reasons": reasons, "diff": self._difference(state, desired, reasons)}
        if self.check_mode:
            return {**result, "transaction": ""}
        service, proof = state["service"], state["proof"]
        owner = first_administrator(admin_users(options["admin_users"])) if options["admin_users"] else None
        # Whether the login itself can be tried from here.
        known = owner is not None and owner.secret.password is not None and options["prove_login"]
        done = self.run_module(
            "host_restart",
            {
                **host,
                "operation": "prove",
                "drop_in": DROP_IN,
                "environment": desired,
                "timeout": options["timeout"],
                "stable": options["stable"],
                "wait_before_restart": service["active"] and reasons == (proof or {}).get("failures"),
                "expected": {
                    "tls": options["https"],
                    "auth": options["admin_auth"],
                    "certificate": fingerprint or None,
                },
                "revoke": options["revoke"],
                "keep_open": known,
                "username": owner.username if owner and not known else None,
            },
        )
        result.update(changed=done["changed"], proof=done["proof"], transaction=done["transaction"], warnings=[])
        if owner and owner.secret.password is None:
            result["warnings"].append(
                f"That {owner.username} can log in was not proved: only a hash of the password is known here."
            )
        elif owner and known:
            result["warnings"] += self._prove_login(host, options, done, owner)
        return result

    def _prove_login(
        self, host: dict[str, t.Any], options: dict[str, t.Any], done: dict[str, t.Any], owner: User
    ) -> list[str]:
        """Let the owner log in, and put everything back when that fails; returns what the user should know."""
        proved = done["proof"]["expected"]
        finish = {
            **host,
            "operation": "commit",
            "transaction": done["transaction"],
            "timeout": options["timeout"],
            "stable": options["stable"],
        }
        warnings = []
        try:
            if proved["admin_root"] is not None and proved["auth"]:
                is_here = self._connection.transport == "local"
                address = str(proved["address"] if is_here or not self.remote_address else self.remote_address)
                prove_login(
                    address, proved, done["served"], owner.username, t.cast(str, owner.secret.password), is_here
                )
        except LoginRefusedError as error:
            try:
                restored = self.run_module("host_restart", {**finish, "operation": "undo"})["restored"]
            except UserError as failure:
                raise UserError(f"{error} {failure}", **failure.details) from None
            end = "The old files are back and the service is as it was before." if restored else "Nothing was put back."
            raise UserError(f"{error} {end}", restored=restored) from None
        except LoginUnprovedError as error:
            warnings.append(f"That {owner.username} can log in was not proved: {error}.")
            finish["username"] = owner.username
        self.run_module("host_restart", finish)
        return warnings

    def _undo(self, host: dict[str, t.Any], failure: dict[str, t.Any]) -> dict[str, t.Any]:
        reason = failure.get("msg", "A task failed.")
        # A restart that failed has put everything back itself.
        if "restored" in failure:
            return {"failed": True, "msg": reason}
        if self.check_mode:
            return {"failed": True, "msg": f"{reason} Nothing was changed."}
        restored = self.run_module("host_restart", {**host, "operation": "undo"})["restored"]
        end = "What had been replaced before is back." if restored else "The host is as it was."
        return {"failed": True, "msg": f"{reason} {end}", "restored": restored}

    @staticmethod
    def _installed(state: dict[str, t.Any], https: bool) -> str:
        chain = state["certificate"]["chain"]
        return certificates.describe(chain.encode("utf-8"))["fingerprint"] if https and chain else ""

    @staticmethod
    def _reasons(state: dict[str, t.Any], options: dict[str, t.Any], desired: str, fingerprint: str) -> list[str]:
        """Why the service has to be restarted and proved."""
        service, proof = state["service"], state["proof"]
        reasons = []
        if options["force"]:
            reasons.append("a restart was asked for")
        if options["revoke"]:
            reasons.append("sessions are to end")
        if options["changed"]:
            reasons.append("files of Node-RED were replaced")
        if state["transaction"]:
            reasons.append("what was replaced has not been proved yet")
        if service["drop_in"] != DROP_IN:
            reasons.append("the service's drop-in file differs")
        if (service["environment"] or "") != desired:
            reasons.append("the service's variables differ")
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
    def _difference(state: dict[str, t.Any], desired: str, reasons: list[str]) -> dict[str, str]:
        """The state of the service, with the names of its variables and without their values."""
        service = state["service"]
        before = [
            f"active: {str(service['active']).lower()}",
            f"enabled: {str(service['enabled']).lower()}",
            *(f"variable: {name}" for name in variable_names(service["environment"] or "")),
            *(f"due: {reason}" for reason in reasons),
        ]
        after = [
            "active: true",
            "enabled: true",
            *(f"variable: {name}" for name in variable_names(desired)),
            "proved: true",
        ]
        return difference(service["name"], "\n".join(before) + "\n", "\n".join(after) + "\n")


def _check_revoked(options: dict[str, t.Any]) -> None:
    """UserError for a name that is no user's: whoever was meant would stay logged in, without a word."""
    names = [user.username for user in admin_users(options["admin_users"])] if options["admin_users"] else []
    for name in options["revoke"]:
        if names and name != "*" and name not in names:
            alike = difflib.get_close_matches(name, names, 1)
            raise UserError(
                f"nodered_revoke_sessions: nobody in nodered_admin_users is called {name}."
                + (f" Is {alike[0]} meant?" if alike else " Who is not in that list cannot use a login any more.")
            )
