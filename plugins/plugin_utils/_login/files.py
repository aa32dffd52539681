# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code of the login page, which is the same on every host: all files of `gate/` beside this one."""

from __future__ import annotations

import functools
import pathlib

_DIRECTORY = pathlib.Path(__file__).with_name("gate")
#: What the paths of the files of single sign-on begin with.
_SIGN_ON = "oidc/"


def login_files(sign_on: bool = False) -> dict[str, bytes]:
    """The content of each file by its path below the directory of the login page; those of the directory itself first.

    :param sign_on: whether with those of single sign-on
    """
    return {name: content for name, content in _all_files().items() if sign_on or not name.startswith(_SIGN_ON)}


@functools.cache
def _all_files() -> dict[str, bytes]:
    paths = sorted(
        (path for path in _DIRECTORY.rglob("*") if path.is_file()),
        key=lambda path: (len(path.parts), path),
    )
    return {path.relative_to(_DIRECTORY).as_posix(): path.read_bytes() for path in paths}
