# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials encrypted anew by Node.js, in a userDir of this machine: openssl writes and reads them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import types

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials import reencryption
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account, user_name
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import runtime_of_file

OLD, NEW, MADE, GONE = "old-only-for-tests", "new-only-for-tests", "made-only-for-tests", "gone-only-for-tests"
#: Keys in an order that another JSON library would change, and text that is not ASCII.
TEXT = '{"b":{"password":"pä$$\\n"},"10":{},"9":{"user":"\u2028"},"__proto__":{"x":1}}'
FILE, BACKUP, RUNTIME = "flows_cred.json", ".flows_cred.json.backup", ".config.runtime.json"


def openssl(secret: str, iv: bytes, data: bytes) -> bytes:
    """Encrypts and decrypts, which is the same in this mode."""
    key = hashlib.sha256(secret.encode("utf-8")).hexdigest()
    return subprocess.run(
        ["openssl", "enc", "-aes-256-ctr", "-K", key, "-iv", iv.hex()], input=data, check=True, capture_output=True
    ).stdout


def encrypted(secret: str, text: str = TEXT) -> str:
    iv = os.urandom(16)
    return json.dumps({"$": iv.hex() + base64.b64encode(openssl(secret, iv, text.encode("utf-8"))).decode("ascii")})


def opened(secret: str, path: pathlib.Path) -> str:
    found = json.loads(path.read_text("utf-8"))["$"]
    return openssl(secret, bytes.fromhex(found[:32]), base64.b64decode(found[32:])).decode("utf-8", "replace")


class Host:
    """A userDir, and a transaction that is open."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder / "node-red"
        self.folder.mkdir()
        self.unit = types.SimpleNamespace(
            name="nodered.service", user_dir=str(self.folder), account=Account(user_name(os.getuid()))
        )
        self.store = Store("nodered.service", str(folder / "store"))
        self.transaction = Transaction(self.store)
        self.transaction.begin({"active": True, "endpoints": []})

    def __truediv__(self, name: str) -> pathlib.Path:
        return self.folder / name

    def plan(self, secret: str | None = NEW, **changed: object) -> None:
        whole = {"secret": secret, "keys": [OLD], "required": [FILE], "sources": {}, **changed}
        self.transaction.note(credentials=whole)

    def encrypt(self) -> None:
        reencryption.encrypt_anew(self.unit, self.transaction)

    def snapshot(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host(tmp_path)
    monkeypatch.setattr(
        reencryption, "runtime_of_service", lambda unit: runtime_of_file(str(found / FILE), unit.account)
    )
    return found


@pytest.mark.parametrize("before", [OLD, MADE, NEW])
def test_files_and_their_copies_follow_the_new_secret(host: Host, before: str) -> None:
    (host / FILE).write_text(encrypted(before), "utf-8")
    (host / BACKUP).write_text(encrypted(before, '{"older":{}}'), "utf-8")
    (host / "other_cred.json").write_text(encrypted(GONE), "utf-8")
    (host / RUNTIME).write_text(json.dumps({"first": 1, "_credentialSecret": MADE, "last": "ü"}), "utf-8")
    (host / FILE).chmod(0o644)
    others = (host / "other_cred.json").read_bytes()
    snapshot = host.snapshot()
    host.plan()
    host.encrypt()
    assert opened(NEW, host / FILE) == TEXT
    assert opened(NEW, host / BACKUP) == '{"older":{}}'
    assert (host / FILE).stat().st_mode & 0o777 == (0o644 if before == NEW else 0o600)
    assert (host / "other_cred.json").read_bytes() == others
    assert (host / RUNTIME).read_text("utf-8") == '{\n    "first": 1,\n    "last": "ü"\n}'
    # A run that was killed afterwards is finished by the next one.
    after = host.snapshot()
    host.encrypt()
    assert host.snapshot() == after
    host.transaction.undo()
    assert host.snapshot() == snapshot


def test_what_was_not_encrypted_is(host: Host) -> None:
    (host / FILE).write_text('{\n    "b": {\n        "user": "x"\n    }\n}', "utf-8")
    host.plan(keys=[])
    host.encrypt()
    assert opened(NEW, host / FILE) == '{"b":{"user":"x"}}'
    # Pretty, as it was.
    assert (host / FILE).read_text("utf-8").startswith('{\n    "$": "')


@pytest.mark.parametrize("text", ["{}", "{\n}"])
def test_an_empty_file_stays(host: Host, text: str) -> None:
    (host / FILE).write_text(text, "utf-8")
    host.plan()
    host.encrypt()
    assert (host / FILE).read_text("utf-8") == text


def test_an_empty_set_needs_no_key(host: Host) -> None:
    (host / FILE).write_text(encrypted(GONE, "{}"), "utf-8")
    host.plan()
    host.encrypt()
    assert opened(NEW, host / FILE) == "{}"


@pytest.mark.parametrize(
    ("text", "words"), [(encrypted(GONE), "no known key decrypts it"), ("cut off", "it is damaged")]
)
def test_nothing_is_replaced_when_a_file_cannot_follow(host: Host, text: str, words: str) -> None:
    (host / "a_cred.json").write_text(encrypted(OLD), "utf-8")
    (host / FILE).write_text(text, "utf-8")
    (host / RUNTIME).write_text(json.dumps({"_credentialSecret": MADE}), "utf-8")
    snapshot = host.snapshot()
    host.plan()
    with pytest.raises(HostError, match=f"{FILE} cannot be encrypted anew: {words}") as error:
        host.encrypt()
    assert host.snapshot() == snapshot
    assert not any(key in str(error.value) for key in (OLD, NEW, MADE, GONE))


@pytest.mark.parametrize("in_store", [True, False])
def test_a_copy_takes_the_place_of_a_file(host: Host, in_store: bool) -> None:
    (host / FILE).write_text(encrypted(GONE, "{}"), "utf-8")
    copy = pathlib.Path(host.store.path("backups/one/0-flows_cred.json")) if in_store else host / "copy"
    host.store.keep("backups/one/0-flows_cred.json", encrypted(OLD).encode("utf-8"))
    copy.write_text(encrypted(OLD), "utf-8")
    host.plan(sources={FILE: {"path": str(copy), "in_store": in_store}})
    host.encrypt()
    assert opened(NEW, host / FILE) == TEXT


def test_a_copy_that_is_encrypted_with_the_secret_already(host: Host) -> None:
    (host / "copy").write_text(encrypted(NEW), "utf-8")
    host.plan(sources={FILE: {"path": str(host / "copy"), "in_store": False}})
    host.encrypt()
    assert opened(NEW, host / FILE) == TEXT


def test_without_a_secret_a_copy_stays_as_it_is(host: Host) -> None:
    (host / FILE).write_text("cut off", "utf-8")
    (host / "copy").write_text('{"b":{}}', "utf-8")
    (host / RUNTIME).write_text(json.dumps({"_credentialSecret": MADE}), "utf-8")
    host.plan(secret=None, sources={FILE: {"path": str(host / "copy"), "in_store": False}})
    host.encrypt()
    assert (host / FILE).read_text("utf-8") == '{"b":{}}'
    assert MADE in (host / RUNTIME).read_text("utf-8")


def test_without_a_plan_nothing_is_replaced(host: Host) -> None:
    (host / FILE).write_text(encrypted(OLD), "utf-8")
    snapshot = host.snapshot()
    host.encrypt()
    assert host.snapshot() == snapshot
