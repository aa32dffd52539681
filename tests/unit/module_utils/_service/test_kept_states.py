# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states that can be brought back: each path as it was before a change and all later ones."""

from __future__ import annotations

import base64
import pathlib
import typing as t

import pytest
from kept_changes import change
from stopped_unit import StoppedUnit

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._service import kept_states as module
from ansible_collections.pifleet.nodered.plugins.module_utils._service.kept_states import (
    files_before,
    kept_states,
    kept_transactions,
    since,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import StatesResult
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.answers import checked


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Store:
    return Store("nodered.service", str(tmp_path / "store"))


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "node-red"
    folder.mkdir()
    (folder / "settings.js").write_bytes(b"first")
    return folder


def kept(store: Store, path: pathlib.Path, identifier: str) -> bytes | None:
    """What a file was in a state."""
    entry = files_before(since(store, identifier))[str(path)]
    return pathlib.Path(store.path(entry["backup"])).read_bytes() if entry["backup"] else None


def test_a_state_has_the_oldest_copy_since_then(store: Store, folder: pathlib.Path) -> None:
    one = change(store, folder, settings__js=b"second", drop_in=b"new")
    two = change(store, folder, settings__js=b"third")
    three = change(store, folder, drop_in=b"newer")
    assert [each.record["id"] for each in kept_transactions(store)] == [three, two, one]
    assert [kept(store, folder / "settings.js", each) for each in (one, two)] == [b"first", b"second"]
    assert [kept(store, folder / "drop_in", each) for each in (one, two, three)] == [None, b"new", b"new"]
    assert str(folder / "settings.js") not in files_before(since(store, three))


def test_names_sort_in_order_though_the_clock_goes_back(
    store: Store, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    real = time.gmtime
    times = iter([1_800_000_000, 1_700_000_000, 1_700_000_000])
    monkeypatch.setattr(time, "gmtime", lambda *at: real(at[0] if at else next(times)))
    names = [change(store, folder, settings__js=b"%d" % number) for number in range(3)]
    assert [each.record["id"] for each in kept_transactions(store)] == names[::-1]
    assert [name.partition("-")[0] for name in names] == ["20270115T080000Z", "20270115T080001Z", "20270115T080002Z"]


def test_what_was_not_proved_is_no_state(store: Store, folder: pathlib.Path) -> None:
    change(store, folder, proved=False, settings__js=b"bad")
    assert kept_transactions(store) == []


def test_neither_sessions_nor_credentials_come_back(store: Store, folder: pathlib.Path) -> None:
    names = (".sessions.json", "flows_cred.json", ".flows_cred.json.backup", ".config.runtime.json")
    for name in names:
        (folder / name).write_bytes(b"old")
    new: t.Any = {name.replace(".", "__"): b"new" for name in (*names, "settings.js")}
    identifier = change(store, folder, **new)
    assert list(files_before(since(store, identifier))) == [str(folder / "settings.js")]


def test_an_unknown_state_is_refused_with_the_way_to_the_list(store: Store, folder: pathlib.Path) -> None:
    change(store, folder, settings__js=b"second")
    with pytest.raises(HostError, match="No state 20260102T030405Z-6 is kept on this host"):
        since(store, "20260102T030405Z-6")


def test_nothing_is_known_behind_a_damaged_record(store: Store, folder: pathlib.Path) -> None:
    names = [change(store, folder, settings__js=b"%d" % number) for number in range(3)]
    store.keep(f"backups/{names[1]}/transaction.json", b"{ not JSON")
    assert [each.record["id"] for each in kept_transactions(store)] == [names[2]]


def test_the_list_passes_the_gate_of_the_control_node(store: Store, folder: pathlib.Path) -> None:
    unit: t.Any = StoppedUnit(folder)
    change(store, folder, settings__js=b"second", made=b"1")
    change(store, folder, made=None)
    answer = {"changed": False, "states": kept_states(store, unit)}
    newest, oldest = checked(StatesResult, answer, "host_restore")["states"]
    assert newest["files"] == [{"path": str(folder / "made"), "change": "removed"}]
    assert [file["change"] for file in oldest["files"]] == ["replaced", "made"]
    assert newest["settings"] is None
    assert base64.b64decode(oldest["settings"] or "") == b"first"


def test_the_size_of_a_list_is_bounded_but_not_that_of_one(
    store: Store, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit: t.Any = StoppedUnit(folder)
    monkeypatch.setattr(module, "MAXIMUM_OF_ALL", 11)
    one, _two, _three = (change(store, folder, settings__js=b"second") for _number in range(3))
    assert [bool(state["settings"]) for state in kept_states(store, unit)] == [True, False, False]
    assert [state["settings"] for state in kept_states(store, unit, one)] == [
        None,
        None,
        base64.b64encode(b"first").decode(),
    ]
