# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof, against a server that answers as Node-RED does, and wrongly in one way at a time.

The certificates are made by the openssl command, and its s_server is what the handshake is tried on first.
"""

from __future__ import annotations

import contextlib
import http.server
import itertools
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time
import typing as t

import pytest
from web_server import BASIC, LOCKED, server, serving

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe


def expected(port: int, **changes: t.Any) -> dict[str, t.Any]:
    return {
        "address": "127.0.0.1",
        "port": port,
        "tls": False,
        "certificate": None,
        "admin_root": "/",
        "auth": True,
        "anonymous": False,
        "node_root": "/",
        "node_auth": False,
        "static": [],
        **changes,
    }


def test_fingerprint_is_that_of_openssl(pem: tuple[pathlib.Path, str]) -> None:
    path, fingerprint = pem
    process = subprocess.Popen(
        ["openssl", "s_server", "-accept", "0", "-cert", path, "-key", path, "-naccept", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = next(int(line.rpartition(":")[2]) for line in process.stdout if line.startswith("ACCEPT"))
        assert probe.served_certificate("127.0.0.1", port) == fingerprint
    finally:
        process.kill()
        process.wait()


def test_a_closed_server_is_proved(pem: tuple[pathlib.Path, str]) -> None:
    path, fingerprint = pem
    with server(LOCKED, path) as port:
        assert probe.prove(expected(port, tls=True, certificate=fingerprint)) == []


def test_an_editor_behind_a_proxy_is_asked_as_by_it() -> None:
    """As requireHttps has it: who does not come by https is led elsewhere."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, _headers, body = LOCKED[self.path]
            self.send_response(status if self.headers["X-Forwarded-Proto"] == "https" else 302)
            self.end_headers()
            self.wfile.write(body.encode())

    with serving(Handler) as port:
        assert probe.prove(expected(port, require_https=True)) == []
        assert "/settings answers 302 instead of 401" in "; ".join(probe.prove(expected(port)))


def test_another_certificate(pem: tuple[pathlib.Path, str]) -> None:
    with server(LOCKED, pem[0]) as port:
        failures = probe.prove(expected(port, tls=True, certificate="0" * 64))
    assert failures == [f"port {port} serves another certificate than the installed one"]


def test_plain_http_where_tls_is_expected() -> None:
    with server(LOCKED) as port:
        failures = probe.prove(expected(port, tls=True))
    assert len(failures) == 1
    assert "TLS handshake" in failures[0]


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ({"/auth/login": (200, {}, "{}")}, ["/auth/login asks for no login"]),
        ({"/auth/login": (404, {}, "not JSON")}, ["/auth/login asks for no login"]),
        ({"/settings": (200, {}, "{}")}, ["/settings answers 200", "/settings answers 200"]),
        ({"/flows": (200, {}, "[]")}, ["/flows answers 200", "/flows answers 200"]),
        ({"/flows": (404, {}, "")}, ["/flows answers 404", "/flows answers 404"]),
    ],
)
def test_an_open_door_is_named(pages: dict[str, tuple[int, dict[str, t.Any], str]], words: list[str]) -> None:
    with server({**LOCKED, **pages}) as port:
        failures = probe.prove(expected(port))
    assert len(failures) == len(words)
    assert all(word in failure for word, failure in zip(words, failures, strict=True))


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("gated", [["/auth/login", "/settings", "/flows"], ["/settings"], ["/flows"]])
def test_a_gate_of_the_owners_own_is_as_closed_as_a_login(status: int, gated: list[str]) -> None:
    with server({**LOCKED, "*": (status, {}, ""), **dict.fromkeys(gated, (status, {}, "Forbidden"))}) as port:
        assert probe.prove(expected(port, node_auth=True, static=["/doc"])) == []


@pytest.mark.parametrize(("gated", "answer"), [("/settings", 200), ("/flows", 200), ("*", 404)])
def test_a_limit_of_requests_closes_nothing_that_was_open(gated: str, answer: int) -> None:
    """Whoever asks until there is nothing wrong would have asked often enough."""
    opened: set[str] = set()
    with server({**LOCKED, gated: (answer, {}, "")}) as port:
        assert probe.prove(expected(port, node_auth=gated == "*"), opened=opened)
    with server({**LOCKED, gated: (429, {}, "")}) as port:
        wanted = expected(port, node_auth=gated == "*")
        assert probe.prove(wanted) == []
        assert probe.prove(wanted, opened=opened)
        assert probe.prove(wanted, opened=set()) == []


@pytest.mark.parametrize("status", [200, 204, 301, 302, 400, 404, 500, 503])
def test_no_other_answer_is_a_gate(status: int) -> None:
    with server({**LOCKED, "/flows": (status, {}, "")}) as port:
        assert probe.prove(expected(port))


def test_deep_json_is_not_of_node_red() -> None:
    with server({"/auth/login": (200, {}, "[" * 60000)}) as port, probe.Endpoint("127.0.0.1", port, False) as endpoint:
        assert probe.login_type(endpoint, "/") is None


def test_an_invented_token_must_not_open() -> None:
    with server(LOCKED, bearer_opens=True) as port:
        failures = probe.prove(expected(port))
    assert [failure for failure in failures if "invented token" in failure] == failures
    assert len(failures) == 2


def test_the_anonymous_user_may_read_where_that_is_wished() -> None:
    pages = {**LOCKED, "/settings": (200, {}, "{}"), "/flows": (200, {}, "[]")}
    with server(pages) as port:
        assert probe.prove(expected(port, anonymous=True)) == []


def test_dashboards_and_static_files_ask_for_their_login() -> None:
    with server({**LOCKED, "*": BASIC}) as port:
        assert probe.prove(expected(port, node_auth=True, static=["/doc"])) == []
    with server(LOCKED) as port:
        failures = probe.prove(expected(port, node_auth=True, static=["//doc"]))
    assert "httpNodeAuth does not ask" in failures[0]
    assert "/doc/pifleet-" in failures[1]
    assert "httpStaticAuth does not ask" in failures[1]


def test_other_roots() -> None:
    pages = {"/admin" + path: answer for path, answer in LOCKED.items()}
    with server(pages) as port:
        assert probe.prove(expected(port, admin_root="admin/")) == []
        assert probe.prove(expected(port))
        assert probe.prove(expected(port, admin_root=None)) == []


def test_an_open_server_must_answer_too() -> None:
    """Where nothing asks for a login, there is nothing else that could fail."""
    with server({}) as port:
        assert probe.prove(expected(port, auth=False)) == []
    assert "does not answer" in "".join(probe.prove(expected(port, auth=False)))


def test_nothing_listens() -> None:
    with server({}) as port:
        pass
    failures = probe.prove(expected(port))
    assert len(failures) == 1
    assert f"port {port} of 127.0.0.1 does not answer" in failures[0]


def test_observation_of_an_open_and_of_a_closed_server(pem: tuple[pathlib.Path, str]) -> None:
    with server({"/auth/login": (200, {}, "{}"), "/settings": (200, {}, "{}")}) as port:
        seen = probe.observe("127.0.0.1", port)
        assert probe.listening([os.getpid()]) == [("127.0.0.1", port)]
    assert (seen["tls"], seen["http"], seen["login"], seen["settings_status"]) == (False, True, "", 200)
    with server(LOCKED, pem[0]) as port:
        seen = probe.observe("127.0.0.1", port)
    assert (seen["tls"], seen["certificate"], seen["login"], seen["settings_status"]) == (
        True,
        pem[1],
        "credentials",
        401,
    )


@pytest.mark.parametrize(
    ("root", "path", "joined"),
    [
        ("/", "settings", "/settings"),
        ("", "settings", "/settings"),
        ("/admin/", "settings", "/admin/settings"),
        ("a/b", "c/d", "/a/b/c/d"),
        ("/", "", "/"),
    ],
)
def test_joining_roots_and_paths(root: str, path: str, joined: str) -> None:
    assert probe.join(root, path) == joined


# Servers that want to be waited for


@contextlib.contextmanager
def dripping(*pieces: bytes, pause: float = 0.05, endless: bool = False) -> t.Iterator[int]:
    """A port that answers each connection piece by piece, maybe for ever; the port."""
    ended = threading.Event()

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            for piece in itertools.chain(pieces, itertools.repeat(pieces[-1]) if endless else ()):
                connection.sendall(piece)
                if ended.wait(pause):
                    return

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not ended.is_set():
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        b"H",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"X: y\r\n",
        b"\x16",
        b"\x16\x03\x03\x40\x00",
        b"\x15\x03\x03",
    ],
)
def test_who_drips_is_not_waited_for(piece: bytes) -> None:
    """Each byte comes well before the time-out; the whole never does."""
    with dripping(piece, endless=True) as port:
        started = time.monotonic()
        probe.observe("127.0.0.1", port, timeout=1)
        for tls in (True, False):
            assert probe.prove(t.cast("t.Any", expected(port, tls=tls)), timeout=1) != []
        # About seven seconds. Without an end of its own each wait would last for ever.
        assert time.monotonic() - started < 300


def test_plain_http_in_two_pieces_is_plain_http() -> None:
    with dripping(b"H", b"TTP/", b"1.1 200 OK\r\n\r\n") as port:
        assert probe.speaks_plain_http("127.0.0.1", port)


def test_a_server_that_closes_each_connection(pem: tuple[pathlib.Path, str]) -> None:
    """`Connection: close` is legitimate."""
    pages = {
        path: (status, {**headers, "Connection": "close"}, body) for path, (status, headers, body) in LOCKED.items()
    }
    with server(pages, pem[0]) as port:
        assert probe.prove(t.cast("t.Any", expected(port, tls=True))) == []


@pytest.mark.parametrize("maximum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("by_settings", [True, False])
def test_who_wants_a_client_certificate_is_closed(
    pem: tuple[pathlib.Path, str], maximum: ssl.TLSVersion, by_settings: bool
) -> None:
    path, fingerprint = pem
    with server(LOCKED, path, wants_certificate=maximum) as port:
        target = expected(port, tls=True, certificate=fingerprint, client_certificate=by_settings)
        assert probe.prove(target) == []
        assert probe.wants_client_certificate(target)
        other = probe.prove({**target, "certificate": "0" * 64})
    assert other == [f"port {port} serves another certificate than the installed one"]


@pytest.mark.parametrize(("wants", "failures"), [(True, 0), (False, 1)])
def test_a_server_that_is_gone_before_the_request(
    pem: tuple[pathlib.Path, str], monkeypatch: pytest.MonkeyPatch, wants: bool, failures: int
) -> None:
    """A TLS 1.3 server refuses behind the handshake: the request may find the connection closed already."""

    def break_off(*_arguments: object) -> t.NoReturn:
        raise BrokenPipeError

    monkeypatch.setattr(probe.Endpoint, "_request", break_off)
    path, fingerprint = pem
    with server(LOCKED, path, wants_certificate=ssl.TLSVersion.TLSv1_3 if wants else None) as port:
        assert len(probe.prove(expected(port, tls=True, certificate=fingerprint), timeout=2)) == failures


def test_a_client_certificate_that_nobody_asks_for(pem: tuple[pathlib.Path, str]) -> None:
    path, _fingerprint = pem
    with server(LOCKED, path) as port:
        target = expected(port, tls=True, client_certificate=True)
        failures = probe.prove(target, timeout=1)
        assert not probe.wants_client_certificate(target)
    assert failures == [f"port {port} lets in who shows no client certificate, although https wants one"]


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x16\x03\x03\xff\xff\x0b\x00\x00\x00\x0d",
        b"\x16\x03\x03\x00\x08\x0b\xff\xff\xff\x00\x00\x01\x00",
        b"\x16\x03\x03\x00\x00" * 100,
    ],
)
def test_a_greeting_of_any_bytes_ends(stream: bytes) -> None:
    assert isinstance(list(probe._handshake_messages(stream)), list)


class LoginPage(http.server.BaseHTTPRequestHandler):
    """Answers as the login page does."""

    protocol_version = "HTTP/1.1"
    root = "/"
    #: What is wrong with it.
    lacks = ""
    forms: t.ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path, _question, query = self.path.partition("?")
        page = f"{self.root.rstrip('/')}/_login"
        if self.headers.get("Upgrade"):
            if self.lacks == "plugin":
                self.close_connection = True
                return
            self.answer(200 if self.lacks == "upgrade" else 401)
        elif "EIO=4" in query:
            self.answer(200 if self.lacks == "polling" else 401)
        elif path == page:
            policy = (
                {} if self.lacks == "policy" else {"Content-Security-Policy": "default-src 'none'; base-uri 'none'"}
            )
            self.answer(404 if self.lacks == "page" else 200, policy)
        elif "text/html" in self.headers.get("Accept", ""):
            self.answer(401 if self.lacks == "redirect" else 302, {"Location": f"{page}?next=%2F"})
        else:
            self.answer(*BASIC[:2])

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.forms.append(form)
        self.answer(401 if self.headers.get("Sec-Fetch-Site") == "same-origin" else 403)

    def answer(self, status: int, headers: t.Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


def with_page(port: int, root: str = "/") -> t.Any:
    return expected(port, admin_root=None, auth=False, node_root=root, node_auth=True, login_page=True)


@pytest.mark.parametrize("root", ["/", "/api", "/api/"])
def test_a_good_login_page(root: str) -> None:
    handler = type("Good", (LoginPage,), {"root": root})
    with serving(handler) as port:
        assert probe.prove(with_page(port, root)) == []


@pytest.mark.parametrize(
    ("lacks", "words"),
    [
        ("redirect", r"/pifleet-\w+ answers 401 to a browser and does not lead to /_login"),
        ("page", r"/_login answers 404 and is not the login page"),
        ("policy", r"/_login answers 200 and is not the login page"),
        ("plugin", "web sockets of nodes ask for no login"),
        ("upgrade", "web sockets of nodes ask for no login"),
        ("polling", "web sockets of nodes ask for no login"),
    ],
)
def test_a_login_page_that_lacks_something(lacks: str, words: str) -> None:
    handler = type("Lacking", (LoginPage,), {"lacks": lacks})
    with serving(handler) as port:
        (failure,) = probe.prove(with_page(port), timeout=5)
        assert re.match(words, failure)
        # Where no page is asked for, none has to be there.
        assert probe.prove({**with_page(port), "login_page": False}) == []


def test_no_look_logs_in_and_a_proof_does_once() -> None:
    """The page counts failures, and logs each."""
    handler = type("Counting", (LoginPage,), {"forms": []})
    with serving(handler) as port:
        probe.prove(with_page(port))
        assert handler.forms == []  # type: ignore[attr-defined]
        with probe.Endpoint("127.0.0.1", port, tls=False) as endpoint:
            assert probe.log_in_by_page(endpoint, "/", "somebody") == 401
        (form,) = handler.forms  # type: ignore[attr-defined]
        assert re.fullmatch(r"username=somebody&password=\w{32}", form)


@pytest.mark.parametrize(
    ("address", "is_local"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), (None, False)],
)
def test_only_the_host_itself_connects_to_loopback(address: str | None, is_local: bool) -> None:
    assert probe.is_loopback(address) is is_local
