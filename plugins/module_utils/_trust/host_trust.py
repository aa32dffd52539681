# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a Debian keeps whom it trusts: the system's store, and the NSS databases of its users' browsers.

What this collection has put somewhere carries its mark and the start of its fingerprint in its name, so that it is found
again, and nothing else is taken away.
"""

from __future__ import annotations

import contextlib
import shutil

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from . import programs
from .nss_database import Databases
from .system_store import SystemStore

#: The name of the system's store in results.
SYSTEM = "system"


class HostTrust:
    """Whom the system and the browsers of some users trust, and what differs from what is wanted."""

    def __init__(self, users, check_mode, store=None):
        self._check_mode = check_mode
        self._store = store or SystemStore()
        self._store.check()
        self._users = [Databases(name) for name in dict.fromkeys(users)]
        self._has_certutil = shutil.which("certutil", path=programs.PATH) is not None
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
                self._change(
                    database.folder,
                    user,
                    [each.fingerprint for each in authorities],
                    True,
                    lambda database=database: self._make(database, authorities),
                )
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
        found = self._store.entries_of_ours()
        if found:
            self._certificates.update({fingerprint: pem for _path, fingerprint, pem in found})
            self._change(
                SYSTEM,
                None,
                [fingerprint for _path, fingerprint, _pem in found],
                False,
                lambda: self._store.remove([path for path, _fingerprint, _pem in found]),
            )
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
        for nickname, fingerprint in database.entries_of_ours():
            self._certificates[fingerprint] = database.certificate(nickname, fingerprint)
            self._change(
                database.folder, user, [fingerprint], False, lambda nickname=nickname: database.remove(nickname)
            )

    def _change(self, store, user, fingerprints, after, do):
        if store not in self._stores:
            self._stores.append(store)
        with self._collected():
            if not self._check_mode:
                do()
            self._differences += [
                {
                    "store": store,
                    "user": user.account.name if user else None,
                    "fingerprint": fingerprint,
                    "after": after,
                }
                for fingerprint in fingerprints
            ]

    @contextlib.contextmanager
    def _collected(self):
        """Go on with the next store after an error."""
        try:
            yield
        except HostError as exc:
            self._errors.append(str(exc))

    def _tell_of_certutil(self):
        context = (
            "The databases of browsers are read and written with certutil, which this host lacks: install its package "
            "libnss3-tools."
        )
        if not self._check_mode:
            raise HostError(context)
        self._warnings.append(context + " What they hold is not known to check mode.")

    def _result(self):
        if self._errors:
            raise HostError(" ".join(self._errors))
        result = {
            "changed": bool(self._differences),
            "differences": self._differences,
            "stores": self._stores,
            "certificates": self._certificates,
        }
        if self._warnings:
            result["warnings"] = self._warnings
        return result
