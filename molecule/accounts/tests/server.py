# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host of the scenario: where its editor, dashboards, endpoints and static files are, and who is to get in there."""

from __future__ import annotations

import base64
import json
import typing as t

from comms import Comms, WebSocket
from fleet import PORT, Answer, Client, Fleet, bearer

Login = tuple[str, str]


class Server:
    """The Node-RED of a host, seen by a client on the control node."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.fleet = fleet
        self.name = name
        self.client: Client = fleet.here()
        settings = fleet.variables_of(name)["nodered_settings"]
        self.admin_root: str = settings.get("httpAdminRoot", "")
        self.node_root: str = settings.get("httpNodeRoot", "")
        self.static_root: str = fleet.variables_of(name)["nodered_static"].get("root", "")
        self.dashboards = (f"{self.node_root}/{settings.get('ui.path', 'ui')}/", f"{self.node_root}/dashboard/")
        #: The login of endpoints and dashboards, and that of static files.
        self.node_login: Login = ("fred", "fred-only-for-tests")
        self.static_login: Login = ("freda", "freda-only-for-tests") if self.static_root else self.node_login

    @property
    def url(self) -> str:
        return self.fleet.url(self.name)

    @property
    def editor(self) -> str:
        return self.url + self.admin_root

    def get(self, path: str, login: Login | None = None, *options: str) -> Answer:
        """Ask for a path, with a login of HTTP Basic authentication."""
        return self.client.request(self.url + path, *basic(login), *options)

    def call(self, method: str, path: str, token: str | None, body: t.Any = None) -> Answer:
        """Send a request to the editor's API."""
        options = ["--request", method, *(bearer(token) if token else ())]
        if body is not None:
            options += ["--json", json.dumps(body)]
        return self.client.request(self.editor + path, *options)

    def with_query(self, path: str, token: str) -> Answer:
        """Ask the editor's API with a token in the URL, which Node-RED takes too."""
        return self.client.request(f"{self.editor}{path}", "--get", "--data-urlencode", f"access_token={token}")

    def token(self, username: str, password: str | None = None) -> str:
        return self.client.token(self.editor, username, password or self.fleet.password(username))

    def web_socket(self, path: str, login: Login | None = None, origin: str | None = None) -> WebSocket:
        headers = {"Origin": origin} if origin else {}
        if login:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        return WebSocket(self.fleet.address(self.name), PORT, self.fleet.ca, path, headers)

    def comms(self, token: str) -> Comms:
        """The web socket of an editor that has logged in."""
        return Comms(self.fleet.address(self.name), PORT, self.fleet.ca, token, f"{self.admin_root}/comms")

    def echo(self, login: Login | None, origin: str | None = None) -> str:
        """What the websocket-in node sends back for a word, or the status of its refusal."""
        web_socket = self.web_socket(f"{self.node_root}/ws/echo", login, origin)
        try:
            if web_socket.status != 101:
                return str(web_socket.status)
            web_socket.send("hello")
            return web_socket.receive() or "closed"
        finally:
            web_socket.close()


def basic(login: Login | None) -> list[str]:
    """The options of curl that send a login of HTTP Basic authentication."""
    return ["--user", ":".join(login)] if login else []
