# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replaces a settings file: compare, load with Node.js, read back, keep the old one, rename."""

from __future__ import annotations

import os

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials import files as credentials
from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import ConflictError, HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import endpoints
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import (
    load_settings,
    runtime_of_file,
    runtime_of_service,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum


def replace_settings(unit, content, sha256, managed, load_tls, afterwards, backup, timeout, check_mode):
    """Replace the unit's settings file by ``content`` (bytes), which was computed from a file with this checksum.

    ``managed`` is a list of dictionaries with ``path`` and ``value`` or ``type``, ``afterwards`` what the next restart has to
    do (see `Transaction.plan`), ``backup`` whether to keep a copy beside the file; see the module host_settings.
    """
    if not unit.account:
        raise HostError("This host has no service %s." % unit.name)
    path, account, runtime = unit.settings_path, unit.account, runtime_of_service(unit)
    store = Store(unit.name)
    if check_mode:
        _loaded(runtime, path, content, managed, False, timeout)
        return {"changed": True, "conflict": False}
    with store.lock():
        present, status = files.read_with_status(path, account)
        if checksum(present) != sha256:
            return {"changed": False, "conflict": True}
        loaded = _loaded(runtime, path, content, managed, load_tls, timeout)
        transaction = Transaction(store)
        transaction.begin({"active": unit.active, "endpoints": endpoints(unit)})
        if not os.path.isdir(unit.settings_directory):
            transaction.make_directory(unit.settings_directory, 0o700, account)
        try:
            if content != present:
                transaction.replace(path, content, *_ownership(account, status), account, sha256)
        except ConflictError:
            transaction.close_if_empty()
            return {"changed": False, "conflict": True}
        transaction.note(effective=loaded["effective"], settings=checksum(content))
        transaction.plan(**afterwards)
        if afterwards["credentials"]:
            _keep_credentials(unit, transaction)
        kept = {}
        if backup and present not in (None, content):
            kept = {"backup_file": files.backup(path, present, status, account)}
    return {"changed": True, "conflict": False, "transaction": transaction.identifier, **kept}


def _keep_credentials(unit, transaction):
    """Keep the credentials of flows: should the host restart now, Node-RED could not read them and overwrite them."""
    for name in credentials.names(unit):
        content = credentials.content_of(unit, name)
        if content is not None:
            transaction.store.keep("backups/%s/0-%s" % (transaction.identifier, name), content)


def read_file(path):
    """The bytes and the checksum of a settings file that belongs to no service."""
    content = files.read(path, _safest_account(path))
    if content is None:
        raise HostError("There is no file %s." % path)
    return content, checksum(content)


def replace_file(path, content, sha256, managed, validate, backup, timeout, check_mode):
    """The same as `replace_settings` for a file that belongs to no service, with ``validate`` loaded before."""
    account = _safest_account(path)
    present, status = files.read_with_status(path, account)
    if checksum(present) != sha256:
        return {"changed": False, "conflict": True}
    if validate:
        runs_as = account if account.uid != 0 else Account.of_uid(status["uid"], status["gid"])
        _loaded(runtime_of_file(path, runs_as), path, content, managed, False, timeout)
    if check_mode:
        return {"changed": True, "conflict": False}
    kept = files.backup(path, present, status, account) if backup else None
    try:
        files.replace(path, content, int(status["mode"], 8) & 0o777, status["uid"], status["gid"], account, sha256)
    except ConflictError:
        if kept:
            files.remove(kept, account)
        return {"changed": False, "conflict": True}
    return {"changed": True, "conflict": False, **({"backup_file": kept} if kept else {})}


def _safest_account(path):
    """Whoever owns a folder above a file can put any other in its place, so no more rights than theirs are used."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise HostError("There is no folder %s." % folder)
    above = []
    while folder not in above:
        above.append(folder)
        folder = os.path.dirname(folder)
    owners = [os.stat(each) for each in reversed(above)]
    owner = next((status for status in owners if status.st_uid != 0), owners[-1])
    return Account.of_uid(owner.st_uid, owner.st_gid)


def _loaded(runtime, path, content, managed, load_tls, timeout):
    """What Node.js makes of the text; HostError unless every managed key has the value asked for."""
    loaded = load_settings(runtime, path, content, [entry["path"] for entry in managed], load_tls, timeout)
    for entry, found in zip(managed, loaded["values"]):
        if "value" in entry:
            right = _has(found.get("value"), entry["value"])
        else:
            right = found["type"] == entry["type"]
        if not right:
            raise HostError(
                "After the edit %s of %s still has another value than asked for: code in the file sets "
                "it again. Remove that code, or the variable that sets this key." % (".".join(entry["path"]), path)
            )
    return loaded


def _has(found, desired):
    """Whether a value is the wished one; an object may have more keys, which only running the code tells."""
    if isinstance(desired, dict) and isinstance(found, dict):
        return all(key in found and _has(found[key], value) for key, value in desired.items())
    if isinstance(desired, list) and isinstance(found, list):
        return len(found) == len(desired) and all(map(_has, found, desired))
    return found == desired and isinstance(found, bool) == isinstance(desired, bool)


def _ownership(account, status):
    """Mode, owner and group for the new file: the owner stays, and only the service's user can read it."""
    if status is None or status["uid"] == account.uid:
        return 0o600, account.uid, status["gid"] if status else account.gid
    return 0o640, status["uid"], account.gid
