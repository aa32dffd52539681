# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""settings.js behind a proxy, and byte for byte what it was when the proxy goes."""

from __future__ import annotations

import pytest
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import proxy
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import (
    DesiredSettings,
    SettingsOptionError,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument

USERS = [{"username": "admin", "password_hash": "$2b$08$" + "a" * 53, "permissions": "*"}]

#: Settings as owners write them, without and with what a proxy changes.
FILES = {
    "nothing": "module.exports = {\n}\n",
    "no comma at the end": "module.exports = {\n    uiPort: 1880\n}\n",
    "on one line": "module.exports = {uiPort: 1880};\n",
    "another host": "module.exports = {\n    // The office.\n    uiHost: '192.168.1.20', // not the guests\n    uiPort: 1880,\n};\n",
    "roots": 'module.exports = {\n    httpAdminRoot: "/red",\n    httpNodeRoot: "/api",\n    flowFile: "flows.json",\n}\n',
    "code": "const os = require('os');\nmodule.exports = {\n    uiHost: process.env.HOST || '0.0.0.0',\n    uiPort: 1880\n}\n",
    "own https": "module.exports = {\n    https: {\n        // Old.\n        key: k,\n        minVersion: 'TLSv1.3',\n    },\n    a: 1,\n};\n",
    "commented": 'module.exports = {\n    //uiHost: "127.0.0.1",\n    /** TLS */\n    //https: {},\n    a: 1, /* last */\n}\n',
    "statements": "module.exports.uiPort = 1880;\nmodule.exports.uiHost = '::'; // all\n",
}


def applied(source: bytes, direct: proxy.Direct | None = None, **options: object) -> bytes:
    """A file after a run."""
    document = SettingsDocument(source)
    apply_settings(DesiredSettings.from_options(make_options(**options), "/home/pi"), document, direct=direct)
    return document.source


@pytest.mark.parametrize("path", ["/", "/kitchen"])
@pytest.mark.parametrize("file", FILES)
def test_going_back_leaves_no_byte(file: str, path: str) -> None:
    before = FILES[file].encode()
    direct = proxy.standing(SettingsDocument(before))
    behind = applied(before, proxy_path=path)
    assert behind != before
    assert applied(behind, proxy_path=path, direct=direct) == behind
    assert applied(behind, direct=direct) == before


@pytest.mark.parametrize("path", ["/", "/kitchen"])
@pytest.mark.parametrize("file", [name for name in FILES if name != "own https"])
def test_a_secured_file_comes_back_as_it_was(file: str, path: str) -> None:
    asked = {"admin_users": USERS, "credential_secret": "a secret", "values": {"uiPort": 1881}}
    before = applied(FILES[file].encode(), https=True, **asked)
    direct = proxy.standing(SettingsDocument(before))
    behind = applied(before, proxy_path=path, **asked)
    assert applied(behind, direct=direct, https=True, **asked) == before


def test_what_a_proxy_needs() -> None:
    behind = SettingsDocument(applied(b"module.exports = {https: {key: k}}\n", proxy_path="/kitchen"))
    assert behind.get("uiHost") == "127.0.0.1"
    assert behind.get("https").is_undefined
    assert (behind.get("httpAdminRoot"), behind.get("httpNodeRoot")) == ("/kitchen", "/kitchen")


def test_at_the_root_roots_stay() -> None:
    before = b'module.exports = {httpAdminRoot: "/admin", httpNodeRoot: false}\n'
    behind = SettingsDocument(applied(before, proxy_path="/"))
    assert (behind.get("httpAdminRoot"), behind.get("httpNodeRoot")) == ("/admin", False)


def test_an_editor_that_is_off_stays_off() -> None:
    behind = SettingsDocument(applied(b"module.exports = {httpAdminRoot: false}\n", proxy_path="/kitchen"))
    assert behind.get("httpAdminRoot") is False


def test_a_common_root_is_refused_with_its_line() -> None:
    with pytest.raises(SettingsError, match="httpRoot") as refusal:
        applied(b'module.exports = {\n    httpRoot: "/red",\n}\n', proxy_path="/kitchen")
    assert refusal.value.line == 2


def test_what_could_not_come_back_is_refused_with_its_line() -> None:
    with pytest.raises(SettingsError, match="https") as refusal:
        proxy.standing(SettingsDocument(b"module.exports = {\n    https() { return {}; },\n}\n"))
    assert refusal.value.line == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"values": {"uiHost": "0.0.0.0"}}, "uiHost has a variable of its own, nodered_proxy"),
        ({"values": {"https.minVersion": "TLSv1.3"}}, "has a variable of its own, nodered_proxy"),
        ({"values": {"httpAdminRoot": "/a"}}, "httpAdminRoot has a variable of its own, nodered_proxy_path"),
        ({"absent": ["httpNodeRoot"]}, "httpNodeRoot has a variable of its own, nodered_proxy_path"),
        ({"https_options": {"minVersion": "TLSv1.3"}}, "nodered_https_options would have no effect: nodered_proxy"),
    ],
)
def test_contradictions_are_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsOptionError, match=message):
        DesiredSettings.from_options(make_options(proxy_path="/kitchen", **asked), "/home/pi")


def test_at_the_root_a_root_may_be_asked_for() -> None:
    behind = SettingsDocument(applied(b"module.exports = {}\n", proxy_path="/", values={"httpAdminRoot": "/admin"}))
    assert behind.get("httpAdminRoot") == "/admin"
