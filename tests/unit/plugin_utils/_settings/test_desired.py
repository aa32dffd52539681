# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users ask for: refused with the name of the variable, or turned into what settings.js has to say."""

from __future__ import annotations

import re
import typing as t

import pytest
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.passwords import fits, hash_password
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import advice
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import (
    DesiredSettings,
    SettingsOptionError,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING

ADMIN = {"username": "admin", "password": "correct horse", "permissions": "*"}
STEVE = {"username": "steve", "password": "battery staple", "permissions": ["flows.read"]}
EMPTY = b"module.exports = {\n    uiPort: 1880,\n}\n"


def applied(source: bytes = EMPTY, **given: t.Any) -> tuple[t.Any, ...]:
    document = SettingsDocument(source)
    desired = DesiredSettings.from_options(make_options(**given), "/home/pi/.node-red")
    return document, apply_settings(desired, document).ended_sessions.users


def warnings(source: bytes = EMPTY, **given: t.Any) -> list[str]:
    document = SettingsDocument(source)
    desired = DesiredSettings.from_options(make_options(**given), "/home/pi/.node-red")
    outcome = apply_settings(desired, document)
    return [*advice.reminders(desired, outcome), *advice.warnings(desired, document, outcome)]


def credentials(source: t.Any = EMPTY, users: str = "[]", more: str = "") -> bytes:
    """A settings file with adminAuth."""
    return source.replace(b"}\n", f'    adminAuth: {{type: "credentials", users: {users}{more}}},\n}}\n'.encode())


def test_users_are_written_and_found_again() -> None:
    document, revoked = applied(admin_users=[ADMIN, STEVE], session_expiry=3600)
    auth = document.get("adminAuth")
    assert auth["type"] == "credentials"
    assert auth["sessionExpiryTime"] == 3600
    assert [user["username"] for user in auth["users"]] == ["admin", "steve"]
    assert fits("correct horse", auth["users"][0]["password"])
    assert revoked == ["*"]
    again, revoked = applied(document.source, admin_users=[ADMIN, STEVE], session_expiry=3600)
    assert again.source == document.source
    assert revoked == []


@pytest.mark.parametrize(
    ("users", "revoked"),
    [
        ([ADMIN, {**STEVE, "password": "another"}], ["steve"]),
        ([ADMIN, {**STEVE, "permissions": ["settings.read"]}], ["steve"]),
        ([ADMIN, {**STEVE, "permissions": "*"}], []),
        ([ADMIN], ["steve"]),
        ([ADMIN, {**STEVE, "permissions": ["read"]}], []),
        ([ADMIN, {**STEVE, "permissions": ["settings.read", "flows.read"]}], []),
        # Somebody of that name may have been there before.
        ([ADMIN, STEVE, {**STEVE, "username": "new"}], ["new"]),
    ],
)
def test_who_loses_a_right_has_to_log_in_again(users: list[t.Any], revoked: list[str]) -> None:
    before, _revoked = applied(admin_users=[ADMIN, STEVE])
    assert applied(before.source, admin_users=users)[1] == revoked


def test_a_hash_of_another_prefix_is_kept() -> None:
    """One of Node-RED's own command gets the prefix that every version knows."""
    php = hash_password("correct horse").replace("$2b$", "$2y$")
    source = EMPTY.replace(
        b"}\n",
        (
            f'adminAuth: {{type: "credentials", users: [{{username: "admin", password: "{php}", permissions: "*"}}]}}}}\n'
        ).encode(),
    )
    document, revoked = applied(source, admin_users=[ADMIN])
    assert document.get("adminAuth")["users"][0]["password"] == php.replace("$2y$", "$2b$")
    assert revoked == []


def test_the_anonymous_user_goes_unless_asked_for() -> None:
    source = EMPTY.replace(b"}\n", b'adminAuth: {type: "credentials", users: [], default: {permissions: "read"}}}\n')
    assert "default" not in applied(source, admin_users=[ADMIN])[0].get("adminAuth")
    document, _revoked = applied(source, admin_users=[ADMIN], admin_default_permissions="read")
    assert document.get("adminAuth.default.permissions") == "read"


@pytest.mark.parametrize(
    ("static", "written"),
    [
        ({"path": "/srv/www"}, "/srv/www"),
        ({"path": "static"}, "/home/pi/.node-red/static"),
        ({"path": "/srv/www", "root": "/doc"}, [{"path": "/srv/www", "root": "/doc"}]),
        (
            [{"path": "/a"}, {"path": "b", "root": "/b"}],
            [{"path": "/a"}, {"path": "/home/pi/.node-red/b", "root": "/b"}],
        ),
    ],
)
def test_static_files(static: dict[str, str] | list[dict[str, str]], written: str | list[dict[str, str]]) -> None:
    assert applied(static=static)[0].get("httpStatic") == written


FRED = {"user": "fred", "password": "one"}
GEORGE = {"user": "george", "password": "two"}


def test_two_different_logins_on_one_root_are_refused() -> None:
    for values in ({}, {"httpNodeRoot": "/doc"}, {"httpNodeRoot": "/"}):
        with pytest.raises(
            SettingsOptionError, match="nodered_static_auth differs from nodered_node_auth.*httpNodeRoot"
        ):
            applied(node_auth=FRED, static={"path": "/srv", "root": "/doc"}, static_auth=GEORGE, values=values)
    applied(node_auth=FRED, static={"path": "/srv", "root": "/doc"}, static_auth=FRED)
    applied(
        node_auth=FRED, static={"path": "/srv", "root": "/doc"}, static_auth=GEORGE, values={"httpNodeRoot": "/api"}
    )
    applied(
        node_auth=FRED, static={"path": "/srv", "root": "/docs"}, static_auth=GEORGE, values={"httpNodeRoot": "/doc"}
    )


def test_a_hash_and_its_password_are_the_same_login() -> None:
    hashed = {"user": "fred", "password_hash": hash_password("one")}
    applied(node_auth=FRED, static={"path": "/srv"}, static_auth=hashed)


def test_credential_secret_is_never_changed() -> None:
    document, _revoked = applied(credential_secret="first")
    assert document.get("credentialSecret") == "first"
    assert applied(document.source, credential_secret="first")[0].source == document.source
    with pytest.raises(
        SettingsOptionError, match="credentialSecret has another value.*nodered_credential_secret"
    ) as error:
        applied(document.source, credential_secret="second")
    assert "first" not in str(error.value)
    assert "second" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"values": {"adminAuth": {}}}, "nodered_settings: adminAuth has a variable of its own, nodered_admin_users"),
        ({"absent": ["credentialSecret"]}, "credentialSecret cannot be taken away: .*set nodered_credential_secret"),
        ({"absent": ["adminAuth"]}, "adminAuth cannot be taken away: .*pifleet.nodered.remove"),
        ({"absent": ["adminAuth.users"]}, "adminAuth.users cannot be taken away"),
        ({"absent": ["adminAuth.default"]}, "leave nodered_admin_default_permissions empty"),
        ({"absent": ["httpStatic"], "static": {"path": "/x"}}, "httpStatic is what nodered_static asks for"),
        ({"absent": ["adminAuth.sessionExpiryTime"], "session_expiry": 5}, "is what nodered_session_expiry asks for"),
        ({"values": {"httpStatic": "/x"}}, "nodered_settings: httpStatic has a variable of its own, nodered_static"),
        ({"expressions": {"https": "null"}, "https": True}, "nodered_settings_js: https has a variable of its own"),
        (
            {"expressions": {"https.ca": "1"}, "https": True},
            "https.ca has a variable of its own, nodered_https_options",
        ),
        (
            {"values": {"https.key": "1"}, "https": True},
            "https.key has a variable of its own, nodered_certificate_provider",
        ),
        ({"absent": ["https.ca"], "https": True}, "https.ca has a variable of its own, nodered_https_options"),
        ({"values": {"ui.path": "x"}, "expressions": {"ui": "{}"}}, "nodered_settings_js: ui contradicts ui.path"),
        ({"values": {"uiPort": 1}, "absent": ["uiPort"]}, "nodered_settings_absent: uiPort contradicts uiPort"),
        ({"expressions": {"a.b": "{ x: "}}, "nodered_settings_js: a.b is not one valid JavaScript expression"),
        ({"expressions": {"a": 1}}, "nodered_settings_js: a must be JavaScript as text"),
        ({"static": {"root": "/x"}}, "nodered_static must be a mapping with path"),
        ({"static": {"path": "/x", "rot": "/"}}, "nodered_static: unknown key 'rot'"),
        ({"session_expiry": -1}, "nodered_session_expiry must be a positive"),
    ],
)
def test_contradictions_are_named(given: dict[str, t.Any], words: str) -> None:
    with pytest.raises(SettingsOptionError, match=words):
        applied(**given)


@pytest.mark.parametrize(
    ("line", "given", "words"),
    [
        (
            b"    adminAuth: require('./auth.js'),\n",
            {"admin_users": [ADMIN]},
            "line 2: adminAuth is, or may come from, code.*nodered_admin_users",
        ),
        (
            b"    httpNodeAuth: function(q, r, n) { n() },\n",
            {"node_auth": FRED},
            "line 2: httpNodeAuth is, or may come from, code",
        ),
        (b"    adminAuth: {type: 'strategy', strategy: {}},\n", {"admin_users": [ADMIN]}, "line 2: .*another service"),
    ],
)
def test_what_somebody_programmed_is_not_replaced(line: bytes, given: dict[str, t.Any], words: str) -> None:
    with pytest.raises(SettingsOptionError, match=words):
        applied(EMPTY.replace(b"    uiPort", line + b"    uiPort"), **given)


def test_other_keys_are_set_and_removed() -> None:
    document, _revoked = applied(
        values={"httpAdminRoot": "/admin", "editorTheme.projects.enabled": True},
        absent=["uiPort"],
        expressions={"functionGlobalContext": "{ os: require('os') }"},
    )
    assert document.get("httpAdminRoot") == "/admin"
    assert document.get("editorTheme.projects.enabled") is True
    assert document.get("uiPort") is MISSING
    assert b"require('os')" in document.source


@pytest.mark.parametrize(
    "source",
    [
        "const base = require('./base');\nmodule.exports = {\n    ...base,\n};\n",
        "module.exports = {\n    a: 1,\n    adminAuth: require('./auth'),\n};\n",
        "const s = { a: 1 };\nif (process.env.NR_USER) {\n    s.adminAuth = {};\n}\nmodule.exports = s;\n",
        "module.exports = {\n    a: 1,\n    adminAuth: process.env.A ? { type: 'credentials' } : null,\n};\n",
        "module.exports = {\n    a: 1,\n    [process.env.K]: 1,\n};\n",
    ],
)
def test_users_where_adminauth_is_code(source: str) -> None:
    """As the refusal says, a line at the end helps."""
    with pytest.raises(SettingsOptionError, match=r"adminAuth is, or may come from, code") as refused:
        applied(source.encode(), admin_users=[ADMIN])
    line = re.search(r"`(module\.exports.*?;)` at the end", str(refused.value))
    assert line is not None
    document, revoked = applied((source + line[1] + "\n").encode(), admin_users=[ADMIN])
    assert document.get("adminAuth.users")[0]["username"] == "admin"
    assert document.get("adminAuth.type") == "credentials"
    assert revoked == ["admin"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            ", authenticate: (name) => ({username: name, permissions: '*'})",
            "line 3: adminAuth.authenticate decides by code",
        ),
        (", module: require('./oauth')", "line 3: adminAuth.module decides by code"),
    ],
)
def test_code_that_decides_who_logs_in_is_refused(more: str, words: str) -> None:
    with pytest.raises(SettingsOptionError, match=words):
        applied(credentials(more=more), admin_users=[ADMIN])


def test_users_from_code_are_refused() -> None:
    with pytest.raises(
        SettingsOptionError, match="line 3: the users of adminAuth come from code.*Write `users: \\[\\]`"
    ):
        applied(credentials(users="name => lookUp(name)"), admin_users=[ADMIN])


@pytest.mark.parametrize(
    ("before", "desired", "expiry"),
    [
        (None, 3600, 3600),
        (7200, 3600, 3600),
        (3600, 7200, None),
        (None, 900000, None),
        (3600, None, None),
        ("soon()", 3600, 3600),
    ],
)
def test_a_shorter_session_time_holds_for_those_who_are_logged_in(
    before: int | str | None, desired: int | None, expiry: int | None
) -> None:
    source = credentials(more="" if before is None else f", sessionExpiryTime: {before}")
    settings = DesiredSettings.from_options(make_options(admin_users=[ADMIN], session_expiry=desired), "/x")
    assert apply_settings(settings, SettingsDocument(source)).ended_sessions.expiry == expiry


def test_new_hashes_end_sessions_and_tell_whose_password_is_the_same() -> None:
    given: dict[str, t.Any] = {"admin_users": [ADMIN, STEVE], "node_auth": {"user": "fred", "password": "fred's own"}}
    before, _revoked = applied(**given)
    given["admin_users"] = [ADMIN, {**STEVE, "password": "a new one"}]
    after, revoked = applied(before.source, **given, new_hashes=True)
    assert revoked == ["admin", "steve"]
    for old, new in zip(before.get("adminAuth.users"), after.get("adminAuth.users"), strict=True):
        assert old["password"] != new["password"]
    assert before.get("httpNodeAuth.pass") != after.get("httpNodeAuth.pass")
    assert warnings(before.source, **given) == []
    messages = warnings(before.source, **given, new_hashes=True)
    assert [warning.split(":")[0] for warning in messages] == ["nodered_admin_users, user admin", "nodered_node_auth"]


def test_what_anonymous_clients_may_see_is_told() -> None:
    (messages,) = warnings(admin_users=[ADMIN], admin_default_permissions=["flows.read", "nodes.read"])
    assert "no login for flows.read, nodes.read" in messages


def test_tokens_that_outlast_every_change_are_told() -> None:
    source = credentials(more=", tokens: [{token: 'x', user: 'steve', scope: '*'}]")
    (messages,) = warnings(source, admin_users=[ADMIN])
    assert messages.startswith("adminAuth.tokens gives access of its own")


def test_parentheses_that_an_expression_needs_stay() -> None:
    source = EMPTY.replace(b"    uiPort", b"    functionGlobalContext: {\n        // os: 1,\n    },\n    uiPort")
    document, _users = applied(source, expressions={"functionGlobalContext": "{ x: (1, 2), y: ((a), b), z: (3) }"})
    again = SettingsDocument(document.source)
    assert b"(1, 2)" in document.source
    assert b"((a), b)" in document.source
    assert again.get(("functionGlobalContext",))["z"] == 3


@pytest.mark.parametrize("values", [{}, {"uiHost": "0.0.0.0"}, {"uiHost": "192.168.1.20"}])
def test_plain_http_that_was_asked_for_is_told(values: dict[str, t.Any]) -> None:
    (message,) = warnings(admin_users=[ADMIN], https_absent=True, values=values)
    assert message.startswith("nodered_certificate_provider is none, and Node-RED answers the network in plain HTTP")


@pytest.mark.parametrize(
    ("source", "values"),
    [
        (EMPTY, {"uiHost": "127.0.0.1"}),
        (EMPTY, {"uiHost": "::1"}),
        (EMPTY, {"requireHttps": True}),
        (b"module.exports = {\n    https: {key: a, cert: b},\n}\n", {}),
    ],
)
def test_what_ends_tls_elsewhere_is_no_plain_http(source: bytes, values: dict[str, t.Any]) -> None:
    assert warnings(source, admin_users=[ADMIN], https_absent=True, values=values) == []


#: An adminAuth that nobody but its owner can write: a provider, code, another file.
OWN_ADMIN_AUTH = [
    b"    adminAuth: {type: 'strategy', strategy: {name: 'openidconnect', options: {issuer: 'https://a.example'}}, users: []},\n",
    b"    adminAuth: require('./user-authentication'),\n",
    b"    adminAuth: {type: 'credentials', users: JSON.parse(process.env.USERS)},\n",
    b"    adminAuth: {type: 'credentials', users: () => [], authenticate: login},\n",
]


@pytest.mark.parametrize("own", OWN_ADMIN_AUTH)
def test_an_admin_auth_of_the_owners_stays(own: bytes) -> None:
    source = EMPTY.replace(b"{\n", b"{\n" + own, 1)
    with pytest.raises(SettingsOptionError, match="nodered_admin_auth: keep"):
        applied(source, admin_users=[ADMIN])
    document, revoked = applied(
        source, admin_auth="keep", admin_users=[], https=True, node_auth={"user": "fred", "password": "correct horse"}
    )
    assert own in document.source
    assert b"https: function()" in document.source
    assert document.get(("httpNodeAuth", "user")) == "fred"
    assert revoked == []


@pytest.mark.parametrize(
    "nothing", [b"", b"    adminAuth: null,\n", b"    adminAuth: false,\n", b"    // adminAuth: {},\n"]
)
def test_no_admin_auth_cannot_be_kept(nothing: bytes) -> None:
    with pytest.raises(SettingsOptionError, match="nodered_admin_auth: keep .* there is none: everybody could"):
        applied(EMPTY.replace(b"{\n", b"{\n" + nothing, 1), admin_auth="keep", admin_users=[])


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"admin_users": [ADMIN]}, "nodered_admin_users"),
        ({"admin_default_permissions": "read"}, "nodered_admin_default_permissions"),
        ({"session_expiry": 3600}, "nodered_session_expiry"),
    ],
)
def test_what_is_kept_cannot_be_changed(given: dict[str, t.Any], variable: str) -> None:
    with pytest.raises(SettingsOptionError, match=f"nodered_admin_auth: keep .*{variable} would have no effect"):
        applied(credentials(), admin_auth="keep", **given)


@pytest.mark.parametrize(
    "line",
    [
        b"    credentialSecret: '{{ nodered_secret }}',\n",
        b"    adminAuth: {users: [{username: '{{ user }}', password: '{{ hash }}'}]},\n",
        b"    httpNodeAuth: {user: '${USER}', pass: '${HASH}'},\n",
        b"    httpStaticAuth: {user: 'x', pass: '<%= hash %>'},\n",
    ],
)
def test_a_template_is_not_edited(line: bytes) -> None:
    with pytest.raises(SettingsOptionError, match=r"^line 2: .* placeholder of a template\. Render the template first"):
        applied(EMPTY.replace(b"{\n", b"{\n" + line, 1), values={"uiPort": 1881})


def test_a_secret_that_a_spread_may_bring() -> None:
    source = b"module.exports = {\n    ...base,\n%s};\n"
    with pytest.raises(SettingsOptionError, match=r"^line 2: credentialSecret is, or may come from, code .* write"):
        applied(source % b"", credential_secret="only-for-tests")
    # As the message says:
    line = b'module.exports.credentialSecret = "only-for-tests";\n'
    document, _revoked = applied(source % b"" + line, credential_secret="only-for-tests")
    assert document.get("credentialSecret") == "only-for-tests"


@pytest.mark.parametrize("nothing", ["false", "null", "''", "undefined", "void 0"])
def test_where_no_secret_was_any_may_be_set(nothing: str) -> None:
    document, _revoked = applied(
        f"module.exports = {{ credentialSecret: {nothing} }}".encode(), credential_secret="only-for-tests"
    )
    assert document.get("credentialSecret") == "only-for-tests"


@pytest.mark.parametrize("port", ["process.env.PORT || 1880", "", True, 0, 70000, -1, None, [1880], "18 80", 1880.5])
def test_a_port_that_is_none(port: t.Any) -> None:
    with pytest.raises(SettingsOptionError, match="nodered_settings: uiPort must be a number from 1 to 65535"):
        applied(values={"uiPort": port})


@pytest.mark.parametrize("port", [443, 1880, "1880", 65535])
def test_a_port(port: t.Any) -> None:
    document, _revoked = applied(values={"uiPort": port})
    assert document.get("uiPort") == port


@pytest.mark.parametrize("rights", ["read", ["flows.read", "nodes.write"], []])
def test_nobody_is_left_without_somebody_who_deploys(rights: t.Any) -> None:
    before = credentials(users="[{username: 'boss', permissions: '*'}]")
    lowered = {"admin_users": [{"username": "boss", "password": "correct horse", "permissions": rights}]}
    with pytest.raises(
        SettingsOptionError,
        match=r"nodered_admin_users: nobody could deploy.*Until now boss could.*admin_read_only: true",
    ):
        applied(before, **lowered)
    applied(before, **lowered, admin_read_only=True)


@pytest.mark.parametrize("rights", ["*", "write", "*.write", ["flows.read", "flows.write"]])
def test_one_who_deploys_is_enough(rights: t.Any) -> None:
    users = [
        {"username": "wall", "password": "correct horse", "permissions": "read"},
        {"username": "boss", "password": "correct horse", "permissions": rights},
    ]
    applied(admin_users=users)


@pytest.mark.parametrize("key", ["tokens", "authenticate", "module", "sessionExpiryTime"])
def test_parts_of_admin_auth_go_before_the_users_are_checked(key: str) -> None:
    before = f"module.exports = {{ adminAuth: {{ type: 'credentials', {key}: check }} }};\n".encode()
    document, _revoked = applied(before, admin_users=[ADMIN], absent=[f"adminAuth.{key}"])
    assert document.get(("adminAuth", key)) is MISSING
    assert document.get(("adminAuth", "type")) == "credentials"
