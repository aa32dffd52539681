# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a provider lets in, to dashboards and to the editor, beside the local users."""

from __future__ import annotations

import urllib.parse

import pytest
from scenario.client import login_of
from scenario.single_sign_on import PROVIDER_PORT, SignOnServer


def test_it_leads_to_the_provider_and_back_by_the_addresses_that_are_registered(server: SignOnServer) -> None:
    for signed_on, callback in (
        (server.to_dashboards("anna"), f"{server.node_root}/_login/callback"),
        (server.to_editor("anna"), f"{server.admin_root}/auth/oidc/callback"),
    ):
        first = urllib.parse.urlsplit(signed_on.way[0])
        assert first.netloc == f"{server.provider}:{PROVIDER_PORT}"
        asked = dict(urllib.parse.parse_qsl(first.query))
        assert asked["redirect_uri"] == server.url + callback
        assert (asked["client_id"], asked["code_challenge_method"]) == ("nodered", "S256")
        assert any(each.startswith(f"{server.url}{callback}?code=") for each in signed_on.way)


@pytest.mark.parametrize(("who", "may_press"), [("anna", True), ("bert", True), ("carol", False)])
def test_dashboards_open_by_group_and_by_verified_domain(server: SignOnServer, who: str, may_press: bool) -> None:
    signed_on = server.to_dashboards(who)
    assert signed_on.answer.status == 200, signed_on
    assert signed_on.way[-1] == server.url + server.dashboards[0]
    assert server.follow(f"{server.url}{server.node_root}/who", signed_on.jar).body == f"{who} of Home"
    pressed = server.client.request(
        f"{server.url}{server.node_root}/who",
        "--cookie",
        str(signed_on.jar),
        "--header",
        f"Origin: {server.url}",
        "--data",
        "",
    )
    assert pressed.status == (200 if may_press else 403)


def test_who_fits_no_rule_stays_out(server: SignOnServer) -> None:
    for signed_on in (server.to_dashboards("eve"), server.to_editor("eve"), server.to_editor("bert")):
        assert signed_on.answer.status == 403
        assert "may not log in here" in signed_on.answer.body
        assert "access_token" not in signed_on.answer.body
    assert not server.opens(server.to_dashboards("eve"))


def test_who_is_not_logged_in_at_the_provider_stays_out(server: SignOnServer) -> None:
    signed_on = server.to_dashboards("nobody")
    assert signed_on.answer.status == 403
    assert "The login was cancelled." in signed_on.answer.body


def test_the_editor_opens_with_the_rights_of_the_rules(server: SignOnServer) -> None:
    token = server.to_editor("anna").token
    flows = server.call("GET", "/flows", token)
    assert flows.status == 200
    assert server.call("POST", "/flows", token, flows.json).status == 204
    looking = server.to_editor("carol").token
    assert server.call("GET", "/flows", looking).status == 200
    assert server.call("POST", "/flows", looking, flows.json).status == 401
    assert server.call("GET", "/flows", token + "x").status == 401
    assert server.comms(token).status == 101
    assert server.client.revoke(server.editor, token).status == 200
    assert server.call("GET", "/flows", token).status == 401


def test_a_login_to_dashboards_is_none_to_the_editor(server: SignOnServer) -> None:
    jar = server.to_dashboards("anna").jar
    assert server.follow(f"{server.editor}/flows", jar).status == 401
    token = server.to_editor("anna").token
    assert (
        server.client.request(
            f"{server.url}{server.node_root}/who", "--header", f"Authorization: Bearer {token}"
        ).status
        == 401
    )


def test_local_users_get_in_as_before(server: SignOnServer) -> None:
    assert server.is_logged_in(server.cookie("fred"))
    assert server.get(f"{server.node_root}/who", login_of("fred")).body == "fred"
    token = server.token("admin")
    assert server.call("GET", "/flows", token).status == 200
    # What is no browser is told of the local login.
    assert server.client.request(f"{server.editor}/auth/login").json["type"] == "credentials"


def test_answers_that_log_nobody_in(server: SignOnServer) -> None:
    """Of nobody, of another issuer, in another browser, and a code that was used."""
    ours = urllib.parse.quote(f"https://{server.provider}:{PROVIDER_PORT}", safe="")
    for start in (f"{server.page}/oidc", f"{server.admin_root}/auth/oidc"):
        signed_on = server.way_back("anna", start)
        back, jar = signed_on.way[-1], signed_on.jar
        assert f"iss={ours}" in back
        cookies = jar.read_bytes()
        foreign = back.replace(ours, "https%3A%2F%2Fevil.example")
        refused = [(400, f"{back.partition('?')[0]}?code=x&state=y", b""), (400, back, b""), (502, foreign, cookies)]
        for status, url, kept in refused:
            jar.write_bytes(kept)
            answer = server.follow(url, jar)
            assert (answer.status, "access_token" in answer.body) == (status, False), url
        jar.write_bytes(cookies)
        assert server.follow(back, jar).status in (200, 303)
        jar.write_bytes(cookies)
        assert server.follow(back, jar).status == 502
