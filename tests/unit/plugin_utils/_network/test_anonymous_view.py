# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The view of a stranger: servers that are open, closed or broken, and what is told of each."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import pathlib
import socket
import ssl
import subprocess
import time
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from web_server import BASIC, LOCKED, server, serving

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe, proxy_probe
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import ProxyExpected
from ansible_collections.pifleet.nodered.plugins.plugin_utils._network.anonymous_view import Expected, probe_endpoint

ROOT = Expected("/")
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _number in range(2))
OPEN = {
    "/auth/login": (200, {}, "{}"),
    "/settings": (200, {"Access-Control-Allow-Origin": "*"}, "{}"),
    "/flows": (200, {}, "[]"),
}


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, str]:
    """A file with a key and a certificate, which is its own authority."""
    path = tmp_path_factory.mktemp("outside") / "server.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            path,
            "-out",
            f"{path}.crt",
            "-subj",
            "/CN=test",
            "-days",
            "2",
        ],
        check=True,
        capture_output=True,
    )
    certificate = path.with_name("server.pem.crt").read_text("ascii")
    path.write_text(path.read_text("ascii") + certificate, "ascii")
    return path, certificate


def test_a_closed_server(pem: tuple[pathlib.Path, str]) -> None:
    path, certificate = pem
    with server(LOCKED, path) as port:
        view = probe_endpoint("127.0.0.1", port, ROOT, certificate)
    assert view == {
        "address": "127.0.0.1",
        "port": port,
        "reachable": True,
        "tls": True,
        "plain_http": False,
        "old_tls": "",
        "certificate": certificate,
        "trusted": True,
        "login": "credentials",
        "settings_status": 401,
        "flows_status": 401,
        "token_status": 401,
        "cors": None,
        "client_certificate": False,
        "not_asked": [],
        "not_redirected": [],
        "sockets_refused": None,
    }


@pytest.mark.parametrize("leads", [True, False])
def test_a_proxy_in_front(pem: tuple[pathlib.Path, str], monkeypatch: pytest.MonkeyPatch, leads: bool) -> None:
    """A port that only leads plain HTTP to TLS does not answer it."""
    path, certificate = pem
    monkeypatch.setattr(probe, "speaks_plain_http", lambda *_arguments: True)
    monkeypatch.setattr(proxy_probe, "redirects", lambda *_arguments: leads)
    with server(LOCKED, path) as port:
        proxy: ProxyExpected = {"name": "kitchen.local", "https": port, "http": 80, "path": "/", "port": 1880}
        view = probe_endpoint("127.0.0.1", port, ROOT, certificate, proxy=proxy)
    assert (view["certificate"], view["login"]) == (certificate, "credentials")
    assert view["not_redirected"] == ([] if leads else [port, 80])
    assert view["plain_http"] is not leads


@pytest.mark.parametrize("maximum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_client_certificate(pem: tuple[pathlib.Path, str], maximum: ssl.TLSVersion) -> None:
    path, certificate = pem
    with server(LOCKED, path, wants_certificate=maximum) as port:
        view = probe_endpoint("127.0.0.1", port, ROOT, certificate)
    assert view["client_certificate"] is True
    assert (view["tls"], view["certificate"], view["trusted"]) == (True, certificate, True)
    assert (view["login"], view["settings_status"], view["not_asked"]) == (None, None, [])


def signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: tuple[int, int],
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> bytes:
    """A certificate in PEM from the issuer CN=root, valid from so many days from now to so many."""
    start, end = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=each) for each in days)
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, "root"))
    builder = x509.CertificateBuilder(
        issuer,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        start.replace(tzinfo=None),
        end.replace(tzinfo=None),
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("fault", "trusted"),
    [
        ("", True),
        ("expired", True),
        ("not yet", True),
        ("for clients", False),
        ("of no authority", False),
        ("out of bounds", False),
        ("forged", False),
        ("forged by one that expired", False),
    ],
)
def test_only_the_time_may_be_wrong(tmp_path: pathlib.Path, fault: str, trusted: bool) -> None:
    root = signed(
        "root",
        KEY,
        KEY,
        (-20, -10 if "by one" in fault else 10),
        [
            (x509.BasicConstraints(ca=fault != "of no authority", path_length=None), True),
            *([(x509.NameConstraints([x509.DNSName("example.org")], None), True)] if fault == "out of bounds" else []),
        ],
    )
    days = {"expired": (-5, -1), "not yet": (1, 5)}.get(fault, (-5, 5))
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if fault == "for clients" else ExtendedKeyUsageOID.SERVER_AUTH
    # A forger has another key and takes the same name.
    leaf = signed(
        "leaf",
        OTHER_KEY,
        OTHER_KEY if "forged" in fault else KEY,
        days,
        [
            (x509.SubjectAlternativeName([x509.DNSName("kitchen.example")]), False),
            (x509.ExtendedKeyUsage([usage]), False),
        ],
    )
    with server(LOCKED, with_key(leaf, tmp_path)) as port:
        view = probe_endpoint("127.0.0.1", port, ROOT, root.decode())
    assert (view["tls"], view["trusted"]) == (True, trusted)


def with_key(leaf: bytes, folder: pathlib.Path) -> pathlib.Path:
    """A file for a server that shows the certificate, which is of `OTHER_KEY`."""
    path = folder / "server.pem"
    key = OTHER_KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(leaf + key)
    return path


def test_an_authority_that_says_less_than_the_standard_asks_for(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many a company's own has no key usage: curl and OpenSSL trust what it signs, Python 3.13 by default does not."""
    root = tmp_path / "root.pem"
    root.write_bytes(signed("root", KEY, KEY, (-20, 10), [(x509.BasicConstraints(ca=True, path_length=None), True)]))
    names = x509.SubjectAlternativeName([x509.DNSName("kitchen.example")])
    path = with_key(signed("leaf", OTHER_KEY, KEY, (-5, 5), [(names, False)]), tmp_path)
    verify = ["openssl", "verify", "-CAfile", str(root)]
    assert subprocess.run([*verify, "-x509_strict", path], check=False, capture_output=True).returncode != 0
    subprocess.run([*verify, path], check=True, capture_output=True)

    default = ssl.create_default_context

    def strict(*arguments: t.Any, **options: t.Any) -> ssl.SSLContext:
        context = default(*arguments, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    with server(LOCKED, path) as port:
        url = f"https://kitchen.example:{port}/settings"
        resolved = ["--resolve", f"kitchen.example:{port}:127.0.0.1"]
        asked = subprocess.run(
            [
                "curl",
                "--silent",
                "--cacert",
                root,
                *resolved,
                "--write-out",
                "%{http_code}",
                "--output",
                "/dev/null",
                url,
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        view = probe_endpoint("127.0.0.1", port, ROOT, root.read_text("ascii"))
    assert asked.stdout == "401"
    assert (view["tls"], view["trusted"]) == (True, True)


@pytest.mark.parametrize("authorities", ["", "nonsense"])
def test_an_authority_that_is_not_known(pem: tuple[pathlib.Path, str], authorities: str) -> None:
    with server(LOCKED, pem[0]) as port:
        view = probe_endpoint("127.0.0.1", port, ROOT, authorities)
    assert (view["tls"], view["trusted"], view["certificate"]) == (True, False, pem[1])


def test_an_open_server() -> None:
    with server(OPEN) as port:
        view = probe_endpoint("127.0.0.1", port, ROOT, "")
    assert view["plain_http"]
    assert not view["tls"]
    assert view["certificate"] is None
    assert (view["login"], view["settings_status"], view["flows_status"], view["cors"]) == ("", 200, 200, "*")


def test_an_invented_token_opens() -> None:
    with server(LOCKED, bearer_opens=True) as port:
        view = probe_endpoint("127.0.0.1", port, ROOT, "")
    assert (view["flows_status"], view["token_status"]) == (401, 200)


def test_logins_that_are_not_asked_for() -> None:
    expected = Expected("/admin", (("/api", "httpNodeAuth"), ("//doc", "httpStaticAuth")))
    with server({"/auth/login": (200, {}, "{}")}) as port:
        view = probe_endpoint("127.0.0.1", port, expected, "")
    assert view["not_asked"] == [("/api", "httpNodeAuth"), ("/doc", "httpStaticAuth")]
    assert view["login"] is None
    with server({"*": BASIC}) as port:
        assert probe_endpoint("127.0.0.1", port, Expected(None, (("/", "httpNodeAuth"),)), "")["not_asked"] == []


def test_old_protocols(pem: tuple[pathlib.Path, str]) -> None:
    process = subprocess.Popen(
        [
            "openssl",
            "s_server",
            "-accept",
            "0",
            "-cert",
            pem[0],
            "-key",
            pem[0],
            "-tls1_1",
            "-cipher",
            "ALL:@SECLEVEL=0",
            "-www",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = next(int(line.rpartition(":")[2]) for line in process.stdout if line.startswith("ACCEPT"))
        view = probe_endpoint("127.0.0.1", port, Expected(None), pem[1], timeout=30)
        assert view["old_tls"] == "TLSv1.1"
    finally:
        process.kill()
        process.wait()


def test_nobody_is_there(unused_port: int) -> None:
    view = probe_endpoint("127.0.0.1", unused_port, ROOT, "")
    assert not view["reachable"]


def test_something_else_is_there(silent_port: int) -> None:
    view = probe_endpoint("127.0.0.1", silent_port, ROOT, "", timeout=0.3)
    assert view["reachable"]
    assert not view["tls"]
    assert not view["plain_http"]


def test_a_server_that_answers_byte_by_byte() -> None:
    """Each byte comes in time, and the whole answer would take a minute."""
    with slow_server(lambda path: path == "/auth/login") as port:
        began = time.monotonic()
        view = probe_endpoint("127.0.0.1", port, ROOT, "", timeout=0.3)
        assert time.monotonic() - began < 50
    assert view["plain_http"]
    assert view["login"] is None


@contextlib.contextmanager
def slow_server(is_slow: t.Callable[..., t.Any]) -> t.Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "600")
            self.end_headers()
            with contextlib.suppress(OSError):
                for _number in range(600 if is_slow(self.path) else 0):
                    self.wfile.write(b" ")
                    time.sleep(0.1)

    with serving(Handler) as port:
        yield port


@pytest.fixture
def unused_port(silent_socket: socket.socket) -> int:
    port = silent_socket.getsockname()[1]
    silent_socket.close()
    return port


@pytest.fixture
def silent_port(silent_socket: socket.socket) -> int:
    return silent_socket.getsockname()[1]


@pytest.fixture
def silent_socket() -> t.Iterator[socket.socket]:
    """One that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening
