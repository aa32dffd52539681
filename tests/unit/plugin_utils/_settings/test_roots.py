# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Below which paths Node-RED serves what, as far as a settings file tells."""

from __future__ import annotations

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.roots import (
    ADMIN_ROOT,
    NODE_ROOT,
    is_below,
    is_switched_off,
    root_of,
    static_roots,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import SettingsSource


def source(members: str) -> SettingsSource:
    return SettingsSource(f"module.exports = {{ uiPort: 1880, {members} }};\n".encode())


@pytest.mark.parametrize(
    ("members", "key", "root", "off"),
    [
        ("", ADMIN_ROOT, "/", False),
        ('httpAdminRoot: "/admin", httpNodeRoot: "/api"', ADMIN_ROOT, "/admin", False),
        ('httpAdminRoot: "/admin", httpNodeRoot: "/api"', NODE_ROOT, "/api", False),
        ("httpNodeRoot: false", NODE_ROOT, False, True),
        ("httpNodeRoot: false", ADMIN_ROOT, "/", False),
        ("httpRoot: false", ADMIN_ROOT, False, True),
        ("httpNodeRoot: process.env.ROOT", NODE_ROOT, Expression("process.env.ROOT"), False),
    ],
)
def test_the_root_of_the_editor_and_of_pages(members: str, key: str, root: object, off: bool) -> None:
    settings = source(members)
    assert root_of(settings, key) == root
    assert is_switched_off(settings, key) is off


@pytest.mark.parametrize(
    ("members", "roots"),
    [
        ('httpStatic: "/srv"', [("/", True, True)]),
        ('httpStatic: "/srv", httpStaticRoot: "doc/"', [("/doc", True, True)]),
        (
            'httpStatic: [{path: "/a", root: "/x/"}, {path: "/b"}], httpStaticRoot: "/doc"',
            [("/doc/x", True, True), ("/doc", True, True)],
        ),
        ('httpStatic: [{path: "/a", root: process.env.ROOT}]', [("/", True, False)]),
        ("httpStatic: folders()", [("/", False, True)]),
    ],
)
def test_the_roots_of_static_files(members: str, roots: list[tuple[str, bool, bool]]) -> None:
    assert static_roots(source(members)) == roots


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("/doc", "/", True),
        ("/doc", "/doc", True),
        ("/doc/more", "doc/", True),
        ("/docs", "/doc", False),
        ("/", "/doc", False),
    ],
)
def test_what_lies_below_a_root(path: str, root: str, below: bool) -> None:
    assert is_below(path, root) is below
