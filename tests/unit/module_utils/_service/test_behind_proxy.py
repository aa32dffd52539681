# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service with nginx in front of it: what has to fit, when nginx reads its files, and when Node-RED goes on meanwhile."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from host_state import make_state
from stopped_unit import StoppedUnit

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._service import proof as proof_module
from ansible_collections.pifleet.nodered.plugins.module_utils._service import service as service_module
from ansible_collections.pifleet.nodered.plugins.module_utils._service.proof import Prover
from ansible_collections.pifleet.nodered.plugins.module_utils._service.service import Service
from ansible_collections.pifleet.nodered.plugins.module_utils._service.watch import lets_in_more

BEFORE: t.Any = {"active": True, "endpoints": []}
PROXY = {"name": "kitchen.local", "https": 443, "http": 80, "path": "/", "port": 1880}
SITE = "/etc/nginx/sites-enabled/zz-pifleet-nodered.conf"


class Unit(StoppedUnit):
    """One that runs."""

    exists = True
    active = True

    def processes(self) -> list[int]:
        return []

    def refresh(self) -> Unit:
        return self


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What nginx was told to do; it runs."""
    commands: list[str] = []
    for module in (proof_module, service_module):
        monkeypatch.setattr(module.nginx, "is_active", lambda: True)
        monkeypatch.setattr(module.nginx, "expected", lambda _service: t.cast("t.Any", PROXY))
    monkeypatch.setattr(service_module.nginx, "read_anew", lambda: commands.append("read anew"))
    monkeypatch.setattr(service_module.nginx, "as_before", lambda _former: commands.append("as before"))
    monkeypatch.setattr(service_module, "systemctl", lambda *words, check=True: commands.append(" ".join(words)))
    monkeypatch.setattr(service_module, "match_watchers", lambda _paths: None)
    monkeypatch.setattr(service_module, "located", lambda unit: unit)
    return commands


@pytest.fixture
def service(tmp_path: pathlib.Path, told: list[str]) -> Service:
    made = Service(t.cast("t.Any", Unit(tmp_path)), 900, 3)
    made.store = Store("nodered.service", str(tmp_path / "store"))
    return made


def effective(**changes: t.Any) -> t.Any:
    return {"host": "127.0.0.1", "tls": False, **changes}


@pytest.mark.parametrize(
    ("found", "port", "words"),
    [
        (effective(host="0.0.0.0"), 1880, "would answer the network itself"),
        (effective(host=""), 1880, "would answer the network itself"),
        (effective(tls=True), 1880, "would answer the network itself"),
        (effective(), 443, "which nginx is to have"),
        (effective(), 1881, "nginx would look for Node-RED on port 1880, but it listens on 1881"),
    ],
)
def test_what_does_not_fit_is_told(service: Service, found: t.Any, port: int, words: str) -> None:
    with pytest.raises(HostError, match=words):
        service.prover._proxy(found, port, True)


def test_what_fits(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert service.prover._proxy(effective(), 1880, False) == PROXY
    monkeypatch.setattr(proof_module.nginx, "expected", lambda _service: None)
    assert service.prover._proxy(effective(host="::"), 1880, False) is None
    with pytest.raises(HostError, match="nginx has no site for nodered.service"):
        service.prover._proxy(effective(), 1880, True)


def test_a_proof_says_which_others_do_not_answer(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"path": "/attic", "host": "", "url": "http://127.0.0.1:1881", "name": ""}
    site = f"# proof: {json.dumps({**PROXY, 'others': [other]})}\n"
    monkeypatch.setattr(proof_module.nginx, "site", lambda _service: site)
    # Nothing listens on port 1.
    target: t.Any = {"port": 1880, "proxy": {**PROXY, "https": 1}}
    (remark,) = service.prover.proxy_remarks(target)
    assert remark.startswith("nodered_proxy_others, entry 1: https://kitchen.local:1/attic does not answer")
    assert service.prover.proxy_remarks({**target, "proxy": None}) == []


@pytest.mark.parametrize(
    ("paths", "goes_on"),
    [
        (["/etc/pifleet-nodered/nodered/server.pem"], True),
        ([SITE, "/etc/pifleet-nodered/nodered/authorities.pem"], True),
        ([SITE, "/home/pi/.node-red/settings.js"], False),
        ([], False),
    ],
)
def test_node_red_goes_on_where_only_nginx_is_concerned(service: Service, paths: list[str], goes_on: bool) -> None:
    target: t.Any = {**t.cast("t.Any", make_state()["proof"])["expected"], "proxy": PROXY}
    service.store.write("proved.json", {"expected": target})
    transaction = Transaction(service.store)
    transaction.begin(BEFORE)
    transaction.note(files=[{"path": path} for path in paths])
    assert service.prover.only_proxy_changed(transaction, target) is goes_on
    assert not service.prover.only_proxy_changed(transaction, {**target, "settings": "another"})


def test_a_stopped_nginx_needs_no_restart_of_node_red(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    target: t.Any = {**t.cast("t.Any", make_state()["proof"])["expected"], "proxy": PROXY}
    service.store.write("proved.json", {"expected": target})
    monkeypatch.setattr(proof_module.nginx, "is_active", lambda: False)
    assert service.prover.only_proxy_changed(Transaction(service.store), target)


@pytest.mark.parametrize(("path", "reads"), [(SITE, True), ("/home/pi/.node-red/settings.js", False)])
def test_nginx_reads_what_was_replaced(
    service: Service, told: list[str], monkeypatch: pytest.MonkeyPatch, path: str, reads: bool
) -> None:
    monkeypatch.setattr(Prover, "wait", lambda _self, failures_now: told.append("proved"))
    transaction = Transaction(service.store)
    transaction.begin(BEFORE)
    transaction.note(files=[{"path": path}])
    service._prove_through_nginx(transaction, t.cast("t.Any", {"port": 1880, "proxy": PROXY}))
    assert told == ["enable --quiet nginx.service", *(["read anew"] if reads else []), "proved"]


def test_a_port_around_nginx_is_a_failure(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    listening = [("127.0.0.1", 1880), ("0.0.0.0", 1883), ("192.0.2.7", 1880), ("::1", 1880)]
    monkeypatch.setattr(service_module.probe, "listening", lambda _pids: listening)
    assert service._open_ports(1880) == ["Node-RED itself listens on port 1880 of 192.0.2.7"]


@pytest.mark.parametrize(("noted", "commands"), [(True, "as before"), (False, "read anew")])
def test_nginx_reads_what_is_put_back(
    service: Service, told: list[str], monkeypatch: pytest.MonkeyPatch, noted: bool, commands: str
) -> None:
    monkeypatch.setattr(Transaction, "undo", lambda _self: [SITE])
    monkeypatch.setattr(Service, "_start_as_before", lambda _self, _transaction: told.append("started"))
    monkeypatch.setattr(Transaction, "close_undone", lambda _self: None)
    with service.store.lock():
        transaction = Transaction(service.store)
        transaction.begin(BEFORE)
        transaction.note(files=[{"path": SITE}])
        if noted:
            transaction.note(nginx={"active": True, "enabled": True, "sites": []})
        service._undo(transaction)
    assert [each for each in told if each != "daemon-reload"] == [commands, "started"]


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        ({"tls": True}, {"tls": False, "proxy": PROXY}, False),
        ({"tls": False, "proxy": PROXY}, {"tls": True}, False),
        ({"tls": False}, {"tls": False, "proxy": PROXY}, True),
    ],
)
def test_going_back_to_or_from_nginx_lets_nobody_in(before: t.Any, after: t.Any, more: bool) -> None:
    base: t.Any = {**t.cast("t.Any", make_state()["proof"])["expected"], "proxy": None}
    watched: t.Any = {
        "transaction": {"revoke": [], "session_expiry": None, "proof": {"expected": {**base, **after}}},
        "former": {"expected": {**base, **before}},
    }
    assert lets_in_more(watched) is more
