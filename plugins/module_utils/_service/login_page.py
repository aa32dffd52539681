# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to the login page while Node-RED stands still: sessions end, or all of it goes."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import login_directory
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    LOGIN_SESSIONS,
    SIGN_ON,
    SIGN_ON_PROGRAM,
    SIGN_ON_SESSIONS,
)

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit

#: The files of sessions: of the login page, and of single sign-on to the editor.
_SESSIONS = (LOGIN_SESSIONS, SIGN_ON_SESSIONS)


def has_work(unit: LocatedUnit, transaction: Transaction) -> bool:
    """Whether an open transaction plans something for which Node-RED must stand still."""
    plan = transaction.login_plan
    stale = plan.get("stale", [])
    present = login_directory.names(unit) if plan["removed"] or plan["revoke"] or stale else []
    if plan["removed"]:
        return bool(present)
    return bool(leaving(present, stale)) or (bool(plan["revoke"]) and not set(_SESSIONS).isdisjoint(present))


def leaving(present: Iterable[str], stale: Collection[str]) -> list[str]:
    """The files that go: those that are named, and where single sign-on goes all that it has.

    :param present: the paths of all files below the directory
    :param stale: those that are named
    """
    all_of_it = SIGN_ON_PROGRAM in stale
    return [name for name in present if name in stale or (all_of_it and name.startswith(SIGN_ON))]


def carry_out(unit: LocatedUnit, transaction: Transaction) -> None:
    """Do what the open transaction plans. Node-RED must not run: it has the sessions in memory and writes them anew.

    :param unit: the unit that starts it
    :param transaction: the transaction
    :raises HostError: a file cannot be read, written or removed
    """
    directory, plan = login_directory.directory_of(unit), transaction.login_plan
    present = login_directory.names(unit)
    gone = present if plan["removed"] else leaving(present, plan.get("stale", []))
    for name in gone:
        transaction.replace(os.path.join(directory, name), None, 0, 0, 0, unit.account)
    if plan["revoke"]:
        for name in _SESSIONS:
            if name in present and name not in gone:
                _end_sessions(unit, transaction, os.path.join(directory, name), set(plan["revoke"]))


def _end_sessions(unit: LocatedUnit, transaction: Transaction, path: str, ended: set[str]) -> None:
    account = unit.account
    kept = {}
    # Node-RED takes a damaged file for an empty one.
    with contextlib.suppress(ValueError, AttributeError, TypeError, KeyError, RecursionError):
        sessions = json.loads(files.read(path, account) or b"{}")
        kept = {key: each for key, each in sessions.items() if not ended & {"*", each["user"]}}
    transaction.replace(path, json.dumps(kept).encode(), 0o600, account.uid, account.gid, account)
