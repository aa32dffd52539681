# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replaces the settings file of a host: compare, load with Node.js, read back, keep the old one, rename."""

from __future__ import annotations

import os

from ansible_collections.pifleet.nodered.plugins.module_utils import _files as files
from ansible_collections.pifleet.nodered.plugins.module_utils._files import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._node import load_settings
from ansible_collections.pifleet.nodered.plugins.module_utils._state import endpoints
from ansible_collections.pifleet.nodered.plugins.module_utils._transaction import Store, Transaction


def replace_settings(unit, content, sha256, managed, load_tls, revoke, timeout, check_mode):
    """Replace the unit's settings file by ``content`` (bytes), which was computed from a file with this checksum.

    ``managed`` is a list of dictionaries with ``path`` and ``value`` or ``type``, ``revoke`` one of user
    names; see the module host_settings.
    """
    if not unit.account:
        raise HostError("This host has no service %s." % unit.name)
    store = Store(unit.name)
    if check_mode:
        _loaded(unit, content, managed, False, timeout)
        return {"changed": True, "conflict": False}
    with store.lock():
        present = files.read(unit.settings_path, unit.account)
        if files.checksum(present) != sha256:
            return {"changed": False, "conflict": True}
        loaded = _loaded(unit, content, managed, load_tls, timeout)
        transaction = Transaction(store)
        transaction.begin({"active": unit.active, "endpoints": endpoints(unit)})
        if not os.path.isdir(unit.user_dir):
            transaction.make_folder(unit.user_dir, 0o700, unit.account)
        transaction.replace(unit.settings_path, content, *_ownership(unit), unit.account)
        transaction.note(effective=loaded["effective"], settings=files.checksum(content),
                         revoke=sorted({*transaction.record["revoke"], *revoke}))
    return {"changed": True, "conflict": False, "transaction": transaction.identifier}


def _loaded(unit, content, managed, load_tls, timeout):
    """What Node.js makes of the text; HostError unless every managed key has the value asked for."""
    loaded = load_settings(unit, unit.settings_path, content, [entry["path"] for entry in managed], load_tls, timeout)
    for entry, found in zip(managed, loaded["values"]):
        if "value" in entry:
            wrong = found.get("value") != entry["value"]
        else:
            wrong = found["type"] != entry["type"]
        if wrong:
            raise HostError("After the edit %s of %s still has another value than asked for: code in the file sets "
                            "it again. Remove that code, or the variable that sets this key."
                            % (".".join(entry["path"]), unit.settings_path))
    return loaded


def _ownership(unit):
    """Mode, owner and group for the new file: the owner stays, and only the service's user can read it."""
    account = unit.account
    status = files.status(unit.settings_path)
    if status is None or status["uid"] == account.uid:
        return 0o600, account.uid, status["gid"] if status else account.gid
    return 0o640, status["uid"], account.gid
