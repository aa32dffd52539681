# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of single sign-on has to hold on each release of Node-RED, by itself and behind nginx below a path."""

from __future__ import annotations

import json
import os
import re
import typing as t
import urllib.parse

import pytest
from chromium import PATIENCE
from conftest import RELEASES
from node_red import USERS, NodeRed, until
from oidc_provider import Person, Place, Provider, text_of, token_in
from playwright.sync_api import Browser, Page, expect
from scenario.browser import expect_deployment, frames_to
from test_oidc_browser import log_in_at_provider, sign_on_to_editor, stored_tokens
from test_servers import basic, origin

#: Providers of two kinds, whose clock is a minute wrong. The groups are in the ID token of one, at userinfo of the other.
KINDS: tuple[dict[str, t.Any], ...] = (
    {"method": "client_secret_basic", "algorithm": "RS256", "inIdToken": True, "offset": 60},
    {"method": "client_secret_post", "algorithm": "ES256", "inIdToken": False, "offset": -60},
)
#: Each release meets both, and so does Node-RED by itself and behind nginx.
_ALL = [
    pytest.param(
        (release, has_nginx, KINDS[(number + has_nginx) % 2]), id=f"{release} {'nginx' if has_nginx else 'direct'}"
    )
    for number, release in enumerate(RELEASES)
    for has_nginx in (False, True)
]
#: The scenario oidc has the other three.
SAMPLE = ("3.1.15 nginx", "4.1.15 nginx", "5.0.7 direct")
CASES = _ALL if os.environ.get("PIFLEET_LOGIN") == "all" else [case for case in _ALL if case.id in SAMPLE]


@pytest.fixture(scope="module", params=CASES)
def somewhere(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Place]:
    release, has_nginx, kind = request.param
    directory = tmp_path_factory.mktemp("somewhere")
    (directory / "node-red").mkdir()
    roots = ("/kitchen", "/kitchen") if has_nginx else ("/", "/")
    server = NodeRed(directory / "node-red", release, *roots, has_nginx=has_nginx)
    with Provider(directory / "provider", server, **kind) as provider:
        provider.install(server)
        with server:
            yield Place(server, provider, directory)


def user_of(person: Person) -> t.Any:
    """Whom flows see behind a request; the status where they see nobody."""
    answer = person.go(f"{person.server.base}/hello")
    return json.loads(answer.text)["user"] if answer.status == 200 else answer.status


def ways_in(place: Place) -> tuple[tuple[str, str], ...]:
    """Where a login begins and where the provider sends people back to, of dashboards and of the editor."""
    return (
        (place.start, f"{place.server.base}/_login/callback"),
        (f"{place.editor}/auth/oidc", f"{place.editor}/auth/oidc/callback"),
    )


def test_the_provider_is_told_the_outside_address(somewhere: Place) -> None:
    for start, callback in ways_in(somewhere):
        answer = somewhere.person().go(start)
        url = urllib.parse.urlsplit(str(answer.header("location")))
        asked = dict(urllib.parse.parse_qsl(url.query))
        assert asked["redirect_uri"] == somewhere.server.url + callback
        (line,) = answer.headers["set-cookie"]
        assert line.startswith("__Secure-nodered-")
        assert f"; Path={callback.removesuffix('/callback')}; HttpOnly; SameSite=Lax; Secure; " in line


def test_dashboards_and_their_log_out(somewhere: Place) -> None:
    server, anna = somewhere.server, somewhere.person("anna")
    answer = anna.sign_on(somewhere.start)
    assert (answer.status, answer.header("location")) == (303, f"{server.base}/hello")
    (session,) = (line for line in answer.headers["set-cookie"] if "-oidc-" not in line)
    assert session.startswith("__Secure-nodered-" if server.nginx else "__Host-nodered-")
    assert f"; Path={server.base or '/'}; HttpOnly; " in session
    assert user_of(anna) == {"username": "anna", "permissions": "*", "provider": "Keycloak"}
    # That a browser is logged in to dashboards is no hindrance, be it to the editor or to dashboards once more.
    assert token_in(anna.sign_on(f"{somewhere.editor}/auth/oidc"))
    assert anna.sign_on(somewhere.start).status == 303
    out = anna.go(f"{server.base}/_login/out", "--request", "POST", *origin(server.url))
    assert out.status == 303
    assert user_of(anna) == 302


def test_the_editors_api_and_its_log_out(somewhere: Place) -> None:
    boss, anna = somewhere.token_of("boss"), somewhere.token_of("anna")
    flows = json.loads(somewhere.api(boss, "/flows").text)
    write = ("--header", "Content-Type: application/json", "--data", json.dumps(flows))
    assert somewhere.api(boss, "/flows", *write).status == 204
    assert somewhere.api(anna, "/flows", *write).status == 401
    assert somewhere.api(boss, "/auth/revoke", "--data-urlencode", f"token={boss}").status == 200
    assert somewhere.api(boss, "/flows").status == 401
    assert somewhere.api(anna, "/flows").status == 200


def test_a_token_that_was_changed_or_is_another_ones_is_nobodys(somewhere: Place) -> None:
    """The name of the local user gets nobody the rights of that user, and no letter of a token may be another."""
    admin = somewhere.token_of("admin")
    read = ["flows.read", "settings.read", "status.read"]
    user = json.loads(somewhere.api(admin, "/settings").text)["user"]
    assert (user["username"], user["permissions"]) == ("admin", read)
    flows = somewhere.api(admin, "/flows").text
    assert somewhere.api(admin, "/flows", "--header", "Content-Type: application/json", "--data", flows).status == 401
    for changed in (f"{admin[:-1]}{'B' if admin[-1] == 'A' else 'A'}", admin[:-1], f"{admin}x"):
        assert somewhere.api(changed, "/flows").status == 401


def test_who_cancels_and_who_fits_no_rule_stays_out(somewhere: Place) -> None:
    for start, _callback in ways_in(somewhere):
        anna = somewhere.person("anna")
        cancelled = anna.go(anna.way_back(start, cancels=True))
        assert (cancelled.status, "The login was cancelled." in cancelled.text) == (403, True)
        gus = somewhere.person("eve" if start == somewhere.start else "gus")
        refused = gus.sign_on(start)
        assert (refused.status, f"{gus.name} may not log in here." in text_of(refused)) == (403, True)
        for answer in (cancelled, refused):
            assert "access_token" not in answer.text
        assert [user_of(anna), user_of(gus)] == [302, 302]


def test_answers_that_log_nobody_in(somewhere: Place) -> None:
    for start, callback in ways_in(somewhere):
        anna, other = somewhere.person("anna"), somewhere.person("anna")
        back = anna.way_back(start)
        kept = anna.jar.read_bytes()
        issuer = urllib.parse.quote(somewhere.provider.issuer, safe="")
        assert issuer in back
        # Of nobody, with the state of another browser, of another issuer.
        refused = [
            other.go(callback),
            other.go(f"{callback}?code=x&state=y"),
            other.go(back),
            anna.go(back.replace(issuer, "https%3A%2F%2Fevil.example")),
        ]
        anna.jar.write_bytes(kept)
        assert anna.go(back).status in {200, 303}
        for copied in (anna, other):
            copied.jar.write_bytes(kept)
            refused.append(copied.go(back))
        assert [answer.status for answer in refused] == [400, 400, 400, 502, 502, 502]
        assert not any("access_token" in answer.text for answer in refused)
        assert user_of(other) == 302


# In Chromium


@pytest.fixture
def page(browser: Browser) -> t.Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def log_in_with_local_account(place: Place, page: Page) -> None:
    page.goto(f"{place.server.url}{place.editor}/")
    page.get_by_role("link", name="Log in with a local account").click()
    page.locator("#node-dialog-login-username").fill("admin")
    page.locator("#node-dialog-login-password").fill(USERS["admin"])
    page.locator("#node-dialog-login-submit").click()
    expect(page.locator("#red-ui-workspace-chart")).to_be_visible()
    assert page.evaluate("RED.settings.user.username") == "admin"


def log_out(page: Page) -> None:
    page.locator("#red-ui-header-button-user").click()
    page.locator("#usermenu-item-logout").click()
    expect(page.get_by_role("link", name="Log in with a local account")).to_be_visible()
    assert stored_tokens(page) == []


def test_the_editor_in_a_browser(somewhere: Place, page: Page) -> None:
    frames = frames_to(page)
    sign_on_to_editor(somewhere, page, "boss")
    assert page.url.split("#")[0] == f"{somewhere.server.url}{somewhere.editor}/"
    assert page.evaluate("RED.settings.user.username") == "boss"
    expect_deployment(page, frames, "boss")
    log_out(page)
    log_in_with_local_account(somewhere, page)
    expect_deployment(page, frames, "admin")
    log_out(page)


def test_dashboards_in_a_browser(somewhere: Place, page: Page) -> None:
    server = somewhere.server
    page.goto(f"{server.url}{server.base}/ui/")
    page.get_by_role("link", name="Log in with Keycloak").click()
    log_in_at_provider(page, "anna")
    expect(page.get_by_role("button", name="Press one")).to_be_visible()
    page.goto(f"{server.url}{server.base}/dashboard/page")
    expect(page.get_by_role("textbox", name="Input")).to_be_visible()
    # That somebody is logged in here is no hindrance there.
    log_in_with_local_account(somewhere, page)
    page.goto(f"{server.url}{server.base}/_login")
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{server.url}{server.base}/ui/")
    expect(page.get_by_role("link", name="Log in with Keycloak")).to_be_visible()


# Last, because it ends the provider and Node-RED


def test_a_provider_that_is_down_or_that_nobody_vouches_for(somewhere: Place) -> None:
    server, provider = somewhere.server, somewhere.provider
    anna, token = somewhere.person("anna"), somewhere.token_of("boss")
    assert anna.sign_on(somewhere.start).status == 303
    late = somewhere.person("anna")
    back = late.way_back(somewhere.start)
    provider.stop()
    assert late.go(back).status == 502
    assert user_of(anna)["username"] == "anna"
    assert somewhere.api(token, "/flows").status == 200

    server.stop()
    server.start()
    for start, _callback in ways_in(somewhere):
        answer = somewhere.person().go(start)
        assert answer.status == 502
        assert "does not work now. Try again later, or use a local account." in text_of(answer)
    assert "ECONNREFUSED" in server.said()
    assert server.curl(f"{server.base}/hello", "--header", f"Authorization: {basic('fred')}").status == 200
    fields = {"client_id": "node-red-admin", "grant_type": "password", "scope": "*"}
    form = urllib.parse.urlencode({**fields, "username": "admin", "password": USERS["admin"]})
    assert server.curl(f"{somewhere.editor}/auth/token", "--data", form).status == 200
    # Who was logged in still is.
    assert user_of(anna)["username"] == "anna"

    authority = server.directory / "nodelogin/oidc/authority.pem"
    authority.write_bytes(server.certificate.read_bytes())
    provider.start()

    def status() -> int:
        return somewhere.person().go(somewhere.start).status

    # One that did not answer is not asked again for some seconds.
    until(lambda: status() == 502 and re.search("self.signed certificate", server.said()), "it is not believed")
    authority.write_bytes(provider.certificate.read_bytes())
    until(lambda: status() == 302, "it is believed")
    assert somewhere.person("anna").sign_on(somewhere.start).status == 303
