# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the watch does when Node-RED has ended."""

from __future__ import annotations

import os
import pathlib

import pytest
from host_state import make_state
from stopped_unit import StoppedUnit
from watch_plan import WATCH_PLAN

from ansible_collections.pifleet.nodered.plugins.module_utils._host import transaction as transaction_module
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import PROVED, WENT_BACK, Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._service import watch as watch_module


class Unit(StoppedUnit):
    """One whose service exists."""

    exists = True


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemctl was asked for; the service has ended by itself."""
    commands: list[str] = []

    def systemctl(*words: str, check: bool = True) -> str:
        commands.append(" ".join(words))
        return ""

    for module in (transaction_module, watch_module):
        monkeypatch.setattr(module, "systemctl", systemctl)
    monkeypatch.setattr(watch_module, "properties", lambda _service: {"NRestarts": "1"})
    return commands


@pytest.fixture
def store(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> Store:
    monkeypatch.setattr(Store.__init__, "__defaults__", (str(tmp_path / "store"),))
    monkeypatch.setattr(watch_module, "Unit", lambda *_options: Unit(tmp_path))
    return Store("nodered.service")


def test_a_change_that_has_closed_the_host_is_watched_on(
    store: Store, asked: list[str], tmp_path: pathlib.Path
) -> None:
    """It is started again instead, as often as it ends."""
    proof = make_state()["proof"]
    assert proof
    store.write(PROVED, {**proof, "expected": {**proof["expected"], "auth": False}, "transaction": None})
    settings = tmp_path / "settings.js"
    settings.write_bytes(b"open")
    transaction = Transaction(store)
    transaction.begin({"active": True, "endpoints": []})
    transaction.replace(str(settings), b"closed", 0o600, os.getuid(), os.getgid())
    transaction.commit({"expected": proof["expected"], "settings": proof["settings"]}, WATCH_PLAN)
    watched = transaction.watched
    assert watched
    for _end in range(2):
        asked.clear()
        assert not watch_module._went_back(store, watched, 0)
        assert asked == ["start nodered.service"]
        assert Transaction(store).watched == watched
        assert os.path.exists(store.path("watch.pyz"))
        assert settings.read_bytes() == b"closed"
        assert store.read(WENT_BACK)["outcome"] == "closed"
