# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates from ACME servers (RFC 8555): what may be asked for, and whether a host has it."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t
import urllib.parse
from collections.abc import Iterable, Mapping

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certbot_hook import (
    options_digest,
    reasons_to_fetch,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import LineageState
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from . import certificates
from .names import PkiError, desired_names, is_below, is_private

#: Who renews does so when a third of the time is left. With less than this share left, that has been failing.
OVERDUE = 4
_OPTION = re.compile(r"[a-z][a-z0-9-]*")
_CHALLENGE = re.compile(r"standalone|webroot|dns-[a-z0-9-]+")
#: Where public authorities have their directories.
_PUBLIC_DOMAINS = (
    "letsencrypt.org",
    "zerossl.com",
    "pki.goog",
    "buypass.com",
    "buypass.no",
    "ssl.com",
    "sectigo.com",
    "digicert.com",
    "globalsign.com",
    "entrust.net",
    "actalis.com",
)
#: What this collection passes to certbot itself.
_OWN_OPTIONS = frozenset(
    (
        "agree-tos",
        "authenticator",
        "cert-name",
        "config",
        "config-dir",
        "csr",
        "domain",
        "domains",
        "dry-run",
        "email",
        "key-type",
        "elliptic-curve",
        "rsa-key-size",
        "logs-dir",
        "non-interactive",
        "server",
        "staging",
        "test-cert",
        "webroot-path",
        "work-dir",
    )
)


class AcmeError(UserError):
    """What was asked for cannot be, in a sentence for the person who runs the playbook."""


@dataclasses.dataclass(frozen=True)
class DesiredLineage:
    """A certificate that a host should have from an ACME server.

    :ivar configuration: further options of certbot, as `configuration` writes them
    :ivar credentials: the content of the file that a dns- challenge logs in with
    """

    names: tuple[str, ...]
    directory: str
    challenge: str = "standalone"
    webroot: str | None = None
    key_type: str | None = None
    email: str | None = None
    configuration: str = dataclasses.field(default="", repr=False)
    credentials: str | None = dataclasses.field(default=None, repr=False)

    @property
    def arguments(self) -> dict[str, t.Any]:
        """The options of M(pifleet.nodered.host_acme), as far as they are given."""
        values = dataclasses.asdict(self) | {"names": list(self.names)}
        return {name: value for name, value in values.items() if value}


def desired_lineage(
    names: Iterable[str],
    directory: str,
    challenge: str = "standalone",
    webroot: str | None = None,
    key_type: str | None = None,
    email: str | None = None,
    options: Mapping[str, t.Any] | None = None,
    credentials: str | None = None,
) -> DesiredLineage:
    """What was asked for, checked.

    :param names: DNS names; the host's own names are not among them, because no public authority signs `pi.local`
    :param key_type: the type that the key must have; None for any, and for the first of `KEY_TYPES` where one is made
    :param options: further options of certbot by name
    :raises AcmeError: it cannot be fulfilled
    """
    try:
        checked = desired_names(extra=names)
    except PkiError as error:
        raise AcmeError(str(error)) from None
    if not checked.dns:
        raise AcmeError(
            "An ACME server signs DNS names only. Name at least one under which it and the browsers find the"
            " host, such as pi.example.com."
        )
    if checked.ips:
        raise AcmeError(f"Certbot cannot ask for a certificate for the address {checked.ips[0]}: give DNS names only.")
    if not directory.startswith("https://"):
        raise AcmeError(f"The directory of an ACME server is an https:// address, and '{directory}' is not.")
    if not _CHALLENGE.fullmatch(challenge):
        raise AcmeError(
            f"The challenge '{challenge}' is none of standalone, webroot and dns-<plugin> (such as dns-rfc2136)."
        )
    if (challenge == "webroot") != bool(webroot):
        raise AcmeError("The challenge webroot and the web server's folder belong together: set both or none of them.")
    private = next((name for name in checked.dns if "." not in name or is_private(name)), None)
    if private and _is_public(directory):
        raise AcmeError(
            f"No public authority signs {private}, which is not a name of the internet, so {directory} would refuse it. Name"
            " the host in nodered_certificate_names by a domain of your own, use an ACME server of your own"
            " (nodered_acme_directory), or leave nodered_certificate_provider at ca."
        )
    wildcard = next((name for name in checked.dns if name.startswith("*.")), None)
    if wildcard and not challenge.startswith("dns-"):
        raise AcmeError(f"A wildcard such as {wildcard} needs a dns- challenge.")
    if credentials and not challenge.startswith("dns-"):
        raise AcmeError("Credentials are for a dns- challenge only.")
    for text, what in ((email, "email"), (webroot, "webroot")):
        if text and re.search(r'["\s]', text):
            raise AcmeError(f"The {what} has a space or a quote, which certbot's configuration file cannot have.")
    return DesiredLineage(
        checked.dns,
        directory,
        challenge,
        webroot or None,
        key_type,
        email or None,
        configuration(options or {}),
        credentials or None,
    )


def _is_public(directory: str) -> bool:
    """Whether the directory is that of an authority which signs for the internet; others may sign what they like."""
    host = urllib.parse.urlsplit(directory).hostname or ""
    return any(is_below(host, domain) for domain in _PUBLIC_DOMAINS)


def configuration(options: Mapping[str, t.Any]) -> str:
    """Further options of certbot as text of its configuration file, which no list of processes shows.

    :raises AcmeError: an option that the file cannot have or that has a variable of its own; never with its value
    """
    lines = []
    for given, value in sorted(options.items()):
        name = str(given).removeprefix("--").replace("_", "-")
        if not _OPTION.fullmatch(name):
            raise AcmeError(f"'{given}' is not the name of an option of certbot.")
        if name in _OWN_OPTIONS:
            raise AcmeError(f"The option {name} of certbot is set by this collection.")
        if value is None or value is False:
            continue
        text = "true" if value is True else str(value)
        if isinstance(value, (list, dict)) or re.search(r'["\r\n]', text) or text != text.strip() or not text:
            raise AcmeError(f"The value of certbot's option {name} must be one line of text without double quotes.")
        lines.append(f'{name} = "{text}"')
    return "\n".join(lines)


def reasons(
    lineage: LineageState | None,
    installed: str | None,
    desired: DesiredLineage,
    hook: str,
    now: datetime.datetime | None = None,
) -> tuple[list[str], list[str]]:
    """Why a certificate has to be fetched, and why what is there has to be put in place; both empty if all is well.

    :param lineage: `acme` of the host's state
    :param installed: the certificates that the service has (PEM), `certificate.chain` of the host's state
    :param hook: the text of the deploy hook that the host should have
    """
    if not lineage:
        return ["there is no certificate of an ACME server yet"], []
    to_fetch = _reasons_of_certificate(lineage, desired, now or datetime.datetime.now(datetime.UTC))
    to_fetch += reasons_to_fetch(
        lineage,
        desired.directory,
        desired.challenge,
        options_digest(desired.webroot, desired.configuration, desired.credentials),
    )
    to_install = []
    if not to_fetch and (not installed or _fingerprint(installed) != _fingerprint(lineage["chain"])):
        to_install.append("the service has not got the certificate that certbot has fetched")
    if lineage["hook"] != checksum(hook.encode()):
        to_install.append(
            "the hook that hands on renewals differs"
            if lineage["hook"]
            else "the hook that hands on renewals is missing"
        )
    if not lineage["timer"]:
        to_install.append("certbot's timer is not enabled")
    return to_fetch, to_install


def _reasons_of_certificate(lineage: LineageState, desired: DesiredLineage, now: datetime.datetime) -> list[str]:
    try:
        described = certificates.describe(lineage["chain"])
    except PkiError:
        return ["the certificate that certbot has cannot be read"]
    if not lineage["key_matches"]:
        return ["the private key that certbot has does not fit its certificate"]
    start, end = (datetime.datetime.fromisoformat(described[name]) for name in ("not_before", "not_after"))
    if now > end:
        return [f"it expired on {end:%Y-%m-%d}"]
    missing = sorted(set(desired.names) - set(described["dns_names"]))
    # Of those that were asked for: some servers add names of their own.
    superfluous = sorted(set(lineage["names"]) - set(desired.names))
    found_reasons = [f"the DNS name {name} is missing" for name in missing]
    found_reasons += [f"the DNS name {name} is no longer wanted" for name in superfluous]
    if desired.key_type and described["key_type"] != desired.key_type:
        found_reasons.append(f"its key is of the type {described['key_type']}, not {desired.key_type}")
    if end - now < (end - start) / OVERDUE:
        found_reasons.append(f"certbot should have renewed it long ago: it expires on {end:%Y-%m-%d}")
    return found_reasons


def _fingerprint(chain: str) -> str | None:
    try:
        return certificates.fingerprint(chain)
    except PkiError:
        return None
