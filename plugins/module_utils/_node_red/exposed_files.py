# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of Node-RED that hold secrets and that other users of the host may read."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import typing as t

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


def exposed_files(user_dir: str, account: Account) -> list[str]:
    """What holds secrets in a userDir and can be read by other users of the host.

    :param user_dir: the userDir
    :param account: the user of the service
    :returns: the paths of that user's own files there, and of the directory itself
    """
    exposed = []
    with account.rights():
        # The directory may be a link, to another disk for example.
        directory = os.path.realpath(user_dir)
        for pattern, is_kind in (("", stat.S_ISDIR), *((pattern, stat.S_ISREG) for pattern in SECRET_FILES)):
            for path in glob.glob(os.path.join(glob.escape(directory), pattern)) if pattern else [directory]:
                with contextlib.suppress(OSError):
                    status = os.lstat(path)
                    others = 0o007 if pattern == "settings.js" else 0o077
                    if is_kind(status.st_mode) and status.st_uid == account.uid and status.st_mode & others:
                        exposed.append(path)
    return exposed
