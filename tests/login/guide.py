# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Node-RED with the flows of the guide, docs/dashboards.md."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import tempfile
import typing as t

from node_red import PROJECT, USERS, NodeRed, hash_of

FLOWS = PROJECT / "docs/files/dashboard-flows.json"
RELEASE = "4.1.15"
PASSWORDS = {"fred": USERS["fred"], "anna": "anna's password", "solar": "solar's password"}

#: By a page of each dashboard, what opens its menu, and the way out there.
MENUS = {
    "/ui/": ("[aria-label='menu button']", "[aria-label='Log out']"),
    "/dashboard/kitchen": ("header button", "a:has-text('Log out')"),
}


@contextlib.contextmanager
def guide() -> t.Iterator[NodeRed]:
    """It, with fred and anna, and with solar, who may use /api/solar."""
    users: list[dict[str, t.Any]] = [
        {"username": name, "password": hash_of(word), "permissions": "*"} for name, word in PASSWORDS.items()
    ]
    users[-1]["paths"] = ["/api/solar"]
    with tempfile.TemporaryDirectory() as directory:
        server = NodeRed(pathlib.Path(directory), RELEASE)
        shutil.copy(FLOWS, server.directory / "flows.json")
        server.install(users=users, open=[])
        with server:
            yield server
