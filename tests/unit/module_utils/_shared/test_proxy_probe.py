# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the nginx in front of a Node-RED has to show; nginx itself is asked by the scenario proxy."""

from __future__ import annotations

import http.server
import json
import pathlib
import typing as t

import pytest
from pki_tools import CertificateFactory
from web_server import LOCKED, Pages, server, serving

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe, proxy_probe

SAID = {"name": "kitchen.local", "https": 8443, "http": 0, "path": "/kitchen", "port": 1880}
GOOD: Pages = {**{f"/kitchen{path}": answer for path, answer in LOCKED.items()}, "/kitchen/comms": (101, {}, "")}


@pytest.fixture(scope="module")
def pem(factory: CertificateFactory, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("proxy") / "server.pem"
    path.write_bytes(factory.self_signed("p256", subject="/CN=kitchen.local") + factory.key("p256").read_bytes())
    return path


def expected(port: int, **changes: t.Any) -> t.Any:
    return {
        "certificate": None,
        "admin_root": "/kitchen",
        "auth": True,
        "anonymous": False,
        "proxy": {**SAID, "https": port},
        **changes,
    }


@pytest.fixture
def leads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ports that lead plain HTTP to TLS; by default all that are asked."""
    ports: list[int] = []
    monkeypatch.setattr(proxy_probe, "redirects", lambda _address, port, _proxy, _timeout: port not in ports)
    return ports


def prove(pages: Pages, pem: pathlib.Path, **changes: t.Any) -> list[str]:
    with server(pages, pem) as port:
        wanted = expected(port, **changes)
        return [
            each.replace(str(port), "PORT") for each in proxy_probe.prove_proxy("127.0.0.1", wanted["proxy"], wanted)
        ]


def test_nothing_is_wrong(pem: pathlib.Path, leads: list[int]) -> None:
    assert prove(GOOD, pem) == []


@pytest.mark.parametrize(
    ("pages", "failure"),
    [
        ({"/kitchen/comms": (404, {}, "")}, "/kitchen/comms answers 404 behind nginx: no web socket can be opened"),
        ({"/kitchen/comms": (200, {}, "")}, "/kitchen/comms answers 200 behind nginx: no web socket can be opened"),
        ({"/kitchen/settings": (200, {}, "")}, "/kitchen/settings answers 200 instead of 401 behind nginx"),
        ({"/kitchen/auth/login": (502, {}, "")}, "/kitchen/auth/login answers 502 behind nginx"),
    ],
)
def test_each_fault(pem: pathlib.Path, leads: list[int], pages: Pages, failure: str) -> None:
    assert prove({**GOOD, **pages}, pem) == [failure]


def test_another_certificate(pem: pathlib.Path, leads: list[int]) -> None:
    assert prove(GOOD, pem, certificate="0" * 64) == [
        "port PORT of nginx shows another certificate than the installed one"
    ]


def test_an_editor_that_is_off(pem: pathlib.Path, leads: list[int]) -> None:
    assert prove({"/kitchen": (404, {}, "")}, pem, admin_root=None) == []
    assert prove({"*": (502, {}, "")}, pem, admin_root=None) == ["nginx answers 502: it does not reach Node-RED"]


def test_who_may_look_without_a_login(pem: pathlib.Path, leads: list[int]) -> None:
    assert prove({**GOOD, "/kitchen/settings": (200, {}, "")}, pem, anonymous=True) == []


def test_plain_http_that_leads_nowhere(pem: pathlib.Path, leads: list[int]) -> None:
    with server(GOOD, pem) as port:
        leads.append(port)
        wanted = expected(port)
        (failure,) = proxy_probe.prove_proxy("127.0.0.1", wanted["proxy"], wanted)
    assert failure == f"port {port} of nginx does not lead plain HTTP to https://kitchen.local:{port}/"


def test_nobody_answers(leads: list[int]) -> None:
    wanted = expected(1)
    (failure,) = proxy_probe.prove_proxy("127.0.0.1", wanted["proxy"], wanted)
    assert failure.startswith("nginx does not answer on port 1")


def test_both_are_proved(pem: pathlib.Path, leads: list[int]) -> None:
    with (
        server({**LOCKED, **GOOD}, pem) as port,
        server({f"/kitchen{path}": each for path, each in LOCKED.items()}) as own,
    ):
        wanted = {
            **expected(port),
            "address": "127.0.0.1",
            "port": own,
            "tls": False,
            "node_root": None,
            "node_auth": False,
            "static": [],
        }
        assert proxy_probe.prove(t.cast("t.Any", wanted)) == []
        assert proxy_probe.prove(t.cast("t.Any", {**wanted, "proxy": None})) == []
        wanted["proxy"]["https"] = 1
        assert len(proxy_probe.prove(t.cast("t.Any", wanted))) == 1


@pytest.mark.parametrize(
    ("status", "location", "leads_there"),
    [
        (308, "https://kitchen.local:8443{path}", True),
        (301, "https://kitchen.local:8443{path}", True),
        (302, "https://kitchen.local:8443{path}", False),
        (308, "https://kitchen.local{path}", False),
        (308, "https://kitchen.local:8443/", False),
        (308, "http://kitchen.local:8443{path}", False),
        (200, "", False),
    ],
)
def test_a_redirect_keeps_what_was_asked_for(status: int, location: str, leads_there: bool) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", location.format(path=self.path))
            self.end_headers()

    with serving(Handler) as port:
        assert proxy_probe.redirects("127.0.0.1", port, t.cast("t.Any", SAID)) is leads_there


def test_what_a_site_says() -> None:
    assert proxy_probe.expected_of(f"# proof: {json.dumps(SAID)}\n") == SAID
    assert proxy_probe.expected_of(None) is proxy_probe.expected_of("server {}") is None


@pytest.mark.parametrize(
    "lie",
    [
        {"name": "a\r\nX-Injected: 1"},
        {"name": ""},
        {"path": "kitchen"},
        {"path": "/a b"},
        {"https": 65536},
        {"port": -1},
        {"http": "eighty"},
        {"https": None},
    ],
)
def test_what_no_site_of_ours_says_counts_for_nothing(lie: dict[str, t.Any]) -> None:
    assert proxy_probe.expected_of(f"# proof: {json.dumps({**SAID, **lie})}\n") is None


@pytest.mark.parametrize("text", ["{}", "{nonsense}", '{"a": ' + "[" * 100_000 + "}"])
def test_what_cannot_be_read_counts_for_nothing(text: str) -> None:
    assert proxy_probe.expected_of(f"# proof: {text}\n") is None


GARAGE = {"path": "/garage", "host": "", "url": "https://192.168.1.21:1880", "name": "garage.local"}
ATTIC = {"path": "/attic", "host": "", "url": "http://127.0.0.1:1881", "name": ""}


def others_of(*others: t.Any) -> list[proxy_probe.ProxyOther]:
    return proxy_probe.others_of(f"# proof: {json.dumps({**SAID, 'others': others})}\n")


@pytest.mark.parametrize(
    "lie",
    [{"url": "https://garage.local:1880"}, {"path": "/a b"}, {"path": ""}, {"host": "a\r\nb"}, {"name": "a b"}],
)
def test_only_others_of_ours_count(lie: dict[str, t.Any]) -> None:
    assert [other._asdict() for other in others_of({**GARAGE, **lie}, ATTIC)] == [ATTIC]


@pytest.mark.parametrize("others", ["text", 5, [5], [{}], {"path": 5}, None])
def test_others_that_cannot_be_read_are_none(others: t.Any) -> None:
    assert proxy_probe.others_of(f"# proof: {json.dumps({**SAID, 'others': others})}\n") == []
    assert proxy_probe.others_of(None) == proxy_probe.others_of("# proof: [5]\n") == []


def unanswered(pem: pathlib.Path, pages: Pages, *others: t.Any) -> list[str]:
    with server(pages, pem) as port:
        proxy: t.Any = {**SAID, "https": port}
        remarks = proxy_probe.unanswered_others("127.0.0.1", proxy, others_of(*others))
        return [each.replace(str(port), "PORT") for each in remarks]


def test_others_that_answer_are_not_told(pem: pathlib.Path) -> None:
    pages: Pages = {"/garage": (200, {}, ""), "/attic": (401, {}, "")}
    assert unanswered(pem, pages, GARAGE, ATTIC) == unanswered(pem, {}) == []


@pytest.mark.parametrize("status", [502, 504])
def test_each_other_that_does_not_answer_is_told(pem: pathlib.Path, status: int) -> None:
    pages: Pages = {"/garage": (status, {}, ""), "/attic": (status, {}, ""), "/": (200, {}, "")}
    garage, attic = unanswered(pem, pages, GARAGE, {**GARAGE, "path": "", "host": "shed.example.com"}, ATTIC)
    assert garage.startswith(
        f"nodered_proxy_others, entry 1: https://kitchen.local:PORT/garage answers {status}, because nginx gets no answer of"
        " https://192.168.1.21:1880. Does Node-RED run there, with https, and is garage.local in its certificate"
    )
    assert attic.startswith(
        f"nodered_proxy_others, entry 3: https://kitchen.local:PORT/attic answers {status}, because"
    )
    assert "set url to https://127.0.0.1:1881 and name to a DNS name of its certificate" in attic


def test_an_other_is_asked_for_by_its_own_name(pem: pathlib.Path) -> None:
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.headers["Host"].partition(":")[0], self.path))
            self.send_response(502)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler, pem) as port:
        proxy: t.Any = {**SAID, "https": port}
        others = others_of(*({**ATTIC, "path": "", "host": host} for host in ("shed.example.com", "*.example.org")))
        remarks = proxy_probe.unanswered_others("127.0.0.1", proxy, others)
    assert sorted(asked) == [("pifleet.example.org", "/"), ("shed.example.com", "/")]
    assert f": https://shed.example.com:{port}/ answers 502" in remarks[0]


def test_a_proxy_that_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_words: object) -> t.NoReturn:
        raise TimeoutError("timed out")

    monkeypatch.setattr(probe.Endpoint, "get", late)
    proxy: t.Any = SAID
    (remark,) = proxy_probe.unanswered_others("127.0.0.1", proxy, others_of(GARAGE))
    assert "/garage does not answer (timed out), because nginx waits for https://192.168.1.21:1880." in remark


@pytest.mark.parametrize(("port", "host"), [(443, "kitchen.local"), (8443, "kitchen.local:8443")])
def test_the_header_host(port: int, host: str) -> None:
    assert proxy_probe.host_of(t.cast("t.Any", {**SAID, "https": port})) == host


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("", None),
        ("kitchen.local", "kitchen.local"),
        ("kitchen.local:8443", "kitchen.local"),
        ("192.0.2.7", None),
        ("192.0.2.7:8443", None),
        ("[fd00::1]", None),
        ("[fd00::1]:8443", None),
    ],
)
def test_what_tls_asks_for(name: str, asked: str | None) -> None:
    assert probe.asked_name(name) == asked
