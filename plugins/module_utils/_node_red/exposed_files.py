# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of Node-RED that hold secrets and that other users of the host may read."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import stat
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import read
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import DROP_IN

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account

#: What Node-RED writes into its userDir that holds tokens, credentials or flows (with the copies it keeps).
SECRET_FILES = (
    "settings.js",
    ".sessions.json*",
    ".config*.json*",
    "*_cred.json*",
    ".*_cred.json*",
    "flows*.json*",
    ".flows*.json*",
    "environment",
)


def wanted_umask(service: str) -> int:
    """The umask that the owner wants: that of this collection's drop-in, else the one that it begins with.

    :param service: the name of the service with its suffix
    """
    found = re.search(rb"^UMask=(0[0-7]{3})$", read(DROP_IN % service) or b"", re.MULTILINE)
    return int(found[1], 8) if found else 0o077


def allowed_modes(umask: int) -> tuple[int, int]:
    """The most rights that the userDir and its files may have, so that Node-RED writes none with more.

    :param umask: of the service; where it lets others read files, the directory keeps them out: who reads the sessions
        there can log in
    :returns: of the directory, and of the files in it
    """
    return 0o700, 0o666 & ~umask


def exposed_files(user_dir: str, account: Account, umask: int = 0o077) -> list[str]:
    """What holds secrets in a userDir and can be read by more users of the host than the owner has allowed.

    :param user_dir: the userDir
    :param account: the user of the service
    :param umask: what the owner wants the service to take away from the rights of new files
    :returns: the paths of that user's own files there, and of the directory itself
    """
    exposed = []
    of_directory, of_files = allowed_modes(umask)
    with account.rights():
        # The directory may be a link, to another disk for example.
        directory = os.path.realpath(user_dir)
        for pattern, is_kind in (("", stat.S_ISDIR), *((pattern, stat.S_ISREG) for pattern in SECRET_FILES)):
            for path in glob.glob(os.path.join(glob.escape(directory), pattern)) if pattern else [directory]:
                with contextlib.suppress(OSError):
                    status = os.lstat(path)
                    others = 0o077 & ~(of_files if pattern else of_directory)
                    if pattern == "settings.js":
                        others &= 0o007
                    if is_kind(status.st_mode) and status.st_uid == account.uid and status.st_mode & others:
                        exposed.append(path)
    return exposed
