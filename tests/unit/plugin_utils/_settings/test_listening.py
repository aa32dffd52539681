# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Node-RED listens with a settings.js."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.listening import listening_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import SettingsSource


def listening(settings: str, *paths: list[str]) -> tuple[t.Any, ...]:
    source = SettingsSource(f"module.exports = {settings}".encode(), strict=False)
    return listening_of(source, [{"path": path, "by": "-D"} for path in paths])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("{}", ("0.0.0.0", 1880, False, "/")),
        ("{uiHost: '::', uiPort: 443, https: {}, httpAdminRoot: '/a'}", ("::", 443, True, "/a")),
        ("{uiPort: '443', https: null, httpRoot: '/x', httpAdminRoot: '/a'}", ("0.0.0.0", 443, False, "/x")),
        ("{uiPort: true, httpAdminRoot: false}", ("0.0.0.0", None, False, False)),
        ("{uiPort: undefined, https: undefined}", ("0.0.0.0", 1880, False, "/")),
        ("{uiPort: process.env.PORT || 1880, https: tls()}", ("0.0.0.0", None, None, "/")),
        ("{uiHost: host, uiPort: 'http', httpAdminRoot: root}", (None, None, False, None)),
        ("{...base}", (None, None, None, None)),
    ],
)
def test_as_far_as_the_file_tells(settings: str, expected: tuple[t.Any, ...]) -> None:
    assert listening(settings) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (["uiPort"], ("127.0.0.1", None, False, "/")),
        (["uiHost"], (None, 443, False, "/")),
        (["https", "key"], ("127.0.0.1", 443, None, "/")),
        (["httpRoot"], ("127.0.0.1", 443, False, None)),
        ([], (None, None, None, None)),
    ],
)
def test_what_wins_over_the_file_is_not_guessed(path: list[str], expected: tuple[t.Any, ...]) -> None:
    assert listening("{uiHost: '127.0.0.1', uiPort: 443}", path) == expected
