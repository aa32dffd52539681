# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction of one Node-RED: what was replaced since the last state that was proved to work.

Everything lies in a directory only root can enter:

    /var/lib/pifleet-nodered/<service>/
        transaction.json     the open transaction; there is none when all is proved
        proved.json          what the last proof expected and saw
        backups/<id>/        the files as they were before transaction <id>, and those it was refused with; with its record
                             where it was proved, and less where it is old (_service/pruning.py)
        lock

A file is kept before it is replaced, and the record reaches the disk before the file does. So whenever a run is
killed, the next one finds either nothing to undo or all it needs to undo it. The former file stays beside the new one under
a second name until that is proved, so that going back is a rename, which needs no room.
"""

from __future__ import annotations

import calendar
import contextlib
import os
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum

from . import files
from .account import Account, rights_of
from .errors import ConflictError, HostError
from .store import PROVED, TRANSACTION, Store, as_json

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        CredentialsPlan,
        Proof,
        ReplacedFile,
        ServiceBefore,
        TransactionRecord,
    )

#: How the name of a transaction begins.
_TIME = "%Y%m%dT%H%M%SZ"


class Transaction:
    """The open transaction of a service, or one that can be opened. To be used under the store's lock.

    :param store: the store of the service
    :raises HostError: the record of the transaction is damaged
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        #: None while the transaction is not open.
        self.record: TransactionRecord | None = store.read(TRANSACTION)
        #: By the paths of files that somebody else has written to since: where the way back has kept what they wrote.
        self.displaced: dict[str, str] = {}

    @property
    def open(self) -> bool:
        """Whether something was replaced, or is to be done, and is not proved to the end."""
        return self.record is not None

    @property
    def open_record(self) -> TransactionRecord:
        """The record, for callers that know that it is open."""
        if self.record is None:
            raise AssertionError("no transaction is open")
        return self.record

    @property
    def identifier(self) -> str | None:
        """The name of the open transaction."""
        return self.record["id"] if self.record else None

    @property
    def proof(self) -> Proof | None:
        """What the host has proved of the open transaction, while only the word of the control node is missing."""
        return self.record["proof"] if self.record else None

    @property
    def is_proved(self) -> bool:
        """Whether the host has proved what was replaced."""
        return bool(self.proof)

    @property
    def ends_sessions(self) -> bool:
        """Whether the next restart has to end sessions of the editor."""
        return self.record is not None and bool(self.record["revoke"] or self.record["session_expiry"])

    def begin(self, before: ServiceBefore) -> None:
        """Open it, unless it is.

        One that was proved, by a run that ended before it could say so, is finished first: nothing of it is to be undone
        because of what comes now.

        :param before: what the running server looked like
        """
        if self.proof:
            self.commit(self.proof)
            self.record = None
        if self.record is None:
            self.record = {
                "id": self._new_identifier(),
                "before": before,
                "directories": [],
                "files": [],
                "effective": None,
                "settings": None,
                "revoke": [],
                "session_expiry": None,
                "credentials": None,
                "restarted": False,
                "proof": None,
            }
            self._save()

    def _new_identifier(self) -> str:
        """The time and this process. It sorts behind all former ones, also where a Pi's clock has gone back."""
        now = time.strftime(_TIME, time.gmtime())
        with contextlib.suppress(OSError, ValueError):
            latest = max(os.listdir(self.store.path("backups")), default="").partition("-")[0]
            if latest >= now:
                now = time.strftime(_TIME, time.gmtime(calendar.timegm(time.strptime(latest, _TIME)) + 1))
        return f"{now}-{os.getpid()}"

    def note(self, **facts: t.Any) -> None:
        """Put facts into the record.

        :param facts: values for keys of `TransactionRecord`
        """
        self.open_record.update(t.cast("TransactionRecord", facts))
        self._save()

    def plan(
        self,
        revoke: Iterable[str] = (),
        session_expiry: int | None = None,
        credentials: CredentialsPlan | None = None,
    ) -> None:
        """Note what the next restart has to do, beside what it has to do already.

        :param revoke: users of the editor whose sessions end
        :param session_expiry: seconds after which all other sessions end; None leaves them as they are
        :param credentials: what it has to do with the credentials of flows, see `encrypt_anew`
        """
        record = self.open_record
        self.note(
            revoke=sorted({*record["revoke"], *revoke}),
            credentials=credentials or record["credentials"],
            session_expiry=min(filter(None, (record["session_expiry"], session_expiry)), default=None),
        )

    def replace(
        self,
        path: str,
        content: bytes | None,
        mode: int,
        uid: int,
        gid: int,
        account: Account | None = None,
        expected: str | None = None,
    ) -> None:
        """Replace a file, keeping what was there for the way back.

        :param path: the file
        :param content: its new content; None removes it
        :param mode: the mode that it ends with
        :param uid: the owner that it ends with
        :param gid: the group that it ends with
        :param account: the user with whose rights it is read and written; None for root's
        :param expected: the checksum of the file to be replaced; None takes whatever is there
        :raises ConflictError: there is another file than the expected one; it stays, and nothing is kept
        :raises HostError: it cannot be read or written
        """
        present, status = files.read_with_status(path, account)
        if expected is not None and checksum(present) != expected:
            raise ConflictError(path)
        entry: ReplacedFile | None = None
        replaced = self.open_record["files"]
        if not any(each["path"] == path for each in replaced):
            entry = {
                "path": path,
                "user": account.name if account else None,
                "backup": None,
                "status": None,
                "written": "",
            }
            if present is not None:
                backup = f"backups/{self.identifier}/{len(replaced)}-{os.path.basename(path)}"
                self.store.keep(backup, present)
                entry["backup"], entry["status"] = backup, status
            replaced.append(entry)
            self._save()
            if present is not None and status is not None:
                files.keep_beside(path, present, status, account)
        for each in replaced:
            if each["path"] == path:
                each["written"] = checksum(content)
        self._save()
        if content is None:
            files.remove(path, account)
            return
        try:
            files.replace(path, content, mode, uid, gid, account, expected)
        except ConflictError:
            if entry is not None:
                _forget_beside(entry)
                replaced.remove(entry)
                self._save()
            raise

    def close_if_empty(self) -> None:
        """Forget a transaction that has replaced nothing."""
        if self.record is not None and not self.record["files"] and not self.record["directories"]:
            self.close()

    def make_directory(self, path: str, mode: int, account: Account) -> bool:
        """Make a directory of a user, to be removed on the way back if it was not there before.

        :param path: the directory
        :param mode: its mode
        :param account: the user
        :returns: whether something changed
        :raises HostError: it cannot be made
        """
        if not os.path.isdir(path):
            self.open_record["directories"].append({"path": path, "user": account.name})
            self._save()
        return files.make_directory(path, mode, account)

    def commit(self, proof: Proof) -> None:
        """The new state is proved: it becomes the one to go back to. The old files stay in backups.

        :param proof: what was proved
        """
        self.store.write(PROVED, {**proof, "transaction": self.identifier})
        if self.record:
            if self.record["files"]:
                self.store.keep(f"backups/{self.identifier}/{TRANSACTION}", as_json(self.record))
            self.close()

    def undo(self) -> list[str]:
        """Put every file back as it was, keeping the refused ones beside the backups; the transaction stays open.

        One that cannot be put back does not keep the others from it.

        :returns: the paths that were put back; those that had not been changed are not among them
        :raises HostError: a file cannot be put back
        """
        restored, failures = [], []
        for entry in reversed(self.open_record["files"]):
            try:
                if self._put_back(entry):
                    restored.append(entry["path"])
            except (HostError, OSError) as exc:
                failures.append(str(exc))
        for made in reversed(self.open_record["directories"]):
            with Account(made["user"]).rights(), contextlib.suppress(OSError):
                os.rmdir(made["path"])
        if failures:
            back = f" Back as they were are: {', '.join(restored)}." if restored else ""
            raise HostError(f"{' '.join(failures)}{back}")
        return restored

    def _put_back(self, entry: ReplacedFile) -> bool:
        """Put one file back; tells whether it was another one."""
        path, status = entry["path"], entry["status"]
        account = Account(entry["user"]) if entry["user"] else None
        files.remove_left(path, account)
        present, present_status = files.read_with_status(path, account)
        if entry["backup"] is None or status is None:
            if present is not None:
                self._keep_refused(entry, present)
                files.remove(path, account)
            return present is not None
        content = files.read(self.store.path(entry["backup"]))
        if content is None:
            raise HostError(f"The kept copy {self.store.path(entry['backup'])} of {path} is gone.")
        if (present, present_status) == (content, status):
            return False
        if present is not None:
            self._keep_refused(entry, present)
        if not files.put_back(path, content, status, account):
            files.replace(path, content, files.mode_of(status), status["uid"], status["gid"], account)
        return True

    def _keep_refused(self, entry: ReplacedFile, content: bytes) -> None:
        """Keep what is put aside, for who reads it later: no reason not to go back."""
        name = f"backups/{self.identifier}/refused-{os.path.basename(entry['path'])}"
        with contextlib.suppress(HostError, OSError):
            self.store.keep(name, content)
            # A record of an earlier release does not say what was written.
            if checksum(content) != entry.get("written", checksum(content)):
                self.displaced[entry["path"]] = self.store.path(name)

    def close(self) -> None:
        """Forget the transaction, and take the second names of its files away."""
        for entry in self.record["files"] if self.record else ():
            _forget_beside(entry)
        self.store.discard(TRANSACTION)

    def _save(self) -> None:
        self.store.write(TRANSACTION, self.open_record)


def _forget_beside(entry: ReplacedFile) -> None:
    account = Account(entry["user"]) if entry["user"] else None
    with contextlib.suppress(HostError), rights_of(account):
        files.remove(files.second_name(os.path.realpath(entry["path"])))
