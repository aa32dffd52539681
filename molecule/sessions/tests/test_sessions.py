# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who lost a right is logged out, and nobody else; and the owner still gets in, which one login proves.

Node-RED itself would let an old login last for days.
"""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from scenario.client import bearer
from scenario.fleet import USER_DIR, Fleet

USERS = ("admin", "steve", "guest")
#: Changes of users, and whose login must end.
CHANGES = [
    pytest.param("steve", {"password": "another-only-for-tests"}, {"steve"}, id="another password"),
    pytest.param("guest", {"permissions": "flows.read"}, {"guest"}, id="a right less"),
    pytest.param("guest", {"permissions": "*"}, set(), id="all rights"),
    pytest.param("guest", {"permissions": ["read"]}, set(), id="the same rights and more, in other words"),
]
ROTATE = "pifleet.nodered.rotate"
#: Puts Node-RED's clock forward by half an hour; see prepare.yml.
LATER = "/opt/clock/half-an-hour-later"
#: Lets nobody log in.
LOCK_OUT = "(request, response, next) => request.url.includes('auth/token') ? response.status(403).end() : next()"
#: With it Node-RED does not start: an address of a documentation network (RFC 5737).
NO_START = {"nodered_settings": {"uiHost": "192.0.2.1"}}


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
    answers = {
        name: fleet.here().request(fleet.url("pi") + "/flows", *bearer(token)).status for name, token in tokens.items()
    }
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
    run = fleet.play(variables=changed(fleet, "steve", {"password": "another-only-for-tests"}) | NO_START)
    assert run.recap["pi"]["failed"] == 1
    assert logged_in(fleet, tokens) == set(USERS)


# On demand


def test_one_user_is_logged_out(fleet: Fleet, tokens: dict[str, str]) -> None:
    run = fleet.play(variables={"nodered_revoke_sessions": ["steve"]})
    assert run.status == 0, run.output
    assert logged_in(fleet, tokens) == {"admin", "guest"}


def test_all_are_logged_out(fleet: Fleet, tokens: dict[str, str]) -> None:
    run = fleet.play("-e", "nodered_rotate=sessions", playbook=ROTATE)
    assert run.status == 0, run.output
    assert logged_in(fleet, tokens) == set()


def test_passwords_are_rotated(fleet: Fleet, tokens: dict[str, str]) -> None:
    before = fleet.secrets_on("pi")
    users = changed(fleet, "steve", {"password": "another-only-for-tests"})
    run = fleet.play(playbook=ROTATE, variables=users | {"nodered_rotate": ["passwords"]})
    assert run.status == 0, run.output
    assert logged_in(fleet, tokens) == set()
    hashes = {secret for secret in before if secret.startswith("$2")}
    assert len(hashes) == len(USERS)
    assert not hashes & fleet.secrets_on("pi")
    assert [run.said(f"user {name}: the password is the one from before") for name in USERS] == [True, False, True]
    assert fleet.here().login(fleet.url("pi"), "steve", fleet.password("steve")).status == 403


def test_a_shorter_time_holds_for_those_who_are_logged_in(fleet: Fleet, tokens: dict[str, str]) -> None:
    """Half an hour later they are out: what they had was good for an hour."""
    run = fleet.play(variables={"nodered_session_expiry": 900})
    assert run.status == 0, run.output
    assert logged_in(fleet, tokens) == set(USERS)
    fleet.host("pi").check_output("touch %s", LATER)
    try:
        assert logged_in(fleet, tokens) == set()
    finally:
        fleet.host("pi").check_output("rm %s", LATER)


# The login of the owner


class Log:
    """What Node-RED tells of logins, from now on."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        fleet.host("pi").check_output("rm -f /tmp/cursor")
        fleet.journal("pi", "--unit=nodered", "--lines=0", "--cursor-file=/tmp/cursor")

    def events(self) -> list[str]:
        """The events, with the user and the rights that were asked for."""
        text = self._fleet.journal("pi", "--unit=nodered", "--output=cat", "--cursor-file=/tmp/cursor")
        found = [json.loads(line[line.index("{") :]) for line in text.splitlines() if "[audit] {" in line]
        return [
            f"{event['event']} {event.get('username', '')} {event.get('scope', '')}".strip()
            for event in found
            if event["event"].startswith("auth.login")
        ]


def test_the_owner_logs_in_once_and_out(fleet: Fleet, tokens: dict[str, str]) -> None:
    log = Log(fleet)
    run = fleet.play(variables={"nodered_settings": {"logging.console.audit": True, "flowFilePretty": False}})
    assert run.status == 0, run.output
    assert log.events() == ["auth.login admin *", "auth.login.revoke"]
    sessions = json.loads(fleet.host("pi").check_output("cat %s", f"{USER_DIR}/.sessions.json"))
    assert set(sessions) == set(tokens.values())


def test_a_change_that_locks_the_owner_out_is_undone(fleet: Fleet, tokens: dict[str, str]) -> None:
    settings = fleet.host("pi").file(f"{USER_DIR}/settings.js").content
    run = fleet.play(variables={"nodered_settings_js": {"httpAdminMiddleware": LOCK_OUT}})
    assert run.recap["pi"]["failed"] == 1
    assert run.said("Node-RED refuses the login of admin (403). The old files are back"), run.output
    assert fleet.host("pi").file(f"{USER_DIR}/settings.js").content == settings
    assert logged_in(fleet, tokens) == set(USERS)
    assert fleet.here().login(fleet.url("pi"), "admin", fleet.password("admin")).status == 200


def test_a_lock_out_by_hand_fails_every_run(fleet: Fleet, tokens: dict[str, str]) -> None:
    """There is nothing to put back, and nothing may count as proved."""
    host, path = fleet.host("pi"), f"{USER_DIR}/settings.js"
    content = host.file(path).content_string
    locked = content.replace("module.exports = {", f"module.exports = {{\n    httpAdminMiddleware: {LOCK_OUT},", 1)
    try:
        host.check_output(f"printf %%s %s >{path}", locked)
        for _run in range(2):
            run = fleet.play()
            assert run.recap["pi"]["failed"] == 1
            assert run.said("Node-RED refuses the login of admin (403). Nothing was put back."), run.output
    finally:
        host.check_output(f"printf %%s %s >{path}", content)
    run = fleet.play()
    assert run.status == 0, run.output
    assert logged_in(fleet, tokens) == set(USERS)


def test_what_is_proved_where_only_a_hash_is_known(fleet: Fleet, tokens: dict[str, str]) -> None:
    settings = fleet.host("pi").check_output("cat %s", f"{USER_DIR}/settings.js")
    (admin,) = [user for user in fleet.variables["nodered_admin_users"] if user["username"] == "admin"]
    after = settings[settings.index('"admin"') :]
    bcrypt = after[after.index("$2b$") :][:60]
    users = [{"username": "admin", "password_hash": bcrypt, "permissions": admin["permissions"]}]
    log = Log(fleet)
    run = fleet.play(variables={"nodered_admin_users": users})
    assert run.status == 0, run.output
    assert run.said("That admin can log in was not proved: only a hash of the password is known here."), run.output
    assert log.events() == ["auth.login.fail.credentials admin"]
    assert logged_in(fleet, tokens) == {"admin"}


def test_what_is_proved_where_the_port_cannot_be_reached(fleet: Fleet, tokens: dict[str, str]) -> None:
    local = {"nodered_settings": {"logging.console.audit": True, "uiHost": "127.0.0.1"}}
    log = Log(fleet)
    run = fleet.play(variables=local)
    assert run.status == 0, run.output
    assert run.said("That admin can log in was not proved: port 1880 of"), run.output
    assert log.events() == ["auth.login.fail.credentials admin"]
    run = fleet.play()
    assert run.status == 0, run.output
    assert not run.said("was not proved"), run.output
    assert logged_in(fleet, tokens) == set(USERS)
