# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate that something else on the host renews: how it is read, copied, followed and forgotten."""

from __future__ import annotations

import os
import pathlib

import pytest
from certbot_lineages import pair
from stopped_unit import StoppedUnit

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate import (
    followed_certificate,
    follower,
    host_certificate,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._certificate.followed_certificate import (
    FollowedCertificate,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host import systemd
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import certificate_follower, layout
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_follower import (
    digest,
    follower_files,
    follower_paths,
)

SERVICE = "nodered.service"
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="what follows belongs to root")


@pytest.fixture
def commands(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemd is told; its directory and that of the records are folders of the test."""
    told: list[str] = []

    def systemctl(*arguments: str, check: bool = True) -> str:
        told.append(" ".join(arguments))
        return "active\nactive\n"

    for module in (followed_certificate, follower, systemd):
        monkeypatch.setattr(module, "systemctl", systemctl)
    units, store = tmp_path / "units", tmp_path / "store"
    units.mkdir()
    monkeypatch.setattr(systemd, "UNIT_DIRECTORY", str(units))
    monkeypatch.setattr(certificate_follower, "UNIT_DIRECTORY", str(units))
    monkeypatch.setattr(layout, "STORE_DIRECTORY", str(store))
    monkeypatch.setattr(host_certificate, "Store", lambda service: Store(service, str(store)))
    return told


@pytest.fixture
def certificate(tmp_path: pathlib.Path, commands: list[str]) -> FollowedCertificate:
    (tmp_path / "userDir").mkdir(mode=0o700)
    renew(tmp_path)
    return FollowedCertificate(StoppedUnit(tmp_path / "userDir"))


def renew(tmp_path: pathlib.Path) -> None:
    for name, content in zip(("key", "chain"), pair("pi.example.org"), strict=True):
        (tmp_path / name).write_bytes(content)


def source(tmp_path: pathlib.Path) -> tuple[str, str, str]:
    """The two paths, and the checksum as it is looked at."""
    key, chain = str(tmp_path / "key"), str(tmp_path / "chain")
    state = follower.read_source_state(SERVICE, key, chain)
    assert state is not None
    return key, chain, state["sha256"]


def test_the_private_key_is_not_told(tmp_path: pathlib.Path, certificate: FollowedCertificate) -> None:
    state = follower.read_source_state(SERVICE, str(tmp_path / "key"), str(tmp_path / "chain"))
    assert state is not None
    assert state["problem"] == ""
    assert state["certificates"] == (tmp_path / "chain").read_text("ascii")
    assert "PRIVATE" not in str(state)
    missing = follower.read_source_state(SERVICE, str(tmp_path / "none"), str(tmp_path / "chain"))
    assert missing is not None
    assert missing["problem"].startswith("nodered_certificate_host_key: ")
    assert missing["certificates"] == missing["sha256"] == ""


def test_follow(tmp_path: pathlib.Path, certificate: FollowedCertificate, commands: list[str]) -> None:
    key, chain, sha256 = source(tmp_path)
    result = certificate.follow(key, chain, sha256)
    copy = tmp_path / "userDir/nodecerts/server.pem"
    assert copy.read_bytes() == (tmp_path / "key").read_bytes() + (tmp_path / "chain").read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert result["transaction"] == Transaction(certificate.store).identifier
    assert commands == [
        "daemon-reload",
        "restart pifleet-nodered-certificate.path pifleet-nodered-certificate.timer",
    ]
    desired = follower_files(SERVICE, layout.Reader(str(copy), "root", "root"), key, chain)
    assert follower.read_follower(SERVICE) == {"sha256": digest(desired), "active": True}
    modes = {os.path.basename(path): os.stat(path).st_mode & 0o777 for path in desired}
    assert modes["follow_certificate.py"] == modes["certificate_source.json"] == 0o600
    # What is followed is known without being asked for.
    state = follower.read_source_state(SERVICE, None, None)
    assert state is not None
    assert (state["key"], state["chain"], state["sha256"]) == (key, chain, sha256)


def test_undo_takes_what_follows_along(
    tmp_path: pathlib.Path, certificate: FollowedCertificate, commands: list[str]
) -> None:
    certificate.follow(*source(tmp_path))
    transaction = Transaction(certificate.store)
    transaction.undo()
    commands.clear()
    systemd.match_watchers([entry["path"] for entry in transaction.open_record["files"]])
    assert follower.read_follower(SERVICE) is None
    assert not (tmp_path / "userDir/nodecerts").exists()
    assert {command for command in commands if command.startswith("stop")} == {
        f"stop pifleet-nodered-certificate.{kind}" for kind in ("service", "path", "timer")
    }


def test_a_renewed_one_is_all_that_is_replaced(tmp_path: pathlib.Path, certificate: FollowedCertificate) -> None:
    """Else Node-RED would be restarted for it."""
    certificate.follow(*source(tmp_path))
    Transaction(certificate.store).close()
    renew(tmp_path)
    certificate.follow(*source(tmp_path))
    files = Transaction(certificate.store).open_record["files"]
    assert [entry["path"] for entry in files] == [str(tmp_path / "userDir/nodecerts/server.pem")]


def test_what_follows_is_repaired_without_a_transaction(
    tmp_path: pathlib.Path, certificate: FollowedCertificate
) -> None:
    certificate.follow(*source(tmp_path))
    Transaction(certificate.store).close()
    before = follower.read_follower(SERVICE)
    os.unlink(follower_paths(SERVICE)[3])
    assert follower.read_follower(SERVICE) != before
    assert certificate.follow(*source(tmp_path))["transaction"] == ""
    assert follower.read_follower(SERVICE) == before
    assert not Transaction(certificate.store).open


def test_one_that_was_renewed_since_it_was_looked_at(
    tmp_path: pathlib.Path, certificate: FollowedCertificate, commands: list[str]
) -> None:
    looked_at = source(tmp_path)
    renew(tmp_path)
    with pytest.raises(HostError, match="was renewed a moment ago. Run again"):
        certificate.follow(*looked_at)
    assert follower.read_follower(SERVICE) is None
    assert not (tmp_path / "userDir/nodecerts").exists()


def test_forget(tmp_path: pathlib.Path, certificate: FollowedCertificate, commands: list[str]) -> None:
    assert certificate.forget() == {"changed": False, "transaction": ""}
    certificate.follow(*source(tmp_path))
    Transaction(certificate.store).close()
    before = follower.read_follower(SERVICE)
    commands.clear()
    assert certificate.forget()["changed"]
    assert "stop pifleet-nodered-certificate.path" in commands
    assert follower.read_follower(SERVICE) is None
    assert (tmp_path / "userDir/nodecerts/server.pem").exists()
    # A run that fails later has all of it back.
    transaction = Transaction(certificate.store)
    transaction.undo()
    commands.clear()
    systemd.match_watchers([entry["path"] for entry in transaction.open_record["files"]])
    assert sorted(commands) == [f"restart pifleet-nodered-certificate.{kind}" for kind in ("path", "timer")]
    assert follower.read_follower(SERVICE) == before


def test_other_files_are_no_units(commands: list[str]) -> None:
    systemd.match_watchers(["/home/pi/gone.path", "/etc/letsencrypt/renewal-hooks/deploy/pifleet-nodered"])
    assert commands == []
