# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files beside an inventory: Ansible itself says which it reads, openssl and ssh-keygen make the keys."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.vars_files import (
    files_read,
    passed_over,
    plain_keys,
    source_directories,
    syntax_error,
)

FILES = (
    "group_vars/all.yml",
    "group_vars/nodered.yml",
    "group_vars/nodered.json",
    "group_vars/nodered/main.yml",
    "group_vars/nodered/deeper/more",
    "group_vars/nodered/notes.txt",
    "group_vars/nodered/.hidden.yml",
    "group_vars/nodered/old.yml~",
    "group_vars/elsewhere.yml",
    "host_vars/pi.local.yaml",
    "host_vars/pi.local.json",
)


@pytest.fixture
def fleet(tmp_path: pathlib.Path) -> pathlib.Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a: 1\n")
    return tmp_path


def test_what_ansible_reads(fleet: pathlib.Path) -> None:
    loader = DataLoader()
    wanted = [("group_vars", "all"), ("group_vars", "nodered"), ("host_vars", "pi.local")]
    read = {path for kind, name in wanted for path in loader.find_vars_files(str(fleet / kind), name)}
    assert {str(path) for path in files_read(fleet, ("all", "nodered", "pi.local"))} == read
    assert len(read) == 4


def test_what_ansible_passes_over(fleet: pathlib.Path) -> None:
    told = {(str(path.relative_to(fleet)), str(read.relative_to(fleet))) for path, read in passed_over(fleet)}
    assert told == {
        ("group_vars/nodered.yml", "group_vars/nodered"),
        ("group_vars/nodered.json", "group_vars/nodered"),
        ("host_vars/pi.local.json", "host_vars/pi.local.yaml"),
    }


def test_where_ansible_looks(fleet: pathlib.Path) -> None:
    sources = [str(fleet / "fleet.ini"), str(fleet / "more.yml"), str(fleet / "group_vars"), "pi1,pi2"]
    assert source_directories(sources) == [fleet, fleet / "group_vars"]
    assert source_directories(None) == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"a: 1\nb: [1\nc: 2\n", "3: "),
        (b"a: 1\n b: 2\n", "2: mapping values are not allowed"),
        (b"a: \xff\n", "1: "),
        (b"a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  00\n", ""),
        (b"$ANSIBLE_VAULT;1.1;AES256\n: {\n", ""),
        (b'{\n\t"a": 1}', ""),
        (b"", ""),
    ],
)
def test_what_is_not_yaml(tmp_path: pathlib.Path, content: bytes, fault: str) -> None:
    (tmp_path / "vars.yml").write_bytes(content)
    found = syntax_error(tmp_path / "vars.yml")
    assert found.startswith(fault) if fault else found == ""


def test_keys_without_a_passphrase(tmp_path: pathlib.Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / ".git").mkdir()
    for command in (
        "openssl genpkey -algorithm ed25519 -out keys/plain.key",
        "openssl genpkey -algorithm ed25519 -out .git/kept.key",
        "openssl genpkey -algorithm ed25519 -aes256 -pass pass:only-for-tests -out keys/encrypted.pem",
        "openssl rsa -traditional -aes256 -passout pass:only-for-tests -in rsa.tmp -out keys/traditional.pem",
        "openssl req -x509 -new -key keys/plain.key -subj /CN=pi -out keys/certificate.pem",
        "ssh-keygen -q -t ed25519 -P only-for-tests -f keys/id_closed",
        "ssh-keygen -q -t ed25519 -P  -f keys/id_open",
    ):
        if "rsa.tmp" in command:
            subprocess.run(
                ["openssl", "genrsa", "-out", "rsa.tmp", "2048"], cwd=tmp_path, capture_output=True, check=True
            )
        subprocess.run(command.split(" "), cwd=tmp_path, capture_output=True, check=True)
    assert [path.name for path in plain_keys(tmp_path)] == ["rsa.tmp", "id_open", "plain.key"]


def test_keys_in_files_of_any_name(tmp_path: pathlib.Path) -> None:
    """Variables with a key in a block or in a quoted string, and the second key of a file; no example of a text."""
    command = ["openssl", "genpkey", "-algorithm", "ed25519"]
    plain = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    password = ["-aes256", "-pass", "pass:only-for-tests"]
    closed = subprocess.run([*command, *password], capture_output=True, check=True, text=True).stdout
    (tmp_path / "group_vars").mkdir()
    for name, content in {
        "group_vars/nodered.yml": "nodered_key: |\n" + "".join(f"  {line}\n" for line in plain.splitlines()),
        "group_vars/quoted.json": json.dumps({"nodered_key": plain}),
        "backup": closed + plain,
        "server.pem.txt": plain,
        ".env": plain,
        "closed.txt": closed,
        "README.md": "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
        "large.img": plain + " " * (1 << 18),
    }.items():
        (tmp_path / name).write_text(content, "utf-8")
    os.mkfifo(tmp_path / "pipe")
    found = {str(path.relative_to(tmp_path)) for path in plain_keys(tmp_path)}
    assert found == {"group_vars/nodered.yml", "group_vars/quoted.json", "backup", "server.pem.txt", ".env"}
