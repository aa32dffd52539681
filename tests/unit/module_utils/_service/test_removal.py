# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host does when this collection is taken off it, and what it does not before that is proved."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from kept_changes import proof
from stopped_unit import StoppedUnit

from ansible_collections.pifleet.nodered.plugins.module_utils._host import origin
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._service import removal
from ansible_collections.pifleet.nodered.plugins.module_utils._service.service import DesiredService


class FakeService:
    """A service whose restarts only tell of what was asked for, and fail where they should."""

    def __init__(self, folder: pathlib.Path, store: Store) -> None:
        self.unit = StoppedUnit(folder)
        self.store = store
        self.fails = False
        self.auth = False
        self.asked: list[DesiredService] = []

    def before(self) -> dict[str, t.Any]:
        return {"active": True, "endpoints": []}

    def prove(
        self, desired: DesiredService, change: t.Callable[[Transaction], None], settle: t.Callable[[], None]
    ) -> dict[str, t.Any]:
        transaction = Transaction(self.store)
        change(transaction)
        self.asked.append(desired)
        if self.fails:
            transaction.undo()
            transaction.close()
            raise HostError("It does not start.")
        settle()
        identifier = transaction.identifier
        transaction.commit(proof())
        return {"transaction": identifier, "proof": {"expected": {"auth": self.auth, "user_dir": None}}}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "node-red"
    (folder / "nodecerts").mkdir(parents=True)
    for name in ("settings.js", "nodecerts/server.pem", ".sessions.json", "flows.json"):
        (folder / name).write_text("{}")
        (folder / name).chmod(0o600)
    return folder


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands of systemctl."""
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(removal, "systemctl", lambda *arguments: commands.append(arguments))
    monkeypatch.setattr(removal, "sessions_file", lambda unit, _target: os.path.join(unit.user_dir, ".sessions.json"))
    return commands


@pytest.fixture
def service(folder: pathlib.Path, tmp_path: pathlib.Path, ran: list[tuple[str, ...]]) -> FakeService:
    assert ran == []
    service = FakeService(folder, Store("nodered.service", str(tmp_path / "store")))
    flows = str(folder / "flows.json")
    origin.note_enabled(service.store, False)
    origin.note_modes(service.store, {flows: "0644"}, {flows: "0600"})
    service.store.write("origin.json", {"settings": "Zmlyc3Q="})
    service.store.write("direct.json", {})
    return service


def remove(service: FakeService, **options: t.Any) -> t.Any:
    return removal.remove(t.cast("t.Any", service), **{"keep_certificate": False, "watch_minutes": 0, **options})


def test_all_of_ours_goes_and_rights_come_back(
    service: FakeService, folder: pathlib.Path, ran: list[tuple[str, ...]]
) -> None:
    assert removal.origin(t.cast("t.Any", service))["settings"] == "Zmlyc3Q="
    done = remove(service)
    assert done["opened"] == [str(folder / "flows.json")]
    assert sorted(os.listdir(folder)) == ["flows.json", "settings.js"]
    assert (folder / "flows.json").stat().st_mode & 0o777 == 0o644
    assert ran == [("disable", "--quiet", service.unit.name)]
    (desired,) = service.asked
    assert (desired.drop_in, desired.environment, desired.revoke) == ("", "", ["*"])
    left = set(os.listdir(service.store.directory))
    assert not left & {"origin.json", "direct.json", "found.json"}


def test_nothing_opens_before_it_is_proved(
    service: FakeService, folder: pathlib.Path, ran: list[tuple[str, ...]]
) -> None:
    service.fails = True
    with pytest.raises(HostError, match="does not start"):
        remove(service)
    assert ran == []
    assert (folder / "flows.json").stat().st_mode & 0o777 == 0o600
    assert (folder / "nodecerts/server.pem").exists()
    assert json.loads((pathlib.Path(service.store.directory) / "origin.json").read_text()) == {"settings": "Zmlyc3Q="}
    assert (folder / ".sessions.json").exists()


def test_a_certificate_that_is_read_and_a_login_that_is_asked_for_stay(
    service: FakeService, folder: pathlib.Path
) -> None:
    service.auth = True
    remove(service, keep_certificate=True)
    assert (folder / "nodecerts/server.pem").exists()
    assert (folder / ".sessions.json").exists()


def test_what_is_kept_goes_but_while_it_is_needed(service: FakeService) -> None:
    transaction = Transaction(service.store)
    transaction.begin({"active": True, "endpoints": []})
    with pytest.raises(HostError, match="still needed"):
        removal.forget(t.cast("t.Any", service))
    assert os.path.isdir(service.store.directory)
    Transaction(service.store).close()
    removal.forget(t.cast("t.Any", service))
    assert not os.path.exists(service.store.directory)
    # Once more, nothing is there.
    removal.forget(t.cast("t.Any", service))
