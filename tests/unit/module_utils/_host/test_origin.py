# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of how a host was: from the first edit on, and gone with an edit that is undone."""

from __future__ import annotations

import base64
import hashlib
import pathlib

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host import origin, transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import FileStatus, WrittenSetting

STATUS: FileStatus = {"mode": "0644", "uid": 1000, "gid": 1000, "owner": "pi", "group": "pi"}
FIRST, SECOND, THIRD = b"first\n", b"second\n", b"third\n"


@pytest.fixture
def store(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, files_stay_the_users: None) -> Store:
    for resident in (transaction.BOOT, transaction.WATCH):
        for name in ("install", "remove", "write_unit"):
            monkeypatch.setattr(type(resident), name, lambda *_arguments, **_options: False)
    return Store("nodered", str(tmp_path))


def written(before: str | None) -> list[WrittenSetting]:
    return [{"path": ["uiPort"], "before": before, "now": "1" * 64}]


def edit(store: Store, present: bytes, content: bytes, before: str | None = None) -> Transaction:
    opened = Transaction(store)
    opened.begin({"active": True, "endpoints": []})
    origin.note_settings(opened, present, STATUS, content, written(before))
    return opened


def commit(opened: Transaction) -> None:
    opened.close()


def test_the_first_file_is_kept_for_good(store: Store) -> None:
    commit(edit(store, FIRST, SECOND))
    commit(edit(store, SECOND, THIRD, "1880"))
    record = store.read("origin.json")
    assert base64.b64decode(record["settings"]) == FIRST
    assert record["written"] == written("1880")
    assert origin.status_before(store) == STATUS
    assert origin.origin_state(store, hashlib.sha256(THIRD).hexdigest()) == {
        "unbroken": True,
        "written": written("1880"),
    }


def test_an_edit_of_the_owners_breaks_the_chain(store: Store) -> None:
    commit(edit(store, FIRST, SECOND))
    state = origin.origin_state(store, hashlib.sha256(b"mine\n").hexdigest())
    assert state is not None
    assert not state["unbroken"]
    commit(edit(store, b"mine\n", THIRD))
    state = origin.origin_state(store, hashlib.sha256(THIRD).hexdigest())
    assert state is not None
    assert not state["unbroken"]


def test_an_edit_that_is_undone_is_forgotten(store: Store) -> None:
    opened = edit(store, FIRST, SECOND)
    opened.undo()
    assert origin.origin_state(store, "") is None
    assert origin.status_before(store) is None


def test_rights_come_back_but_to_what_somebody_has_changed(tmp_path: pathlib.Path, store: Store) -> None:
    account = Account.of_uid(tmp_path.stat().st_uid, tmp_path.stat().st_gid)
    given, stricter, gone = (tmp_path / name for name in ("given", "stricter", "gone"))
    paths = [str(path) for path in (given, stricter, gone)]
    for path in (given, stricter, gone):
        path.write_text("")
        path.chmod(0o644)
    before = origin.modes_of(paths, account)
    for path in (given, stricter, gone):
        path.chmod(0o600)
    origin.note_enabled(store, False)
    origin.note_modes(store, before, origin.modes_of(paths, account))
    # What is taken away once more was first as it was first.
    given.chmod(0o640)
    again = origin.modes_of(paths, account)
    given.chmod(0o600)
    origin.note_modes(store, again, origin.modes_of(paths, account))
    stricter.chmod(0o400)
    gone.unlink()

    assert not origin.was_enabled(store)
    assert origin.closed(store, account) == {str(given): "0644"}
    assert origin.open_again(store, account) == [str(given)]
    assert (given.stat().st_mode & 0o777, stricter.stat().st_mode & 0o777) == (0o644, 0o400)
    assert origin.closed(store, account) == {}
    assert origin.was_enabled(store)


def test_a_link_is_not_followed(tmp_path: pathlib.Path, store: Store) -> None:
    account = Account.of_uid(tmp_path.stat().st_uid, tmp_path.stat().st_gid)
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("")
    target.chmod(0o600)
    link.symlink_to(target)
    origin.note_modes(store, {str(link): "0666"}, {str(link): "0777"})
    assert origin.open_again(store, account) == []
    assert target.stat().st_mode & 0o777 == 0o600
