# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do more than whom, by the rules of Node-RED's own permissions.js."""

from __future__ import annotations

import pytest
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import (
    admin_users,
    covers,
    first_administrator,
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
def test_covers(granted, needed, answer):
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
def test_first_administrator(users, name):
    secret = {"password": {"password": "only-for-tests"}, "hash": {"password_hash": HASH}}
    found = first_administrator(
        admin_users(
            [{"username": user, "permissions": permissions, **secret[known]} for user, permissions, known in users]
        )
    )
    assert found.username == name
