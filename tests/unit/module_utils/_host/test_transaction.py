# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transaction: whenever it is cut off, there is either nothing to undo or all that is needed to undo it."""

from __future__ import annotations

import errno
import os
import pathlib
import stat
import threading
import time

import pytest
from host_state import make_state

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host import store as store_module
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account, user_name
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import ConflictError, HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import ServiceBefore, TransactionRecord

ME = (os.getuid(), os.getgid())
BEFORE: ServiceBefore = {"active": True, "endpoints": []}


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Store:
    return Store("nodered.service", str(tmp_path / "store"))


@pytest.fixture
def host(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "node-red"
    folder.mkdir()
    (folder / "settings.js").write_bytes(b"old settings")
    (folder / "settings.js").chmod(0o644)
    return folder


def snapshot(folder: pathlib.Path) -> dict[str, tuple[bytes | None, int]]:
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else None,
            stat.S_IMODE(path.stat().st_mode),
        )
        for path in sorted(folder.rglob("*"))
    }


def record_of(transaction: Transaction) -> TransactionRecord:
    assert transaction.record is not None
    return transaction.record


def change_everything(store: Store, host: pathlib.Path) -> Transaction:
    account = Account(user_name(ME[0]))
    transaction = Transaction(store)
    transaction.begin(BEFORE)
    transaction.make_directory(str(host / "nodecerts"), 0o700, account)
    transaction.replace(str(host / "nodecerts/server.pem"), b"key and certificate", 0o600, *ME, account)
    transaction.replace(str(host / "settings.js"), b"new settings", 0o600, *ME, account)
    transaction.replace(str(host / "settings.js"), b"newer settings", 0o600, *ME, account)
    return transaction


def test_undo_gives_back_every_byte_and_mode(store: Store, host: pathlib.Path) -> None:
    before = snapshot(host)
    transaction = change_everything(store, host)
    assert (host / "settings.js").read_bytes() == b"newer settings"
    transaction.undo()
    transaction.close()
    assert snapshot(host) == before
    assert not Transaction(store).open


def test_refused_files_are_kept(store: Store, host: pathlib.Path) -> None:
    transaction = change_everything(store, host)
    identifier = transaction.identifier
    assert identifier is not None
    transaction.undo()
    kept = store.path("backups", identifier)
    assert files.read(os.path.join(kept, "refused-server.pem")) == b"key and certificate"
    assert files.read(os.path.join(kept, "refused-settings.js")) == b"newer settings"


def test_commit_keeps_the_old_files_and_closes(store: Store, host: pathlib.Path) -> None:
    transaction = change_everything(store, host)
    identifier = transaction.identifier
    assert identifier is not None
    proof = make_state()["proof"]
    assert proof is not None
    transaction.commit({"expected": proof["expected"], "settings": "abc"})
    assert not Transaction(store).open
    assert store.read("proved.json")["transaction"] == identifier
    kept = [name for name in os.listdir(store.path("backups", identifier)) if name.endswith("settings.js")]
    assert [files.read(store.path("backups", identifier, name)) for name in kept] == [b"old settings"]


def test_only_root_can_look_into_the_store(store: Store, host: pathlib.Path) -> None:
    change_everything(store, host)
    for folder, _folders, names in os.walk(os.path.dirname(store.directory)):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        for name in names:
            assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600


@pytest.mark.parametrize("name", ["transaction.json", "proved.json", "backups/forged"])
def test_nobody_but_root_forges_a_record(store: Store, host: pathlib.Path, name: str) -> None:
    """Also where the directories were there before, open to everybody, and with a umask that takes nothing away."""
    if os.geteuid() != 0:
        pytest.skip("only root can take another user's rights: make test runs this as root")
    os.makedirs(store.path("backups"))
    for directory in pathlib.Path(store.path("backups")).parents:
        if str(directory).startswith("/tmp/"):
            directory.chmod(0o755)
    for path in (os.path.dirname(store.directory), store.directory, store.path("backups")):
        os.chmod(path, 0o777)
    old = os.umask(0)
    try:
        change_everything(store, host)
    finally:
        os.umask(old)
    record = Transaction(store).record
    with Account("nobody").rights(), pytest.raises(PermissionError):
        pathlib.Path(store.path(name)).unlink(missing_ok=True)
        pathlib.Path(store.path(name)).write_bytes(b"{}")
    assert Transaction(store).record == record


def test_the_way_back_gives_no_program_the_rights_of_its_owner(store: Store, host: pathlib.Path) -> None:
    """The owner of a file may have set such a bit; and what its record says is no reason to set one."""
    (host / "settings.js").chmod(0o6755)
    transaction = change_everything(store, host)
    status = record_of(transaction)["files"][-1]["status"]
    assert status is not None
    assert status["mode"] == "0755"
    transaction.undo()
    assert stat.S_IMODE((host / "settings.js").stat().st_mode) == 0o755
    assert files.mode_of({**status, "mode": "6755"}) == 0o755


@pytest.mark.parametrize("writes", range(12))
def test_a_run_killed_at_any_write_can_be_undone(
    store: Store, host: pathlib.Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Power fails at the n-th rename; what follows reads only what is on the disk."""
    before = snapshot(host)
    real, count = os.rename, 0

    def rename(source: str, target: str) -> None:
        nonlocal count
        count += 1
        if count > writes:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    try:
        change_everything(store, host)
    except KeyboardInterrupt:
        assert count == writes + 1
    monkeypatch.setattr(os, "rename", real)
    found = Transaction(store)
    if found.open:
        found.undo()
        found.close()
    left = {name: state for name, state in snapshot(host).items() if not os.path.basename(name).startswith(".")}
    assert left == before


def test_a_second_run_joins_the_open_transaction(store: Store, host: pathlib.Path) -> None:
    first = change_everything(store, host)
    second = Transaction(store)
    second.begin({"active": False, "endpoints": []})
    assert second.identifier == first.identifier
    assert record_of(second)["before"] == BEFORE
    second.replace(str(host / "settings.js"), b"third", 0o600, *ME)
    second.undo()
    assert (host / "settings.js").read_bytes() == b"old settings"


def test_a_removed_file_comes_back(store: Store, host: pathlib.Path) -> None:
    before = snapshot(host)
    transaction = Transaction(store)
    transaction.begin(BEFORE)
    transaction.replace(str(host / "settings.js"), None, 0, *ME)
    assert not (host / "settings.js").exists()
    transaction.undo()
    assert snapshot(host) == before


def test_a_damaged_record_is_named(store: Store) -> None:
    store.keep("transaction.json", b"{ not JSON")
    with pytest.raises(HostError, match="transaction.json is damaged"):
        Transaction(store)


def test_the_lock_lets_one_run_in(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LOCK_TIMEOUT", 0.3)
    refused: list[str | None] = []

    def second() -> None:
        try:
            with store.lock():
                refused.append(None)
        except HostError as exc:
            refused.append(str(exc))

    with store.lock():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "Another run has been working" in (refused[0] or "")
    second()
    assert refused[1] is None


def test_a_file_that_changed_meanwhile_is_no_part_of_the_transaction(store: Store, host: pathlib.Path) -> None:
    transaction = Transaction(store)
    transaction.begin(BEFORE)
    with pytest.raises(ConflictError):
        transaction.replace(str(host / "settings.js"), b"new", 0o600, *ME, expected=checksum(b"another"))
    assert record_of(transaction)["files"] == []
    transaction.close_if_empty()
    assert not Transaction(store).open
    assert (host / "settings.js").read_bytes() == b"old settings"


def test_what_was_proved_is_finished_before_something_else_begins(
    store: Store, host: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose control node went away after the proof: what comes later must not undo it."""
    proved = change_everything(store, host)
    proved.note(proof={"settings": "abc"})
    first = proved.identifier
    # The name of a transaction has the second in which it began.
    monkeypatch.setattr(time, "gmtime", lambda: (2099, 1, 1, 0, 0, 0, 0, 1, 0))
    transaction = Transaction(store)
    states = [transaction.is_proved]
    transaction.begin(BEFORE)
    assert [*states, transaction.is_proved] == [True, False]
    assert transaction.identifier != first
    assert store.read("proved.json")["settings"] == "abc"
    transaction.replace(str(host / "settings.js"), b"newest settings", 0o600, *ME)
    transaction.undo()
    assert (host / "settings.js").read_bytes() == b"newer settings"


def no_room(*_arguments: object, **_options: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def beside(folder: pathlib.Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


def test_the_way_back_needs_no_room(store: Store, host: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(host)
    transaction = change_everything(store, host)
    # Neither for what is put aside.
    monkeypatch.setattr(files, "_open_new", no_room)
    assert sorted(transaction.undo()) == [str(host / "nodecerts/server.pem"), str(host / "settings.js")]
    transaction.close()
    assert snapshot(host) == before


def test_a_change_without_room_is_undone_without_a_write(
    store: Store, host: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(host)
    transaction = Transaction(store)
    transaction.begin(BEFORE)
    with monkeypatch.context() as full:
        real = files._open_new
        # The store's disk has room for what is kept.
        full.setattr(files, "_open_new", lambda path, owner: no_room() if str(host) in path else real(path, owner))
        with pytest.raises(HostError, match="No space left"):
            transaction.replace(str(host / "settings.js"), b"new", 0o600, *ME)
    assert [entry["path"] for entry in record_of(transaction)["files"]] == [str(host / "settings.js")]
    # As on a file system that has become read-only.
    for name in ("rename", "unlink", "link"):
        monkeypatch.setattr(os, name, no_room)
    monkeypatch.setattr(files, "_open_new", no_room)
    assert transaction.undo() == []
    monkeypatch.undo()
    transaction.close()
    assert snapshot(host) == before


def test_one_that_cannot_be_put_back_stops_no_other(
    store: Store, host: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host / "other.json").write_bytes(b"old")
    before = snapshot(host)
    transaction = change_everything(store, host)
    transaction.replace(str(host / "other.json"), b"new", 0o600, *ME)
    real = os.rename
    monkeypatch.setattr(
        os, "rename", lambda source, target: no_room() if "other" in str(source) else real(source, target)
    )
    with pytest.raises(HostError) as caught:
        transaction.undo()
    assert "other.json cannot be replaced: No space left" in str(caught.value)
    assert f"Back as they were are: {host / 'settings.js'}, {host / 'nodecerts/server.pem'}." in str(caught.value)
    assert (host / "settings.js").read_bytes() == b"old settings"
    assert (host / "other.json").read_bytes() == b"new"
    monkeypatch.undo()
    # The next run finds it open, and goes the rest of the way.
    again = Transaction(store)
    assert again.undo() == [str(host / "other.json")]
    again.close()
    assert snapshot(host) == before


@pytest.mark.parametrize("ends", ["commit", "undo"])
def test_no_second_name_is_left(store: Store, host: pathlib.Path, ends: str) -> None:
    transaction = change_everything(store, host)
    assert beside(host) == [".settings.js.pifleet~"]
    if ends == "commit":
        proof = make_state()["proof"]
        assert proof is not None
        transaction.commit({"expected": proof["expected"], "settings": "abc"})
    else:
        transaction.undo()
        transaction.close()
    assert beside(host) == []


@pytest.mark.parametrize("change", ["written", "gone", "link"])
def test_a_second_name_that_somebody_has_changed_is_not_trusted(store: Store, host: pathlib.Path, change: str) -> None:
    before = snapshot(host)
    transaction = change_everything(store, host)
    second = host / ".settings.js.pifleet~"
    if change == "written":
        second.write_bytes(b"evil")
    else:
        second.unlink()
    if change == "link":
        (host.parent / "same").write_bytes(b"old settings")
        second.symlink_to(host.parent / "same")
    transaction.undo()
    transaction.close()
    assert snapshot(host) == before
    assert not (host / "settings.js").is_symlink()


def test_a_file_system_without_links(store: Store, host: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(host)
    monkeypatch.setattr(os, "link", no_room)
    transaction = change_everything(store, host)
    assert (host / ".settings.js.pifleet~").read_bytes() == b"old settings"
    monkeypatch.setattr(files, "_open_new", no_room)
    transaction.undo()
    transaction.close()
    assert snapshot(host) == before


def test_what_somebody_else_has_written_is_named(store: Store, host: pathlib.Path) -> None:
    transaction = change_everything(store, host)
    (host / "settings.js").write_bytes(b"newer settings\n// precious")
    transaction.undo()
    kept = transaction.displaced[str(host / "settings.js")]
    assert files.read(kept) == b"newer settings\n// precious"
    assert list(transaction.displaced) == [str(host / "settings.js")]


def test_what_nobody_else_has_written_is_not(store: Store, host: pathlib.Path) -> None:
    transaction = change_everything(store, host)
    transaction.undo()
    assert transaction.displaced == {}


def test_a_record_of_an_earlier_release_can_be_undone(store: Store, host: pathlib.Path) -> None:
    before = snapshot(host)
    transaction = change_everything(store, host)
    record = record_of(transaction)
    for entry in record["files"]:
        del entry["written"]  # type: ignore[misc]
    store.write("transaction.json", record)
    (host / ".settings.js.pifleet~").unlink()
    again = Transaction(store)
    again.undo()
    again.close()
    assert again.displaced == {}
    assert snapshot(host) == before
