# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What settings.js and login.json get of single sign-on, and how it goes again."""

from __future__ import annotations

import re
import typing as t

import pytest
from settings_options import make_options
from single_sign_on import ADMINS, CLIENT_SECRET, FAMILY, ISSUER, URL, make_oidc

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import advice
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import AppliedSettings, apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import DesiredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_data import LoginPlace

EMPTY = "module.exports = {\n}\n"
ADMIN = {
    "username": "admin",
    "password_hash": "$2b$08$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232",
    "permissions": "*",
}
FRED = {"username": "fred", "password_hash": ADMIN["password_hash"]}
NODE_AUTH = {"user": "fred", "password_hash": ADMIN["password_hash"]}
PLACE = LoginPlace("nodelogin", "/home/pi/.node-red/nodelogin", "kitchen", inventory_name="kitchen.local")
EDITOR = 'require("./nodelogin/oidc/editor.js")'
GATE = 'require("./nodelogin/login.js")'


def edit(source: str = EMPTY, place: LoginPlace = PLACE, **given: t.Any) -> tuple[str, AppliedSettings]:
    """The file after an edit of a role, and what else it leads to. TLS is served unless something else is asked for."""
    options = {"https": True, "admin_users": [ADMIN], "node_users": [], "oidc": {}, **given}
    document = SettingsDocument(source.encode())
    applied = apply_settings(DesiredSettings.from_options(make_options(**options), "/x"), document, place=place)
    return document.source.decode(), applied


def data_of(applied: AppliedSettings) -> dict[str, t.Any]:
    assert applied.login_data is not None
    return applied.login_data


# What is written


def test_the_editor_gets_two_references_beside_its_users() -> None:
    text, _applied = edit(oidc=make_oidc())
    assert text.count(f"httpAdminMiddleware: {EDITOR}.middleware") == 1
    assert re.search(rf'adminAuth: \{{\s+type: "credentials".*tokens: {re.escape(EDITOR)}\.tokens', text, re.DOTALL)
    assert f"httpNodeAuth: {GATE}.httpNodeAuth" in text
    assert CLIENT_SECRET not in text


def test_only_the_editor() -> None:
    """Dashboards keep the one login that they have; nothing refers to the page."""
    text, applied = edit(oidc=make_oidc(dashboards=None), node_auth=NODE_AUTH)
    assert EDITOR in text
    assert GATE not in text
    assert "nodesDir" not in text
    assert 'user: "fred"' in text
    assert data_of(applied)["users"] == []
    assert data_of(applied)["oidc"]["dashboards"] == []


def test_only_dashboards() -> None:
    text, applied = edit(oidc=make_oidc(editor=None))
    assert GATE in text
    assert EDITOR not in text
    assert data_of(applied)["users"] == []
    assert data_of(applied)["oidc"]["editor"] == []


def test_what_login_json_says() -> None:
    values = {"httpAdminRoot": "/admin/"}
    data = data_of(edit(oidc=make_oidc(), node_users=[FRED], values=values)[1])
    assert [user["username"] for user in data["users"]] == ["fred"]
    assert data["oidc"] == {
        "admin_root": "/admin/",
        "authority": False,
        "client_id": "nodered",
        "client_secret": CLIENT_SECRET,
        "dashboards": [{**FAMILY, "permissions": "*"}],
        "editor": [ADMINS],
        "groups_claim": "groups",
        "issuer": ISSUER,
        "kind": "openid",
        "name": "Keycloak",
        "scope": "openid profile email",
        "session_expiry": 36000,
        "url": URL,
        "username_claim": "preferred_username",
    }
    assert "oidc" not in data_of(edit(node_users=[FRED])[1])
    assert CLIENT_SECRET not in repr(edit(oidc=make_oidc())[1])


@pytest.mark.parametrize(
    ("place", "given", "url"),
    [
        (PLACE, {}, "https://kitchen.local:1880"),
        (PLACE, {"values": {"uiPort": 443}}, "https://kitchen.local"),
        (PLACE, {"values": {"uiPort": "1881"}}, "https://kitchen.local:1881"),
        (PLACE, {"https": False, "proxy_path": "/kitchen"}, "https://kitchen.local"),
        (LoginPlace(inventory_name="192.168.1.20"), {}, "https://192.168.1.20:1880"),
    ],
)
def test_where_nobody_says_where_browsers_find_it(place: LoginPlace, given: dict[str, t.Any], url: str) -> None:
    assert data_of(edit(place=place, oidc=make_oidc(url=None), **given)[1])["oidc"]["url"] == url


@pytest.mark.parametrize("root", ["false", "own()", "'/a b'"])
def test_where_the_editor_is_does_not_matter_to_dashboards(root: str) -> None:
    source = f"const own = () => '/x';\nmodule.exports = {{\n    httpAdminRoot: {root},\n}}\n"
    assert data_of(edit(source, oidc=make_oidc(editor=None))[1])["oidc"]["admin_root"] == "/"


def test_a_second_edit_changes_nothing() -> None:
    for given in ({"oidc": make_oidc()}, {"oidc": make_oidc(dashboards=None), "node_auth": NODE_AUTH}):
        once, applied = edit(**given)
        again, applied_again = edit(once, **given)
        assert again == once
        assert applied_again.login_data == applied.login_data


def test_middleware_of_the_owner_stays_behind_it() -> None:
    source = "const own = () => {};\nmodule.exports = {\n    httpAdminMiddleware: [own, own],\n}\n"
    text, _applied = edit(source, oidc=make_oidc(dashboards=None))
    assert f"httpAdminMiddleware: [{EDITOR}.middleware, own, own]" in text
    assert edit(text, oidc=make_oidc(dashboards=None))[0] == text


def test_code_of_the_owner_that_names_it_stays() -> None:
    source = (
        "const own = () => {};\nmodule.exports = {\n"
        f"    httpAdminMiddleware: [own, {EDITOR}.middleware],\n"
        f"    adminAuth: {{ tokens: async (token) => (await {EDITOR}.tokens(token)) || own(token) }},\n}}\n"
    )
    text, _applied = edit(source, oidc=make_oidc(dashboards=None))
    assert f"[own, {EDITOR}.middleware]" in text
    assert "|| own(token)" in text
    asked = {"httpAdminMiddleware": f"[{EDITOR}.middleware, (request, response, next) => next()]"}
    assert "next()" in edit(oidc=make_oidc(dashboards=None), expressions=asked)[0]


def test_another_settings_file_of_the_directory_has_a_directory_of_its_own() -> None:
    place = LoginPlace("nodelogin-garage", "/x/nodelogin-garage")
    assert 'require("./nodelogin-garage/oidc/editor.js").tokens' in edit(place=place, oidc=make_oidc())[0]


# The way back


@pytest.mark.parametrize(
    "middleware",
    [
        "",
        "    httpAdminMiddleware: [own],\n",
        "    httpAdminMiddleware: [\n        own, // first\n        own,\n    ],\n",
    ],
)
def test_the_bytes_of_before_come_back(middleware: str) -> None:
    source = f"const own = () => {{}};\nmodule.exports = {{\n{middleware}    uiPort: 1880, // ours\n}}\n"
    before = edit(source, node_auth=NODE_AUTH)[0]
    page, _applied = edit(before, oidc=make_oidc(dashboards=None), node_auth=NODE_AUTH)
    assert page != before
    back, gone = edit(page, node_auth=NODE_AUTH)
    assert back == before
    assert (gone.login_data, gone.drops_login) == (None, True)


def test_it_goes_alone_where_the_page_stays() -> None:
    before = edit(node_users=[FRED])[0]
    back, gone = edit(edit(before, node_users=[FRED], oidc=make_oidc())[0], node_users=[FRED])
    assert back == before
    assert gone.drops_login is False
    assert "oidc" not in data_of(gone)


def test_the_page_goes_where_the_editor_keeps_it() -> None:
    both = edit(node_users=[FRED], oidc=make_oidc())[0]
    text, applied = edit(both, oidc=make_oidc(dashboards=None), node_auth=NODE_AUTH)
    assert GATE not in text
    assert EDITOR in text
    assert applied.drops_login is False


def test_dashboards_do_not_open_without_a_word() -> None:
    page = edit(oidc=make_oidc())[0]
    with pytest.raises(UserError, match="nor does nodered_oidc in dashboards"):
        edit(page)
    assert GATE not in edit(page, absent=["httpNodeAuth"])[0]


def test_who_says_nothing_of_it_leaves_it() -> None:
    both = edit(node_users=[FRED], oidc=make_oidc())[0]
    text, applied = edit(both, node_users=None, oidc=None, values={"uiPort": 1881})
    assert text.count("nodelogin") == both.count("nodelogin")
    assert (applied.login_data, applied.drops_login) == (None, False)


def test_code_that_names_it_is_not_left_behind() -> None:
    source = (
        f"const own = () => {{}};\nmodule.exports = {{\n    httpAdminMiddleware: join({EDITOR}.middleware, own),\n}}\n"
    )
    with pytest.raises(
        UserError, match="line 3: httpAdminMiddleware has code of your own that refers to single sign-on"
    ):
        edit(source)


# What is refused


@pytest.mark.parametrize(
    ("source", "given", "words"),
    [
        (
            "httpAdminMiddleware: own,",
            {},
            f"line 3: httpAdminMiddleware is, or may come from, code here.*`httpAdminMiddleware: [{EDITOR}.middleware, ...]`",
        ),
        ("httpAdminMiddleware: (a, b, c) => c(),", {}, "line 3: httpAdminMiddleware is, or may come from, code"),
        (
            "adminAuth: { type: 'credentials', users: [], tokens: own },",
            {},
            f"line 3: adminAuth.tokens is, or may come from, code.*(await {EDITOR}.tokens(token)) || own(token)",
        ),
        (
            "adminAuth: { tokens: [{ token: 'a', user: 'b' }] },",
            {},
            "line 3: adminAuth.tokens is a list of access tokens",
        ),
        ("", {"admin_users": None}, "nodered_oidc: editor needs local users beside it"),
        (
            "adminAuth: { type: 'strategy' },",
            {"admin_users": None, "admin_auth": "keep"},
            "nodered_oidc: editor contradicts nodered_admin_auth: keep",
        ),
        ("", {"node_auth": NODE_AUTH}, "nodered_oidc: dashboards contradicts nodered_node_auth"),
        ("", {"static_auth": NODE_AUTH}, "nodered_oidc: dashboards contradicts nodered_static_auth"),
        ("", {"absent": ["httpNodeAuth"]}, "nodered_settings_absent: httpNodeAuth .* nodered_oidc asks for"),
        (
            "",
            {"absent": ["httpAdminMiddleware"]},
            "nodered_settings_absent: httpAdminMiddleware contradicts nodered_oidc",
        ),
        ("", {"values": {"httpAdminMiddleware": []}}, "nodered_settings: httpAdminMiddleware contradicts nodered_oidc"),
        ("", {"expressions": {"httpAdminMiddleware": "own"}}, "nodered_settings_js: httpAdminMiddleware has code"),
        ("", {"https": False}, "nodered_oidc: passwords and logins would cross the network"),
        ("uiPort: process.env.PORT,", {"oidc": make_oidc(url=None)}, "url is missing, and uiPort is code"),
        (
            "",
            {"oidc": make_oidc(url=None), "https": False, "values": {"uiHost": "127.0.0.1"}},
            "url is missing, because",
        ),
        ("httpAdminRoot: false,", {}, "nodered_oidc: httpAdminRoot is false"),
        ("httpAdminRoot: own(),", {}, "line 3: httpAdminRoot is code"),
        ("httpAdminRoot: '/a b',", {}, "line 3: httpAdminRoot '/a b' has characters"),
        ("httpNodeRoot: false,", {}, "nodered_oidc: httpNodeRoot is false"),
        (
            "httpNodeRoot: '/api',",
            {"oidc": make_oidc(dashboards=[{"group": "a", "paths": ["/ui"]}])},
            "nodered_oidc, dashboards, entry 1: the path /ui is outside",
        ),
        (
            "",
            {
                "oidc": make_oidc(
                    issuer="https://accounts.google.com", url=None, dashboards=[{"domain": "a.com"}], editor=None
                )
            },
            "Google sends nobody back to https://kitchen.local:1880",
        ),
    ],
)
def test_what_contradicts_it_is_refused(source: str, given: dict[str, t.Any], words: str) -> None:
    text = f"const own = () => {{}};\nmodule.exports = {{\n    {source}\n}}\n"
    pattern = ".*".join(map(re.escape, words.split(".*")))
    with pytest.raises(UserError, match=pattern) as refusal:
        edit(text, **{"oidc": make_oidc(), **given})
    assert CLIENT_SECRET not in str(refusal.value)


def test_an_inventory_name_that_no_browser_asks_for() -> None:
    with pytest.raises(UserError, match="the name of the host in the inventory, 'kitchen_1', is none"):
        edit(place=LoginPlace(inventory_name="kitchen_1"), oidc=make_oidc(url=None))


def test_tokens_that_are_ours_are_nothing_to_warn_of() -> None:
    for source, told in (
        (EMPTY, False),
        ("const own = 1;\nmodule.exports = {\n    adminAuth: {tokens: own},\n}\n", True),
    ):
        asked = {} if told else make_oidc(dashboards=None)
        desired = DesiredSettings.from_options(
            make_options(https=True, admin_users=[ADMIN], node_users=[], oidc=asked), "/x"
        )
        document = SettingsDocument(source.encode())
        messages = advice.warnings(desired, document, apply_settings(desired, document, place=PLACE))
        assert any("adminAuth.tokens" in message for message in messages) is told
