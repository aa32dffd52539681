# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which private key a host has certified."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from pki_tools import CertificateFactory
from stopped_unit import StoppedUnit

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate import host_certificate as module
from ansible_collections.pifleet.nodered.plugins.module_utils._certificate.host_certificate import (
    HostCertificate,
    fits,
    key_type_of,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host import transaction as transaction_module
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy import placement
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_source import split_pem
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import Reader


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


@pytest.fixture
def places(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[[bool], HostCertificate]:
    """The certificate of a service that Node-RED reads, or nginx."""
    me = Account.of_uid(os.getuid(), os.getgid())
    monkeypatch.setattr(module, "located", lambda unit: unit)
    monkeypatch.setattr(module, "proxy_certificate", lambda _service: str(tmp_path / "etc/nodered/server.pem"))
    monkeypatch.setattr(placement, "PROXY_DIRECTORY", str(tmp_path / "etc"))
    monkeypatch.setattr(placement, "proxy_directory", lambda _service: str(tmp_path / "etc/nodered"))
    monkeypatch.setattr(placement, "Account", lambda _name: me)
    monkeypatch.setattr(transaction_module, "PROXY_DIRECTORY", str(tmp_path / "etc"))
    monkeypatch.setattr(module, "Store", lambda service: Store(service, str(tmp_path / "store")))
    (tmp_path / "node-red").mkdir()
    unit: t.Any = StoppedUnit(tmp_path / "node-red")
    return lambda proxy: HostCertificate(unit, None, False, proxy)


@pytest.mark.skipif(os.getuid() != 0, reason="what nginx reads belongs to root")
def test_a_pair_goes_where_it_is_read_and_comes_back(
    places: t.Callable[[bool], HostCertificate], factory: CertificateFactory, tmp_path: pathlib.Path
) -> None:
    beside, behind = tmp_path / "node-red/nodecerts/server.pem", tmp_path / "etc/nodered/server.pem"
    beside.parent.mkdir()
    pair = factory.key("p256").read_bytes() + factory.self_signed("p256")
    beside.write_bytes(pair)
    done = places(True).move()
    assert done["path"] == str(behind)
    assert fits(*split_pem(behind.read_bytes()))
    assert behind.stat().st_mode & 0o777 == 0o600
    assert not beside.exists()
    # As one transaction, that can be undone.
    store = Store("nodered.service", str(tmp_path / "store"))
    Transaction(store).undo()
    assert (beside.read_bytes(), behind.exists()) == (pair, False)
    Transaction(store).close()
    places(True).move()
    places(False).move()
    assert fits(*split_pem(beside.read_bytes()))
    assert not behind.exists()
    # Once that is proved, nothing is left of the other place.
    Transaction(store).close()
    assert not (tmp_path / "etc").exists()


def test_who_reads_them(places: t.Callable[[bool], HostCertificate], tmp_path: pathlib.Path) -> None:
    unit = places(False).unit
    beside = str(tmp_path / "node-red/nodecerts/server.pem")
    assert places(False).reader == Reader(beside, unit.account.name, unit.account.group)
    assert places(True).reader == Reader.nginx("nodered.service")
    assert Reader.nginx("nodered.service") == Reader(
        "/etc/pifleet-nodered/nodered/server.pem", "root", "root", "nginx.service"
    )


def test_a_key_is_kept_wherever_it_is(
    places: t.Callable[[bool], HostCertificate], factory: CertificateFactory, tmp_path: pathlib.Path
) -> None:
    beside = tmp_path / "node-red/nodecerts/server.pem"
    beside.parent.mkdir()
    beside.write_bytes(factory.key("p256").read_bytes())
    assert (places(True)._installed_key() or b"").split() == factory.key("p256").read_bytes().split()


def test_there_is_nothing_to_move(places: t.Callable[[bool], HostCertificate]) -> None:
    with pytest.raises(HostError, match="There is no key in"):
        places(True).move()
