# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Node-RED: where its variables put the editor, endpoints and static files, and requests to them."""

from __future__ import annotations

import base64
import json
import typing as t

from .client import Answer, Client, Login, basic, bearer
from .comms import Comms, WebSocket
from .fleet import PORT, Fleet


class Server:
    """The Node-RED of a host, seen by a client on the control node that trusts the fleet's authority, or another one."""

    def __init__(self, fleet: Fleet, name: str, ca: str | None = None) -> None:
        self.fleet = fleet
        self.name = name
        self.client = Client(fleet.here().machine, ca or fleet.ca)
        variables = fleet.variables_of(name)
        settings: dict[str, t.Any] = variables["nodered_settings"]
        #: What nginx in front of it answers below; None without one.
        self.proxy_path: str | None = variables.get("nodered_proxy_path")
        self.port: int = settings.get("uiPort", PORT) if self.proxy_path is None else 443
        self.admin_root: str = settings.get("httpAdminRoot", self.proxy_path or "")
        self.node_root: str = settings.get("httpNodeRoot", self.proxy_path or "")

    @property
    def url(self) -> str:
        port = "" if self.port == 443 else f":{self.port}"
        return f"https://{self.fleet.address(self.name)}{port}"

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

    def deploy(self, flows: list[dict[str, t.Any]]) -> None:
        """Replace the flows as admin."""
        with self.client.logged_in(self.editor, "admin", self.fleet.password("admin")) as token:
            self.client.deploy(self.editor, flows, token)

    def web_socket(self, path: str, login: Login | None = None, origin: str | None = None) -> WebSocket:
        headers = {"Origin": origin} if origin else {}
        if login:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        return WebSocket(self.fleet.address(self.name), self.port, self.client.ca, path, headers)

    def comms(self, token: str) -> Comms:
        """The web socket of an editor that has logged in."""
        return Comms(self.fleet.address(self.name), self.port, self.client.ca, token, f"{self.admin_root}/comms")
