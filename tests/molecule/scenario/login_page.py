# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login page of a host, as a browser uses it: with a cookie and without a window that asks."""

from __future__ import annotations

import base64

from .client import Answer, login_of
from .comms import WebSocket
from .fleet import Fleet
from .server import Server

#: What a browser sends when somebody opens an address.
BROWSER = ("--user-agent", "Mozilla/5.0", "--header", "Accept: text/html", "--header", "Sec-Fetch-Mode: navigate")


class LoginServer(Server):
    """The Node-RED of a host whose dashboards, endpoints and files ask for the login page."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        super().__init__(fleet, name)
        variables = fleet.variables_of(name)
        self.page = f"{self.node_root}/_login"
        self.static_root: str = variables["nodered_static"].get("root", "")
        self.dashboards = (
            f"{self.node_root}/{variables['nodered_settings'].get('ui.path', 'ui')}/",
            f"{self.node_root}/dashboard/",
        )

    def browse(self, path: str, cookie: str = "", *options: str) -> Answer:
        """Open a path as a browser does."""
        return self.client.request(self.url + path, *BROWSER, *(("--cookie", cookie) if cookie else ()), *options)

    def send_form(self, path: str, form: dict[str, str], *options: str) -> Answer:
        fields = [part for name, value in form.items() for part in ("--data-urlencode", f"{name}={value}")]
        return self.client.request(self.url + path, *BROWSER, "--header", f"Origin: {self.url}", *fields, *options)

    def log_in(self, user: str, password: str | None = None) -> Answer:
        """The answer to the form of the page, filled in."""
        form = {"username": user, "password": password or login_of(user)[1], "next": self.dashboards[0]}
        return self.send_form(self.page, form)

    def cookie(self, user: str) -> str:
        """The cookie of a user who has logged in."""
        answer = self.log_in(user)
        assert answer.status == 303, answer
        return answer.headers["set-cookie"].partition(";")[0]

    def is_logged_in(self, cookie: str) -> bool:
        answer = self.browse(self.dashboards[0], cookie)
        assert answer.status in (200, 302), answer
        return answer.status == 200

    def socket(self, path: str, cookie: str = "", user: str = "", origin: str = "") -> WebSocket:
        """A web socket with a cookie, or with the login of a user in a header."""
        headers = {"Cookie": cookie} if cookie else {}
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(login_of(user)).encode()).decode()
        if origin:
            headers["Origin"] = origin
        return WebSocket(self.fleet.address(self.name), self.port, self.client.ca, path, headers)
