# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that does not run, for what writes its certificate."""

from __future__ import annotations

import os
import pathlib
import pwd

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account


class StoppedUnit:
    """What is used of a service whose files all lie in one directory, and belong to whoever runs the tests."""

    name = "nodered.service"
    active = False
    main_pid = 0

    def __init__(self, folder: pathlib.Path) -> None:
        self.account = Account(pwd.getpwuid(os.getuid()).pw_name)
        self.user_dir = self.settings_directory = str(folder)
        self.settings_path = str(folder / "settings.js")
