# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""X.509 on the control node: the fleet's certificate authority, server certificates, and when to issue a new one.

Works on bytes and objects; files are touched for the folder of the certificate authority only, in C(_CaFolder).
Private to this collection. No exception raised here contains key material or a passphrase.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fcntl
import ipaddress
import os
import pathlib
import re
import secrets
import sys
import traceback
import typing as t

try:
    import cryptography
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    CRYPTOGRAPHY_IMPORT_ERROR = None
    # What reading or verifying something malformed or exotic raises (KeyError: older releases).
    _MALFORMED: tuple[type[Exception], ...] = (
        ValueError,
        TypeError,
        KeyError,
        InvalidSignature,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    )
except ImportError:
    CRYPTOGRAPHY_IMPORT_ERROR = traceback.format_exc()
    _MALFORMED = ()

DEFAULT_DAYS = 397
# Apple's limit for every server certificate, also from a private CA: https://support.apple.com/en-us/103769
MAX_DAYS = 825
DEFAULT_CA_DAYS = 3650
MAX_CA_DAYS = 36500
DEFAULT_CA_NAME = "Node-RED fleet CA"

# Clocks run behind on a Raspberry Pi before it reaches a time server (no battery-backed clock), and by up to 14 hours
# where one is kept in local time. A day covers that; a Pi that was switched off for longer has to get the time first.
_BACKDATE = datetime.timedelta(days=1)
_SECOND = datetime.timedelta(seconds=1)

# The upper bounds of RFC 5280 for a common name, of RFC 1035 for a DNS name.
_MAX_COMMON_NAME = 64
_MAX_DNS_NAME = 253
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
# Python's codec follows IDNA 2003, browsers IDNA 2008: the four characters they encode differently.
_IDNA_DEVIATIONS = "\u00df\u03c2\u200c\u200d"
_LOOPBACK_NAMES = ("localhost", "localhost.local", "localhost.localdomain")

# The most that cryptography encrypts a key with.
_MAX_PASSPHRASE_BYTES = 1023

_REQUIREMENTS = pathlib.Path(__file__).parents[2] / "requirements.txt"


class PkiError(Exception):
    """Something about a key, certificate, request or name that cannot work, in a sentence that says what to do."""


# ----------------------------------------------------------------------------------------------------------------------
# Names


class Names(t.NamedTuple):
    """The subject alternative names of a certificate: each once, in order, in lower case and in their short form."""

    dns: tuple[str, ...]
    ips: tuple[str, ...]


def wanted_names(
    hostname: str | None = None,
    fqdn: str | None = None,
    inventory_name: str | None = None,
    addresses: t.Iterable[str] = (),
    extra: t.Iterable[str] = (),
) -> Names:
    """The names a browser may reach a host by.

    What comes from facts and inventory is taken as far as it is usable and skipped otherwise: names with an underscore,
    localhost, and addresses that are loopback, link-local, multicast or unspecified. What the user asks for in C(extra)
    is taken or refused.

    :param hostname: becomes itself and, unless it has a dot, also C(<hostname>.local), as multicast DNS announces it
    :param addresses: leave out those that change by themselves, such as temporary IPv6 addresses: each new one is a
        reason to issue a new certificate
    :param extra: DNS names (also with non-ASCII characters, or a wildcard as the first label) and addresses
    :raises PkiError: a name in C(extra) is neither a DNS name nor an address
    """
    dns: dict[str, None] = {}
    ips: dict[str, None] = {}
    local = f"{hostname}.local" if hostname and "." not in hostname else None
    for name in (hostname, local, fqdn, inventory_name, *addresses):
        if not name:
            continue
        address = _address(name)
        if address is None:
            with contextlib.suppress(PkiError):
                checked = _dns_name(name)
                if checked not in _LOOPBACK_NAMES:
                    dns[checked] = None
        elif not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified):
            ips[str(address)] = None
    if isinstance(extra, str):
        raise PkiError(f"The additional certificate names must be a list, not the text '{extra}'.")
    for name in extra:
        if not isinstance(name, str):
            raise PkiError(f"The certificate name {name!r} is not text: put it in quotes.")
        address = _address(name)
        if address is None:
            dns[_dns_name(name, wildcard=True)] = None
        elif address.is_multicast or address.is_unspecified or getattr(address, "scope_id", None):
            raise PkiError(
                f"The certificate name '{name}' is not the address of one host (it is multicast, unspecified, or has a"
                " zone, which a certificate cannot express): remove it."
            )
        else:
            ips[str(address)] = None
    return Names(tuple(dns), tuple(ips))


def common_name(names: Names) -> str:
    """The subject's common name: the first name of at most 64 characters, DNS names first; empty if there is none."""
    return next((name for name in (*names.dns, *names.ips) if len(name) <= _MAX_COMMON_NAME), "")


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.strip())
    except ValueError:
        return None


def _dns_name(name: str, wildcard: bool = False) -> str:
    """The DNS name in lower case and with A-labels, without a trailing dot.

    :raises PkiError: it is not a host name as RFC 952, 1123 and 5890 have it
    """
    refusal = f"'{name}' is neither a DNS name nor an IP address that a certificate can carry: "
    text = name.strip().lower().removesuffix(".")
    if any(character in text for character in _IDNA_DEVIATIONS):
        raise PkiError(f"{refusal}one of its characters has two encodings; write the label as 'xn--...' yourself.")
    prefix = "*." if wildcard and text.startswith("*.") else ""
    try:
        text = text.removeprefix(prefix).encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise PkiError(f"{refusal}a label is empty, too long, or has characters that are not allowed.") from None
    if len(prefix + text) > _MAX_DNS_NAME:
        raise PkiError(f"{refusal}it is longer than {_MAX_DNS_NAME} characters.")
    labels = text.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise PkiError(
            f"{refusal}use letters, digits and inner hyphens between dots; no underscore, scheme or port, and a"
            " wildcard only as the whole first label."
        )
    if labels[-1].isdigit():
        raise PkiError(f"{refusal}its last label is a number, so that browsers take it for an address.")
    if prefix and len(labels) < 2:
        raise PkiError(f"{refusal}browsers refuse a wildcard directly below a top-level domain.")
    return prefix + text


# ----------------------------------------------------------------------------------------------------------------------
# The certificate authority


@dataclasses.dataclass(frozen=True)
class CertificateAuthority:
    """What signs the certificates of a fleet.

    :ivar certificate: its own certificate
    :ivar key: its private key
    :ivar intermediates: what a server has to send after its own certificate; never a root
    :ivar created: whether this very call made it
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = dataclasses.field(repr=False)
    intermediates: tuple[x509.Certificate, ...] = ()
    created: bool = False

    @property
    def certificate_pem(self) -> bytes:
        """Its own certificate, which browsers have to trust if it is a root."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @classmethod
    def load_or_create(
        cls,
        directory: str | os.PathLike[str],
        passphrase: str | None = None,
        common_name: str = DEFAULT_CA_NAME,
        days: int = DEFAULT_CA_DAYS,
        now: datetime.datetime | None = None,
    ) -> CertificateAuthority:
        """The authority kept in a folder; made there if the folder has none.

        Safe to call from many processes at once: one of them makes it, the others load it. The folder then has
        C(ca.pem), C(ca.key) and the lock file C(.lock). An authority that exists is never overwritten.

        :param directory: made with mode 0700 if missing
        :param passphrase: encrypts C(ca.key) (PKCS #8, AES-256; cryptography derives the key with 2048 rounds of PBKDF2
            only, so it should be long); None leaves it in plain text, with mode 0600
        :param common_name: a random suffix is added, so that two fleets' authorities can be told apart in a browser
        :param days: validity of a new one
        :raises PkiError: only one of the two files is there; they do not belong together; the passphrase is missing,
            wrong or superfluous; a file cannot be read or written
        """
        _check_library()
        folder = _CaFolder(directory)
        certificate, key = folder.read()
        if certificate is None or key is None:
            with folder.locked():
                pair = folder.read_complete()
                if pair is None:
                    new = _new_root(common_name, days, now or _now())
                    folder.write(new.certificate_pem, _key_pem(new.key, passphrase))
                    return new
            certificate, key = pair
        authority = cls._from_pair(certificate, key, passphrase, str(folder.certificate), str(folder.key))
        folder.protect_key()
        return authority

    @classmethod
    def peek(cls, directory: str | os.PathLike[str], passphrase: str | None = None) -> CertificateAuthority | None:
        """As C(load_or_create), but None if the folder has none: for check mode, it writes nothing, not even a lock."""
        _check_library()
        folder = _CaFolder(directory)
        pair = folder.read_complete()
        if pair is None:
            return None
        return cls._from_pair(*pair, passphrase, str(folder.certificate), str(folder.key))

    @classmethod
    def from_pem(
        cls, certificate: bytes | str, key: bytes | str, passphrase: str | None = None
    ) -> CertificateAuthority:
        """An authority from a vault; nothing is kept.

        :param certificate: PEM; if it is not a root, the intermediates above it follow, each signed by the next (a root
            at the end may be there or not, it is never sent to clients)
        :param key: PEM, PKCS #8 or traditional
        :raises PkiError: they cannot be read, do not belong together, or the certificate may not sign others; the
            passphrase is missing, wrong or superfluous
        """
        _check_library()
        return cls._from_pair(_bytes(certificate), _bytes(key), passphrase, "the CA certificate", "the CA key")

    @classmethod
    def _from_pair(
        cls, certificate_pem: bytes, key_pem: bytes, passphrase: str | None, certificate_name: str, key_name: str
    ) -> CertificateAuthority:
        """The names are for messages: paths, or what the two are."""
        certificates = _certificates(certificate_pem, certificate_name)
        certificate = certificates[0]
        _check_may_sign(certificate, certificate_name)
        for issued, issuer in zip(certificates, certificates[1:]):
            if not _is_issued_by(issued, issuer):
                raise PkiError(
                    f"Of the certificates in {certificate_name}, '{_text(issued.subject)}' is not signed by the next,"
                    f" '{_text(issuer.subject)}': put the one that belongs to the key first, then the one that signed"
                    " it, and so on."
                )
        key = _private_key(key_pem, passphrase, key_name)
        if _public_bytes(key.public_key()) != _public_bytes(certificate.public_key()):
            raise PkiError(
                f"The key in {key_name} does not fit {certificate_name}: put back the pair that belongs together."
            )
        return cls(certificate, key, tuple(each for each in certificates if not _is_issued_by(each, each)))

    def warning(self, days: int, now: datetime.datetime | None = None) -> str | None:
        """What to tell the user if the authority ends before a certificate issued now for so many days, else None."""
        if _not_after(now or _now(), days) <= self.certificate.not_valid_after_utc:
            return None
        return (
            f"The CA '{_text(self.certificate.subject)}' expires on {_date(self.certificate.not_valid_after_utc)}, and"
            f" so do the certificates it issues, although {days} days are asked for: replace it in time, since every"
            " browser has to trust the new one."
        )


class _CaFolder:
    """The files of an authority; nothing else here touches files."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(directory).expanduser()
        self.certificate = self.path / "ca.pem"
        self.key = self.path / "ca.key"

    def read(self) -> tuple[bytes | None, bytes | None]:
        """Certificate and key as they are now; the certificate is written last, so where it is, the key is too."""
        return self._read(self.certificate), self._read(self.key)

    def read_complete(self) -> tuple[bytes, bytes] | None:
        """Certificate and key, or None if neither is there.

        :raises PkiError: only one of them is there
        """
        certificate, key = self.read()
        if certificate is not None and key is not None:
            return certificate, key
        if certificate is None and key is None:
            return None
        present, missing = (self.key, self.certificate) if certificate is None else (self.certificate, self.key)
        raise PkiError(
            f"{present} is there, but {missing} is missing: restore it from a backup. Only if the fleet shall get a new"
            f" CA, which every browser has to trust anew, move {present.name} away as well."
        )

    @contextlib.contextmanager
    def locked(self) -> t.Iterator[None]:
        """Alone among all processes that lock this folder, which is made if missing."""
        with _naming_files(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # An empty folder was made for us and gets our mode; one that has other things in it keeps its own.
            if not any(self.path.iterdir()):
                self.path.chmod(0o700)
            lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with _naming_files(self.path):
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def write(self, certificate: bytes, key: bytes) -> None:
        """Put both in place, or neither when the disk is full. Call it locked, on a folder that has neither."""
        with _naming_files(self.path):
            written = [
                (self._write_beside(self.key, key, 0o600), self.key),
                (self._write_beside(self.certificate, certificate, 0o644), self.certificate),
            ]
            for temporary, final in written:
                temporary.rename(final)
            directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                # Some network file systems cannot do this for folders; the files are in place already.
                with contextlib.suppress(OSError):
                    os.fsync(directory)
            finally:
                os.close(directory)

    def protect_key(self) -> None:
        """Take back what a checkout or a copy gave to others."""
        with _naming_files(self.key):
            if self.key.stat().st_mode & 0o077:
                self.key.chmod(0o600)

    @staticmethod
    def _read(path: pathlib.Path) -> bytes | None:
        with _naming_files(path), contextlib.suppress(FileNotFoundError):
            return path.read_bytes()
        return None

    @staticmethod
    def _write_beside(path: pathlib.Path, content: bytes, mode: int) -> pathlib.Path:
        temporary = path.with_name(f".{path.name}.new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return temporary


@contextlib.contextmanager
def _naming_files(path: pathlib.Path) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise PkiError(f"The folder of the CA cannot be used: {error.filename or path}: {reason}.") from None


def _new_root(common_name: str, days: int, now: datetime.datetime) -> CertificateAuthority:
    """A self-signed root that may sign server certificates, but no further authorities."""
    subject = f"{common_name} {secrets.token_hex(4)}"
    if not common_name or len(subject) > _MAX_COMMON_NAME:
        raise PkiError(f"The name of the CA must have 1 to {_MAX_COMMON_NAME - 9} characters: '{common_name}'.")
    _check_days(days, MAX_CA_DAYS, "The validity of the CA")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_whole_seconds(now) - _BACKDATE)
        .not_valid_after(_not_after(now, days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return CertificateAuthority(certificate, key, created=True)


def _check_may_sign(certificate: x509.Certificate, name: str) -> None:
    try:
        public_key = certificate.public_key()
    except UnsupportedAlgorithm:
        raise PkiError(f"{_sentence(name)} has a key of an unknown type: use another CA.") from None
    _check_key(public_key, name)
    constraints = _extension(certificate.extensions, x509.BasicConstraints)
    usage = _extension(certificate.extensions, x509.KeyUsage)
    if constraints is None or not constraints.ca or not (usage is None or usage.key_cert_sign):
        raise PkiError(
            f"{_sentence(name)} is not that of a CA (basicConstraints CA:TRUE, keyUsage keyCertSign): give one that may"
            " sign other certificates."
        )


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
        and never ends later than the authority's, see C(CertificateAuthority.warning)
    :return: PEM: the certificate, then the intermediates a server has to send; never a root
    :raises PkiError: the request cannot be read or is not signed by its own key; browsers would refuse the key or the
        validity; there is no name; the authority has expired, or is not valid yet by the control node's clock
    """
    now = _whole_seconds(now or _now())
    _check_days(days, MAX_DAYS, "The validity of a certificate")
    public_key = _requested_key(csr_pem)
    if not names.dns and not names.ips:
        raise PkiError("The certificate would have no name: set at least one DNS name or IP address for the host.")
    issuer = ca.certificate
    if now < issuer.not_valid_before_utc:
        raise PkiError(
            f"The CA is valid from {_date(issuer.not_valid_before_utc)} only, and today is {_date(now)}: set the clock"
            " of the control node."
        )
    if now > issuer.not_valid_after_utc:
        raise PkiError(
            f"The CA '{_text(issuer.subject)}' expired on {_date(issuer.not_valid_after_utc)}: move it away to get a"
            " new one, and make every browser trust that."
        )
    not_after = min(_not_after(now, days), issuer.not_valid_after_utc)
    longest = datetime.timedelta(days=MAX_DAYS) - _SECOND
    not_before = max(now - _BACKDATE, not_after - longest, issuer.not_valid_before_utc)
    # Browsers look at the alternative names only; RFC 5280 wants those critical when there is nothing else.
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in (common_name(names),) if name]
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
        .add_extension(_key_usage(*usages), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(_authority_key_identifier(issuer), critical=False)
        .sign(ca.key, _signature_hash(ca.key))
    )
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (certificate, *ca.intermediates))


def check_validity(days: int, renew_before_days: int) -> None:
    """Refuse a pair of settings with which every run would issue a new certificate, or that browsers refuse.

    :raises PkiError: C(days) is not 1 to 825, or C(renew_before_days) not from 0 to less than that
    """
    _check_days(days, MAX_DAYS, "The validity of a certificate")
    if not 0 <= renew_before_days < days:
        raise PkiError(
            f"A certificate that is valid for {days} days cannot be renewed {renew_before_days} days before its end:"
            f" set 0 to {days - 1}."
        )


def _requested_key(csr_pem: bytes | str) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    """The public key of a request whose signature proves that the sender has the private key."""
    try:
        csr = x509.load_pem_x509_csr(_bytes(csr_pem))
        public_key, signed = csr.public_key(), csr.is_signature_valid
    except _MALFORMED:
        raise PkiError("The certificate signing request of the host is not PKCS #10 in PEM: make a new one.") from None
    if not signed:
        raise PkiError("The certificate signing request of the host is not signed by its own key: make a new one.")
    return _check_key(public_key, "the certificate signing request of the host")


# ----------------------------------------------------------------------------------------------------------------------
# What a certificate is, and whether it will do


def describe(pem: bytes | str) -> dict[str, t.Any]:
    """What a certificate says, for diffs and return values; nothing in it is secret.

    :param pem: PEM; of a chain, the first certificate counts
    :return: subject and issuer (RFC 4514), dns_names, ip_addresses, not_before and not_after (ISO 8601, UTC), key_type
        (such as C(ecdsa-p256) or C(rsa-2048)), serial (lower-case hex), fingerprint (see C(fingerprint)), self_signed
    :raises PkiError: it cannot be read
    """
    return _describe(_certificates(_bytes(pem), "the certificate")[0])


def fingerprint(pem: bytes | str) -> str:
    """The SHA-256 of the first certificate's DER, 64 lower-case hex digits without colons.

    :raises PkiError: it cannot be read
    """
    return _certificates(_bytes(pem), "the certificate")[0].fingerprint(hashes.SHA256()).hex()


def reasons_to_issue(
    current_pem: bytes | str | None,
    key_fits: bool | None,
    wanted: Names,
    ca_certificate: x509.Certificate | None,
    renew_before_days: int,
    key_type: str | None = None,
    self_signed: bool | None = None,
    now: datetime.datetime | None = None,
) -> list[str]:
    """Why the certificate a host has will not do, as sentences for a person; empty if it will.

    Only what was asked for counts: a name more than wanted, another key type when none was asked for, or a validity
    other than a new certificate would get is no reason.

    :param current_pem: PEM, the server's certificate first; None or empty if there is none
    :param key_fits: whether the host's private key belongs to it; None if that is not known, which is no reason
    :param ca_certificate: of the authority that should have signed it; None if there is none, see C(self_signed)
    :param renew_before_days: how many days before its end it is renewed; not if the authority itself ends then, because
        a new certificate would not last longer
    :param key_type: as C(describe) gives it, if one was asked for
    :param self_signed: whether it should be self-signed, by default if C(ca_certificate) is None. Without an authority,
        False says that it is yet to be made: then no certificate will do.
    """
    if self_signed is None:
        self_signed = ca_certificate is None
    if self_signed and ca_certificate is not None:
        raise AssertionError("a certificate is self-signed or issued by an authority, not both")
    if not current_pem:
        return ["there is no certificate yet"]
    try:
        certificate = _certificates(_bytes(current_pem), "the certificate")[0]
    except PkiError:
        return ["the certificate cannot be read"]
    described = _describe(certificate)
    now = now or _now()
    reasons = []
    if key_fits is False:
        reasons.append("the private key does not fit the certificate")
    reasons += _reasons_of_time(certificate, ca_certificate, renew_before_days, now)
    reasons += [f"the DNS name {name} is missing" for name in wanted.dns if name not in described["dns_names"]]
    reasons += [f"the IP address {each} is missing" for each in wanted.ips if each not in described["ip_addresses"]]
    reasons += _reasons_of_issuer(certificate, ca_certificate, self_signed)
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
        return [f"it expired on {_date(end)}"]
    if now < start:
        return [f"it is not valid before {_date(start)}"]
    lasts_as_long_as_possible = ca_certificate is not None and end >= ca_certificate.not_valid_after_utc
    if end - now < datetime.timedelta(days=renew_before_days) and not lasts_as_long_as_possible:
        return [f"it expires in {(end - now).days} days, on {_date(end)}"]
    return []


def _reasons_of_issuer(
    certificate: x509.Certificate, ca_certificate: x509.Certificate | None, self_signed: bool
) -> list[str]:
    issuer, is_self_signed = _text(certificate.issuer), _is_issued_by(certificate, certificate)
    if self_signed:
        return [] if is_self_signed else [f"it was issued by '{issuer}' and should be self-signed"]
    if ca_certificate is None:
        return ["the CA that should issue it does not exist yet"]
    if _is_issued_by(certificate, ca_certificate):
        return []
    authority = _text(ca_certificate.subject)
    if is_self_signed:
        return [f"it is self-signed and should be issued by '{authority}'"]
    if issuer == authority:
        return [f"it was issued by another CA that is called '{authority}' too"]
    return [f"it was issued by '{issuer}' and should be by '{authority}'"]


def _certificates(pem: bytes, name: str) -> list[x509.Certificate]:
    """All certificates of a PEM text, at least one.

    cryptography parses most of a certificate only when asked for it: that is done here, so that nothing fails later.

    :raises PkiError: one of them cannot be read
    """
    _check_library()
    try:
        certificates = x509.load_pem_x509_certificates(pem)
        for certificate in certificates:
            _describe(certificate)
    except _MALFORMED:
        raise PkiError(f"{_sentence(name)} cannot be read as a certificate in PEM.") from None
    return certificates


def _describe(certificate: x509.Certificate) -> dict[str, t.Any]:
    names = _names(certificate)
    serial = f"{certificate.serial_number:x}"
    return {
        "subject": _text(certificate.subject),
        "issuer": _text(certificate.issuer),
        "dns_names": list(names.dns),
        "ip_addresses": list(names.ips),
        "not_before": _iso(certificate.not_valid_before_utc),
        "not_after": _iso(certificate.not_valid_after_utc),
        "key_type": _key_type(certificate),
        "serial": serial.zfill(len(serial) + len(serial) % 2),
        "fingerprint": certificate.fingerprint(hashes.SHA256()).hex(),
        "self_signed": _is_issued_by(certificate, certificate),
    }


def _names(certificate: x509.Certificate) -> Names:
    alternatives = _extension(certificate.extensions, x509.SubjectAlternativeName)
    if alternatives is None:
        return Names((), ())
    return Names(
        tuple(name.lower() for name in alternatives.get_values_for_type(x509.DNSName)),
        tuple(str(address) for address in alternatives.get_values_for_type(x509.IPAddress)),
    )


def _extension(extensions: x509.Extensions, kind: type) -> t.Any:
    with contextlib.suppress(x509.ExtensionNotFound):
        return extensions.get_extension_for_class(kind).value
    return None


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether names and signature say so; with the same certificate twice: whether it is self-signed."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except _MALFORMED:
        return False
    return True


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = _extension(issuer.extensions, x509.SubjectKeyIdentifier)
    if identifier is None:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(*usages: str) -> x509.KeyUsage:
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


def _check_key(public_key: t.Any, name: str) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    """The key, if every current browser works with its kind.

    :raises PkiError: it does not
    """
    if isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(public_key.curve, (ec.SECP256R1, ec.SECP384R1)):
        return public_key
    if isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size >= 2048:
        return public_key
    raise PkiError(
        f"The key of {name} is of the type {_kind(public_key)}, which browsers refuse: use ECDSA with P-256 or P-384,"
        " or RSA with at least 2048 bits."
    )


def _private_key(pem: bytes, passphrase: str | None, name: str) -> t.Any:
    """The private key of a PEM text, with an error for each way a passphrase can be wrong."""
    encrypted = b"ENCRYPTED" in pem
    if encrypted and passphrase is None:
        raise PkiError(f"The key in {name} is encrypted: set the passphrase (nodered_ca_passphrase).")
    if passphrase is not None and not encrypted:
        raise PkiError(
            f"A passphrase is set, but the key in {name} is not encrypted: encrypt it with 'openssl pkcs8 -topk8 -v2"
            " aes-256-cbc', or remove the passphrase."
        )
    secret = _passphrase_bytes(passphrase)
    # Raised outside of the handler, so that no cause is printed that may tell something about the key.
    with contextlib.suppress(*_MALFORMED):
        return serialization.load_pem_private_key(pem, secret)
    if encrypted:
        raise PkiError(f"The passphrase does not open the key in {name}: give the one it was made with.")
    raise PkiError(f"The key in {name} cannot be read: it is not a private key in PEM (PKCS #8, PKCS #1 or SEC 1).")


def _key_pem(key: ec.EllipticCurvePrivateKey, passphrase: str | None) -> bytes:
    secret = _passphrase_bytes(passphrase)
    encryption = serialization.NoEncryption() if secret is None else serialization.BestAvailableEncryption(secret)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _passphrase_bytes(passphrase: str | None) -> bytes | None:
    if passphrase is None:
        return None
    secret = str(passphrase).encode("utf-8", "surrogatepass")
    if not 1 <= len(secret) <= _MAX_PASSPHRASE_BYTES:
        raise PkiError(
            f"The passphrase of the CA has {len(secret)} bytes: use 1 to {_MAX_PASSPHRASE_BYTES}, or set none at all"
            " for a key in plain text."
        )
    return secret


def _public_bytes(public_key: t.Any) -> bytes:
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _signature_hash(key: t.Any) -> hashes.HashAlgorithm:
    """As strong as the key: SHA-384 for P-384, else SHA-256."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
        return hashes.SHA384()
    return hashes.SHA256()


def _key_type(certificate: x509.Certificate) -> str:
    try:
        return _kind(certificate.public_key())
    except UnsupportedAlgorithm:
        return "unknown"


def _kind(public_key: t.Any) -> str:
    """Such as ecdsa-p256, rsa-2048, ed25519."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return f"rsa-{public_key.key_size}"
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        curves = {"secp256r1": "p256", "secp384r1": "p384", "secp521r1": "p521"}
        return f"ecdsa-{curves.get(public_key.curve.name, public_key.curve.name)}"
    return type(public_key).__name__.lower().removesuffix("publickey")


# ----------------------------------------------------------------------------------------------------------------------
# Time and text


def _check_days(days: int, longest: int, what: str) -> None:
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= longest:
        limit = f"; Apple's browsers refuse more than {MAX_DAYS}" if longest == MAX_DAYS else ""
        raise PkiError(f"{what} must be 1 to {longest} whole days, not {days}{limit}.")


def _not_after(now: datetime.datetime, days: int) -> datetime.datetime:
    """The last second of a validity of so many days (RFC 5280 counts it in)."""
    return _whole_seconds(now) + datetime.timedelta(days=days) - _SECOND


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _whole_seconds(moment: datetime.datetime) -> datetime.datetime:
    return moment.replace(microsecond=0)


def _iso(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _date(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _text(name: x509.Name) -> str:
    return name.rfc4514_string()


def _sentence(name: str) -> str:
    """With a capital, unless it is a path."""
    return name[0].upper() + name[1:]


def _bytes(pem: bytes | str) -> bytes:
    return pem.encode("utf-8", "replace") if isinstance(pem, str) else pem


def _check_library() -> None:
    """:raises PkiError: cryptography is missing or too old"""
    install = f"run '{sys.executable} -m pip install -r {_REQUIREMENTS}'"
    if CRYPTOGRAPHY_IMPORT_ERROR is not None:
        raise PkiError(f"The Python library cryptography is missing on the control node: {install}.")
    if int(cryptography.__version__.split(".")[0]) < 43:
        raise PkiError(f"cryptography {cryptography.__version__} on the control node is older than 43: {install}.")
