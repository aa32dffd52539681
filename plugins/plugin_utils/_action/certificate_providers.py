# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who certifies a host: each provider knows why a certificate is due, and how the host gets it."""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
import re
import time
import typing as t
import urllib.parse

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certbot_hook import hook
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_follower import digest, follower_files
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
    AcmeResult,
    CertificateResult,
    RequestResult,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    Reader,
    certificate_file,
    challenge_directory,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._network.resolver import addresses_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import acme, certificates, name_constraints
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.bundle import Bundle, check_bundle
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.ca_directory import CaDirectory, refuse_to_forget
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.certificates import public_key_fingerprint
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import (
    Names,
    PkiError,
    common_name,
    desired_names,
    fleet_subtrees,
    parsed_address,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.x509 import KEY_TYPES
from ansible_collections.pifleet.nodered.plugins.plugin_utils._proxy.options import asked_ports, check_provider
from ansible_collections.pifleet.nodered.plugins.plugin_utils._proxy.site import challenge_site

from .answers import Shape
from .base import HostAction, host_certificate, host_options


class Provider:
    """What all of them have in common.

    :ivar names: the names that the certificate should have
    :ivar warnings: what the user has to know whether or not a certificate is due
    """

    #: Whether the host makes the private key, which is then never replaced unless that, or another type, is asked for.
    keeps_key = True
    #: Whether the dates of a certificate depend on the clock of the host.
    uses_host_clock = False
    #: Whether a name may be signed; None for all.
    permits: t.Callable[[str], bool] | None = None

    def __init__(self, action: HostAction, options: dict[str, t.Any], state: dict[str, t.Any]) -> None:
        self.action = action
        self.options = options
        self.state = state
        self.present = state["certificate"]
        self.chain = self.present["chain"].encode("utf-8") if self.present["chain"] else None
        user, settings = state["user"], state["settings"]["path"]
        #: Who is to read the key and the certificates, and where.
        self.reader = (
            Reader.nginx(state["service"]["name"])
            if options["proxy"] == "nginx"
            else Reader(
                os.path.join(os.path.dirname(settings), certificate_file(settings)), user["name"], user["group"]
            )
        )
        self.path = self.reader.path
        self.warnings: list[str] = []
        self.prepare()
        self._check_key()
        self._check_clock()

    @classmethod
    def check_options(cls, options: t.Mapping[str, t.Any]) -> None:
        """Refuse what no host could be certified with.

        :raises UserError: a variable that cannot be, or cannot be beside another one
        """
        asked_names(options)

    def prepare(self) -> None:
        """Check what was asked for, before anything else; sets `names`."""
        self.names = self._desired_names()

    def reasons(self) -> list[str]:
        """Why a certificate is due, as sentences; empty if none is."""
        raise NotImplementedError

    def install(self) -> CertificateResult:
        """Have the host install a certificate; what its module returned, with `chain` and `transaction`."""
        raise NotImplementedError

    @property
    def trusted_file(self) -> str | None:
        """The file with what browsers have to trust, if this control node keeps it."""
        return None

    @property
    def trusted_source(self) -> tuple[str, str]:
        """What gives what browsers have to trust, and SHA-256 of that as browsers show it.

        A file of the control node, with an empty fingerprint because it may yet have to be made; or a variable. Both are empty
        where no authority has to be trusted.
        """
        return self.trusted_file or "", ""

    @property
    def replaces_certbot(self) -> bool:
        """Whether certbot would go on to replace the certificate at its next renewal."""
        return bool(self.state["acme"] and self.state["acme"]["hook"])

    @property
    def replaces_follower(self) -> bool:
        """Whether a certificate from elsewhere on the host would go on to replace this one."""
        return bool(self.state["follower"])

    def all_reasons(self) -> list[str]:
        """Why a certificate, or what renews it, has to change."""
        moves = ["it lies where nobody reads it any more"] if self._has_to_move else []
        reasons = [
            *self.reasons(),
            *moves,
            *(["certbot would replace the certificate"] if self.replaces_certbot else []),
        ]
        return [*reasons, *(follower_reasons(self.state) if self.replaces_follower else [])]

    @property
    def _has_to_move(self) -> bool:
        """Whether the key and the certificate are good, and were read by Node-RED and are to be by nginx, or were by nginx."""
        return self.present["status"] is not None and self.present["path"] != self.path

    def carry_out(self) -> CertificateResult:
        """Have the host do what `all_reasons` asks for; what its module returned."""
        if self._has_to_move and not self.reasons():
            return self._run_module("move", CertificateResult)
        return self.install()

    def warnings_when_due(self, before: dict[str, t.Any] | None, after: dict[str, t.Any] | None) -> list[str]:
        """What to tell when a certificate is due, and not at every run.

        :param before: what the installed certificate says, see `describe`; None without one
        :param after: the same of the one that was installed; None in check mode
        """
        return [*self._other_issuer(before, after), *self._left_out(), *self._hosts_with_same_key()]

    def _check_key(self) -> None:
        """Refuse to go on where the installed key cannot be used: it is never replaced unless that is asked for."""
        present = self.present
        if present["status"] is None or self.options["new_key"] or not self.keeps_key:
            return
        wrong = (
            "no private key" if not present["key"] else "an encrypted private key" if present["key_encrypted"] else None
        )
        if wrong:
            raise UserError(
                f"{present['path']} has {wrong}. Put a good one back, or have a new one made in this run with"
                " nodered_certificate_new_key: true."
            )

    def _check_clock(self) -> None:
        """Warn about a clock that is days away from the control node's, as that of a Pi without network is."""
        days = round((self.state["host"]["clock"] - time.time()) / 86400)
        if not days:
            return
        side = "behind" if days < 0 else "ahead of"
        warning = (
            f"The clock of this host is {abs(days)} days {side} that of the control node. Set it, for example with"
            " timedatectl, and see that the host reaches a time server."
        )
        if self.uses_host_clock:
            raise UserError(f"{warning} The dates of its certificate would be wrong.")
        self.warnings.append(warning)

    def _other_issuer(self, before: dict[str, t.Any] | None, after: dict[str, t.Any] | None) -> list[str]:
        if not before or not after or before["self_signed"] or before["issuer"] == after["issuer"]:
            return []
        return [
            f"The certificate is now one of {after['issuer']}, before it was one of {before['issuer']}. Browsers have to"
            f" trust {self.trusted_file or 'that'}."
        ]

    def _left_out(self) -> list[str]:
        warnings = []
        if self.names.left_out:
            warning = f"Left out of the certificate: {_some(self.names.left_out)}. Only the host itself claims them."
            possible = [name for name in self.names.left_out if self.permits is None or self.permits(name)]
            if possible:
                warning += f" If they are, add to its variables: nodered_certificate_names: [{_some(possible)}]"
            else:
                warning += " The fleet's authority signs none of them either: there is nothing to add."
            warnings.append(warning)
        labels = {name.partition(".")[0] for name in self.names.dns}
        # That a label alone is not signed for is told once, when the authority is made.
        refused = [name for name in self.names.not_permitted if name not in labels]
        if refused:
            warnings.append(
                f"Left out of the certificate: {_some(refused)}. The authority of the fleet signs for"
                " the domains and networks of nodered_ca_permitted alone, so that its key is of no use to a thief. Reach"
                " the host by another of its names."
            )
        return warnings

    def _hosts_with_same_key(self) -> list[str]:
        """A warning when other hosts of this run have the same private key, as after a card was cloned."""
        if not self.chain or self.options["new_key"] or not self.keeps_key:
            return []
        own_name = self.action.task_vars["inventory_hostname"]
        same = []
        with contextlib.suppress(PkiError):
            own = public_key_fingerprint(self.chain)
            for name, certificate in self.action.certificates_of_others().items():
                if certificate["public_key"] == own:
                    same.append(name)
        if not same:
            return []
        return [
            f"{', '.join(same)} has the same private key, as after a card was cloned. Give this host a key of its own"
            f" with -l {own_name} -e nodered_certificate_new_key=true."
        ]

    def confirm_names(self) -> None:
        """Look for evidence of what only the host says that it is called, now that a certificate is due.

        No name that is found so is a reason for a certificate: the resolver is not asked at every run.
        """
        self.names = self._desired_names(confirms=self._is_confirmed)

    def _desired_names(self, confirms: t.Callable[[str], bool] | None = None) -> Names:
        host = self.state["host"]
        return asked_names(
            self.options,
            self.permits,
            hostname=host["hostname"],
            fqdn=host["fqdn"],
            addresses=host["addresses"],
            inventory_name=self.action.task_vars.get("inventory_hostname"),
            remote_address=self.action.remote_address,
            confirms=confirms,
            taken=self._names_of_others(),
            is_here=self.action.is_here,
        )

    def _is_confirmed(self, name: str) -> bool:
        """Whether the resolver of the control node finds the host at this address, or the name where it connects to."""
        addresses = self._addresses_of(name) if parsed_address(name) is None else {name}
        return bool(self._addresses_of(self.action.remote_address or "") & addresses)

    @functools.cached_property
    def _addresses_of(self) -> t.Callable[[str], frozenset[str]]:
        """The same with each name asked for once."""
        return functools.cache(addresses_of)

    def _names_of_others(self) -> t.Iterator[str]:
        """What the other hosts of the inventory are called, and how they are reached."""
        own = self.action.task_vars.get("inventory_hostname")
        for name in self.action.task_vars.get("groups", {}).get("all", ()):
            if name != own:
                label = name.partition(".")[0]
                yield from (name, label, f"{label}.local", self.action.inventory_address(name))

    def _run_module(self, operation: str, shape: type[Shape], **arguments: t.Any) -> Shape:
        # What is not asked for is left out: a key of any type that is there then stays.
        key = {name: self.options[name] for name in ("key_type", "new_key")}
        return self.action.run_module(
            "host_certificate",
            {
                **host_options(self.options),
                **key,
                "operation": operation,
                "proxy": self.options["proxy"] == "nginx",
                **arguments,
            },
            shape,
        )

    def _due(self, authority: CertificateAuthority | None, self_signed: bool, any_issuer: bool = False) -> list[str]:
        reasons = certificates.reasons_to_issue(
            self.chain,
            self.present["key_matches"],
            self.names,
            authority.certificate if authority else None,
            self.options["renew_before"],
            key_type=self.options["key_type"],
            self_signed=self_signed,
            any_issuer=any_issuer,
        )
        return [*reasons, *(["a new key was asked for"] if self.options["new_key"] else [])]


class FleetAuthority(Provider):
    """The certificate authority of the fleet, on the control node or from a vault."""

    @classmethod
    def check_options(cls, options: t.Mapping[str, t.Any]) -> None:
        authority = present_authority(options)
        permits = authority.permits if authority else name_constraints.permits(permitted_subtrees(options))
        names = asked_names(options, permits)
        if authority:
            authority.check_permits(names)

    def prepare(self) -> None:
        self.authority = present_authority(self.options)
        #: Whether the authority is not at hand, and nothing has to be signed.
        self._spared = False
        own = (self.action.task_vars.get("inventory_hostname"), self.action.remote_address)
        self.permits = (
            self.authority.permits
            if self.authority
            else name_constraints.permits(permitted_subtrees(self.options, filter(None, own)))
        )
        self.names = self._desired_names()
        if self.authority:
            # Before anything changes, and in check mode too.
            self.authority.check_permits(self.names)
        else:
            self._spare()
            if not self._spared:
                refuse_to_forget(self.options["ca_dir"])
        if self.authority:
            warnings = [self.authority.warning(self.options["days"])]
            if self.options["ca_permitted"]:
                warnings.append(self.authority.permitted_warning(self.options["ca_permitted"]))
            if self.options["ca_key_type"]:
                warnings.append(self.authority.key_type_warning(self.options["ca_key_type"]))
            if not self.options["ca_certificate"]:
                warnings.append(CaDirectory(self.options["ca_dir"]).exposure())
            self.warnings += [warning for warning in warnings if warning]

    def reasons(self) -> list[str]:
        return [] if self._spared else self._due(self.authority, self_signed=False)

    def _spare(self) -> None:
        """Do without an authority that is not at hand while the certificate does.

        :raises UserError: one is due
        """
        issuer = host_certificate(self.state)["issuer"]
        if not issuer or self.options["ca_new"]:
            return
        due = self._due(None, self_signed=False, any_issuer=True)
        if due:
            self._check_lost([str(self.action.task_vars.get("inventory_hostname"))], issuer, "; ".join(due))
        self._spared = True
        until = t.cast("dict[str, t.Any]", described(self.chain))["not_after"].partition("T")[0]
        self.warnings.append(
            f"{self.options['ca_dir']} holds no certificate authority. Its certificate of {issuer} needs none until"
            f" {self.options['renew_before']} days before {until}; only that it is of your authority could not be checked."
            " Restore that directory from its backup, or set nodered_ca_dir to where it is."
        )

    def install(self) -> CertificateResult:
        if self.authority is None:
            self.authority = self._made()
            # Maybe by another host of this run, with permits that were not known before.
            self.permits = self.authority.permits
            self.confirm_names()
        request = self._run_module("request", RequestResult)["request"]
        chain = certificates.issue(self.authority, request.encode("ascii"), self.names, self.options["days"])
        return self._run_module("install", CertificateResult, chain=chain.decode("ascii"))

    @property
    def trusted_file(self) -> str | None:
        if self.options["ca_certificate"]:
            return None
        return os.path.join(os.path.expanduser(self.options["ca_dir"]), "ca.pem")

    @property
    def trusted_source(self) -> tuple[str, str]:
        if not self.options["ca_certificate"] or self.authority is None:
            return super().trusted_source
        says = certificates.describe(self.authority.certificate_pem)
        fingerprint = certificates.fingerprint_for_people(says["fingerprint"])
        return f"nodered_ca_certificate ({says['subject']})", fingerprint

    def _check_lost(self, names: list[str], issuer: str, due: str = "") -> None:
        """Refuse to go on where hosts have certificates of an authority that is gone, unless a new one is asked for.

        :param due: what it is needed for
        """
        if issuer and not self.options["ca_new"]:
            needed = f", which is needed now ({due})" if due else ""
            raise UserError(
                f"{_some(names)} has a certificate of {issuer}, but {self.options['ca_dir']} holds no certificate"
                f" authority{needed}. Restore that directory from its backup, or set nodered_ca_dir to where it is. If it was"
                " lost or stolen, run once with -e nodered_ca_new=true: a new authority is then made, which every browser has"
                " to trust anew."
            )

    def _made(self) -> CertificateAuthority:
        """The authority of the fleet, made unless another host of this run was faster."""
        others = self.action.certificates_of_others()
        # One new host must not make an authority that all others would have to be trusted for anew. One other host alone
        # could say what it likes, to keep the fleet from its authority.
        certified = [name for name, certificate in others.items() if certificate["issuer"]]
        if len(certified) > 1:
            self._check_lost(certified, others[certified[0]]["issuer"])
        options = self.options
        permitted = self._permitted(each for other in others.values() for each in other["asked"])
        authority = CertificateAuthority.load_or_create(
            options["ca_dir"], options["ca_passphrase"], permitted=permitted, key_type=options["ca_key_type"]
        )
        if authority.created:
            self.warnings.append(
                f"A certificate authority was made in {options['ca_dir']}. Back that folder up, and have browsers"
                f" trust {self.trusted_file}. It signs for the domains and networks of nodered_ca_permitted, which has its"
                " default in docs/certificates.md, and not for names of one label: kitchen.local, not kitchen."
            )
        return authority

    def _permitted(self, asked: t.Iterable[str]) -> list[str]:
        """What a new authority may sign for: as the user says, else what the names of the whole inventory need.

        :param asked: what is asked for in other hosts' certificates, as the control node has evaluated it
        """
        names = filter(None, [*self.action.names_of_inventory(), self.action.remote_address])
        return permitted_subtrees({**self.options, "names": [*self.options["names"], *asked]}, names)


class SelfSigned(Provider):
    """Each host signs for itself, as in a tutorial."""

    uses_host_clock = True

    def reasons(self) -> list[str]:
        return self._due(None, self_signed=True)

    def install(self) -> CertificateResult:
        return self._run_module(
            "self_sign",
            CertificateResult,
            days=self.options["days"],
            subject=common_name(self.names),
            names=[f"DNS:{name}" for name in self.names.dns] + [f"IP:{address}" for address in self.names.ips],
        )


class File(Provider):
    """A certificate and its key from elsewhere, checked before they travel."""

    keeps_key = False

    @classmethod
    def check_options(cls, options: t.Mapping[str, t.Any]) -> None:
        given_bundle(options)

    def prepare(self) -> None:
        options = self.options
        self.bundle = given_bundle(options)
        says = certificates.describe(self.bundle.chain)
        self.names = _names_of(self.bundle.chain)
        days = (datetime.datetime.fromisoformat(says["not_after"]) - datetime.datetime.now(datetime.UTC)).days
        if days < options["renew_before"]:
            self.warnings.append(f"nodered_certificate_chain expires in {days} days. Get a new certificate.")

    def confirm_names(self) -> None:
        """All names are given."""

    def reasons(self) -> list[str]:
        if not self.chain:
            return ["there is no certificate yet"]
        if self.chain.split() != self.bundle.chain.split():
            return ["another certificate or chain is given"]
        return [] if self.present["key_matches"] else ["the private key does not fit the certificate"]

    def install(self) -> CertificateResult:
        return self._run_module(
            "install", CertificateResult, chain=self.bundle.chain.decode("ascii"), key=self.bundle.key.decode("ascii")
        )


class Acme(Provider):
    """An ACME server, which certbot on the host asks."""

    keeps_key = False
    uses_host_clock = True

    @classmethod
    def check_options(cls, options: t.Mapping[str, t.Any]) -> None:
        desired_lineage(options)

    @property
    def replaces_certbot(self) -> bool:
        return False

    def prepare(self) -> None:
        self.desired = desired_lineage(self.options)
        self.names = Names(self.desired.names, ())
        self.hook = hook(self.state["service"]["name"], self.reader)

    def confirm_names(self) -> None:
        """All names are given."""

    def reasons(self) -> list[str]:
        self.fetch, install = acme.reasons(self.state["acme"], self.present["chain"], self.desired, self.hook)
        if self.options["new_key"]:
            self.fetch.append("a new key was asked for")
        return self.fetch + install

    def install(self) -> CertificateResult:
        # The key that certbot has stays, unless another type is asked for.
        lineage = self.state["acme"]
        present = described(lineage["chain"].encode("utf-8")) if lineage else None
        kept = {"key_type": present["key_type"]} if present and present["key_type"] in KEY_TYPES else {}
        arguments = {
            **kept,
            **self.desired.arguments,
            "force": bool(self.fetch),
            "proxy": self.options["proxy"] == "nginx",
            "site": self._challenge_site() or None,
        }
        return self.action.run_module("host_acme", {**host_options(self.options), **arguments}, AcmeResult)

    def _challenge_site(self) -> str:
        """What nginx has to be given before the server asks it; empty for nothing."""
        service = self.state["service"]["name"]
        if not self.fetch or self.desired.webroot != challenge_directory(service):
            return ""
        proxy = self.state["proxy"] or {}
        _https, http = asked_ports(self.options["proxy"], self.options["proxy_ports"])
        return challenge_site(proxy.get("site") or "", service, http, bool(proxy.get("ipv6")), self.desired.names)


class Host(Provider):
    """A certificate that something else on the host renews, such as certbot, tailscale, acme.sh or step."""

    keeps_key = False

    @classmethod
    def check_options(cls, options: t.Mapping[str, t.Any]) -> None:
        asked_names(options)
        source_options(options)
        if options["new_key"]:
            raise UserError(
                "nodered_certificate_new_key: with nodered_certificate_provider host, the private key is made by what"
                " renews the certificate on the host. Have that make another one, for example with `certbot renew"
                " --force-renewal --no-reuse-key` or `step ca rekey`; Node-RED gets it without a run."
            )

    @property
    def replaces_follower(self) -> bool:
        return False

    def prepare(self) -> None:
        self.check_options(self.options)
        self.paths = source_options(self.options)
        self.source = self.state["source"]
        if not source_is_known(self.options, self.state):
            raise UserError("This host does not say what is in nodered_certificate_host_key. Run again.")
        if self.source["problem"]:
            raise UserError(self.source["problem"])
        name = f"nodered_certificate_host_chain ({self.paths['host_chain']})"
        certificates.check_chain(self.source["certificates"], self.options["names"], chain_name=name)
        says = certificates.describe(self.source["certificates"])
        self.names = _names_of(self.source["certificates"])
        start, end = (datetime.datetime.fromisoformat(says[key]) for key in ("not_before", "not_after"))
        if end - datetime.datetime.now(datetime.UTC) < (end - start) / acme.OVERDUE:
            self.warnings.append(
                f"The certificate in {self.paths['host_chain']} expires on {end:%Y-%m-%d}. What renews it on this host"
                " should have done so long ago."
            )

    def confirm_names(self) -> None:
        """All names are in the certificate."""

    def reasons(self) -> list[str]:
        reasons = []
        if not self.chain:
            reasons.append("there is no certificate yet")
        elif self.present["sha256"] != self.source["sha256"]:
            reasons.append("the host has another certificate")
        follower = self.state["follower"]
        files = follower_files(
            self.state["service"]["name"], self.reader, self.paths["host_key"], self.paths["host_chain"]
        )
        if not follower:
            reasons.append("its renewals are not followed yet")
        elif follower["sha256"] != digest(files):
            reasons.append("what follows its renewals differs")
        elif not follower["active"]:
            reasons.append("its renewals are not watched for")
        return reasons

    def install(self) -> CertificateResult:
        return self._run_module("follow", CertificateResult, **self.paths, sha256=self.source["sha256"])


PROVIDERS: dict[str, type[Provider]] = {
    "ca": FleetAuthority,
    "selfsigned": SelfSigned,
    "file": File,
    "acme": Acme,
    "host": Host,
}

#: systemd takes these as they are, or as `follower_files` writes them.
_SOURCE_PATH = re.compile(r"/[\w.@+:,=~*%/-]{1,1000}", re.ASCII)


def source_options(options: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Where the host has the certificate that is to be followed, for its modules; nothing with other providers.

    :param options: with `provider`, `host_key` and `host_chain` as the module certificate takes them
    :raises UserError: a path is missing, or cannot be followed
    """
    if options.get("provider") != "host":
        return {}
    if not options["host_key"] or not options["host_chain"]:
        raise UserError(
            "nodered_certificate_provider is host: set nodered_certificate_host_key and nodered_certificate_host_chain to"
            " the paths on the host of the private key and of the certificate with its intermediates, for example"
            " /etc/letsencrypt/live/NAME/privkey.pem and /etc/letsencrypt/live/NAME/fullchain.pem."
        )
    for option in ("host_key", "host_chain"):
        path = options[option]
        if not _SOURCE_PATH.fullmatch(path) or ".." in path.split("/"):
            raise UserError(
                f"nodered_certificate_{option}: {path!r} must be an absolute path without '..', of letters, digits and"
                " . _ - @ + : , = ~ * % only."
            )
    return {"host_key": options["host_key"], "host_chain": options["host_chain"]}


def source_is_known(options: t.Mapping[str, t.Any], state: t.Mapping[str, t.Any]) -> bool:
    """Whether the host was asked for what is to be followed.

    :param options: as `source_options` takes them
    :param state: what the module host_info returned
    """
    wanted, source = source_options(options), state["source"]
    return not wanted or bool(source and wanted == {"host_key": source["key"], "host_chain": source["chain"]})


def follower_reasons(state: t.Mapping[str, t.Any]) -> list[str]:
    """Why what follows the host's own certificate has to go, where another provider is asked for.

    :param state: what the module host_info returned
    """
    return ["the renewals of the host's own certificate are still followed"] if state["follower"] else []


def described(chain: bytes | None) -> dict[str, t.Any] | None:
    """What a certificate says; None where there is none, or none that can be read."""
    try:
        return certificates.describe(chain) if chain else None
    except PkiError:
        return None


def certificate_provider(action: HostAction, options: dict[str, t.Any], state: dict[str, t.Any]) -> Provider | None:
    """The provider that is asked for, with everything checked; None where a proxy ends TLS.

    :param options: as the module certificate takes them
    :param state: what the module host_info returned
    :raises UserError: what is asked for cannot be done on this host
    """
    check_provider(options["proxy"], options["provider"])
    if options["provider"] == "none":
        return None
    certificates.check_validity(options["days"], options["renew_before"])
    return PROVIDERS[options["provider"]](action, options, state)


def check_options(options: t.Mapping[str, t.Any]) -> None:
    """Refuse what no host could be certified with; nothing is asked of a host.

    :param options: as the module certificate takes them
    :raises UserError: a variable that cannot be, or cannot be beside another one
    """
    check_provider(options["proxy"], options["provider"])
    if options["provider"] != "none":
        PROVIDERS[options["provider"]].check_options(options)


def possible_names(
    options: t.Mapping[str, t.Any], url: str, inventory_name: str, remote_address: str | None
) -> Names | None:
    """The names that the certificate of a host could have; None where only the host knows. Nothing is asked of it.

    :param options: as the module certificate takes them, with a provider
    :param url: where browsers are to find the host
    :param inventory_name: what it is called in the inventory
    :param remote_address: its `ansible_host`, if it has one
    :raises UserError: the certificate cannot be
    """
    if options["provider"] == "host":
        return None
    if options["provider"] == "file":
        return _names_of(given_bundle(options).chain)
    if options["provider"] == "acme":
        return Names(desired_lineage(options).names, ())
    asked = urllib.parse.urlsplit(url).hostname or ""
    # As if the host were called so, and the control node had evidence for it.
    names = asked_names(
        options,
        inventory_name=inventory_name,
        remote_address=remote_address,
        fqdn=asked,
        addresses=[asked],
        confirms=lambda _name: True,
    )
    return names._replace(left_out=())


def asked_names(options: t.Mapping[str, t.Any], permits: t.Callable[[str], bool] | None = None, **host: t.Any) -> Names:
    """The names of a certificate, with those that the user asks for.

    :param permits: whether the authority may sign for a name
    :param host: what is known of the host, as `desired_names` takes it
    :raises UserError: a name that is asked for cannot be
    """
    try:
        return desired_names(extra=options["names"], permits=permits, **host)
    except PkiError as error:
        raise UserError(f"nodered_certificate_names: {error}") from None


def permitted_subtrees(options: t.Mapping[str, t.Any], names: t.Iterable[str] = ()) -> list[str]:
    """What a new authority may sign for, as the user says, else as the names of the inventory need.

    :param names: of the inventory, beside those that the user asks for
    """
    return options["ca_permitted"] or fleet_subtrees(names, options["names"])


def _names_of(chain: bytes) -> Names:
    says = certificates.describe(chain)
    return Names(tuple(says["dns_names"]), tuple(says["ip_addresses"]))


def _some(names: t.Sequence[str], most: int = 10) -> str:
    """Names for a message, which a host could have thousands of."""
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")


def present_authority(options: t.Mapping[str, t.Any]) -> CertificateAuthority | None:
    """The fleet's authority, from a vault or from its directory; None where there is none yet.

    :raises UserError: only half of it is given, or it cannot be read
    """
    certificate, key = options["ca_certificate"], options["ca_key"]
    if (certificate or key) and options.get("ca_new"):
        raise UserError(
            "nodered_ca_new asks for a new certificate authority, but nodered_ca_certificate gives one: leave out one of the"
            " two."
        )
    if certificate and key:
        return CertificateAuthority.from_pem(certificate, key, options["ca_passphrase"])
    if certificate or key:
        raise UserError("nodered_ca_certificate and nodered_ca_key belong together: set both or none of them.")
    return CertificateAuthority.peek(options["ca_dir"], options["ca_passphrase"])


def given_bundle(options: t.Mapping[str, t.Any]) -> Bundle:
    """The certificate and key that the user gives, checked.

    :raises UserError: one is missing, or they cannot be used
    """
    if not options["chain"] or not options["key"]:
        raise UserError(
            "nodered_certificate_provider is file: set nodered_certificate_chain and nodered_certificate_key, both in"
            " PEM, for example with lookup('ansible.builtin.file', ...)."
        )
    return check_bundle(
        options["chain"],
        options["key"],
        options["names"],
        passphrase=options["key_passphrase"],
        chain_name="nodered_certificate_chain",
        key_name="nodered_certificate_key",
        passphrase_option="nodered_certificate_key_passphrase",
    )


def desired_lineage(options: t.Mapping[str, t.Any]) -> acme.DesiredLineage:
    """What certbot is to ask for; where nginx has the port that the server asks, by the directory that its site leads to.

    :raises UserError: it cannot be asked for
    """
    challenge, webroot = options["acme_challenge"], options["acme_webroot"]
    _https, http = asked_ports(options["proxy"], options["proxy_ports"])
    if http and challenge == "webroot":
        raise UserError(
            "nodered_acme_challenge is webroot, but nginx in front of Node-RED answers the ACME server itself. Leave"
            " nodered_acme_challenge and nodered_acme_webroot out, or, where another web server has port 80, set"
            " nodered_proxy_ports: {http: 0}."
        )
    if http and challenge == "standalone" and not webroot:
        challenge, webroot = "webroot", challenge_directory(options["service"])
    return acme.desired_lineage(
        options["names"],
        options["acme_directory"],
        challenge,
        webroot,
        options["key_type"],
        options["acme_email"],
        options["acme_options"],
        options["acme_credentials"],
    )


def installed_fingerprint(state: t.Mapping[str, t.Any]) -> str:
    """SHA-256 of the installed certificate in lower-case hex; empty without one.

    :param state: what the module host_info returned
    :raises PkiError: it cannot be read
    """
    chain = state["certificate"]["chain"]
    return certificates.describe(chain.encode("utf-8"))["fingerprint"] if chain else ""
