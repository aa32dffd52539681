# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""login.json: what is read of a host's, and whose logins end when it changes."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_data import (
    losing_users,
    opens_less,
    present_data,
    users_of,
)

HASH = "$2b$08$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232"
OTHER = HASH.replace("ABC", "CBA")


@pytest.mark.parametrize(
    "text",
    [None, "", "no JSON", "[]", "1", "[" * 100_000, '{"users": 1}', '{"users": [1, {}, {"username": 2}]}'],
)
def test_a_host_may_have_put_anything_there(text: str | None) -> None:
    assert users_of(present_data(text)) == {}


def entry(**changes: t.Any) -> dict[str, t.Any]:
    return {"username": "fred", "password": HASH, "permissions": "*", **changes}


@pytest.mark.parametrize(
    ("before", "after", "loses"),
    [
        (entry(), entry(), False),
        (entry(password=HASH.replace("$2b$", "$2a$")), entry(), False),
        (entry(), entry(password=OTHER), True),
        (entry(password=1), entry(), True),
        (entry(), None, True),
        (entry(), entry(permissions="read"), True),
        (entry(permissions="read"), entry(), False),
        (entry(), entry(paths=["/ui"]), True),
        (entry(paths=["/ui"]), entry(), False),
        (entry(paths=["/ui"]), entry(paths=["/ui", "/api"]), False),
        (entry(paths=["/ui", "/api"]), entry(paths=["/ui"]), True),
        (entry(paths="/ui"), entry(paths=["/ui"]), True),
    ],
)
def test_who_loses_a_right(before: dict[str, t.Any], after: dict[str, t.Any] | None, loses: bool) -> None:
    others = {"anna": entry(username="anna")}
    found = losing_users({"fred": before, **others}, {**others, **({"fred": after} if after else {})})
    assert found == (["fred"] if loses else [])


@pytest.mark.parametrize(
    ("before", "after", "less"),
    [
        ({}, {"open": ["/a"]}, False),
        ({"open": ["/a"]}, {"open": ["/a", "/b"]}, False),
        ({"open": ["/a", "/b"]}, {"open": ["/a"]}, True),
        ({"open": "/a"}, {"open": ["/a"]}, True),
        ({"trusted_proxies": ["127.0.0.1"]}, {}, True),
    ],
)
def test_who_gets_in_no_more(before: dict[str, t.Any], after: dict[str, t.Any], less: bool) -> None:
    whole: dict[str, t.Any] = {"open": [], "trusted_proxies": []}
    assert opens_less(before, {**whole, **after}) is less
