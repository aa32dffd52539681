# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils import _pki
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import HOST_OPTIONS, Failure, HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._arguments import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._differences import certificate_difference


class ActionModule(HostAction):
    """Compares the installed certificate with the wanted one, and signs what the host asks for."""

    spec = argument_spec("certificate")
    errors = (_pki.PkiError,)

    def act(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        if options["provider"] == "none":
            return {"changed": False, "reasons": [], "fingerprint": ""}
        _pki.check_validity(options["days"], options["renew_before"])
        state = self.state(options)
        names = self._names(state, options["names"])
        found = state["certificate"]
        chain = found["chain"].encode("ascii") if found["chain"] else None
        before = self._described(chain)
        authority = self._authority(options, create=False)
        if options["provider"] == "ca" and authority is None and before and not before["self_signed"]:
            raise Failure(
                f"This host has a certificate of {before['issuer']}, but {options['ca_dir']} holds no certificate"
                " authority. Restore that folder from its backup, or set nodered_ca_dir to where it is. If it is lost for"
                f" good, remove {found['path']} from the hosts: a new authority is then made, which every browser has to"
                " trust anew."
            )
        self._check_key(found, options)
        clock = self._clock_difference(state)
        if clock and options["provider"] == "selfsigned":
            raise Failure(f"{clock} A certificate that it signs for itself would have wrong dates.")
        reasons = _pki.reasons_to_issue(
            chain, found["key_fits"], names, authority.certificate if authority else None, options["renew_before"],
            self_signed=options["provider"] == "selfsigned")
        if options["new_key"]:
            reasons.append("a new key was asked for")
        result: dict[str, t.Any] = {"changed": bool(reasons), "reasons": reasons, "path": found["path"]}
        if options["provider"] == "ca" and not options["ca_certificate"]:
            result["ca_certificate"] = os.path.join(os.path.expanduser(options["ca_dir"]), "ca.pem")
        warning = authority.warning(options["days"]) if authority else None
        if warning or clock:
            result["warnings"] = [text for text in (warning, clock) if text]
        after = before
        if reasons:
            installed = None if self.check_mode else self._renew(options, names)
            after = self._described(installed["chain"].encode("ascii")) if installed else None
            result["diff"] = certificate_difference(found["path"], before, after, names)
            result["transaction"] = installed["transaction"] if installed else ""
        return {**result, "fingerprint": after["fingerprint"] if after else "", "certificate": after}

    @staticmethod
    def _described(chain: bytes | None) -> dict[str, t.Any] | None:
        """What the certificate says; None where there is none, or none that can be read."""
        with contextlib.suppress(_pki.PkiError):
            return _pki.describe(chain) if chain else None
        return None

    @staticmethod
    def _clock_difference(state: dict[str, t.Any]) -> str | None:
        """What to tell of a host whose clock is days away from the control node's, as that of a Pi without network is."""
        days = round((state["host"]["clock"] - time.time()) / 86400)
        if not days:
            return None
        side = "behind" if days < 0 else "ahead of"
        return (f"The clock of this host is {abs(days)} days {side} that of the control node. Set it, for example with"
                " timedatectl, and see that the host reaches a time server.")

    @staticmethod
    def _check_key(found: dict[str, t.Any], options: dict[str, t.Any]) -> None:
        """Failure where the installed key cannot be used: it is never replaced unless that is asked for."""
        if found["status"] is None or options["new_key"]:
            return
        wrong = "no private key" if not found["key"] else "an encrypted private key" if found["key_encrypted"] else None
        if wrong:
            raise Failure(
                f"{found['path']} has {wrong}. Put a good one back, or have a new one made in this run with"
                " nodered_certificate_new_key: true.")

    def _names(self, state: dict[str, t.Any], extra: list[str]) -> _pki.Names:
        host = state["host"]
        reached = self._play_context.remote_addr
        try:
            return _pki.wanted_names(
                hostname=host["hostname"], fqdn=host["fqdn"], inventory_name=self.task_vars.get("inventory_hostname"),
                addresses=[*host["addresses"], *([reached] if reached else [])], extra=extra)
        except _pki.PkiError as error:
            raise Failure(f"nodered_certificate_names: {error}") from None

    def _authority(self, options: dict[str, t.Any], create: bool) -> _pki.CertificateAuthority | None:
        """The certificate authority, or None where there is none (yet)."""
        if options["provider"] != "ca":
            return None
        given = [options["ca_certificate"], options["ca_key"]]
        if all(given):
            return _pki.CertificateAuthority.from_pem(*given, options["ca_passphrase"])
        if any(given):
            raise Failure("nodered_ca_certificate and nodered_ca_key belong together: set both or none of them.")
        use = _pki.CertificateAuthority.load_or_create if create else _pki.CertificateAuthority.peek
        return use(options["ca_dir"], options["ca_passphrase"])

    def _renew(self, options: dict[str, t.Any], names: _pki.Names) -> dict[str, t.Any]:
        """Have the host make a key where it needs one, and install a certificate for it."""
        host = {name: options[name] for name in (*HOST_OPTIONS, "key_type", "new_key")}
        if options["provider"] == "selfsigned":
            return self.visit("host_certificate", {
                **host, "operation": "self_sign", "days": options["days"], "subject": _pki.common_name(names),
                "names": [f"DNS:{name}" for name in names.dns] + [f"IP:{address}" for address in names.ips],
            })
        request = self.visit("host_certificate", {**host, "operation": "request"})["request"]
        authority = t.cast(_pki.CertificateAuthority, self._authority(options, create=True))
        chain = _pki.issue(authority, request.encode("ascii"), names, options["days"])
        return self.visit("host_certificate", {**host, "operation": "install", "chain": chain.decode("ascii")})
