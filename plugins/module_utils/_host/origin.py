# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of how a host was before this collection changed it, for the day on which it is to be so again.

Two records of the store, which outlive the states that are kept (`_service/pruning.py`): how settings.js was is replaced
within the transactions that replace the file, so that it goes back with them; the rights of files are taken away when a
transaction is proved, and no transaction gives them back.
"""

from __future__ import annotations

import base64
import contextlib
import os
import stat
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import ORIGIN

from . import files
from .account import rights_of
from .errors import HostError
from .store import as_json

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        FileStatus,
        FoundRecord,
        OriginRecord,
        OriginState,
        WrittenSetting,
    )

    from .account import Account
    from .store import Store
    from .transaction import Transaction

#: How the rights of files were, and whether the service started with the host.
FOUND = "found.json"


def origin_state(store: Store, sha256: str) -> OriginState | None:
    """What the control node has to know of how settings.js was.

    :param sha256: the checksum of the present file
    :returns: None where nothing is kept
    """
    record: OriginRecord | None = store.read(ORIGIN)
    if record is None:
        return None
    return {"unbroken": record["unbroken"] and record["last"] == sha256, "written": record["written"]}


def note_settings(
    transaction: Transaction,
    present: bytes | None,
    status: FileStatus | None,
    content: bytes,
    written: list[WrittenSetting],
) -> None:
    """Keep how settings.js was before its first edit, and what every edit has written.

    :param transaction: the open transaction in which it is edited
    :param present: the file before this edit; None where there was none
    :param status: its status
    :param content: the file after it
    :param written: all that was ever written, with this edit
    """
    former: OriginRecord | None = transaction.store.read(ORIGIN)
    record: OriginRecord = former or {
        "settings": None if present is None else base64.b64encode(present).decode("ascii"),
        "status": status,
        "unbroken": True,
        "last": checksum(present),
        "written": written,
    }
    record["unbroken"] &= record["last"] == checksum(present)
    record["last"], record["written"] = checksum(content), written
    transaction.replace(transaction.store.path(ORIGIN), as_json(record), 0o600, 0, 0)


def status_before(store: Store) -> FileStatus | None:
    """Mode and ownership that settings.js had; None where nothing is kept of it, or there was none."""
    record: OriginRecord | None = store.read(ORIGIN)
    return record["status"] if record else None


def note_enabled(store: Store, enabled: bool) -> None:
    """Keep whether the service started with the host, unless that is kept already."""
    if store.read(FOUND) is None:
        store.write(FOUND, {"enabled": enabled, "modes": {}})


def note_modes(store: Store, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Keep which rights were taken away; of a path the first time counts.

    :param before: what `modes_of` returned before
    :param after: and after
    """
    kept: FoundRecord | None = store.read(FOUND)
    record: FoundRecord = kept or {"enabled": True, "modes": {}}
    for path, mode in before.items():
        if path in after and after[path] != mode:
            record["modes"][path] = [record["modes"].get(path, [mode])[0], after[path]]
    # What cannot be written keeps nobody from closing a file.
    with contextlib.suppress(HostError, OSError):
        store.write(FOUND, record)


def modes_of(paths: Iterable[str], account: Account) -> dict[str, str]:
    """The modes of files and directories that are there, four octal digits each, read with the rights of a user."""
    modes = {}
    with rights_of(account):
        for path in paths:
            with contextlib.suppress(OSError):
                modes[path] = f"{stat.S_IMODE(os.lstat(path).st_mode) & 0o777:04o}"
    return modes


def was_enabled(store: Store) -> bool:
    """Whether the service started with the host; true where nothing is kept of it."""
    record: FoundRecord | None = store.read(FOUND)
    return record["enabled"] if record else True


def closed(store: Store, account: Account) -> dict[str, str]:
    """The files and directories that still have the rights that they were left with, and the modes that they had before."""
    record: FoundRecord | None = store.read(FOUND)
    modes = record["modes"] if record else {}
    present = modes_of(modes, account)
    return {path: before for path, (before, after) in modes.items() if present.get(path) == after}


def open_again(store: Store, account: Account) -> list[str]:
    """Give other users of the host the rights back that were taken away from them.

    :param account: the user of the service; only its own files are changed, with its rights
    :returns: the paths
    :raises HostError: the mode of a file cannot be set
    """
    opened = [path for path, mode in closed(store, account).items() if files.give_rights(path, int(mode, 8), account)]
    store.discard(FOUND)
    return opened
