# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a Debian keeps whom it trusts: the system's store, and the NSS databases of its users' browsers.

What this collection has put somewhere carries its mark and the start of its fingerprint in its name, so that it is found
again, and nothing else is taken away.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError

from . import programs
from .nss_database import Database, Databases
from .system_store import Authority, SystemStore

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import TrustDifference, TrustResult

#: The name of the system's store in results.
SYSTEM = "system"


class HostTrust:
    """Whom the system and the browsers of some users trust, and what differs from what is wanted.

    :param users: the names of the users
    :param check_mode: whether to change nothing
    :param store: the system's store
    :raises HostError: the host has no such store, or no such user
    """

    def __init__(self, users: Iterable[str], check_mode: bool, store: SystemStore | None = None) -> None:
        self._check_mode = check_mode
        self._store = store or SystemStore()
        self._store.check()
        self._users = [Databases(name) for name in dict.fromkeys(users)]
        self._has_certutil = shutil.which("certutil", path=programs.PATH) is not None
        self._differences: list[TrustDifference] = []
        self._errors: list[str] = []
        self._warnings: list[str] = []
        self._stores = [SYSTEM]
        #: PEM by fingerprint of what was taken away, for the control node to describe.
        self._certificates: dict[str, str] = {}

    def present(self, authorities: Sequence[Authority]) -> TrustResult:
        """Have authorities trusted everywhere.

        :param authorities: all of them
        :returns: what was changed
        :raises HostError: some store cannot be read or written; the others are as they should be
        """
        if self._users and not self._has_certutil:
            self._tell_of_certutil()
        missing = [each for each in authorities if each.fingerprint not in self._store.trusted(authorities)]
        if missing:
            self._change(SYSTEM, None, [each.fingerprint for each in missing], True, lambda: self._store.add(missing))
        for user in self._users:
            for database in user.missing():
                self._change(
                    database.directory,
                    user,
                    [each.fingerprint for each in authorities],
                    True,
                    functools.partial(self._make, database, authorities),
                )
            for database in user.present():
                with self._collected():
                    if database.directory not in self._stores:
                        self._trust(user, database, authorities)
        return self._result()

    def absent(self) -> TrustResult:
        """Take away what this module put anywhere.

        :returns: what was changed
        :raises HostError: some store cannot be read or written; the others are as they should be
        """
        databases = [(user, database) for user in self._users for database in user.present()]
        if databases and not self._has_certutil:
            self._tell_of_certutil()
            databases = []
        entries = self._store.entries_of_ours()
        if entries:
            self._certificates.update({fingerprint: pem for _path, fingerprint, pem in entries})
            self._change(
                SYSTEM,
                None,
                [fingerprint for _path, fingerprint, _pem in entries],
                False,
                lambda: self._store.remove([path for path, _fingerprint, _pem in entries]),
            )
        for user, database in databases:
            with self._collected():
                self._distrust(user, database)
        return self._result()

    @staticmethod
    def _make(database: Database, authorities: Iterable[Authority]) -> None:
        database.make()
        for each in authorities:
            database.add(each)

    def _trust(self, user: Databases, database: Database, authorities: Sequence[Authority]) -> None:
        trusted = database.trusted(authorities) if self._has_certutil else set()
        missing = [each for each in authorities if each.fingerprint not in trusted]
        self._stores.append(database.directory)
        for each in missing:
            self._change(database.directory, user, [each.fingerprint], True, functools.partial(database.add, each))

    def _distrust(self, user: Databases, database: Database) -> None:
        self._stores.append(database.directory)
        for nickname, fingerprint in database.entries_of_ours():
            self._certificates[fingerprint] = database.certificate(nickname, fingerprint)
            self._change(database.directory, user, [fingerprint], False, functools.partial(database.remove, nickname))

    def _change(
        self, store: str, user: Databases | None, fingerprints: Iterable[str], after: bool, do: Callable[[], None]
    ) -> None:
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
    def _collected(self) -> Iterator[None]:
        """Go on with the next store after an error."""
        try:
            yield
        except HostError as exc:
            self._errors.append(str(exc))

    def _tell_of_certutil(self) -> None:
        message = (
            "The databases of browsers are read and written with certutil, which this host lacks: install its package"
            " libnss3-tools."
        )
        if not self._check_mode:
            raise HostError(message)
        self._warnings.append(f"{message} What they hold is not known to check mode.")

    def _result(self) -> TrustResult:
        if self._errors:
            raise HostError(" ".join(self._errors))
        result: TrustResult = {
            "changed": bool(self._differences),
            "differences": self._differences,
            "stores": self._stores,
            "certificates": self._certificates,
        }
        if self._warnings:
            result["remarks"] = self._warnings
        return result
