# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings.js that releases of Node-RED ship, taken from npm: edited, edited again without effect, and undone."""

from __future__ import annotations

import pathlib
import subprocess
import tarfile

import pytest
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings_document import (
    MISSING, Expression, SettingsDocument,
)

VERSIONS = ("0.20.8", "1.0.6", "1.3.7", "2.2.3", "3.0.2", "3.1.15", "4.0.9", "4.1.15", "5.0.7")
KEPT = pathlib.Path(__file__).resolve().parents[2] / ".build" / "stock"
AUTH = {"type": "credentials", "users": [{"username": "admin", "password": "$2b$08$x", "permissions": "*"}]}


@pytest.fixture(params=VERSIONS)
def path(request: pytest.FixtureRequest) -> pathlib.Path:
    """The stock file of a release."""
    found = KEPT / f"{request.param}.js"
    if not found.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(["npm", "pack", "--silent", f"node-red@{request.param}"], cwd=KEPT, check=True,
                                stdout=subprocess.PIPE, text=True).stdout.strip()
        with tarfile.open(KEPT / packed) as archive:
            found.write_bytes(archive.extractfile("package/settings.js").read())
        (KEPT / packed).unlink()
    return found


def test_stock_file(path: pathlib.Path) -> None:
    document = SettingsDocument(path.read_bytes())
    wishes = {
        "adminAuth": AUTH,
        "https": Expression("function() { return {} }"),
        "httpsRefreshInterval": 6,
        "requireHttps": True,
        "httpNodeAuth": {"user": "u", "pass": "p"},
        "httpStatic": [{"path": "/x"}],
        "credentialSecret": "s",
        "no such key": None,
    }
    for key, value in wishes.items():
        assert document.get((key,)) is MISSING
        document.set((key,), value)
    again = SettingsDocument(document.source)
    for key, value in wishes.items():
        again.set((key,), value)
    assert again.source == document.source and not again.changes()
    for key in reversed(wishes):
        document.remove((key,))
    assert document.source == path.read_bytes()
