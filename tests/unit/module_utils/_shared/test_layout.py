# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where files of this collection lie."""

from __future__ import annotations

import re

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import certificate_file


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("/home/pi/.node-red/settings.js", "nodecerts/server.pem"),
        ("/home/pi/shared/settings-a.js", "nodecerts/server-settings-a.pem"),
        ("/home/pi/shared/server.js", "nodecerts/server-server.pem"),
        ("/etc/node-red.conf.js", "nodecerts/server-node-red.conf.pem"),
    ],
)
def test_each_settings_file_has_its_certificate(settings: str, expected: str) -> None:
    assert certificate_file(settings) == expected


@pytest.mark.parametrize("name", ["a b.js", '"); evil(); ("', "ü.js", ".js", "\udcff.js", "x" * 200])
def test_no_name_is_code_or_another_path(name: str) -> None:
    assert re.fullmatch(r"nodecerts/server-[0-9a-f]{16}\.pem", certificate_file(f"/srv/{name}"))
