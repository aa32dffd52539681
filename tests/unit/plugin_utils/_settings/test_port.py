# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port that a settings.js has Node-RED listen on."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.port import port_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import SettingsSource


@pytest.mark.parametrize(
    ("settings", "port"),
    [
        ("{uiPort: 443}", 443),
        ("{uiPort: '443'}", 443),
        ("{uiPort: process.env.PORT || 1880}", None),
        ("{uiPort: true}", None),
        ("{uiPort: 'http'}", None),
        ("{...base}", None),
        ("{}", 1880),
    ],
)
def test_the_port_as_far_as_the_file_tells(settings: str, port: int | None) -> None:
    assert port_of(SettingsSource(f"module.exports = {settings}".encode(), strict=False)) == port


@pytest.mark.parametrize(("path", "port"), [(["uiPort"], None), ([], None), (["uiHost"], 443)])
def test_what_wins_over_the_file_is_not_guessed(path: list[str], port: int | None) -> None:
    overrides: list[dict[str, t.Any]] = [{"path": path, "by": "--port"}]
    assert port_of(SettingsSource(b"module.exports = {uiPort: 443}"), overrides) == port
