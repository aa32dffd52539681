# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host reads of the credentials of its flows, and what it finds that may help to decrypt them."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import types
import typing as t

import pytest
from flow_credentials import FLOWS, GONE, MADE, A, B, encrypted, plain

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials import evidence
from ansible_collections.pifleet.nodered.plugins.module_utils._credentials import files as on_host
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account, user_name
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.command_line import CommandLine

# What the host reads


@pytest.fixture
def unit(tmp_path: pathlib.Path) -> types.SimpleNamespace:
    user_dir = tmp_path / "node-red"
    user_dir.mkdir()
    return types.SimpleNamespace(
        name="nodered.service",
        account=Account(user_name(os.getuid())),
        user_dir=str(user_dir),
        settings_directory=str(user_dir),
        settings_path=str(user_dir / "settings.js"),
        command_line=CommandLine(["node-red"]),
    )


def write(unit: types.SimpleNamespace, **files: bytes | dict) -> None:
    """Write files of the userDir; `_` stands for a dot in front, `__` for one within."""
    for name, content in files.items():
        path = os.path.join(unit.user_dir, name.replace("__", ".").replace("dot", "."))
        with open(path, "wb") as stream:
            stream.write(content if isinstance(content, bytes) else json.dumps(content).encode("utf-8"))


def test_the_host_reads_what_the_decision_needs(unit: types.SimpleNamespace) -> None:
    write(
        unit,
        flows_cred__json=encrypted(A),
        dotflows_cred__json__backup=encrypted(B),
        old_cred__json=b"",
        dotold_cred__json__backup=plain(),
        dotconfig__runtime__json={"_credentialSecret": MADE},
        dotconfig__projects__json={"activeProject": "pumps"},
    )
    read = on_host.read_credentials(unit, [B])
    assert [(file["name"], file["kind"]) for file in read["files"]] == [
        (FLOWS, "encrypted"),
        ("old_cred.json", "plain"),
    ]
    assert len(base64.b64decode(read["files"][0]["head"])) == on_host.HEAD
    assert (read["project"], read["generated"], read["pending"]) == (
        "pumps",
        {"file": ".config.runtime.json", "secret": MADE},
        [B],
    )


@pytest.mark.parametrize(
    ("files", "secret"),
    [
        ({}, None),
        ({"dotconfig__json": {"_credentialSecret": MADE}}, MADE),
        ({"dotconfig__json": {"_credentialSecret": MADE}, "dotconfig__runtime__json": {}}, None),
        ({"dotconfig__runtime__json": b"", "dotconfig__runtime__json__backup": {"_credentialSecret": MADE}}, MADE),
        ({"dotconfig__runtime__json": b"cut off"}, None),
    ],
)
def test_the_key_that_node_red_has_made(
    unit: types.SimpleNamespace, files: dict[str, t.Any], secret: str | None
) -> None:
    write(unit, **files)
    made = on_host.generated(unit)
    assert (made and made["secret"]) == secret


def test_the_host_finds_every_secret_and_copy(unit: types.SimpleNamespace, tmp_path: pathlib.Path) -> None:
    store = Store(unit.name, str(tmp_path / "store"))
    write(
        unit,
        settings__js=f'module.exports = {{\n    //credentialSecret: "{A}",\n}}\n'.encode(),
        flows_cred__json=encrypted(A),
        dotflows_cred__json__backup=encrypted(B),
        dotconfig__runtime__json={"_credentialSecret": MADE},
    )
    with open(os.path.join(unit.user_dir, "settings.js.12.2026-01-01@00:00:00~"), "wb") as stream:
        stream.write(b"broken { credentialSecret: 'b\\'s' ")
    store.keep("backups/one/0-settings.js", f'module.exports = {{ "credentialSecret": "{GONE}" }}'.encode())
    store.keep("backups/one/1-flows_cred.json", encrypted(GONE))
    store.keep("backups/one/2-.flows_cred.json.backup", encrypted(A))
    store.keep("backups/one/3-.config.runtime.json", json.dumps({"_credentialSecret": "kept"}).encode("utf-8"))
    store.keep(
        "backups/one/transaction.json", json.dumps({"credentials": {"secret": "x", "keys": ["y"]}}).encode("utf-8")
    )
    read = evidence.read_evidence(unit, store)
    assert {entry["literal"] for entry in read["literals"]} == {f'"{A}"', "'b\\'s'", f'"{GONE}"'}
    assert {entry["secret"] for entry in read["secrets"]} == {MADE, "kept", "x", "y"}
    assert {(copy["name"], copy["in_store"]) for copy in read["copies"]} == {(FLOWS, False), (FLOWS, True)}
    assert len(read["copies"]) == 3
    assert [copy["modified"] for copy in read["copies"]] == sorted(
        (copy["modified"] for copy in read["copies"]), reverse=True
    )


# Files that the service's user may fill with anything


@pytest.mark.parametrize(
    "content",
    [
        b'{"$":{}}',
        b'{"$":[]}',
        b'{"$":7}',
        b'{"$":null}',
        b'{"$":"no digits"}',
        b"[" * 200000,
        b'{"a":' * 200000,
        b"\xff",
        b"7",
    ],
)
def test_a_file_of_anything_is_damaged(content: bytes) -> None:
    assert on_host.described(content)["kind"] == "damaged"


@pytest.mark.parametrize(
    "plan", [{"keys": None}, {"keys": 7}, {"keys": "text"}, {"keys": {"a": 1}}, {"keys": [7, []]}, {"secret": []}]
)
def test_kept_secrets_of_odd_types(plan: dict) -> None:
    assert evidence._kept_secrets({"credentials": plan}) == []
    assert evidence._kept_secrets({"credentials": {"keys": [A, 7], **plan, "secret": B}})[0] == B


@pytest.mark.parametrize("project", [7, [], {"a": 1}, ""])
def test_a_project_that_is_no_string(monkeypatch: pytest.MonkeyPatch, project: object) -> None:
    files = {".config.projects.json": json.dumps({"activeProject": project}).encode()}
    monkeypatch.setattr(on_host, "content_of", lambda _unit, name: files.get(name))
    monkeypatch.setattr(on_host, "names", lambda _unit: [])
    unit = types.SimpleNamespace(command_line=CommandLine(["node-red"]))
    assert on_host.read_credentials(unit, [])["project"] is None
