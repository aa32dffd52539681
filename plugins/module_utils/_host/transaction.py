# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction of one Node-RED: what was replaced since the last state that was proved to work.

Everything lies in a directory only root can enter:

    /var/lib/pifleet-nodered/<service>/
        transaction.json     the open transaction; there is none when all is proved
        proved.json          what the last proof expected and saw
        watched.json         the transaction before, as long as the host itself still watches whether it lasts
        went_back.json       why the host itself has gone back, until another change was proved
        backups/<id>/        the files as they were before transaction <id>, and those it was refused with; with its record
                             where it was proved, and less where it is old (_service/pruning.py)
        lock

A file is kept before it is replaced, and the record reaches the disk before the file does. So whenever a run is
killed, the next one finds either nothing to undo or all it needs to undo it. The former file stays beside the new one under
a second name until that is proved, so that going back is a rename, which needs no room.

A transaction is open, then proved, then watched where that was asked for, then closed. While it is open a unit of systemd
waits for the next start of the host, and while it is watched another one runs (`residents`).
"""

from __future__ import annotations

import calendar
import contextlib
import os
import sys
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    NGINX_UNIT,
    PROXY_DIRECTORY,
    UNIT_DIRECTORY,
    challenge_directory,
    is_of_proxy,
    nginx_site,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.sentences import of_way_back

from . import files
from .account import Account, rights_of
from .errors import ConflictError, HostError
from .residents import Resident
from .store import PROVED, TRANSACTION, WATCHED, WENT_BACK, Store, as_json
from .systemd import match_watchers, systemctl

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        Cause,
        CommittedProof,
        CredentialsPlan,
        LoginPlan,
        Outcome,
        Proof,
        ReplacedFile,
        ServiceBefore,
        TransactionRecord,
        WatchedRecord,
        WatchPlan,
        WayBack,
    )

#: Finishes or undoes, before Node-RED starts with the host, what a run has left that was killed.
BOOT = Resident(
    "boot",
    "_host.transaction",
    "at_boot",
    "Finish or undo what an interrupted run has left of",
    TRANSACTION,
    order="Before",
    options="Type=oneshot\nTimeoutStartSec=120",
)
#: Watches whether Node-RED lives on after a change.
WATCH = Resident(
    "watch",
    "_service.watch",
    "watch",
    "Watch whether a change has ended",
    WATCHED,
    order="After",
    options="Type=exec\nRestart=on-failure\nRestartSec=5",
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

    @property
    def login_plan(self) -> LoginPlan:
        """What the next restart has to do with the login page; nothing while the transaction is not open."""
        planned = self.record.get("login") if self.record else None
        return planned or {"removed": False, "revoke": [], "narrowed": False}

    def begin(self, before: ServiceBefore) -> None:
        """Open it, unless it is.

        One that was proved, by a run that ended before it could say so, is finished first: nothing of it is to be undone
        because of what comes now.

        :param before: what the running server looked like
        """
        if self.proof:
            self.commit(self.proof)
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
                "login": {"removed": False, "revoke": [], "narrowed": False},
                "restarted": False,
                "proof": None,
            }
            self._save()
            BOOT.install(self.store)

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
        login: LoginPlan | None = None,
    ) -> None:
        """Note what the next restart has to do, beside what it has to do already.

        :param revoke: users of the editor whose sessions end
        :param session_expiry: seconds after which all other sessions end; None leaves them as they are
        :param credentials: what it has to do with the credentials of flows, see `encrypt_anew`
        :param login: what it has to do with the login page, see `LoginDirectory`; None leaves that as it is
        """
        record = self.open_record
        planned = self.login_plan
        if login:
            planned = {
                "removed": login["removed"],
                "stale": list(login.get("stale", ())),
                "revoke": sorted({*planned["revoke"], *login["revoke"]}),
                "narrowed": planned["narrowed"] or login["narrowed"],
            }
        self.note(
            revoke=sorted({*record["revoke"], *revoke}),
            credentials=credentials or record["credentials"],
            session_expiry=min(filter(None, (record["session_expiry"], session_expiry)), default=None),
            login=planned,
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
            if not any(os.path.dirname(each["path"]) == os.path.dirname(path) for each in replaced[:-1]):
                BOOT.write_unit(self.store, map(_directory, replaced))
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
        """Make a directory of a user, and those above it, to be removed on the way back if they were not there before.

        :param path: the directory
        :param mode: its mode
        :param account: the user
        :returns: whether something changed
        :raises HostError: it cannot be made
        """
        above = os.path.dirname(path)
        if above != path and not os.path.lexists(above):
            self.make_directory(above, mode, account)
        if not os.path.isdir(path):
            self.open_record["directories"].append({"path": path, "user": account.name})
            self._save()
        return files.make_directory(path, mode, account)

    def note_proof(self, proof: Proof, watch: WatchPlan | None, username: str | None = None) -> None:
        """The new state is proved, and can still be undone. Whoever finishes it, which may be a start of the host, has all
        that the watch takes.

        :param proof: what was proved
        :param watch: how the host is to watch whether it lasts; None has it believed at once
        :param username: the user of the editor of whose login the control node is still to say something
        """
        if watch and self.open_record["files"]:
            try:
                WATCH.install(self.store)
            except (HostError, OSError) as exc:
                _tell_unwatched(exc)
                watch = None
        self.note(proof=proof, watch=watch, username=username)

    def commit(self, proof: Proof, watch: WatchPlan | None = None) -> None:
        """The new state is proved: it becomes the one to go back to. The old files stay in backups.

        :param proof: what was proved
        :param watch: as in `note_proof`, where that was not called
        """
        if self.record and self.proof != proof:
            self.note_proof(proof, watch)
        plan = self.record.get("watch") if self.record else None
        # What has replaced nothing says nothing of the change before it.
        if self.record and self.record["files"]:
            self._forget_watched()
            if not plan:
                self._remove_watch()
        former: CommittedProof | None = self.store.read(PROVED)
        self.store.write(PROVED, {**proof, "transaction": self.identifier})
        if not self.record:
            return
        if self.record["files"]:
            self.store.discard(WENT_BACK)
            self.store.keep(f"backups/{self.identifier}/{TRANSACTION}", as_json(self.record))
        if (
            self.record["files"]
            and plan
            and self._begin_watch({"transaction": self.record, "former": former, "plan": plan})
        ):
            self._forget()
        else:
            self.close()

    def _begin_watch(self, watched: WatchedRecord) -> bool:
        """Have the host watch; tells whether it can. What is proved counts even where there is no room to watch it."""
        try:
            self.store.write(WATCHED, watched)
        except (HostError, OSError) as exc:
            _tell_unwatched(exc)
            self._remove_watch()
            return False
        systemctl("restart", "--no-block", WATCH.unit_name(self.store.service), check=False)
        return True

    @property
    def watched(self) -> WatchedRecord | None:
        """The transaction before, as long as the host watches whether it lasts."""
        return self.store.read(WATCHED)

    def reopen(self) -> None:
        """Open the transaction again that is watched, to be undone."""
        watched = self.watched
        if watched is None:
            raise AssertionError("no transaction is watched")
        if watched["former"]:
            self.store.write(PROVED, watched["former"])
        else:
            self.store.discard(PROVED)
        # Whatever runs by now, it has to be started with the old files.
        self.record = {**watched["transaction"], "proof": None, "restarted": True}
        self._save()
        # The way back needs no room.
        with contextlib.suppress(HostError, OSError):
            BOOT.install(self.store, map(_directory, self.record["files"]))

    def end_watch(self) -> None:
        """Believe what is watched, if anything is. The unit that does so is told to end last, because it may call this."""
        self._forget_watched()
        self._remove_watch()

    def end_idle_watch(self) -> None:
        """Remove the watch where nothing is watched: a change that it was there for was undone."""
        if self.watched is None:
            # What stays is not started without a record.
            with contextlib.suppress(OSError):
                self._remove_watch()

    def _forget_watched(self) -> None:
        watched = self.watched
        if watched:
            needed = [entry["path"] for entry in self.record["files"]] if self.record else []
            # Where both have replaced a file, the second name is that of the later one.
            over = [entry for entry in watched["transaction"]["files"] if entry["path"] not in needed]
            _forget_all_beside(over, self.store.service)
            self.store.discard(WATCHED)

    def _remove_watch(self) -> None:
        if WATCH.remove(self.store):
            systemctl("daemon-reload", check=False)
            systemctl("stop", "--no-block", WATCH.unit_name(self.store.service), check=False)

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

    def close_undone(self) -> None:
        """Forget a transaction of which nothing is left: neither a state to go back to, nor one to watch."""
        watched = self.watched
        if watched and watched["transaction"]["id"] == self.identifier:
            self.store.discard(WATCHED)
        self.store.discard(f"backups/{self.identifier}/{TRANSACTION}")
        self.close()

    def close(self) -> None:
        """Forget the transaction, and take the second names of its files away."""
        _forget_all_beside(self.record["files"] if self.record else [], self.store.service)
        self._forget()

    def _forget(self) -> None:
        self.store.discard(TRANSACTION)
        BOOT.remove(self.store)
        self.record = None

    def _save(self) -> None:
        self.store.write(TRANSACTION, self.open_record)


def _directory(entry: ReplacedFile) -> str:
    """Where a file lies, without links."""
    with rights_of(Account(entry["user"]) if entry["user"] else None):
        return os.path.dirname(os.path.realpath(entry["path"]))


def _forget_all_beside(entries: list[ReplacedFile], service: str) -> None:
    """Take second names away, and the directories in which nothing is left because all was removed."""
    for entry in entries:
        _forget_beside(entry)
    # A record of an earlier release does not say what was written.
    removed = [(entry["path"], entry["user"]) for entry in entries if entry.get("written", "?") == ""]
    emptied = {(directory, user) for path, user in removed for directory in _own_directories(path, user, service)}
    for directory, user in sorted(emptied, key=lambda each: each[0], reverse=True):
        with contextlib.suppress(HostError, OSError), rights_of(Account(user) if user else None):
            os.rmdir(directory)


def _own_directories(path: str, user: str | None, service: str) -> list[str]:
    """The directories that are there because of a file: of a user's the one around it, of root's those of this collection."""
    if path == nginx_site(service):
        return [challenge_directory(service)]
    directory = os.path.dirname(path)
    if user or os.path.dirname(directory) == UNIT_DIRECTORY:
        return [directory]
    return [directory, PROXY_DIRECTORY] if os.path.dirname(directory) == PROXY_DIRECTORY else []


def _forget_beside(entry: ReplacedFile) -> None:
    account = Account(entry["user"]) if entry["user"] else None
    with contextlib.suppress(HostError), rights_of(account):
        files.remove(files.second_name(os.path.realpath(entry["path"])))


def _tell_unwatched(reason: Exception) -> None:
    sys.stderr.write(f"The change counts, but cannot be watched: {reason}\n")


def tell(store: Store, identifier: str, cause: Cause, outcome: Outcome) -> None:
    """Say that the host itself has gone back, here and to the next run.

    :param store: the store of the service
    :param identifier: the transaction that was undone
    :param cause: why
    :param outcome: how that ended
    """
    way_back: WayBack = {
        "transaction": identifier,
        "clock": int(time.time()),
        "cause": cause,
        "outcome": outcome,
    }
    store.write(WENT_BACK, way_back)
    sys.stderr.write(f"{of_way_back(way_back, store.service)}\n")


def at_boot(service: str) -> int:
    """Finish or undo what a killed run has left, before Node-RED starts; the program of `BOOT`.

    :param service: the name of the service, with its suffix
    :returns: the status to exit with
    """
    store = Store(service)
    with store.lock():
        transaction = Transaction(store)
        if transaction.proof:
            transaction.commit(transaction.proof)
            return 0
        if not transaction.open:
            return 0
        identifier = transaction.open_record["id"]
        replaced = [entry["path"] for entry in transaction.open_record["files"]]
        try:
            transaction.undo()
        except HostError as exc:
            # The next run tries again.
            sys.stderr.write(f"Going back failed: {exc}\n")
            tell(store, identifier, "interrupted", "failed")
            return 1
        finally:
            # systemd has read what was there.
            if any(path.startswith(f"{UNIT_DIRECTORY}/") for path in replaced):
                systemctl("daemon-reload", check=False)
                match_watchers(replaced, "--no-block")
            if any(map(is_of_proxy, replaced)):
                # It may run already, and may be waiting for its start.
                systemctl("try-reload-or-restart", "--no-block", NGINX_UNIT, check=False)
        tell(store, identifier, "interrupted", "back")
        transaction.close_undone()
        transaction.end_idle_watch()
    return 0
