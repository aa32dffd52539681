# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
    ModuleResult,
    ProofResult,
    UndoResult,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import DROP_IN
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import HIDDEN
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import (
    User,
    admin_users,
    first_administrator,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction, host_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.certificate_providers import installed_fingerprint
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.revocation import within_reach
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._network.owner_login import (
    LoginRefusedError,
    LoginUnprovedError,
    prove_login,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.drop_in import variable_names
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.restart_reasons import (
    check_options,
    desired_drop_in,
    desired_environment,
    exposure,
    has_login_page,
    restart_reasons,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.listening import listening_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import SettingsSource

#: What drop-in files of this collection have had.
_OF_DROP_IN = re.compile(r"UMask=0[0-7]{3}|AmbientCapabilities=CAP_NET_BIND_SERVICE")


class ActionModule(HostAction):
    """Decides whether Node-RED has to be restarted and proved, from what is known of the host."""

    spec = argument_spec("restart")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        check_options(options)
        state = self.state(options)
        if options["settings_port"] is None and not options["host_info"]:
            # What was handed on may be older than the file.
            options = {**options, "settings_port": _settings_port(state)}
        options, warnings = within_reach(options, state)
        return self._carried_out(options, state, warnings)

    def _carried_out(self, options: dict[str, t.Any], state: dict[str, t.Any], warnings: list[str]) -> dict[str, t.Any]:
        """Restart and prove where that is due.

        :param warnings: what the user has to know in any case
        """
        environment = desired_environment(state, options["environment"])
        fingerprint = options["fingerprint"] or (installed_fingerprint(state) if serves_tls(options) else "")
        reasons = restart_reasons(state, options, environment, fingerprint)
        exposed = exposure(state)
        if not reasons and not exposed:
            return {"changed": False, "reasons": [], "warnings": warnings}
        if not reasons:
            return {**self._without_restart(options, state, environment, exposed), "warnings": warnings}
        shown = [*reasons, exposed] if exposed else reasons
        result = {
            "changed": True,
            "reasons": reasons,
            "diff": [
                _difference(state, environment, shown),
                *_drop_in_difference(state, desired_drop_in(state, options)),
            ],
        }
        if self.check_mode:
            return {**result, "transaction": "", "warnings": warnings}
        done = self._restarted(options, state, environment, fingerprint, reasons)
        return {**result, **done, "warnings": [*warnings, *done["warnings"]]}

    def _without_restart(
        self, options: dict[str, t.Any], state: dict[str, t.Any], environment: str, reason: str
    ) -> dict[str, t.Any]:
        changed = (
            self.check_mode
            or self.run_module(
                "host_restart", {**host_options(options), "operation": "restrict_permissions"}, ModuleResult
            )["changed"]
        )
        return {"changed": changed, "reasons": [reason], "diff": _difference(state, environment, [reason])}

    def _restarted(
        self, options: dict[str, t.Any], state: dict[str, t.Any], environment: str, fingerprint: str, reasons: list[str]
    ) -> dict[str, t.Any]:
        """Restart, prove, and let the owner log in; what the result has of it."""
        proof = state["proof"] or {}
        owner = first_administrator(admin_users(options["admin_users"])) if options["admin_users"] else None
        # Whether the login itself can be tried from here.
        known = options["prove_login"] and owner is not None and owner.secret.password is not None
        done = self.run_module(
            "host_restart",
            {
                **host_options(options),
                "operation": "prove",
                "drop_in": desired_drop_in(state, options),
                "environment": environment,
                "timeout": options["timeout"],
                "stable": options["stable"],
                "watch_minutes": options["watch_minutes"],
                "wait_before_restart": state["service"]["active"] and reasons == proof.get("failures"),
                "expected": {
                    "tls": options["https"],
                    "proxy": options["proxy"] == "nginx",
                    "auth": options["admin_auth"],
                    "login_page": has_login_page(options),
                    "certificate": fingerprint or None,
                },
                "revoke": options["revoke"],
                "keep_open": known,
                "username": owner.username if owner else None,
                "keep_states": options["keep_states"],
            },
            ProofResult,
        )
        warnings = [*done["remarks"]]
        turned_away = done["proof"]["expected"].get("client_certificate", False)
        if turned_away:
            warnings.append(
                "Node-RED turns away everybody who shows no client certificate, as https of settings.js wants it. That was"
                " proved; the logins behind it were not."
            )
        if owner and options["prove_login"] and owner.secret.password is None and not turned_away:
            warnings.append(
                f"That {owner.username} can log in was not proved: only a hash of the password is known here."
            )
        elif owner and known:
            warnings += self._prove_login(options, done, owner)
        return {
            "changed": done["changed"],
            "proof": done["proof"],
            "transaction": done["transaction"],
            "warnings": warnings,
        }

    def _prove_login(self, options: dict[str, t.Any], done: ProofResult, owner: User) -> list[str]:
        """Let the owner log in, and put everything back when that fails; returns what the user should know."""
        proved = done["proof"]["expected"]
        finish = {
            **host_options(options),
            "operation": "commit",
            "transaction": done["transaction"],
            "timeout": options["timeout"],
            "stable": options["stable"],
            "keep_states": options["keep_states"],
        }
        warnings = []
        try:
            if proved["admin_root"] is not None and proved["auth"] and not proved.get("client_certificate"):
                address = str(proved["address"] if self.is_here or not self.remote_address else self.remote_address)
                password = t.cast("str", owner.secret.password)
                prove_login(address, proved, done["served"], owner.username, password, self.is_here)
        except LoginRefusedError as error:
            try:
                restored = self.run_module("host_restart", {**finish, "operation": "undo"}, UndoResult)["restored"]
            except UserError as failure:
                raise UserError(f"{error} {failure}", **failure.details) from None
            end = "The old files are back and the service is as it was before." if restored else "Nothing was put back."
            raise UserError(f"{error} {end}", restored=restored) from None
        except LoginUnprovedError as error:
            warnings.append(f"That {owner.username} can log in was not proved: {error}.")
            finish["username"] = owner.username
        self.run_module("host_restart", finish, ModuleResult)
        return warnings


def serves_tls(options: dict[str, t.Any]) -> bool:
    """Whether the network is answered by TLS, be it by nginx.

    :param options: as the module restart takes them
    """
    return options["https"] or options["proxy"] == "nginx"


def _settings_port(state: dict[str, t.Any]) -> int | None:
    """The port that Node-RED listens on with the settings of the host; None where that is not known."""
    content, proof = state["settings"]["content"], state["proof"]
    if content is None or state["settings"]["in_use"] is not True:
        return None
    if proof and proof["settings"] == state["settings"]["sha256"]:
        return int(proof["expected"]["port"])
    try:
        return listening_of(SettingsSource(content, strict=False), state["overrides"]).port
    except (SettingsError, RecursionError, UnicodeError):
        return None


def _drop_in_difference(state: dict[str, t.Any], desired: str) -> list[dict[str, str]]:
    """The drop-in file of the service, where it is to be another one. What is not of this collection may be a secret."""
    present = state["service"]["drop_in"] or ""
    if present == desired:
        return []
    ours = desired.splitlines()
    shown = [line if line in ours or _OF_DROP_IN.fullmatch(line) else HIDDEN for line in present.splitlines()]
    return [difference(DROP_IN % state["service"]["name"], "".join(f"{line}\n" for line in shown), desired)]


def _difference(state: dict[str, t.Any], environment: str, reasons: list[str]) -> dict[str, str]:
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
        *(f"variable: {name}" for name in variable_names(environment)),
        "proved: true",
    ]
    return difference(service["name"], "\n".join(before) + "\n", "\n".join(after) + "\n")
