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

from . import files
from .errors import HostError

BASE = "/var/lib/pifleet-nodered"

#: Seconds to wait for another run that works on the same host.
LOCK_TIMEOUT = 60


class Store:
    """The root-only folder of one service."""

    def __init__(self, service, base=BASE):
        self.service = service
        self.folder = os.path.join(base, service.removesuffix(".service"))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def read(self, name):
        """A JSON record of the folder, or None."""
        content = files.read(self.path(name))
        if content is None:
            return None
        try:
            return json.loads(content)
        except ValueError as exc:
            raise HostError(
                "%s is damaged (%s). Look at it and at backups beside it, put the files of Node-RED in "
                "order by hand and remove it." % (self.path(name), exc)
            ) from exc

    def write(self, name, record):
        """Put a JSON record into the folder, on the disk before this returns."""
        self._prepare()
        content = json.dumps(record, indent=2, sort_keys=True).encode() + b"\n"
        files.replace(self.path(name), content, 0o600, os.geteuid(), os.getegid())

    def keep(self, name, content):
        """Keep bytes under a name below the folder."""
        self._prepare()
        folder = self.folder
        for part in os.path.dirname(name).split("/"):
            folder = os.path.join(folder, part)
            os.makedirs(folder, mode=0o700, exist_ok=True)
        files.replace(self.path(name), content, 0o600, os.geteuid(), os.getegid())

    def discard(self, name):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(name))
            files.synchronize_folder(self.folder)

    def _prepare(self):
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        os.chmod(os.path.dirname(self.folder), 0o700)
        os.chmod(self.folder, 0o700)

    @contextlib.contextmanager
    def lock(self):
        """Keep other runs from working on this service; HostError when one does so for too long."""
        self._prepare()
        with open(self.path("lock"), "wb") as stream:
            deadline = time.monotonic() + LOCK_TIMEOUT
            while True:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise HostError(
                            "Another run has been working on %s for %d s. Wait until it has ended."
                            % (self.service, LOCK_TIMEOUT)
                        ) from None
                    time.sleep(0.2)
            yield
