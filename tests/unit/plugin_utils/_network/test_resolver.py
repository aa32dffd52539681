# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the resolver says, and that nobody waits for one that says nothing."""

from __future__ import annotations

import socket
import threading
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._network import resolver


@pytest.mark.parametrize("name", ["192.0.2.7", "2001:DB8:0::7", "::1"])
def test_an_address_is_its_own(name: str) -> None:
    assert resolver.addresses_of(name) == {socket.inet_ntop(*_packed(name))}


def _packed(name: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    return family, socket.inet_pton(family, name)


def test_a_name() -> None:
    assert resolver.addresses_of("localhost") & {"127.0.0.1", "::1"}


@pytest.mark.parametrize("name", ["", "a" * 300, "no such name", "\x00", "nothing.invalid"])
def test_no_name(name: str) -> None:
    assert not resolver.addresses_of(name) - {"127.0.0.1", "::1"}


def test_a_resolver_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def silent(*_arguments: t.Any, **_options: t.Any) -> list[t.Any]:
        answered.wait(600)
        return [(0, 0, 0, "", ("192.0.2.7", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    assert resolver.addresses_of("pi", timeout=0.1) == frozenset()
    answered.set()
