# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of Node-RED that hold secrets and that other users of the host may read."""

from __future__ import annotations

import contextlib
import glob
import os
import stat

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


def exposed_files(user_dir, account):
    """The user's own files of the userDir, and the folder itself, whose secrets other users of the host may read."""
    found = []
    with account.rights():
        # The folder may be a link, to another disk for example.
        folder = os.path.realpath(user_dir)
        for pattern, kind in (("", stat.S_ISDIR), *((pattern, stat.S_ISREG) for pattern in SECRET_FILES)):
            for path in glob.glob(os.path.join(glob.escape(folder), pattern)) if pattern else [folder]:
                with contextlib.suppress(OSError):
                    status = os.lstat(path)
                    others = 0o007 if pattern == "settings.js" else 0o077
                    if kind(status.st_mode) and status.st_uid == account.uid and status.st_mode & others:
                        found.append(path)
    return found
