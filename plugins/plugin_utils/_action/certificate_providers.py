# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who certifies a host: each provider knows why a certificate is due, and how the host gets it."""

from __future__ import annotations

import datetime
import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certbot_hook import hook
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import acme, certificates, name_constraints
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.bundle import check_bundle
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import (
    Names,
    PkiError,
    common_name,
    desired_names,
)
from .base import HostAction, host_options


class Provider:
    """What all of them have in common.

    :ivar names: the names that the certificate should have
    :ivar warnings: what the user has to know whether or not a certificate is due
    """

    #: Whether the host makes the private key, which is then never replaced unless that is asked for.
    keeps_key = True
    #: Whether the dates of a certificate depend on the clock of the host.
    uses_host_clock = False

    def __init__(self, action: HostAction, options: dict[str, t.Any], state: dict[str, t.Any]) -> None:
        self.action = action
        self.options = options
        self.state = state
        self.found = state["certificate"]
        self.chain = self.found["chain"].encode("utf-8") if self.found["chain"] else None
        self.warnings: list[str] = []
        self.prepare()

    def prepare(self) -> None:
        """Check what was asked for, before anything else; sets `names`."""
        self.names = self._wanted_names()

    def reasons(self) -> list[str]:
        """Why a certificate is due, as sentences; empty if none is."""
        raise NotImplementedError

    def install(self) -> dict[str, t.Any]:
        """Have the host install a certificate; what its module returned, with `chain` and `transaction`."""
        raise NotImplementedError

    @property
    def trusted_file(self) -> str | None:
        """The file with what browsers have to trust, if this control node keeps it."""
        return None

    def _wanted_names(self, permits: t.Callable[[str], bool] | None = None) -> Names:
        host, own = self.state["host"], self.action.task_vars.get("inventory_hostname")
        others = self._names_of_others()
        try:
            names = desired_names(
                hostname=host["hostname"] if host["hostname"].lower() not in others else None,
                fqdn=host["fqdn"] if host["fqdn"].lower() not in others else None,
                addresses=[address for address in host["addresses"] if address not in others],
                inventory_name=own,
                extra=self.options["names"],
                remote_address=self.action.remote_address,
                permits=permits,
            )
            taken = others & {host["hostname"].lower(), host["fqdn"].lower(), *host["addresses"]}
            return names._replace(left_out=(*names.left_out, *sorted(taken)))
        except PkiError as error:
            raise UserError(f"nodered_certificate_names: {error}") from None

    def _names_of_others(self) -> set[str]:
        """What the other hosts of the inventory are called: one that calls itself so gets no certificate for it."""
        own = self.action.task_vars.get("inventory_hostname")
        found: set[str] = set()
        for name in self.action.task_vars.get("groups", {}).get("all", ()):
            if name != own:
                label = name.lower().partition(".")[0]
                found |= {name.lower(), label, f"{label}.local", self.action.inventory_address(name)}
        mine = str(own).lower()
        return found - {"", mine, mine.partition(".")[0], f"{mine.partition('.')[0]}.local", self.action.remote_address}

    def _run_module(self, operation: str, **arguments: t.Any) -> dict[str, t.Any]:
        key = {name: self.options[name] for name in ("key_type", "new_key")}
        return self.action.run_module(
            "host_certificate", {**host_options(self.options), **key, "operation": operation, **arguments}
        )

    def _due(self, authority: CertificateAuthority | None, self_signed: bool) -> list[str]:
        reasons = certificates.reasons_to_issue(
            self.chain,
            self.found["key_matches"],
            self.names,
            authority.certificate if authority else None,
            self.options["renew_before"],
            self_signed=self_signed,
        )
        return [*reasons, *(["a new key was asked for"] if self.options["new_key"] else [])]


class FleetAuthority(Provider):
    """The certificate authority of the fleet, on the control node or from a vault."""

    def prepare(self) -> None:
        self.authority = self._authority(create=False)
        if self.authority is None:
            self._check_lost({self.action.task_vars.get("inventory_hostname", "This host"): self.state})
        self.names = self._wanted_names(
            self.authority.permits if self.authority else name_constraints.permits(self.options["ca_permitted"])
        )
        if self.authority:
            warnings = [self.authority.warning(self.options["days"])]
            if self.options["ca_permitted"]:
                warnings.append(self.authority.permitted_warning(self.options["ca_permitted"]))
            self.warnings += [warning for warning in warnings if warning]

    def reasons(self) -> list[str]:
        return self._due(self.authority, self_signed=False)

    def install(self) -> dict[str, t.Any]:
        if self.authority is None:
            # One new host must not make an authority that all others would have to be trusted for anew.
            self._check_lost(self.action.states_of_hosts())
        authority = t.cast(CertificateAuthority, self._authority(create=True))
        if authority.created:
            self.warnings.append(
                f"A certificate authority was made in {self.options['ca_dir']}. Back that folder up, and have browsers"
                f" trust {self.trusted_file}."
            )
        self.names = self._wanted_names(authority.permits)
        request = self._run_module("request")["request"]
        chain = certificates.issue(authority, request.encode("ascii"), self.names, self.options["days"])
        return self._run_module("install", chain=chain.decode("ascii"))

    @property
    def trusted_file(self) -> str | None:
        if self.options["ca_certificate"]:
            return None
        return os.path.join(os.path.expanduser(self.options["ca_dir"]), "ca.pem")

    def _check_lost(self, states: dict[str, dict[str, t.Any]]) -> None:
        """UserError where hosts have certificates of an authority that is gone, unless a new one is asked for."""
        if self.options["ca_new"]:
            return
        for name, state in states.items():
            chain = state["certificate"]["chain"]
            says = described(chain.encode("utf-8")) if chain and not state["acme"] else None
            if says and not says["self_signed"]:
                raise UserError(
                    f"{name} has a certificate of {says['issuer']}, but {self.options['ca_dir']} holds no certificate"
                    " authority. Restore that folder from its backup, or set nodered_ca_dir to where it is. If it was lost"
                    " or stolen, run once with -e nodered_ca_new=true: a new authority is then made, which every browser"
                    " has to trust anew."
                )

    def _authority(self, create: bool) -> CertificateAuthority | None:
        """The authority, or None where there is none (yet)."""
        options = self.options
        given = [options["ca_certificate"], options["ca_key"]]
        if all(given):
            return CertificateAuthority.from_pem(*given, options["ca_passphrase"])
        if any(given):
            raise UserError("nodered_ca_certificate and nodered_ca_key belong together: set both or none of them.")
        if not create:
            return CertificateAuthority.peek(options["ca_dir"], options["ca_passphrase"])
        return CertificateAuthority.load_or_create(
            options["ca_dir"], options["ca_passphrase"], permitted=options["ca_permitted"]
        )


class SelfSigned(Provider):
    """Each host signs for itself, as in a tutorial."""

    uses_host_clock = True

    def reasons(self) -> list[str]:
        return self._due(None, self_signed=True)

    def install(self) -> dict[str, t.Any]:
        return self._run_module(
            "self_sign",
            days=self.options["days"],
            subject=common_name(self.names),
            names=[f"DNS:{name}" for name in self.names.dns] + [f"IP:{address}" for address in self.names.ips],
        )


class File(Provider):
    """A certificate and its key from elsewhere, checked before they travel."""

    keeps_key = False

    def prepare(self) -> None:
        options = self.options
        if not options["chain"] or not options["key"]:
            raise UserError(
                "nodered_certificate_provider is file: set nodered_certificate_chain and nodered_certificate_key, both in"
                " PEM, for example with lookup('ansible.builtin.file', ...)."
            )
        self.bundle = check_bundle(
            options["chain"],
            options["key"],
            options["names"],
            passphrase=options["key_passphrase"],
            chain_name="nodered_certificate_chain",
            key_name="nodered_certificate_key",
            passphrase_option="nodered_certificate_key_passphrase",
        )
        says = certificates.describe(self.bundle.chain)
        self.names = Names(tuple(says["dns_names"]), tuple(says["ip_addresses"]))
        days = (datetime.datetime.fromisoformat(says["not_after"]) - datetime.datetime.now(datetime.timezone.utc)).days
        if days < options["renew_before"]:
            self.warnings.append(f"nodered_certificate_chain expires in {days} days. Get a new certificate.")

    def reasons(self) -> list[str]:
        if not self.chain:
            return ["there is no certificate yet"]
        if self.chain.split() != self.bundle.chain.split():
            return ["another certificate or chain is given"]
        return [] if self.found["key_matches"] else ["the private key does not fit the certificate"]

    def install(self) -> dict[str, t.Any]:
        return self._run_module("install", chain=self.bundle.chain.decode("ascii"), key=self.bundle.key.decode("ascii"))


class Acme(Provider):
    """An ACME server, which certbot on the host asks."""

    keeps_key = False
    uses_host_clock = True

    def prepare(self) -> None:
        options = self.options
        self.desired = acme.desired_lineage(
            options["names"],
            options["acme_directory"],
            options["acme_challenge"],
            options["acme_webroot"],
            options["key_type"],
            options["acme_email"],
            options["acme_options"],
            options["acme_credentials"],
        )
        self.names = Names(self.desired.names, ())
        user, service = self.state["user"], self.state["service"]["name"]
        self.hook = hook(service, user["name"], user["group"], self.found["path"])

    def reasons(self) -> list[str]:
        self.fetch, install = acme.reasons(self.state["acme"], self.found["chain"], self.desired, self.hook)
        if self.options["new_key"]:
            self.fetch.append("a new key was asked for")
        return self.fetch + install

    def install(self) -> dict[str, t.Any]:
        return self.action.run_module(
            "host_acme", {**host_options(self.options), **self.desired.arguments, "force": bool(self.fetch)}
        )


PROVIDERS: dict[str, type[Provider]] = {"ca": FleetAuthority, "selfsigned": SelfSigned, "file": File, "acme": Acme}


def described(chain: bytes | None) -> dict[str, t.Any] | None:
    """What a certificate says; None where there is none, or none that can be read."""
    try:
        return certificates.describe(chain) if chain else None
    except PkiError:
        return None
