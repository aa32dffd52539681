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

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from .programs import run
from .system_store import PEM

_NICKNAME = re.compile(r".*\(pifleet-nodered-([0-9a-f]{16})\)")

#: A line of `certutil -L`: a nickname, and for whom it is trusted.
_ENTRY = re.compile(r"(.*\S)\s+([a-zA-Z]*),[a-zA-Z]*,[a-zA-Z]*\s*")

#: What `certutil -L -n` says of a certificate: its fingerprint, and for which servers and clients it is trusted.
_FINGERPRINT = "Fingerprint (SHA-256):"

_SERVER_TRUST = re.compile(r"SSL Flags:(.*?)Email Flags:", re.DOTALL)

#: Folders below a home that may hold a database, of Chromium and its relatives and of Firefox's profiles; as packages of
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

#: Chromium's own: below this folder, if it is there, the first is made when there is none of them. Chromium takes that one
#: where it is, and has made the second since its version 146.
_CHROMIUM = (
    ("", (".pki/nssdb", ".local/share/pki/nssdb")),
    ("snap/chromium/current", (".pki/nssdb", ".local/share/pki/nssdb")),
    (".var/app/org.chromium.Chromium", (".pki/nssdb", "data/pki/nssdb")),
)


class Databases:
    """The NSS databases of one user. Every access has the rights of that user and no more."""

    def __init__(self, name):
        try:
            pwd.getpwnam(name)
        except KeyError:
            raise HostError("The user %s does not exist on this host. Correct nodered_trust_users." % name) from None
        self.account = Account(name)
        with self.account.rights():
            if not os.path.isdir(self.account.home):
                raise HostError("The user %s has no home folder %s." % (name, self.account.home))

    def found(self):
        """The databases that are there."""
        home = glob.escape(self.account.home)
        with self.account.rights():
            folders = [
                folder
                for pattern in _DATABASES
                for folder in sorted(glob.glob(os.path.join(home, pattern)))
                if self._is_database(folder)
            ]
            # A link to another one is the same.
            distinct = {os.path.realpath(folder): folder for folder in reversed(folders)}
        return [Database(folder, self.account) for folder in reversed(distinct.values())]

    def missing(self):
        """Those that Chromium would make at its first start."""
        missing = []
        with self.account.rights():
            for application, folders in _CHROMIUM:
                top = os.path.join(self.account.home, application) if application else self.account.home
                paths = [os.path.join(top, folder) for folder in folders]
                if os.path.isdir(top) and not any(map(self._is_database, paths)):
                    missing.append(Database(paths[0], self.account))
        return missing

    @staticmethod
    def _is_database(folder):
        return os.path.isfile(os.path.join(folder, "cert9.db"))


class Database:
    """An NSS database: a folder with cert9.db, which certutil reads and writes as its user."""

    def __init__(self, folder, account):
        self.folder = folder
        self.account = account

    def make(self):
        """Make the database, without a password, and its folder."""
        with self.account.rights():
            for folder in (os.path.dirname(self.folder), self.folder):
                try:
                    os.mkdir(folder, 0o700)
                except FileExistsError:
                    pass
                except OSError as exc:
                    raise HostError(
                        "The folder %s cannot be made as %s: %s." % (folder, self.account.name, os.strerror(exc.errno))
                    ) from exc
        self._certutil("-N", "--empty-password")

    def trusted(self, authorities):
        """Those of the authorities that are here and trusted for servers, under whatever nickname."""
        nicknames = {each.nickname for each in authorities}
        found = {}
        for nickname, trust in self._entries():
            if nickname in nicknames:
                found.update(self._details(nickname))
            elif "C" in trust:
                # The nickname of somebody else's may be one that certutil cannot be asked for.
                with contextlib.suppress(HostError):
                    found.update(self._details(nickname))
        return {each.fingerprint for each in authorities if found.get(each.fingerprint)}

    def entries_of_ours(self):
        """What this module put here, as pairs of nickname and fingerprint."""
        found = []
        for nickname, _trust in self._entries():
            match = _NICKNAME.fullmatch(nickname)
            for fingerprint in sorted(self._details(nickname)) if match else ():
                if fingerprint.startswith(match.group(1)):
                    found.append((nickname, fingerprint))
        return found

    def add(self, authority):
        """Trust an authority for servers, and for nothing else."""
        former = self.entries_of_ours()
        try:
            self._certutil("-A", "-t", "C,,", "-n", authority.nickname, "-a", given=authority.pem.decode("ascii"))
        except HostError as exc:
            # Without the password of the database it is there, but not trusted.
            if (authority.nickname, authority.fingerprint) in set(self.entries_of_ours()) - set(former):
                self.remove(authority.nickname)
            if "SEC_ERROR_BAD_PASSWORD" in str(exc):
                raise HostError(
                    "%s has a password (in Firefox, the primary password): let the browser itself import the "
                    "authority, as docs/trust.md says." % self.folder
                ) from None
            raise
        if authority.fingerprint not in self.trusted([authority]):
            raise HostError(
                "certutil has run, but %s does not trust the authority %s." % (self.folder, authority.fingerprint)
            )

    def remove(self, nickname):
        """Take away what `entries_of_ours` named."""
        self._certutil("-D", "-n", nickname)

    def certificate(self, nickname, fingerprint):
        """The PEM of one that is here."""
        for body in PEM.findall(self._certutil("-L", "-n", nickname, "-a")):
            if hashlib.sha256(base64.b64decode(body)).hexdigest() == fingerprint:
                return "-----BEGIN CERTIFICATE-----%s-----END CERTIFICATE-----\n" % body
        raise HostError("%s does not show the certificate %s." % (self.folder, fingerprint))

    def _entries(self):
        return entries_of(self._certutil("-L"))

    def _details(self, nickname):
        return details_of(self._certutil("-L", "-n", nickname))

    def _certutil(self, *arguments, **options):
        if os.geteuid() == 0 and self.account.uid != 0:
            options.update(user=self.account.uid, group=self.account.gid, extra_groups=self.account.groups)
        return run(
            ["certutil", "-d", "sql:%s" % self.folder, *arguments],
            "%s of %s" % (self.folder, self.account.name),
            variables={"HOME": self.account.home},
            umask=0o077,
            **options,
        )


def entries_of(listed):
    """Pairs of nickname and trust for servers, from what `certutil -L` prints."""
    return [match.groups() for match in map(_ENTRY.fullmatch, listed.splitlines()) if match]


def details_of(printed):
    """Fingerprints, and whether each is trusted as an authority for servers, from what `certutil -L -n` prints.

    It prints all the certificates that have the subject of the one asked for.
    """
    found = {}
    for part in printed.split(_FINGERPRINT)[1:]:
        trust = _SERVER_TRUST.search(part)
        found[part.split(None, 1)[0].replace(":", "").lower()] = bool(trust and "Trusted CA" in trust.group(1))
    return found
