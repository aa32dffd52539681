# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login page of a host under audit: its files, its plugin, and what its data let in."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from host_state import ADDRESS, HASH, SETTINGS, USER_DIR, make_state

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.plugin_utils._login.files import login_files
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules import login_page
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.host import check_host
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_data import as_text

TODAY = datetime.date(2026, 3, 3)
PAGE = f"{USER_DIR}/nodelogin"
LOGIN = 'require("./nodelogin/login.js")'
NODES = 'nodesDir: [require("path").join(__dirname, "nodelogin", "plugin")],'
RULES = {*login_page.RULES, "session-long", "password-well-known", "node-auth-missing", "static-auth-missing"}
#: Of the word "password".
WELL_KNOWN = "$2b$04$PqjbvhtDinCO2VUA3DHSy.RdO4o6oE0RjNXzlM1R0mRaFihhaPzhK"


def settings(more: str = NODES, beside: str = "") -> bytes:
    """The settings file of a host with the page."""
    text = SETTINGS.replace(f'httpNodeAuth: {{user: "fred", pass: "{HASH}"}}', f"httpNodeAuth: {LOGIN}.httpNodeAuth")
    assert "nodelogin" in text
    return text.replace("https:", f"{more} {beside} https:").encode()


def data(**changes: t.Any) -> dict[str, t.Any]:
    users = [{"username": "fred", "password": HASH, "permissions": "*"}]
    return {"open": [], "session_expiry": 604800, "users": users, **changes}


def found(
    content: bytes | None = None,
    view: dict[str, t.Any] | None = None,
    files: dict[str, str] | None = None,
    exposed: tuple[str, ...] = (),
    flows: tuple[str, ...] = (),
    **changes: t.Any,
) -> list[tuple[str, str]]:
    """What an audit finds of the login page: rules with their messages."""
    sums = {name: checksum(file) for name, file in login_files("oidc" in changes).items()}
    page = {
        "path": PAGE,
        "files": {**sums, **(files or {})},
        "data": as_text(data(**changes)).decode(),
        "exposed": list(exposed),
    }
    state = make_state(
        login_page=page, details__flows={"flows.json": list(flows)}, **{"settings.content": content or settings()}
    )
    findings = check_host(state, {"address": ADDRESS, "port": 1880, **view} if view else None, "kitchen", TODAY)
    return [(each.rule.identifier, each.message) for each in findings if each.rule.identifier in RULES]


def test_a_good_page_has_no_finding() -> None:
    assert found(view={"sockets_refused": True}, flows=("ui_base", "uibuilder")) == []


@pytest.mark.parametrize("changed", [{"login.js": "0" * 64}, {"login.js": ""}])
def test_other_code(changed: dict[str, str]) -> None:
    ((rule, message),) = found(files=changed)
    assert rule == "login-files-changed"
    assert message.endswith("has it: login.js.")


def test_a_file_more_is_none_of_ours() -> None:
    assert found(files={"notes.txt": "0" * 64}) == []


def test_exposed_files() -> None:
    assert found(exposed=(PAGE, f"{PAGE}/login.json")) == [
        ("login-files-exposed", "Other users may read nodelogin, login.json.")
    ]


@pytest.mark.parametrize(
    ("nodes", "view", "message"),
    [
        ("", None, "nodesDir does not name it."),
        ("nodesDir: '/srv/nodes',", {"sockets_refused": True}, "nodesDir does not name it."),
        (NODES, {"sockets_refused": False}, "Port 1880 does not ask a web socket for a login."),
    ],
)
def test_plugin_is_not_loaded(nodes: str, view: dict[str, t.Any] | None, message: str) -> None:
    assert found(settings(nodes), view) == [("login-plugin-not-loaded", message)]


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/api/*", "/api"),
        ("/api/ui/*", "/api/ui"),
        ("/api/dashboard/*", "/api/dashboard"),
        ("/pictures/*", "/pictures"),
    ],
)
def test_a_broad_path(path: str, root: str) -> None:
    layout = "httpNodeRoot: '/api', httpStatic: [{path: '/srv', root: '/pictures', middleware: " + LOGIN + ".http}],"
    assert found(settings(beside=layout), open=[path, "/api/webhook/*", "/api/health"]) == [
        ("node-open-broad", f"{path} opens all below {root}.")
    ]


def test_a_long_session_and_a_well_known_password() -> None:
    users = [{"username": "fred", "password": WELL_KNOWN, "permissions": "*"}]
    assert found(session_expiry=32 * 86400, users=users) == [
        ("session-long", "A login to dashboards lasts 32 days without use."),
        ("password-well-known", "The password of fred is one that everybody knows."),
    ]


OIDC = {
    "session_expiry": 36000,
    "username_claim": "preferred_username",
    "dashboards": [{"group": "family", "permissions": "*"}],
    "editor": [{"user": "anna@example.com", "permissions": "*"}],
}
EDITOR = 'require("./nodelogin/oidc/editor.js")'


def test_good_single_sign_on_has_no_finding() -> None:
    assert found(oidc=OIDC) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"session_expiry": 32 * 86400}, [("session-long", "A login by single sign-on lasts 32 days.")]),
        (
            {"dashboards": [{"everybody": True, "permissions": "*"}]},
            [("oidc-everybody", "Everybody whom the provider knows may use the dashboards.")],
        ),
        (
            {"editor": [{"user": "anna"}, {"user": "a@b.c"}], "dashboards": [{"user": "fred"}, {"user": "anna"}]},
            [("oidc-unverified", "anna, fred: the claim preferred_username may be one that people choose.")],
        ),
        ({"editor": [{"user": "anna"}], "username_claim": "sub"}, []),
        ({"editor": 1, "dashboards": [1, {"user": 1}], "session_expiry": "x"}, []),
    ],
)
def test_what_single_sign_on_lets_in(changes: dict[str, t.Any], expected: list[tuple[str, str]]) -> None:
    assert found(oidc={**OIDC, **changes}) == expected


def test_other_code_of_single_sign_on() -> None:
    ((rule, message),) = found(files={"oidc/editor.js": "0" * 64, "oidc/oauth4webapi.mjs": ""}, oidc=OIDC)
    assert rule == "login-files-changed"
    assert message.endswith("has it: oidc/editor.js, oidc/oauth4webapi.mjs.")


def test_single_sign_on_of_the_editor_alone() -> None:
    """The plugin is the login page's; and tokens that are ours are no door of somebody else."""
    text = SETTINGS.replace("adminAuth: {", f"adminAuth: {{ tokens: {EDITOR}.tokens, ").encode()
    assert EDITOR.encode() in text
    state = make_state(**{"settings.content": text})
    rules = {each.rule.identifier for each in check_host(state, None, "kitchen", TODAY)}
    assert "login-files-changed" in rules
    assert "login-plugin-not-loaded" not in rules
    assert "admin-auth-tokens-code" not in rules
    own = make_state(**{"settings.content": text.replace(EDITOR.encode(), b'require("./own.js")')})
    assert "admin-auth-tokens-code" in {each.rule.identifier for each in check_host(own, None, "kitchen", TODAY)}


@pytest.mark.parametrize(("middleware", "rules"), [(f", middleware: {LOGIN}.http", []), ("", ["static-auth-missing"])])
def test_files_beside_the_root(middleware: str, rules: list[str]) -> None:
    layout = f"httpNodeRoot: '/api', httpStatic: [{{path: '/srv', root: '/pictures'{middleware}}}],"
    assert [rule for rule, _message in found(settings(beside=layout))] == rules


@pytest.mark.parametrize("own", ["require('./own')", "[one, two]", "function(request, response, next) {}"])
def test_code_of_others_is_no_missing_login(own: str) -> None:
    content = SETTINGS.replace(f'{{user: "fred", pass: "{HASH}"}}', own).encode()
    assert found(content, files={"login.js": ""}, flows=("ui_base",)) == []


@pytest.mark.parametrize("broken", [{"users": 1}, {"open": 1}, {"open": [1]}, {"session_expiry": "x"}, {"users": [{}]}])
def test_a_host_may_have_put_anything_there(broken: dict[str, t.Any]) -> None:
    assert found(**broken) == []
