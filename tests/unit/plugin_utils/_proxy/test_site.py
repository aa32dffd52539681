# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text of a site; that nginx takes it, and does what it says, is shown by the scenario proxy."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.proxy_probe import expected_of, others_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._proxy.options import DesiredProxy, ProxyOptionError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._proxy.site import (
    SiteFacts,
    challenge_site,
    needs_authorities,
    site,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.proxy import logs_queries

NAMES = ["kitchen.local", "kitchen.example.com", "192.168.1.20", "fd00::20"]
OTHERS = [
    {"path": "/garage", "url": "https://192.168.1.21:1880", "name": "garage.local"},
    {"host": "attic.example.com", "url": "http://127.0.0.1:1881"},
]


def desired(**given: t.Any) -> DesiredProxy:
    options = {"path": "/", "names": [], "ports": {}, "hsts": 0, "others": [], "include": None}
    return DesiredProxy.from_options({**options, **given})


def made(facts: dict[str, t.Any] | None = None, **given: t.Any) -> str:
    known = {"service": "nodered.service", "version": "1.26.3", "ipv6": True, "names": NAMES, "port": 1880}
    return site(desired(**given), SiteFacts(**{**known, **(facts or {})}))


def values(text: str, directive: str) -> list[str]:
    """What a directive is given, each time."""
    return re.findall(rf"^\s*{directive} (.*);$", text, re.MULTILINE)


def test_braces_are_balanced_and_lines_end() -> None:
    for text in (made(), made(path="/kitchen", others=OTHERS[:1], hsts=1, include="a b;"), made(ports={"http": 0})):
        assert text.count("{") == text.count("}")
        # What is no comment and no brace ends with a semicolon.
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
        assert [line for line in lines if line[-1] not in ";{}"] == []


@pytest.mark.parametrize(
    ("version", "listens", "http2"),
    [("1.22.1", "443 ssl http2", []), ("1.25.0", "443 ssl http2", []), ("1.26.3", "443 ssl", ["on"] * 2)],
)
def test_http2_as_the_version_has_it(version: str, listens: str, http2: list[str]) -> None:
    text = made({"version": version})
    assert listens in values(text, "listen")
    assert values(text, "http2") == http2


def test_ipv6_only_where_the_host_has_it() -> None:
    assert "[::]:443 ssl" in values(made(), "listen")
    assert "[::]" not in made({"ipv6": False})


def test_names_of_the_certificate_or_those_asked_for() -> None:
    assert values(made(), "server_name")[-1] == "kitchen.local kitchen.example.com 192.168.1.20 [fd00::20]"
    assert values(made(names=["kitchen.example.com"]), "server_name")[-1] == "kitchen.example.com"


@pytest.mark.parametrize(("of_certificate", "covered"), [(["*.example.com"], True), (["kitchen.local"], False)])
def test_a_name_must_be_in_the_certificate(of_certificate: list[str], covered: bool) -> None:
    facts = {"names": of_certificate}
    if covered:
        assert "pi.example.com" in made(facts, names=["pi.example.com"])
        return
    with pytest.raises(ProxyOptionError, match="nodered_proxy_names: pi.example.com is not in the certificate"):
        made(facts, names=["pi.example.com"])


def test_the_name_of_another_must_be_in_the_certificate() -> None:
    with pytest.raises(ProxyOptionError, match="nodered_proxy_others: attic.example.com is not in the certificate"):
        made(others=OTHERS)


def test_who_comes_by_address_is_let_in_where_an_address_is_a_name() -> None:
    assert "ssl_reject_handshake" not in made()
    assert values(made({"names": ["kitchen.local"]}), "ssl_reject_handshake") == ["on"]


def test_all_names_of_its_own_have_that_of_the_service() -> None:
    text = made({"service": "node-red@2.service"}, others=OTHERS[:1])
    zones = re.findall(r"zone=(\w+)", text) + values(text, "server_name")[:1] + re.findall(r"log_format (\w+)", text)
    variables = re.findall(r"^map \S+ \$(\w+)", text, re.MULTILINE)
    assert len(variables) == 2
    assert [name for name in [*zones, *variables] if not name.startswith("nodered_node_red_2")] == []


def test_a_path_is_served_as_it_is_asked_for() -> None:
    text = made(path="/kit.chen")
    assert "location = /kit.chen {" in text
    assert "location /kit.chen/ {" in text
    assert r"location ~* ^/kit\.chen/(?:.*/)?(?:auth/token|_login)/?$ {" in text
    assert set(values(text, "proxy_pass")) == {"http://127.0.0.1:1880"}
    # Not the page that Debian brings.
    assert "location / {\n        return 404;" in text


@pytest.mark.parametrize("include", ["location / { return 204; }", "location  /  {\n}"])
def test_what_the_owner_has_for_the_rest_stays(include: str) -> None:
    assert "return 404" not in made(path="/kitchen", include=include)


def test_other_hosts_have_to_show_who_they_are() -> None:
    text = made({"names": [*NAMES, "attic.example.com"]}, others=OTHERS)
    verified = text.count("proxy_pass https://192.168.1.21:1880;")
    assert verified == text.count("proxy_ssl_verify on;") == text.count("proxy_ssl_name garage.local;") == 4
    assert values(text, "proxy_ssl_trusted_certificate") == ["/etc/pifleet-nodered/nodered/authorities.pem"] * 4
    assert needs_authorities(desired(others=OTHERS))
    assert not needs_authorities(desired(others=OTHERS[1:]))


def test_each_login_is_limited_before_any_other_location() -> None:
    """nginx takes the first regular expression that fits; those for programs, within another location, fit no login."""
    text = made(others=OTHERS[:1])
    patterns = re.findall(r"^    location ~\* (\S+) \{", text, re.MULTILINE)
    paths = ["/garage/auth/TOKEN", "/garage/x/_login/", "/auth/token/", "/x/y/_login"]
    first = [next(pattern for pattern in patterns if re.match(pattern, path, re.IGNORECASE)) for path in paths]
    assert first == [patterns[0], patterns[0], patterns[1], patterns[1]]
    assert not any(re.match(pattern, "/auth/tokens", re.IGNORECASE) for pattern in patterns)


def test_what_is_passed_on_is_replaced() -> None:
    text = made(ports={"https": 8443})
    headers = dict(value.split(" ", 1) for value in values(text, "proxy_set_header"))
    assert headers["Host"] == headers["X-Forwarded-Host"] == "$host:8443"
    assert headers["X-Forwarded-For"] == "$remote_addr"
    assert headers["Forwarded"] == '""'
    assert "$http_host" not in re.sub(r"#.*", "", text)
    assert "$proxy_add_x_forwarded_for" not in text


def test_the_log_has_no_query() -> None:
    assert not logs_queries(made(hsts=1, others=OTHERS[:1]))


def test_hsts_is_a_choice() -> None:
    assert "Strict-Transport-Security" not in made()
    assert values(made(hsts=600), "add_header") == ['Strict-Transport-Security "max-age=600" always']


@pytest.mark.parametrize(
    ("given", "redirects"),
    [
        ({}, {"https://$host$request_uri", "https://kitchen.local$request_uri"}),
        ({"ports": {"https": 8443}}, {"https://$host:8443$request_uri", "https://kitchen.local:8443$request_uri"}),
        ({"ports": {"http": 0}}, set()),
    ],
)
def test_plain_http_leads_to_tls(given: dict[str, t.Any], redirects: set[str]) -> None:
    assert set(re.findall(r"return 308 (\S+);", made(**given))) == redirects


def test_it_says_what_it_has_to_answer() -> None:
    text = made({"names": ["fd00::20", "*.example.com"]}, path="/kitchen", ports={"https": 8443, "http": 0})
    said = {"name": "pifleet.example.com", "https": 8443, "http": 0, "path": "/kitchen", "port": 1880}
    assert expected_of(text) == said
    assert f"# proof: {json.dumps(said, sort_keys=True)}\n" in text
    assert (expected_of(made({"names": ["fd00::20"]})) or {})["name"] == "[fd00::20]"


def test_it_says_which_others_it_leads_to() -> None:
    names = [*NAMES, "attic.example.com", "*.example.org"]
    others = [*OTHERS, {"host": "*.example.org", "url": "http://[::1]:1882"}]
    assert [other._asdict() for other in others_of(made({"names": names}, others=others))] == [
        {"path": "", "host": "", "name": "", **other} for other in others
    ]
    assert '"others"' not in made()


def challenges(present: str, *names: str, http: int = 80, ipv6: bool = True) -> str:
    return challenge_site(present, "nodered.service", http, ipv6, names)


def test_an_acme_server_finds_its_challenges_on_port_80() -> None:
    """Of whatever provider the present certificate is: the next one may be of such a server."""
    blocks = re.findall(r"^server \{\n.*?^\}", made(), re.MULTILINE | re.DOTALL)
    answering = [block for block in blocks if "location /.well-known/acme-challenge/ {" in block]
    assert len(answering) == 2
    assert all(values(block, "listen")[0] == "80" for block in answering)
    assert all(values(block, "root") == ["/var/lib/letsencrypt/pifleet-nodered"] for block in answering)
    assert "acme-challenge" not in made(ports={"http": 0})


def test_before_there_is_a_certificate_only_challenges_are_answered() -> None:
    text = challenges("", "pi.example.org", "a.example.org")
    assert values(text, "server_name") == ["pi.example.org a.example.org"]
    assert values(text, "listen") == ["80", "[::]:80"]
    assert "ssl" not in text
    assert expected_of(text) is None
    assert values(challenges("", "pi.example.org", http=8080, ipv6=False), "listen") == ["8080"]


def test_a_site_that_answers_already_stays() -> None:
    present = made({"names": [*NAMES, "attic.example.com"]}, others=OTHERS)
    assert challenges(present, "kitchen.local", "kitchen.example.com", "attic.example.com") == ""


def test_a_site_goes_on_while_a_certificate_for_further_names_is_fetched() -> None:
    present = made()
    text = challenges(present, "kitchen.local", "new.example.com")
    assert text.startswith(present)
    assert values(text.removeprefix(present), "server_name") == ["new.example.com"]
    # On another port nobody answers yet.
    assert values(challenges(made(ports={"http": 0}), "kitchen.local"), "server_name")[-1] == "kitchen.local"


def test_a_name_of_another_node_red_is_its_alone() -> None:
    """Of two sites with one name, nginx ignores the second."""
    text = made({"names": ["attic.example.com", "kitchen.local"]}, others=OTHERS[1:])
    of_tls = [block for block in text.split("\nserver {\n") if "proxy_pass" in block]
    assert [values(block, "server_name") for block in of_tls] == [["attic.example.com"], ["kitchen.local"]]
    with pytest.raises(ProxyOptionError, match="no name is left"):
        made({"names": ["attic.example.com"]}, others=OTHERS[1:])


def test_pages_are_not_compressed() -> None:
    """Debian's nginx.conf would have them so."""
    text = made(others=OTHERS[:1])
    assert values(text, "gzip") == ["off", "on", "on"]
    programs = re.findall(r"location ~\* (\S+) \{\s+gzip on;", text)
    assert programs == [programs[0]] * 2
    assert re.search(programs[0], "/vendor/vendor.js")
    assert not any(re.search(programs[0], path) for path in ("/", "/settings", "/auth/token", "/_login", "/x.js/a"))


def test_ciphers_of_tls_1_2_are_forward_secret_and_have_no_cbc() -> None:
    (asked,) = values(made(), "ssl_ciphers")
    assert all(cipher.startswith("ECDHE-") and ("GCM" in cipher or "POLY1305" in cipher) for cipher in asked.split(":"))
    assert values(made(), "ssl_prefer_server_ciphers") == ["on"]
