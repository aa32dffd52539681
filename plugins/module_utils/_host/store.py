# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The root-only directory in which a service's records, kept files and lock lie."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import LOCK_TIMEOUT, STORE_DIRECTORY

from . import files
from .errors import HostError
from .runs import OPEN, this_run

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BASE = STORE_DIRECTORY

#: The records of the open transaction and of the last proof.
TRANSACTION = "transaction.json"
PROVED = "proved.json"
#: The record of a transaction that was proved, and that is gone back from should Node-RED end by itself.
WATCHED = "watched.json"
#: What the host itself has gone back from, until another change was proved.
WENT_BACK = "went_back.json"
#: The record of the run that has worked on the service last.
_LAST_RUN = "run.json"


class Store:
    """The root-only directory of one service.

    :param service: the name of the service, with or without its suffix
    :param base: the directory in which those of all services are
    """

    def __init__(self, service: str, base: str = BASE) -> None:
        self.service = service
        self.directory = os.path.join(base, service.removesuffix(".service"))

    def path(self, *names: str) -> str:
        """The path of something in the directory."""
        return os.path.join(self.directory, *names)

    def read(self, name: str) -> t.Any:
        """Read a JSON record.

        :param name: its file
        :returns: what it says, or None where there is none
        :raises HostError: it is damaged
        """
        content = files.read(self.path(name))
        if content is None:
            return None
        try:
            return json.loads(content)
        except ValueError as exc:
            raise HostError(
                f"{self.path(name)} is damaged ({exc}). Look at it and at backups beside it, put the files of Node-RED in"
                " order by hand and remove it."
            ) from exc

    def write(self, name: str, record: Mapping[str, t.Any]) -> None:
        """Put a JSON record into the directory, on the disk before this returns.

        :param name: its file
        :param record: what it is to say
        :raises HostError: it cannot be written
        """
        self._prepare()
        files.replace(self.path(name), as_json(record), 0o600, os.geteuid(), os.getegid())

    def keep(self, name: str, content: bytes) -> None:
        """Keep bytes under a name below the directory, which may have directories of its own."""
        self._prepare()
        directory = self.directory
        with self._telling():
            for part in os.path.dirname(name).split("/"):
                directory = os.path.join(directory, part)
                os.makedirs(directory, mode=0o700, exist_ok=True)
        files.replace(self.path(name), content, 0o600, os.geteuid(), os.getegid())

    def discard(self, name: str) -> None:
        """Remove a file of the directory; one that is not there is fine."""
        with self._telling(), contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(name))
            files.synchronize_directory(self.directory)

    def _prepare(self) -> None:
        with self._telling():
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            os.chmod(os.path.dirname(self.directory), 0o700)
            os.chmod(self.directory, 0o700)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell the system's errors as ours."""
        try:
            yield
        except OSError as exc:
            raise HostError(f"{self.directory} cannot be changed: {files.reason(exc)}.") from exc

    def _lock_file(self) -> t.BinaryIO:
        with self._telling():
            return open(self.path("lock"), "wb")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs from working on this service.

        :raises HostError: another one has been doing so for `LOCK_TIMEOUT`, or has done so since this one looked at the host;
            or nothing can be written there
        """
        self._prepare()
        with self._lock_file() as stream:
            deadline = time.monotonic() + LOCK_TIMEOUT
            while True:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise HostError(
                            f"Another run has been working on {self.service} for {LOCK_TIMEOUT} s. Wait until it has ended."
                        ) from None
                    time.sleep(0.2)
            self._take_over()
            yield

    def last_run(self) -> str | None:
        """The run that has worked on this service last, as `Run.seen` has it; None where none has, or it cannot be told."""
        with contextlib.suppress(HostError, TypeError, KeyError):
            return str(self.read(_LAST_RUN)["run"]) + (OPEN if os.path.exists(self.path(TRANSACTION)) else "")
        return None

    def wait_until_free(self, patience: float) -> bool:
        """Wait until nobody works on this service: what is read meanwhile is soon another.

        :param patience: seconds after which there is an end to it
        :returns: whether nobody does
        """
        deadline = time.monotonic() + patience
        while self._is_locked() or self._awaits_its_run():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)
        return True

    def _is_locked(self) -> bool:
        try:
            with open(self.path("lock"), "rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (FileNotFoundError, PermissionError):
            return False
        except OSError:
            return True
        return False

    def _awaits_its_run(self) -> bool:
        """Whether a run has just proved its change, so that its control node logs in, and will finish it or take it back.

        One that was killed then does neither; after `LOCK_TIMEOUT` it is taken for that.
        """
        with contextlib.suppress(HostError, OSError, TypeError, KeyError):
            elapsed = time.time() - os.stat(self.path(TRANSACTION)).st_mtime
            return 0 <= elapsed < LOCK_TIMEOUT and bool(self.read(TRANSACTION)["proof"])
        return False

    def _take_over(self) -> None:
        run, last = this_run(), self.last_run()
        run.refuse_other(last)
        if run.name is not None and not run.is_own(last):
            # Without room the files cannot be written either, and the way back needs none.
            with contextlib.suppress(HostError, OSError):
                self.write(_LAST_RUN, {"run": run.name})


def as_json(record: Mapping[str, t.Any]) -> bytes:
    """The bytes of a record's file."""
    return json.dumps(record, indent=2, sort_keys=True).encode() + b"\n"
