# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a variable has set, it or another one takes away again. The tests follow each other on one host."""

from __future__ import annotations

import typing as t

from scenario.fleet import CERTIFICATE, SETTINGS, Fleet, Run

HOST = "pi41"
LOGIN = {"user": "fred", "password": "fred-only-for-tests"}


def secure(fleet: Fleet, **variables: t.Any) -> Run:
    run = fleet.play("--limit", HOST, variables=variables)
    assert run.status == 0, run.output
    return run


def names(fleet: Fleet) -> set[str]:
    """The settings that the host's Node.js finds in the file."""
    return set(fleet.loaded(HOST))


def changed(run: Run) -> int:
    return run.recap[HOST]["changed"]


def test_a_key_that_left_the_inventory_is_told_of_and_purged(fleet: Fleet) -> None:
    secure(fleet)
    before = fleet.host(HOST).check_output("cat %s", SETTINGS)
    secure(fleet, nodered_settings={"uiHost": "0.0.0.0", "flowFilePretty": False, "httpNodeRoot": "/api"})
    run = secure(fleet)
    assert changed(run) == 0
    assert run.said(
        "No variable asks any more for what this collection has written here: flowFilePretty, httpNodeRoot, uiHost."
    )
    assert "uiHost" in names(fleet)

    assert changed(secure(fleet, nodered_settings_purge=True)) > 0
    assert fleet.host(HOST).check_output("cat %s", SETTINGS) == before
    assert changed(secure(fleet, nodered_settings_purge=True)) == 0


def test_a_purge_takes_no_login_away(fleet: Fleet) -> None:
    secure(fleet, nodered_node_auth=LOGIN)
    run = secure(fleet, nodered_settings_purge=True)
    assert changed(run) == 0
    assert run.said("httpNodeAuth stays, although no variable asks for that login any more.")
    assert fleet.here().request(fleet.url(HOST) + "/anything").status == 401

    secure(fleet, nodered_settings_absent=["httpNodeAuth"])
    assert fleet.here().request(fleet.url(HOST) + "/anything").status == 404
    assert "webSocketNodeVerifyClient" not in names(fleet)


def test_static_files_and_their_login_go(fleet: Fleet) -> None:
    fleet.host(HOST).check_output("su pi -c 'mkdir -p ~/.node-red/public && echo hello >~/.node-red/public/page.html'")
    secure(fleet, nodered_static={"path": "public", "root": "/files"}, nodered_static_auth=LOGIN)
    page = fleet.url(HOST) + "/files/page.html"
    assert fleet.here().request(page).status == 401
    secure(fleet, nodered_static={"path": "public", "root": "/files"}, nodered_settings_absent=["httpStaticAuth"])
    assert fleet.here().request(page).status == 200
    secure(fleet, nodered_settings_absent=["httpStaticAuth", "httpStatic"])
    assert fleet.here().request(page).status == 404


def test_a_session_lasts_as_long_as_before(fleet: Fleet) -> None:
    secure(fleet, nodered_session_expiry=600)
    assert fleet.loaded(HOST)["adminAuth"]["sessionExpiryTime"] == 600
    secure(fleet, nodered_settings_absent=["adminAuth.sessionExpiryTime"])
    assert "sessionExpiryTime" not in fleet.loaded(HOST)["adminAuth"]


def test_without_a_provider_there_is_no_tls_of_ours(fleet: Fleet) -> None:
    assert fleet.host(HOST).file(CERTIFICATE).exists
    secure(fleet, nodered_certificate_provider="none", nodered_prove_login=False)
    assert not {"https", "httpsRefreshInterval"} & names(fleet)
    assert fleet.here().request(fleet.url(HOST, "http") + "/flows").status == 401
    secure(fleet)
    assert fleet.here().request(fleet.url(HOST) + "/flows").status == 401


def test_what_must_not_go_is_refused_with_the_way_out(fleet: Fleet) -> None:
    for key, words in (("adminAuth", "pifleet.nodered.remove"), ("credentialSecret", "set nodered_credential_secret")):
        run = fleet.play("--limit", HOST, variables={"nodered_settings_absent": [key]})
        assert run.status == 2
        assert run.said(f"nodered_settings_absent: {key} cannot be taken away")
        assert run.said(words)
