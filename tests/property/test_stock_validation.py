# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings.js of every release of Node-RED, validated, as it is and with everything that a user may ask for."""

from __future__ import annotations

import datetime
import pathlib

import pytest
from stock_files import VERSIONS, stock_files
from test_stock_settings import NEW_KEYS

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec, validated
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import DesiredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._validation.host_checks import check_file

TODAY = datetime.date(2026, 11, 23)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_file_of_a_release(version: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "settings.js"
    path.write_bytes(stock_files([version])[version])
    subject, findings = check_file(path, TODAY)
    assert subject.error == ""
    rules = {finding.rule.identifier for finding in findings}
    # As installed, Node-RED is open; and the file is understood.
    assert {"admin-auth-missing", "https-missing"} <= rules
    assert not rules & {"settings-not-analysed", "settings-not-exported"}
    lines = path.read_text("utf-8").count("\n") + 1
    assert all(1 <= finding.location.line <= lines for finding in findings if finding.location.line)

    document = SettingsDocument(path.read_bytes())
    options = validated(argument_spec("settings"), NEW_KEYS)
    assert options is not None
    DesiredSettings(options, "/home/pi/.node-red").apply(document)
    path.write_bytes(document.source)
    _subject, after = check_file(path, TODAY)
    assert not {finding.rule.identifier for finding in after} & {
        "admin-auth-missing",
        "https-missing",
        "node-auth-missing",
    }
