# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A replacement that ends before any of its system calls: the old pair or the new one, and a way on for the next run."""

from __future__ import annotations

import functools
import os
import pathlib
import ssl
import subprocess
import types
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate import host_certificate
from ansible_collections.pifleet.nodered.plugins.module_utils._host import files, store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum

#: Whatever changes a file system, as far as the code under test calls it.
CALLS = ("open", "mkdir", "makedirs", "chmod", "rename", "unlink", "rmdir", "fsync", "fchown", "fchmod")
ME = pathlib.Path("/proc/self").owner()


def certificate(folder: pathlib.Path, name: str) -> tuple[bytes, bytes]:
    """A key and a self-signed certificate, made by openssl."""
    key, chain = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            key,
            "-out",
            chain,
            "-subj",
            f"/CN={name}",
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return key.read_bytes(), chain.read_bytes()


def ends_before(number: int, work: t.Callable[[], None]) -> bool:
    """Run some work in a process that ends before one of its calls; whether it came that far."""
    child = os.fork()
    if child == 0:
        counter = iter(range(number))

        def killing(call: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
            def wrapped(*arguments: t.Any, **options: t.Any) -> t.Any:
                if next(counter, None) is None:
                    os._exit(9)
                return call(*arguments, **options)

            return wrapped

        for name in CALLS:
            setattr(os, name, killing(getattr(os, name)))
        files._renameat2 = killing(files._renameat2)
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9), "the work itself failed"
    return status == 9


def loads(path: pathlib.Path) -> bool:
    """Whether a TLS server could use the key with the certificate."""
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
    return True


@pytest.fixture
def unit(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """A service that does not run, whose Node-RED lives in a temporary folder."""
    monkeypatch.setattr(store, "BASE", str(tmp_path / "store"))
    monkeypatch.setattr(Store.__init__, "__defaults__", (str(tmp_path / "store"),))
    monkeypatch.setattr(host_certificate, "endpoints", lambda unit: [])
    # A process that ends loses nothing that the kernel has; waiting for the disk only takes time.
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    user_dir = tmp_path / "node-red"
    user_dir.mkdir()
    return types.SimpleNamespace(
        name="nodered.service",
        account=Account(ME),
        user_dir=str(user_dir),
        settings_directory=str(user_dir),
        active=False,
        settings_path=str(user_dir / "settings.js"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False], ids=["the first certificate", "a renewal with a new key"])
def test_key_and_certificate_fit_at_every_moment(
    unit: types.SimpleNamespace, tmp_path: pathlib.Path, first: bool
) -> None:
    (_old_key, _old_chain), (key, chain) = certificate(tmp_path, "old"), certificate(tmp_path, "new")
    path = pathlib.Path(unit.user_dir, "nodecerts/server.pem")
    old = None if first else _old_key + _old_chain
    new = key + chain
    seen = []
    for number in range(200):
        if old:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(old)
            path.chmod(0o600)
        store = Store(unit.name)
        store.keep("staged.key", key)
        host = host_certificate.HostCertificate(unit, "ecdsa-p256", False)
        killed = ends_before(number, functools.partial(host.install, chain))
        found = path.read_bytes() if path.exists() else None
        assert found in (old, new)
        assert found is None or loads(path)
        seen.append(found)
        # The next run finds what it needs to go back.
        transaction = Transaction(store)
        if transaction.open:
            transaction.undo()
            transaction.close()
        else:
            assert found == old
        assert (path.read_bytes() if path.exists() else None) == old
        assert os.listdir(unit.user_dir) == ([] if first else ["nodecerts"])
        assert first or os.listdir(path.parent) == ["server.pem"]
        if not killed:
            break
    assert len(seen) > 20
    assert {old, new} == set(seen)


@pytest.mark.slow
def test_settings_are_whole_at_every_moment(unit: types.SimpleNamespace) -> None:
    path = pathlib.Path(unit.settings_path)
    old, new = b"module.exports = { a: 1 }\n", b"module.exports = { a: 2 }\n"
    seen = set()
    for number in range(200):
        path.write_bytes(old)
        path.chmod(0o600)
        store = Store(unit.name)

        def replace(store: Store = store) -> None:
            transaction = Transaction(store)
            transaction.begin({"active": False, "endpoints": []})
            transaction.replace(str(path), new, 0o600, os.getuid(), os.getgid(), unit.account, checksum(old))

        killed = ends_before(number, replace)
        seen.add(path.read_bytes())
        transaction = Transaction(store)
        if transaction.open:
            transaction.undo()
            transaction.close()
        assert path.read_bytes() == old
        assert os.listdir(unit.user_dir) == ["settings.js"]
        if not killed:
            break
    assert seen == {old, new}
