# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules on the settings.js of every release of Node-RED, as shipped and as `settings` leaves it; and on noise."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st
from settings_options import make_options
from stock_files import VERSIONS, stock_files

from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.settings import check_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import DesiredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument

TODAY = datetime.date(2026, 11, 23)
HASH = "$2b$08$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232"
#: The least that somebody writes, and the example of the README.
MINIMAL = {"admin_users": [{"username": "admin", "password_hash": HASH, "permissions": "*"}], "https": True}
EXAMPLE = {**MINIMAL, "node_auth": {"user": "fred", "password_hash": HASH}}


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    return stock_files(VERSIONS)


def rules(text: bytes, in_repository: bool = False) -> set[str]:
    return {finding.rule.identifier for finding in check_settings(text, "pi", "settings.js", TODAY, in_repository)}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stock_file_is_open_and_nothing_else(files: dict[str, bytes], version: str) -> None:
    """The sample hash in its comments is no finding."""
    assert rules(files[version]) == {"admin-auth-missing", "https-missing", "modules-installable"}
    assert rules(files[version], in_repository=True) - rules(files[version]) == {
        "credential-secret-absent",
        "node-auth-missing",
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wishes", [MINIMAL, EXAMPLE], ids=["minimal", "example"])
def test_a_secured_stock_file_has_no_finding(files: dict[str, bytes], version: str, wishes: dict[str, t.Any]) -> None:
    document = SettingsDocument(files[version])
    apply_settings(DesiredSettings.from_options(make_options(**wishes), "/home/pi/.node-red"), document)
    assert rules(document.source) == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_example_of_a_stock_file_is_a_finding_once_it_is_active(files: dict[str, bytes], version: str) -> None:
    document = SettingsDocument(files[version])
    sample = "$2a$08$zZWtXTja0fB1pzD4sHCMyOCMYz2Z6dNbM6tl8sJogENOMcxWV9DN."
    document.set(
        "adminAuth", {"type": "credentials", "users": [{"username": "admin", "password": sample, "permissions": "*"}]}
    )
    found = [
        each
        for each in check_settings(document.source, "pi", "settings.js", TODAY)
        if each.rule.identifier == "password-well-known"
    ]
    assert len(found) == 1
    line = found[0].location.line
    assert line is not None
    assert sample in document.source.decode().splitlines()[line - 1]


@given(st.binary(max_size=400))
def test_noise(noise: bytes) -> None:
    for text in (noise, b"module.exports = {" + noise + b"}", b"module.exports = { adminAuth: " + noise + b"}"):
        for finding in check_settings(text, "pi", "settings.js", TODAY, in_repository=True):
            assert finding.fingerprint
            assert finding.message.isprintable()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "users",
                        "username",
                        "password",
                        "permissions",
                        "default",
                        "tokens",
                        "user",
                        "pass",
                        "key",
                        "cert",
                        "origin",
                        "path",
                        "root",
                        "enabled",
                        "projects",
                        "modules",
                        "ioMiddleware",
                    ]
                ),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_any_value_of_any_setting(value: t.Any) -> None:
    """Values of every type, where Node-RED expects another one."""
    document = SettingsDocument(b"module.exports = {}")
    for key in (
        "adminAuth",
        "httpNodeAuth",
        "httpStaticAuth",
        "httpStatic",
        "https",
        "credentialSecret",
        "httpNodeCors",
        "ui",
        "externalModules",
        "functionGlobalContext",
        "editorTheme",
        "uiPort",
        "requireHttps",
        "httpAdminRoot",
    ):
        document.set((key,), value)
    for finding in check_settings(document.source, "pi", "settings.js", TODAY, in_repository=True):
        assert finding.fingerprint
        assert finding.message.isprintable()
