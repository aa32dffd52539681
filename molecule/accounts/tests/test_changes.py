# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run that changes who gets in: whoever is concerned is out in every way, at once, and nobody else is.

Node-RED locks a user after five wrong passwords, so each is tried once. A last run puts everything back.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from scenario import socket_io
from scenario.client import Login, basic, login_of
from scenario.comms import Comms
from scenario.dashboards import DashboardServer
from scenario.fleet import Fleet

NEW = "another-only-for-tests"
#: Who has a login before, and whose ends: rita's password is another, nora has a right less, steve is gone.
BEFORE = ("admin", "rita", "nora", "steve")
OUT = {"rita", "nora", "steve"}
OLD_LOGIN: Login = login_of("fred")
NEW_LOGIN: Login = ("fred", NEW)


def changes(fleet: Fleet) -> dict[str, t.Any]:
    users = {user["username"]: dict(user) for user in fleet.variables["nodered_admin_users"]}
    users["rita"]["password"] = NEW
    users["nora"]["permissions"] = [right for right in users["nora"]["permissions"] if right != "inject.write"]
    del users["steve"]
    users["newt"] = {"username": "newt", "password": NEW, "permissions": ["settings.read"]}
    user, password = NEW_LOGIN
    return {"nodered_admin_users": list(users.values()), "dashboard_login": {"user": user, "password": password}}


@dataclasses.dataclass(frozen=True)
class Logins:
    """What people had on one host before the change."""

    tokens: dict[str, str]
    editors: dict[str, Comms]


@pytest.fixture(scope="module")
def logins(fleet: Fleet) -> t.Iterator[dict[str, Logins]]:
    """People are logged in, their editors are open; then come the changes."""
    found = {}
    for name in fleet.names:
        server = DashboardServer(fleet, name)
        tokens = {user: server.token(user) for user in BEFORE}
        found[name] = Logins(tokens, {user: server.comms(tokens[user]) for user in BEFORE if user != "steve"})
        assert server.call("POST", "/inject/press", tokens["nora"], {}).status == 200
        assert server.get(server.dashboards[0], OLD_LOGIN).status == 200
    run = fleet.play(variables=changes(fleet))
    assert run.status == 0, run.output
    yield found
    for name in fleet.names:
        DashboardServer(fleet, name).client.revoke(DashboardServer(fleet, name).editor, found[name].tokens["admin"])
    run = fleet.play()
    assert run.status == 0, run.output


def test_logins_of_those_concerned_have_ended(server: DashboardServer, logins: dict[str, Logins]) -> None:
    for user, token in logins[server.name].tokens.items():
        for answer in (server.call("GET", "/flows", token), server.with_query("/flows", token)):
            assert answer.status == (401 if user in OUT else 200), user


def test_open_editors_of_those_concerned_are_closed(server: DashboardServer, logins: dict[str, Logins]) -> None:
    """All of them, as Node-RED was started anew. An editor then opens its web socket again, with the login that it has."""
    for user, editor in logins[server.name].editors.items():
        while editor.receive() is not None:
            pass
        again = server.web_socket(f"{server.admin_root}/comms")
        again.send(json.dumps({"auth": logins[server.name].tokens[user]}))
        assert again.receive() == ('{"auth":"fail"}' if user in OUT else '{"auth":"ok"}'), user
        again.close()


@pytest.mark.usefixtures("logins")
def test_passwords(server: DashboardServer) -> None:
    for user, password, status in (
        ("rita", server.fleet.password("rita"), 403),
        ("rita", NEW, 200),
        ("newt", NEW, 200),
        ("steve", server.fleet.password("steve"), 403),
        ("nora", server.fleet.password("nora"), 200),
    ):
        answer = server.client.login(server.editor, user, password)
        assert answer.status == status, (user, answer)
        if status == 200:
            server.client.revoke(server.editor, answer.json["access_token"])


@pytest.mark.usefixtures("logins")
def test_rights(server: DashboardServer) -> None:
    nora, newt = server.token("nora"), server.token("newt", NEW)
    assert server.call("GET", "/flows", nora).status == 200
    assert server.call("POST", "/inject/press", nora, {}).status == 401
    assert server.call("GET", "/settings", newt).status == 200
    assert server.call("GET", "/flows", newt).status == 401
    for token in (nora, newt):
        server.client.revoke(server.editor, token)


@pytest.mark.usefixtures("logins")
@pytest.mark.parametrize(("login", "opens"), [(OLD_LOGIN, False), (NEW_LOGIN, True)], ids=["old login", "new login"])
def test_login_of_dashboards(server: DashboardServer, login: Login, opens: bool) -> None:
    """On each of the ways in. At first the old one, so that it could not have been remembered from the new one."""
    for path in (*server.dashboards, f"{server.node_root}/push?value=changed"):
        assert server.get(path, login).status == (200 if opens else 401), path
    assert server.echo(login) == ("hello" if opens else "401")
    for dashboard in server.dashboards:
        polled = socket_io.by_polling(server.client, f"{server.url}{dashboard}socket.io/", *basic(login))
        web_socket = server.web_socket(f"{dashboard}socket.io/?EIO=4&transport=websocket", login)
        for answer in (polled, socket_io.by_web_socket(web_socket)):
            assert answer.startswith(socket_io.WELCOME if opens else socket_io.REFUSAL), (dashboard, answer)
        web_socket.close()


@pytest.mark.usefixtures("logins")
def test_static_files_with_their_own_login_are_not_concerned(server: DashboardServer) -> None:
    login = server.static_login if server.static_root else NEW_LOGIN
    assert server.get(f"{server.static_root}/page.html", login).status == 200


@pytest.mark.usefixtures("logins")
def test_admin_is_not_locked_out(server: DashboardServer) -> None:
    """After all the wrong passwords of this scenario."""
    token = server.token("admin")
    assert server.call("GET", "/settings", token).status == 200
    server.client.revoke(server.editor, token)


@pytest.mark.usefixtures("logins")
def test_another_run_changes_nothing(fleet: Fleet) -> None:
    run = fleet.play(variables=changes(fleet))
    assert run.status == 0, run.output
    assert [run.recap[name]["changed"] for name in fleet.names] == [0] * len(fleet.names), run.output


@pytest.mark.usefixtures("logins")
def test_output_of_the_runs_has_no_secret(fleet: Fleet) -> None:
    """check, converge and idempotence, all with --diff."""
    log = (fleet.work / "ansible.log").read_text("utf-8")
    assert log.count("PLAY RECAP") >= 3
    assert [secret for secret in fleet.secrets() if secret in log] == []
