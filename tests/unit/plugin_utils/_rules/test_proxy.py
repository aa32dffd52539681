# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each rule about the nginx in front of a Node-RED: a state that breaks it, and states that do not."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from host_state import make_state

from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.host_view import Host, port_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.network import check_transport
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.proxy import RULES, check_proxy, logs_queries

SITE = """\
# proof: {"http": 80, "https": 443, "name": "kitchen.local", "path": "/", "port": 1880}
log_format nodered '$remote_addr "$request_method $uri" $status';
server {
    access_log /var/log/nginx/pifleet-nodered.log nodered;
}
"""
NGINX: dict[str, t.Any] = {
    "version": "1.26.3",
    "active": True,
    "enabled": True,
    "site": SITE,
    "authorities": "",
    "ipv6": True,
    "listeners": [],
    "direct": None,
    "complaints": [],
}
VIEW: dict[str, t.Any] = {"reachable": True, "tls": True, "port": 443, "address": "192.0.2.7", "not_redirected": []}


def host(
    view: dict[str, t.Any] | None = None,
    nginx: dict[str, t.Any] | None = None,
    listening: t.Sequence[t.Any] = (["127.0.0.1", 1880],),
    settings: bytes = b'module.exports = {uiHost: "127.0.0.1"}',
) -> Host:
    state = make_state(
        proxy={**NGINX, **(nginx or {})}, details__listening=list(listening), **{"settings.content": settings}
    )
    return Host(state, {**VIEW, **(view or {})}, "kitchen", datetime.date(2026, 1, 1))


def found(host: Host) -> set[str]:
    return {finding.rule.identifier for finding in check_proxy(host)}


def test_nothing_is_wrong() -> None:
    assert found(host()) == set()
    # A port that flows listen on.
    assert found(host(listening=[["127.0.0.1", 1880], ["0.0.0.0", 1883]])) == set()


FAULTS: list[tuple[str, dict[str, t.Any]]] = [
    ("proxy-bypassed", {"listening": [["0.0.0.0", 1880]]}),
    ("proxy-bypassed", {"listening": [], "settings": b"module.exports = {}"}),
    ("proxy-redirect-missing", {"view": {"not_redirected": [80]}}),
    ("proxy-old-tls", {"view": {"old_tls": "TLSv1.1"}}),
    ("proxy-site-ignored", {"nginx": {"complaints": ["conflicting server name"]}}),
    ("proxy-logs-query", {"nginx": {"site": SITE.replace("$uri", "$request_uri")}}),
]


@pytest.mark.parametrize(("rule", "given"), FAULTS)
def test_a_fault_is_found_alone(rule: str, given: dict[str, t.Any]) -> None:
    assert found(host(**given)) == {rule}


def test_every_rule_has_its_fault() -> None:
    assert {rule for rule, _given in FAULTS} == set(RULES)


def test_old_tls_is_told_once() -> None:
    told = [finding.rule.identifier for finding in check_transport(host({"old_tls": "TLSv1.1"}))]
    assert told == []


@pytest.mark.parametrize("nginx", [None, {**NGINX, "site": None}, {**NGINX, "site": "of somebody else"}])
def test_without_a_site_of_ours_nothing_is_said(nginx: dict[str, t.Any] | None) -> None:
    state = make_state(proxy=nginx)
    assert not list(check_proxy(Host(state, VIEW, "kitchen", datetime.date(2026, 1, 1))))
    assert port_of(state) == 1880


def test_the_port_to_look_at_is_that_of_nginx() -> None:
    assert port_of(host().state) == 443


@pytest.mark.parametrize(
    ("text", "logs"),
    [
        ("access_log off;", False),
        ("access_log /var/log/a;", True),
        ("access_log /var/log/a combined;", True),
        ("access_log /var/log/a own buffer=32k;", False),
        ("log_format own '$remote_addr $uri';\naccess_log /var/log/a own;", False),
        ("log_format own '$request';\naccess_log /var/log/a own;", True),
        ("log_format own '$request_method';\naccess_log /var/log/a own;", False),
        ('log_format own escape=json \'{"q": "${args}"}\';\naccess_log /var/log/a own;', True),
        ("log_format own '$http_referer';\naccess_log /var/log/a own gzip;", True),
        ("log_format own '$arg_access_token';\naccess_log /var/log/a own;", True),
        # That of nginx.conf.
        ("server { }", True),
    ],
)
def test_a_log_with_queries(text: str, logs: bool) -> None:
    assert logs_queries(text) is logs
