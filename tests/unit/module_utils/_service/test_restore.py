# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kept state comes back whole and in one transaction, or the host stays as it is."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from kept_changes import change, proof
from stopped_unit import StoppedUnit

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import Runtime
from ansible_collections.pifleet.nodered.plugins.module_utils._service import restore as module
from ansible_collections.pifleet.nodered.plugins.module_utils._service.kept_states import kept_transactions
from ansible_collections.pifleet.nodered.plugins.module_utils._service.restore import Restoration, restore
from ansible_collections.pifleet.nodered.plugins.module_utils._service.service import DesiredService
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import RestoreResult

CLOSED = {"auth": True, "tls": True}


class FakeService:
    """A service whose restarts only tell of what was asked for, and fail where they should."""

    def __init__(self, folder: pathlib.Path, store: Store) -> None:
        self.unit = StoppedUnit(folder)
        self.unit.active = True
        self.store = store
        self.timeout = 60
        self.fails = False
        self.asked: list[DesiredService] = []
        #: What was to happen to the login page while Node-RED stands still.
        self.planned: t.Any = None

    def before(self) -> dict[str, t.Any]:
        return {"active": True, "endpoints": []}

    def prove(self, desired: DesiredService, bring_back: t.Callable[[Transaction], None] | None) -> dict[str, t.Any]:
        transaction = Transaction(self.store)
        if bring_back:
            bring_back(transaction)
            self.planned = transaction.login_plan
        self.asked.append(desired)
        identifier = transaction.identifier
        if self.fails:
            transaction.undo()
            transaction.close()
            raise HostError("It does not start.")
        transaction.commit(proof())
        return {"transaction": identifier}


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "node-red"
    folder.mkdir()
    (folder / "settings.js").write_bytes(b"first")
    (folder / "settings.js").chmod(0o640)
    return folder


@pytest.fixture
def service(folder: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeService:
    """With a Node.js that finds in a settings file the words auth and tls, or else everything."""
    runtime = Runtime("node", {"OWN": "1", "NOW": "1"}, "/", t.cast("t.Any", None), False)

    def load(started: Runtime, _path: str, source: bytes, *_others: object) -> dict[str, t.Any]:
        loaded.append(started)
        return {"effective": {"auth": b"open" not in source, "tls": b"plain" not in source}}

    loaded: list[Runtime] = []
    monkeypatch.setattr(module, "load_settings", load)
    monkeypatch.setattr(module, "runtime_of_service", lambda _unit: runtime)
    monkeypatch.setattr(module, "DROP_IN", str(folder / "drop_in%.0s"))
    monkeypatch.setattr(module, "ENVIRONMENT_FILE", str(folder / "environment%.0s"))
    service = FakeService(folder, Store("nodered.service", str(tmp_path / "store")))
    service.loaded = loaded  # type: ignore[attr-defined]
    return service


def brought_back(
    service: FakeService,
    identifier: str,
    settings: bytes | None = None,
    check_mode: bool = False,
    required: dict[str, bool] | None = None,
) -> RestoreResult:
    required = CLOSED if required is None else required
    present = pathlib.Path(service.unit.settings_path)
    sha256 = checksum(present.read_bytes()) if present.exists() else ""
    wanted = Restoration(identifier, settings, sha256, t.cast("t.Any", required))
    return restore(t.cast("t.Any", service), wanted, check_mode)


@pytest.mark.parametrize(
    ("made", "removed", "stale"),
    [
        (["login.js", "oidc/editor.js"], True, []),
        (["oidc/editor.js", "oidc/oidc.js"], False, ["oidc/editor.js", "oidc/oidc.js"]),
        (["oidc/authority.pem"], False, ["oidc/authority.pem"]),
    ],
)
def test_what_node_red_has_loaded_goes_while_it_stands_still(
    service: FakeService, folder: pathlib.Path, made: list[str], removed: bool, stale: list[str]
) -> None:
    """With the sessions that no state has."""
    transaction = Transaction(service.store)
    transaction.begin({"active": True, "endpoints": []})
    account = service.unit.account
    for name in made:
        path = folder / "nodelogin" / name
        transaction.make_directory(str(path.parent), 0o700, account)
        transaction.replace(str(path), b"x", 0o600, account.uid, account.gid, account)
    identifier = transaction.identifier
    assert identifier is not None
    transaction.commit(proof())
    brought_back(service, identifier)
    assert (service.planned["removed"], service.planned.get("stale", [])) == (removed, stale)
    assert all((folder / "nodelogin" / name).exists() for name in made)
    assert service.asked[-1].revoke == ["*"]


def test_all_later_changes_are_undone_at_once(service: FakeService, folder: pathlib.Path) -> None:
    one = change(service.store, folder, settings__js=b"second", server__pem=b"key")
    change(service.store, folder, settings__js=b"third", other=b"1")
    done = brought_back(service, one)
    assert (folder / "settings.js").read_bytes() == b"first"
    assert (folder / "settings.js").stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(folder)) == ["settings.js"]
    assert {os.path.basename(file["path"]): file["change"] for file in done["files"]} == {
        "settings.js": "replaced",
        "server.pem": "removed",
        "other": "removed",
    }


def test_what_was_there_is_the_newest_state(service: FakeService, folder: pathlib.Path) -> None:
    one = change(service.store, folder, settings__js=b"second")
    done = brought_back(service, one)
    newest = kept_transactions(service.store)[0].record
    assert (newest["id"], newest["restored"]) == (done["transaction"], one)
    brought_back(service, newest["id"])
    assert (folder / "settings.js").read_bytes() == b"second"


def test_a_failure_leaves_all_as_it_was(service: FakeService, folder: pathlib.Path) -> None:
    one = change(service.store, folder, settings__js=b"second", made=b"1")
    service.fails = True
    with pytest.raises(HostError, match="does not start"):
        brought_back(service, one)
    assert (folder / "settings.js").read_bytes() == b"second"
    assert (folder / "made").read_bytes() == b"1"
    assert len(kept_transactions(service.store)) == 1


@pytest.mark.parametrize(
    ("former", "required", "words"),
    [
        (b"open", CLOSED, "asked nobody for a login"),
        (b"plain", CLOSED, "served plain HTTP"),
        (b"open plain", {"auth": False, "tls": False}, None),
        (b"plain", {"auth": True, "tls": False}, None),
    ],
)
def test_an_open_state_is_refused_unless_it_is_asked_for(
    service: FakeService, folder: pathlib.Path, former: bytes, required: dict[str, bool], words: str | None
) -> None:
    (folder / "settings.js").write_bytes(former)
    one = change(service.store, folder, settings__js=b"second")
    if words is None:
        assert brought_back(service, one, required=required)["changed"]
        return
    with pytest.raises(HostError, match=rf"{words}.*nodered_restore_open=true"):
        brought_back(service, one, required=required)
    assert (folder / "settings.js").read_bytes() == b"second"
    assert service.asked == []


def test_a_state_without_settings_is_refused(service: FakeService, folder: pathlib.Path) -> None:
    (folder / "settings.js").unlink()
    one = change(service.store, folder, settings__js=b"second")
    with pytest.raises(HostError, match="there is no .*settings.js: Node-RED would start open to anyone"):
        brought_back(service, one, required={})


def test_the_variables_of_then_are_those_of_the_check(service: FakeService, folder: pathlib.Path) -> None:
    (folder / "environment").write_bytes(b"THEN=2\n")
    one = change(service.store, folder, environment=b"NOW=1\n", settings__js=b"second")
    brought_back(service, one)
    assert service.loaded[0].environment == {"OWN": "1", "THEN": "2"}  # type: ignore[attr-defined]
    assert service.asked[0].environment == "THEN=2\n"


def test_the_service_is_given_its_files_by_the_restart(service: FakeService, folder: pathlib.Path) -> None:
    one = change(service.store, folder, drop_in=b"[Service]")
    brought_back(service, one)
    # Which tells systemd of them.
    assert (folder / "drop_in").exists()
    assert service.asked[0].drop_in == ""
    # Nobody has to log in again for that.
    assert service.asked[0].revoke == []


def test_all_sessions_end_with_other_settings(service: FakeService, folder: pathlib.Path) -> None:
    brought_back(service, change(service.store, folder, settings__js=b"second"))
    assert service.asked[0].revoke == ["*"]


def test_settings_of_the_control_node_win(service: FakeService, folder: pathlib.Path) -> None:
    one = change(service.store, folder, settings__js=b"second")
    brought_back(service, one, settings=b"first with the secret of today")
    assert (folder / "settings.js").read_bytes() == b"first with the secret of today"


def test_the_same_state_again_changes_nothing(service: FakeService, folder: pathlib.Path) -> None:
    one = change(service.store, folder, settings__js=b"second")
    brought_back(service, one)
    assert brought_back(service, one) == {"changed": False, "files": [], "transaction": None}
    assert len(service.asked) == 1


def test_a_stopped_service_is_started_even_so(service: FakeService, folder: pathlib.Path) -> None:
    one = change(service.store, folder, settings__js=b"second")
    brought_back(service, one)
    service.unit.active = False
    assert brought_back(service, one)["changed"]
    assert len(service.asked) == 2


def test_check_mode_tells_and_changes_nothing(service: FakeService, folder: pathlib.Path) -> None:
    one = change(service.store, folder, settings__js=b"second")
    done = brought_back(service, one, check_mode=True)
    assert [file["change"] for file in done["files"]] == ["replaced"]
    assert (folder / "settings.js").read_bytes() == b"second"
    assert service.asked == []


def test_an_edit_meanwhile_is_not_lost(service: FakeService, folder: pathlib.Path) -> None:
    one = change(service.store, folder, settings__js=b"second")
    wanted = Restoration(one, None, checksum(b"another"), t.cast("t.Any", CLOSED))
    with pytest.raises(HostError, match="changed by somebody else meanwhile"):
        restore(t.cast("t.Any", service), wanted, False)


def test_an_open_transaction_is_not_joined(service: FakeService, folder: pathlib.Path) -> None:
    one = change(service.store, folder, settings__js=b"second")
    Transaction(service.store).begin({"active": True, "endpoints": []})
    with pytest.raises(HostError, match="has left a change open"):
        brought_back(service, one)


def test_what_the_state_served_has_to_be_served_again(
    service: FakeService, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = {"tls": True, "login": "credentials", "certificate": "f" * 64}
    monkeypatch.setattr("kept_changes.BEFORE", {"active": True, "endpoints": [served]})
    one = change(service.store, folder, settings__js=b"second")
    brought_back(service, one, required={})
    assert service.asked[0].expected == {"tls": True, "auth": True, "proxy": False, "certificate": None}


@pytest.mark.parametrize("proxied_now", [True, False])
def test_a_state_with_nginx_in_front_is_proved_so(
    service: FakeService, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, proxied_now: bool
) -> None:
    """TLS is nginx's then; what is required of a state without it stays required."""
    monkeypatch.setattr(module, "nginx_site", lambda _service: str(folder / "site"))
    if not proxied_now:
        (folder / "site").write_bytes(b"the site")
        one = change(service.store, folder, site=None, settings__js=b"second")
    else:
        one = change(service.store, folder, site=b"the site", settings__js=b"second")
    former = b"plain" if not proxied_now else b"first"
    brought_back(service, one, settings=former)
    expected = service.asked[0].expected
    assert (expected["tls"], expected["proxy"]) == (proxied_now, not proxied_now)
    assert (folder / "site").exists() is not proxied_now


def test_the_certificate_of_then_has_to_be_served(
    service: FakeService, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, pem: tuple[pathlib.Path, str]
) -> None:
    path, fingerprint = pem
    served = {"tls": True, "login": None, "certificate": fingerprint}
    monkeypatch.setattr("kept_changes.BEFORE", {"active": True, "endpoints": [served]})
    (folder / "nodecerts").mkdir()
    (folder / "nodecerts/server.pem").write_bytes(path.read_bytes())
    one = change(service.store, folder / "nodecerts", server__pem=b"another")
    brought_back(service, one)
    assert service.asked[0].expected["certificate"] == fingerprint
