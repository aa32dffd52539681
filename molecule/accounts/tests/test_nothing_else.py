# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is there any way in besides those that the other tests name? What there is, is taken from the hosts themselves."""

from __future__ import annotations

import itertools
import json
import pathlib
import re

import pytest
from scenario.dashboards import DashboardServer
from scenario.fleet import PORT, SETTINGS, USER_DIR

NODE_RED = "/usr/local/lib/node_modules/node-red"
ROUTES = pathlib.Path(__file__).parents[1] / "files" / "routes.js"

#: Routes of the editor that Node-RED and Dashboard 1 leave open: the editor's page with its files, and the way to log in.
PUBLIC = {
    "GET /",
    "GET /auth/login",
    "POST /auth/token",
    "GET /theme/",
    r"GET /^\/locales\/(.+)\/?$/",
    "GET /icons/:module/:icon",
    "GET /icons/:scope/:module/:icon",
    r"GET /^\/resources\/((?:@[^\/]+\/)?[^\/]+)\/(.+)$/",
    "GET /debug/view/view.html",
    "GET /debug/view/*",
    # The `ui` of settings.js, without functions.
    "GET /uisettings",
    "GET /ui_base/js/*",
    "GET /ui_base/css/*",
    "GET /ui_base/gs/*",
}


def example(route: str) -> str:
    """A path that a route of Express answers to."""
    if route.startswith("/^"):
        words = ("nodes", "library", "resources", "locales", "plugins")
        ends = ("messages", "x", "x/y/messages", "x/y", "x/y/z")
        return next(
            path
            for path in (f"/{word}/{end}" for word, end in itertools.product(words, ends))
            if re.search(route[1:-1], path)
        )
    path = re.sub(r":\w+\((\w+)[^)]*\)", r"\1", route)
    return re.sub(r":\w+|\*", "x", path.replace("/?*", "/x"))


@pytest.fixture
def routes(server: DashboardServer) -> list[tuple[str, str, str]]:
    host = server.fleet.host(server.name)
    host.check_output("printf %%s %s >/tmp/routes.js", ROUTES.read_text("utf-8"))
    found = host.check_output("sudo -u pi node /tmp/routes.js %s %s %s", NODE_RED, SETTINGS, USER_DIR)
    return [tuple(route) for route in json.loads(found)]


def test_no_route_is_open(server: DashboardServer, routes: list[tuple[str, str, str]]) -> None:
    opened = {"editor": {}, "nodes": {}}
    for area, method, route in routes:
        root = server.admin_root if area == "editor" else server.node_root
        answer = server.client.request(server.url + root + example(route), "--request", method)
        # Projects, which are off, are not found.
        if answer.status != (404 if route.startswith("/projects/") else 401):
            opened[area][f"{method} {route}"] = answer.status
    assert opened["nodes"] == {}
    # What asks for a login answers 401 to one that is none.
    assert set(opened["editor"]) == PUBLIC - {"POST /auth/token"}, opened["editor"]


def test_no_other_port_is_open(server: DashboardServer) -> None:
    listening = server.fleet.host(server.name).check_output("ss --no-header --listening --tcp --numeric").splitlines()
    ports = {int(line.split()[3].rpartition(":")[2]) for line in listening}
    assert ports == {22, PORT}, listening


def test_plain_http_gets_no_answer(server: DashboardServer) -> None:
    plain = server.fleet.url(server.name, "http")
    for client in (server.client, server.fleet.neighbour(server.name)):
        for path in (f"{server.admin_root}/", f"{server.dashboards[0]}socket.io/?EIO=4&transport=polling"):
            answer = client.request(plain + path)
            # 52: the server closed the connection without a word.
            assert (answer.status, answer.body[:3]) == (0, "52:"), answer


def test_settings_for_everybody_have_nothing_of_ours(server: DashboardServer) -> None:
    answer = server.call("GET", "/uisettings", None)
    assert answer.json == ({"path": "panel"} if server.name == "pi5" else {})
