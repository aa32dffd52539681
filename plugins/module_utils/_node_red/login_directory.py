# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of the login page as it lies on a host, and what other users of the host may read of it."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    LOGIN_DATA,
    LOGIN_SESSIONS,
    SIGN_ON_SESSIONS,
    login_directory,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import LoginPageState

    from .unit import LocatedUnit

#: So many files are looked at; more is none of this collection's.
_MOST_FILES = 64


def directory_of(unit: LocatedUnit) -> str:
    """Where the login page of a service is, or would be."""
    return os.path.join(unit.settings_directory, login_directory(unit.settings_path))


def names(unit: LocatedUnit) -> list[str]:
    """The paths of the files there, below the directory, those of the directory itself first; the sessions are one of them."""
    with unit.account.rights():
        found = list(_names(directory_of(unit)))
    return sorted(found, key=lambda name: (name.count("/"), name))[:_MOST_FILES]


def _names(directory: str, inside: str = "") -> Iterator[str]:
    with contextlib.suppress(OSError), os.scandir(os.path.join(directory, inside)) as entries:
        for entry in entries:
            # The second names of replaced files begin with a dot.
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False) and not inside:
                yield from _names(directory, entry.name)
            elif not entry.is_dir():
                yield os.path.join(inside, entry.name)


def read_login_page(unit: LocatedUnit) -> LoginPageState:
    """What lies in the directory of the login page."""
    directory = directory_of(unit)
    contents = {
        name: _content(unit, name) for name in names(unit) if not name.startswith((LOGIN_SESSIONS, SIGN_ON_SESSIONS))
    }
    data = contents.get(LOGIN_DATA)
    return {
        "path": directory,
        "files": {name: checksum(content) for name, content in contents.items()},
        "data": None if data is None else data.decode("utf-8", "replace"),
        "exposed": exposed(unit),
    }


def sign_on(unit: LocatedUnit) -> dict[str, t.Any]:
    """What login.json says of single sign-on; empty where it has none. The owner may have put anything there."""
    with contextlib.suppress(ValueError, RecursionError):
        data = json.loads(_content(unit, LOGIN_DATA) or b"{}")
        if isinstance(data, dict) and isinstance(data.get("oidc"), dict):
            return data["oidc"]
    return {}


def _content(unit: LocatedUnit, name: str) -> bytes | None:
    try:
        return files.read(os.path.join(directory_of(unit), name), unit.account, files.MAXIMUM_OF_TEXT)
    except HostError:
        return None


def exposed(unit: LocatedUnit) -> list[str]:
    """The paths of the directory and of its files that give rights to other users of the host."""
    directory = directory_of(unit)
    paths = [directory, *(os.path.join(directory, name) for name in names(unit))]
    with unit.account.rights():
        return [path for path in paths if _gives_rights(path, unit.account.uid)]


def _gives_rights(path: str, uid: int) -> bool:
    with contextlib.suppress(OSError):
        status = os.lstat(path)
        return not stat.S_ISLNK(status.st_mode) and status.st_uid == uid and bool(status.st_mode & 0o077)
    return False
