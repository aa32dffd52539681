# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gets into endpoints, dashboards and static files, over HTTP and over each of their web sockets."""

from __future__ import annotations

import pytest
from scenario import socket_io
from scenario.client import Login, basic, login_of
from scenario.dashboards import DashboardServer

WRONG = ("no login", "wrong password", "login of the editor", "login of another place")


def login(server: DashboardServer, which: str, right: Login) -> Login | None:
    other = "fred" if right[0] == "freda" else "freda"
    return {
        "no login": None,
        "wrong password": (right[0], "wrong"),
        "login of the editor": ("admin", server.fleet.password("admin")),
        "login of another place": login_of(other),
    }[which]


def pages(server: DashboardServer) -> tuple[tuple[str, Login, str], ...]:
    """Paths, their login, and what is there."""
    old, new = server.dashboards
    return (
        (f"{server.node_root}/push?value=seen", server.node_login, "seen"),
        (old, server.node_login, "<!DOCTYPE html>"),
        (f"{old}js/app.min.js", server.node_login, "angular"),
        (f"{old}manifest.json", server.node_login, "Dashboard 1"),
        (f"{new}home", server.node_login, "<!doctype html>"),
        (f"{new}_setup", server.node_login, "socketio"),
        (f"{new}manifest.webmanifest", server.node_login, "Dashboard 2"),
        (f"{new}_debug/datastore/two", server.node_login, "seen"),
        (f"{server.static_root}/page.html", server.static_login, "a page"),
    )


@pytest.mark.parametrize("which", WRONG)
def test_page_refuses(server: DashboardServer, which: str) -> None:
    for path, right, text in pages(server):
        answer = server.get(path, login(server, which, right))
        assert (answer.status, answer.headers.get("www-authenticate", "")[:5]) == (401, "Basic"), (path, answer)
        assert text not in answer.body


def test_page_opens(server: DashboardServer) -> None:
    for path, right, text in pages(server):
        answer = server.get(path, right)
        assert answer.status == 200, (path, answer)
        assert text in answer.body, path


@pytest.mark.parametrize("which", WRONG)
def test_web_socket_node_refuses(server: DashboardServer, which: str) -> None:
    assert server.echo(login(server, which, server.node_login)) == "401"


def test_web_socket_node_answers(server: DashboardServer) -> None:
    assert server.echo(server.node_login) == "hello"


def test_web_socket_node_asks_for_the_login(server: DashboardServer) -> None:
    """Else a browser would not send the login that its user has already given to another page."""
    refused = server.web_socket(f"{server.node_root}/ws/echo")
    assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Basic realm="Authorization Required"')
    assert server.get(server.dashboards[0]).headers["www-authenticate"] == 'Basic realm="Authorization Required"'
    refused.close()


def joined(
    server: DashboardServer, dashboard: str, right: Login | None, origin: str | None = None, until: str = ""
) -> tuple[str, str]:
    """What a dashboard's socket.io says in its two ways, up to a word where it tells all that it shows."""
    options = [*basic(right), *(["--header", f"Origin: {origin}"] if origin else [])]
    polled = socket_io.by_polling(server.client, f"{server.url}{dashboard}socket.io/", *options, until=until)
    web_socket = server.web_socket(f"{dashboard}socket.io/?EIO=4&transport=websocket", right, origin)
    answered = socket_io.by_web_socket(web_socket)
    web_socket.close()
    return polled, answered


@pytest.mark.parametrize("which", WRONG)
def test_socket_io_refuses(server: DashboardServer, which: str) -> None:
    for dashboard in server.dashboards:
        for answer in joined(server, dashboard, login(server, which, server.node_login)):
            assert answer == socket_io.REFUSAL + '{"message":"Unauthorized"}', dashboard


def test_socket_io_shows_the_dashboard(server: DashboardServer) -> None:
    for dashboard, content in zip(server.dashboards, ("ui-controls", "ui-config"), strict=True):
        polled, answered = joined(server, dashboard, server.node_login, until=content)
        assert polled.startswith(socket_io.WELCOME) and content in polled, polled
        assert answered.startswith(socket_io.WELCOME), answered


@pytest.mark.parametrize("origin", ["https://other.fleet.example:1880", "null"])
def test_pages_of_others_get_no_web_socket(server: DashboardServer, origin: str) -> None:
    """A browser sends a login that it remembers with the web sockets of other pages too, with the page's origin."""
    assert server.echo(server.node_login, origin) == "401"
    for dashboard in server.dashboards:
        for answer in joined(server, dashboard, server.node_login, origin):
            assert answer.startswith(socket_io.REFUSAL), answer


def test_own_pages_get_web_sockets(server: DashboardServer) -> None:
    assert server.echo(server.node_login, server.url) == "hello"
    for dashboard in server.dashboards:
        for answer in joined(server, dashboard, server.node_login, server.url):
            assert answer.startswith(socket_io.WELCOME), answer
