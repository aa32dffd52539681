# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states of a service that can be brought back: its files as they were before each transaction that is kept.

A transaction has kept only what it has replaced itself. So a state takes, for each path, the oldest copy of its own
transaction and of all later ones.
"""

from __future__ import annotations

import base64
import json
import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials.files import RUNTIME_FILES
from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import TRANSACTION
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import LOGIN_DIRECTORY, LOGIN_SESSIONS

from .sessions import SESSIONS

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        KeptFile,
        KeptState,
        ReplacedFile,
        TransactionRecord,
    )

#: The most that is sent of all settings files together (bytes); a list tells the newest states first.
MAXIMUM_OF_ALL = 3 << 20


class KeptTransaction(t.NamedTuple):
    """A transaction that was proved, with what it has kept."""

    record: TransactionRecord
    #: When it was proved, in seconds since 1970-01-01 UTC.
    proved: int


def backups(store: Store) -> list[str]:
    """The names of all directories of kept files, the newest first."""
    try:
        return sorted(os.listdir(store.path("backups")), reverse=True)
    except FileNotFoundError:
        return []


def kept_transactions(store: Store) -> list[KeptTransaction]:
    """The proved transactions of a service, the newest first, as far as there is no gap."""
    kept = []
    for name in backups(store):
        path = store.path("backups", name, TRANSACTION)
        try:
            content = files.read(path)
            if content is not None:
                kept.append(KeptTransaction(json.loads(content), int(os.stat(path).st_mtime)))
        except (HostError, OSError, ValueError):
            # Without this one, nothing is known of a state before it.
            break
    return kept


def since(store: Store, identifier: str) -> list[KeptTransaction]:
    """A transaction and all later ones, the newest first.

    :param identifier: the name of a state, which is that of the transaction that ended it
    :raises HostError: it is not kept
    """
    kept = kept_transactions(store)
    for index, each in enumerate(kept):
        if each.record["id"] == identifier:
            return kept[: index + 1]
    raise HostError(
        f"No state {identifier} is kept on this host. Without nodered_restore, pifleet.nodered.restore lists them."
    )


def files_before(transactions: list[KeptTransaction]) -> dict[str, ReplacedFile]:
    """By their paths, the files as they were before the last of some transactions.

    :param transactions: what `since` returned
    """
    before: dict[str, ReplacedFile] = {}
    for transaction in transactions:
        before.update((entry["path"], entry) for entry in transaction.record["files"])
    return {path: entry for path, entry in before.items() if not _stays(path)}


def _stays(path: str) -> bool:
    """Whether a file is never brought back.

    Sessions that were ended must not begin again. And the credentials belong to the flows, which nobody has replaced: with an
    older file those would be lost that were entered since.
    """
    name = os.path.basename(path)
    of_page = os.path.basename(os.path.dirname(path)).startswith(LOGIN_DIRECTORY) and name.startswith(LOGIN_SESSIONS)
    of_editor = name == SESSIONS
    return of_page or of_editor or name in RUNTIME_FILES or name.removesuffix(".backup").endswith("_cred.json")


def kept_states(store: Store, unit: LocatedUnit, identifier: str | None = None) -> list[KeptState]:
    """The states of a service that can be brought back.

    :param unit: its unit
    :param identifier: of all states only this one and the later ones, without the settings files that it does not need
    :returns: the newest first
    :raises HostError: there is no such state
    """
    transactions = since(store, identifier) if identifier else kept_transactions(store)
    states: list[KeptState] = []
    size = 0
    for transaction in transactions:
        content = _settings(store, unit, transaction)
        if identifier and content is not None:
            # An older file takes its place.
            for state in states:
                state["settings"] = None
        elif content is not None:
            size += len(content)
        states.append(_described(transaction, content if size <= MAXIMUM_OF_ALL else None))
    return states


def _settings(store: Store, unit: LocatedUnit, transaction: KeptTransaction) -> bytes | None:
    for entry in transaction.record["files"]:
        if entry["path"] == unit.settings_path and entry["backup"]:
            return files.read(store.path(entry["backup"]), None, files.MAXIMUM_OF_TEXT)
    return None


def _described(transaction: KeptTransaction, settings: bytes | None) -> KeptState:
    record = transaction.record
    return {
        "id": record["id"],
        "proved": transaction.proved,
        "restored": record.get("restored"),
        "files": [_kept_file(entry) for entry in record["files"]],
        "active": record["before"]["active"],
        "endpoints": record["before"]["endpoints"],
        "settings": None if settings is None else base64.b64encode(settings).decode("ascii"),
    }


def _kept_file(entry: ReplacedFile) -> KeptFile:
    if entry["backup"] is None:
        return {"path": entry["path"], "change": "made"}
    # A record of an earlier release does not say what was written.
    return {"path": entry["path"], "change": "replaced" if entry.get("written", "?") else "removed"}
