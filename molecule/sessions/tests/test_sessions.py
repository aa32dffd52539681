# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who lost a right is logged out, and nobody else. Node-RED itself would let an old login last for days."""

from __future__ import annotations

import copy
import typing as t

import pytest
from fleet import Fleet, bearer

USERS = ("admin", "steve", "guest")
#: Changes of users, and whose login must end.
CHANGES = [
    pytest.param("steve", {"password": "another-only-for-tests"}, {"steve"}, id="another password"),
    pytest.param("guest", {"permissions": "flows.read"}, {"guest"}, id="a right less"),
    pytest.param("guest", {"permissions": "*"}, set(), id="all rights"),
]


def changed(fleet: Fleet, username: str, keys: dict[str, t.Any]) -> dict[str, t.Any]:
    """The users of the scenario, with some keys of one changed."""
    users = copy.deepcopy(fleet.variables["nodered_admin_users"])
    next(user for user in users if user["username"] == username).update(keys)
    return {"nodered_admin_users": users}


@pytest.fixture
def tokens(fleet: Fleet) -> dict[str, str]:
    """A login of each user, on a host that is as the scenario says."""
    run = fleet.play()
    assert run.status == 0, run.output
    return {name: fleet.here().token(fleet.url("pi"), name, fleet.password(name)) for name in USERS}


def logged_in(fleet: Fleet, tokens: dict[str, str]) -> set[str]:
    """The users whose login is still good. All of them may read flows."""
    answers = {name: fleet.here().request(fleet.url("pi") + "/flows", *bearer(token)).status for name, token in tokens.items()}
    assert set(answers.values()) <= {200, 401}, answers
    return {name for name, status in answers.items() if status == 200}


@pytest.mark.parametrize(("username", "keys", "out"), CHANGES)
def test_who_lost_a_right_is_out(
    fleet: Fleet, tokens: dict[str, str], username: str, keys: dict[str, t.Any], out: set[str]
) -> None:
    assert logged_in(fleet, tokens) == set(USERS)
    run = fleet.play(variables=changed(fleet, username, keys))
    assert run.status == 0, run.output
    assert logged_in(fleet, tokens) == set(USERS) - out
    statuses = {fleet.here().login(fleet.url("pi"), name, fleet.password(name)).status for name in USERS}
    assert statuses == ({200, 403} if "password" in keys else {200})


def test_all_stay_logged_in_when_the_change_is_undone(fleet: Fleet, tokens: dict[str, str]) -> None:
    # An address of a documentation network (RFC 5737): Node-RED does not start with it.
    bad = {"nodered_settings": {"uiHost": "192.0.2.1"}}
    run = fleet.play(variables=changed(fleet, "steve", {"password": "another-only-for-tests"}) | bad)
    assert run.recap["pi"]["failed"] == 1
    assert logged_in(fleet, tokens) == set(USERS)
