# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificate authority of a fleet: how it is made, kept, renewed, replaced, and what it may sign for.

`ca.pem` and `ca.key` are all there is to it. `ca.pem` has the certificate that signs first, then
what leads to the roots that browsers may still trust instead of it. After two replacements (A by B, B by C):

    C        root; ca.key has its key
    C by B   cross certificate: name and key of C, signed by B; servers send it for browsers that trust B only
    B        root, trusted until it ends
    B by A   cross certificate; servers send it too, for browsers that trust A only
    A        root, trusted until it ends

A renewed certificate of the same name and key stands before the one it follows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import os
from collections.abc import Iterable, Iterator

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.requirements import require

from .ca_certificates import MAX_CA_DAYS, check_may_sign, check_order, cross_signed, new_root, renewed, still_needed
from .ca_directory import CaDirectory, refuse_to_forget
from .name_constraints import accepts_path, described, name_constraints, permits_name, subtrees
from .names import Names, PkiError
from .x509 import (
    KEY_TYPES,
    as_bytes,
    certificates_of,
    check_days,
    date,
    extension,
    is_issued_by,
    is_same_authority,
    is_self_signed,
    is_valid_at,
    kind_of_key,
    last_second,
    now_utc,
    number_of_keys,
    pem_of,
    pem_of_key,
    private_keys,
    public_bytes,
    sha256_of,
    text_of,
)

with contextlib.suppress(ImportError):  # require tells
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

DEFAULT_CA_DAYS = 3650

DEFAULT_CA_NAME = "Node-RED fleet CA"


@dataclasses.dataclass(frozen=True)
class CertificateAuthority:
    """What signs the certificates of a fleet.

    :ivar certificate: its own certificate
    :ivar key: its private key
    :ivar others: what `ca.pem` or the vault has beside: intermediates, cross certificates, former and renewed roots
    :ivar created: whether this very call made `certificate`
    :ivar warnings: what the user has to know about what this very call did
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = dataclasses.field(repr=False)
    others: tuple[x509.Certificate, ...] = ()
    created: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def certificate_pem(self) -> bytes:
        """Its own certificate, which browsers have to trust if it is a root."""
        return pem_of(self.certificate)

    @property
    def intermediates(self) -> tuple[x509.Certificate, ...]:
        """All its certificates that are not roots; see `sent_with` for what a server sends."""
        return tuple(each for each in (self.certificate, *self.others) if not is_self_signed(each))

    @property
    def trusted_pem(self) -> bytes:
        """What browsers should trust now, see `trusted`."""
        return self.trusted()

    def trusted(self, now: datetime.datetime | None = None) -> bytes:
        """PEM of every root that has not expired, the one that signs first; empty if a vault gave intermediates only.

        The former ones belong to it as long as hosts have certificates that those signed.
        """
        now = now or now_utc()
        roots = [each for each in (self.certificate, *self.others) if is_self_signed(each)]
        return pem_of(*(each for each in roots if now <= each.not_valid_after_utc))

    # Made, loaded

    @classmethod
    def load_or_create(
        cls,
        directory: str | os.PathLike[str],
        passphrase: str | None = None,
        common_name: str = DEFAULT_CA_NAME,
        days: int = DEFAULT_CA_DAYS,
        now: datetime.datetime | None = None,
        permitted: Iterable[str] | None = None,
        key_type: str | None = None,
    ) -> CertificateAuthority:
        """The authority kept in a folder; made there if the folder has none.

        Safe to call from many processes at once: one of them makes it, the others load it. The folder then has
        `ca.pem`, `ca.key` and the lock file `.lock`. An authority that exists is never overwritten.

        :param directory: made with mode 0700 if missing
        :param passphrase: encrypts `ca.key` (PKCS #8, AES-256; cryptography derives the key with 2048 rounds of PBKDF2
            only, so it should be long); None leaves it in plain text, with mode 0600
        :param common_name: a random suffix is added, so that two fleets' authorities can be told apart in a browser
        :param days: validity of a new one, 1 to 36500
        :param permitted: domains and networks, the only ones a new one may sign for (a critical nameConstraints, RFC
            5280, 4.2.1.10); None or empty: any. One that exists keeps its own, see `permitted_warning`
        :param key_type: of the key of a new one, of `KEY_TYPES`; None: the first of them. One that exists keeps its
            own, see `key_type_warning`
        :raises PkiError: only one of the two files is there; they do not belong together; the passphrase is missing,
            wrong or superfluous; a file cannot be read or written; an entry of `permitted` is neither domain nor
            network; what would be made would be gone with the run, see `refuse_to_forget`
        """
        require("cryptography")
        folder = CaDirectory(directory)
        certificate, key = folder.read()
        if certificate is not None and key is not None and number_of_keys(key) == 1:
            authority = cls._from_pair(certificate, key, passphrase, str(folder.certificate), str(folder.key))
            folder.restrict_permissions()
            return authority
        with folder.locked():
            existing = cls._from_folder(folder, passphrase)
            if existing is not None:
                folder.finish(pem_of_key(existing.key, passphrase))
                return existing
            refuse_to_forget(directory)
            constraints = name_constraints(permitted or ())
            new = cls(
                *new_root(common_name, days, constraints, now or now_utc(), key_type or KEY_TYPES[0]), created=True
            )
            folder.create(new.certificate_pem, pem_of_key(new.key, passphrase))
            return new

    @classmethod
    def peek(cls, directory: str | os.PathLike[str], passphrase: str | None = None) -> CertificateAuthority | None:
        """As `load_or_create`, but None if the folder has none: for check mode, it writes nothing, not even a lock."""
        require("cryptography")
        folder = CaDirectory(directory)
        if None in folder.read():
            folder.wait()
        return cls._from_folder(folder, passphrase)

    @classmethod
    def from_pem(
        cls, certificate: bytes | str, key: bytes | str, passphrase: str | None = None
    ) -> CertificateAuthority:
        """An authority from a vault; nothing is kept.

        :param certificate: PEM; if it is not a root, the intermediates above it follow, each signed by the next (a root
            at the end may be there or not, it is never sent to clients). What `replace` and `renew` leave in
            `ca.pem` will do too.
        :param key: PEM, PKCS #8 or traditional
        :raises PkiError: they cannot be read, do not belong together, or the certificate may not sign others; the
            passphrase is missing, wrong or superfluous
        """
        require("cryptography")
        return cls._from_pair(
            as_bytes(certificate), as_bytes(key), passphrase, "nodered_ca_certificate", "nodered_ca_key"
        )

    @classmethod
    def _from_folder(cls, folder: CaDirectory, passphrase: str | None) -> CertificateAuthority | None:
        """None if the folder has none; as if a killed run that was making one had ended."""
        certificate, key = folder.read()
        if certificate is None and key is not None:
            private_keys(key, passphrase, str(folder.key))
            with contextlib.suppress(PkiError):
                return cls._from_pair(folder.unfinished(), key, passphrase, str(folder.certificate), str(folder.key))
        pair = folder.complete(certificate, key)
        return pair and cls._from_pair(*pair, passphrase, str(folder.certificate), str(folder.key))

    @classmethod
    def _from_pair(
        cls, certificate_pem: bytes, key_pem: bytes, passphrase: str | None, certificate_name: str, key_name: str
    ) -> CertificateAuthority:
        """The names are for messages: paths, or what the two are."""
        certificates = certificates_of(certificate_pem, certificate_name)
        certificate = certificates[0]
        check_may_sign(certificate, certificate_name)
        check_order(certificates, certificate_name)
        # While it is replaced, ca.key has two of them.
        fitting = [
            key
            for key in private_keys(key_pem, passphrase, key_name)
            if public_bytes(key.public_key()) == public_bytes(certificate.public_key())
        ]
        if not fitting:
            raise PkiError(
                f"The key in {key_name} does not fit {certificate_name}: put back the pair that belongs together."
            )
        return cls(certificate, fitting[0], tuple(certificates[1:]))

    # Renewed, replaced

    @classmethod
    def renew(
        cls,
        directory: str | os.PathLike[str],
        passphrase: str | None = None,
        days: int = DEFAULT_CA_DAYS,
        instead_of: str | None = None,
        now: datetime.datetime | None = None,
    ) -> CertificateAuthority:
        """Another certificate for the same name and key, valid from now on, with the extensions of the former.

        What the key has signed is valid under either, so that no host needs a new certificate. The former stays in
        `ca.pem` until it expires. Browsers have to trust the new one before that. A kill at any time leaves the folder
        as it was, or done.

        :param days: validity of the new one, 1 to 36500
        :param instead_of: the `fingerprint` of the certificate to renew; if another one signs by now, somebody else
            was faster, and nothing is done. None: whichever signs.
        :returns: the authority as it is now; `created` tells whether this call did it
        :raises PkiError: as `load_or_create`; there is no authority; its certificate is not a root
        """
        require("cryptography")
        now = now or now_utc()
        check_days(days, MAX_CA_DAYS, "The validity of the CA")
        with cls._to_change(directory, passphrase, instead_of) as (folder, former, meant):
            if not meant:
                return former
            certificate = renewed(former.certificate, former.key, days, now)
            others = still_needed(certificate, (former.certificate, *former.others), now)
            folder.put_certificates(pem_of(certificate, *others))
            return cls(certificate, former.key, others, created=True)

    @classmethod
    def replace(
        cls,
        directory: str | os.PathLike[str],
        passphrase: str | None = None,
        common_name: str = DEFAULT_CA_NAME,
        days: int = DEFAULT_CA_DAYS,
        permitted: Iterable[str] | None = None,
        instead_of: str | None = None,
        now: datetime.datetime | None = None,
        key_type: str | None = None,
    ) -> CertificateAuthority:
        """A new root with a key of its own, and for a while both are trusted.

        The former root signs a cross certificate for it (RFC 5280, 3.2), which ends with the former. Servers send it,
        so that a browser accepts their new certificates whether it trusts the new or the former root; that works for
        the root before the former too. The former key is gone. A kill at any time leaves the folder as it was, or done.

        That is for a key that gets old. One that was stolen is to be trusted no more: move the folder away instead.

        :param passphrase: opens the former key and encrypts the new one
        :param common_name: as in `load_or_create`
        :param days: validity of the new one, 1 to 36500
        :param permitted: as in `load_or_create`, but None: the same as the former
        :param key_type: as in `load_or_create`, but None: the same as the former where that is one of `KEY_TYPES`
        :param instead_of: the `fingerprint` of the certificate to replace; if another one signs by now, somebody else
            was faster, and nothing is done. None: whichever signs.
        :returns: the authority as it is now. `created` tells whether this call did it, `warnings` whom the new
            certificates of servers will not reach.
        :raises PkiError: as `load_or_create`; there is no authority; its certificate is not a root
        """
        require("cryptography")
        now = now or now_utc()
        with cls._to_change(directory, passphrase, instead_of) as (folder, former, meant):
            if not meant:
                return former
            constraints = (
                extension(former.certificate.extensions, x509.NameConstraints)
                if permitted is None
                else name_constraints(permitted)
            )
            same = former.key_type if former.key_type in KEY_TYPES else KEY_TYPES[0]
            certificate, key = new_root(common_name, days, constraints, now, key_type or same)
            cross, warnings = cross_signed(certificate, former.certificate, former.key, now)
            others = still_needed(certificate, (*cross, former.certificate, *former.others), now)
            folder.put(
                pem_of(certificate, *others),
                pem_of_key(key, passphrase),
                pem_of_key(former.key, passphrase),
            )
            return cls(certificate, key, others, created=True, warnings=warnings)

    @classmethod
    @contextlib.contextmanager
    def _to_change(
        cls, directory: str | os.PathLike[str], passphrase: str | None, instead_of: str | None
    ) -> Iterator[tuple[CaDirectory, CertificateAuthority, bool]]:
        """The locked folder, the authority in it, and whether that is the one meant.

        :raises PkiError: there is none, or it is not a root
        """
        folder = CaDirectory(directory)
        missing = PkiError(f"There is no CA in {folder.path} yet: secure a host first, which makes one.")
        if folder.read() == (None, None):
            raise missing
        with folder.locked():
            former = cls._from_folder(folder, passphrase)
            if former is None:
                raise missing
            folder.finish(pem_of_key(former.key, passphrase))
            if instead_of is not None and instead_of != sha256_of(former.certificate):
                yield folder, former, False
                return
            if not is_self_signed(former.certificate):
                raise PkiError(
                    f"The CA '{text_of(former.certificate.subject)}' in {folder.path} is not a root: have"
                    f" '{text_of(former.certificate.issuer)}', which signed it, sign a new one, and put that there."
                )
            yield folder, former, True

    def warning(self, days: int, now: datetime.datetime | None = None) -> str | None:
        """What to tell the user if the authority ends before a certificate issued now for so many days, else None."""
        end = last_second(now or now_utc(), days)
        if end > self.certificate.not_valid_after_utc:
            return (
                f"The CA '{text_of(self.certificate.subject)}' expires on"
                f" {date(self.certificate.not_valid_after_utc)}, and so do the certificates it issues, although"
                f" {days} days are asked for: renew or replace it in time, since every browser has to trust the new"
                " one."
            )
        for each in self._binding[1:]:
            if end > each.not_valid_after_utc:
                return (
                    f"The CA '{text_of(each.subject)}', which signed that of the fleet, expires on"
                    f" {date(each.not_valid_after_utc)}. From then on, browsers refuse all certificates below it: have"
                    " it renewed in time."
                )
        return None

    # What it signs

    @property
    def is_constrained(self) -> bool:
        """Whether any of its certificates has nameConstraints."""
        return any(extension(each.extensions, x509.NameConstraints) for each in (self.certificate, *self.others))

    def permits(self, name: str) -> bool:
        """Whether it may sign for a DNS name or an IP address, by its own nameConstraints and those of what signed it.

        :param name: in the short form of `Names`
        """
        return all(permits_name(each, name) for each in self._binding)

    @property
    def permitted_text(self) -> str:
        """What its certificate may sign for, in words."""
        return described(extension(self.certificate.extensions, x509.NameConstraints))

    def permitted_warning(self, permitted: Iterable[str]) -> str | None:
        """What to tell the user if the authority may sign for something else than asked for, else None.

        :raises PkiError: an entry of `permitted` is neither domain nor network
        """
        asked = name_constraints(permitted)
        permitted_by_ca = extension(self.certificate.extensions, x509.NameConstraints)
        if subtrees(asked) == subtrees(permitted_by_ca):
            return None
        return (
            f"The CA '{text_of(self.certificate.subject)}' may sign for {self.permitted_text}, although"
            f" nodered_ca_permitted says {described(asked)}. What a CA may sign for cannot be changed: replace it"
            " by a new one, and make every browser trust that."
        )

    @property
    def key_type(self) -> str:
        """The type of its key, such as `ecdsa-p256`."""
        return kind_of_key(self.certificate.public_key())

    def key_type_warning(self, key_type: str) -> str | None:
        """What to tell the user if its key is of another type than asked for, else None.

        :param key_type: one of `KEY_TYPES`
        """
        if self.key_type == key_type:
            return None
        return (
            f"The key of the CA '{text_of(self.certificate.subject)}' is of the type {self.key_type}, although"
            f" nodered_ca_key_type says {key_type}. A CA keeps its key: replace it by a new one with"
            " pifleet.nodered.rotate -e nodered_rotate=authority, and make every browser trust that."
        )

    def check_permits(self, names: Names) -> None:
        """Whether it may sign for all of the names.

        :raises PkiError: it may not; all that it refuses are named
        """
        for certificate in self._binding:
            refused = [name for name in (*names.dns, *names.ips) if not permits_name(certificate, name)]
            if refused:
                allowed = described(extension(certificate.extensions, x509.NameConstraints))
                raise PkiError(
                    f"The CA '{text_of(certificate.subject)}' may sign for {allowed}, but not for {', '.join(refused)}:"
                    " remove that from nodered_certificate_names or from the inventory, or add it to"
                    " nodered_ca_permitted and replace the CA by a new one: pifleet.nodered.rotate -e nodered_rotate=authority."
                )

    def sent_with(self, names: Names, now: datetime.datetime | None = None) -> tuple[x509.Certificate, ...]:
        """What a server with these names sends after its own certificate; never a root, nothing that has expired.

        Cross certificates are among it as far as a browser that trusts the root behind them would accept the whole
        (path length, nameConstraints).
        """
        now = now or now_utc()
        sent: list[x509.Certificate] = []
        at: x509.Certificate | None = self.certificate
        crossing = False
        while at is not None:
            if is_self_signed(at):
                crossing = True
                at = next((each for each in self.intermediates if is_same_authority(each, at)), None)
            if at is None or at in sent or not is_valid_at(at, now):
                break
            issuer = self._issuer_of(at)
            if crossing and not (issuer and accepts_path(issuer, at, len(sent), names)):
                break
            sent.append(at)
            at = issuer
        return tuple(sent)

    @functools.cached_property
    def _binding(self) -> tuple[x509.Certificate, ...]:
        """Its certificate and those that signed it, up to the first root: nobody gets around their constraints."""
        binding = [self.certificate]
        while not is_self_signed(binding[-1]):
            issuer = self._issuer_of(binding[-1])
            if issuer is None or issuer in binding:
                break
            binding.append(issuer)
        return tuple(binding)

    def _issuer_of(self, certificate: x509.Certificate) -> x509.Certificate | None:
        return next((each for each in self.others if each != certificate and is_issued_by(certificate, each)), None)
