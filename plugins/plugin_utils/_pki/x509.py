# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading certificates and keys in PEM, and what the other modules here share about them, time and text.

No exception raised here contains key material or a passphrase.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.requirements import require

from .names import Names, PkiError

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    # What reading or verifying something malformed or exotic raises (KeyError: older releases).
    MALFORMED: tuple[type[Exception], ...] = (
        ValueError,
        TypeError,
        KeyError,
        InvalidSignature,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    )
except ImportError:  # require tells
    MALFORMED = ()

# Apple's limit for every server certificate, also from a private CA: https://support.apple.com/en-us/103769
MAX_DAYS = 825

# Clocks run behind on a Raspberry Pi before it reaches a time server (no battery-backed clock), and by up to 14 hours
# where one is kept in local time. A day covers that; a Pi that was switched off for longer has to get the time first.
BACKDATE = datetime.timedelta(days=1)
SECOND = datetime.timedelta(seconds=1)

#: The types of keys that are made here, as `kind_of_key` names them; the first where none is asked for.
KEY_TYPES = ("ecdsa-p256", "rsa-2048", "rsa-3072", "rsa-4096")

# The most that cryptography encrypts a key with.
_MAX_PASSPHRASE_BYTES = 1023
_PRIVATE_KEY = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)


# ----------------------------------------------------------------------------------------------------------------------
# Certificates


def certificates_of(pem: bytes, name: str) -> list[x509.Certificate]:
    """All certificates of a PEM text, at least one.

    cryptography parses most of a certificate only when asked for it: that is done here, so that nothing fails later.

    :raises PkiError: one of them cannot be read
    """
    require("cryptography")
    try:
        certificates = x509.load_pem_x509_certificates(pem)
        for certificate in certificates:
            describe_certificate(certificate)
    except MALFORMED:
        raise PkiError(f"{sentence(name)} cannot be read as a certificate in PEM.") from None
    return certificates


def describe_certificate(certificate: x509.Certificate) -> dict[str, t.Any]:
    names = names_of(certificate)
    serial = f"{certificate.serial_number:x}"
    return {
        "subject": text_of(certificate.subject),
        "issuer": text_of(certificate.issuer),
        "dns_names": list(names.dns),
        "ip_addresses": list(names.ips),
        "not_before": _iso(certificate.not_valid_before_utc),
        "not_after": _iso(certificate.not_valid_after_utc),
        "key_type": _key_type(certificate),
        "serial": serial.zfill(len(serial) + len(serial) % 2),
        "fingerprint": sha256_of(certificate),
        "self_signed": is_self_signed(certificate),
    }


def names_of(certificate: x509.Certificate) -> Names:
    alternatives = extension(certificate.extensions, x509.SubjectAlternativeName)
    if alternatives is None:
        return Names((), ())
    return Names(
        tuple(name.lower() for name in alternatives.get_values_for_type(x509.DNSName)),
        tuple(str(address) for address in alternatives.get_values_for_type(x509.IPAddress)),
    )


def extension(extensions: x509.Extensions, kind: type) -> t.Any:
    """The value of the extension of that class, or None."""
    with contextlib.suppress(x509.ExtensionNotFound):
        return extensions.get_extension_for_class(kind).value
    return None


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether it is a root, or a certificate that only vouches for itself."""
    return is_issued_by(certificate, certificate)


def is_same_authority(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether two certificates have the same name and key, so that either verifies what the key has signed."""
    with contextlib.suppress(*MALFORMED):
        return one.subject == other.subject and public_bytes(one.public_key()) == public_bytes(other.public_key())
    return False


def sha256_of(certificate: x509.Certificate) -> str:
    """The SHA-256 of its DER in lower-case hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def pem_of(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def is_valid_at(certificate: x509.Certificate, now: datetime.datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether names and signature say so."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except MALFORMED:
        return False
    return True


def authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = extension(issuer.extensions, x509.SubjectKeyIdentifier)
    if identifier is None:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(t.cast(t.Any, issuer.public_key()))
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def key_usage(*usages: str) -> x509.KeyUsage:
    """The extension with those of its bits set (RFC 5280, 4.2.1.3)."""
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{usage: usage in usages for usage in every})


# ----------------------------------------------------------------------------------------------------------------------
# Keys


def check_key(public_key: t.Any, name: str) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    """The key, if every current browser works with its kind.

    :raises PkiError: it does not
    """
    if isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(public_key.curve, (ec.SECP256R1, ec.SECP384R1)):
        return public_key
    if isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size >= 2048:
        return public_key
    raise PkiError(
        f"The key of {name} is of the type {kind_of_key(public_key)}, which browsers refuse: use ECDSA with P-256 or"
        " P-384, or RSA with at least 2048 bits."
    )


def private_keys(pem: bytes, passphrase: str | None, name: str, option: str = "nodered_ca_passphrase") -> list[t.Any]:
    """All private keys of a PEM text, at least one.

    :param name: for messages: a path, or what it is
    :param option: where the user sets the passphrase
    :raises PkiError: one of them cannot be read; the passphrase is missing, wrong or superfluous
    """
    texts = [match.group() for match in _PRIVATE_KEY.finditer(pem)] or [pem]
    return [_private_key(text, passphrase, name, option) for text in texts]


def number_of_keys(pem: bytes) -> int:
    """How many private keys a PEM text has, readable or not."""
    return len(_PRIVATE_KEY.findall(pem))


def _private_key(pem: bytes, passphrase: str | None, name: str, option: str) -> t.Any:
    encrypted = b"ENCRYPTED" in pem
    if encrypted and passphrase is None:
        raise PkiError(f"The key in {name} is encrypted: set the passphrase ({option}).")
    if passphrase is not None and not encrypted:
        raise PkiError(
            f"A passphrase is set, but the key in {name} is not encrypted: encrypt it with 'openssl pkcs8 -topk8 -v2"
            f" aes-256-cbc', or remove the passphrase ({option})."
        )
    secret = _passphrase_bytes(passphrase, option)
    # Raised outside of the handler, so that no cause is printed that may tell something about the key.
    with contextlib.suppress(*MALFORMED):
        return serialization.load_pem_private_key(pem, secret)
    if encrypted:
        raise PkiError(f"The passphrase ({option}) does not open the key in {name}: give the one it was made with.")
    raise PkiError(f"The key in {name} cannot be read: it is not a private key in PEM (PKCS #8, PKCS #1 or SEC 1).")


def new_private_key(kind: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """A private key of one of `KEY_TYPES`.

    :raises PkiError: another kind
    """
    if kind not in KEY_TYPES:
        raise PkiError(f"The type of a key must be one of {', '.join(KEY_TYPES)}, not '{kind}'.")
    family, _dash, size = kind.partition("-")
    if family == "rsa":
        return rsa.generate_private_key(65537, int(size))
    return ec.generate_private_key(ec.SECP256R1())


def pem_of_key(key: t.Any, passphrase: str | None) -> bytes:
    """PKCS #8 in PEM, encrypted (AES-256) if there is a passphrase."""
    secret = _passphrase_bytes(passphrase)
    encryption = serialization.NoEncryption() if secret is None else serialization.BestAvailableEncryption(secret)
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return pem


def _passphrase_bytes(passphrase: str | None, option: str = "nodered_ca_passphrase") -> bytes | None:
    if passphrase is None:
        return None
    secret = str(passphrase).encode("utf-8", "surrogatepass")
    if not 1 <= len(secret) <= _MAX_PASSPHRASE_BYTES:
        raise PkiError(
            f"The passphrase ({option}) has {len(secret)} bytes: use 1 to {_MAX_PASSPHRASE_BYTES}, or set none at all"
            " for a key in plain text."
        )
    return secret


def public_bytes(public_key: t.Any) -> bytes:
    """The DER of SubjectPublicKeyInfo (RFC 5280, 4.1.2.7)."""
    der: bytes = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return der


def signature_hash(key: t.Any) -> hashes.SHA256 | hashes.SHA384:
    """As strong as the key: SHA-384 for P-384, else SHA-256."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
        return hashes.SHA384()
    return hashes.SHA256()


def _key_type(certificate: x509.Certificate) -> str:
    try:
        return kind_of_key(certificate.public_key())
    except UnsupportedAlgorithm:
        return "unknown"


def kind_of_key(public_key: t.Any) -> str:
    """Such as ecdsa-p256, rsa-2048, ed25519."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return f"rsa-{public_key.key_size}"
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        curves = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}
        return f"ecdsa-{curves.get(public_key.curve.name, public_key.curve.name)}"
    return type(public_key).__name__.lower().removesuffix("publickey")


# ----------------------------------------------------------------------------------------------------------------------
# Time and text


def check_days(days: int, longest: int, what: str) -> None:
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= longest:
        limit = f"; Apple's browsers refuse more than {MAX_DAYS}" if longest == MAX_DAYS else ""
        raise PkiError(f"{what} must be 1 to {longest} whole days, not {days}{limit}.")


def last_second(now: datetime.datetime, days: int) -> datetime.datetime:
    """The last second of a validity of so many days (RFC 5280 counts it in)."""
    return whole_seconds(now) + datetime.timedelta(days=days) - SECOND


def now_utc() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def whole_seconds(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(microsecond=0)


def _iso(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def date(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def text_of(name: x509.Name) -> str:
    return name.rfc4514_string()


def sentence(name: str) -> str:
    """With a capital, unless it begins with a path or with the name of an option."""
    return name if set("/_") & set(name.split(maxsplit=1)[0]) else name[0].upper() + name[1:]


def as_bytes(pem: bytes | str) -> bytes:
    return pem.encode("utf-8", "replace") if isinstance(pem, str) else pem
