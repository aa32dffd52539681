# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a service when a step of a run fails, or when somebody else was there meanwhile."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from stopped_unit import StoppedUnit

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._service import service as service_module
from ansible_collections.pifleet.nodered.plugins.module_utils._service.service import Service

BEFORE: t.Any = {"active": True, "endpoints": []}


class Unit(StoppedUnit):
    """One whose service exists."""

    exists = True

    def now(self) -> dict[str, str]:
        return {"TimeoutStopUSec": "infinity"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemctl was asked for, but to stop and to restart."""
    commands: list[str] = []
    monkeypatch.setattr(service_module, "systemctl", lambda *words, check=True: commands.append(" ".join(words)))
    return commands


@pytest.fixture
def service(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> Service:
    monkeypatch.setattr(Service, "_journal", lambda self: [])
    made = Service(t.cast("t.Any", Unit(tmp_path)), 900, 3)
    made.store = Store("nodered.service", str(tmp_path / "store"))
    return made


def test_what_does_not_end_is_started_again(
    service: Service, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = []

    def endless(verb: str, name: str, limit: float) -> None:
        limits.append(limit)
        raise HostError(f"{verb} did not end.")

    monkeypatch.setattr(service_module, "end", endless)
    with service.store.lock():
        transaction = Transaction(service.store)
        transaction.begin(BEFORE)
        transaction.note(restarted=True)
    with pytest.raises(HostError, match="stop did not end"):
        service.undo()
    assert asked[-1] == "start --no-block nodered.service"
    assert Transaction(service.store).open, "the next run has to go on"
    # A unit without an end of its own has as long as Node-RED's start, where that is more.
    assert limits == [900]


@pytest.fixture
def proof() -> t.Any:
    return {"expected": {}, "settings": "0" * 64}


def test_what_another_run_has_gone_on_from_is_finished(service: Service, proof: t.Any) -> None:
    with service.store.lock():
        transaction = Transaction(service.store)
        transaction.begin(BEFORE)
        transaction.note(proof=proof)
        identifier = str(transaction.identifier)
        transaction.commit(proof)
    service.commit(identifier, None, 0)


@pytest.mark.parametrize("other", [None, "20260102T030405Z-678"])
def test_who_lost_against_another_run_is_told(service: Service, proof: t.Any, other: str | None) -> None:
    with service.store.lock():
        transaction = Transaction(service.store)
        transaction.begin(BEFORE)
        if other:
            transaction.note(id=other)
        else:
            other = transaction.identifier
            transaction.commit(proof)
    with pytest.raises(
        HostError, match=f"19990101T000000Z-1.*another run has replaced it.*{other}.*Run again"
    ) as failure:
        service.commit("19990101T000000Z-1", None, 0)
    assert failure.value.details == {"restored": []}
