# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `certificate_authority`: made, renewed and replaced, judged by openssl."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import subprocess
import typing as t

import pytest
from ad_hoc import Run, module, program

PASSPHRASE = "correct horse only for tests"


def authority(folder: pathlib.Path, *options: str, **arguments: t.Any) -> Run:
    return module("certificate_authority", *options, ca_dir=str(folder), ca_passphrase=PASSPHRASE, **arguments)


def openssl(*arguments: str | pathlib.Path) -> str:
    return subprocess.run(
        ["openssl", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    ).stdout


def fingerprint(path: pathlib.Path) -> str:
    return (
        openssl("x509", "-in", path, "-noout", "-fingerprint", "-sha256")
        .partition("=")[2]
        .strip()
        .replace(":", "")
        .lower()
    )


def public_key(path: pathlib.Path) -> str:
    return openssl("x509", "-in", path, "-noout", "-pubkey")


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "ca"


def test_made_once(folder: pathlib.Path) -> None:
    checked = authority(folder, "--check")
    assert (checked.result["changed"], checked.result["fingerprint"]) == (True, "")
    assert not folder.exists()
    run = authority(folder, "--diff", "-vvv", permitted=["local", "192.168.0.0/16"])
    assert run.result["changed"] is True
    assert run.result["fingerprint"] == fingerprint(folder / "ca.pem")
    assert "Permitted" in openssl("x509", "-in", folder / "ca.pem", "-noout", "-text")
    assert stat.S_IMODE((folder / "ca.key").stat().st_mode) == 0o600
    assert openssl("pkey", "-in", folder / "ca.key", "-passin", f"pass:{PASSPHRASE}", "-pubout") == public_key(
        folder / "ca.pem"
    )
    for secret in (PASSPHRASE, "BEGIN"):
        assert secret not in run.output
    again = authority(folder, permitted=["local", "192.168.0.0/16"])
    assert again.result["changed"] is False
    assert "nodered_ca_permitted" not in again.output
    other = authority(folder, permitted=["lan"])
    assert other.result["changed"] is False
    assert "nodered_ca_permitted" in other.output


@pytest.mark.parametrize(("state", "same_key"), [("renewed", True), ("replaced", False)])
def test_a_successor(folder: pathlib.Path, state: str, same_key: bool) -> None:
    authority(folder)
    former = folder.parent / "former.pem"
    former.write_bytes((folder / "ca.pem").read_bytes())
    checked = authority(folder, "--check", state=state, instead_of=fingerprint(former))
    assert checked.result["changed"] is True
    assert (folder / "ca.pem").read_bytes() == former.read_bytes()
    done = authority(folder, state=state, instead_of=fingerprint(former), days=5000)
    assert done.result["changed"] is True
    assert done.result["fingerprint"] == fingerprint(folder / "ca.pem") != fingerprint(former)
    assert (public_key(folder / "ca.pem") == public_key(former)) is same_key
    # Beside it is what leads whoever trusts the former only to the same key.
    beside = folder.parent / "beside.pem"
    beside.write_text(
        (folder / "ca.pem").read_text("ascii").split("-----END CERTIFICATE-----\n")[1] + "-----END CERTIFICATE-----\n"
    )
    openssl("verify", "-no-CApath", "-no-CAstore", "-CAfile", former, beside)
    assert public_key(beside) == public_key(folder / "ca.pem")
    # The same request again comes too late.
    after = (folder / "ca.pem").read_bytes()
    again = authority(folder, state=state, instead_of=fingerprint(former))
    assert again.result["changed"] is False
    assert (folder / "ca.pem").read_bytes() == after
    assert sorted(name for name in os.listdir(folder) if not name.startswith(".lock")) == ["ca.key", "ca.pem"]


def test_the_type_of_the_key(folder: pathlib.Path) -> None:
    authority(folder)
    told = authority(folder, key_type="rsa-2048")
    assert told.result["changed"] is False
    assert "nodered_ca_key_type says rsa-2048" in told.output
    assert "nodered_rotate=authority" in told.output
    done = authority(folder, state="replaced", key_type="rsa-2048")
    assert "nodered_ca_key_type" not in done.output
    assert done.result["certificate"]["key_type"] == "rsa-2048"


def test_nothing_to_succeed(folder: pathlib.Path) -> None:
    run = authority(folder, state="replaced")
    assert run.failed
    assert f"There is no {folder}/ca.pem yet" in run.result["msg"]
    assert not folder.exists()


def test_wrong_passphrase(folder: pathlib.Path) -> None:
    authority(folder)
    before = (folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes()
    run = module("certificate_authority", ca_dir=str(folder), ca_passphrase="wrong only for tests", state="replaced")
    assert run.failed
    assert "passphrase" in run.result["msg"]
    assert ((folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes()) == before


def test_rotated_with_what_the_inventory_permits(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """The play that follows finds no Node-RED here; the authority has been replaced before."""
    authority(folder, permitted=["*"])
    assert "Permitted" not in openssl("x509", "-in", folder / "ca.pem", "-noout", "-text")
    former = fingerprint(folder / "ca.pem")
    variables = {
        "nodered_rotate": "authority",
        "nodered_ca_dir": str(folder),
        "nodered_ca_passphrase": PASSPHRASE,
        "nodered_ca_permitted": ["local"],
        "ansible_become": False,
    }
    given = json.dumps({**variables, "nodered_hosts": "all"})
    where = ("--inventory=here,", "--connection=local")
    program(tmp_path, "ansible-playbook", *where, "--extra-vars", given, "pifleet.nodered.rotate")
    assert fingerprint(folder / "ca.pem") != former
    assert "DNS:local" in openssl("x509", "-in", folder / "ca.pem", "-noout", "-text")
