# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""X.509 on the control node: the fleet's certificate authority, server certificates, and when to issue a new one.

Works on bytes and objects; files are touched for the directory of the certificate authority only. What others use is
here, where it is made is in the other modules beside. No exception raised here contains key material or a passphrase.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import ipaddress
import typing as t

from .authority import DEFAULT_CA_DAYS, DEFAULT_CA_NAME, CertificateAuthority
from .bundle import Bundle, check_bundle, check_chain
from .ca_certificates import MAX_CA_DAYS
from .name_constraints import permits
from .names import Names, PkiError, common_name, desired_names
from .x509 import (
    BACKDATE,
    MALFORMED,
    MAX_DAYS,
    SECOND,
    as_bytes,
    authority_key_identifier,
    certificates_of,
    check_days,
    check_key,
    date,
    describe_certificate,
    is_issued_by,
    is_self_signed,
    key_usage,
    last_second,
    now_utc,
    pem_of,
    public_bytes,
    sha256_of,
    signature_hash,
    text_of,
    whole_seconds,
)

with contextlib.suppress(ImportError):  # require tells
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = [
    "DEFAULT_CA_DAYS",
    "DEFAULT_CA_NAME",
    "DEFAULT_DAYS",
    "MAX_CA_DAYS",
    "MAX_DAYS",
    "Bundle",
    "CertificateAuthority",
    "Names",
    "PkiError",
    "check_bundle",
    "check_chain",
    "check_validity",
    "common_name",
    "describe",
    "desired_names",
    "fingerprint",
    "fingerprint_for_people",
    "issue",
    "permits",
    "public_key_fingerprint",
    "reasons_to_issue",
]

DEFAULT_DAYS = 397


# ----------------------------------------------------------------------------------------------------------------------
# Server certificates


def issue(
    ca: CertificateAuthority,
    csr_pem: bytes | str,
    names: Names,
    days: int = DEFAULT_DAYS,
    now: datetime.datetime | None = None,
) -> bytes:
    """A server certificate for the public key of a certificate signing request.

    Only the key is taken from the request: the names are the control node's to decide.

    :param csr_pem: PKCS #10
    :param names: at least one
    :param days: validity from now on, 1 to 825. It starts a day in the past, later if the total would exceed 825 days,
        and never ends later than the authority's, see `CertificateAuthority.warning`
    :returns: PEM: the certificate, then the intermediates and cross certificates a server has to send, see
        `CertificateAuthority.sent_with`; never a root
    :raises PkiError: the request cannot be read or is not signed by its own key; browsers would refuse the key or the
        validity; there is no name, or one that the authority may not sign for; the authority has expired, or is not
        valid yet by the control node's clock
    """
    now = whole_seconds(now or now_utc())
    check_days(days, MAX_DAYS, "The validity of a certificate")
    public_key = _requested_key(csr_pem)
    if not names.dns and not names.ips:
        raise PkiError("The certificate would have no name: set at least one DNS name or IP address for the host.")
    ca.check_permits(names)
    issuer = ca.certificate
    if now < issuer.not_valid_before_utc:
        raise PkiError(
            f"The CA is valid from {date(issuer.not_valid_before_utc)} only, and today is {date(now)}: set the clock"
            " of the control node."
        )
    if now > issuer.not_valid_after_utc:
        raise PkiError(
            f"The CA '{text_of(issuer.subject)}' expired on {date(issuer.not_valid_after_utc)}: renew or"
            " replace it, and make every browser trust the new one."
        )
    not_after = min(last_second(now, days), issuer.not_valid_after_utc)
    longest = datetime.timedelta(days=MAX_DAYS) - SECOND
    not_before = max(now - BACKDATE, not_after - longest, issuer.not_valid_before_utc)
    # Browsers look at the alternative names only; RFC 5280 wants those critical when there is nothing else.
    # Without a DNS name, OpenSSL takes an address in the subject for one, and nameConstraints for violated.
    name = common_name(names) if names.dns or not ca.is_constrained else ""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
    usages = ["digital_signature"]
    if isinstance(public_key, rsa.RSAPublicKey):
        usages.append("key_encipherment")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(issuer.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name) for name in names.dns]
                + [x509.IPAddress(ipaddress.ip_address(address)) for address in names.ips]
            ),
            critical=not subject,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(*usages), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(authority_key_identifier(issuer), critical=False)
        .sign(ca.key, signature_hash(ca.key))
    )
    return pem_of(certificate, *ca.sent_with(names, now))


def check_validity(days: int, renew_before_days: int) -> None:
    """Refuse a pair of settings with which every run would issue a new certificate, or that browsers refuse.

    :raises PkiError: `days` is not 1 to 825, or `renew_before_days` not from 0 to less than that
    """
    check_days(days, MAX_DAYS, "The validity of a certificate")
    if not 0 <= renew_before_days < days:
        raise PkiError(
            f"A certificate that is valid for {days} days cannot be renewed {renew_before_days} days before its end:"
            f" set 0 to {days - 1}."
        )


def _requested_key(csr_pem: bytes | str) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    """The public key of a request whose signature proves that the sender has the private key."""
    try:
        csr = x509.load_pem_x509_csr(as_bytes(csr_pem))
        public_key, signed = csr.public_key(), csr.is_signature_valid
    except MALFORMED:
        raise PkiError("The certificate signing request of the host is not PKCS #10 in PEM: make a new one.") from None
    if not signed:
        raise PkiError("The certificate signing request of the host is not signed by its own key: make a new one.")
    return check_key(public_key, "the certificate signing request of the host")


# ----------------------------------------------------------------------------------------------------------------------
# What a certificate is, and whether it will do


def describe(pem: bytes | str) -> dict[str, t.Any]:
    """What a certificate says, for diffs and return values; nothing in it is secret.

    :param pem: PEM; of a chain, the first certificate counts
    :returns: subject and issuer (RFC 4514), dns_names, ip_addresses, not_before and not_after (ISO 8601, UTC), key_type
        (such as `ecdsa-p256` or `rsa-2048`), serial (lower-case hex), fingerprint (see `fingerprint`), self_signed
    :raises PkiError: it cannot be read
    """
    return describe_certificate(certificates_of(as_bytes(pem), "the certificate")[0])


def fingerprint(pem: bytes | str) -> str:
    """The SHA-256 of the first certificate's DER, 64 lower-case hex digits without colons.

    :raises PkiError: it cannot be read
    """
    return sha256_of(certificates_of(as_bytes(pem), "the certificate")[0])


def fingerprint_for_people(digits: str) -> str:
    """A fingerprint as openssl and browsers show it: upper case, with a colon after each two digits.

    :param digits: as `fingerprint` returns it
    """
    return ":".join(digits[start : start + 2] for start in range(0, len(digits), 2)).upper()


def public_key_fingerprint(chain_pem: bytes | str) -> str:
    """The SHA-256 of the first certificate's SubjectPublicKeyInfo in DER, 64 lower-case hex digits without colons.

    Two hosts with the same one have the same private key, as after cloning a card.

    :raises PkiError: it cannot be read, or the key is of an unknown type
    """
    certificate = certificates_of(as_bytes(chain_pem), "the certificate")[0]
    with contextlib.suppress(*MALFORMED):
        return hashlib.sha256(public_bytes(certificate.public_key())).hexdigest()
    raise PkiError("The key of the certificate is of an unknown type: make a new one.")


def reasons_to_issue(
    current_pem: bytes | str | None,
    key_matches: bool | None,
    desired: Names,
    ca_certificate: x509.Certificate | None,
    renew_before_days: int,
    key_type: str | None = None,
    self_signed: bool | None = None,
    now: datetime.datetime | None = None,
    any_issuer: bool = False,
) -> list[str]:
    """Why the certificate a host has will not do, as sentences for a person; empty if it will.

    Only what was asked for counts: a name more than wanted, another key type when none was asked for, or a validity
    other than a new certificate would get is no reason.

    :param current_pem: PEM, the server's certificate first; None or empty if there is none
    :param key_matches: whether the host's private key belongs to it; None if that is not known, which is no reason
    :param ca_certificate: of the authority that should have signed it; None if there is none, see `self_signed`
    :param renew_before_days: how many days before its end it is renewed; not if the authority itself ends then, because
        a new certificate would not last longer
    :param key_type: as `describe` gives it, if one was asked for
    :param self_signed: whether it should be self-signed, by default if `ca_certificate` is None. Without an authority,
        False says that it is yet to be made: then no certificate will do.
    :param any_issuer: whether it does not matter who has signed it, where nobody can tell
    """
    if self_signed is None:
        self_signed = ca_certificate is None
    if self_signed and ca_certificate is not None:
        raise AssertionError("a certificate is self-signed or issued by an authority, not both")
    if not current_pem:
        return ["there is no certificate yet"]
    try:
        certificate = certificates_of(as_bytes(current_pem), "the certificate")[0]
    except PkiError:
        return ["the certificate cannot be read"]
    described = describe_certificate(certificate)
    now = now or now_utc()
    reasons = []
    if key_matches is False:
        reasons.append("the private key does not fit the certificate")
    reasons += _reasons_of_time(certificate, ca_certificate, renew_before_days, now)
    reasons += [f"the DNS name {name} is missing" for name in desired.dns if name not in described["dns_names"]]
    reasons += [f"the IP address {each} is missing" for each in desired.ips if each not in described["ip_addresses"]]
    reasons += [] if any_issuer else _reasons_of_issuer(certificate, ca_certificate, self_signed)
    if key_type is not None and described["key_type"] != key_type:
        reasons.append(f"its key is of the type {described['key_type']}, not {key_type}")
    return reasons


def _reasons_of_time(
    certificate: x509.Certificate,
    ca_certificate: x509.Certificate | None,
    renew_before_days: int,
    now: datetime.datetime,
) -> list[str]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        return [f"it expired on {date(end)}"]
    if now < start:
        return [f"it is not valid before {date(start)}"]
    lasts_as_long_as_possible = ca_certificate is not None and end >= ca_certificate.not_valid_after_utc
    if end - now < datetime.timedelta(days=renew_before_days) and not lasts_as_long_as_possible:
        return [f"it expires in {(end - now).days} days, on {date(end)}"]
    return []


def _reasons_of_issuer(
    certificate: x509.Certificate, ca_certificate: x509.Certificate | None, self_signed: bool
) -> list[str]:
    issuer, own = text_of(certificate.issuer), is_self_signed(certificate)
    if self_signed:
        return [] if own else [f"it was issued by '{issuer}' and should be self-signed"]
    if ca_certificate is None:
        return ["the CA that should issue it does not exist yet"]
    if is_issued_by(certificate, ca_certificate):
        return []
    authority = text_of(ca_certificate.subject)
    if own:
        return [f"it is self-signed and should be issued by '{authority}'"]
    if issuer == authority:
        return [f"it was issued by another CA that is called '{authority}' too"]
    return [f"it was issued by '{issuer}' and should be by '{authority}'"]
