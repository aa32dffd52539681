# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host does by itself with a transaction: at its start, and while it watches; and that nothing of it stays."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import zipfile

import pytest
from host_state import make_state
from watch_plan import WATCH_PLAN

from ansible_collections.pifleet.nodered.plugins.module_utils._host import transaction as transaction_module
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.residents import Resident
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import PROVED, WATCHED, WENT_BACK, Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import (
    BOOT,
    WATCH,
    Transaction,
    at_boot,
    tell,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._service.watch import (
    ended_by_itself,
    lets_in_more,
    loses_credentials,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import Proof

ME = (os.getuid(), os.getgid())


def proof(**changes: object) -> Proof:
    found = make_state(**{f"proof__expected__{name}": value for name, value in changes.items()})["proof"]
    assert found is not None
    return {"expected": found["expected"], "settings": found["settings"]}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What systemctl was asked for."""
    calls: list[tuple[str, ...]] = []

    def systemctl(*words: str, check: bool = True) -> str:
        calls.append(words)
        return ""

    monkeypatch.setattr(transaction_module, "systemctl", systemctl)
    return calls


@pytest.fixture
def store(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, asked: list[tuple[str, ...]]) -> Store:
    monkeypatch.setattr(Store.__init__, "__defaults__", (str(tmp_path / "store"),))
    return Store("nodered.service")


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "settings.js"
    path.write_bytes(b"old")
    return path


def changed(store: Store, settings: pathlib.Path) -> Transaction:
    transaction = Transaction(store)
    transaction.begin({"active": True, "endpoints": []})
    transaction.replace(str(settings), b"new", 0o600, *ME)
    return transaction


def second_name(settings: pathlib.Path) -> pathlib.Path:
    return settings.with_name(".settings.js.pifleet~")


def left(units: pathlib.Path, store: Store) -> list[str]:
    """Programs and units."""
    return sorted(
        path.name
        for folder in (units, pathlib.Path(store.directory))
        for path in folder.rglob("*")
        if "pifleet" in path.name or path.suffix == ".pyz"
    )


def test_an_open_transaction_waits_for_the_next_start(
    store: Store, settings: pathlib.Path, units: pathlib.Path
) -> None:
    changed(store, settings)
    unit = (units / "pifleet-nodered-boot.service").read_text("utf-8")
    assert f"ConditionPathExists={store.path('transaction.json')}\n" in unit
    assert "Before=nodered.service\n" in unit
    assert "TimeoutStartSec=120\n" in unit
    # Whether Node-RED starts does not depend on it.
    assert "Requires=" not in unit
    assert "RequiredBy" not in unit
    assert os.readlink(units / "multi-user.target.wants/pifleet-nodered-boot.service") == str(
        units / "pifleet-nodered-boot.service"
    )
    assert os.stat(store.path("boot.pyz")).st_mode & 0o777 == 0o600


def test_a_start_of_the_host_waits_for_the_disks(
    store: Store, settings: pathlib.Path, units: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Else it writes below the place where a disk is mounted a second later."""
    transaction = changed(store, settings)
    for name in ("100% mine", 'a"b', "line\n[Service]\nExecStart=/bin/false", "\udcff"):
        directory = tmp_path / name
        directory.mkdir(parents=True)
        transaction.replace(str(directory / "file"), b"new", 0o600, *ME)
    linked = tmp_path / "linked"
    linked.symlink_to(tmp_path / "100% mine")
    transaction.replace(str(linked / "other"), b"new", 0o600, *ME)
    unit = (units / "pifleet-nodered-boot.service").read_text("utf-8")
    assert f'RequiresMountsFor="{tmp_path}" "{tmp_path}/100%% mine" "{store.directory}"\n' in unit
    assert "ExecStart=/bin/false" not in unit


def test_a_start_of_the_host_undoes_it(store: Store, settings: pathlib.Path, units: pathlib.Path) -> None:
    identifier = changed(store, settings).identifier
    assert at_boot("nodered.service") == 0
    assert settings.read_bytes() == b"old"
    assert not Transaction(store).open
    assert left(units, store) == []
    told = store.read(WENT_BACK)
    assert (told["transaction"], told["cause"], told["outcome"]) == (identifier, "interrupted", "back")


def test_a_start_of_the_host_finishes_what_was_proved(
    store: Store, settings: pathlib.Path, units: pathlib.Path
) -> None:
    changed(store, settings).note(proof=proof())
    assert at_boot("nodered.service") == 0
    assert settings.read_bytes() == b"new"
    assert store.read(PROVED)["settings"] == proof()["settings"]
    assert left(units, store) == []
    assert store.read(WENT_BACK) is None


def test_what_was_proved_before_a_kill_is_watched_by_who_finishes_it(
    store: Store, settings: pathlib.Path, asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(store, settings).note_proof(proof(), WATCH_PLAN)
    # Neither a start of the host nor every module has the program of the watch with it.
    monkeypatch.setattr(WATCH.__class__, "install", no_room)
    assert at_boot("nodered.service") == 0
    watched = Transaction(store).watched
    assert watched
    assert watched["plan"] == WATCH_PLAN
    assert os.path.exists(store.path("watch.pyz"))
    assert ("restart", "--no-block", "pifleet-nodered-watch.service") in asked


def test_who_begins_finishes_and_watches_what_was_proved(store: Store, settings: pathlib.Path) -> None:
    changed(store, settings).note_proof(proof(), WATCH_PLAN)
    former = Transaction(store).identifier
    transaction = Transaction(store)
    transaction.begin({"active": True, "endpoints": []})
    assert transaction.identifier != former
    watched = transaction.watched
    assert watched
    assert watched["transaction"]["id"] == former


def test_nothing_stays_of_a_proved_change_that_is_undone(
    store: Store, settings: pathlib.Path, units: pathlib.Path
) -> None:
    transaction = changed(store, settings)
    transaction.note_proof(proof(), WATCH_PLAN)
    transaction.undo()
    transaction.close_undone()
    transaction.end_idle_watch()
    assert left(units, store) == []


def test_of_two_watched_changes_the_later_one_has_the_second_name(store: Store, settings: pathlib.Path) -> None:
    changed(store, settings).commit(proof(), WATCH_PLAN)
    transaction = Transaction(store)
    transaction.begin({"active": True, "endpoints": []})
    transaction.replace(str(settings), b"newer", 0o600, *ME)
    transaction.commit(proof(port=2), WATCH_PLAN)
    assert second_name(settings).read_bytes() == b"new"


def test_a_start_that_cannot_undo_leaves_it_to_the_next_run(store: Store, settings: pathlib.Path) -> None:
    transaction = changed(store, settings)
    second_name(settings).unlink()
    pathlib.Path(store.path(transaction.open_record["files"][0]["backup"] or "")).unlink()
    assert at_boot("nodered.service") == 1
    assert Transaction(store).open
    assert store.read(WENT_BACK)["outcome"] == "failed"


@pytest.mark.parametrize("resident", [BOOT, WATCH], ids=["boot", "watch"])
def test_a_program_needs_nothing_but_the_standard_library(store: Store, resident: Resident) -> None:
    resident.install(store)
    path = store.path(f"{resident.name}.pyz")
    with zipfile.ZipFile(path) as archive:
        main = archive.read("__main__.py").decode("ascii")
    imports = [line for line in main.splitlines() if "import" in line]
    assert f"import {resident.function}" in imports[-1]
    # Without what it does: that would be to this very machine.
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", "\n".join(["import sys", f"sys.path.insert(0, {path!r})", *imports])],
        check=True,
    )


def test_a_watched_change_keeps_its_way_back(
    store: Store, settings: pathlib.Path, units: pathlib.Path, asked: list[tuple[str, ...]]
) -> None:
    changed(store, settings).commit(proof(), WATCH_PLAN)
    # Whoever looks for a transaction finds none.
    transaction = Transaction(store)
    assert not transaction.open
    assert second_name(settings).read_bytes() == b"old"
    assert left(units, store) == ["pifleet-nodered-watch.service", "pifleet-nodered-watch.service", "watch.pyz"]
    assert asked[-1] == ("restart", "--no-block", "pifleet-nodered-watch.service")


def test_a_change_that_did_not_last_is_undone(store: Store, settings: pathlib.Path, units: pathlib.Path) -> None:
    store.write(PROVED, {**proof(port=1), "transaction": None})
    changed(store, settings).commit(proof(port=2), WATCH_PLAN)
    transaction = Transaction(store)
    transaction.reopen()
    # Should the host start now, it goes on from here.
    assert not Transaction(store).proof
    assert "boot.pyz" in left(units, store)
    assert transaction.undo() == [str(settings)]
    transaction.close()
    transaction.end_watch()
    assert settings.read_bytes() == b"old"
    assert store.read(PROVED)["expected"]["port"] == 1
    assert left(units, store) == []
    assert not second_name(settings).exists()


def test_the_next_change_takes_a_watched_one_for_finished_when_it_is_proved(
    store: Store, settings: pathlib.Path, asked: list[tuple[str, ...]]
) -> None:
    changed(store, settings).commit(proof(), WATCH_PLAN)
    transaction = Transaction(store)
    transaction.begin({"active": True, "endpoints": []})
    transaction.replace(str(settings), b"newer", 0o600, *ME)
    assert store.read(WATCHED)
    transaction.commit(proof())
    assert store.read(WATCHED) is None
    assert not os.path.exists(store.path("watch.pyz"))
    assert ("stop", "--no-block", "pifleet-nodered-watch.service") in asked


def test_a_change_that_is_undone_leaves_the_one_before_watched(store: Store, settings: pathlib.Path) -> None:
    changed(store, settings).commit(proof(), WATCH_PLAN)
    transaction = Transaction(store)
    transaction.begin({"active": True, "endpoints": []})
    transaction.replace(str(settings), b"newer", 0o600, *ME)
    transaction.undo()
    transaction.close_undone()
    assert settings.read_bytes() == b"new"
    assert os.path.exists(store.path("watch.pyz"))
    again = Transaction(store)
    again.reopen()
    again.undo()
    assert settings.read_bytes() == b"old"


def test_what_replaces_nothing_leaves_the_watch(store: Store, settings: pathlib.Path) -> None:
    changed(store, settings).commit(proof(), WATCH_PLAN)
    Transaction(store).commit(proof())
    assert store.read(WATCHED)


def no_room(*_arguments: object) -> None:
    raise HostError("No space left on device")


def test_what_cannot_be_watched_counts(
    store: Store, settings: pathlib.Path, units: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = changed(store, settings)
    monkeypatch.setattr(Resident, "install", no_room)
    transaction.commit(proof(), WATCH_PLAN)
    assert (settings.read_bytes(), store.read(WATCHED), Transaction(store).open) == (b"new", None, False)
    assert left(units, store) == []


def test_the_way_back_of_a_watched_one_needs_no_room(
    store: Store, settings: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(store, settings).commit(proof(), WATCH_PLAN)
    monkeypatch.setattr(Resident, "install", no_room)
    transaction = Transaction(store)
    transaction.reopen()
    assert transaction.undo() == [str(settings)]


def test_a_change_that_was_taken_back_is_no_state(store: Store, settings: pathlib.Path) -> None:
    transaction = changed(store, settings)
    record = f"backups/{transaction.identifier}/transaction.json"
    transaction.commit(proof(), WATCH_PLAN)
    assert store.read(record)
    again = Transaction(store)
    again.reopen()
    again.undo()
    # Killed here, the watch goes on.
    assert store.read(WATCHED)
    again.close_undone()
    assert (store.read(record), store.read(WATCHED)) == (None, None)


def test_credentials_deployed_since_are_not_lost(store: Store, settings: pathlib.Path) -> None:
    credentials = settings.with_name("flows_cred.json")
    credentials.write_bytes(b"old")
    transaction = changed(store, settings)
    transaction.replace(str(credentials), b"new", 0o600, *ME)
    transaction.commit(proof(), WATCH_PLAN)
    watched = Transaction(store).watched
    assert watched
    assert not loses_credentials(watched)
    credentials.write_bytes(b"deployed")
    assert loses_credentials(watched)


def test_sessions_that_were_shortened_stay_so(store: Store, settings: pathlib.Path) -> None:
    store.write(PROVED, {**proof(), "transaction": None})
    transaction = changed(store, settings)
    transaction.plan(session_expiry=3600)
    transaction.commit(proof(), WATCH_PLAN)
    watched = transaction.watched
    assert watched
    assert lets_in_more(watched)


def test_what_was_told_stays_until_another_change_is_proved(store: Store, settings: pathlib.Path) -> None:
    tell(store, "a", "ended", "back")
    Transaction(store).commit(proof())
    assert store.read(WENT_BACK)
    changed(store, settings).commit(proof())
    assert store.read(WENT_BACK) is None


#: What systemd says, and whether the service has ended by itself.
STATES = [
    pytest.param({"ActiveState": "active"}, False, id="runs"),
    pytest.param({"ActiveState": "active", "NRestarts": "1"}, True, id="started anew by systemd"),
    pytest.param({"ActiveState": "activating", "SubState": "auto-restart"}, True, id="about to be started anew"),
    pytest.param({"ActiveState": "inactive", "ExecMainExit": "5", "ActiveExit": "6"}, True, id="status 0 by itself"),
    pytest.param({"ActiveState": "failed", "ExecMainExit": "6", "ActiveExit": "6"}, True, id="failed by itself"),
    pytest.param({"ActiveState": "inactive", "ExecMainExit": "6", "ActiveExit": "5"}, False, id="stopped by hand"),
    pytest.param({"ActiveState": "deactivating", "ActiveExit": "5"}, False, id="is being stopped"),
    pytest.param({"ActiveState": "inactive"}, False, id="was never started"),
]


@pytest.mark.parametrize(("said", "ended"), STATES)
def test_only_what_nobody_asked_for_has_ended_by_itself(said: dict[str, str], ended: bool) -> None:
    names = {name: f"{name}TimestampMonotonic" for name in ("ExecMainExit", "ActiveExit")}
    assert ended_by_itself({names.get(name, name): value for name, value in said.items()}, 0) is ended


def test_former_restarts_do_not_count() -> None:
    assert not ended_by_itself({"ActiveState": "active", "NRestarts": "2"}, 2)


@pytest.mark.parametrize(
    ("former", "revoke", "more"),
    [
        pytest.param({}, [], False, id="as closed as now"),
        pytest.param({}, ["eve"], True, id="logins were ended"),
        pytest.param({"auth": False}, [], True, id="no login"),
        pytest.param({"tls": False}, [], True, id="plain HTTP"),
        pytest.param({"anonymous": True}, [], True, id="strangers"),
        pytest.param(None, [], True, id="never proved"),
    ],
)
def test_nobody_is_let_in_again(
    store: Store, settings: pathlib.Path, former: dict[str, object] | None, revoke: list[str], more: bool
) -> None:
    if former is not None:
        store.write(PROVED, {**proof(**former), "transaction": None})
    transaction = changed(store, settings)
    transaction.plan(revoke=revoke)
    transaction.commit(proof(), WATCH_PLAN)
    watched = transaction.watched
    assert watched
    assert lets_in_more(watched) is more


@pytest.mark.parametrize(
    ("before", "narrowed", "more"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_nobody_gets_by_the_login_page_again(
    store: Store, settings: pathlib.Path, before: bool, narrowed: bool, more: bool
) -> None:
    """Nor to the sockets of nodes that asked nobody without it."""
    store.write(PROVED, {**proof(login_page=before), "transaction": None})
    transaction = changed(store, settings)
    transaction.plan(login={"removed": False, "revoke": [], "narrowed": narrowed})
    transaction.commit(proof(login_page=True), WATCH_PLAN)
    watched = transaction.watched
    assert watched
    assert lets_in_more(watched) is more
