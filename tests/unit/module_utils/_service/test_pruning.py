# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store stays small, and never forgets the only secret of the credentials."""

from __future__ import annotations

import json
import os
import pathlib

import pytest
from flow_credentials import encrypted
from kept_changes import change

from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._service.kept_states import backups, kept_transactions
from ansible_collections.pifleet.nodered.plugins.module_utils._service.pruning import prune

SETTINGS = "settings.js"
HASH = b"$2b$08$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232"


@pytest.fixture
def store(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    # Which would take most of the time.
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    return Store("nodered.service", str(tmp_path / "store"))


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "node-red"
    folder.mkdir()
    return folder


def text(number: int, secret: str = "") -> bytes:
    line = f'    credentialSecret: "{secret}",\n' if secret else ""
    return b'module.exports = {\n%s    password: "%s", // %d\n}\n' % (line.encode(), HASH, number)


def everything(store: Store) -> bytes:
    return b"".join(path.read_bytes() for path in pathlib.Path(store.directory).rglob("*") if path.is_file())


@pytest.mark.slow
def test_the_store_is_flat_after_a_hundred_changes(store: Store, folder: pathlib.Path) -> None:
    sizes = []
    for number in range(100):
        change(store, folder, settings__js=text(number % 10))
        change(store, folder, proved=False, settings__js=text(number % 10))
        prune(store, 10, SETTINGS)
        sizes.append(len(everything(store)))
    assert len(kept_transactions(store)) == 10
    assert len(backups(store)) == 20
    # The process in the name of a transaction has the same length in all of them.
    assert max(sizes[20:]) <= sizes[20] * 1.02


@pytest.mark.slow
def test_a_secret_for_each_change_is_bounded_too(store: Store, folder: pathlib.Path) -> None:
    for number in range(60):
        change(store, folder, settings__js=text(1, f"secret-{number}"))
        prune(store, 5, SETTINGS)
    assert len(kept_transactions(store)) == 5
    assert len(backups(store)) == 10


def test_the_newest_states_stay_whole(store: Store, folder: pathlib.Path) -> None:
    names = [change(store, folder, settings__js=text(number)) for number in range(6)]
    prune(store, 3, SETTINGS)
    assert [each.record["id"] for each in kept_transactions(store)] == names[:2:-1]
    assert all(os.path.exists(store.path("backups", name, "0-settings.js")) for name in names[3:])


def test_the_only_copy_of_a_secret_is_kept_without_the_hashes_beside_it(store: Store, folder: pathlib.Path) -> None:
    (folder / SETTINGS).write_bytes(text(0, "only"))
    first = change(store, folder, settings__js=text(1))
    for number in range(2, 5):
        change(store, folder, settings__js=text(number))
    before = os.stat(store.path("backups", first, "0-settings.js")).st_mtime
    prune(store, 2, SETTINGS)
    assert len(kept_transactions(store)) == 2
    assert sorted(os.listdir(store.path("backups", first))) == ["0-settings.js", "kept.json"]
    left = pathlib.Path(store.path("backups", first, "0-settings.js"))
    assert left.read_bytes() == b'credentialSecret: "only"\n'
    assert left.stat().st_mtime == before
    assert left.stat().st_mode & 0o777 == 0o600
    prune(store, 2, SETTINGS)
    assert left.read_bytes() == b'credentialSecret: "only"\n'


def test_keys_of_a_plan_and_of_node_red_are_kept(store: Store, folder: pathlib.Path) -> None:
    (folder / ".config.runtime.json").write_bytes(json.dumps({"_credentialSecret": "generated", "x": 1}).encode())
    first = change(store, folder, __config__runtime__json=b"{}")
    record = json.loads(pathlib.Path(store.path("backups", first, "transaction.json")).read_bytes())
    record["credentials"] = {"secret": "planned", "keys": ["former"], "required": [], "sources": {}}
    store.keep(f"backups/{first}/transaction.json", json.dumps(record).encode())
    for number in range(2):
        change(store, folder, settings__js=text(number))
    prune(store, 1, SETTINGS)
    left = everything(store)
    assert all(each in left for each in (b"generated", b"planned", b"former"))
    assert not os.path.exists(store.path("backups", first, "transaction.json"))


def test_the_newest_credentials_that_are_not_empty_are_kept(store: Store, folder: pathlib.Path) -> None:
    (folder / "flows_cred.json").write_bytes(encrypted("only"))
    first = change(store, folder, flows_cred__json=b"{}")
    second = change(store, folder, flows_cred__json=b"{}")
    for number in range(2):
        change(store, folder, settings__js=text(number))
    prune(store, 1, SETTINGS)
    assert sorted(os.listdir(store.path("backups", first))) == ["0-flows_cred.json", "kept.json"]
    assert not os.path.exists(store.path("backups", second))


def test_what_cannot_be_removed_fails_nothing(
    store: Store, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        change(store, folder, settings__js=text(number))

    def refuse(*_arguments: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("shutil.rmtree", refuse)
    prune(store, 2, SETTINGS)
    assert len(kept_transactions(store)) == 2
