# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the directory of the login page, from what a host has and what is asked for."""

from __future__ import annotations

import base64
import copy
import json
import os
import pathlib
import shutil
import types
import typing as t

import pytest
from host_state import SETTINGS, USER_DIR, make_state
from settings_options import make_options
from single_sign_on import CLIENT_SECRET, make_oidc

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account, user_name
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import Runtime, load_settings
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.settings_change import (
    PlainSettings,
    ServiceSettings,
    SettingsChange,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.ca_certificates import new_root
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.x509 import now_utc, pem_of

PASSWORD = "fred-only-for-tests"
FRED = {"username": "fred", "password": PASSWORD}
WALL = {"username": "wall", "password": "wall-only-for-tests", "permissions": "read"}
OPTIONS = {
    **make_options(https=True),
    "validate": True,
    "backup": False,
    "load_timeout": 60,
    **dict.fromkeys(("service", "user", "user_dir", "settings_path", "host_info", "path")),
}


class Host:
    """A host that writes what it is sent, as the action's side sees it."""

    check_mode = False

    def __init__(self, content: str = SETTINGS) -> None:
        self.task_vars = {"inventory_hostname": "kitchen"}
        self.content = content.encode()
        self.files: dict[str, bytes] = {}
        self.sent: list[dict[str, t.Any]] = []

    def state(self, options: dict[str, t.Any], fresh: bool = False) -> dict[str, t.Any]:
        state: dict[str, t.Any] = copy.deepcopy(make_state(**{"settings.content": self.content}))
        state["settings"]["content"] = self.content
        data = self.files.get("login.json")
        state["login_page"]["files"] = {name: checksum(content) for name, content in self.files.items()}
        state["login_page"]["data"] = data.decode() if data else None
        return state

    def run_module(self, module: str, options: dict[str, t.Any], shape: type, seconds: float | None = None) -> t.Any:
        self.sent.append(options)
        self.content = base64.b64decode(options["content"])
        for name, file in json.loads(options["login_files"] or "{}").items():
            assert file["sha256"] == checksum(self.files.get(name))
            self.files[name] = base64.b64decode(file["content"])
        self.files = {name: content for name, content in self.files.items() if name not in options["login_stale"]}
        if options["login_removed"]:
            self.files = {}
        return {"changed": True, "conflict": False, "transaction": "20260303T000000Z-1"}

    def change(self, **given: t.Any) -> SettingsChange:
        options = {**OPTIONS, **given}
        return SettingsChange(ServiceSettings(t.cast("t.Any", self), options), options)

    def run(self, **given: t.Any) -> dict[str, t.Any] | None:
        """Change the host where that is due; what was sent to it."""
        change = self.change(**given)
        if not change.is_due:
            return None
        change.diff()
        change.write()
        return self.sent[-1]


def test_all_files_are_sent_once() -> None:
    host = Host()
    sent = host.run(node_users=[FRED, WALL])
    assert sent is not None
    names = list(json.loads(sent["login_files"]))
    # What Node-RED loads is there before the data, and all of it before the settings.
    assert names[-1] == "login.json"
    assert {"login.js", "plugin/plugin.js"} <= set(names)
    # Nothing of single sign-on, for which nobody has asked.
    assert [name for name in names if "oidc" in name] == []
    assert host.run(node_users=[FRED, WALL]) is None


def test_only_what_differs_is_sent() -> None:
    host = Host()
    host.run(node_users=[FRED, WALL])
    host.files["login.js"] = b"of somebody else"
    sent = host.run(node_users=[FRED, WALL])
    assert sent is not None
    assert list(json.loads(sent["login_files"])) == ["login.js"]
    assert sent["login_revoke"] == []
    changed = host.change(node_users=[FRED])
    assert changed.changes == ["nodelogin"]


def test_who_loses_a_right_is_logged_out() -> None:
    host = Host()
    host.run(node_users=[FRED, WALL, {**FRED, "username": "anna"}])
    sent = host.run(node_users=[{**FRED, "permissions": "read"}, WALL])
    assert sent is not None
    assert sent["login_revoke"] == ["fred", "anna"]
    assert sent["revoke"] == []
    assert sent["login_narrowed"]


def test_a_host_may_go_back_by_itself_from_what_lets_in_more() -> None:
    host = Host()
    host.run(node_users=[FRED], node_open=["/health"])
    for given, narrowed in (
        ({"node_users": [FRED, WALL], "node_open": ["/health"]}, False),
        ({"node_users": [FRED, WALL], "node_open": ["/health", "/webhook/*"]}, False),
        ({"node_users": [FRED, WALL], "node_open": ["/webhook/*"]}, True),
        ({"node_users": [FRED], "node_open": ["/webhook/*"]}, True),
    ):
        sent = host.run(**given)
        assert sent is not None
        assert sent["login_narrowed"] is narrowed, given


def test_managed_settings_are_read_back() -> None:
    sent = Host().run(node_users=[FRED])
    assert sent is not None
    managed = {".".join(each["path"]): each for each in json.loads(sent["managed"])}
    assert managed["httpNodeAuth"] == {"path": ["httpNodeAuth"], "login_page": True}
    assert managed["nodesDir"] == {"path": ["nodesDir"], "type": "object"}
    assert managed["webSocketNodeVerifyClient"]["type"] == "function"


def test_it_goes_with_the_last_reference() -> None:
    host = Host()
    host.run(node_users=[FRED])
    sent = host.run(node_users=[], node_auth={"user": "fred", "password": PASSWORD})
    assert sent is not None
    assert (sent["login_removed"], sent["login_files"]) == (True, None)
    assert host.run(node_users=[], node_auth={"user": "fred", "password": PASSWORD}) is None


def test_no_hash_in_a_difference() -> None:
    host = Host()
    first = host.change(node_users=[FRED, WALL]).diff()
    host.run(node_users=[FRED, WALL])
    second = host.change(node_users=[{**FRED, "password": "another-only-for-tests"}, WALL]).diff()
    for shown in (first, second):
        assert [each["after_header"] for each in shown] == [f"{USER_DIR}/settings.js", f"{USER_DIR}/nodelogin"]
        assert "$2b$" not in str(shown)
    assert "(new)" in second[1]["after"]


SIGN_ON = {"oidc": make_oidc(), "admin_users": [{"username": "admin", "password": PASSWORD, "permissions": "*"}]}


def test_single_sign_on_comes_before_the_data_and_goes_behind_the_stop() -> None:
    host = Host()
    sent = host.run(node_users=[FRED], **SIGN_ON)
    assert sent is not None
    names = list(json.loads(sent["login_files"]))
    assert names[-1] == "login.json"
    assert {"oidc/editor.js", "oidc/oidc.js"} <= set(names)
    host.files["oidc/notes.txt"] = b"of somebody else"
    assert host.run(node_users=[FRED], **SIGN_ON) is None
    gone = host.run(node_users=[FRED], oidc={}, admin_users=SIGN_ON["admin_users"])
    assert gone is not None
    assert list(json.loads(gone["login_files"])) == ["login.json"]
    assert set(gone["login_stale"]) == {"oidc/notes.txt", *(name for name in names if name.startswith("oidc/"))}
    assert gone["login_narrowed"]
    assert host.run(node_users=[FRED], oidc={}, admin_users=SIGN_ON["admin_users"]) is None


def test_single_sign_on_goes_with_the_directory() -> None:
    host = Host()
    only_editor = {**SIGN_ON, "oidc": make_oidc(dashboards=None), "node_users": []}
    assert host.run(**only_editor, absent=["httpNodeAuth"]) is not None
    sent = host.run(node_users=[], oidc={}, admin_users=SIGN_ON["admin_users"])
    assert sent is not None
    assert (sent["login_removed"], sent["login_files"], sent["login_narrowed"]) == (True, None, True)


def test_an_authority_of_the_provider_is_a_file_that_goes_alone() -> None:
    host = Host()
    certificate, _key = new_root("Home", 365, None, now_utc(), "ecdsa-p256")
    authority = pem_of(certificate).decode()
    sent = host.run(node_users=[], **{**SIGN_ON, "oidc": make_oidc(ca_certificate=authority)})
    assert sent is not None
    assert host.files["oidc/authority.pem"].decode() == authority
    assert json.loads(host.files["login.json"])["oidc"]["authority"] is True
    sent = host.run(node_users=[], **SIGN_ON)
    assert sent is not None
    assert sent["login_stale"] == ["oidc/authority.pem"]


def test_where_browsers_find_it() -> None:
    host = Host()
    assert host.change(node_users=[FRED]).sign_on_url == ""
    for users in ([], [FRED]):
        assert host.change(node_users=users, **SIGN_ON).sign_on_url == make_oidc()["url"]
    usual = {key: value for key, value in make_oidc().items() if key != "url"}
    assert host.change(node_users=[], **{**SIGN_ON, "oidc": usual}).sign_on_url == "https://kitchen:1880"


def test_functions_of_the_editor_are_read_back() -> None:
    sent = Host().run(node_users=[], **SIGN_ON)
    assert sent is not None
    managed = {".".join(each["path"]): each for each in json.loads(sent["managed"])}
    assert managed["adminAuth.tokens"]["type"] == managed["httpAdminMiddleware"]["type"] == "function"


def test_node_js_loads_it_before_any_file_is_there(tmp_path: pathlib.Path) -> None:
    sent = Host()
    sent.run(node_users=[], **SIGN_ON)
    runtime = Runtime(shutil.which("node"), dict(os.environ), str(tmp_path), Account(user_name(os.getuid())), False)
    beside = {str(tmp_path / "nodelogin" / name): content.decode() for name, content in sent.files.items()}
    names = [["adminAuth", "tokens"], ["httpAdminMiddleware"]]
    loaded = load_settings(runtime, str(tmp_path / "settings.js"), sent.content, names, False, 60, beside)
    assert [value["type"] for value in loaded["values"]] == ["function", "function"]
    assert loaded["effective"]["login_page"]
    assert list(tmp_path.iterdir()) == []


def test_a_provider_that_lets_in_fewer_is_no_way_back() -> None:
    host = Host()
    host.run(node_users=[], **SIGN_ON)
    rules = [{"group": "family"}, {"group": "guests"}]
    for oidc, narrowed in (
        (make_oidc(dashboards=rules), False),
        (make_oidc(dashboards=rules[1:]), True),
        (make_oidc(dashboards=rules[1:], issuer="https://other.example.com"), True),
    ):
        sent = host.run(node_users=[], **{**SIGN_ON, "oidc": oidc})
        assert sent is not None
        assert sent["login_narrowed"] is narrowed


def test_no_secret_of_a_client_in_a_difference() -> None:
    host = Host()
    shown = host.change(node_users=[], **SIGN_ON).diff()
    host.run(node_users=[], **SIGN_ON)
    other = make_oidc(client_secret=f"{CLIENT_SECRET}-2")
    shown += host.change(node_users=[], **{**SIGN_ON, "oidc": other}).diff()
    assert CLIENT_SECRET not in str(shown)
    assert "id.example.com" in shown[1]["after"]
    assert "(new)" in shown[-1]["after"]


def test_a_file_that_belongs_to_no_service_gets_none() -> None:
    read = {"content": base64.b64encode(SETTINGS.encode()).decode(), "sha256": "0" * 64, "changed": False}
    action = types.SimpleNamespace(task_vars={}, run_module=lambda *_arguments: read)
    options = {**OPTIONS, "path": "/srv/settings.js", "node_users": [FRED]}
    with pytest.raises(UserError, match="nodered_node_users needs files beside settings.js"):
        SettingsChange(PlainSettings(t.cast("t.Any", action), options), options)
    with pytest.raises(UserError, match="nodered_oidc needs files beside settings.js"):
        SettingsChange(PlainSettings(t.cast("t.Any", action), {**options, **SIGN_ON}), {**options, **SIGN_ON})
