# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canaille lets people into Node-RED in Chromium, with what docs/single-sign-on.md says of it."""

from __future__ import annotations

import contextlib
import json
import re
import typing as t

import pytest
import yaml
from canaille import PASSWORD, SECRET, Canaille
from chromium import PATIENCE, started_browser
from node_red import PROJECT, NodeRed
from playwright.sync_api import Browser, Page, expect
from scenario.browser import expect_deployment, frames_to

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.login_data import oidc_data
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.oidc_options import OidcOptions


def variable_of_the_guide() -> dict[str, t.Any]:
    guide = (PROJECT / "docs/single-sign-on.md").read_text("utf-8")
    (section,) = re.findall(r"^### Canaille\n(.*?)^### ", guide, re.MULTILINE | re.DOTALL)
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    variable: dict[str, t.Any] = yaml.safe_load(text)["nodered_oidc"]
    return variable


@pytest.fixture(scope="module")
def canaille(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Canaille]:
    with Canaille(tmp_path_factory.mktemp("canaille") / "provider") as started:
        yield started


@pytest.fixture(scope="module", params=["4.1.15", "5.0.7"])
def server(
    request: pytest.FixtureRequest, canaille: Canaille, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[NodeRed]:
    made = NodeRed(tmp_path_factory.mktemp("node-red"), request.param)
    logout = json.dumps({"tours": False, "logout": {"redirect": canaille.description()["end_session_endpoint"]}})
    made.settings = f"editorTheme: {logout},"
    options = OidcOptions.from_option(
        {
            **variable_of_the_guide(),
            "issuer": canaille.issuer,
            "client_id": canaille.register(made),
            "client_secret": SECRET,
            "url": made.url,
            "ca_certificate": canaille.certificate.read_text("utf-8"),
        }
    )
    made.install(oidc=oidc_data(options, made.url, "/"))
    (made.directory / "nodelogin/oidc/authority.pem").write_bytes(options.authority or b"")
    with made as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> t.Iterator[Browser]:
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(started_browser())


@pytest.fixture
def page(browser: Browser) -> t.Iterator[Page]:
    """A window of somebody whom nobody knows yet."""
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def log_in_at_canaille(page: Page, name: str) -> None:
    """Its own pages: who somebody is, and whether Node-RED may know it."""
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=login]").press("Enter")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.get_by_role("button", name="Accept").click()


def test_a_dashboard_opens_for_a_group(server: NodeRed, page: Page) -> None:
    page.goto(f"{server.url}/ui/")
    page.get_by_role("link", name="Log in with Canaille").click()
    log_in_at_canaille(page, "anna")
    expect(page.get_by_role("button", name="Press one")).to_be_visible()
    page.goto(f"{server.url}/hello")
    assert json.loads(page.inner_text("body"))["user"] == {
        "username": "anna",
        "permissions": "*",
        "provider": "Canaille",
    }
    # The same person is not let into the editor.
    page.goto(f"{server.url}/auth/oidc")
    expect(page.get_by_role("alert")).to_have_text("anna may not log in here.")
    page.goto(f"{server.url}/_login")
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{server.url}/ui/")
    expect(page.get_by_role("link", name="Log in with Canaille")).to_be_visible()


def test_who_is_in_no_group_stays_out(server: NodeRed, page: Page) -> None:
    page.goto(f"{server.url}/_login/oidc?next=/hello")
    log_in_at_canaille(page, "eve")
    expect(page.get_by_role("alert")).to_have_text("eve may not log in here.")


def test_the_editor_opens_for_a_group_and_its_log_out_leads_to_that_of_canaille(server: NodeRed, page: Page) -> None:
    frames = frames_to(page)
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="Log in with Canaille").click()
    log_in_at_canaille(page, "boss")
    expect(page.locator("#red-ui-workspace-chart")).to_be_visible()
    assert page.evaluate("RED.settings.user") == {"username": "boss", "permissions": "*"}
    expect_deployment(page, frames, "boss")
    page.locator("#red-ui-header-button-user").click()
    page.locator("#usermenu-item-logout").click()
    page.get_by_role("button", name="Logout").click()
    expect(page.get_by_text("You have been disconnected")).to_be_visible()
    # Canaille knows the browser no more.
    page.goto(f"{server.url}/auth/oidc")
    expect(page.locator("input[name=login]")).to_be_visible()
