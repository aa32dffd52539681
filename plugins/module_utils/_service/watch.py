# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host itself watches whether Node-RED lives on after a change, and goes back to the state before where it does not.

Some faults show later than any run can wait for: Node-RED ends with status 0, so that systemd does not start it again.
"""

from __future__ import annotations

import contextlib
import sys
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import systemctl
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction, tell
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum

from .service import Service

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import Expected, WatchedRecord

#: Seconds between two looks at the service.
PAUSE = 5
#: Seconds until it is tried again to go back where that failed.
RETRY = 60
#: Seconds after the end for which what keeps this from ending is waited for.
PATIENCE = 600

#: What systemd is asked of the service.
PROPERTIES = (
    "ActiveState",
    "SubState",
    "NRestarts",
    "ExecMainExitTimestampMonotonic",
    "ActiveExitTimestampMonotonic",
)


def watch(service: str) -> int:
    """Watch a service until the time is over or somebody else has ended that; the program of `transaction.WATCH`.

    :param service: the name of the service, with its suffix
    :returns: the status to exit with
    """
    store = Store(service)
    watched = Transaction(store).watched
    if watched is None:
        return 0
    deadline = time.monotonic() + watched["plan"]["minutes"] * 60
    restarts = watched["plan"]["restarts"]
    while True:
        now = properties(service)
        try:
            if ended_by_itself(now, restarts):
                if _went_back(store, watched, restarts):
                    return 0
                now = properties(service)
                restarts = int(now.get("NRestarts") or 0)
            elif time.monotonic() > deadline:
                with store.lock():
                    _still_watched(store, watched).end_watch()
                return 0
        except _Over:
            return 0
        # Another run may be at work, and end this, or end itself; or there is no way back now.
        except HostError as exc:
            sys.stderr.write(f"{exc}\n")
            time.sleep(RETRY)
            if time.monotonic() > deadline + PATIENCE:
                return 1
        # Whoever starts it by hand begins to count anew.
        restarts = min(restarts, int(now.get("NRestarts") or 0))
        time.sleep(PAUSE)


def properties(service: str) -> dict[str, str]:
    """What systemd says of a service, by the names in `PROPERTIES`."""
    printed = systemctl("show", service, f"--property={','.join(PROPERTIES)}", check=False)
    return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)


def ended_by_itself(now: Mapping[str, str], restarts: int) -> bool:
    """Whether a service has ended without anybody asking systemd for it.

    Nobody can tell from the status: Node-RED ends with 0 whether it was asked to or not. But where systemd was asked, it
    has left the active state before the process ended; else after that.

    :param now: as `properties` returns it
    :param restarts: how often systemd had started it anew when the watch began
    """
    # By systemd itself, which counts from 0 after each start that was asked for.
    if int(now.get("NRestarts") or 0) > restarts or now.get("SubState", "").startswith("auto-restart"):
        return True
    if now.get("ActiveState") not in ("inactive", "failed"):
        return False
    ended, left = (int(now.get(f"{name}TimestampMonotonic") or 0) for name in ("ExecMainExit", "ActiveExit"))
    return 0 < ended <= left


class _Over(Exception):
    """Another run has ended the watch."""


def _still_watched(store: Store, watched: WatchedRecord) -> Transaction:
    """The transaction, read under the lock."""
    transaction = Transaction(store)
    now = transaction.watched
    if now is None or now["transaction"]["id"] != watched["transaction"]["id"]:
        raise _Over
    return transaction


def _went_back(store: Store, watched: WatchedRecord, restarts: int) -> bool:
    """Go back, unless the service was started by somebody while the lock was waited for; tells whether the watch is over.

    :raises HostError: the lock cannot be had, the host has no such service any more, or it could not go back
    """
    plan, identifier = watched["plan"], watched["transaction"]["id"]
    with store.lock():
        transaction = _still_watched(store, watched)
        # Whatever another run has replaced and not proved yet, it answers for.
        if transaction.identifier not in (None, identifier) or not ended_by_itself(properties(store.service), restarts):
            return False
        unit = Unit(store.service, plan["user"], plan["user_dir"], plan["settings_path"])
        service = Service(unit, plan["timeout"], plan["stable"])
        if lets_in_more(watched) or loses_credentials(watched):
            # It may be starting again by now.
            systemctl("start", store.service, check=False)
            tell(store, identifier, "ended", "closed")
            return False
        try:
            service.take_back(transaction)
        except (HostError, OSError) as exc:
            systemctl("start", store.service, check=False)
            with contextlib.suppress(HostError, OSError):
                tell(store, identifier, "ended", "failed")
            raise HostError(f"Going back failed: {exc}") from None
        tell(store, identifier, "ended", "back")
        # Of what runs here nothing is left; and last, because it ends this.
        transaction.end_watch()
    return True


def lets_in_more(watched: WatchedRecord) -> bool:
    """Whether the state before would let in somebody who was locked out since, and who may be the one that has ended it.

    :param watched: the transaction that is watched
    """
    record, former = watched["transaction"], watched["former"]
    if record["revoke"] or record["session_expiry"] or not former or not record["proof"]:
        return True
    before, after = former["expected"], record["proof"]["expected"]
    # In what order these two are: closed is more than open.
    return (
        any(after.get(name) and not before.get(name) for name in ("auth", "node_auth", "login_page"))
        or (_serves_tls(after) and not _serves_tls(before))
        or record.get("login", {}).get("narrowed", False)
        or (before["anonymous"] and not after["anonymous"])
        or bool(set(after["static"]) - set(before["static"]))
    )


def _serves_tls(expected: Expected) -> bool:
    """Whether the network is answered by TLS, be it by nginx."""
    return expected["tls"] or bool(expected.get("proxy"))


def loses_credentials(watched: WatchedRecord) -> bool:
    """Whether credentials of flows were deployed since, which the files of before do not have.

    :param watched: the transaction that is watched
    """
    for entry in watched["transaction"]["files"]:
        if entry["path"].endswith("_cred.json"):
            account = Account(entry["user"]) if entry["user"] else None
            if checksum(files.read(entry["path"], account)) != entry["written"]:
                return True
    return False
