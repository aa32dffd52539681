# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions that no run can end are told, and are no reason to restart."""

from __future__ import annotations

import types
import typing as t

import pytest
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.revocation import within_reach
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.settings_change import LoginChange, SettingsChange

HASH = "$2b$08$Rrn3YbONhDNr3VKuh2ERBuNt.N9a9UZ6QdEVk7t0Uv4bV3Ek5FPgu"


def settings(storage: str) -> bytes:
    return f"module.exports = {{\n    {storage}\n    uiPort: 1880,\n}}\n".encode()


def state(content: bytes | None, **files: str) -> dict[str, t.Any]:
    return {"settings": {"content": content}, "login_page": {"files": files}}


@pytest.mark.parametrize("storage", ['storageModule: require("./db"),', 'storageModule: "node-red-storage-s3",'])
def test_kept_elsewhere(storage: str) -> None:
    options = {"revoke": ["steve"], "force": False}
    reached, warnings = within_reach(options, state(settings(storage)))
    assert reached == {"revoke": [], "force": False}
    assert options["revoke"] == ["steve"]
    assert len(warnings) == 1
    assert "logins of steve could not be ended" in warnings[0]
    reached, warnings = within_reach({"revoke": ["*"]}, state(settings(storage)))
    assert "logins of all users" in warnings[0]
    assert within_reach({"revoke": []}, state(settings(storage))) == ({"revoke": []}, [])


def test_the_login_page_keeps_its_own() -> None:
    """A run ends these, and tells of the editor's."""
    kept = state(settings('storageModule: "db",'), **{"login.js": HASH})
    reached, warnings = within_reach({"revoke": ["fred"]}, kept)
    assert reached == {"revoke": ["fred"]}
    assert "logins of fred could not be ended" in warnings[0]


@pytest.mark.parametrize(
    "content", [settings(""), settings("storageModule: null,"), settings("//storageModule: x,"), None]
)
def test_kept_by_node_red(content: bytes | None) -> None:
    assert within_reach({"revoke": ["*"]}, state(content)) == ({"revoke": ["*"]}, [])


def test_a_file_that_cannot_be_read_is_for_others_to_refuse() -> None:
    assert within_reach({"revoke": ["*"]}, state(b"module.exports = {"))[1] == []


def change(content: bytes, **options: t.Any) -> SettingsChange:
    target = types.SimpleNamespace(
        path="/home/pi/.node-red/settings.js",
        user_dir="/home/pi/.node-red",
        certificate="server.pem",
        content=content,
        original=content,
        action=types.SimpleNamespace(task_vars={"inventory_hostname": "kitchen"}),
        direct=None,
        credentials=lambda document: None,
        check=lambda desired: None,
        login_place=None,
        written=[],
        login_change=lambda applied: LoginChange(),
    )
    return SettingsChange(t.cast("t.Any", target), make_options(**options))


def test_a_user_who_loses_a_right() -> None:
    before = f'{{username: "NAME", password: "{HASH}", permissions: "*"}}'
    users = ", ".join(before.replace("NAME", name) for name in ("admin", "steve"))
    login = f'adminAuth: {{type: "credentials", users: [{users}]}},'
    admin = {"username": "admin", "password_hash": HASH, "permissions": "*"}
    steve = {"username": "steve", "password_hash": HASH, "permissions": "read"}

    def told(storage: str, *users: dict[str, str]) -> list[str]:
        warnings = change(settings(f"{login} {storage}"), admin_users=list(users)).warnings
        return [warning for warning in warnings if "could not be ended" in warning]

    (warning,) = told('storageModule: "db",', admin, steve)
    assert "The logins of steve could" in warning
    assert told("", admin, steve) == []
    assert told('storageModule: "db",', admin, {**steve, "permissions": "*"}) == []
