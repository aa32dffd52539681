# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do what in the editor, asked of its API, of its web socket and with Node-RED's own command."""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest
from scenario.dashboards import DashboardServer
from scenario.fleet import Fleet
from scenario.waiting import PATIENCE

USERS = ("admin", "rita", "steve", "nora")

#: Requests, what is answered to those who may, and who they are. Everybody else gets 401.
REQUESTS = (
    ("GET", "/flows", None, 200, "admin rita steve nora"),
    ("GET", "/flows/state", None, 200, "admin rita steve nora"),
    ("GET", "/flow/tab", None, 200, "admin rita steve nora"),
    ("GET", "/settings", None, 200, "admin rita nora"),
    ("GET", "/settings/user", None, 200, "admin rita nora"),
    ("GET", "/nodes", None, 200, "admin rita nora"),
    ("GET", "/nodes/node-red-dashboard", None, 200, "admin rita nora"),
    ("GET", "/icons", None, 200, "admin rita nora"),
    ("GET", "/plugins", None, 200, "admin rita"),
    ("GET", "/context/global", None, 200, "admin rita"),
    ("GET", "/context/flow/tab", None, 200, "admin rita"),
    ("GET", "/diagnostics", None, 200, "admin rita"),
    ("GET", "/library/local/functions/", None, 200, "admin rita"),
    ("GET", "/credentials/mqtt-broker/none", None, 200, "admin rita"),
    ("GET", "/udp-ports/1", None, 200, "admin rita"),
    ("POST", "/inject/press", {}, 200, "admin nora"),
    ("POST", "/debug/watch/enable", {}, 200, "admin"),
    ("POST", "/settings/user", {}, 204, "admin"),
    ("GET", "/settings/user/keys", None, 400, "admin"),
    ("POST", "/library/local/functions/none", {}, 204, "admin"),
    ("DELETE", "/context/global/none", None, 204, "admin"),
    ("POST", "/flow", {}, 400, "admin"),
    ("PUT", "/flow/none", {}, 404, "admin"),
    ("DELETE", "/flow/none", None, 404, "admin"),
    ("POST", "/nodes", {}, 400, "admin"),
    ("PUT", "/nodes/none", {"enabled": True}, 400, "admin"),
    ("DELETE", "/nodes/none", None, 404, "admin"),
    ("PATCH", "/dashboard/api/v1/none/flows", {}, 400, "admin"),
    ("POST", "/dashboard/chart/none/clear", {}, 404, "admin"),
)


@pytest.fixture(scope="module")
def tokens(fleet: Fleet) -> t.Iterator[dict[str, dict[str, str]]]:
    """A login of each user on each host."""
    servers = [DashboardServer(fleet, name) for name in fleet.names]
    found = {server.name: {user: server.token(user) for user in USERS} for server in servers}
    yield found
    for server in servers:
        for token in found[server.name].values():
            server.client.revoke(server.editor, token)


@pytest.mark.parametrize("user", USERS)
def test_rights(server: DashboardServer, tokens: dict[str, dict[str, str]], user: str) -> None:
    found = {}
    for method, path, body, _status, _users in REQUESTS:
        found[f"{method} {path}"] = server.call(method, path, tokens[server.name][user], body).status
    assert found == {
        f"{method} {path}": status if user in users.split() else 401 for method, path, _body, status, users in REQUESTS
    }


@pytest.mark.parametrize("token", [None, "invented"])
def test_stranger_has_none(server: DashboardServer, token: str | None) -> None:
    for method, path, body, _status, _users in REQUESTS:
        answer = server.call(method, path, token, body)
        assert (answer.status, answer.body) == (401, "Unauthorized"), f"{method} {path}: {answer}"
        assert answer.headers["www-authenticate"].startswith("Bearer "), answer


def test_deploying_is_for_the_admin(server: DashboardServer, tokens: dict[str, dict[str, str]]) -> None:
    flows = server.call("GET", "/flows", tokens[server.name]["admin"]).json
    for user, token in {**tokens[server.name], "stranger": None, "invented": "invented"}.items():
        assert server.call("POST", "/flows", token, flows).status == (204 if user == "admin" else 401), user


def test_token_in_the_query_has_the_same_rights(server: DashboardServer, tokens: dict[str, dict[str, str]]) -> None:
    assert server.with_query("/flows", "invented").status == 401
    for user, path, status in (("admin", "/settings", 200), ("steve", "/flows", 200), ("steve", "/settings", 401)):
        assert server.with_query(path, tokens[server.name][user]).status == status, (user, path)


# The editor's web socket


def said(server: DashboardServer, *messages: dict[str, str]) -> list[str | None]:
    """All that a stranger's web socket of the editor gets for these messages, until it is closed."""
    web_socket = server.web_socket(f"{server.admin_root}/comms")
    assert web_socket.status == 101
    for message in messages:
        web_socket.send(json.dumps(message))
    answers = [web_socket.receive(), web_socket.receive()]
    web_socket.close()
    return answers


def test_web_socket_of_the_editor_is_closed_to_others(
    server: DashboardServer, tokens: dict[str, dict[str, str]]
) -> None:
    refused = ['{"auth":"fail"}', None]
    assert said(server, {"subscribe": "debug"}) == refused
    assert said(server, {"auth": "invented"}) == refused
    # The right is status.read, which steve has not.
    assert said(server, {"auth": tokens[server.name]["steve"]}) == refused


def test_web_socket_of_the_editor_tells_who_may_read(
    server: DashboardServer, tokens: dict[str, dict[str, str]]
) -> None:
    opened = {user: server.comms(tokens[server.name][user]) for user in ("admin", "rita", "nora")}
    for editor in opened.values():
        editor.send(json.dumps({"subscribe": "debug"}))
    assert server.call("POST", "/inject/press", tokens[server.name]["nora"], {}).status == 200
    for editor in opened.values():
        while '"pressed"' not in json.dumps(editor.messages()):
            pass
        editor.close()


# Node-RED's own command


def own_command(server: DashboardServer, directory: str, *arguments: str, answers: dict[str, str] | None = None) -> str:
    """All that `node-red admin` says on a neighbour, when it is given these answers to its prompts."""
    neighbour = server.fleet.names[server.fleet.names.index(server.name) - 1]
    command = server.fleet.command_on(
        neighbour, "env", f"HOME={directory}", "NODE_EXTRA_CA_CERTS=/tmp/ca.pem", "node-red", "admin", *arguments
    )
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdin and process.stdout
        found = ""
        for prompt, answer in (answers or {}).items():
            # It forgets what it is told before it asks.
            while not found.endswith(prompt):
                letter = process.stdout.read(1)
                assert letter, found
                found += letter
            process.stdin.write(f"{answer}\n")
            process.stdin.flush()
        return found + process.communicate(timeout=PATIENCE)[0]


def test_own_command_of_node_red(server: DashboardServer) -> None:
    host = server.fleet.neighbour(server.name).machine
    directory = host.check_output("mktemp -d")
    try:
        assert own_command(server, directory, "target", server.editor) == f"Target: {server.editor}\n"
        assert "Not logged in" in own_command(server, directory, "list")
        for password, said, listed in (
            ("wrong", "Login failed", "Not logged in"),
            (server.fleet.password("admin"), "Logged in", "node-red-dashboard/ui_text"),
        ):
            answers = {"Username: ": "admin", "Password: ": password}
            assert said in own_command(server, directory, "login", answers=answers)
            assert listed in own_command(server, directory, "list")
    finally:
        host.check_output(f"rm -r {directory}")
