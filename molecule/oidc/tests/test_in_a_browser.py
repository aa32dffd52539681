# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people see in Chromium: the editor and dashboards open by the provider, and the editor by a local account."""

from __future__ import annotations

import typing as t

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from scenario.browser import DEPLOY, TIMEOUT, chromium, expect_deployment, frames_to, network_of
from scenario.fleet import Fleet
from scenario.single_sign_on import PROVIDER_PORT, SignOnServer


@pytest.fixture(scope="module")
def browser(fleet: Fleet) -> t.Iterator[Browser]:
    with sync_playwright() as playwright, chromium(playwright, network_of(fleet.group, fleet.names[0]), {}) as started:
        yield started


@pytest.fixture
def page(browser: Browser, server: SignOnServer) -> t.Iterator[Page]:
    """A window of anna, who is logged in at the provider. Whom the browser trusts is not what is tested here."""
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(TIMEOUT)
    context.add_cookies([{"name": "who", "value": "anna", "url": f"https://{server.provider}:{PROVIDER_PORT}"}])
    yield context.new_page()
    context.close()


def expect_editor(page: Page, user: str) -> None:
    """Wait until the workspace can be used, and belongs to this user."""
    expect(page.locator("#red-ui-workspace-chart")).to_be_visible()
    expect(page.locator(DEPLOY)).to_be_visible()
    page.locator("#red-ui-header-button-user").click()
    expect(page.locator("#usermenu-item-username")).to_have_text(user)


def test_the_editor_opens_by_the_provider_deploys_and_closes_again(server: SignOnServer, page: Page) -> None:
    frames = frames_to(page)
    page.goto(f"{server.editor}/")
    page.get_by_role("link", name="Log in with Home").click()
    expect_editor(page, "anna")
    assert "token" not in page.url
    page.keyboard.press("Escape")
    expect_deployment(page, frames, "anna")
    page.locator("#red-ui-header-button-user").click()
    page.locator("#usermenu-item-logout").click()
    # Back at the choice: the login is over.
    expect(page.get_by_role("link", name="Log in with Home")).to_be_visible()


def test_the_editor_opens_by_a_local_account(server: SignOnServer, page: Page) -> None:
    page.goto(f"{server.editor}/")
    page.get_by_role("link", name="Log in with a local account").click()
    page.locator("#node-dialog-login-username").fill("admin")
    page.locator("#node-dialog-login-password").fill(server.fleet.password("admin"))
    page.locator("#node-dialog-login-submit").click()
    expect_editor(page, "admin")


def test_a_dashboard_opens_by_the_provider(server: SignOnServer, page: Page) -> None:
    for dashboard, text in zip(server.dashboards, ("first", "second"), strict=True):
        page.goto(server.url + dashboard)
        if page.url.startswith(server.url + server.page):
            page.get_by_role("link", name="Log in with Home").click()
        expect(page.get_by_text(text)).to_be_visible()
