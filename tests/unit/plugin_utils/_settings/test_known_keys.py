# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A misspelt key of settings.js is told from one that Node-RED reads, and from somebody's own."""

from __future__ import annotations

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.known_keys import meant


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("htpNodeRoot", "httpNodeRoot"),
        ("uiPrt", "uiPort"),
        ("editorThme.page.title", "editorTheme.page.title"),
        ("editorTheme.plette.editable", "editorTheme.palette.editable"),
        ("functionGlobalContex", "functionGlobalContext"),
        ("logging.console.level", ""),
        ("editorTheme.page.titel", ""),
        ("uiport", ""),
        ("kitchenColour", ""),
    ],
)
def test_meant(key: str, name: str) -> None:
    assert meant(key) == name
