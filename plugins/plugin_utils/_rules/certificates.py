# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about the certificate that a server shows, from its PEM."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
from collections.abc import Callable, Iterator

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.requirements import is_usable
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Rule, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import PkiError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.x509 import (
    MALFORMED,
    as_bytes,
    certificates_of,
    date,
    describe_certificate,
    is_self_signed,
    text_of,
)

from .base import RuleBook

with contextlib.suppress(ImportError):  # is_usable tells
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

RULES = RuleBook()

#: `pifleet.nodered.secure` renews at 30 days; fewer mean that nobody has run it, or that it could not.
_DAYS_LEFT = 21
_LEAST_RSA = 2048
_LEAST_EC = 256
_MEND = "Run pifleet.nodered.secure, which makes a new one."

EXPIRED = RULES.add(
    "certificate-expired",
    Severity.HIGH,
    "The certificate is not valid today",
    "Browsers warn, and people learn to click warnings away; programs refuse to connect.",
    _MEND,
    "nodered_certificate_renew_before",
)
EXPIRING = RULES.add(
    "certificate-expiring",
    Severity.MEDIUM,
    "The certificate ends within three weeks",
    "A run of pifleet.nodered.secure renews it 30 days before its end. Nothing has done so.",
    _MEND,
    "nodered_certificate_renew_before",
)
WITHOUT_SAN = RULES.add(
    "certificate-without-san",
    Severity.MEDIUM,
    "The certificate has no subject alternative name",
    "Browsers have ignored the common name since 2017 and refuse such a certificate under any name.",
    _MEND,
    "nodered_certificate_names",
)
WEAK_KEY = RULES.add(
    "certificate-weak-key",
    Severity.HIGH,
    "The certificate has a weak key",
    "RSA keys of fewer than 2048 bits and elliptic curves of fewer than 256 can be broken, and browsers refuse them.",
    "Set nodered_certificate_key_type, for example to ecdsa-p256, and run pifleet.nodered.secure, which makes a key of that"
    " type. A certificate that comes from elsewhere (provider file) has to be got anew.",
    "nodered_certificate_key_type",
)
WEAK_SIGNATURE = RULES.add(
    "certificate-weak-signature",
    Severity.MEDIUM,
    "The certificate is signed with SHA-1 or MD5",
    "Signatures over these can be forged, and browsers refuse them.",
    _MEND,
    "nodered_certificate_provider",
)
SELF_SIGNED = RULES.add(
    "certificate-self-signed",
    Severity.LOW,
    "The certificate vouches for itself only",
    "Every browser has to be told to trust each host, so that most people click the warning away, also that of an"
    " attacker between. Suppress this where nodered_certificate_provider is selfsigned on purpose.",
    "Leave nodered_certificate_provider at ca and run pifleet.nodered.secure.",
    "nodered_certificate_provider",
)
UNREADABLE = RULES.add(
    "certificate-unreadable",
    Severity.HIGH,
    "The certificate cannot be read",
    "What stands where the certificate should is none, so that Node-RED ends at its next start, with status 0.",
    _MEND,
    "nodered_certificate_provider",
)


#: What reading a certificate raises that is none.
_UNREADABLE_ERRORS: tuple[type[Exception], ...] = (PkiError, *MALFORMED)


def check_certificate(
    pem: bytes | str, today: datetime.date, find: Callable[[Rule, str], Finding]
) -> Iterator[Finding]:
    """What is wrong with a server's own certificate, the first of a chain.

    :param find: makes a finding of a rule and a message
    """
    if not is_usable("cryptography"):
        return
    try:
        certificate = certificates_of(as_bytes(pem), "the certificate")[0]
        described = describe_certificate(certificate)
    except _UNREADABLE_ERRORS:
        yield find(UNREADABLE, "The certificate cannot be read.")
        return
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if end.date() < today:
        yield find(EXPIRED, f"The certificate expired on {date(end)}.")
    elif start.date() > today:
        yield find(EXPIRED, f"The certificate is not valid before {date(start)}.")
    elif (end.date() - today).days < _DAYS_LEFT and (end - start).days >= 2 * _DAYS_LEFT:
        yield find(EXPIRING, f"The certificate ends on {date(end)}, in {(end.date() - today).days} days.")
    if not described["dns_names"] and not described["ip_addresses"]:
        yield find(
            WITHOUT_SAN, f"The certificate names {text_of(certificate.subject) or 'nobody'} as its subject only."
        )
    if _has_weak_key(certificate):
        yield find(WEAK_KEY, f"The key of the certificate is {described['key_type']}.")
    algorithm = _signature_hash(certificate)
    if is_self_signed(certificate):
        yield find(SELF_SIGNED, "The certificate is self-signed.")
    elif algorithm in ("md5", "sha1"):
        yield find(WEAK_SIGNATURE, f"The certificate is signed with {algorithm}.")


def covers_name(pem: bytes | str, name: str) -> bool:
    """Whether a certificate is valid for a name or an address, by its subject alternative names as browsers read them.

    :raises PkiError: it cannot be read
    """
    described = describe_certificate(certificates_of(as_bytes(pem), "the certificate")[0])
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name)) in described["ip_addresses"]
    desired = name.lower().rstrip(".")
    wildcard = "*." + desired.partition(".")[2]
    return desired in described["dns_names"] or ("." in desired and wildcard in described["dns_names"])


def _has_weak_key(certificate: x509.Certificate) -> bool:
    with contextlib.suppress(*MALFORMED):
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            return key.key_size < _LEAST_RSA
        if isinstance(key, ec.EllipticCurvePublicKey):
            return key.curve.key_size < _LEAST_EC
    return False


def _signature_hash(certificate: x509.Certificate) -> str:
    with contextlib.suppress(*MALFORMED):
        algorithm = certificate.signature_hash_algorithm
        return algorithm.name if algorithm else ""
    return ""
