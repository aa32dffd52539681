# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person meets in Chromium where there is a provider: dashboards, and the editor of each release."""

from __future__ import annotations

import re
import typing as t

import pytest
from chromium import SCHEMES, SIZES, grade, window
from node_red import USERS
from oidc_provider import Place
from playwright.sync_api import Browser, BrowserContext, Page, expect


def log_in_at_provider(page: Page, name: str) -> None:
    """The provider's own pages: who somebody is, and whether Node-RED may know it."""
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("x")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def sign_on_to_editor(place: Place, page: Page, name: str) -> None:
    page.goto(place.server.url + place.server.admin)
    page.get_by_role("link", name="Log in with Keycloak").click()
    log_in_at_provider(page, name)
    expect(page.locator("#red-ui-workspace-chart")).to_be_visible()


def stored_tokens(page: Page) -> list[str]:
    keys: list[str] = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('auth-tokens'))")
    return keys


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages(place: Place, browser: Browser, size: str, scheme: t.Literal["light", "dark"]) -> None:
    width, _height = SIZES[size]
    context = window(browser, size, scheme)
    page = context.new_page()
    page.goto(f"{place.server.url}{place.server.base}/ui/")
    expect(page.get_by_role("link", name="Log in with Keycloak")).to_be_visible()
    grade(page, f"oidc-login-{size}-{scheme}", width)
    page.goto(f"{place.server.url}{place.editor}/auth/oidc/choose")
    grade(page, f"oidc-choice-{size}-{scheme}", width)
    page.get_by_role("link", name="Log in with Keycloak").click()
    log_in_at_provider(page, "eve")
    # An address that is verified lets eve into the editor, and no rule to dashboards.
    page.wait_for_url(f"{place.server.url}{place.editor}/")
    page.wait_for_load_state("networkidle")
    page.goto(f"{place.server.url}{place.start}")
    expect(page.get_by_role("alert")).to_have_text("eve may not log in here.")
    grade(page, f"oidc-refused-{size}-{scheme}", width)
    context.close()


def test_dashboards(place: Place, person: BrowserContext) -> None:
    server = place.server
    page = person.new_page()
    page.goto(f"{server.url}{server.base}/ui/")
    page.get_by_role("link", name="Log in with Keycloak").click()
    log_in_at_provider(page, "anna")
    before = len(server.seen())
    page.get_by_role("button", name="Press one").click()
    for _attempt in range(300):
        if len(server.seen()) > before:
            break
        page.wait_for_timeout(100)
    assert server.seen()[before]["payload"] == "pressed in dashboard 1"
    page.goto(f"{server.url}{server.base}/dashboard/page")
    page.get_by_role("textbox", name="Input").fill("two")
    page.keyboard.press("Enter")
    for _attempt in range(300):
        if len(server.seen()) > before + 1:
            break
        page.wait_for_timeout(100)
    assert server.seen()[before + 1]["client"]["user"]["provider"] == "Keycloak"
    page.goto(f"{server.url}{server.base}/_login")
    expect(page.get_by_text("Logged in as anna (Keycloak).")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    # The provider knows the browser still, and asks nothing.
    page.goto(f"{server.url}{server.base}/_login?next={server.base}/ui/")
    page.get_by_role("link", name="Log in with Keycloak").click()
    expect(page.get_by_role("button", name="Press one")).to_be_visible()
    page.goto(f"{server.url}{server.base}/_login")
    expect(page.get_by_text("Logged in as anna (Keycloak).")).to_be_visible()


def test_the_editor_and_its_log_out(place: Place, person: BrowserContext) -> None:
    page = person.new_page()
    sign_on_to_editor(place, page, "boss")
    assert page.url.split("#")[0] == f"{place.server.url}{place.editor}/"
    assert page.evaluate("RED.settings.user.username") == "boss"
    expect(page.locator("#red-ui-header-button-deploy")).to_be_visible()
    # Its socket is open: what a node says comes in.
    page.wait_for_function("() => document.body.innerText !== ''")
    expect(page.get_by_text("Lost connection")).not_to_be_visible()
    page.reload()
    expect(page.locator("#red-ui-workspace-chart")).to_be_visible()
    assert stored_tokens(page) == ["auth-tokens" + place.editor.replace("/", "-")]
    page.evaluate("setTimeout(() => RED.user.logout(), 0)")
    expect(page.get_by_role("link", name="Log in with a local account")).to_be_visible()
    assert stored_tokens(page) == []


def test_the_local_account(place: Place, person: BrowserContext) -> None:
    page = person.new_page()
    page.goto(place.server.url + place.server.admin)
    page.get_by_role("link", name="Log in with a local account").click()
    page.locator("#node-dialog-login-username").fill("admin")
    page.locator("#node-dialog-login-password").fill(USERS["admin"])
    page.locator("#node-dialog-login-submit").click()
    expect(page.locator("#red-ui-workspace-chart")).to_be_visible()
    assert page.evaluate("RED.settings.user.username") == "admin"
    page.evaluate("setTimeout(() => RED.user.logout(), 0)")
    # The choice is there again.
    expect(page.get_by_role("link", name="Log in with Keycloak")).to_be_visible()


def test_a_token_that_ends_while_the_editor_is_open(place: Place, person: BrowserContext) -> None:
    """The editor's socket has to show it anew. Whoever had it is asked before the page is left."""
    page = person.new_page()
    sign_on_to_editor(place, page, "boss")
    (key,) = stored_tokens(page)
    token = page.evaluate("(key) => JSON.parse(localStorage.getItem(key)).access_token", key)
    assert place.api(token, "/auth/revoke", "--data-urlencode", f"token={token}").status == 200
    page.locator("#node-dialog-login").get_by_text("Log in").click()
    expect(page.get_by_role("link", name="Log in with a local account")).to_be_visible()
    page.get_by_role("link", name="Log in with Keycloak").click()
    expect(page.locator("#red-ui-workspace-chart")).to_be_visible()
    assert re.fullmatch(r"[\w-]{43}", page.evaluate("(key) => JSON.parse(localStorage.getItem(key)).access_token", key))


def test_two_users_of_one_host_do_not_disturb_each_other(place: Place, browser: Browser) -> None:
    """Somebody who is logged in to dashboards with a password, and to the editor by the provider."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    server = place.server
    page.goto(f"{server.url}{server.base}/ui/")
    page.get_by_label("User name").fill("fred")
    page.get_by_label("Password").fill(USERS["fred"])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Press one")).to_be_visible()
    sign_on_to_editor(place, page, "boss")
    page.goto(f"{server.url}{server.base}/_login")
    expect(page.get_by_text("Logged in as fred.")).to_be_visible()
    context.close()
