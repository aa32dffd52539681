# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Of two runs at the same time one counts, and the other says so."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host import runs
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store

FORMER = "2026-01-01T03:00:00Z-00000000 timer@nas"
DESK = "2026-01-02T03:04:05Z-1a2b3c4d ann@desk"
LAPTOP = "2026-01-02T03:04:09Z-5e6f7a8b bob@laptop"


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Iterator[Store]:
    yield Store("nodered.service", str(tmp_path / "store"))
    work_as(None, None)


def work_as(run: str | None, seen: str | None) -> None:
    runs.announce({"run": run, "run_seen": seen})


def work(store: Store, run: str | None, seen: str | None) -> None:
    """One module of a run changes the host."""
    work_as(run, seen)
    with store.lock():
        pass


def test_the_first_of_two_counts_and_the_other_says_so(store: Store) -> None:
    work(store, FORMER, "")
    work(store, DESK, FORMER)
    with pytest.raises(
        HostError, match=r"2026-01-02T03:04:05Z-1a2b3c4d by ann@desk\. It counts.* Run again"
    ) as failure:
        work(store, LAPTOP, FORMER)
    # Else the way back of the one would put back what the other has replaced.
    assert failure.value.details == {"restored": []}
    work(store, DESK, FORMER)
    assert store.last_run() == DESK


def test_the_first_run_of_all_may_be_two(store: Store) -> None:
    work(store, DESK, "")
    with pytest.raises(HostError, match="ann@desk"):
        work(store, LAPTOP, "")


def test_a_run_goes_on_from_one_that_it_has_seen(store: Store) -> None:
    """That one was killed, or is overtaken; then it is the one that says so."""
    work(store, DESK, "")
    work(store, LAPTOP, DESK)
    with pytest.raises(HostError, match="bob@laptop"):
        work(store, DESK, "")


def test_what_another_run_has_finished_since_is_not_gone_on_from(store: Store) -> None:
    work(store, DESK, "")
    store.write("transaction.json", {})
    seen = store.last_run()
    assert seen == f"{DESK} open"
    store.discard("transaction.json")
    with pytest.raises(HostError, match="by ann@desk"):
        work(store, LAPTOP, seen)
    store.write("transaction.json", {})
    work(store, DESK, "")
    work(store, LAPTOP, seen)


def test_a_look_waits_for_who_is_at_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setattr("time.monotonic", lambda: 25.0 * len(waited))
    assert store.wait_until_free(60)
    with store.lock():
        assert not store.wait_until_free(60)
        assert len(waited) == 3, "it has an end too"
        assert not store.wait_until_free(0)
    assert store.wait_until_free(60)
    assert len(waited) == 3


@pytest.mark.parametrize(("proof", "elapsed", "waits"), [({"a": 1}, 0, True), ({"a": 1}, 61, False), (None, 0, False)])
def test_a_look_waits_for_the_word_of_a_control_node(
    store: Store, monkeypatch: pytest.MonkeyPatch, proof: object, elapsed: int, waits: bool
) -> None:
    """Between its proof and its end a run holds no lock; one that was killed there is not waited for again and again."""
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            store.discard("transaction.json")

    monkeypatch.setattr("time.sleep", sleep)
    store.write("transaction.json", {"proof": proof})
    written = os.stat(store.path("transaction.json")).st_mtime
    monkeypatch.setattr("time.time", lambda: written + elapsed)
    assert store.wait_until_free(60)
    assert len(waited) == (3 if waits else 0)


def test_a_module_that_has_not_looked_takes_what_is_there(store: Store) -> None:
    work(store, DESK, "")
    work(store, LAPTOP, None)
    work(store, None, None)
    assert store.last_run() == LAPTOP


def test_a_full_disk_does_not_keep_from_the_way_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(name: str, record: object) -> None:
        raise HostError("No space left on device.")

    monkeypatch.setattr(store, "write", full)
    work(store, DESK, "")


@pytest.mark.parametrize("record", ["[]", "{}", "nonsense"])
def test_a_damaged_record_tells_of_no_run(store: Store, record: str) -> None:
    work(store, DESK, "")
    pathlib.Path(store.path("run.json")).write_text(record)
    assert store.last_run() is None
