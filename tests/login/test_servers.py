# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a real Node-RED with the login page answers to strangers, users, and other sites."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import struct
import typing as t

import pytest
from node_red import PAGE, USERS, Clients, NodeRed, until

TRANSPORTS = (["polling"], ["websocket"], ["polling", "websocket"])
WIDGETS = ("button", "input", "slider", "audio")
DASHBOARDS = ("/ui/socket.io", "/dashboard/socket.io")
PAGES = (
    "/ui/",
    "/ui/js/app.min.js",
    "/ui/manifest.json",
    "/dashboard",
    "/dashboard/page",
    "/dashboard/_setup",
    "/dashboard/manifest.webmanifest",
    "/hello",
    "/files/data.txt",
    "/own/data",
    "/nothing/is/there",
)


def cookie(value: str) -> tuple[str, str]:
    return ("--header", f"Cookie: {value}")


def basic(name: str, password: str | None = None) -> str:
    credentials = f"{name}:{USERS[name] if password is None else password}"
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def origin(value: str) -> tuple[str, str]:
    return ("--header", f"Origin: {value}")


# Strangers


def test_a_strangers_browser_gets_the_page(server: NodeRed) -> None:
    for target in [*(server.base + page for page in PAGES), "/pictures/", "/pictures/data.txt"]:
        answer = server.curl(target, *PAGE)
        assert (answer.status, (answer.header("location") or "").split("?")[0]) == (302, f"{server.base}/_login"), (
            target
        )
    page = server.curl(f"{server.base}/_login", *PAGE)
    assert page.status == 200
    assert "default-src 'none'" in str(page.header("content-security-policy"))


def test_a_strangers_program_gets_401(server: NodeRed) -> None:
    for target in [*(server.base + page for page in PAGES), "/pictures/data.txt"]:
        answer = server.curl(target)
        assert (answer.status, str(answer.header("www-authenticate"))[:5]) == (401, "Basic"), target
    script = server.curl(f"{server.base}/hello", "--header", "Sec-Fetch-Mode: cors", "--user-agent", "Mozilla/5.0")
    assert (script.status, script.header("www-authenticate")) == (401, None)
    assert server.curl(f"{server.base}/api/light", "--data", "on").status == 401
    assert server.curl(f"{server.base}/own/data", "--request", "DELETE").status == 401


def test_raw_preflights_reach_no_node(server: NodeRed) -> None:
    for target in ("/own/data", "/hello"):
        answer = server.curl(
            server.base + target,
            *(
                "--request",
                "OPTIONS",
                *origin("https://evil.example"),
                "--header",
                "Access-Control-Request-Method: POST",
            ),
        )
        assert "OWN" not in answer.text
        # Up to 4 the editor answers every OPTIONS below its root.
        assert answer.status == (204 if server.admin == server.node and server.release < "5" else 401)


def test_what_is_open_is_open(server: NodeRed, fred: str) -> None:
    answer = server.curl(f"{server.base}/webhook/shop", "--data", "x=y", *origin("https://shop.example"), *cookie(fred))
    assert answer.status == 200
    assert json.loads(answer.text) == {"user": None, "cookie": None}


ODD = (
    "/webhook",
    "/webhook/",
    "/webhookx",
    "/WEBHOOK/shop",
    "//webhook/shop",
    "/webhook//shop",
    "/webhook/../hello",
    "/webhook/%2e%2e/hello",
    "/webhook/..%2fhello",
    "/webhook%2fshop",
    "/webhook/./x",
    "/hello;/webhook/x",
    "/webhook/..;/hello",
    "/%77ebhook/seen",
    "/hello?x=/webhook/y",
    "/hello#/webhook/x",
    "/_login/../hello",
    "/_login%2f..%2fhello",
    "/_loginx",
    "/HELLO",
    "//hello",
    "/hello/",
    "/hello%00",
    "/hello/.",
)


def test_odd_paths_open_nothing(server: NodeRed) -> None:
    lines = [server.base + target for target in ODD]
    lines += [
        f"{scheme}://{host}{server.base}{path}"
        for scheme in ("http", "https")
        for host in ("localhost", "evil.example")
        for path in ("/hello", "/webhook/shop", "/webhook/../hello")
    ]
    lines += [
        "/pictures/%2e%2e/outside/data.txt",
        "/pictures//data.txt",
        "/PICTURES/data.txt",
        "//pictures/data.txt",
        "/pictures/./data.txt",
    ]
    for line in lines:
        answer = server.raw(f"GET {line} HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n\r\n")
        assert answer.status in {400, 401, 404}, (line, answer)
        assert not re.search("SECRET|OWN|FILE|cookies", answer.text), line


def test_the_login_leads_to_no_other_site(server: NodeRed) -> None:
    for line in ("//evil.example/hello", "https://evil.example/hello", "/\\evil.example", "///evil.example"):
        answer = server.raw(
            f"GET {line} HTTP/1.1\r\nHost: localhost:{server.port}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        )
        assert "evil" not in (answer.header("location") or ""), line
    for to in ("//evil.example", "/\\evil.example", "https://evil.example", "/\tevil", "javascript:alert(1)"):
        assert "evil" not in server.curl(f"{server.base}/_login?next={to}".replace("\t", "%09"), *PAGE).text
        assert server.log_in("fred", to=to).header("location") == server.node


# Users


def test_a_login_opens_all_and_shows_nothing_of_itself(server: NodeRed, fred: str) -> None:
    for target in [*(server.base + page for page in PAGES if page != "/nothing/is/there"), "/pictures/data.txt"]:
        assert server.curl(target, *PAGE, *cookie(fred)).status in {200, 301}, target
    answer = server.curl(f"{server.base}/hello", *PAGE, *cookie(f"other=1; {fred}"))
    seen = json.loads(answer.text)
    assert seen["user"] == {"username": "fred", "permissions": "*"}
    assert seen["cookies"] == {"other": "1"}
    assert "nodered-" not in answer.text
    assert server.curl(f"{server.base}/api/light", *cookie(fred), "--data", "on", *origin(server.url)).text == "LIGHT"


def test_a_program_logs_in_by_basic(server: NodeRed) -> None:
    header = ("--header", f"Authorization: {basic('fred')}")
    assert server.curl(f"{server.base}/api/light", *header, "--data", "on").text == "LIGHT"
    answer = server.curl(f"{server.base}/hello", *header)
    assert json.loads(answer.text)["user"]["username"] == "fred"
    assert basic("fred").split(" ")[1] not in answer.text


def test_the_cookie_is_for_this_host_and_for_tls(server: NodeRed) -> None:
    (line,) = server.log_in("fred").headers["set-cookie"]
    assert re.fullmatch(
        r"__Host-nodered-0123abcd=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=34560000", line
    )


def test_forms_of_other_sites_are_refused(server: NodeRed, fred: str) -> None:
    for path in ("/_login", "/_login/out"):
        for header in (
            "Origin: https://evil.example",
            "Origin: null",
            "X: y",
            f"Origin: http://localhost:{server.port}",
            "Sec-Fetch-Site: same-site",
        ):
            form = ("--data", "username=fred&password=x", "--header", header)
            answer = server.curl(f"{server.base}{path}", *form, *cookie(fred))
            assert (answer.status, answer.header("set-cookie")) == (403, None), header
    assert server.curl(f"{server.base}/hello", *cookie(fred)).status == 200


def test_other_sites_make_no_use_of_a_login(server: NodeRed, fred: str) -> None:
    for credentials in (cookie(fred), ("--header", f"Authorization: {basic('fred')}")):
        for foreign in ("https://evil.example", f"https://localhost:{server.port + 1}", "null"):
            assert server.curl(f"{server.base}/api/light", *credentials, *origin(foreign), "--data", "x").status == 403
        for site in ("cross-site", "same-site"):
            image = ("--header", f"Sec-Fetch-Site: {site}", "--header", "Sec-Fetch-Mode: no-cors")
            assert server.curl(f"{server.base}/api/secret", *credentials, *image).status == 403
            assert server.curl("/pictures/data.txt", *credentials, *image).status == 403
    link = ("--header", "Sec-Fetch-Site: cross-site", "--header", "Sec-Fetch-Mode: navigate")
    assert server.curl(f"{server.base}/hello", *cookie(fred), *link).status == 200


def test_who_may_only_look(server: NodeRed, vera: str) -> None:
    assert server.curl(f"{server.base}/hello", *cookie(vera)).status == 200
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert server.curl(f"{server.base}/api/light", *cookie(vera), "--request", method).status == 403


def test_who_has_paths(server: NodeRed, paul: str) -> None:
    for target, status in (
        ("/api/secret", 200),
        ("/ui/", 200),
        ("/hello", 403),
        ("/dashboard", 403),
        ("/API/secret", 403),
        ("/api/%73ecret", 403),
        ("/api/../hello", 403),
        ("/apix", 403),
    ):
        assert server.curl(server.base + target, *cookie(paul)).status == status, target
    assert server.curl("/pictures/data.txt", *cookie(paul)).status == 403
    page = server.curl(f"{server.base}/hello", *PAGE, *cookie(paul))
    assert page.status == 403
    assert "Logged in as <strong>paul</strong>" in page.text


# Sockets


@pytest.mark.parametrize("path", DASHBOARDS)
@pytest.mark.parametrize("transports", TRANSPORTS)
def test_the_socket_of_a_dashboard(
    server: NodeRed, clients: Clients, fred: str, path: str, transports: t.Sequence[str]
) -> None:
    path = server.base + path
    assert "error" in clients.socket_io("stranger", path, transports)
    assert "error" in clients.socket_io("stranger", path, transports, Cookie=fred, Origin="https://evil.example")
    assert "error" in clients.socket_io(
        "stranger", path, transports, Cookie=fred[:-1] + ("A" if fred[-1] != "A" else "B")
    )
    for credentials in ({"Cookie": fred, "Origin": server.url}, {"Authorization": basic("fred")}):
        assert clients.socket_io("fred", path, transports, **credentials) == {"open": True, "number": clients.number}
        until(lambda: clients.received("fred"), "the dashboard sends its pages")
        clients.ask("close", "fred")


def pressed(server: NodeRed, payload: str) -> list[dict[str, t.Any]]:
    return [seen for seen in server.seen() if seen["payload"] == payload]


def test_dashboard_2_says_who_pressed(server: NodeRed, clients: Clients, fred: str) -> None:
    mallory = {"username": "mallory"}
    path = f"{server.base}/dashboard/socket.io"
    clients.socket_io("fred", path, auth={"user": mallory}, Cookie=fred)
    for event in ("widget-action", "widget-send"):
        message = {"payload": event, "_client": {"user": mallory, "socketId": "of another"}}
        clients.emit("fred", event, "d2-button", message)
        clients.emit("fred", event, "d2-button", {"payload": event, "__proto__": {"_client": {"user": mallory}}})
    clients.emit("fred", "widget-change", "d2-switch", True)
    until(lambda: any(seen["payload"] is True for seen in server.seen()), "the switch is heard")
    heard = server.seen()
    assert "mallory" not in json.dumps(heard)
    assert "of another" not in json.dumps(heard)
    assert all(seen["client"]["user"] == {"username": "fred", "permissions": "*"} for seen in heard if seen["client"])
    assert any(seen["client"] for seen in heard)
    clients.ask("close", "fred")


def test_who_may_only_look_presses_nothing(server: NodeRed, clients: Clients, vera: str, fred: str) -> None:
    one, two = (server.base + path for path in DASHBOARDS)
    for name, user in (("vera", vera), ("fred", fred)):
        for index, path in enumerate((one, two)):
            assert clients.socket_io(f"{name} {index}", path, Cookie=user, Origin=server.url)["open"]
            until(lambda: clients.received(f"{name} {index}"), "the dashboard sends its pages")
        clients.emit(f"{name} 0", "update-value", {"id": "d1-input", "value": f"one by {name}"})
        clients.emit(f"{name} 1", "widget-change", "d2-input", f"two by {name}")
        for event in ("widget-action", "widget-send", "a-widgets-own"):
            clients.emit(f"{name} 1", event, "d2-button", {"payload": f"{event} by {name}"})
    until(lambda: pressed(server, "one by fred") and pressed(server, "two by fred"), "fred presses")
    # Events of one socket come in their order, and vera's were sent before.
    clients.emit("vera 1", "widget-load", "d2-text")
    until(lambda: any(event[0] == "widget-load:d2-text" for event in clients.received("vera 1")), "vera is answered")
    assert "vera" not in json.dumps(server.seen())
    for name in ("vera 0", "vera 1", "fred 0", "fred 1"):
        clients.ask("close", name)


def test_a_message_for_one_user_reaches_no_other(server: NodeRed, clients: Clients, fred: str, vera: str) -> None:
    path = f"{server.base}/dashboard/socket.io"
    for name, user in (("fred", fred), ("vera", vera)):
        clients.socket_io(name, path, Cookie=user)
    for user in ("vera", "all", "fred"):
        assert server.curl(f"{server.base}/api/send/{user}", *cookie(fred)).text == "sent"
    for name in ("fred", "vera"):
        until(lambda: "for all" in json.dumps(clients.received(name)), f"{name} gets what is for all")
    until(lambda: "for fred" in json.dumps(clients.received("fred")), "fred gets what is for him")
    for name in ("fred", "vera"):
        texts = json.dumps(clients.received(name))
        assert ("for fred" in texts, "for vera" in texts) == (name == "fred", name == "vera")
    # Who opens the page later gets what Dashboard 2 has kept.
    clients.emit("vera", "widget-load", "d2-text")
    until(lambda: any(event[0] == "widget-load:d2-text" for event in clients.received("vera")), "vera is answered")
    assert "for fred" not in json.dumps(clients.received("vera"))
    for name in ("fred", "vera"):
        clients.ask("close", name)


def test_messages_that_would_end_a_dashboard(server: NodeRed, clients: Clients, vera: str, fred: str) -> None:
    """From somebody who has logged in; some end Node-RED where the dashboards get them."""
    values: list[t.Any]
    for user in (vera, fred):
        clients.socket_io("one", server.base + DASHBOARDS[0], Cookie=user)
        odd = {"toString": 1, "valueOf": 1}
        of_one: list[list[t.Any]] = [[5], [None], ["x"], [], [odd]]
        of_one += [[{"id": f"d1-{widget}", "value": odd}] for widget in WIDGETS]
        for name in ("ui-params", "ui-collapse", "ui-change", "ui-audio", "update-value"):
            for values in of_one:
                clients.emit("one", name, *values)
        clients.socket_io("two", server.base + DASHBOARDS[1], Cookie=user)
        for name in ("widget-load", "widget-change", "widget-action", "widget-send"):
            for values in ([5], [{}], [None], [[]], []):
                clients.emit("two", name, *values)
        clients.emit("two", "widget-load", "d2-text")
        until(lambda: any(event[0] == "widget-load:d2-text" for event in clients.received("two")), "it is answered")
        clients.emit("one", "ui-replay-state")
        until(lambda: any(event[0] == "ui-replay-done" for event in clients.received("one")), "it is answered")
        clients.ask("close", "one")
        clients.ask("close", "two")
    assert server.curl(f"{server.base}/hello", *cookie(fred)).status == 200


def test_restricted_users_get_the_sockets_of_their_paths(server: NodeRed, clients: Clients, paul: str) -> None:
    assert clients.socket_io("paul", server.base + DASHBOARDS[0], Cookie=paul)["open"]
    assert "error" in clients.socket_io("two", server.base + DASHBOARDS[1], Cookie=paul)
    assert clients.web_socket("ws", f"{server.base}/ws/echo", Cookie=paul)["status"] == 403
    clients.ask("close", "paul")


def test_a_websocket_node(server: NodeRed, clients: Clients, fred: str, vera: str) -> None:
    path = f"{server.base}/ws/echo"
    assert clients.web_socket("stranger", path)["status"] == 401
    assert clients.web_socket("vera", path, Cookie=vera)["status"] == 403
    assert clients.web_socket("foreign", path, Cookie=fred, Origin="https://evil.example")["status"] == 403
    for credentials in ({"Cookie": fred, "Origin": server.url}, {"Authorization": basic("fred")}):
        assert clients.web_socket("fred", path, **credentials)["open"]
        clients.ask("send", "fred", text="hello")
        until(lambda: clients.received("fred") == ["hello"], "the echo")
        clients.ask("close", "fred")


def test_sockets_of_a_node_that_asks_nobody(server: NodeRed, clients: Clients, fred: str, vera: str) -> None:
    web_socket, engine = f"{server.base}/own/ws", f"{server.base}/own/socket.io"
    assert clients.web_socket("stranger", web_socket)["status"] == 401
    assert clients.web_socket("vera", web_socket, Cookie=vera)["status"] == 403
    assert clients.web_socket("foreign", web_socket, Cookie=fred, Origin="https://evil.example")["status"] == 403
    assert clients.web_socket("fred", web_socket, Cookie=fred)["open"]
    clients.ask("close", "fred")
    for transports in TRANSPORTS:
        assert "error" in clients.socket_io("stranger", engine, transports)
        assert "error" in clients.socket_io("vera", engine, transports, Cookie=vera)
        assert clients.socket_io("fred", engine, transports, Cookie=f"other=1; {fred}")["open"]
        (hello,) = until(lambda: clients.received("fred"), "the node's greeting")
        assert hello[1]["cookie"] == "other=1"
        clients.ask("close", "fred")
    for query in (
        "EIO=4&transport=polling",
        "%45IO=4&%74ransport=polling",
        "transport=polling&EIO=4",
        "x#EIO=4&transport=polling",
    ):
        for path in ("/own/socket.io/", "/own/socket.io/../x", "/own/socket.io//"):
            answer = server.raw(
                f"GET {server.base}{path}?{query} HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n\r\n"
            )
            assert '"sid"' not in answer.text, (path, query)
            assert answer.status in {400, 401}


def test_the_editors_socket_is_the_editors(server: NodeRed, clients: Clients) -> None:
    comms = f"{server.admin.rstrip('/')}/comms"
    assert clients.web_socket("editor", comms)["open"]
    clients.ask("send", "editor", text=json.dumps({"subscribe": "notification/#"}))
    until(lambda: '{"auth":"fail"}' in clients.received("editor"), "the editor's login is asked for")


# The end of a login


def test_a_log_out_ends_it_all(server: NodeRed, clients: Clients, fred: str) -> None:
    names = ["one", "two", "own", "ws"]
    for name, path in zip(names, (*DASHBOARDS, "/own/socket.io"), strict=False):
        assert clients.socket_io(name, server.base + path, Cookie=fred)["open"]
    assert clients.web_socket("ws", f"{server.base}/ws/echo", Cookie=fred)["open"]
    with server.connect() as stream:
        stream.sendall(
            f"GET {server.base}/stream HTTP/1.1\r\nHost: localhost:{server.port}\r\nCookie: {fred}\r\n\r\n".encode()
        )
        begun = b""
        while b"begun" not in begun:
            begun += stream.recv(65536)
        assert "Logged in as <strong>fred" in server.curl(f"{server.base}/_login", *PAGE, *cookie(fred)).text
        answer = server.curl(f"{server.base}/_login/out", "--request", "POST", *origin(server.url), *cookie(fred))
        assert answer.status == 303
        assert "Max-Age=0" in str(answer.header("set-cookie"))
        with contextlib.suppress(ConnectionError):
            while stream.recv(65536):
                pass
    for name in names:
        until(lambda: not clients.is_open(name), f"{name} is closed")
    assert server.curl(f"{server.base}/ui/", *PAGE, *cookie(fred)).status == 302
    assert "error" in clients.socket_io("again", server.base + DASHBOARDS[0], Cookie=fred)


def test_a_changed_cookie_opens_nothing(server: NodeRed, fred: str) -> None:
    changed = fred[:-1] + ("A" if fred[-1] != "A" else "B")
    assert server.curl(f"{server.base}/hello", *PAGE, *cookie(changed)).status == 302


# The editor


def test_the_editor_goes_on(server: NodeRed) -> None:
    admin = server.admin.rstrip("/")
    assert "Bearer" in str(server.curl(f"{admin}/settings").header("www-authenticate"))
    form = ["client_id=node-red-admin", "grant_type=password", "scope=", "username=admin"]
    fields = [argument for field in form for argument in ("--data-urlencode", field)]
    answer = server.curl(f"{admin}/auth/token", *fields, "--data-urlencode", f"password={USERS['admin']}")
    token = json.loads(answer.text)["access_token"]
    bearer = ("--header", f"Authorization: Bearer {token}")
    assert server.curl(f"{admin}/flows", *bearer).status == 200
    # Also for somebody who has logged in to both.
    assert server.curl(f"{admin}/flows", *bearer, *cookie(server.cookie_of("vera"))).status == 200
    assert server.curl(f"{admin}/flows", *cookie(server.cookie_of("fred"))).status == 401


# Those who mean harm


def test_guessing(server: NodeRed, fred: str) -> None:
    here = ("--interface", "127.0.0.9", "--header", "X-Forwarded-For: 192.0.2.7")
    program = server.curl(f"{server.base}/hello", *here, "--header", f"Authorization: {basic('fred', None)}")
    assert program.status == 200
    statuses = [server.log_in("fred", f"guess {number}", *here).status for number in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    refused = server.log_in("fred", None, *here)
    assert refused.status == 429
    assert 60 < int(str(refused.header("retry-after"))) <= 600
    assert re.search(r"Try again in \d+ minutes", refused.text)
    assert server.curl(f"{server.base}/hello", *here, *cookie(fred)).status == 200
    # A program that has been right before goes on, until somebody guesses in its way from there.
    for password, status in ((None, 200), ("guess", 429), (None, 429)):
        program = server.curl(f"{server.base}/hello", *here, "--header", f"Authorization: {basic('fred', password)}")
        assert program.status == status
    assert server.log_in("fred", None, "--interface", "127.0.0.10").status == 303
    lines = re.findall(r'^\[pifleet\] login failed: user="fred" from=127\.0\.0\.9$', server.said(), re.MULTILINE)
    assert len(lines) == 10
    assert "guess" not in server.said()


def test_a_name_writes_no_line_of_the_log(server: NodeRed) -> None:
    name = 'x" from=1.2.3.4\n[pifleet] login failed: user="y'
    answer = server.curl(
        f"{server.base}/_login",
        *("--data-urlencode", f"username={name}", "--data", "password=x", "--interface", "127.0.0.11"),
        *origin(server.url),
    )
    assert answer.status == 401
    (line,) = (line for line in server.said().splitlines() if "1.2.3.4" in line)
    assert line.endswith(" from=127.0.0.11")


def test_who_breaks_off_ends_nothing(server: NodeRed, fred: str) -> None:
    for number in range(160):
        target = (
            "/own/ws",
            "/ws/echo",
            "/ui/socket.io/?EIO=4&transport=websocket",
            "/dashboard/socket.io/?EIO=4&transport=websocket",
            "/nothing",
        )[number % 5]
        credentials = ("", f"Authorization: {basic('fred', 'no')}\r\n", f"Cookie: {fred}\r\n")[number % 3]
        connection = server.connect(f"127.0.1.{number + 1}")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(
            f"GET {server.base}{target} HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{credentials}\r\n".encode()
        )
        # With a reset, in the middle of the answer.
        connection.close()
    assert server.curl(f"{server.base}/hello", *cookie(fred)).status == 200
    assert server.process is not None
    assert server.process.poll() is None
    assert "Uncaught" not in server.said()
