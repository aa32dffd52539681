# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction, host_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.certificate_providers import (
    PROVIDERS,
    Provider,
    described,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import certificate_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import PkiError


class ActionModule(HostAction):
    """Compares the installed certificate with the wanted one, and has the host install another one where it is due."""

    spec = argument_spec("certificate")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        if options["provider"] == "none":
            return {"changed": False, "reasons": [], "fingerprint": ""}
        certificates.check_validity(options["days"], options["renew_before"])
        state = self.state(options)
        provider = PROVIDERS[options["provider"]](self, options, state)
        self._check_key(provider)
        clock = self._check_clock(provider)
        found, before = state["certificate"], described(provider.chain)
        reasons = provider.reasons()
        handed_on = bool(state["acme"] and state["acme"]["hook"]) and options["provider"] != "acme"
        if handed_on:
            reasons.append("certbot would replace the certificate")
        result: dict[str, t.Any] = {"changed": bool(reasons), "reasons": reasons, "path": found["path"]}
        if provider.trusted_file:
            result["ca_certificate"] = provider.trusted_file
        after, told = before, []
        if reasons:
            installed = None if self.check_mode else provider.install()
            if handed_on and installed:
                self.run_module("host_acme", {**host_options(options), "operation": "remove"})
            after = described(installed["chain"].encode("ascii")) if installed else None
            result["diff"] = certificate_difference(found["path"], before, after, provider.names)
            result["transaction"] = installed["transaction"] if installed else ""
            result["replaced"] = bool(result["transaction"]) or self.check_mode
            told = [*self._other_issuer(before, after, provider), *self._warnings_of(provider)]
        result["warnings"] = [*provider.warnings, *clock, *told]
        return {**result, "fingerprint": after["fingerprint"] if after else "", "certificate": after}

    @staticmethod
    def _check_key(provider: Provider) -> None:
        """UserError where the installed key cannot be used: it is never replaced unless that is asked for."""
        found = provider.found
        if found["status"] is None or provider.options["new_key"] or not provider.keeps_key:
            return
        wrong = "no private key" if not found["key"] else "an encrypted private key" if found["key_encrypted"] else None
        if wrong:
            raise UserError(
                f"{found['path']} has {wrong}. Put a good one back, or have a new one made in this run with"
                " nodered_certificate_new_key: true."
            )

    @staticmethod
    def _check_clock(provider: Provider) -> list[str]:
        """A warning about a clock that is days away from the control node's, as that of a Pi without network is."""
        days = round((provider.state["host"]["clock"] - time.time()) / 86400)
        if not days:
            return []
        side = "behind" if days < 0 else "ahead of"
        told = (
            f"The clock of this host is {abs(days)} days {side} that of the control node. Set it, for example with"
            " timedatectl, and see that the host reaches a time server."
        )
        if provider.uses_host_clock:
            raise UserError(f"{told} The dates of its certificate would be wrong.")
        return [told]

    def _warnings_of(self, provider: Provider) -> list[str]:
        """What to tell when a certificate is due, and not at every run."""
        names = provider.names
        warnings = []
        if names.left_out:
            warnings.append(
                f"Left out of the certificate: {', '.join(names.left_out)}. Only the host itself says that these are its"
                " own. Add them to nodered_certificate_names if they are."
            )
        if names.not_permitted:
            warnings.append(
                f"Left out of the certificate: {', '.join(names.not_permitted)}. The authority may not sign for them."
            )
        return warnings + self._hosts_with_same_key(provider)

    @staticmethod
    def _other_issuer(before: dict[str, t.Any] | None, after: dict[str, t.Any] | None, provider: Provider) -> list[str]:
        """A warning when another authority signs than before."""
        if not before or not after or before["self_signed"] or before["issuer"] == after["issuer"]:
            return []
        return [
            f"The certificate is now one of {after['issuer']}, before it was one of {before['issuer']}. Browsers have to"
            f" trust {provider.trusted_file or 'that'}."
        ]

    def _hosts_with_same_key(self, provider: Provider) -> list[str]:
        """A warning when other hosts of this run have the same private key, as after a card was cloned."""
        if not provider.chain or provider.options["new_key"] or not provider.keeps_key:
            return []
        hosts_with_same_key = []
        with contextlib.suppress(PkiError):
            own = certificates.public_key_fingerprint(provider.chain)
            for name, state in self.states_of_hosts().items():
                chain = state["certificate"]["chain"]
                if (
                    name != self.task_vars["inventory_hostname"]
                    and chain
                    and certificates.public_key_fingerprint(chain) == own
                ):
                    hosts_with_same_key.append(name)
        if not hosts_with_same_key:
            return []
        return [
            f"{', '.join(hosts_with_same_key)} has the same private key, as after a card was cloned. Give this host a key of its own"
            f" with -l {self.task_vars['inventory_hostname']} -e nodered_certificate_new_key=true."
        ]
