# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of an authority: how a root is made, renewed and cross-signed, and what ``ca.pem`` may hold."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import secrets
import typing as t
from collections.abc import Iterable, Sequence

from .names import MAX_COMMON_NAME, PkiError
from .x509 import (
    BACKDATE,
    authority_key_identifier,
    check_days,
    check_key,
    extension,
    is_issued_by,
    is_same_authority,
    is_self_signed,
    is_valid_at,
    key_usage,
    last_second,
    new_private_key,
    sentence,
    signature_hash,
    text_of,
    whole_seconds,
)

with contextlib.suppress(ImportError):  # require tells
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import NameOID

if t.TYPE_CHECKING:
    CaKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

MAX_CA_DAYS = 36500

# RFC 5280, 4.2.1.9: how many authorities may follow below a root: its successor, and the successor of that.
_PATH_LENGTH = 2


def new_root(
    common_name: str, days: int, constraints: x509.NameConstraints | None, now: datetime.datetime, key_type: str
) -> tuple[x509.Certificate, CaKey]:
    """A self-signed root that may sign server certificates and its successors, and its key.

    :param common_name: gets a random suffix
    :param days: validity, 1 to 36500
    :param key_type: of its key, one of `KEY_TYPES`
    :raises PkiError: the name, the validity or the type of the key cannot be
    """
    subject = f"{common_name} {secrets.token_hex(4)}"
    if not common_name or len(subject) > MAX_COMMON_NAME:
        raise PkiError(f"The name of the CA must have 1 to {MAX_COMMON_NAME - 9} characters: '{common_name}'.")
    check_days(days, MAX_CA_DAYS, "The validity of the CA")
    key = new_private_key(key_type)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        _builder(name, name, key.public_key(), whole_seconds(now) - BACKDATE, last_second(now, days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=_PATH_LENGTH), critical=True)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(key, signature_hash(key)), key


def renewed(former: x509.Certificate, key: CaKey, days: int, now: datetime.datetime) -> x509.Certificate:
    """Another certificate for the same name and key, with the same extensions.

    :param days: validity from now on, checked already
    """
    builder = _builder(
        former.subject, former.subject, former.public_key(), whole_seconds(now) - BACKDATE, last_second(now, days)
    )
    for each in former.extensions:
        # That of the former may name its serial number.
        same = not isinstance(each.value, x509.AuthorityKeyIdentifier)
        builder = builder.add_extension(each.value if same else authority_key_identifier(former), each.critical)
    return builder.sign(key, signature_hash(key))


def cross_signed(
    root: x509.Certificate, former: x509.Certificate, former_key: CaKey, now: datetime.datetime
) -> tuple[tuple[x509.Certificate, ...], tuple[str, ...]]:
    """The certificate of a new root signed by the former one, none if that may not, and warnings."""
    trust = (
        f"Browsers that trust only that one refuse the certificates that '{text_of(root.subject)}' issues: make them"
        " trust ca.pem before the hosts get new certificates."
    )
    if not is_valid_at(former, now):
        return (), (f"The CA '{text_of(former.subject)}' is not valid today and cannot vouch for the new one. {trust}",)
    limit = extension(former.extensions, x509.BasicConstraints).path_length
    if limit == 0:
        warning = (
            f"The CA '{text_of(former.subject)}' may sign no other CA (its path length is 0) and cannot vouch for the new"
            f" one. {trust}"
        )
        return (), (warning,)
    builder = _builder(
        root.subject,
        former.subject,
        root.public_key(),
        max(root.not_valid_before_utc, former.not_valid_before_utc),
        former.not_valid_after_utc,
    )
    for each in root.extensions:
        value = each.value
        if isinstance(value, x509.BasicConstraints) and limit is not None:
            value = x509.BasicConstraints(ca=True, path_length=min(_PATH_LENGTH, limit - 1))
        builder = builder.add_extension(value, each.critical)
    builder = builder.add_extension(authority_key_identifier(former), critical=False)
    return (builder.sign(former_key, signature_hash(former_key)),), ()


def check_may_sign(certificate: x509.Certificate, name: str) -> None:
    """PkiError where a certificate is not that of an authority; ``name`` says which one, for messages."""
    try:
        public_key = certificate.public_key()
    except UnsupportedAlgorithm:
        raise PkiError(f"{sentence(name)} has a key of an unknown type: use another CA.") from None
    check_key(public_key, name)
    constraints = extension(certificate.extensions, x509.BasicConstraints)
    usage = extension(certificate.extensions, x509.KeyUsage)
    if constraints is None or not constraints.ca or not (usage is None or usage.key_cert_sign):
        raise PkiError(
            f"{sentence(name)} is not that of a CA (basicConstraints CA:TRUE, keyUsage keyCertSign): give one that may"
            " sign other certificates."
        )


def check_order(certificates: Sequence[x509.Certificate], name: str) -> None:
    """PkiError where the certificates of ``ca.pem`` are in an order that says nothing; ``name`` is for messages."""
    for issued, issuer in itertools.pairwise(certificates):
        if not _may_follow(issued, issuer):
            raise PkiError(
                f"Of the certificates in {name}, '{text_of(issued.subject)}' is not signed by the next,"
                f" '{text_of(issuer.subject)}': put the one that belongs to the key first, then the one that signed"
                " it, and so on."
            )


def still_needed(
    root: x509.Certificate, others: Iterable[x509.Certificate], now: datetime.datetime
) -> tuple[x509.Certificate, ...]:
    """What stays in ``ca.pem`` beside a new root: no expired one, no cross certificate for a root that is gone."""
    valid = [each for each in others if now <= each.not_valid_after_utc]
    roots = [root, *filter(is_self_signed, valid)]
    return tuple(
        each for each in valid if each in roots or any(is_same_authority(each, successor) for successor in roots)
    )


def _may_follow(issued: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``ca.pem`` may have them in this order."""
    if not is_self_signed(issued):
        return is_issued_by(issued, issuer)
    # A root ends a chain. Its other certificates may follow, and former roots.
    return is_same_authority(issued, issuer) or is_self_signed(issuer)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: t.Any,
    not_before: datetime.datetime,
    not_after: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
