# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The NSS databases in which browsers keep whom they trust, one user's at a time."""

from __future__ import annotations

import base64
import contextlib
import glob
import hashlib
import os
import pwd
import re
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import reason

from .programs import run
from .system_store import PEM, Authority

if t.TYPE_CHECKING:
    from collections.abc import Iterable

_NICKNAME = re.compile(r".*\(pifleet-nodered-([0-9a-f]{16})\)")

#: A line of `certutil -L`: a nickname, and for whom it is trusted.
_ENTRY = re.compile(r"(.*\S)\s+([a-zA-Z]*),[a-zA-Z]*,[a-zA-Z]*\s*")

#: What `certutil -L -n` says of a certificate: its fingerprint, and for which servers and clients it is trusted.
_FINGERPRINT = "Fingerprint (SHA-256):"


#: Directories below a home that may hold a database, of Chromium and its relatives and of Firefox's profiles; as packages of
#: Debian, as snaps and as flatpaks.
_DATABASES = (
    ".pki/nssdb",
    ".local/share/pki/nssdb",
    "snap/*/current/.pki/nssdb",
    "snap/*/current/.local/share/pki/nssdb",
    ".var/app/*/.pki/nssdb",
    ".var/app/*/data/pki/nssdb",
    ".mozilla/firefox/*",
    ".config/mozilla/firefox/*",
    "snap/firefox/common/.mozilla/firefox/*",
    "snap/firefox/common/.config/mozilla/firefox/*",
    ".var/app/*/.mozilla/firefox/*",
    ".var/app/*/config/mozilla/firefox/*",
)

#: Chromium's own: below this directory, if it is there, the first is made when there is none of them. Chromium takes that one
#: where it is, and has made the second since its version 146.
_CHROMIUM = (
    ("", (".pki/nssdb", ".local/share/pki/nssdb")),
    ("snap/chromium/current", (".pki/nssdb", ".local/share/pki/nssdb")),
    (".var/app/org.chromium.Chromium", (".pki/nssdb", "data/pki/nssdb")),
)


class Databases:
    """The NSS databases of one user. Every access has the rights of that user and no more.

    :param name: the name of the user
    :raises HostError: there is no such user, or it has no home
    """

    def __init__(self, name: str) -> None:
        try:
            pwd.getpwnam(name)
        except KeyError:
            raise HostError(f"The user {name} does not exist on this host. Correct nodered_trust_users.") from None
        self.account = Account(name)
        with self.account.rights():
            if not os.path.isdir(self.account.home):
                raise HostError(f"The user {name} has no home directory {self.account.home}.")

    def present(self) -> list[Database]:
        """The databases that are there."""
        home = glob.escape(self.account.home)
        with self.account.rights():
            directories = [
                directory
                for pattern in _DATABASES
                for directory in sorted(glob.glob(os.path.join(home, pattern)))
                if self._is_database(directory)
            ]
            # A link to another one is the same.
            distinct = {os.path.realpath(directory): directory for directory in reversed(directories)}
        return [Database(directory, self.account) for directory in reversed(distinct.values())]

    def missing(self) -> list[Database]:
        """Those that Chromium would make at its first start."""
        missing = []
        with self.account.rights():
            for application, names in _CHROMIUM:
                top = os.path.join(self.account.home, application) if application else self.account.home
                paths = [os.path.join(top, name) for name in names]
                if os.path.isdir(top) and not any(map(self._is_database, paths)):
                    missing.append(Database(paths[0], self.account))
        return missing

    @staticmethod
    def _is_database(directory: str) -> bool:
        return os.path.isfile(os.path.join(directory, "cert9.db"))


class Database:
    """An NSS database: a directory with cert9.db, which certutil reads and writes as its user.

    :param directory: the directory
    :param account: the user
    """

    def __init__(self, directory: str, account: Account) -> None:
        self.directory = directory
        self.account = account

    def make(self) -> None:
        """Make the database, without a password, and its directory.

        :raises HostError: it cannot be made
        """
        with self.account.rights():
            for directory in (os.path.dirname(self.directory), self.directory):
                try:
                    os.mkdir(directory, 0o700)
                except FileExistsError:
                    pass
                except OSError as exc:
                    raise HostError(
                        f"The directory {directory} cannot be made as {self.account.name}: {reason(exc)}."
                    ) from exc
        self._certutil("-N", "--empty-password")

    def trusted(self, authorities: Iterable[Authority]) -> set[str]:
        """The fingerprints of those authorities that are here and trusted for servers, under whatever nickname."""
        nicknames = {each.nickname for each in authorities}
        details: dict[str, bool] = {}
        for nickname, trust in self._entries():
            if nickname in nicknames:
                details.update(self._details(nickname))
            elif "C" in trust:
                # The nickname of somebody else's may be one that certutil cannot be asked for.
                with contextlib.suppress(HostError):
                    details.update(self._details(nickname))
        return {each.fingerprint for each in authorities if details.get(each.fingerprint)}

    def entries_of_ours(self) -> list[tuple[str, str]]:
        """What this module put here, as pairs of nickname and fingerprint."""
        entries = []
        for nickname, _trust in self._entries():
            match = _NICKNAME.fullmatch(nickname)
            if match:
                fingerprints = sorted(self._details(nickname))
                entries += [(nickname, each) for each in fingerprints if each.startswith(match.group(1))]
        return entries

    def add(self, authority: Authority) -> None:
        """Trust an authority for servers, and for nothing else.

        :raises HostError: the database has a password, or cannot be written
        """
        former = self.entries_of_ours()
        try:
            self._certutil("-A", "-t", "C,,", "-n", authority.nickname, "-a", given=authority.pem.decode("ascii"))
        except HostError as exc:
            # Without the password of the database it is there, but not trusted.
            if (authority.nickname, authority.fingerprint) in set(self.entries_of_ours()) - set(former):
                self.remove(authority.nickname)
            if "SEC_ERROR_BAD_PASSWORD" in str(exc):
                raise HostError(
                    f"{self.directory} has a password (in Firefox, the primary password): let the browser itself import the"
                    " authority, as docs/trust.md says."
                ) from None
            raise
        if authority.fingerprint not in self.trusted([authority]):
            raise HostError(
                f"certutil has run, but {self.directory} does not trust the authority {authority.fingerprint}."
            )

    def remove(self, nickname: str) -> None:
        """Take away what `entries_of_ours` named."""
        self._certutil("-D", "-n", nickname)

    def certificate(self, nickname: str, fingerprint: str) -> str:
        """The PEM of one that is here.

        :raises HostError: it is not here any more
        """
        for body in PEM.findall(self._certutil("-L", "-n", nickname, "-a")):
            if hashlib.sha256(base64.b64decode(body)).hexdigest() == fingerprint:
                return f"-----BEGIN CERTIFICATE-----{body}-----END CERTIFICATE-----\n"
        raise HostError(f"{self.directory} does not show the certificate {fingerprint}.")

    def _entries(self) -> list[tuple[str, str]]:
        return entries_of(self._certutil("-L"))

    def _details(self, nickname: str) -> dict[str, bool]:
        return details_of(self._certutil("-L", "-n", nickname))

    def _certutil(self, *arguments: str, **options: t.Any) -> str:
        if os.geteuid() == 0 and self.account.uid != 0:
            options.update(user=self.account.uid, group=self.account.gid, extra_groups=self.account.groups)
        return run(
            ["certutil", "-d", f"sql:{self.directory}", *arguments],
            f"{self.directory} of {self.account.name}",
            variables={"HOME": self.account.home},
            umask=0o077,
            **options,
        )


def entries_of(listed: str) -> list[tuple[str, str]]:
    """Pairs of nickname and trust for servers, from what `certutil -L` prints."""
    return [(match.group(1), match.group(2)) for match in map(_ENTRY.fullmatch, listed.splitlines()) if match]


def details_of(printed: str) -> dict[str, bool]:
    """Whether certificates are trusted as authorities for servers.

    :param printed: what `certutil -L -n` prints: all the certificates that have the subject of the one asked for
    :returns: whether each is trusted, by its fingerprint
    """
    details = {}
    for part in printed.split(_FINGERPRINT)[1:]:
        trust, is_whole, _rest = part.partition("SSL Flags:")[2].partition("Email Flags:")
        details[part.split(None, 1)[0].replace(":", "").lower()] = bool(is_whole) and "Trusted CA" in trust
    return details
