# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chromium for the tests and the pictures."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import typing as t

from node_red import PROJECT
from playwright.sync_api import Browser, sync_playwright

_PROGRAM = pathlib.Path("/usr/bin/chromium")
#: Milliseconds until something that does not come is given up.
PATIENCE = 60_000


@contextlib.contextmanager
def chromium() -> t.Iterator[Browser]:
    if not _PROGRAM.exists():
        subprocess.run([PROJECT / "tests/hosts/install", "chromium"], check=True)
    with sync_playwright() as playwright:
        # Its sandbox does not start for root.
        started = playwright.chromium.launch(executable_path=_PROGRAM, args=["--no-sandbox"])
        yield started
        started.close()
