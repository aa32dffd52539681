# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a service when a step of a run fails, or when somebody else was there meanwhile."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from stopped_unit import StoppedUnit
from watch_plan import WATCH_PLAN

from ansible_collections.pifleet.nodered.plugins.module_utils._host import transaction as transaction_module
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._service import proof as proof_module
from ansible_collections.pifleet.nodered.plugins.module_utils._service import service as service_module
from ansible_collections.pifleet.nodered.plugins.module_utils._service.service import Service

BEFORE: t.Any = {"active": True, "endpoints": []}


class Unit(StoppedUnit):
    """One whose service exists."""

    exists = True

    def now(self) -> dict[str, str]:
        return {"TimeoutStopUSec": "infinity"}

    def refresh(self) -> Unit:
        return self


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
    service.commit(identifier, None)


@pytest.fixture
def proved(service: Service, proof: t.Any, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """A run was killed after the proof of its change, before its control node could log in; who logs in since."""
    users: list[str | None] = []
    monkeypatch.setattr(proof_module.Prover, "prove_login", lambda _self, _target, username: users.append(username))
    monkeypatch.setattr(transaction_module, "systemctl", lambda *_words, check=True: "")
    with service.store.lock():
        transaction = Transaction(service.store)
        transaction.begin(BEFORE)
        path = pathlib.Path(service.unit.settings_path)
        path.write_bytes(b"old")
        transaction.replace(str(path), b"new", 0o600, os.getuid(), os.getgid(), service.unit.account)
        transaction.note_proof(proof, WATCH_PLAN, "admin")
    return users


@pytest.mark.parametrize(("active", "users"), [(True, ["admin"]), (False, [None])])
def test_what_a_killed_run_has_proved_is_finished_with_its_login(
    service: Service, proved: list[str | None], monkeypatch: pytest.MonkeyPatch, active: bool, users: list[str | None]
) -> None:
    monkeypatch.setattr(service.unit, "active", active, raising=False)
    undone = service.undo()
    assert (undone["finished"], undone["restored"], proved) == (True, [], users)
    watched = Transaction(service.store).watched
    assert watched
    assert watched["plan"] == WATCH_PLAN


def test_what_a_killed_run_has_proved_is_undone_where_nobody_can_log_in(
    service: Service, proved: list[str | None], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object) -> None:
        raise HostError("Node-RED answers 200 instead of 403 to a wrong password.")

    monkeypatch.setattr(proof_module.Prover, "prove_login", refused)
    monkeypatch.setattr(service_module, "match_watchers", lambda _paths: None)
    monkeypatch.setattr(Service, "_start_as_before", lambda _self, _transaction: None)
    undone = service.undo()
    assert (undone["finished"], undone["restored"]) == (False, [service.unit.settings_path])
    assert Transaction(service.store).watched is None
    assert not os.path.exists(service.store.path("watch.pyz"))


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
        service.commit("19990101T000000Z-1", None)
    assert failure.value.details == {"restored": []}


@pytest.mark.parametrize(("name", "restarts"), [("settings.js", []), ("nodecerts/server.pem", ["restart"])])
def test_a_certificate_is_compared_only_where_it_was_replaced(
    service: Service, asked: list[str], monkeypatch: pytest.MonkeyPatch, name: str, restarts: list[str]
) -> None:
    """Another one may have been renewed since, by whoever does so on the host."""
    path = pathlib.Path(service.unit.settings_directory, name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"old")
    served = {"tls": True, "http": False, "certificate": "renewed"}
    ended: list[str] = []

    def end(verb: str, _name: str, _limit: float) -> None:
        ended.append(verb)
        served["certificate"] = "former"

    monkeypatch.setattr(service.unit, "active", True, raising=False)
    monkeypatch.setattr(proof_module.probe, "observe", lambda _address, _port, name: served)
    monkeypatch.setattr(proof_module.Prover, "wait", lambda _self, failures_now: failures_now())
    monkeypatch.setattr(service_module, "end", end)
    monkeypatch.setattr(service_module, "match_watchers", lambda _paths: None)
    with service.store.lock():
        transaction = Transaction(service.store)
        endpoint: t.Any = {"address": "::1", "port": 1880, "tls": True, "http": False, "certificate": "former"}
        transaction.begin({"active": True, "endpoints": [endpoint]})
        transaction.replace(str(path), b"new", 0o600, os.getuid(), os.getgid(), service.unit.account)
    assert service.undo()["restored"] == [str(path)]
    assert ended == restarts


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.parametrize("error", [HostError("No space left on device."), OSError(30, "Read-only file system")])
def test_the_way_back_needs_no_room_for_its_records(
    service: Service, asked: list[str], monkeypatch: pytest.MonkeyPatch, restarted: bool, error: Exception
) -> None:
    """Node-RED is stopped then, or runs with files that are not there any more."""
    path = pathlib.Path(service.unit.settings_path)
    path.write_bytes(b"old")
    ended: list[str] = []
    monkeypatch.setattr(proof_module.Prover, "wait", lambda _self, failures_now: None)
    monkeypatch.setattr(proof_module.Prover, "matches_previous", lambda _self, _before, _certificates: False)
    monkeypatch.setattr(service_module, "end", lambda verb, _name, _limit: ended.append(verb))
    monkeypatch.setattr(service_module, "match_watchers", lambda _paths: None)

    def full(_store: Store, _name: str, _record: object) -> None:
        raise error

    with service.store.lock():
        transaction = Transaction(service.store)
        transaction.begin(BEFORE)
        transaction.replace(str(path), b"new", 0o600, os.getuid(), os.getgid(), service.unit.account)
        transaction.note(restarted=restarted)
        monkeypatch.setattr(Store, "write", full)
    assert service.undo()["restored"] == [str(path)]
    assert path.read_bytes() == b"old"
    assert ended[-1] == "restart"


#: What systemd 252 does: with --since, --lines counts from the first line, unless the last is shown first.
JOURNALCTL = """\
#!/usr/bin/env python3
import pathlib, sys
lines = pathlib.Path(__file__).with_name("journal").read_text("utf-8").splitlines()
shown = lines[::-1] if "--reverse" in sys.argv else lines
print(*shown[: int(sys.argv[sys.argv.index("--lines") + 1])], sep="\\n")
"""


def test_a_failure_shows_the_last_lines_of_the_journal(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "journalctl"
    program.parent.mkdir()
    program.write_text(JOURNALCTL, "utf-8")
    program.chmod(0o755)
    said = [
        *(f"{number} - [info] Loading palette nodes" for number in range(30)),
        "Error: listen EADDRNOTAVAIL: address not available 192.0.2.1:1880",
        "-----BEGIN PRIVATE KEY-----",
        "only-for-tests",
        "-----END PRIVATE KEY-----",
        "",
        "nodered.service: Failed with result 'exit-code'.",
    ]
    program.with_name("journal").write_text("\n".join(said) + "\n", "utf-8")
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    made = Service(t.cast("t.Any", Unit(tmp_path)), 900, 3)
    assert made._journal() == []
    made.started = 0.0
    journal = made._journal()
    assert journal[0] == "16 - [info] Loading palette nodes"
    assert journal[14] == said[30]
    assert journal[-1] == said[-1]
    assert "only-for-tests" not in " ".join(journal)
    assert service_module._first_error_lines(journal).startswith(" Its own words: Error: listen EADDRNOTAVAIL")
