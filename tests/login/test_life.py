# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login page over restarts, updates, and with files that are broken: people are logged out, and nothing is open."""

from __future__ import annotations

import json
import pathlib
import stat
import typing as t

import pytest
from conftest import RELEASES, SERVERS
from node_red import PAGE, USERS, Answer, Clients, NodeRed, hash_of, until
from test_servers import DASHBOARDS, basic, cookie, origin


@pytest.fixture(params=sorted({release for release, *_roots in SERVERS}))
def stopped(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[NodeRed]:
    """A Node-RED that has not been started."""
    server = NodeRed(tmp_path, request.param)
    try:
        yield server
    finally:
        server.__exit__()


def page(server: NodeRed, credentials: str) -> Answer:
    return server.curl("/hello", *PAGE, *cookie(credentials))


def users(**passwords: str) -> list[dict[str, str]]:
    return [
        {"username": name, "password": hash_of(password), "permissions": "*"} for name, password in passwords.items()
    ]


def test_a_login_survives_a_restart_and_ends_with_its_password(stopped: NodeRed) -> None:
    server = stopped.start()
    fred, vera = server.cookie_of("fred"), server.cookie_of("vera")
    sessions = server.directory / "nodelogin/sessions.json"
    assert stat.S_IMODE(sessions.stat().st_mode) == 0o600
    assert not any(value.split("=")[1] in sessions.read_text("utf-8") for value in (fred, vera))
    assert "$2b$" not in sessions.read_text("utf-8")
    server.restart()
    assert page(server, fred).status == 200
    server.restart(users=users(fred="new"))
    assert page(server, fred).status == 302
    assert page(server, vera).status == 302
    assert server.log_in("fred").status == 401
    assert server.log_in("fred", "new").status == 303


def test_a_log_out_survives_a_restart(stopped: NodeRed) -> None:
    server = stopped.start()
    fred = server.cookie_of("fred")
    assert server.curl("/_login/out", "--request", "POST", *origin(server.url), *cookie(fred)).status == 303
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    server.start()
    assert page(server, fred).status == 302


def test_rights_that_are_taken_away_hold_for_sessions(stopped: NodeRed) -> None:
    server = stopped.start()
    fred = server.cookie_of("fred")
    server.restart(users=[{**users(fred=USERS["fred"])[0], "permissions": "read"}])
    assert page(server, fred).status == 200
    assert server.curl("/api/light", *cookie(fred), "--data", "x").status == 403


def test_a_session_ends_without_use_and_an_open_dashboard_is_a_use(stopped: NodeRed) -> None:
    stopped.install(session_expiry=3)
    server = stopped.start()
    used, unused = server.cookie_of("fred"), server.cookie_of("fred")
    with Clients(server) as clients:
        assert clients.socket_io("open", DASHBOARDS[0], Cookie=used)["open"]
        begun = set(sessions_of(server))
        until(lambda: begun - set(sessions_of(server)), "the one without use ends")
        assert page(server, unused).status == 302
        assert clients.is_open("open")
        assert page(server, used).status == 200


def sessions_of(server: NodeRed) -> dict[str, t.Any]:
    """The file after one more login, which takes out of it what has ended."""
    server.cookie_of("vera")
    sessions: dict[str, t.Any] = json.loads((server.directory / "nodelogin/sessions.json").read_text("utf-8"))
    return sessions


@pytest.mark.parametrize("content", [None, "", "{", '{"users": []}', "[]"])
def test_without_its_data_node_red_does_not_start(stopped: NodeRed, content: str | None) -> None:
    file = stopped.directory / "nodelogin/login.json"
    file.unlink()
    if content is not None:
        file.write_text(content, "utf-8")
    stopped.start(wait=False)
    assert stopped.process is not None
    assert stopped.process.wait(timeout=60) == 1
    assert "login.json" in stopped.said()


@pytest.mark.parametrize("name", ["login.js", "gate.js"])
def test_without_its_code_node_red_does_not_start(stopped: NodeRed, name: str) -> None:
    (stopped.directory / "nodelogin" / name).unlink()
    stopped.start(wait=False)
    assert stopped.process is not None
    assert stopped.process.wait(timeout=60) == 1


@pytest.mark.parametrize("file", ["sessions.json", "plugin/plugin.js", "plugin/package.json"])
def test_what_is_broken_besides_leaves_all_closed(stopped: NodeRed, file: str) -> None:
    (stopped.directory / "nodelogin" / file).write_text("{ broken", "utf-8")
    server = stopped.start()
    with Clients(server) as clients:
        for target in ("/ui/", "/dashboard", "/hello", "/own/data", "/pictures/data.txt"):
            assert server.curl(target, *PAGE).status == 302
        for path in DASHBOARDS:
            assert "error" in clients.socket_io("stranger", path)
        assert clients.web_socket("stranger", "/ws/echo")["status"] == 401
        fred = server.cookie_of("fred")
        assert page(server, fred).status == 200
        assert clients.web_socket("fred", "/ws/echo", Cookie=fred)["open"]
        assert clients.socket_io("one", DASHBOARDS[0], Cookie=fred)["open"]


def test_an_update_opens_nothing(stopped: NodeRed) -> None:
    server = stopped
    for release in RELEASES:
        server.release = release
        server.start()
        assert server.curl("/hello", *PAGE).status == 302
        assert server.curl("/own/data").status == 401
        fred = server.cookie_of("fred")
        assert page(server, fred).status == 200
        server.stop()


def test_http_node_cors(stopped: NodeRed) -> None:
    """Preflights are answered, and reach no node; pages of others bring a password along, and never a session."""
    stopped.settings = 'httpNodeCors: { origin: "https://shop.example", credentials: true, preflightContinue: true },'
    stopped.install()
    server = stopped.start()
    foreign = (
        *origin("https://shop.example"),
        "--header",
        "Sec-Fetch-Mode: cors",
        "--header",
        "Sec-Fetch-Site: cross-site",
    )
    preflight = ("--request", "OPTIONS", "--header", "Access-Control-Request-Method: POST")
    for target in ("/api/light", "/own/data"):
        answer = server.curl(target, *preflight, *foreign)
        assert (answer.status, answer.text) == (204, "")
    own = server.curl("/own/data", "--request", "OPTIONS", *origin("https://shop.example"))
    assert "OWN" not in own.text
    program = ("--header", f"Authorization: {basic('fred')}", "--data", "x")
    answer = server.curl("/api/light", *program, *foreign)
    assert (answer.text, answer.header("access-control-allow-origin")) == ("LIGHT", "https://shop.example")
    assert server.curl("/api/light", "--data", "x", *foreign, *cookie(server.cookie_of("fred"))).status == 403
    assert server.curl("/api/light", "--data", "x", *foreign).status == 401


def test_behind_a_trusted_proxy(stopped: NodeRed) -> None:
    stopped.install(trusted_proxies=["127.0.0.1"], cookie_path="/kitchen")
    server = stopped.start()
    proxied = ("--header", "X-Forwarded-For: 192.0.2.7", "--header", "X-Forwarded-Proto: https")
    assert server.log_in("fred", "no", *proxied).status == 401
    assert 'user="fred" from=192.0.2.7' in server.said()
    (line,) = server.log_in("fred", None, *proxied).headers["set-cookie"]
    assert line.startswith("__Secure-nodered-0123abcd=")
    assert "; Path=/kitchen;" in line
    # Another address invents what it likes.
    server.log_in("fred", "no", "--interface", "127.0.0.2", *proxied)
    assert 'user="fred" from=127.0.0.2' in server.said()
