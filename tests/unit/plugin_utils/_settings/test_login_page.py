# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What settings.js gets of the login page, and how it goes again; Node.js loads what comes of it."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import typing as t

import pytest
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import passwords
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._login.files import login_files
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import advice
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import AppliedSettings, apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import DesiredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_data import LoginPlace, as_text, users_of

EMPTY = "module.exports = {\n}\n"
PASSWORD = "fred-only-for-tests"
FRED = {"username": "fred", "password": PASSWORD}
PLACE = LoginPlace("nodelogin", "/home/pi/.node-red/nodelogin", "kitchen")
LOGIN = 'require("./nodelogin/login.js")'
PLUGIN = 'require("path").join(__dirname, "nodelogin", "plugin")'


def edit(source: str = EMPTY, place: LoginPlace = PLACE, **given: t.Any) -> tuple[str, AppliedSettings]:
    """The file after an edit, and what else it leads to. TLS is served unless something else is asked for."""
    document = SettingsDocument(source.encode())
    desired = DesiredSettings.from_options(make_options(**{"https": True, **given}), "/home/pi/.node-red")
    applied = apply_settings(desired, document, place=place)
    return document.source.decode(), applied


def with_page(source: str = EMPTY, **given: t.Any) -> str:
    return edit(source, node_users=[FRED], **given)[0]


def place_of(applied: AppliedSettings) -> LoginPlace:
    """Where the login page is after an edit."""
    assert applied.login_data is not None
    return LoginPlace(PLACE.name, PLACE.directory, PLACE.hostname, users_of(applied.login_data))


# What is written


def test_the_same_text_for_every_release() -> None:
    text = with_page("module.exports = {\n    dashboard: { maxHttpBufferSize: 1e6 },\n}\n")
    for line in (
        f"httpNodeAuth: {LOGIN}.httpNodeAuth",
        f"webSocketNodeVerifyClient: {LOGIN}.webSocket",
        f"nodesDir: [{PLUGIN}]",
    ):
        assert text.count(line) == 1, text
    assert text.count(f"ioMiddleware: {LOGIN}.socketIo") == 2


def test_a_second_edit_changes_nothing() -> None:
    static = {"path": "/srv/pictures", "root": "/pictures"}
    asked = {
        "values": {"httpNodeRoot": "/api", "nodesDir": ["/srv/nodes"], "ui": {"path": "panel"}},
        "static": static,
    }
    once, applied = edit(node_users=[FRED], **asked)
    again, applied_again = edit(once, place_of(applied), node_users=[FRED], **asked)
    assert again == once
    assert applied_again.login_data == applied.login_data


def test_another_settings_file_of_the_directory_has_a_directory_of_its_own() -> None:
    text, _applied = edit(place=LoginPlace("nodelogin-garage", "/x/nodelogin-garage"), node_users=[FRED])
    assert 'require("./nodelogin-garage/login.js").httpNodeAuth' in text
    assert '"nodelogin-garage", "plugin"' in text


def test_nodes_of_the_owner_stay_behind_the_plugin() -> None:
    assert f"nodesDir: [{PLUGIN}, '/srv/nodes']" in with_page("module.exports = {\n    nodesDir: '/srv/nodes',\n}\n")
    assert f'nodesDir: [{PLUGIN}, "/a", "/b"]' in with_page('module.exports = {\n    nodesDir: ["/a", "/b"],\n}\n')
    assert f'nodesDir: [{PLUGIN}, "/a"]' in with_page(values={"nodesDir": "/a"})


@pytest.mark.parametrize(
    ("source", "static", "asked"),
    [
        ("", {"path": "/srv"}, ["httpStatic: "]),
        ("httpNodeRoot: '/api',", {"path": "/srv"}, [f"middleware: {LOGIN}.http"]),
        ("httpNodeRoot: '/api',", {"path": "/srv", "root": "/api/files"}, []),
        ("httpNodeRoot: '/api', httpStatic: '/srv',", None, [f"middleware: {LOGIN}.http"]),
        ("httpNodeRoot: '/api', httpStatic: [{path: '/a', root: '/api/a'}, {path: '/b', root: '/b'}],", None, ["http"]),
    ],
)
def test_files_ask_where_they_lie_beside_the_root(source: str, static: t.Any, asked: list[str]) -> None:
    text = with_page(f"module.exports = {{\n    {source}\n}}\n", static=static)
    assert all(part in text for part in asked)
    assert len(re.findall(r"middleware: .*\.http\b", text)) == (1 if asked[-1:] and "httpStatic" not in asked[0] else 0)


def test_middleware_of_the_owner_stays_and_is_told() -> None:
    source = "module.exports = {\n    httpNodeRoot: '/api',\n    httpStatic: [{path: '/b', root: '/b', middleware: own}],\n}\n"
    text, applied = edit(f"const own = () => {{}};\n{source}", node_users=[FRED])
    assert "middleware: own" in text
    assert [note for note in applied.notes if "the files at /b have middleware of your own" in note]


def test_basic_login_of_files_goes() -> None:
    source = "module.exports = {\n    httpStatic: '/srv',\n    httpStaticAuth: {user: 'a', pass: 'b'},\n}\n"
    text, applied = edit(source, node_users=[FRED])
    assert "httpStaticAuth" not in text
    assert [note for note in applied.notes if note.startswith("line 3: httpStaticAuth is gone")]


# login.json


def test_data() -> None:
    users = [FRED, {"username": "wall", "password": PASSWORD, "permissions": "read", "paths": ["/ui"]}]
    asked = {"node_open": ["/webhook/*"], "trusted_proxies": ["127.0.0.1", "0:0::1"], "values": {"uiPort": 1881}}
    data = edit(node_users=users, node_session_expiry=60, **asked)[1].login_data
    assert data is not None
    found = json.loads(as_text(data))
    hashes = [user.pop("password") for user in found["users"]]
    assert all(passwords.fits(PASSWORD, each) for each in hashes)
    assert found.pop("id") not in {edit(node_users=users)[1].login_data["id"], ""}
    assert found == {
        "cookie_path": "/",
        "node_root": "/",
        "open": ["/webhook/*"],
        "session_expiry": 60,
        "title": "kitchen",
        "trusted_proxies": ["127.0.0.1", "::1"],
        "users": [
            {"username": "fred", "permissions": "*"},
            {"username": "wall", "permissions": "read", "paths": ["/ui"]},
        ],
    }
    assert list(json.loads(as_text(data))) == sorted(data)


@pytest.mark.parametrize(("root", "expected"), [("/", "/"), ("/api/", "/api"), ("a/b", "/a/b"), ("", "/")])
def test_root_of_the_page(root: str, expected: str) -> None:
    data = edit(node_users=[FRED], values={"httpNodeRoot": root})[1].login_data
    assert data is not None
    assert data["node_root"] == expected


def test_a_hash_that_fits_is_kept_both_ways() -> None:
    """From the one login to the page, on the page, and back."""
    hashed = passwords.hash_password(PASSWORD, 4)
    before = f'module.exports = {{\n    httpNodeAuth: {{user: "fred", pass: "{hashed}"}},\n}}\n'
    users = [FRED, {"username": "wall", "password": "wall-only-for-tests"}]
    page, applied = edit(before, node_users=users)
    assert applied.login_data is not None
    assert users_of(applied.login_data)["fred"]["password"] == hashed
    assert hashed not in page
    again = edit(page, place_of(applied), node_users=users)[1]
    assert again.login_data == applied.login_data
    back, gone = edit(page, place_of(applied), node_auth={"user": "fred", "password": PASSWORD})
    assert f'pass: "{hashed}"' in back
    assert (gone.login_data, gone.drops_login) == (None, True)


def test_another_password_gets_another_hash() -> None:
    applied = edit(node_users=[FRED])[1]
    changed = edit(place=place_of(applied), node_users=[{**FRED, "password": "another-only-for-tests"}])[1]
    assert applied.login_data != changed.login_data
    anew = edit(place=place_of(applied), node_users=[FRED], new_hashes=True)[1]
    assert applied.login_data != anew.login_data
    assert anew.unchanged_passwords == ["nodered_node_users, user fred"]


# And back


def test_migration_and_back_leave_no_trace() -> None:
    source = "module.exports = {\n    uiPort: 1880,\n    nodesDir: ['/srv/nodes'],\n    httpNodeRoot: '/api',\n}\n"
    login = {"user": "fred", "password": PASSWORD}
    before = edit(source, node_auth=login)[0]
    page, applied = edit(before, node_users=[FRED])
    assert "function pifleet" not in page
    back = edit(page, place_of(applied), node_auth=login)[0]
    assert "nodelogin" not in back
    assert SettingsDocument(back.encode()).get("nodesDir") == ["/srv/nodes"]
    for key in ("httpNodeAuth.user", "pifleetVerifyLogin", "webSocketNodeVerifyClient", "ui.ioMiddleware"):
        assert SettingsDocument(back.encode()).get(key) == SettingsDocument(before.encode()).get(key), key


def test_the_login_is_taken_away_by_name() -> None:
    page, applied = edit(node_users=[FRED], static={"path": "/srv", "root": "/x"}, values={"httpNodeRoot": "/api"})
    opened, gone = edit(page, place_of(applied), node_users=[], absent=["httpNodeAuth"])
    assert "nodelogin" not in opened
    assert gone.drops_login
    basic = edit(node_auth={"user": "fred", "password": PASSWORD})[0]
    assert "function pifleet" not in edit(basic, absent=["httpNodeAuth"])[0]


def test_an_empty_list_does_not_open_the_page() -> None:
    page = with_page()
    with pytest.raises(UserError, match=r"line \d+: dashboards .* nodered_node_users names nobody any more"):
        edit(page, node_users=[])
    # What says nothing of it, such as a task with values alone, leaves it as it is.
    assert edit(page, node_users=None, values={"uiPort": 1881})[0].count("nodelogin") == page.count("nodelogin")
    assert "nodelogin" not in edit(node_users=[])[0]


# Refused


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("httpNodeAuth: own,", "line 3: httpNodeAuth is, or may come from, code here.*nodered_node_users fill"),
        ("httpNodeAuth: [own, other],", "httpNodeAuth"),
        ("httpStaticAuth: own,", "line 3: httpStaticAuth is, or may come from, code"),
        ("nodesDir: own,", r"line 3: nodesDir .* needs `require\(\"path\"\).*plugin\"\)` in front"),
        ("httpStatic: own,", r"line 3: httpStatic .* needs `middleware: require.*http` into each"),
        ("httpNodeRoot: own,", "line 3: httpNodeRoot is code"),
        ("httpNodeRoot: false,", "httpNodeRoot is false"),
        ("httpNodeRoot: '/a b',", "httpNodeRoot"),
    ],
)
def test_code_in_the_way_is_refused_with_its_line(source: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        with_page(f"const own = require('./own'), other = own;\nmodule.exports = {{\n    {source}\n}}\n")


@pytest.mark.parametrize(
    "source",
    [f"nodesDir: [...own, {PLUGIN}],", f"httpStatic: own.map((each) => ({{...each, middleware: {LOGIN}.http}})),"],
)
def test_what_was_written_by_hand_is_taken(source: str) -> None:
    assert source in with_page(f"const own = require('./own');\nmodule.exports = {{\n    {source}\n}}\n")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"node_auth": {"user": "a", "password": "x"}}, "nodered_node_users contradicts nodered_node_auth"),
        ({"static_auth": {"user": "a", "password": "x"}}, "nodered_node_users contradicts nodered_static_auth"),
        ({"absent": ["httpNodeAuth"]}, "nodered_settings_absent: httpNodeAuth .* nodered_node_users asks for"),
        ({"values": {"httpNodeAuth": {}}}, "httpNodeAuth has a variable of its own"),
        ({"https": False}, "nodered_node_users: passwords .* no TLS"),
        ({"https": False, "values": {"uiHost": "192.0.2.1"}}, "no TLS"),
        ({"node_open": ["/x/*"], "values": {"httpNodeRoot": "/api"}}, "nodered_node_open: the path /x/\\* is outside"),
    ],
)
def test_contradictions_are_refused(given: dict[str, t.Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        with_page(**given)


def test_a_path_outside_of_all_roots_names_its_user() -> None:
    solar = {**FRED, "username": "solar", "paths": ["/api/solar", "/pictures/x", "/ui"]}
    values, static = {"httpNodeRoot": "/api"}, {"path": "/srv", "root": "/pictures"}
    with pytest.raises(UserError, match="nodered_node_users, user solar: the path /ui is outside"):
        edit(node_users=[solar], values=values, static=static)
    edit(node_users=[{**solar, "paths": ["/api/solar", "/pictures/x", "/"]}], values=values, static=static)


@pytest.mark.parametrize(
    "given",
    [
        {"values": {"uiHost": "127.0.0.1"}},
        {"trusted_proxies": ["192.0.2.1"]},
        {"source": "module.exports = {\n    https: () => ({}),\n}\n"},
    ],
)
def test_without_our_certificate_somebody_else_may_serve_tls(given: dict[str, t.Any]) -> None:
    assert "nodelogin" in with_page(https=False, **given)


def test_sockets_that_were_left_open_stay_so() -> None:
    assert "webSocketNodeVerifyClient" not in with_page(absent=["webSocketNodeVerifyClient"])
    document = SettingsDocument(b"module.exports = {\n    webSocketNodeVerifyClient: (info) => true,\n}\n")
    desired = DesiredSettings.from_options(make_options(https=True, node_users=[FRED]), "/x")
    applied = apply_settings(desired, document, place=PLACE)
    (warning,) = advice.warnings(desired, document, applied)
    assert "webSocketNodeVerifyClient is code of your own and stays" in warning
    assert "nodered_node_users" in warning


def test_node_loads_what_comes_of_it(tmp_path: pathlib.Path) -> None:
    """With the files of the gate beside it, and as on a release that cannot be told: the page is asked for."""
    text, applied = edit(node_users=[FRED], https=False, values={"uiHost": "127.0.0.1"})
    (tmp_path / "settings.js").write_text(text, "utf-8")
    assert applied.login_data is not None
    for name, content in {**login_files(), "login.json": as_text(applied.login_data)}.items():
        path = tmp_path / "nodelogin" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)
    program = """
        const settings = require(process.argv[1]);
        console.log(JSON.stringify([typeof settings.httpNodeAuth, typeof settings.webSocketNodeVerifyClient,
            typeof settings.ui.ioMiddleware, settings.nodesDir]));
    """
    run = subprocess.run(["node", "-e", program, tmp_path / "settings.js"], check=True, capture_output=True, text=True)
    assert json.loads(run.stdout) == ["function"] * 3 + [[str(tmp_path / "nodelogin/plugin")]]
