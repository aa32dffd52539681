# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sessions of the editor, in the file that Node-RED has in memory while it runs and writes anew."""

from __future__ import annotations

import contextlib
import json
import os
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import Expected

#: Node-RED's file of them, in the userDir.
SESSIONS = ".sessions.json"


def sessions_file(unit: LocatedUnit, target: Expected) -> str | None:
    """Where Node-RED keeps the sessions.

    :param unit: the unit that starts it
    :param target: what Node.js found in the settings
    :returns: the path of the file, or None where there is none
    :raises HostError: the file cannot be read
    """
    # The command line wins over the key userDir of settings.js.
    named = unit.command_line.last("userDir")
    user_dir = unit.user_dir if named else target["user_dir"] or unit.user_dir
    path = os.path.join(unit.working_directory, user_dir, SESSIONS)
    return path if files.read(path, unit.account) is not None else None


def end_sessions(unit: LocatedUnit, transaction: Transaction, path: str) -> None:
    """End the sessions of users who lost a right, and let the others last no longer than they would today.

    Node-RED must not run.

    :param unit: the unit that starts it
    :param transaction: the open transaction, whose record says which sessions end
    :param path: the file with the sessions
    :raises HostError: the file cannot be read or written
    """
    record, account = transaction.open_record, unit.account
    latest = 1000 * (time.time() + record["session_expiry"]) if record["session_expiry"] else float("inf")
    kept = {}
    # Node-RED takes a damaged file for an empty one.
    with contextlib.suppress(ValueError, AttributeError, TypeError, KeyError, RecursionError):
        for token, session in json.loads(files.read(path, account) or b"{}").items():
            if "*" not in record["revoke"] and session["user"] not in record["revoke"]:
                kept[token] = {**session, "expires": min(session["expires"], latest)}
    transaction.replace(path, json.dumps(kept).encode(), 0o600, account.uid, account.gid, account)
