# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be asked for of nginx, and what is refused with the name of its variable."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._proxy.options import (
    DesiredProxy,
    Other,
    ProxyOptionError,
    asked_ports,
    check_provider,
)

URL = "https://192.168.1.21:1880"


def desired(**given: t.Any) -> DesiredProxy:
    options = {"path": "/", "names": [], "ports": {}, "hsts": 0, "others": [], "include": None}
    return DesiredProxy.from_options({**options, **given})


def test_defaults() -> None:
    assert desired() == DesiredProxy("/", (), 443, 80, 0, (), "")
    assert desired().ports == [443, 80]


def test_everything() -> None:
    asked = desired(
        path="/a/b-c",
        names=["Kitchen.local", "*.example.com", "FD00::1"],
        ports={"https": 8443, "http": 0},
        hsts=1,
        others=[
            {"path": "/garage", "url": f"{URL}/", "name": "Garage.local"},
            {"host": "attic.example.com", "url": "http://127.0.0.1:1881"},
            {"path": "/v6", "url": "https://[fd00::2]:1880", "name": "v6.local"},
        ],
        include="client_max_body_size 9m;",
    )
    assert asked.names == ("kitchen.local", "*.example.com", "fd00::1")
    assert asked.ports == [8443]
    assert asked.others == (
        Other("/garage", "", URL, "garage.local"),
        Other("", "attic.example.com", "http://127.0.0.1:1881", ""),
        Other("/v6", "", "https://[fd00::2]:1880", "v6.local"),
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        *(
            ({"path": path}, "nodered_proxy_path: .* must be / or a path")
            for path in (
                "",
                "kitchen",
                "/kitchen/",
                "//",
                "/a//b",
                "/..",
                "/.a",
                "/a b",
                "/a;b",
                "/a%20b",
                "/\u00e4",
                "/a\n",
            )
        ),
        *(
            ({"names": [name]}, "nodered_proxy_names: .* must be a DNS name")
            for name in ("", "a b", "a:80", "https://a", "a;", "-", "a\nb", "*", "~x")
        ),
        ({"ports": {"tls": 1}}, "nodered_proxy_ports: unknown key 'tls'"),
        ({"ports": {"https": 0}}, "nodered_proxy_ports: https must be a number from 1 to"),
        ({"ports": {"http": 65536}}, "nodered_proxy_ports: http must be a number from 0"),
        ({"ports": {"http": True}}, "nodered_proxy_ports: http must be a number"),
        ({"ports": {"http": "80"}}, "nodered_proxy_ports: http must be a number"),
        ({"ports": {"https": 80}}, "nodered_proxy_ports: https and http are both 80"),
        ({"hsts": -1}, "nodered_proxy_hsts: -1"),
        ({"hsts": 63072001}, "nodered_proxy_hsts: 63072001"),
    ],
)
def test_what_cannot_be(given: dict[str, t.Any], message: str) -> None:
    with pytest.raises(ProxyOptionError, match=message):
        desired(**given)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"url": URL, "name": "a"}, "it needs a path"),
        ({"path": "/a", "host": "a", "url": URL, "name": "a"}, "it needs a path"),
        ({"path": "/a", "url": URL}, "name is missing"),
        ({"path": "/a", "name": "a"}, "url must be https://"),
        ({"path": "/a", "url": "https://garage.local:1880", "name": "a"}, "not the name 'garage.local'"),
        ({"path": "/a", "url": "http://192.168.1.21:1880"}, "passwords would cross the network"),
        ({"path": "/a", "url": f"{URL}/red", "name": "a"}, "so there is no path in it"),
        ({"path": "/a", "url": "https://fred@192.168.1.21", "name": "a"}, "url must be"),
        ({"path": "/a", "url": "https://192.168.1.21:99999", "name": "a"}, "url must be"),
        ({"path": "/a", "url": "ftp://192.168.1.21", "name": "a"}, "url must be"),
        ({"path": "/a", "url": URL, "name": "192.168.1.21"}, "name '192.168.1.21' must be a DNS name"),
        ({"path": "/a", "url": URL, "name": "*.local"}, "must be a DNS name"),
        ({"path": "a", "url": URL, "name": "a"}, "path: 'a' must be"),
        ({"path": "/a", "url": URL, "name": "a", "port": 1}, "unknown key 'port'"),
        ({"path": 1, "url": URL, "name": "a"}, "path must be text"),
    ],
)
def test_another_host_that_cannot_be(entry: dict[str, t.Any], message: str) -> None:
    good = {"path": "/good", "url": URL, "name": "good.local"}
    with pytest.raises(ProxyOptionError, match=rf"nodered_proxy_others, entry 2.*{message}"):
        desired(others=[good, entry])


@pytest.mark.parametrize("key", ["path", "host"])
def test_the_same_place_twice(key: str) -> None:
    place = {"path": "/a", "host": "a.example.com"}[key]
    entry = {key: place, "url": URL, "name": "a"}
    with pytest.raises(ProxyOptionError, match=f"nodered_proxy_others: the {key} {place} is there twice"):
        desired(others=[entry, entry])


def test_a_path_that_is_the_services_own() -> None:
    with pytest.raises(
        ProxyOptionError, match="nodered_proxy_path and nodered_proxy_others: the path / is there twice"
    ):
        desired(others=[{"path": "/", "url": URL, "name": "a"}])


@pytest.mark.parametrize("provider", ["ca", "selfsigned", "file", "acme", "host"])
def test_nginx_shows_whatever_there_is(provider: str) -> None:
    check_provider("nginx", provider)


def test_nginx_needs_a_certificate() -> None:
    with pytest.raises(ProxyOptionError, match="nodered_proxy is nginx: nodered_certificate_provider none gives no"):
        check_provider("nginx", "none")
    check_provider("none", "none")


def test_ports_are_asked_for_with_a_proxy_alone() -> None:
    assert asked_ports("nginx", {}) == (443, 80)
    assert asked_ports("nginx", {"http": 0}) == (443, 0)
    assert asked_ports("none", {"https": 8443}) == (0, 0)
    with pytest.raises(ProxyOptionError, match="https and http are both 80"):
        asked_ports("nginx", {"https": 80})
