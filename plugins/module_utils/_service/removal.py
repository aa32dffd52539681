# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes this collection off a service: the last part of a transaction, which others have begun with settings.js and nginx.

Proved like every other transaction, undone when that fails, and kept as a state.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.origin import closed, open_again, was_enabled
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import systemctl
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy.nginx import DIRECT
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import ORIGIN, certificate_file

from .service import DesiredService
from .sessions import sessions_file

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        OriginRecord,
        OriginResult,
        RemoveResult,
    )

    from .service import Service


def origin(service: Service) -> OriginResult:
    """What is kept of how the host was before."""
    record: OriginRecord | None = service.store.read(ORIGIN)
    return {
        "changed": False,
        "settings": record["settings"] if record else None,
        "opened": sorted(closed(service.store, service.unit.account)),
    }


def remove(service: Service, keep_certificate: bool, watch_minutes: int) -> RemoveResult:
    """Take away what the service was given, and prove that Node-RED serves what its settings say without it.

    :param service: the service; a transaction may be open in which settings.js was replaced
    :param keep_certificate: whether settings.js still reads the key and the certificate
    :param watch_minutes: as in `DesiredService`
    :raises HostError: it could not be proved, and the host is as it was before
    """
    opened: list[str] = []

    def take_away(transaction: Transaction) -> None:
        transaction.begin(service.before())
        own = os.path.join(service.unit.settings_directory, certificate_file(service.unit.settings_path))
        if not keep_certificate and files.read(own, service.unit.account) is not None:
            transaction.replace(own, None, 0, 0, 0, service.unit.account)
        for name in (ORIGIN, DIRECT):
            if files.read(service.store.path(name)) is not None:
                transaction.replace(service.store.path(name), None, 0, 0, 0)

    def settle() -> None:
        if not was_enabled(service.store):
            systemctl("disable", "--quiet", service.unit.name)
        opened.extend(open_again(service.store, service.unit.account))

    # Nobody shall be logged in who was let in by users that are gone, on the day on which they come back.
    desired = DesiredService(drop_in="", environment="", expected={}, revoke=["*"], watch_minutes=watch_minutes)
    done = service.prove(desired, take_away, settle)
    expected = done["proof"]["expected"]
    sessions = sessions_file(service.unit, expected)
    if sessions and not expected["auth"]:
        files.remove(sessions, service.unit.account)
    return {"changed": True, "transaction": done["transaction"], "opened": opened}


def forget(service: Service) -> RemoveResult:
    """Remove all that is kept of a service: the former files, the proof, and what tells how the host was before.

    :raises HostError: a change is not proved yet, or still watched; or something cannot be removed
    """
    directory = service.store.directory
    if os.path.isdir(directory):
        with service.store.lock():
            transaction = Transaction(service.store)
            if transaction.open or transaction.watched:
                raise HostError(
                    f"What is kept of {service.unit.name} is still needed: its last change is being watched, or is not proved."
                    " Run this again later."
                )
            try:
                shutil.rmtree(directory)
            except OSError as exc:
                raise HostError(f"{directory} cannot be removed: {files.reason(exc)}.") from exc
        # Other services may keep something there.
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(directory))
    return {"changed": True, "transaction": None, "opened": []}
