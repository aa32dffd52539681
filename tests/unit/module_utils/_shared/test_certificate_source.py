# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PEM files that a user of the host may have written, and a pair that is followed. See what root may be led to."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

import pytest
from certbot_lineages import pair as expired
from pki_tools import openssl
from stopwatch import times_as_long

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import certbot_deploy_program, certificate_source
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_source import (
    SourceError,
    follow,
    key_matches,
    read_source,
    split_pem,
)

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to others")
NOBODY = 65534


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A key and its certificate, made by openssl."""
    path = tmp_path_factory.mktemp("pair")
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=pi"]
    openssl("req", *options, "-keyout", path / "key.pem", "-out", path / "certificate.pem")
    return (path / "key.pem").read_bytes(), (path / "certificate.pem").read_bytes()


def test_the_parts(pair: tuple[bytes, bytes]) -> None:
    key, certificate = pair
    for content in (key + certificate, certificate + key, b"# words\n" + key + b"\n\n" + certificate):
        assert split_pem(content) == (key, certificate)
        assert key_matches(content)
    assert split_pem(certificate + certificate) == (None, certificate + certificate)
    assert split_pem(None) == split_pem(b"") == split_pem(b"words") == (None, b"")


def test_what_does_not_end_hides_nothing(pair: tuple[bytes, bytes]) -> None:
    key, certificate = pair
    assert split_pem(b"-----BEGIN EC PRIVATE KEY-----\n" + key + certificate) == (key, certificate)
    assert split_pem(key + certificate + b"-----BEGIN CERTIFICATE-----\nMII") == (key, certificate)


def test_another_key(pair: tuple[bytes, bytes], tmp_path: pathlib.Path) -> None:
    other = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256").encode()
    assert not key_matches(other + pair[1])


def test_nothing_is_computed_for_an_encrypted_key(pair: tuple[bytes, bytes]) -> None:
    """Whoever encrypts a key chooses how long it takes; this one would take minutes."""
    key, certificate = pair
    options = ["-v2", "aes-256-cbc", "-iter", "200000", "-passout", "pass:"]
    encrypted = openssl("pkcs8", "-topk8", *options, content=key).encode()
    assert b"ENCRYPTED" in encrypted
    assert not key_matches(encrypted + certificate)
    ratio = times_as_long(lambda: key_matches(encrypted + certificate), lambda: key_matches(key + certificate))
    assert ratio < 1


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"-----BEGIN CERTIFICATE-----", b"-----BEGIN RSA PRIVATE KEY-----", b"-----BEGIN "])
def test_many_that_do_not_end_take_no_longer_each(piece: bytes) -> None:
    assert times_as_long(lambda: split_pem(piece * 8_000), lambda: split_pem(piece * 2_000)) < 12


# What is followed


@pytest.fixture
def live(tmp_path: pathlib.Path, pair: tuple[bytes, bytes]) -> pathlib.Path:
    """A directory as certbot has it, with links to the files."""
    archive, live = tmp_path / "archive", tmp_path / "live"
    archive.mkdir(mode=0o700)
    live.mkdir(mode=0o700)
    for name, content in zip(("privkey.pem", "fullchain.pem"), pair, strict=True):
        (archive / name).write_bytes(content)
        (archive / name).chmod(0o600)
        (live / name).symlink_to(f"../archive/{name}")
    return live


def read(live: pathlib.Path) -> bytes:
    return read_source(str(live / "privkey.pem"), str(live / "fullchain.pem")).content


def refusal(live: pathlib.Path) -> str:
    with pytest.raises(SourceError) as error:
        read(live)
    return str(error.value)


def test_a_pair_behind_links(live: pathlib.Path, pair: tuple[bytes, bytes]) -> None:
    assert read(live) == pair[0] + pair[1]
    # What else is in a file is nobody's business.
    (live / "fullchain.pem").write_bytes(b"words\n" + pair[1] + pair[1] + pair[0])
    assert read(live) == pair[0] + pair[1] + pair[1]
    (live.parent / "by the way").symlink_to(live.parent / "live/../live/./")
    assert read(live.parent / "by the way") == pair[0] + pair[1] + pair[1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("privkey.pem", None, "nodered_certificate_host_key: {} does not exist on this host"),
        ("fullchain.pem", None, "nodered_certificate_host_chain: {} does not exist on this host"),
        ("privkey.pem", b"words", "nodered_certificate_host_key: {} has no private key in PEM"),
        ("fullchain.pem", b"words", "nodered_certificate_host_chain: {} has no whole certificate in PEM"),
        ("fullchain.pem", b"x" * (64 << 10) + b"x", "nodered_certificate_host_chain: {} is larger than 64 KiB"),
        (
            "privkey.pem",
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "nodered_certificate_host_key: the private key in {} is encrypted",
        ),
    ],
)
def test_a_file_that_cannot_be_used(live: pathlib.Path, name: str, content: bytes | None, message: str) -> None:
    (live / name).unlink()
    if content is not None:
        (live / name).write_bytes(content)
    assert message.format(live / name) in refusal(live)


def test_a_file_that_is_being_written(live: pathlib.Path, pair: tuple[bytes, bytes]) -> None:
    (live / "fullchain.pem").write_bytes(pair[1] + pair[1][:100])
    assert "has no whole certificate" in refusal(live)


def test_a_key_of_another_certificate(live: pathlib.Path) -> None:
    (live / "privkey.pem").write_text(openssl("genpkey", "-algorithm", "ED25519"), "ascii")
    said = refusal(live)
    assert said.startswith(f"nodered_certificate_host_key: the key in {live}/privkey.pem does not fit")
    assert "BEGIN" not in said


@pytest.mark.parametrize("kind", ["directory", "pipe", "device"])
def test_what_is_no_file_is_not_opened(live: pathlib.Path, kind: str) -> None:
    path = live / "privkey.pem"
    path.unlink()
    if kind == "device":
        path.symlink_to("/dev/zero")
    else:
        (os.mkdir if kind == "directory" else os.mkfifo)(path)
    assert "is not a regular file" in refusal(live)


def test_links_in_a_circle(live: pathlib.Path) -> None:
    (live / "privkey.pem").unlink()
    (live / "privkey.pem").symlink_to("privkey.pem")
    assert "has too many links on its way" in refusal(live)
    with pytest.raises(SourceError, match="leads through what is not a directory"):
        read_source(str(live / "fullchain.pem/below"), str(live / "fullchain.pem"))


def test_a_directory_that_others_may_write_to(live: pathlib.Path) -> None:
    (live.parent / "archive").chmod(0o770)
    assert f"others may write to {live.parent}/archive" in refusal(live)
    # As /tmp: what is there stays its owner's.
    (live.parent / "archive").chmod(0o1777)
    assert read(live)


@pytest.mark.parametrize("name", ["privkey.pem", "fullchain.pem"])
def test_a_file_that_others_may_write_to(live: pathlib.Path, name: str) -> None:
    (live / name).resolve().chmod(0o664)
    assert "others may write to it. Take that right away (chmod go-w)." in refusal(live)


@needs_root
def test_a_user_leads_root_no_further_than_to_own_files(live: pathlib.Path) -> None:
    os.lchown(live / "privkey.pem", NOBODY, NOBODY)
    assert f"{live}/privkey.pem belongs neither to root nor to the owner of the file" in refusal(live)
    os.chown(live.parent / "archive/privkey.pem", NOBODY, NOBODY)
    assert read(live)
    os.chown(live, NOBODY, NOBODY)
    assert f"{live} belongs neither to root" in refusal(live)


# The program


@pytest.fixture
def store(live: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The directory of a service whose certificate is followed, with a copy that is an old one."""
    for name in ("SETTLED", "PAUSE", "PATIENCE"):
        monkeypatch.setattr(certificate_source, name, 0)
    for directory in (live.parent, *live.parent.parents):
        if str(directory).startswith("/tmp/"):
            directory.chmod(0o755)
    store, home = live.parent / "store", live.parent / "home"
    store.mkdir(mode=0o700)
    home.mkdir(mode=0o700)
    # Of another user, no copy is made: the tests that see one need root.
    if os.getuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    record = {
        "key": str(live / "privkey.pem"),
        "chain": str(live / "fullchain.pem"),
        "path": str(home / "nodecerts/server.pem"),
        "user": "nobody",
        "unit": "",
        "group": "nogroup",
        "deploy": certbot_deploy_program.PROGRAM,
    }
    (store / certificate_source.RECORD).write_text(json.dumps(record), "utf-8")
    return store


def copy_of(store: pathlib.Path) -> pathlib.Path:
    return store.parent / "home/nodecerts/server.pem"


@needs_root
def test_the_copy_is_the_users_own(store: pathlib.Path, live: pathlib.Path) -> None:
    assert follow(str(store)) == 0
    copy = copy_of(store)
    assert copy.read_bytes() == read(live)
    assert (copy.stat().st_mode & 0o777, copy.stat().st_uid, os.listdir(copy.parent)) == (0o600, NOBODY, ["server.pem"])
    assert (live / "privkey.pem").stat().st_mode & 0o777 == 0o600
    inode = copy.stat().st_ino
    assert follow(str(store)) == 0
    assert copy.stat().st_ino == inode, "what has not changed is written anew"


@needs_root
def test_the_program_stands_alone(store: pathlib.Path, live: pathlib.Path, tmp_path: pathlib.Path) -> None:
    program = tmp_path / "follow.py"
    shutil.copy(certificate_source.__file__, program)
    run = subprocess.run([sys.executable, "-I", program, store], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert copy_of(store).read_bytes() == read(live)


def stays(store: pathlib.Path, capsys: pytest.CaptureFixture[str], reason: str) -> None:
    """The program fails for this reason, and the copy is the old one."""
    copy = copy_of(store)
    copy.parent.mkdir(exist_ok=True)
    copy.write_text("old", "ascii")
    assert follow(str(store)) == 1
    said = capsys.readouterr().err
    assert f"{copy} stays as it is. " in said
    assert reason in said
    assert copy.read_text("ascii") == "old"


def test_half_a_renewal_is_not_copied(
    store: pathlib.Path, live: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (live / "privkey.pem").write_text(openssl("genpkey", "-algorithm", "ED25519"), "ascii")
    stays(store, capsys, "does not fit")


def test_what_changes_while_it_is_looked_at(
    store: pathlib.Path, live: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = (live / "fullchain.pem").read_bytes()
    monkeypatch.setattr(
        certificate_source.time, "sleep", lambda _seconds: (live / "fullchain.pem").write_bytes(chain + chain)
    )
    stays(store, capsys, "are still being written")


def test_an_expired_certificate(store: pathlib.Path, live: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in zip(("privkey.pem", "fullchain.pem"), expired("pi", start=-9000), strict=True):
        (live / name).write_bytes(content)
    stays(store, capsys, "has expired")


def test_a_run_of_ansible_comes_first(store: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store / "transaction.json").touch()
    stays(store, capsys, "A run of Ansible has not ended yet")
    (store / "transaction.json").unlink()
    with (store / "lock").open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stays(store, capsys, "A run of Ansible is at work")


@needs_root
def test_a_renewal_that_is_whole_a_little_later(
    store: pathlib.Path, live: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two files are never replaced at the same moment."""
    old, new = live / "privkey.pem", openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    old.write_text(new, "ascii")
    steps: t.Iterator[t.Callable[[], object]] = iter(
        [lambda: openssl("req", "-x509", "-key", old, "-subj", "/CN=new", "-out", live / "fullchain.pem")]
    )
    monkeypatch.setattr(certificate_source, "PATIENCE", 60)

    def sleep(_seconds: float) -> None:
        with contextlib.suppress(StopIteration):
            next(steps)()

    monkeypatch.setattr(certificate_source.time, "sleep", sleep)
    assert follow(str(store)) == 0
    assert copy_of(store).read_bytes() == read(live)
    assert new.encode() in copy_of(store).read_bytes()


@needs_root
def test_a_planted_link_leads_no_further_than_the_user(store: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_root = store.parent / "of_root"
    of_root.mkdir(mode=0o755)
    copy = copy_of(store)
    copy.parent.symlink_to(of_root)
    assert follow(str(store)) == 1
    assert os.listdir(of_root) == []
