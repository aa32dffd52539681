# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person meets in Chromium: the login page, both dashboards behind it, and the log-out. axe judges the page."""

from __future__ import annotations

import typing as t

import pytest
from chromium import SCHEMES, SIZES, grade, log_in, window
from node_red import USERS, NodeRed
from playwright.sync_api import Browser, BrowserContext, expect


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_page(server: NodeRed, browser: Browser, size: str, scheme: t.Literal["light", "dark"]) -> None:
    """Readable, without a fault that axe finds, and without anything from elsewhere."""
    width, _height = SIZES[size]
    context = window(browser, size, scheme)
    page = context.new_page()
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url))

    def graded(name: str) -> None:
        grade(page, f"{name}-{size}-{scheme}", width)

    page.goto(f"{server.url}{server.base}/ui/")
    expect(page).to_have_title("Log in \N{EN DASH} Kitchen")
    assert [url for url in heard if "favicon" not in url] == [
        f"{server.url}{server.base}/ui/",
        f"{server.url}{server.base}/_login?next={server.base.replace('/', '%2F')}%2Fui%2F",
    ]
    graded("login")
    log_in(page, "fred", "wrong")
    expect(page.get_by_role("alert")).to_have_text("The user name or the password is wrong.")
    graded("wrong")
    log_in(page, "paul")
    page.wait_for_url("**/ui/")
    page.goto(f"{server.url}{server.base}/hello")
    expect(page.get_by_role("alert")).to_have_text("You are not allowed to do this.")
    graded("refused")
    page.goto(f"{server.url}{server.base}/_login")
    graded("account")
    context.close()


def test_a_login_by_keyboard(server: NodeRed, person: BrowserContext) -> None:
    page = person.new_page()
    page.goto(f"{server.url}{server.base}/ui/#!/0")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("fred")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    # The name stays, and the password is where typing goes on.
    expect(page.get_by_label("User name")).to_have_value("fred")
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_value("")
    page.keyboard.type(USERS["fred"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Press one")).to_be_visible()


def test_the_page_runs_no_script_and_stands_in_no_frame(server: NodeRed, person: BrowserContext) -> None:
    page = person.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.goto(f"{server.url}{server.base}/_login")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 2\">')")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title = 1'}))"
    )
    for _attempt in range(300):
        if sum("Content Security Policy" in line for line in heard) >= 2:
            break
        page.wait_for_timeout(100)
    assert sum("Content Security Policy" in line for line in heard) >= 2
    expect(page).to_have_title("Log in \N{EN DASH} Kitchen")
    other = person.new_page()
    other.on("console", lambda message: heard.append(message.text))
    other.set_content(f"<iframe src='{server.url}{server.base}/_login'></iframe>")
    for _attempt in range(300):
        if any("frame-ancestors" in line for line in heard):
            break
        other.wait_for_timeout(100)
    assert any("frame-ancestors" in line for line in heard)


def test_dashboard_1(server: NodeRed, person: BrowserContext) -> None:
    page = person.new_page()
    page.goto(f"{server.url}{server.base}/ui/")
    log_in(page)
    before = len(server.seen())
    page.get_by_role("button", name="Press one").click()
    for _attempt in range(300):
        if len(server.seen()) > before:
            break
        page.wait_for_timeout(100)
    assert server.seen()[before]["payload"] == "pressed in dashboard 1"


def test_dashboard_2_and_a_log_out_in_another_tab(server: NodeRed, person: BrowserContext) -> None:
    """With its service worker, which has the page from before the log-out."""
    page = person.new_page()
    page.goto(f"{server.url}{server.base}/dashboard/page")
    log_in(page)
    before = len(server.seen())
    page.get_by_role("textbox", name="Input").fill("two")
    page.keyboard.press("Enter")
    for _attempt in range(300):
        if len(server.seen()) > before:
            break
        page.wait_for_timeout(100)
    assert server.seen()[before]["client"]["user"]["username"] == "fred"
    other = person.new_page()
    other.goto(f"{server.url}{server.base}/_login")
    expect(other.get_by_text("Logged in as fred.")).to_be_visible()
    other.get_by_role("button", name="Log out").click()
    expect(other.get_by_label("User name")).to_be_visible()
    # It goes on trying for minutes, and asks for its page when the person reloads it.
    expect(page.get_by_text("Connection Lost")).to_be_visible()
    page.reload()
    if not server.base:
        # Below another root it asks for a wrong path.
        expect(page.get_by_label("User name")).to_be_visible()
    page.goto(f"{server.url}{server.base}/ui/")
    expect(page.get_by_label("User name")).to_be_visible()


def test_who_may_only_look_sees_and_presses_nothing(server: NodeRed, person: BrowserContext) -> None:
    page = person.new_page()
    page.goto(f"{server.url}{server.base}/dashboard/page")
    log_in(page, "vera")
    before = server.seen()
    page.get_by_role("textbox", name="Input").fill("two")
    page.keyboard.press("Enter")
    page.goto(f"{server.url}{server.base}/ui/")
    page.get_by_role("button", name="Press one").click()
    page.goto(f"{server.url}{server.base}/_login")
    expect(page.get_by_text("Logged in as vera.")).to_be_visible()
    assert server.seen() == before


def test_the_editor_beside_the_login(server: NodeRed, person: BrowserContext) -> None:
    """Somebody who is logged in to both: neither login disturbs the other."""
    page = person.new_page()
    page.goto(f"{server.url}{server.base}/ui/")
    log_in(page)
    expect(page.get_by_role("button", name="Press one")).to_be_visible()
    page.goto(f"{server.url}{server.admin}")
    page.locator("#node-dialog-login-username").fill("admin")
    page.locator("#node-dialog-login-password").fill(USERS["admin"])
    page.locator("#node-dialog-login-submit").click()
    expect(page.locator("#red-ui-workspace-chart")).to_be_visible()
    expect(page.get_by_text("Lost connection")).not_to_be_visible()
