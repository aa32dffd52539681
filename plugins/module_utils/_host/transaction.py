# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction of one Node-RED: what was replaced since the last state that was proved to work.

Everything lies in a folder only root can enter:

    /var/lib/pifleet-nodered/<service>/
        transaction.json     the open transaction; there is none when all is proved
        proved.json          what the last proof expected and saw
        backups/<id>/        the files as they were before transaction <id>, and those it was refused with
        lock

A file is kept before it is replaced, and the record reaches the disk before the file does. So whenever a run is
killed, the next one finds either nothing to undo or all it needs to undo it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from . import files
from .account import Account
from .errors import ConflictError, HostError


class Transaction:
    """The open transaction of a service, or one that can be opened. To be used under the store's lock."""

    def __init__(self, store):
        self.store = store
        self.record = store.read("transaction.json")

    @property
    def open(self):
        return self.record is not None

    @property
    def identifier(self):
        return self.record["id"] if self.record else None

    @property
    def is_proved(self):
        """Whether the host has proved what was replaced, and only the word of the control node is missing."""
        return self.open and bool(self.record["proof"])

    @property
    def ends_sessions(self):
        return self.open and bool(self.record["revoke"] or self.record["session_expiry"])

    def begin(self, before):
        """Open it, unless it is; ``before`` is what the running server looked like.

        One that was proved, by a run that ended before it could say so, is finished first: nothing of it is to be undone
        because of what comes now.
        """
        if self.is_proved:
            self.commit(self.record["proof"])
            self.record = None
        if self.record is None:
            self.record = {
                "id": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-%d" % os.getpid(),
                "before": before,
                "folders": [],
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

    def note(self, **facts):
        """Add facts to the record."""
        self.record.update(facts)
        self._save()

    def plan(self, revoke=(), session_expiry=None, credentials=None):
        """Note what the next restart has to do, beside what it has to do already.

        ``revoke`` are users whose sessions end, ``session_expiry`` the seconds after which all others do (None: as they
        are), ``credentials`` see `_reencryption`.
        """
        record = self.record
        self.note(
            revoke=sorted({*record["revoke"], *revoke}),
            credentials=credentials or record["credentials"],
            session_expiry=min(filter(None, (record["session_expiry"], session_expiry)), default=None),
        )

    def replace(self, path, content, mode, uid, gid, account=None, expected=None):
        """Replace a file (``content`` None removes it), keeping what was there for the way back.

        ConflictError, and nothing is kept, when the file has not the ``expected`` checksum.
        """
        present, status = files.read_with_status(path, account)
        if expected is not None and checksum(present) != expected:
            raise ConflictError(path)
        entry = None
        if not any(entry["path"] == path for entry in self.record["files"]):
            entry = {"path": path, "user": account.name if account else None, "backup": None, "status": None}
            if present is not None:
                entry["backup"] = "backups/%s/%d-%s" % (
                    self.identifier,
                    len(self.record["files"]),
                    os.path.basename(path),
                )
                entry["status"] = status
                self.store.keep(entry["backup"], present)
            self.record["files"].append(entry)
            self._save()
        if content is None:
            files.remove(path, account)
            return
        try:
            files.replace(path, content, mode, uid, gid, account, expected)
        except ConflictError:
            if entry is not None:
                self.record["files"].remove(entry)
                self._save()
            raise

    def close_if_empty(self):
        """Forget a transaction that has replaced nothing."""
        if self.open and not self.record["files"] and not self.record["folders"]:
            self.close()

    def make_folder(self, path, mode, account):
        """Make a folder of a user, to be removed on the way back if it was not there before."""
        if not os.path.isdir(path):
            self.record["folders"].append({"path": path, "user": account.name})
            self._save()
        return files.make_folder(path, mode, account)

    def commit(self, proof):
        """The new state is proved: it becomes the one to go back to. The old files stay in backups."""
        self.store.write("proved.json", {**proof, "transaction": self.identifier})
        if self.record:
            if self.record["files"]:
                self.store.keep(
                    "backups/%s/transaction.json" % self.identifier,
                    json.dumps(self.record, indent=2, sort_keys=True).encode() + b"\n",
                )
            self.store.discard("transaction.json")

    def undo(self):
        """Put every file back as it was, keeping the refused ones beside the backups; the transaction stays open."""
        for entry in reversed(self.record["files"]):
            account = Account(entry["user"]) if entry["user"] else None
            files.remove(files.temporary_path(entry["path"]), account)
            refused = files.read(entry["path"], account)
            if refused is not None:
                self.store.keep("backups/%s/refused-%s" % (self.identifier, os.path.basename(entry["path"])), refused)
            if entry["backup"] is None:
                files.remove(entry["path"], account)
                continue
            status = entry["status"]
            content = files.read(self.store.path(entry["backup"]))
            if content is None:
                raise HostError("The kept copy %s of %s is gone." % (self.store.path(entry["backup"]), entry["path"]))
            files.replace(entry["path"], content, int(status["mode"], 8) & 0o777, status["uid"], status["gid"], account)
        for folder in reversed(self.record["folders"]):
            with Account(folder["user"]).rights(), contextlib.suppress(OSError):
                os.rmdir(folder["path"])

    def close(self):
        """Forget the transaction: all is as it was before."""
        self.store.discard("transaction.json")

    def _save(self):
        self.store.write("transaction.json", self.record)
