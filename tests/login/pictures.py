# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the pictures of docs/dashboards.md."""

from __future__ import annotations

from chromium import log_in, started_browser
from guide import MENUS, PASSWORDS, guide
from node_red import PROJECT
from playwright.sync_api import Browser, Page

PICTURES = PROJECT / "docs/images"
PHONE = (390, 620)
DESK = (760, 420)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with guide() as server, started_browser() as browser:
        page = _page(browser, PHONE)
        page.goto(f"{server.url}/dashboard/kitchen")
        page.get_by_label("User name").fill("anna")
        _keep(page, "login-page")
        page = _page(browser, PHONE, dark=True)
        page.goto(f"{server.url}/dashboard/kitchen")
        log_in(page, "anna", "wrong")
        page.get_by_role("alert").wait_for()
        _keep(page, "login-page-dark")
        for number, (path, (menu, way_out)) in enumerate(MENUS.items(), 1):
            page = _page(browser, DESK)
            page.goto(server.url + path)
            log_in(page, "anna", PASSWORDS["anna"])
            page.get_by_role("button", name="Light").wait_for()
            page.locator(menu).first.click()
            page.locator(way_out).wait_for()
            # The menu slides in.
            page.wait_for_timeout(1500)
            _keep(page, f"dashboard-{number}-log-out")


def _page(browser: Browser, size: tuple[int, int], dark: bool = False) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        ignore_https_errors=True,
    )
    context.set_default_timeout(60_000)
    return context.new_page()


def _keep(page: Page, name: str) -> None:
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"docs/images/{name}.png")


if __name__ == "__main__":
    main()
