# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login of the owner, against a server that answers as Node-RED does, and wrongly in one way at a time."""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import typing as t
import urllib.parse

import pytest
from web_server import serving

from ansible_collections.pifleet.nodered.plugins.plugin_utils._network.owner_login import (
    LoginRefusedError,
    LoginUnprovedError,
    prove_login,
)

PASSWORD = "owner & only for tests"
TOKEN = "token+only/for/tests=="
GOOD = {
    "/admin/auth/token": (200, json.dumps({"access_token": TOKEN, "expires_in": 604800})),
    "/admin/auth/revoke": (200, ""),
}
LOCKED = (
    500,
    json.dumps(
        {"error": "server_error", "error_description": "Too many login attempts. Wait 10 minutes and try again"}
    ),
)


@contextlib.contextmanager
def node_red(pages: dict[str, t.Any], pem: pathlib.Path | None = None) -> t.Iterator[tuple[int, list[t.Any]]]:
    """Serve answers given by path as (status, body), None for none; yields the port and the requests that came."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            requests.append(
                (
                    self.path,
                    dict(urllib.parse.parse_qsl(body, keep_blank_values=True)),
                    self.headers.get("Authorization"),
                )
            )
            if pages[self.path] is None:
                self.connection.close()
                return
            status, text = pages[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

    with serving(Handler, pem) as port:
        yield port, requests


def log_in(
    port: int, certificate: str | None, address: str = "127.0.0.1", tls: bool = True, is_here: bool = False
) -> None:
    prove_login(address, {"port": port, "tls": tls, "admin_root": "/admin"}, certificate, "admin", PASSWORD, is_here)


def test_one_login_that_is_ended(pem: tuple[pathlib.Path, str]) -> None:
    path, fingerprint = pem
    with node_red(GOOD, path) as (port, requests):
        log_in(port, fingerprint)
    assert requests == [
        (
            "/admin/auth/token",
            {
                "client_id": "node-red-admin",
                "grant_type": "password",
                "scope": "",
                "username": "admin",
                "password": PASSWORD,
            },
            None,
        ),
        ("/admin/auth/revoke", {"token": TOKEN}, f"Bearer {TOKEN}"),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        (403, '{"error":"invalid_grant"}'),
        (401, "Unauthorized"),
        (404, ""),
        (200, "<html>"),
        (200, "[]"),
        (500, "{}"),
        (200, '{"access_token": "a\\r\\nX-Injected: 1"}'),
        (200, "[" * 100000),
    ],
)
def test_a_login_that_is_refused(pem: tuple[pathlib.Path, str], answer: tuple[int, str]) -> None:
    path, fingerprint = pem
    with node_red({**GOOD, "/admin/auth/token": answer}, path) as (port, requests):
        with pytest.raises(LoginRefusedError) as error:
            log_in(port, fingerprint)
    assert len(requests) == 1
    assert PASSWORD not in str(error.value)
    assert "admin" in str(error.value)


def test_a_server_that_goes_away(pem: tuple[pathlib.Path, str]) -> None:
    """The network or Node-RED itself, which the host finds out."""
    path, fingerprint = pem
    with node_red({**GOOD, "/admin/auth/token": None}, path) as (port, requests):
        with pytest.raises(LoginUnprovedError, match="did not answer"):
            log_in(port, fingerprint)
    assert len(requests) == 1


def test_a_user_that_is_locked_out_for_ten_minutes(pem: tuple[pathlib.Path, str]) -> None:
    path, fingerprint = pem
    with node_red({**GOOD, "/admin/auth/token": LOCKED}, path) as (port, requests):
        with pytest.raises(LoginUnprovedError, match="ten minutes, after five wrong passwords"):
            log_in(port, fingerprint)
    assert len(requests) == 1


def test_the_password_goes_to_nobody_else(pem: tuple[pathlib.Path, str]) -> None:
    with node_red(GOOD, pem[0]) as (port, requests):
        with pytest.raises(LoginUnprovedError, match="shows another certificate"):
            log_in(port, "0" * 64)
    assert requests == []


def test_the_password_does_not_cross_a_network_in_the_open(pem: tuple[pathlib.Path, str]) -> None:
    # A port that is forwarded to here may be another host's.
    with node_red(GOOD) as (port, requests):
        with pytest.raises(LoginUnprovedError, match="serves no TLS"):
            log_in(port, None, tls=False)
        assert requests == []
        log_in(port, None, tls=False, is_here=True)
    assert len(requests) == 2
    with node_red(GOOD, pem[0]) as (port, requests):
        with pytest.raises(LoginUnprovedError, match="did not tell which certificate"):
            log_in(port, None)
    assert requests == []


def test_a_port_that_cannot_be_reached(pem: tuple[pathlib.Path, str]) -> None:
    with node_red(GOOD, pem[0]) as (port, _requests):
        pass
    with pytest.raises(LoginUnprovedError, match=f"port {port} of 127.0.0.1 cannot be reached from here"):
        log_in(port, pem[1])


def test_a_login_that_cannot_be_ended(pem: tuple[pathlib.Path, str]) -> None:
    path, fingerprint = pem
    with node_red({**GOOD, "/admin/auth/revoke": None}, path) as (port, _requests):
        with pytest.raises(LoginUnprovedError, match="could not be ended"):
            log_in(port, fingerprint)
