# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which private key a host has certified."""

from __future__ import annotations

import pathlib

import pytest
from pki_tools import CertificateFactory

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate.host_certificate import (
    HostCertificate,
    key_type_of,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("p256", "ecdsa-p256"),
        ("p384", "ecdsa-secp384r1"),
        ("rsa2048", "rsa-2048"),
        ("rsa1024", "rsa-1024"),
        ("ed25519", "ED25519 Public-Key:"),
    ],
)
def test_types(kind: str, expected: str, factory: CertificateFactory) -> None:
    assert key_type_of(factory.key(kind).read_bytes()) == expected


def host(
    tmp_path: pathlib.Path, key_type: str | None, installed: bytes | None, new_key: bool = False
) -> HostCertificate:
    made = HostCertificate.__new__(HostCertificate)
    made.store = Store("nodered.service", str(tmp_path))
    made.key_type, made.new_key = key_type, new_key
    made._installed_key = lambda: installed  # type: ignore[method-assign]
    return made


def test_a_key_that_is_there_stays(tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
    key = factory.key("rsa2048").read_bytes()
    for key_type in (None, "rsa-2048"):
        with (asked := host(tmp_path, key_type, key)).store.lock():
            assert asked._key() == key


def test_another_type_is_made(tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
    with (asked := host(tmp_path, "ecdsa-p256", factory.key("rsa2048").read_bytes())).store.lock():
        key = asked._key()
        assert key_type_of(key) == "ecdsa-p256"
        # It waits for its certificate, also for a run that asks for nothing.
        assert asked._key() == host(tmp_path, None, None)._key() == key


def test_a_waiting_key_of_another_type_is_not_taken(tmp_path: pathlib.Path, factory: CertificateFactory) -> None:
    with (asked := host(tmp_path, "rsa-2048", None)).store.lock():
        asked.store.keep("staged.key", factory.key("p256").read_bytes())
        assert key_type_of(asked._key()) == "rsa-2048"


def test_without_a_wish_the_first_type_is_made(tmp_path: pathlib.Path) -> None:
    with (asked := host(tmp_path, None, None)).store.lock():
        assert key_type_of(asked._key()) == "ecdsa-p256"
