# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
    CertificateResult,
    ModuleResult,
    RemovalResult,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import proxy_certificate
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction, host_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.certificate_providers import (
    Provider,
    certificate_provider,
    described,
    follower_reasons,
    source_is_known,
    source_options,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import certificate_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._proxy.options import asked_ports, check_provider


class ActionModule(HostAction):
    """Compares the installed certificate with the desired one, and has the host install another one where it is due."""

    spec = argument_spec("certificate")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        ports = [port for port in asked_ports(options["proxy"], options["proxy_ports"]) if port]
        state = self.state(options, source=source_options(options), proxy_ports=ports)
        check_provider(options["proxy"], options["provider"])
        if options["provider"] == "none":
            return self._without_certificate(options, state)
        if not source_is_known(options, state) or (ports and state["proxy"] is None):
            state = self.state(options, fresh=True, source=source_options(options), proxy_ports=ports)
        provider = t.cast("Provider", certificate_provider(self, options, state))
        before = described(provider.chain)
        reasons = provider.all_reasons()
        result: dict[str, t.Any] = {
            "changed": bool(reasons),
            "reasons": reasons,
            "path": provider.path,
            "fingerprint": before["fingerprint"] if before else "",
            "certificate": before,
        }
        if reasons:
            result.update(self._installed(options, provider, before))
        if result["certificate"]:
            result["names"] = [*result["certificate"]["dns_names"], *result["certificate"]["ip_addresses"]]
        else:
            result["names"] = [*provider.names.dns, *provider.names.ips]
        if provider.trusted_file:
            result["ca_certificate"] = provider.trusted_file
        return {**result, "warnings": [*provider.warnings, *result.get("warnings", ())]}

    def _without_certificate(self, options: dict[str, t.Any], state: dict[str, t.Any]) -> dict[str, t.Any]:
        """The result where a proxy ends TLS: no certificate is given, and none is followed any more.

        One that nginx has read goes back to where settings.js will look for it again.
        """
        moves = state["certificate"]["path"] == proxy_certificate(state["service"]["name"])
        reasons = [*follower_reasons(state), *(["nginx reads it no more"] if moves else [])]
        result = {"changed": bool(reasons), "reasons": reasons, "fingerprint": ""}
        if not reasons:
            return result
        transaction = ""
        if moves and not self.check_mode:
            asked = {**host_options(options), "operation": "move"}
            transaction = self.run_module("host_certificate", asked, CertificateResult)["transaction"]
        if state["follower"] and not self.check_mode:
            transaction = self._forget_source(options)["transaction"]
        return {**result, "transaction": transaction, "replaced": True}

    def _forget_source(self, options: dict[str, t.Any]) -> RemovalResult:
        return self.run_module("host_certificate", {**host_options(options), "operation": "forget"}, RemovalResult)

    def _installed(
        self, options: dict[str, t.Any], provider: Provider, before: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        """Have the host install a certificate, unless in check mode; what the result has of it."""
        provider.confirm_names()
        installed = None if self.check_mode else provider.carry_out()
        if installed and provider.replaces_certbot:
            self.run_module("host_acme", {**host_options(options), "operation": "remove"}, ModuleResult)
        if installed and provider.replaces_follower:
            self._forget_source(options)
        after = described(installed["chain"].encode("ascii")) if installed else None
        transaction = installed["transaction"] if installed else ""
        return {
            "fingerprint": after["fingerprint"] if after else "",
            "certificate": after,
            "diff": certificate_difference(provider.path, before, after, provider.names),
            "transaction": transaction,
            "replaced": bool(transaction) or self.check_mode,
            "warnings": provider.warnings_when_due(before, after),
        }
