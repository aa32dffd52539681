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
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import LOGIN_SESSIONS

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit


def has_work(unit: LocatedUnit, transaction: Transaction) -> bool:
    """Whether an open transaction plans something for which Node-RED must stand still."""
    plan = transaction.login_plan
    present = login_directory.names(unit) if plan["removed"] or plan["revoke"] else []
    return bool(present) if plan["removed"] else LOGIN_SESSIONS in present


def carry_out(unit: LocatedUnit, transaction: Transaction) -> None:
    """Do what the open transaction plans. Node-RED must not run: it has the sessions in memory and writes them anew.

    :param unit: the unit that starts it
    :param transaction: the transaction
    :raises HostError: a file cannot be read, written or removed
    """
    directory, plan = login_directory.directory_of(unit), transaction.login_plan
    if plan["removed"]:
        for name in login_directory.names(unit):
            transaction.replace(os.path.join(directory, name), None, 0, 0, 0, unit.account)
        return
    account, path = unit.account, os.path.join(directory, LOGIN_SESSIONS)
    kept = {}
    # The page takes a damaged file for an empty one.
    with contextlib.suppress(ValueError, AttributeError, TypeError, KeyError, RecursionError):
        sessions = json.loads(files.read(path, account) or b"{}")
        ended = set(plan["revoke"])
        kept = {key: each for key, each in sessions.items() if not ended & {"*", each["user"]}}
    transaction.replace(path, json.dumps(kept).encode(), 0o600, account.uid, account.gid, account)
