# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of docs/dashboards.md do what it says, in Chromium and for curl."""

from __future__ import annotations

import json
import typing as t

import pytest
from chromium import log_in
from guide import MENUS, PASSWORDS, guide
from node_red import NodeRed
from playwright.sync_api import Browser, BrowserContext, expect


@pytest.fixture(scope="module")
def server() -> t.Iterator[NodeRed]:
    with guide() as started:
        yield started


def test_who_has_pressed(server: NodeRed, person: BrowserContext) -> None:
    page = person.new_page()
    page.goto(f"{server.url}/dashboard/kitchen")
    log_in(page, "anna", PASSWORDS["anna"])
    page.get_by_role("button", name="Light").click()
    expect(page.get_by_text("anna", exact=True)).to_be_visible()


def test_a_page_that_one_user_sees(server: NodeRed, browser: Browser) -> None:
    """Both look at once, so that what is sent to one could reach the other."""
    pages = {}
    for name in ("anna", "fred"):
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{server.url}/dashboard/kitchen")
        log_in(page, name, PASSWORDS[name])
        expect(page.get_by_role("button", name="Light")).to_be_visible()
        pages[name] = page
    # The menu with the pages.
    for page in pages.values():
        page.locator(MENUS["/dashboard/kitchen"][0]).first.click()
        expect(page.get_by_role("link", name="Log out")).to_be_visible()
    expect(pages["fred"].get_by_role("link", name="Heating")).to_be_visible()
    expect(pages["anna"].get_by_role("link", name="Heating")).to_have_count(0)
    for page in pages.values():
        page.context.close()


@pytest.mark.parametrize("path", MENUS)
def test_the_way_out(server: NodeRed, person: BrowserContext, path: str) -> None:
    menu, way_out = MENUS[path]
    page = person.new_page()
    page.goto(f"{server.url}{path}")
    log_in(page, "anna", PASSWORDS["anna"])
    expect(page.get_by_role("button", name="Light")).to_be_visible()
    page.locator(menu).first.click()
    page.locator(way_out).click()
    expect(page.get_by_text("Logged in as anna.")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("User name")).to_be_visible()
    page.goto(f"{server.url}{path}")
    expect(page.get_by_label("User name")).to_be_visible()


def test_an_endpoint_for_a_device(server: NodeRed) -> None:
    login = ("--user", f"solar:{PASSWORDS['solar']}", "--json", '{"watts": 815}')
    answer = server.curl("/api/solar", *login)
    assert answer.status == 200
    assert json.loads(answer.text) == {"username": "solar", "permissions": "*"}
    assert server.curl("/ui/", *login[:2]).status == 403
    assert server.curl("/api/solar", "--json", "{}").status == 401
