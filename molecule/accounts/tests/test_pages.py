# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same doors in Chromium, as a person opens them: does what is closed to others still work for those let in?"""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from scenario.browser import DEPLOY, Editor, chromium, context_of, network_of, visit
from scenario.dashboards import DashboardServer
from scenario.fleet import PORT, Fleet

#: Opens a web socket, sends a word, and gives what comes back.
ECHO = (pathlib.Path(__file__).parents[1] / "files" / "echo.js").read_text("utf-8")


def host(name: str) -> str:
    """What a host is called in the browser."""
    return f"{name}.fleet.example:{PORT}"


@pytest.fixture(scope="module")
def browser(fleet: Fleet) -> t.Iterator[Browser]:
    """A browser that trusts the fleet's authority, on a computer that is none of the fleet; see prepare.yml."""
    addresses = {f"{name}.fleet.example": fleet.address(name) for name in fleet.names}
    desk = network_of(f"{fleet.group}-desk", "desk")
    with sync_playwright() as playwright, chromium(playwright, desk, addresses, pathlib.Path(fleet.ca)) as started:
        yield started


@pytest.fixture
def page(browser: Browser, server: DashboardServer) -> t.Iterator[Page]:
    """A window of somebody who gives the login of the dashboards where the browser asks for one."""
    context = context_of(browser, server.node_login)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("user", ["admin", "rita"])
def test_editor(browser: Browser, server: DashboardServer, user: str) -> None:
    editor = Editor(browser, f"https://{host(server.name)}{server.admin_root}/")
    expect(editor.page.locator(DEPLOY)).to_be_hidden()
    editor.log_in(user, server.fleet.password(user))
    editor.expect_open()
    expect(editor.tab("Of the tests")).to_be_visible()
    editor.wait_for_frame('{"auth":"ok"}')
    (socket,) = editor.sockets
    assert socket.url == f"wss://{host(server.name)}{server.admin_root}/comms"
    editor.context.close()


@pytest.mark.parametrize("number", [0, 1], ids=["Dashboard 1", "Dashboard 2"])
def test_dashboard_shows_live_values(server: DashboardServer, page: Page, number: int) -> None:
    path = server.dashboards[number]
    with page.expect_websocket(lambda socket: f"{path}socket.io/" in socket.url):
        page.goto(f"https://{host(server.name)}{path}")
    expect(page.get_by_text(("first", "second")[number])).to_be_visible()
    for value in ("twelve degrees", "thirteen degrees"):
        assert server.get(f"{server.node_root}/push?value={value.replace(' ', '%20')}", server.node_login).status == 200
        expect(page.get_by_text(value)).to_be_visible()


def test_without_login_there_is_nothing(browser: Browser, server: DashboardServer) -> None:
    for path in (*server.dashboards, f"{server.static_root}/page.html"):
        found = visit(browser, f"https://{host(server.name)}{path}")
        assert (found.status, found.text) in ((401, ""), (401, "Unauthorized")), path


def test_static_page(browser: Browser, server: DashboardServer) -> None:
    found = visit(browser, f"https://{host(server.name)}{server.static_root}/page.html", server.static_login)
    assert (found.status, found.text.strip(), found.state) == (200, "a page", "secure")


def test_page_of_a_dashboard_may_open_web_sockets(server: DashboardServer, page: Page) -> None:
    """With the login that its user has given to the page, though the web socket lies elsewhere."""
    page.goto(f"https://{host(server.name)}{server.dashboards[0]}")
    assert page.evaluate(ECHO, f"wss://{host(server.name)}{server.node_root}/ws/echo") == "hello"


def test_page_of_another_host_may_not(server: DashboardServer, page: Page) -> None:
    """For a browser they are one site, so that it sends the login along."""
    page.goto(f"https://{host(server.name)}{server.dashboards[0]}")
    names = server.fleet.names
    other = DashboardServer(server.fleet, names[names.index(server.name) - 1])
    page.goto(f"https://{host(other.name)}{other.admin_root}/auth/login")
    assert page.evaluate(ECHO, f"wss://{host(server.name)}{server.node_root}/ws/echo") == "refused"
