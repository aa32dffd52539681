# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host of the scenario: where its dashboards are, and with which logins to get in there."""

from __future__ import annotations

from .client import Login, login_of
from .fleet import Fleet
from .server import Server


class DashboardServer(Server):
    """The Node-RED of a host with both dashboards, endpoints and static files."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        super().__init__(fleet, name)
        variables = fleet.variables_of(name)
        self.static_root: str = variables["nodered_static"].get("root", "")
        self.dashboards = (
            f"{self.node_root}/{variables['nodered_settings'].get('ui.path', 'ui')}/",
            f"{self.node_root}/dashboard/",
        )
        #: The login of endpoints and dashboards, and that of static files.
        self.node_login: Login = login_of("fred")
        self.static_login: Login = login_of("freda") if self.static_root else self.node_login

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
