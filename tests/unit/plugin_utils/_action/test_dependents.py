# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of those who will be cut off by TLS."""

from __future__ import annotations

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import DependentsState
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.dependents import (
    files_warning,
    ipv4_warning,
    plain_http_warning,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names

OPEN: DependentsState = {"port": 1880, "clients": [], "calls": {}, "writers": {"flows.json": ["file 'CSV'", "file"]}}
NAMES = Names(("kitchen.local",), ("192.0.2.7",))


def said(
    clients: list[str], flows: dict[str, list[str]] | None = None, flow_file: str | None = None, private: bool = True
) -> str:
    found: DependentsState = {"port": 1880, "clients": clients, "calls": flows or {}, "writers": {}}
    return plain_http_warning(found, ["192.0.2.7"], flow_file, NAMES, private) or ""


def test_nobody() -> None:
    assert said([]) == ""


def test_clients() -> None:
    text = said(["127.0.0.1", "192.0.2.7", "192.0.2.9", "::", ".."])
    assert "port 1880 until now" in text
    assert "Connected now: 192.0.2.9, ::, this host itself." in text
    assert "docs/trust.md" in text


def test_many() -> None:
    assert "192.0.2.9 and 3 more" in said([f"192.0.2.{number}" for number in (*range(20, 29), 9, 30, 31, 32)])


def test_calls() -> None:
    flows = {"flows.json": ["http request 'a\x1b[0m\nb'", "websocket-client"], "old.json": ["http request 'old'"]}
    text = said([], flows, "flows.json")
    assert "2 nodes call" in text
    assert "old" not in text
    assert "\x1b" not in text
    assert "kitchen.local, 192.0.2.7" in text
    assert "NODE_EXTRA_CA_CERTS" in text
    # Where only code tells which file it is, all of them count.
    assert "3 nodes call" in said([], flows)
    assert said([], flows, "other.json") == ""


def test_a_public_certificate_needs_no_trust() -> None:
    text = said(["192.0.2.9"], {"flows.json": ["websocket-client"]}, private=False)
    assert "https://" in text
    assert "trust" not in text
    assert "NODE_EXTRA_CA_CERTS" not in text


def test_files() -> None:
    text = files_warning(OPEN, "flows.json", "pi") or ""
    assert "file 'CSV', file" in text
    assert "for pi alone" in text
    assert 'nodered_umask: "0027"' in text
    assert files_warning(OPEN, "other.json", "pi") is None
    assert files_warning({**OPEN, "writers": {}}, None, "pi") is None


@pytest.mark.parametrize(
    ("host", "reached_at", "own", "told"),
    [
        ("0.0.0.0", "fd00::7", ["192.0.2.7"], True),
        ("192.0.2.7", "fd00::7", ["192.0.2.7", "fd00::7"], True),
        ("0.0.0.0", "kitchen.local", ["fd00::7", "2001:db8::7"], True),
        ("0.0.0.0", "kitchen.local", ["192.0.2.7", "fd00::7"], False),
        ("0.0.0.0", "kitchen.local", [], False),
        ("0.0.0.0", "192.0.2.7", ["fd00::7"], False),
        ("::", "fd00::7", ["fd00::7"], False),
        # The host alone is meant to reach it.
        ("127.0.0.1", "fd00::7", ["fd00::7"], False),
        (None, "fd00::7", ["fd00::7"], False),
    ],
)
def test_a_host_that_people_reach_by_ipv6(host: str | None, reached_at: str, own: list[str], told: bool) -> None:
    warning = ipv4_warning(host, reached_at, own)
    assert (warning is not None) is told
    assert warning is None or "uiHost: '::'" in warning
