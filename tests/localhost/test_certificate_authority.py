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


def test_it_signs_for_the_inventory_and_for_further_names(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    inventory = tmp_path / "fleet.ini"
    inventory.write_text("kitchen.example.com\ncellar ansible_host=198.51.100.7\n")
    authority(folder, f"--inventory={inventory}", names=["heating.example.net"])
    permitted = openssl("x509", "-in", folder / "ca.pem", "-noout", "-text").partition("Permitted:")[2]
    for each in ("DNS:local", "DNS:example.com", "DNS:example.net", "IP:198.51.100.7/255.255.255.255"):
        assert each in permitted, each


def given(folder: pathlib.Path, key_of: pathlib.Path | None = None) -> dict[str, str]:
    """An authority as a vault gives it."""
    return {
        "ca_certificate": (folder / "ca.pem").read_text("ascii"),
        "ca_key": ((key_of or folder) / "ca.key").read_text("ascii"),
    }


def test_one_from_a_vault_is_looked_at(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    authority(folder)
    nowhere = tmp_path / "nowhere"
    run = authority(nowhere, "--diff", "-vvv", **given(folder))
    assert (run.result["changed"], run.result["fingerprint"]) == (False, fingerprint(folder / "ca.pem"))
    assert "It is that of nodered_ca_certificate, which fits nodered_ca_key." in run.result["messages"]
    assert not nowhere.exists()
    key = (folder / "ca.key").read_text("ascii").splitlines()[1]
    assert key not in run.output
    assert PASSPHRASE not in run.output


@pytest.mark.parametrize("state", ["renewed", "replaced"])
def test_one_from_a_vault_is_not_changed(folder: pathlib.Path, tmp_path: pathlib.Path, state: str) -> None:
    """Else a folder that nobody asks for would be, and hosts would get other certificates than the vault has."""
    authority(folder)
    other = tmp_path / "other"
    authority(other)
    before = fingerprint(other / "ca.pem")
    run = authority(other, state=state, **given(folder))
    assert run.failed
    assert "no run writes to a vault" in run.result["msg"]
    assert fingerprint(other / "ca.pem") == before


def test_halves_and_strangers_from_a_vault(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    authority(folder)
    other = tmp_path / "other"
    authority(other)
    for half in ("ca_certificate", "ca_key"):
        run = authority(tmp_path / "nowhere", **{half: given(folder)[half]})
        assert run.failed
        assert "belong together" in run.result["msg"]
    run = authority(tmp_path / "nowhere", **given(folder, key_of=other))
    assert run.failed
    assert "The key in nodered_ca_key does not fit nodered_ca_certificate" in run.result["msg"]
    assert not (tmp_path / "nowhere").exists()


def test_an_execution_environment_makes_none_in_its_home(tmp_path: pathlib.Path) -> None:
    inside = {"AWX_ISOLATED_DATA_DIR": "/runner/artifacts/1", "HOME": str(tmp_path)}
    for options in ((), ("--check",)):
        run = module("certificate_authority", *options, environment=inside, state="present")
        assert run.failed
        assert "forgets ~/.pifleet/nodered-ca at its end" in run.result["msg"]
    assert not (tmp_path / ".pifleet").exists()
    volume = module("certificate_authority", environment=inside, ca_dir=str(tmp_path / "volume"))
    assert volume.result["changed"] is True
    # ansible-runner without a container keeps what it is told to keep.
    outside = {**inside, "AWX_ISOLATED_DATA_DIR": str(tmp_path)}
    assert module("certificate_authority", environment=outside, state="present").result["changed"] is True


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


def play(tmp_path: pathlib.Path, *words: str, **variables: t.Any) -> str:
    """What the playbook `authority` says; `~` is the directory of the test."""
    given = ("--extra-vars", json.dumps(variables)) if variables else ()
    return program(tmp_path, "ansible-playbook", "pifleet.nodered.authority", *words, *given).stdout


def test_the_playbook_needs_no_host(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / ".pifleet/nodered-ca"
    checked = play(tmp_path, "--check", "--diff")
    assert f"The certificate authority in {folder} would be made." in checked
    assert not folder.exists()
    made = play(tmp_path)
    digits = fingerprint(folder / "ca.pem").upper()
    shown = ":".join(digits[start : start + 2] for start in range(0, len(digits), 2))
    for each in (
        "changed=1",
        f"SHA-256 {shown}",
        str(folder / "ca.pem"),
        str(folder / "ca.key"),
        "without a passphrase",
    ):
        assert each in made, each
    again = play(tmp_path)
    assert "changed=0" in again
    assert shown in again


def test_the_playbook_takes_the_variables_of_the_fleet(tmp_path: pathlib.Path) -> None:
    """Nobody answers at this address."""
    variables = {"nodered_ca_dir": str(tmp_path / "ca"), "nodered_ca_passphrase": PASSPHRASE}
    hosts = {
        "kitchen": {"ansible_host": "192.0.2.1", "nodered_certificate_names": ["heating.example.net"]},
        "cellar": {},
    }
    (tmp_path / "fleet.yml").write_text(json.dumps({"nodered": {"hosts": hosts, "vars": variables}}))
    output = play(tmp_path, "--inventory=fleet.yml", "-vvv")
    assert "changed=1" in output
    assert PASSPHRASE not in output
    assert b"ENCRYPTED" in (tmp_path / "ca/ca.key").read_bytes()
    assert "DNS:example.net" in openssl("x509", "-in", tmp_path / "ca/ca.pem", "-noout", "-text")
    # A successor, for a vault.
    former = fingerprint(tmp_path / "ca/ca.pem")
    assert "changed=1" in play(tmp_path, "--inventory=fleet.yml", nodered_rotate="authority")
    assert fingerprint(tmp_path / "ca/ca.pem") != former


def test_rotating_what_a_vault_gives_is_refused(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Nothing is replaced, and no host is secured with what was there before."""
    authority(folder)
    before = fingerprint(folder / "ca.pem")
    vault = {f"nodered_{name}": value for name, value in given(folder).items()}
    variables = {
        "nodered_rotate": "authority",
        "nodered_hosts": "all",
        "nodered_ca_dir": str(folder),
        "nodered_ca_passphrase": PASSPHRASE,
        **vault,
    }
    where = ("--inventory=here,", "--connection=local", "--extra-vars", json.dumps(variables))
    done = program(tmp_path, "ansible-playbook", *where, "pifleet.nodered.rotate")
    assert done.returncode == 2
    assert "no run writes to a vault" in done.stdout
    assert "Look at the host" not in done.stdout
    assert fingerprint(folder / "ca.pem") == before


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
