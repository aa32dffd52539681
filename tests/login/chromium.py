# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chromium, and what axe says of a page."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import typing as t

from node_red import PROJECT, USERS
from npm_packages import npm_file
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = pathlib.Path("/usr/bin/chromium")
#: Where the pictures of pages stay.
PICTURES = PROJECT / ".build" / "login"
SIZES = {"phone": (390, 844), "desk": (1440, 900)}
SCHEMES: tuple[t.Literal["light", "dark"], ...] = ("light", "dark")
#: Milliseconds until something that does not come is given up.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


@contextlib.contextmanager
def started_browser() -> t.Iterator[Browser]:
    if not CHROMIUM.exists():
        subprocess.run([PROJECT / "tests/hosts/install", "chromium"], check=True)
    with sync_playwright() as playwright:
        # Its sandbox does not start for root.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def window(browser: Browser, size: str, scheme: t.Literal["light", "dark"]) -> BrowserContext:
    """A window in which axe may run, of one of `SIZES` and `SCHEMES`."""
    width, height = SIZES[size]
    return browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, ignore_https_errors=True, bypass_csp=True
    )


def log_in(page: Page, name: str = "fred", password: str | None = None) -> None:
    """Fill in the login page and send it; with the password that the name has, where none is given."""
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(USERS[name] if password is None else password)
    page.get_by_role("button", name="Log in").click()


def grade(page: Page, name: str, width: int) -> None:
    """Takes a picture of a page that is so many pixels wide, and lets axe look at it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.evaluate(npm_file("axe-core", "4.14.1", "axe.min.js"))
    result = page.evaluate("axe.run({resultTypes: ['violations', 'incomplete']})")
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in result["violations"]] == []
    assert "color-contrast" in {one["id"] for one in result["passes"]}
