# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single sign-on at a real Node-RED, with a provider that others have written: dashboards and editor, beside local users."""

from __future__ import annotations

import json
import pathlib
import re
import time
import typing as t
import urllib.parse

import pytest
from conftest import SERVERS
from github_stand_in import CODE, GitHub
from node_red import PAGE, USERS, Answer, Clients, NodeRed, hash_of, until
from oidc_provider import SECRET, Person, Place, Provider, text_of, token_in
from test_servers import basic, cookie, origin

RELEASES = sorted({release for release, *_roots in SERVERS})


@pytest.fixture(params=RELEASES)
def stopped(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[NodeRed]:
    """A Node-RED that has not been started."""
    (tmp_path / "node-red").mkdir()
    server = NodeRed(tmp_path / "node-red", request.param)
    try:
        yield server
    finally:
        server.__exit__()


def user_seen(person: Person) -> t.Any:
    """Whom flows see behind a request of a browser; the status where they see nobody."""
    answer = person.go(f"{person.server.base}/hello")
    return json.loads(answer.text)["user"] if answer.status == 200 else answer.status


def until_received(clients: Clients, name: str, text: str) -> None:
    until(lambda: text in clients.received(name), f"{name} receives {text}")


# Dashboards


def test_who_signs_on_is_let_in_and_named(place: Place) -> None:
    anna = place.person("anna")
    page = anna.go(f"{place.server.base}/ui/?x=y")
    assert page.status == 302
    login = anna.go(str(page.header("location")))
    assert "Log in with Keycloak" in login.text
    answer = anna.sign_on(place.start)
    assert (answer.status, answer.header("location")) == (303, f"{place.server.base}/hello")
    seen = json.loads(anna.go(f"{place.server.base}/hello").text)
    assert seen["user"] == {"username": "anna", "permissions": "*", "provider": "Keycloak"}
    assert "nodered-" not in json.dumps([seen["headers"], seen["raw"]])
    assert "Logged in as anna (Keycloak)." in text_of(anna.go(f"{place.server.base}/_login"))
    out = anna.go(f"{place.server.base}/_login/out", "--request", "POST", *origin(place.server.url))
    assert out.status == 303
    assert user_seen(anna) == 302


def test_what_the_provider_is_told(place: Place) -> None:
    answer = place.person().go(place.start)
    url = urllib.parse.urlsplit(str(answer.header("location")))
    asked = dict(urllib.parse.parse_qsl(url.query))
    assert f"{url.scheme}://{url.netloc}" == place.provider.issuer
    assert asked["redirect_uri"] == f"{place.server.url}{place.server.base}/_login/callback"
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert SECRET not in urllib.parse.unquote_plus(url.query)
    (line,) = answer.headers["set-cookie"]
    assert re.match(r"__Secure-nodered-0123abcd-oidc-\d=", line)
    assert f"; Path={place.server.base}/_login; HttpOnly; SameSite=Lax; Secure; Max-Age=600" in line


def test_rights_add_up_each_for_its_paths(place: Place) -> None:
    gus = place.person("gus")
    assert gus.sign_on(place.start).status == 303
    assert user_seen(gus) == {"username": "gus", "permissions": "read", "provider": "Keycloak"}
    own = origin(place.server.url)
    assert gus.go(f"{place.server.base}/api/light", "--data", "x", *own).text == "LIGHT"
    assert gus.go(f"{place.server.base}/own/data", "--data", "x", *own).status == 403


def test_who_fits_no_rule_can_come_as_somebody_else(place: Place) -> None:
    eve = place.person("eve")
    refused = eve.sign_on(place.start)
    assert refused.status == 403
    assert "eve may not log in here. Log in as somebody else" in text_of(refused)
    assert user_seen(eve) == 302
    assert 'reason="eve may not log in here." from=127.0.0.1' in place.server.said()
    # The provider knows the browser, and would send eve again.
    assert eve.sign_on(place.start).status == 403
    (again,) = re.findall(r'href="([^"]+again=1[^"]*)"', refused.text)
    eve.name = "anna"
    assert eve.sign_on(again.replace("&#38;", "&")).status == 303
    assert user_seen(eve)["username"] == "anna"


def test_a_name_that_pages_could_mistake_is_refused(place: Place) -> None:
    for start in (place.start, f"{place.editor}/auth/oidc"):
        refused = place.person("<b>").sign_on(start)
        assert refused.status == 403
        assert "Your user name cannot be used here." in refused.text


def test_a_cancelled_login(place: Place) -> None:
    anna = place.person("anna")
    answer = anna.go(anna.way_back(place.start, cancels=True))
    assert answer.status == 403
    assert "The login was cancelled." in answer.text
    assert user_seen(anna) == 302


def test_answers_that_log_nobody_in(place: Place) -> None:
    callback = f"{place.server.base}/_login/callback"
    anna, other = place.person("anna"), place.person()
    for target in (callback, f"{callback}?code=x", f"{callback}?code=x&state=y"):
        assert other.go(target).status == 400
    back = anna.way_back(place.start)
    kept = anna.jar.read_bytes()
    # In another browser; with the state of another; of another issuer.
    assert other.go(back).status == 400
    issuer = urllib.parse.quote(place.provider.issuer, safe="")
    assert issuer in back
    assert anna.go(back.replace(issuer, "https%3A%2F%2Fevil.example")).status == 502
    assert user_seen(anna) == 302
    # The cookie has been used up; with it the answer is right, once.
    assert anna.go(back).status == 400
    anna.jar.write_bytes(kept)
    assert anna.go(back).status == 303
    for copied in (anna, other):
        copied.jar.write_bytes(kept)
        assert copied.go(back).status == 502
        assert user_seen(copied) == 302
    other.go(place.start)
    wrong_state = re.sub(r"state=[\w-]+", f"state={'x' * 43}", back)
    assert other.go(wrong_state).status == 400


def test_a_login_leads_to_no_other_site(place: Place) -> None:
    for wanted in ("//evil.example", "https://evil.example", "/%5Cevil.example"):
        answer = place.person("anna").sign_on(f"{place.server.base}/_login/oidc?next={wanted}")
        assert (answer.status, answer.header("location")) == (303, place.server.node)


def test_another_name_of_the_host_is_left(place: Place) -> None:
    server = place.server
    for start in (f"{server.base}/_login/oidc", f"{place.editor}/auth/oidc"):
        answer = server.curl(start, *PAGE, "--header", f"Host: kitchen.example:{server.port}")
        assert answer.status == 302
        assert str(answer.header("location")).startswith(f"{server.url}{start}?")


def test_flows_see_who_is_behind_a_dashboard(place: Place) -> None:
    anna = place.person("anna")
    (session,) = (line for line in anna.sign_on(place.start).headers["set-cookie"] if "-oidc-" not in line)
    value = session.split(";")[0]
    server = place.server
    with Clients(server) as clients:
        path = f"{server.base}/dashboard/socket.io"
        assert clients.socket_io("anna", path, Cookie=value, Origin=server.url)["open"]
        before = len(server.seen())
        clients.emit("anna", "widget-change", "d2-input", "typed")
        until(lambda: len(server.seen()) > before, "the flow sees it")
        # Whatever the page says of itself.
        another = {"username": "boss", "permissions": "*", "provider": "Keycloak"}
        claims = {"_client": {"user": another}}
        clients.emit("anna", "widget-action", "d2-button", {"payload": "claimed", **claims})
        clients.emit("anna", "widget-send", "d2-button", {"payload": "claimed", "__proto__": claims})
        clients.emit("anna", "widget-change", "d2-switch", True)
        until(lambda: any(seen["payload"] is True for seen in server.seen()), "the switch is heard")
        heard = [seen["client"]["user"] for seen in server.seen()[before:] if seen["client"]]
        assert heard
        assert all(user == {"username": "anna", "permissions": "*", "provider": "Keycloak"} for user in heard)
        gate = server.curl(f"{server.base}/_login/out", "--request", "POST", *origin(server.url), *cookie(value))
        assert gate.status == 303
        until(lambda: not clients.is_open("anna"), "the log-out closes the dashboard")


def test_local_users_go_on(place: Place) -> None:
    server = place.server
    fred = server.cookie_of("fred")
    assert json.loads(server.curl(f"{server.base}/hello", *cookie(fred)).text)["user"] == {
        "username": "fred",
        "permissions": "*",
    }
    assert server.curl(f"{server.base}/hello", "--header", f"Authorization: {basic('fred')}").status == 200
    assert server.log_in("fred", "no").status == 401


# The editor


def test_the_editor_learns_of_the_provider_and_tools_do_not(place: Place) -> None:
    server = place.server
    target = f"{place.editor}/auth/login"
    page = json.loads(server.curl(target, "--header", "X-Requested-With: XMLHttpRequest").text)
    choice = f"{place.editor}/auth/oidc/choose"
    assert (page["type"], page["autoLogin"], page["loginRedirect"]) == ("strategy", True, choice)
    assert json.loads(server.curl(target).text)["type"] == "credentials"
    answer = server.curl(choice, *PAGE)
    assert "Log in with Keycloak Log in with a local account" in text_of(answer)
    assert "default-src 'none'; style-src 'sha256-" in str(answer.header("content-security-policy"))


def test_tokens_of_the_provider_have_the_rights_of_its_rules(place: Place) -> None:
    boss, anna = place.token_of("boss"), place.token_of("anna")
    flows = json.loads(place.api(boss, "/flows", "--header", "Node-RED-API-Version: v2").text)
    write = ("--header", "Content-Type: application/json", "--header", "Node-RED-API-Version: v2")
    assert place.api(boss, "/flows", *write, "--data", json.dumps(flows)).status == 200
    settings = json.loads(place.api(boss, "/settings").text)
    assert settings["user"] == {"username": "boss", "permissions": "*"}
    assert place.api(anna, "/flows").status == 200
    assert place.api(anna, "/flows", *write, "--data", json.dumps(flows)).status == 401
    assert place.api(anna, "/library/local/flows/").status == 401
    # A guest's address is not verified, so that there is no domain.
    refused = place.person("gus").sign_on(f"{place.editor}/auth/oidc")
    assert refused.status == 403
    assert "gus may not log in here." in text_of(refused)
    assert "access_token" not in refused.text


def test_the_token_is_handed_over_in_a_page_that_does_nothing_else(place: Place) -> None:
    answer = place.person("boss").sign_on(f"{place.editor}/auth/oidc")
    key = "auth-tokens" + place.editor.replace("/", "-")
    assert f'localStorage.setItem("{key}", ' in answer.text
    assert f'location.replace("{place.editor}/")' in answer.text
    policy = str(answer.header("content-security-policy"))
    assert re.fullmatch(
        r"default-src 'none'; script-src 'nonce-[\w+/=]+'; frame-ancestors 'none'; base-uri 'none'", policy
    )
    assert (answer.header("cache-control"), answer.header("referrer-policy")) == ("no-store", "no-referrer")
    kept = (place.server.directory / "nodelogin/oidc/editor_sessions.json").read_text("utf-8")
    assert token_in(answer) not in kept


def test_editor_answers_that_log_nobody_in(place: Place) -> None:
    callback = f"{place.editor}/auth/oidc/callback"
    boss, other = place.person("boss"), place.person()
    for target in (callback, f"{callback}?code=x&state=y"):
        assert other.go(target).status == 400
    back = boss.way_back(f"{place.editor}/auth/oidc")
    assert other.go(back).status == 400
    kept = boss.jar.read_bytes()
    assert token_in(boss.go(back))
    boss.jar.write_bytes(kept)
    assert boss.go(back).status == 502


def test_the_editors_local_login_goes_on(place: Place) -> None:
    server = place.server
    fields = {"client_id": "node-red-admin", "grant_type": "password", "scope": "*", "username": "admin"}

    def token(password: str) -> Answer:
        body = urllib.parse.urlencode({**fields, "password": password})
        return server.curl(f"{place.editor}/auth/token", "--data", body)

    given = json.loads(token(USERS["admin"]).text)["access_token"]
    assert place.api(given, "/flows").status == 200
    assert place.api(given, "/auth/revoke", "--data-urlencode", f"token={given}").status == 200
    assert place.api(given, "/flows").status == 401
    assert token("wrong").status in {400, 403}
    until(lambda: 'editor login failed: user="admin" from=127.0.0.1' in server.said(), "the log tells of it")


def test_a_log_out_of_the_editor_ends_its_token_and_its_socket(place: Place) -> None:
    boss, other = place.token_of("boss"), place.token_of("boss")
    with Clients(place.server) as clients:
        # A browser that remembers a password for dashboards sends it along.
        for name, headers in (("plain", {}), ("basic", {"Authorization": basic("fred")})):
            assert clients.web_socket(name, f"{place.editor}/comms", **headers)["open"]
            clients.ask("send", name, text=json.dumps({"auth": boss}))
            until_received(clients, name, '{"auth":"ok"}')
        assert place.api(boss, "/auth/revoke", "--data-urlencode", f"token={boss}").status == 200
        until(lambda: not clients.is_open("plain") and not clients.is_open("basic"), "the sockets end")
        assert place.api(boss, "/flows").status == 401
        assert place.api(other, "/flows").status == 200
        for name, token, expected in (("old", boss, '{"auth":"fail"}'), ("new", other, '{"auth":"ok"}')):
            assert clients.web_socket(name, f"{place.editor}/comms")["open"]
            clients.ask("send", name, text=json.dumps({"auth": token}))
            until_received(clients, name, expected)


def test_sessions_of_dashboards_and_editor_are_kept_apart(place: Place) -> None:
    server = place.server
    boss, anna = place.token_of("boss"), place.person("anna")
    (session,) = (line for line in anna.sign_on(place.start).headers["set-cookie"] if "-oidc-" not in line)
    name, _sign, value = session.split(";")[0].partition("=")
    assert server.curl(f"{server.base}/hello", *cookie(f"{name}={value}")).status == 200
    assert place.api(value, "/flows").status == 401
    assert server.curl(f"{server.base}/hello", *cookie(f"{name}={boss}")).status == 401
    assert server.curl(f"{server.base}/hello", "--header", f"Authorization: Bearer {boss}").status == 401
    anna.go(f"{server.base}/_login/out", "--request", "POST", *origin(server.url))
    assert place.api(boss, "/flows").status == 200


# Providers of many kinds


@pytest.mark.parametrize(
    ("method", "algorithm", "in_id_token"),
    [("client_secret_basic", "RS256", True), ("client_secret_post", "ES256", False)],
)
def test_a_provider_of_another_kind(
    stopped: NodeRed, tmp_path: pathlib.Path, method: str, algorithm: str, in_id_token: bool
) -> None:
    options = {"method": method, "algorithm": algorithm, "inIdToken": in_id_token}
    with Provider(tmp_path / "provider", stopped, **options) as provider:
        provider.install(stopped)
        here = Place(stopped.start(), provider, tmp_path)
        anna = here.person("anna")
        assert anna.sign_on(here.start).status == 303
        assert user_seen(anna)["permissions"] == "*"
        assert here.api(here.token_of("boss"), "/flows").status == 200


@pytest.mark.parametrize("offset", [-60, 60])
def test_clocks_may_differ_by_a_minute(stopped: NodeRed, tmp_path: pathlib.Path, offset: int) -> None:
    with Provider(tmp_path / "provider", stopped, offset=offset) as provider:
        provider.install(stopped)
        here = Place(stopped.start(), provider, tmp_path)
        assert here.person("anna").sign_on(here.start).status == 303


@pytest.mark.parametrize(("offset", "lifetime"), [(-120, 30), (120, 3600)])
def test_a_clock_that_is_wrong_is_told(stopped: NodeRed, tmp_path: pathlib.Path, offset: int, lifetime: int) -> None:
    with Provider(tmp_path / "provider", stopped, offset=offset, lifetime=lifetime) as provider:
        provider.install(stopped)
        here = Place(stopped.start(), provider, tmp_path)
        assert here.person("anna").sign_on(here.start).status == 502
        assert "the clock of this host or of the provider is wrong" in stopped.said()


def test_a_provider_that_is_down_hinders_nobody_else(stopped: NodeRed, tmp_path: pathlib.Path) -> None:
    provider = Provider(tmp_path / "provider", stopped)
    provider.install(stopped)
    here = Place(stopped.start(), provider, tmp_path)
    answer = here.person().go(here.start)
    assert answer.status == 502
    assert "does not work now. Try again later, or use a local account." in text_of(answer)
    choice = here.person().go("/auth/oidc")
    assert choice.status == 502
    assert "or use a local account." in text_of(choice)
    assert stopped.log_in("fred").status == 303
    assert "ECONNREFUSED" in stopped.said()
    with provider:
        # It is not asked again for some seconds, by the dashboards nor by the editor.
        until(lambda: here.person().go(here.start).status == 302, "dashboards lead to the provider")
        until(lambda: here.person().go("/auth/oidc").status == 302, "the editor does")
        anna = here.person("anna")
        assert anna.sign_on(here.start).status == 303
        token = here.token_of("boss")
        gus = here.person("gus")
        back = gus.way_back(here.start)
    # Who has logged in notices nothing.
    assert user_seen(anna)["username"] == "anna"
    assert here.api(token, "/flows").status == 200
    assert gus.go(back).status == 502
    assert user_seen(gus) == 302


def test_an_authority_that_is_not_known_is_not_believed(stopped: NodeRed, tmp_path: pathlib.Path) -> None:
    with Provider(tmp_path / "provider", stopped) as provider:
        provider.install(stopped, authority=False)
        here = Place(stopped.start(), provider, tmp_path)
        assert here.person().go(here.start).status == 502
        assert re.search("self.signed certificate", stopped.said())


def test_rights_are_those_of_the_last_start(stopped: NodeRed, tmp_path: pathlib.Path) -> None:
    with Provider(tmp_path / "provider", stopped) as provider:
        provider.install(stopped)
        here = Place(stopped.start(), provider, tmp_path)
        anna, token = here.person("anna"), here.token_of("boss")
        assert anna.sign_on(here.start).status == 303

        def restart(**changes: t.Any) -> None:
            stopped.stop()
            provider.install(stopped, **changes)
            stopped.start()

        restart()
        assert user_seen(anna)["permissions"] == "*"
        assert here.api(token, "/flows").status == 200
        read = [{"domain": "example.com", "permissions": "read"}]
        restart(dashboards=read, editor=read)
        assert user_seen(anna)["permissions"] == "read"
        assert json.loads(here.api(token, "/settings").text)["user"]["permissions"] == "read"
        restart(dashboards=[{"group": "admins", "permissions": "*"}], editor=[{"group": "family", "permissions": "*"}])
        assert user_seen(anna) == 302
        assert here.api(token, "/flows").status == 401


def test_sessions_of_a_provider_end_after_their_time(stopped: NodeRed, tmp_path: pathlib.Path) -> None:
    with Provider(tmp_path / "provider", stopped) as provider:
        provider.install(stopped, session_expiry=3)
        here = Place(stopped.start(), provider, tmp_path)
        anna = here.person("anna")
        assert anna.sign_on(here.start).status == 303
        begun = time.monotonic()
        # However much they are used.
        until(lambda: user_seen(anna) == 302, "the session ends")
        assert time.monotonic() - begun > 1
        token = here.token_of("boss")
        until(lambda: here.api(token, "/flows").status == 401, "the token ends")


def test_node_red_answers_a_log_out_of_the_editor(stopped: NodeRed, tmp_path: pathlib.Path) -> None:
    """So its audit log tells of it, and the browser is led to where the owner wants it, such as the provider's log-out."""
    target = "https://id.example.com/log-out"
    audited = {"console": {"level": "info", "audit": True, "metrics": False}}
    theme = {"tours": False, "logout": {"redirect": target}}
    stopped.settings = f"editorTheme: {json.dumps(theme)}, logging: {json.dumps(audited)},"
    with Provider(tmp_path / "provider", stopped) as provider:
        provider.install(stopped)
        here = Place(stopped.start(), provider, tmp_path)
        token = here.token_of("boss")
        answer = here.api(token, "/auth/revoke", "--data-urlencode", f"token={token}")
        assert (answer.status, json.loads(answer.text)) == (200, {"redirect": target})
        assert here.api(token, "/flows").status == 401
        (line,) = (line for line in stopped.said().splitlines() if "auth.login.revoke" in line)
        assert '"username":"boss"' in line
        assert token not in stopped.said()


def test_without_the_provider_its_sessions_are_over_and_others_go_on(stopped: NodeRed, tmp_path: pathlib.Path) -> None:
    with Provider(tmp_path / "provider", stopped) as provider:
        provider.install(stopped)
        here = Place(stopped.start(), provider, tmp_path)
        anna, token, fred = here.person("anna"), here.token_of("boss"), stopped.cookie_of("fred")
        assert anna.sign_on(here.start).status == 303
        stopped.restart()
        assert not (stopped.directory / "nodelogin/oidc").exists()
        assert user_seen(anna) == 302
        assert here.api(token, "/flows").status == 401
        assert stopped.curl("/hello", *cookie(fred)).status == 200
        assert stopped.curl("/_login/oidc", *PAGE).status == 302


def test_an_editor_with_a_provider_beside_one_password_for_dashboards(stopped: NodeRed, tmp_path: pathlib.Path) -> None:
    """Without the login page: its plugin is not there, and the editor's socket gets the password of dashboards."""
    stopped.has_gate = False
    login = json.dumps({"user": "fred", "pass": hash_of(USERS["fred"])})
    stopped.settings = f"httpNodeAuth: {login},"
    with Provider(tmp_path / "provider", stopped) as provider:
        provider.install(stopped, users=[], dashboards=[])
        here = Place(stopped.start(), provider, tmp_path)
        assert stopped.curl("/hello").header("www-authenticate") == 'Basic realm="Authorization Required"'
        token = here.token_of("boss")
        assert here.api(token, "/flows").status == 200
        with Clients(stopped) as clients:
            assert clients.web_socket("basic", "/comms", Authorization=basic("fred"))["open"]
            clients.ask("send", "basic", text=json.dumps({"auth": token}))
            until_received(clients, "basic", '{"auth":"ok"}')


def test_github(stopped: NodeRed, tmp_path: pathlib.Path) -> None:
    with GitHub(tmp_path / "github") as github:
        github.install(stopped)
        stopped.start()

        def come_back(start: str, code: str) -> Answer:
            begun = stopped.curl(start, *PAGE)
            url = urllib.parse.urlsplit(str(begun.header("location")))
            asked = dict(urllib.parse.parse_qsl(url.query))
            assert f"{url.scheme}://{url.netloc}{url.path}" == "https://github.com/login/oauth/authorize"
            assert asked["scope"] == "read:user read:org"
            query = urllib.parse.urlencode({"code": code, "state": asked["state"]})
            return stopped.curl(
                f"{asked['redirect_uri'].removeprefix(stopped.url)}?{query}", *cookie(begun.cookie), *PAGE
            )

        answer = come_back("/_login/oidc?next=/hello", CODE)
        assert (answer.status, answer.header("location")) == (303, "/hello")
        seen = json.loads(stopped.curl("/hello", *cookie(answer.cookie)).text)["user"]
        assert seen == {"username": "octo", "permissions": "*", "provider": "GitHub"}
        token = token_in(come_back("/auth/oidc", CODE))
        assert stopped.curl("/flows", "--header", f"Authorization: Bearer {token}").status == 200
        assert come_back("/_login/oidc", "another code").status == 502
