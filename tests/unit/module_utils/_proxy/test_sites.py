# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other sites answer, before and after."""

from __future__ import annotations

import http.server
import typing as t

import pytest
from web_server import serving

from ansible_collections.pifleet.nodered.plugins.module_utils._proxy import sites

CONFIGURATION = """\
# configuration file /etc/nginx/nginx.conf:
http {
    server {
        listen 80 default_server;
        listen [::]:80 default_server;
        server_name _;
    }
    # server { listen 81; server_name of.a.comment; }
    server {
\tlisten 127.0.0.1:8080 ssl http2;
        listen unix:/run/nginx.sock;
        listen example.com;
        server_name other.example.com *.example.com ~^regular$ third.example.com;
    }
}
"""


def test_ports_and_names() -> None:
    assert sites.ports_in(CONFIGURATION) == [80, 8080]
    assert sites.names_in(CONFIGURATION) == ["other.example.com", "third.example.com"]


@pytest.fixture
def site() -> t.Iterator[tuple[int, dict[str, tuple[int, str]]]]:
    """A server, and what it answers to each name."""
    answers: dict[str, tuple[int, str]] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, location = answers.get(self.headers["Host"], (404, ""))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

    with serving(Handler) as port:
        yield port, answers


def test_another_answer_is_told_with_its_name(site: tuple[int, dict[str, tuple[int, str]]]) -> None:
    port, answers = site
    answers["other.example.com"] = (301, "/a")
    before = sites.answers(f"listen {port};\nserver_name other.example.com;\n")
    assert [each["status"] for each in before] == [404, 404, 301]
    assert sites.differences(before) == []
    answers["other.example.com"] = (301, "/b")
    assert sites.differences(before) == [f"port {port} does not answer to other.example.com as it did before"]
    answers["pifleet.invalid"] = (200, "")
    assert f"port {port} does not answer to an unknown name as it did before" in sites.differences(before)


def test_a_port_that_nobody_answers_is_an_answer() -> None:
    (first, *_others) = sites.answers("listen 127.0.0.1:1;\n")
    assert (first["port"], first["status"], first["tls"]) == (1, None, False)
    assert sites.differences([first]) == []


def test_many_sites_are_not_all_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "ask", lambda port, name: {"port": port, "name": name})
    names = " ".join(f"site{number}.example.com" for number in range(200))
    assert len(sites.answers(f"listen 80;\nserver_name {names};\n")) == sites.MOST_QUESTIONS
