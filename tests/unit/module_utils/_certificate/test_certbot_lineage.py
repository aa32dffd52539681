# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host reads of certbot: its lineage, the record of it, and what was renewed."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from certbot_lineages import CHAIN, DIRECTORY, HOOK, LINEAGE, lineage, pair

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate import (
    certbot_lineage as host,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import certificates


def test_read_nothing(letsencrypt: pathlib.Path) -> None:
    assert host.read("nodered.service") is None


def test_read(letsencrypt: pathlib.Path) -> None:
    key, chain = pair("pi.example.org")
    lineage(letsencrypt, key, chain)
    found = host.read("nodered.service")
    assert found == {
        "name": "pifleet-nodered",
        "names": [],
        "chain": chain.decode(),
        "key_matches": True,
        "directory": DIRECTORY,
        "challenge": "webroot",
        "options": "",
        "hook": "",
        "timer": False,
    }
    (letsencrypt / "renewal-hooks/deploy/pifleet-nodered").write_text(HOOK, "utf-8")
    (letsencrypt / "timers/certbot.timer").symlink_to("/nowhere")
    Store("nodered", str(letsencrypt / "store")).write(host.RECORD, {"names": ["pi.example.org"], "options": "digest"})
    assert {
        **found,
        "names": ["pi.example.org"],
        "options": "digest",
        "hook": checksum(HOOK.encode()),
        "timer": True,
    } == host.read("nodered")


@pytest.mark.parametrize("damage", [b"", b"\0\0\0", b"[renewalparams", b"version = 1\n"])
def test_read_damaged_record(letsencrypt: pathlib.Path, damage: bytes) -> None:
    lineage(letsencrypt, *pair("pi.example.org"))
    (letsencrypt / "renewal/pifleet-nodered.conf").write_bytes(damage)
    assert host.read("nodered")["directory"] == ""


def test_read_half_a_lineage(letsencrypt: pathlib.Path) -> None:
    lineage(letsencrypt, pair("pi.example.org")[0], pair("pi.example.org")[1])
    assert host.read("nodered")["key_matches"] is False
    os.unlink(letsencrypt / "live/pifleet-nodered/privkey.pem")
    assert host.read("nodered")["key_matches"] is False


@pytest.mark.parametrize(
    ("found", "installed", "renewed"),
    [
        (LINEAGE, {"chain": CHAIN, "key_matches": True}, True),
        (LINEAGE, {"chain": CHAIN.rstrip("\n"), "key_matches": True}, True),
        (None, {"chain": CHAIN, "key_matches": True}, False),
        (LINEAGE, {"chain": CHAIN, "key_matches": False}, False),
        (LINEAGE, {"chain": pair("pi.example.org")[1].decode(), "key_matches": True}, False),
        ({**LINEAGE, "chain": ""}, {"chain": "", "key_matches": True}, False),
    ],
)
def test_proof_after_a_renewal(found: dict[str, t.Any] | None, installed: dict[str, t.Any], renewed: bool) -> None:
    """It is no reason for a restart that certbot has put another certificate in place, if the server serves it."""
    expected = {"port": 1880, "certificate": "that of the proof"}
    fetched = found["chain"] if found else ""
    after = host.expected_after_renewal(expected, fetched, installed)
    assert after == ({"port": 1880, "certificate": certificates.fingerprint(CHAIN)} if renewed else expected)
    assert host.expected_after_renewal({"certificate": None}, fetched, installed) == {"certificate": None}
