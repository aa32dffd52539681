# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a Debian keeps whom it trusts: the system's store, and the NSS databases of its users' browsers.

What this collection has put somewhere carries its mark and the start of its fingerprint in its name, so that it is found
again, and nothing else is taken away.
"""

from __future__ import annotations

import base64
import contextlib
import glob
import hashlib
import os
import pwd
import re
import shutil
import subprocess

from ansible_collections.pifleet.nodered.plugins.module_utils import _files as files
from ansible_collections.pifleet.nodered.plugins.module_utils._files import Account, HostError

#: The name of the system's store in results.
SYSTEM = "system"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Seconds that a program may take. update-ca-certificates needs some on a slow card.
_TIMEOUT = 300

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_FILE = re.compile(r"pifleet-nodered-([0-9a-f]{16})\.crt(\.removed)?")
_NICKNAME = re.compile(r".*\(pifleet-nodered-([0-9a-f]{16})\)")
#: A line of `certutil -L`: a nickname, and for whom it is trusted.
_ENTRY = re.compile(r"(.*\S)\s+([a-zA-Z]*),[a-zA-Z]*,[a-zA-Z]*\s*")
#: What `certutil -L -n` says of a certificate: its fingerprint, and for which servers and clients it is trusted.
_FINGERPRINT = "Fingerprint (SHA-256):"
_SERVER_TRUST = re.compile(r"SSL Flags:(.*?)Email Flags:", re.DOTALL)

#: Folders below a home that may hold a database, of Chromium and its relatives and of Firefox's profiles; as packages of
#: Debian, as snaps and as flatpaks.
_DATABASES = (
    ".pki/nssdb", ".local/share/pki/nssdb",
    "snap/*/current/.pki/nssdb", "snap/*/current/.local/share/pki/nssdb",
    ".var/app/*/.pki/nssdb", ".var/app/*/data/pki/nssdb",
    ".mozilla/firefox/*", ".config/mozilla/firefox/*",
    "snap/firefox/common/.mozilla/firefox/*", "snap/firefox/common/.config/mozilla/firefox/*",
    ".var/app/*/.mozilla/firefox/*", ".var/app/*/config/mozilla/firefox/*",
)
#: Chromium's own: below this folder, if it is there, the first is made when there is none of them. Chromium takes that one
#: where it is, and has made the second since its version 146.
_CHROMIUM = (
    ("", (".pki/nssdb", ".local/share/pki/nssdb")),
    ("snap/chromium/current", (".pki/nssdb", ".local/share/pki/nssdb")),
    (".var/app/org.chromium.Chromium", (".pki/nssdb", "data/pki/nssdb")),
)


class Authority:
    """The certificate of an authority, and what it is called in a database."""

    def __init__(self, pem, nickname):
        (body,) = _PEM.findall(pem)
        self.pem = pem.encode("ascii")
        self.der = base64.b64decode(body)
        self.fingerprint = hashlib.sha256(self.der).hexdigest()
        self.nickname = nickname


def certificates_in(content):
    """The DER of every certificate in the bytes of a PEM file."""
    return {base64.b64decode(body) for body in _PEM.findall((content or b"").decode("ascii", "replace"))}


def run(command, said, given="", variables=(), **options):
    """The output of a program that is given a text; HostError, which begins with ``said``, when it fails."""
    try:
        result = subprocess.run(
            command, input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
            errors="surrogateescape", cwd="/", env={"PATH": _PATH, "LC_ALL": "C.UTF-8", **dict(variables)},
            # Without a terminal nothing can ask for a password there.
            start_new_session=True, timeout=_TIMEOUT, check=False, **options)
    except subprocess.TimeoutExpired:
        raise HostError("%s: %s did not end within %d seconds." % (said, command[0], _TIMEOUT)) from None
    except OSError as exc:
        raise HostError("%s: %s cannot be run: %s." % (said, command[0], os.strerror(exc.errno))) from exc
    if result.returncode:
        raise HostError("%s: %s" % (said, result.stderr.strip()[-2000:] or "%s failed." % command[0]))
    return result.stdout


class SystemStore:
    """What curl, Python and most programs of a Debian trust."""

    def __init__(self, given="/usr/local/share/ca-certificates", effective="/etc/ssl/certs",
                 update="update-ca-certificates"):
        self.given = given
        self.effective = effective
        self._update_command = update

    def check(self):
        """HostError where the host has no such store."""
        if not os.path.isdir(self.effective) or not shutil.which(self._update_command, path=_PATH):
            raise HostError("This host has no store of certificate authorities: install its package ca-certificates.")

    def trusted(self, authorities):
        """Those of the authorities whose file is in place and whose programs see it."""
        seen = certificates_in(files.read(os.path.join(self.effective, "ca-certificates.crt"))) & self._hashed()
        return {each.fingerprint for each in authorities if each.der in seen and self._is_in_place(each)}

    def put_here(self):
        """What this module put here: path, fingerprint and PEM of each."""
        found = []
        for path, name in self._own_files():
            content = files.read(path)
            fingerprints = [hashlib.sha256(der).hexdigest() for der in certificates_in(content)]
            # A file of that name with other content is somebody else's.
            if len(fingerprints) == 1 and fingerprints[0].startswith(name):
                found.append((path, fingerprints[0], content.decode("ascii", "replace")))
        return found

    def add(self, authorities):
        """Have the system trust these."""
        os.makedirs(self.given, mode=0o755, exist_ok=True)
        for each in authorities:
            path = self._path(each)
            if os.path.islink(path):
                files.remove(path)
            files.replace(path, each.pem, 0o644, os.geteuid(), os.getegid())
        self._update()
        missing = {each.fingerprint for each in authorities} - self.trusted(authorities)
        if missing:
            raise HostError("update-ca-certificates has run, but %s does not show the authority %s."
                            % (self.effective, ", ".join(sorted(missing))))

    def remove(self, paths):
        """Take away files that `put_here` named."""
        # Under another name until the store is made anew, so that a run that is killed here is finished by the next.
        waiting = [path if path.endswith(".removed") else path + ".removed" for path in paths]
        for path, renamed in zip(paths, waiting):
            os.replace(path, renamed)
        # Only a fresh store loses the links to what is gone.
        self._update("--fresh")
        for path in waiting:
            files.remove(path)

    def _path(self, authority):
        return os.path.join(self.given, "pifleet-nodered-%s.crt" % authority.fingerprint[:16])

    def _own_files(self):
        names = sorted(os.listdir(self.given)) if os.path.isdir(self.given) else []
        return [(os.path.join(self.given, name), match.group(1))
                for name, match in ((name, _FILE.fullmatch(name)) for name in names) if match]

    def _is_in_place(self, authority):
        path = self._path(authority)
        if os.path.islink(path) or certificates_in(files.read(path)) != {authority.der}:
            return False
        found = files.status(path)
        return found["mode"] == "0644" and found["uid"] == os.geteuid()

    def _hashed(self):
        """The DER of what OpenSSL finds by the hash of its subject."""
        found = set()
        for name in os.listdir(self.effective):
            if re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", name):
                with contextlib.suppress(HostError):
                    found |= certificates_in(files.read(os.path.join(self.effective, name)))
        return found

    def _update(self, *arguments):
        run([self._update_command, *arguments], "The store of certificate authorities cannot be updated")


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
            folders = [folder for pattern in _DATABASES for folder in sorted(glob.glob(os.path.join(home, pattern)))
                       if self._is_database(folder)]
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
                    raise HostError("The folder %s cannot be made as %s: %s."
                                    % (folder, self.account.name, os.strerror(exc.errno))) from exc
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

    def put_here(self):
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
        former = self.put_here()
        try:
            self._certutil("-A", "-t", "C,,", "-n", authority.nickname, "-a", given=authority.pem.decode("ascii"))
        except HostError as exc:
            # Without the password of the database it is there, but not trusted.
            if (authority.nickname, authority.fingerprint) in set(self.put_here()) - set(former):
                self.remove(authority.nickname)
            if "SEC_ERROR_BAD_PASSWORD" in str(exc):
                raise HostError("%s has a password (in Firefox, the primary password): let the browser itself import the "
                                "authority, as docs/trust.md says." % self.folder) from None
            raise
        if authority.fingerprint not in self.trusted([authority]):
            raise HostError("certutil has run, but %s does not trust the authority %s."
                            % (self.folder, authority.fingerprint))

    def remove(self, nickname):
        """Take away what `put_here` named."""
        self._certutil("-D", "-n", nickname)

    def certificate(self, nickname, fingerprint):
        """The PEM of one that is here."""
        for body in _PEM.findall(self._certutil("-L", "-n", nickname, "-a")):
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
            ["certutil", "-d", "sql:%s" % self.folder, *arguments], "%s of %s" % (self.folder, self.account.name),
            variables={"HOME": self.account.home}, umask=0o077, **options)


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


class HostTrust:
    """Whom the system and the browsers of some users trust, and what differs from what is wanted."""

    def __init__(self, users, check_mode, store=None):
        self._check_mode = check_mode
        self._store = store or SystemStore()
        self._store.check()
        self._users = [Databases(name) for name in dict.fromkeys(users)]
        self._has_certutil = shutil.which("certutil", path=_PATH) is not None
        self._differences = []
        self._errors = []
        self._warnings = []
        self._stores = [SYSTEM]
        #: PEM by fingerprint of what was taken away, for the control node to describe.
        self._certificates = {}

    def present(self, authorities):
        """Have all of them trusted everywhere."""
        if self._users and not self._has_certutil:
            self._tell_of_certutil()
        missing = [each for each in authorities if each.fingerprint not in self._store.trusted(authorities)]
        if missing:
            self._change(SYSTEM, None, [each.fingerprint for each in missing], True, lambda: self._store.add(missing))
        for user in self._users:
            for database in user.missing():
                self._change(database.folder, user, [each.fingerprint for each in authorities], True,
                             lambda database=database: self._make(database, authorities))
            for database in user.found():
                with self._collected():
                    if database.folder not in self._stores:
                        self._trust(user, database, authorities)
        return self._result()

    def absent(self):
        """Take away what this module put anywhere."""
        databases = [(user, database) for user in self._users for database in user.found()]
        if databases and not self._has_certutil:
            self._tell_of_certutil()
            databases = []
        found = self._store.put_here()
        if found:
            self._certificates.update({fingerprint: pem for _path, fingerprint, pem in found})
            self._change(SYSTEM, None, [fingerprint for _path, fingerprint, _pem in found], False,
                         lambda: self._store.remove([path for path, _fingerprint, _pem in found]))
        for user, database in databases:
            with self._collected():
                self._distrust(user, database)
        return self._result()

    def _make(self, database, authorities):
        database.make()
        for each in authorities:
            database.add(each)

    def _trust(self, user, database, authorities):
        trusted = database.trusted(authorities) if self._has_certutil else set()
        missing = [each for each in authorities if each.fingerprint not in trusted]
        self._stores.append(database.folder)
        for each in missing:
            self._change(database.folder, user, [each.fingerprint], True, lambda each=each: database.add(each))

    def _distrust(self, user, database):
        self._stores.append(database.folder)
        for nickname, fingerprint in database.put_here():
            self._certificates[fingerprint] = database.certificate(nickname, fingerprint)
            self._change(database.folder, user, [fingerprint], False, lambda nickname=nickname: database.remove(nickname))

    def _change(self, store, user, fingerprints, after, do):
        if store not in self._stores:
            self._stores.append(store)
        with self._collected():
            if not self._check_mode:
                do()
            self._differences += [
                {"store": store, "user": user.account.name if user else None, "fingerprint": fingerprint, "after": after}
                for fingerprint in fingerprints]

    @contextlib.contextmanager
    def _collected(self):
        """Go on with the next store after an error."""
        try:
            yield
        except HostError as exc:
            self._errors.append(str(exc))

    def _tell_of_certutil(self):
        said = ("The databases of browsers are read and written with certutil, which this host lacks: install its package "
                "libnss3-tools.")
        if not self._check_mode:
            raise HostError(said)
        self._warnings.append(said + " What they hold is not known to check mode.")

    def _result(self):
        if self._errors:
            raise HostError(" ".join(self._errors))
        result = {"changed": bool(self._differences), "differences": self._differences, "stores": self._stores,
                  "certificates": self._certificates}
        if self._warnings:
            result["warnings"] = self._warnings
        return result
