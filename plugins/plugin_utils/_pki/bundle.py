# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate and key that the user brings along: whether browsers will accept them, said before any host gets them."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import itertools
import re
import typing as t
from collections.abc import Iterable

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.requirements import require

from .names import PkiError, covers, normalized
from .x509 import (
    MALFORMED,
    as_bytes,
    certificates_of,
    check_key,
    date,
    extension,
    is_issued_by,
    is_self_signed,
    names_of,
    now_utc,
    pem_of,
    pem_of_key,
    private_keys,
    public_bytes,
    sentence,
    text_of,
)

with contextlib.suppress(ImportError):  # require tells
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")
_HASHES = ("sha256", "sha384", "sha512")


@dataclasses.dataclass(frozen=True)
class Bundle:
    """What a host gets, each in PEM.

    :ivar chain: the server's certificate, then those that signed it, each signed by the next; no root
    :ivar key: its private key as unencrypted PKCS #8
    """

    chain: bytes
    key: bytes = dataclasses.field(repr=False)


def check_bundle(
    chain_pem: bytes | str,
    key_pem: bytes | str,
    desired: Iterable[str],
    now: datetime.datetime | None = None,
    passphrase: str | None = None,
    chain_name: str = "the certificate file",
    key_name: str = "the key file",
    passphrase_option: str = "nodered_certificate_key_passphrase",
) -> Bundle:
    """What a host needs of a certificate and key from elsewhere, once it is sure that browsers will accept them.

    A root in the chain, and a certificate that is there twice, are left out: nobody needs them. How long it is valid is
    not limited, its issuer decided that. Whether browsers trust that issuer is not known here.

    :param chain_pem: PEM: the server's certificate, then those that signed it
    :param key_pem: PEM: PKCS #8, PKCS #1 or SEC 1
    :param desired: DNS names and IP addresses; each must be among its subject alternative names, or covered by a
        wildcard there (RFC 6125, 6.4.3)
    :param now: aware; default: the clock
    :param passphrase: of the key; None if it is not encrypted
    :param chain_name: for messages, such as the path; so is `key_name`
    :param passphrase_option: where the user sets the passphrase, for messages
    :raises PkiError: anything that makes it unusable, and what to do
    """
    require("cryptography")
    chain_text, key_text = as_bytes(chain_pem), as_bytes(key_pem)
    now = now or now_utc()
    certificates = _chain(chain_text, chain_name)
    key = _key(key_text, passphrase, key_name, passphrase_option)
    _check_fits(certificates, key, chain_name, key_name)
    sent = _checked(certificates, desired, now, chain_name)
    return Bundle(pem_of(*sent), pem_of_key(key, None))


def check_chain(
    chain_pem: bytes | str, desired: Iterable[str], now: datetime.datetime | None = None, chain_name: str = "the file"
) -> None:
    """The same without the key, which another one has seen to fit the first certificate.

    :raises PkiError: anything that makes it unusable, and what to do
    """
    require("cryptography")
    _checked(_chain(as_bytes(chain_pem), chain_name), desired, now or now_utc(), chain_name)


def _checked(
    certificates: list[x509.Certificate], desired: Iterable[str], now: datetime.datetime, name: str
) -> list[x509.Certificate]:
    """The certificates that a server has to send."""
    leaf = certificates[0]
    _check_order(certificates, name)
    sent = [leaf, *(each for each in certificates[1:] if not is_self_signed(each))]
    _check_leaf(leaf, name)
    for each in sent:
        _check_time(each, now, name)
        _check_key(each, name)
        _check_signature(each, name)
    _check_names(leaf, desired, name)
    return sent


def _chain(pem: bytes, name: str) -> list[x509.Certificate]:
    texts = _CERTIFICATE.findall(pem)
    if not texts:
        content = "a private key" if b"PRIVATE KEY-----" in pem else "none"
        raise PkiError(
            f"{sentence(name)} has no certificate in PEM, but {content}: give the server's certificate followed by its"
            " intermediates, '-----BEGIN CERTIFICATE-----' each. 'openssl x509 -inform DER' and 'openssl pkcs12'"
            " convert other formats."
        )
    certificates: list[x509.Certificate] = []
    for number, text in enumerate(texts, start=1):
        (certificate,) = certificates_of(text, f"certificate {number} of {len(texts)} in {name}")
        if certificate not in certificates:
            certificates.append(certificate)
    return certificates


def _key(pem: bytes, passphrase: str | None, name: str, option: str) -> t.Any:
    if b"PRIVATE KEY-----" not in pem:
        content = "a certificate" if _CERTIFICATE.search(pem) else "none"
        raise PkiError(f"{sentence(name)} has no private key in PEM, but {content}: give the key of the certificate.")
    keys = private_keys(pem, passphrase, name, option)
    if len(keys) > 1:
        raise PkiError(
            f"{sentence(name)} has {len(keys)} private keys: give a file with the one that belongs to the certificate."
        )
    return keys[0]


def _check_fits(certificates: list[x509.Certificate], key: t.Any, chain_name: str, key_name: str) -> None:
    desired = public_bytes(key.public_key())
    for certificate in certificates:
        with contextlib.suppress(*MALFORMED):
            if public_bytes(certificate.public_key()) != desired:
                continue
            if certificate == certificates[0]:
                return
            raise PkiError(
                f"The certificates in {chain_name} are in the wrong order: the key fits"
                f" '{text_of(certificate.subject)}', which has to come first, then the one that signed it, and so on."
            )
    raise PkiError(
        f"The key in {key_name} does not fit '{text_of(certificates[0].subject)}' in {chain_name}: give the key with"
        " which that certificate was requested."
    )


def _check_order(certificates: list[x509.Certificate], name: str) -> None:
    for issued, issuer in itertools.pairwise(certificates):
        if not is_issued_by(issued, issuer):
            raise PkiError(
                f"The certificates in {name} are in the wrong order, or one is missing: '{text_of(issued.subject)}' is"
                f" signed by '{text_of(issued.issuer)}', but '{text_of(issuer.subject)}' follows. Put the server's"
                " first, then the one that signed it, and so on, and no others."
            )
        constraints = extension(issuer.extensions, x509.BasicConstraints)
        if constraints is None or not constraints.ca:
            raise PkiError(
                f"In {name}, '{text_of(issuer.subject)}' signed '{text_of(issued.subject)}', but is not that of a CA"
                " (basicConstraints CA:TRUE): browsers refuse what it signed. Get a certificate from a CA."
            )


def _check_leaf(leaf: x509.Certificate, name: str) -> None:
    constraints = extension(leaf.extensions, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise PkiError(
            f"The first certificate in {name}, '{text_of(leaf.subject)}', is that of a CA (basicConstraints CA:TRUE),"
            " not that of a server: have it sign one for the server, or request one with CA:FALSE."
        )
    purposes = extension(leaf.extensions, x509.ExtendedKeyUsage)
    if purposes is not None and ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        raise PkiError(
            f"The certificate in {name} is not for servers (extendedKeyUsage without serverAuth): request one for a web"
            " server."
        )
    usage = extension(leaf.extensions, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        raise PkiError(
            f"The key of the certificate in {name} may not sign (keyUsage without digitalSignature), which TLS needs:"
            " request one for a web server."
        )


def _check_time(certificate: x509.Certificate, now: datetime.datetime, name: str) -> None:
    what = f"The certificate '{text_of(certificate.subject)}' in {name}"
    if now > certificate.not_valid_after_utc:
        raise PkiError(f"{what} expired on {date(certificate.not_valid_after_utc)}: get a new one.")
    if now < certificate.not_valid_before_utc:
        raise PkiError(
            f"{what} is not valid before {date(certificate.not_valid_before_utc)}, and today is {date(now)}: wait, or"
            " set the clock of the control node."
        )


def _check_key(certificate: x509.Certificate, name: str) -> None:
    with contextlib.suppress(*MALFORMED):
        check_key(certificate.public_key(), f"the certificate '{text_of(certificate.subject)}' in {name}")
        return
    raise PkiError(
        f"The key of the certificate '{text_of(certificate.subject)}' in {name} is of an unknown type: get one with an"
        " ECDSA or RSA key."
    )


def _check_signature(certificate: x509.Certificate, name: str) -> None:
    algorithm = None
    with contextlib.suppress(*MALFORMED):
        algorithm = certificate.signature_hash_algorithm
    if algorithm is None or algorithm.name not in _HASHES:
        algorithm_name = (
            algorithm.name.upper() if algorithm is not None else certificate.signature_algorithm_oid.dotted_string
        )
        raise PkiError(
            f"The certificate '{text_of(certificate.subject)}' in {name} is signed with {algorithm_name}, which browsers refuse:"
            " get one that is signed with RSA or ECDSA and SHA-256."
        )


def _check_names(leaf: x509.Certificate, desired: Iterable[str], name: str) -> None:
    names = names_of(leaf)
    if not names.dns and not names.ips:
        raise PkiError(
            f"The certificate in {name} has no subject alternative name, and browsers look at nothing else: request one"
            " with the names of the host there."
        )
    missing = [each for each in desired if not covers(normalized(each), names)]
    if missing:
        raise PkiError(
            f"The certificate in {name} is for {', '.join((*names.dns, *names.ips))}, not for {', '.join(missing)}: get"
            " one for all names of the host, or remove what it does not have from nodered_certificate_names."
        )
