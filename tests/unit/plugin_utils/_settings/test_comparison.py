# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings differ between two files, by name."""

from __future__ import annotations

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.comparison import changed_keys


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("uiPort: 1880,", "uiPort: 1880, // the same", []),
        ("uiPort: 1880,", 'uiPort: 1881, adminAuth: {type: "credentials"},', ["uiPort", "adminAuth"]),
        ("uiPort: 1880, https: f(),", "uiPort: 1880,", ["https"]),
        ("https: f(1),", "https: f(2),", ["https"]),
    ],
)
def test_names(before: str, after: str, names: list[str]) -> None:
    one, two = (f"module.exports = {{ {text} }}\n".encode() for text in (before, after))
    assert changed_keys(one, two) == names


@pytest.mark.parametrize("broken", [b"", b"module.exports = {", b"\x00"])
def test_of_a_broken_file_nothing_is_told(broken: bytes) -> None:
    assert changed_keys(b"module.exports = {}", broken) == changed_keys(broken, b"module.exports = {}") == []
