# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login page while Node-RED stands still: sessions end, or all of it goes, and comes back with a way back."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from kept_changes import proof
from stopped_unit import StoppedUnit

from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._service import login_page

OF_EDITOR = {"c": {"user": "fred", "provider": "Keycloak"}, "d": {"user": "steve", "provider": "Keycloak"}}
SESSIONS = {"a": {"user": "fred", "seen": 1}, "b": {"user": "anna", "seen": 2}}


@pytest.fixture
def page(tmp_path: pathlib.Path) -> pathlib.Path:
    directory = tmp_path / "node-red/nodelogin"
    (directory / "plugin").mkdir(parents=True)
    for name in ("login.js", "plugin/plugin.js"):
        (directory / name).write_text(name, "utf-8")
    (directory / "sessions.json").write_text(json.dumps(SESSIONS), "utf-8")
    return directory


@pytest.fixture
def transaction(tmp_path: pathlib.Path) -> Transaction:
    opened = Transaction(Store("nodered.service", str(tmp_path / "store")))
    opened.begin({"active": True, "endpoints": []})
    return opened


def carry_out(
    page: pathlib.Path,
    transaction: Transaction,
    removed: bool = False,
    revoke: tuple[str, ...] = (),
    stale: tuple[str, ...] = (),
) -> bool:
    """Plan something and do it; tells whether Node-RED had to stand still for it."""
    unit: t.Any = StoppedUnit(page.parent)
    transaction.plan(login={"removed": removed, "stale": list(stale), "revoke": list(revoke), "narrowed": False})
    has_work = login_page.has_work(unit, transaction)
    if has_work:
        login_page.carry_out(unit, transaction)
    return has_work


def sessions(page: pathlib.Path) -> t.Any:
    return json.loads((page / "sessions.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("revoke", "left"), [(("fred",), ["b"]), (("fred", "anna"), []), (("*",), []), (("steve",), ["a", "b"])]
)
def test_sessions_end(page: pathlib.Path, transaction: Transaction, revoke: tuple[str, ...], left: list[str]) -> None:
    assert carry_out(page, transaction, revoke=revoke)
    assert sessions(page) == {key: SESSIONS[key] for key in left}
    assert (page / "sessions.json").stat().st_mode & 0o777 == 0o600
    transaction.undo()
    assert sessions(page) == SESSIONS


@pytest.mark.parametrize("content", ["", "no JSON", "[]", '{"a": 1}', "[" * 100_000])
def test_a_damaged_file_becomes_an_empty_one(page: pathlib.Path, transaction: Transaction, content: str) -> None:
    (page / "sessions.json").write_text(content, "utf-8")
    carry_out(page, transaction, revoke=("fred",))
    assert sessions(page) == {}


def test_nothing_to_do_is_no_reason_to_stop(page: pathlib.Path, transaction: Transaction) -> None:
    assert not carry_out(page, transaction)
    (page / "sessions.json").unlink()
    assert not carry_out(page, transaction, revoke=("fred",))


@pytest.fixture
def sign_on(page: pathlib.Path) -> pathlib.Path:
    """The directory of single sign-on, with the logins to the editor."""
    directory = page / "oidc"
    directory.mkdir()
    for name in ("editor.js", "authority.pem"):
        (directory / name).write_text(name, "utf-8")
    (directory / "editor_sessions.json").write_text(json.dumps(OF_EDITOR), "utf-8")
    return directory


@pytest.mark.parametrize(
    ("revoke", "left"), [(("fred",), (["b"], ["d"])), (("steve",), (["a", "b"], ["c"])), (("*",), ([], []))]
)
def test_logins_by_a_provider_end_too(
    page: pathlib.Path,
    sign_on: pathlib.Path,
    transaction: Transaction,
    revoke: tuple[str, ...],
    left: tuple[t.Any, t.Any],
) -> None:
    assert carry_out(page, transaction, revoke=revoke)
    of_editor = json.loads((sign_on / "editor_sessions.json").read_text("utf-8"))
    assert (sorted(sessions(page)), sorted(of_editor)) == left
    transaction.undo()
    assert json.loads((sign_on / "editor_sessions.json").read_text("utf-8")) == OF_EDITOR


def test_logins_to_the_editor_alone_are_a_reason_to_stop(
    page: pathlib.Path, sign_on: pathlib.Path, transaction: Transaction
) -> None:
    (page / "sessions.json").unlink()
    assert carry_out(page, transaction, revoke=("fred",))
    assert not (page / "sessions.json").exists()


def test_single_sign_on_goes_with_its_logins_and_comes_back(
    page: pathlib.Path, sign_on: pathlib.Path, transaction: Transaction
) -> None:
    before = {path: path.read_bytes() for path in page.rglob("*") if path.is_file()}
    assert carry_out(page, transaction, stale=("oidc/editor.js", "oidc/authority.pem"), revoke=("fred",))
    assert sorted(sessions(page)) == ["b"]
    assert not [path for path in sign_on.iterdir() if not path.name.startswith(".")]
    transaction.undo()
    assert {path: path.read_bytes() for path in page.rglob("*") if path.is_file() and path.name[0] != "."} == before


def test_nothing_is_left_of_single_sign_on(page: pathlib.Path, sign_on: pathlib.Path, transaction: Transaction) -> None:
    carry_out(page, transaction, stale=("oidc/editor.js", "oidc/authority.pem"))
    transaction.commit(proof())
    assert not sign_on.exists()
    assert (page / "login.js").exists()


def test_an_authority_goes_alone(page: pathlib.Path, sign_on: pathlib.Path, transaction: Transaction) -> None:
    assert carry_out(page, transaction, stale=("oidc/authority.pem",))
    assert not (sign_on / "authority.pem").exists()
    assert (sign_on / "editor_sessions.json").exists()
    assert not carry_out(page, transaction, stale=("oidc/authority.pem",))


def test_all_of_it_goes_and_comes_back(page: pathlib.Path, transaction: Transaction) -> None:
    before = {path: path.read_bytes() for path in page.rglob("*") if path.is_file()}
    assert carry_out(page, transaction, removed=True, revoke=("fred",))
    assert not [path for path in page.rglob("*") if path.is_file() and not path.name.startswith(".")]
    transaction.undo()
    transaction.close_undone()
    assert {path: path.read_bytes() for path in page.rglob("*") if path.is_file()} == before


def test_nothing_is_left_of_it_once_that_is_proved(page: pathlib.Path, transaction: Transaction) -> None:
    carry_out(page, transaction, removed=True)
    # The former files stay until then, under their second names.
    assert os.listdir(page / "plugin") == [".plugin.js.pifleet~"]
    transaction.commit(proof())
    assert not page.exists()
    assert page.parent.exists()


def test_what_somebody_else_has_put_there_stays(page: pathlib.Path, transaction: Transaction) -> None:
    (page / "plugin/own").mkdir()
    carry_out(page, transaction, removed=True)
    transaction.commit(proof())
    assert [path.name for path in page.rglob("*")] == ["plugin", "own"]


def test_a_page_that_comes_again_is_not_removed(page: pathlib.Path, transaction: Transaction) -> None:
    """A second edit in the same transaction counts; whose sessions end adds up."""
    transaction.plan(login={"removed": True, "revoke": ["fred"], "narrowed": True})
    transaction.plan(login={"removed": False, "revoke": ["anna"], "narrowed": False})
    planned = {"removed": False, "stale": [], "revoke": ["anna", "fred"], "narrowed": True}
    assert transaction.login_plan == planned
    transaction.plan(revoke=["steve"])
    assert transaction.login_plan == planned
