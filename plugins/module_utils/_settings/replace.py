# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replaces a settings file: compare, load with Node.js, read back, keep the old one, rename."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials import files as credentials
from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import ConflictError, HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.origin import note_settings, status_before
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import endpoints
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import (
    LoadError,
    load_settings,
    runtime_of_file,
    runtime_of_service,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import located
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy.nginx import DIRECT
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import login_directory

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import (
        LoadedSettings,
        Runtime,
    )
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit, Unit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        EffectiveSettings,
        FileResult,
        FileStatus,
        ListeningState,
        RestartPlan,
        SettingsResult,
        WrittenSetting,
    )


class ManagedSetting(t.TypedDict, total=False):
    """What must be read back of a setting: its value, or its type where the value cannot be compared."""

    #: Its keys, outermost first.
    path: t.Required[list[str]]
    value: t.Any
    #: Whether it must come from the login page, whatever it is on this release.
    login_page: bool
    #: What `typeof` says of it.
    type: str


class LoginFile(t.NamedTuple):
    """The new content of a file of the login page."""

    content: bytes
    #: The checksum of the file that it takes the place of, empty where there was none.
    sha256: str


class Replacement(t.NamedTuple):
    """The new content of a settings file, and how to put it in place."""

    content: bytes
    #: The checksum of the file that it was computed from, empty where there was none.
    sha256: str
    managed: Sequence[ManagedSetting]
    #: Whether to keep a copy of the old file beside it.
    backup: bool
    #: Seconds that loading may take.
    timeout: int
    check_mode: bool
    #: How settings stood before a proxy came, to be kept until it goes; empty where it goes, None where neither is so.
    direct: bytes | None = None
    #: By their names below the directory of the login page, the files that are written first.
    login_files: Mapping[str, LoginFile] = {}
    #: All settings that this collection has ever written to the file, with this edit; None where they are not kept.
    written: list[WrittenSetting] | None = None
    #: Whether the file gets back the mode and the owner that it had before the first edit.
    as_found: bool = False


def replace_settings(unit: Unit, new: Replacement, load_tls: bool, plan: RestartPlan) -> SettingsResult:
    """Replace the settings file of a service.

    :param unit: its unit
    :param new: the new content
    :param load_tls: whether the key and the certificate that ``https`` names must load, too
    :param plan: what the next restart has to do
    :returns: whether it was replaced
    :raises HostError: there is no such service, Node.js cannot load the content, or finds other values in it
    """
    here = located(unit)
    path, account, runtime = here.settings_path, here.account, runtime_of_service(here)
    store = Store(here.name)
    if new.check_mode:
        loaded = _loaded(runtime, path, new, load_tls=False)
        return {"changed": True, "conflict": False, "listening": _listening(here, loaded["effective"])}
    with store.lock():
        present, status = files.read_with_status(path, account, files.MAXIMUM_OF_TEXT)
        if checksum(present) != new.sha256:
            return {"changed": False, "conflict": True}
        loaded = _loaded(runtime, path, new, load_tls)
        transaction = Transaction(store)
        transaction.begin({"active": here.active, "endpoints": endpoints(here)})
        if not os.path.isdir(here.settings_directory):
            transaction.make_directory(here.settings_directory, 0o700, account)
        try:
            _put_login_files(here, transaction, new.login_files)
            if new.content != present:
                found = status_before(store) if new.as_found else None
                ownership = (files.mode_of(found), found["uid"], found["gid"]) if found else _ownership(account, status)
                transaction.replace(path, new.content, *ownership, account, new.sha256)
        except ConflictError:
            transaction.close_if_empty()
            return {"changed": False, "conflict": True}
        if new.direct is not None:
            transaction.replace(store.path(DIRECT), new.direct or None, 0o600, 0, 0)
        if new.written is not None:
            note_settings(transaction, present, status, new.content, new.written)
        transaction.note(effective=loaded["effective"], settings=checksum(new.content))
        transaction.plan(**plan)
        if plan["credentials"]:
            _keep_credentials(here, transaction)
        result: SettingsResult = {
            "changed": True,
            "conflict": False,
            "transaction": transaction.open_record["id"],
            "listening": _listening(here, loaded["effective"]),
        }
        if new.backup and present is not None and status is not None and present != new.content:
            result["backup_file"] = files.backup(path, present, status, account)
    return result


def _listening(unit: LocatedUnit, effective: EffectiveSettings) -> ListeningState:
    """Where Node-RED listens with the settings that Node.js has found, and with the command line of its service."""
    port, root = str(unit.command_line.last("port") or effective["port"]), effective["admin_root"]
    return {
        # Code may give what is no text.
        "host": str(effective["host"]),
        "port": int(port) if port.isdecimal() and int(port) <= 0xFFFF else None,
        "tls": effective["tls"],
        "admin_root": False if root is False else str(root),
    }


def _put_login_files(unit: LocatedUnit, transaction: Transaction, new: Mapping[str, LoginFile]) -> None:
    """Write the files of the login page, to which the settings may refer from now on.

    :raises ConflictError: one has changed since it was read
    """
    account = unit.account
    for name, file in new.items():
        path = os.path.join(unit.settings_directory, login_directory(unit.settings_path), name)
        transaction.make_directory(os.path.dirname(path), 0o700, account)
        transaction.replace(path, file.content, 0o600, account.uid, account.gid, account, file.sha256)


def _keep_credentials(unit: LocatedUnit, transaction: Transaction) -> None:
    """Keep the credentials of flows: should the host restart now, Node-RED could not read them and overwrite them."""
    for name in credentials.names(unit):
        content = credentials.content_of(unit, name)
        if content is not None:
            transaction.store.keep(f"backups/{transaction.identifier}/0-{name}", content)


def read_file(path: str) -> tuple[bytes, str]:
    """Read a settings file that belongs to no service.

    :param path: the file
    :returns: its content and its checksum
    :raises HostError: there is none, or it cannot be read
    """
    content = files.read(path, _safest_account(path), files.MAXIMUM_OF_TEXT)
    if content is None:
        raise HostError(f"There is no file {path}.")
    return content, checksum(content)


def replace_file(path: str, new: Replacement, validate: bool) -> FileResult:
    """Replace a settings file that belongs to no service.

    :param path: the file
    :param new: the new content
    :param validate: whether Node.js must load it before
    :returns: whether it was replaced
    :raises HostError: Node.js cannot load the content, or finds other values in it, or the file cannot be written
    """
    account = _safest_account(path)
    present, status = files.read_with_status(path, account, files.MAXIMUM_OF_TEXT)
    if checksum(present) != new.sha256 or present is None or status is None:
        return {"changed": False, "conflict": True}
    if validate:
        runs_as = account if account.uid != 0 else Account.of_uid(status["uid"], status["gid"])
        _loaded(runtime_of_file(path, runs_as), path, new, load_tls=False)
    if new.check_mode:
        return {"changed": True, "conflict": False}
    copy = files.backup(path, present, status, account) if new.backup else None
    try:
        files.replace(path, new.content, files.mode_of(status), status["uid"], status["gid"], account, new.sha256)
    except ConflictError:
        if copy:
            files.remove(copy, account)
        return {"changed": False, "conflict": True}
    result: FileResult = {"changed": True, "conflict": False}
    if copy:
        result["backup_file"] = copy
    return result


def _safest_account(path: str) -> Account:
    """Whoever owns a directory above a file can put any other in its place, so no more rights than theirs are used."""
    directory = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(directory):
        raise HostError(f"There is no directory {directory}.")
    above: list[str] = []
    while directory not in above:
        above.append(directory)
        directory = os.path.dirname(directory)
    owners = [os.stat(each) for each in reversed(above)]
    owner = next((status for status in owners if status.st_uid != 0), owners[-1])
    if os.geteuid() == 0 and owner.st_uid == 0 and files.path_of_root(above[0]) is None:
        raise HostError(
            f"Others than root may write to {above[0]} or to a directory above it, and could put there what root then loads."
            " Run this as the user whose file it is, or take the right away (chmod go-w)."
        )
    return Account.of_uid(owner.st_uid, owner.st_gid)


def _loaded(runtime: Runtime, path: str, new: Replacement, load_tls: bool) -> LoadedSettings:
    """What Node.js makes of the new content; HostError unless every managed key has the value asked for."""
    key_paths = [setting["path"] for setting in new.managed]
    try:
        loaded = load_settings(
            runtime, path, new.content, key_paths, load_tls, new.timeout, _beside(path, new.login_files)
        )
    except LoadError as error:
        if _failed_before(runtime, path, new, error.reason):
            raise HostError(
                f"Node.js cannot load {path} as it is, before any edit: {error.reason}. Correct that first; a file that"
                " belongs to no service can be edited without being loaded, with validate: false."
            ) from None
        raise
    for setting, present in zip(new.managed, loaded["values"]):
        if setting.get("login_page"):
            right = loaded["effective"]["login_page"]
        elif "value" in setting:
            right = _has(present.get("value"), setting["value"])
        else:
            right = present["type"] == setting["type"]
        if not right:
            raise HostError(
                f"After the edit {'.'.join(setting['path'])} of {path} still has another value than asked for: code in the"
                " file sets it again. Remove that code, or the variable that sets this key."
            )
    return loaded


def _beside(path: str, new: Mapping[str, LoginFile]) -> dict[str, str]:
    """The files of the login page as Node.js is to load them, by their paths."""
    directory = os.path.join(os.path.dirname(path), login_directory(path))
    return {os.path.join(directory, name): file.content.decode("utf-8") for name, file in new.items()}


def _failed_before(runtime: Runtime, path: str, new: Replacement, reason: str) -> bool:
    """Whether Node.js refuses the present file for the same reason."""
    present = files.read(path, runtime.account, files.MAXIMUM_OF_TEXT)
    if present is None:
        return False
    try:
        load_settings(runtime, path, present, [], False, new.timeout)
    except LoadError as error:
        return error.reason == reason
    return False


def _has(present: t.Any, desired: t.Any) -> bool:
    """Whether a value is the desired one; an object may have more keys, which only running the code tells."""
    if isinstance(desired, dict) and isinstance(present, dict):
        return all(key in present and _has(present[key], value) for key, value in desired.items())
    if isinstance(desired, list) and isinstance(present, list):
        return len(present) == len(desired) and all(map(_has, present, desired))
    return present == desired and isinstance(present, bool) == isinstance(desired, bool)


def _ownership(account: Account, status: FileStatus | None) -> tuple[int, int, int]:
    """Mode, owner and group for the new file: the owner stays, and only the service's user can read it."""
    if status is None or status["uid"] == account.uid:
        return 0o600, account.uid, status["gid"] if status else account.gid
    return 0o640, status["uid"], account.gid
