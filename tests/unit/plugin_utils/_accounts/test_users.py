# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do more than whom, by the rules of Node-RED's own permissions.js."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import (
    AccountError,
    admin_users,
    covers,
    first_administrator,
    login,
    node_users,
)

HASH = "$2b$08$" + "." * 53


@pytest.mark.parametrize(
    ("granted", "needed", "answer"),
    [
        ("*", "*", True),
        ("*", ["flows.write", "read"], True),
        (["read", "*"], "*", True),
        ("read", "flows.read", True),
        ("*.read", "flows.read", True),
        ("read", "*.read", True),
        (["read"], "read", True),
        ("read", "flows.write", False),
        ("read", "*", False),
        (["read", "write"], "*", False),
        ("write", "inject.write", True),
        ("*.write", "write", True),
        (["flows.read"], "flows.read", True),
        ("flows.read", "flows.read.read", False),
        ("flows.read", "read", False),
        ("flows.read", [], True),
        ([], "flows.read", False),
        ("flows.read", None, True),
        (None, "flows.read", False),
        # Node-RED grants nothing for a form that it does not know, so that losing it is no loss of anything else.
        ("read", "flows.*", False),
    ],
)
def test_covers(granted: str | list[str] | None, needed: str | list[str] | None, answer: bool) -> None:
    assert covers(granted, needed) is answer


@pytest.mark.parametrize(
    ("users", "name"),
    [
        ([("a", "*", "password"), ("b", "*", "password")], "a"),
        ([("a", "read", "password"), ("b", "*", "password")], "b"),
        ([("a", "*", "hash"), ("b", ["*"], "password")], "b"),
        ([("a", "read", "password"), ("b", "*", "hash")], "b"),
        ([("a", "read", "hash"), ("b", "read", "password")], "b"),
    ],
)
def test_first_administrator(users: list[t.Any], name: str) -> None:
    secret = {"password": {"password": "only-for-tests"}, "hash": {"password_hash": HASH}}
    found = first_administrator(
        admin_users(
            [{"username": user, "permissions": permissions, **secret[known]} for user, permissions, known in users]
        )
    )
    assert found.username == name


ADMIN = {"username": "admin", "password": "correct horse", "permissions": "*"}


@pytest.mark.parametrize(
    ("users", "words"),
    [
        ([], "nodered_admin_users is empty.*Set at least one user"),
        ([{**ADMIN, "passwort": "x"}], "user admin: unknown key 'passwort'"),
        ([{"username": "admin", "permissions": "*"}], "user admin: neither password nor password_hash"),
        ([{**ADMIN, "password_hash": "$2b$08$" + "a" * 53}], "user admin: both password and password_hash"),
        ([{**ADMIN, "password": "x" * 73}], "user admin: The password is 73 bytes"),
        ([{"username": "admin", "password": "x"}], "user admin: permissions are missing"),
        ([{**ADMIN, "permissions": "flows.*"}], "user admin: Node-RED knows no permission 'flows.\\*'"),
        ([{**ADMIN, "permissions": ["read", 1]}], "user admin: permissions must be"),
        ([{**ADMIN, "username": ""}], "entry 1: username is missing"),
        (["admin"], "entry 1: must be a mapping"),
        ([ADMIN, {**ADMIN, "password": "other"}], "user admin: this username is there twice"),
        ([{"username": "a", "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99", "permissions": "*"}], "user a: .*MD5"),
    ],
)
def test_users_that_would_lock_out_or_open_are_refused(users: list[t.Any], words: str) -> None:
    with pytest.raises(AccountError, match=words) as error:
        admin_users(users)
    assert "correct horse" not in str(error.value)


@pytest.mark.parametrize("permission", ["*", "read", "write", "*.read", "flows.write", "debug.write", "udp-ports.read"])
def test_permissions_that_node_red_matches(permission: str) -> None:
    assert admin_users([{**ADMIN, "permissions": permission}])[0].permissions == permission
    assert admin_users([{**ADMIN, "permissions": [permission]}])[0].permissions == [permission]


def test_a_login_names_its_variable() -> None:
    with pytest.raises(AccountError, match="nodered_node_auth: unknown key 'username'"):
        login({"username": "fred", "password": "x"}, "nodered_node_auth")
    with pytest.raises(AccountError, match="nodered_node_auth: the user name has a colon"):
        login({"user": "fr:ed", "password": "x"}, "nodered_node_auth")


FRED = {"username": "fred", "password": "correct horse"}


@pytest.mark.parametrize(
    ("users", "words"),
    [
        ([{**FRED, "username": "fr:ed"}], "nodered_node_users, user fr:ed: the username has a colon"),
        ([{**FRED, "username": "fr\ned"}], "the username has a colon or a character that cannot be printed"),
        ([FRED, {**FRED}], "nodered_node_users, user fred: this username is there twice"),
        ([{**FRED, "permissions": "write"}], 'user fred: permissions must be "\\*" for everything, or read'),
        ([{**FRED, "permissions": ["*"]}], "user fred: permissions must be"),
        ([{**FRED, "path": "/ui"}], "user fred: unknown key 'path'"),
        ([{**FRED, "paths": "/ui"}], "user fred: paths must be a list"),
        ([{**FRED, "paths": []}], "user fred: paths must be a list"),
        ([{**FRED, "paths": ["ui"]}], "user fred: the path 'ui' must be a text that begins with a slash"),
        ([{**FRED, "paths": [1]}], "user fred: the path 1 must be a text"),
        ([{**FRED, "paths": ["/ui/../x"]}], "user fred: the path '/ui/../x' is not plain"),
        ([{**FRED, "paths": ["/./x"]}], "is not plain"),
        ([{**FRED, "paths": ["//ui"]}], "is not plain"),
        ([{**FRED, "paths": ["/%75i"]}], "is not plain"),
        ([{**FRED, "paths": ["/ü"]}], "is not plain"),
        ([{**FRED, "paths": ["/" + "x" * 200]}], "is not plain"),
        ([{**FRED, "paths": ["/ui/*"]}], "user fred: the path /ui/\\* has a star"),
        ([{"username": "fred"}], "user fred: neither password nor password_hash"),
    ],
)
def test_users_of_the_login_page_that_cannot_be_meant_are_refused(users: list[t.Any], words: str) -> None:
    with pytest.raises(AccountError, match=words) as error:
        node_users(users)
    assert "correct horse" not in str(error.value)


def test_users_of_the_login_page() -> None:
    fred, wall = node_users(
        [FRED, {"username": "wall", "password_hash": HASH, "permissions": "read", "paths": ["/ui/"]}]
    )
    assert (fred.username, fred.permissions, fred.paths) == ("fred", "*", None)
    assert (wall.username, wall.permissions, wall.paths) == ("wall", "read", ["/ui/"])
    assert node_users([]) == []
