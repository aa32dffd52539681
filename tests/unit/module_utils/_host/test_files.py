# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the host: replaced in one rename, with the rights of the service's user and no more."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import pwd
import stat
import subprocess
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import ConflictError, HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum

ME = (os.getuid(), os.getgid())


def mode(path: pathlib.Path | str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def nobody(tmp_path: pathlib.Path) -> tuple[Account, pathlib.Path]:
    """An account without rights, and a folder that it owns."""
    if os.geteuid() != 0:
        pytest.skip("only root can take another user's rights: make test runs this as root")
    account = Account("nobody")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == pwd.getpwuid(0).pw_name and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, account.uid, account.gid)
    return account, home


def test_replace_writes_content_mode_and_nothing_else(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "settings.js"
    files.replace(str(target), b"new", 0o640, *ME)
    assert target.read_bytes() == b"new"
    assert mode(target) == 0o640
    assert os.listdir(tmp_path) == ["settings.js"]


def test_replace_keeps_a_symbolic_link(tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/settings.js").write_bytes(b"old")
    link = tmp_path / "settings.js"
    link.symlink_to("real/settings.js")
    files.replace(str(link), b"new", 0o600, *ME)
    assert link.is_symlink()
    assert (tmp_path / "real/settings.js").read_bytes() == b"new"


def test_failed_replace_leaves_the_old_file_and_no_other(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "settings.js"
    target.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError, match="settings.js cannot be replaced: No space left"):
        files.replace(str(target), b"new", 0o600, *ME)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["settings.js"]


def test_reading_what_is_not_there(tmp_path: pathlib.Path) -> None:
    assert files.read(str(tmp_path / "none")) is None
    assert files.read(str(tmp_path / "none/deeper")) is None
    assert checksum(None) == ""


def test_reading_what_is_no_file(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(HostError, match="not a regular file|cannot be read"):
            files.read(str(path))


def test_a_link_leads_no_further_than_the_user_could_go(nobody: tuple[Account, pathlib.Path]) -> None:
    account, home = nobody
    secret = home.parent / "secret"
    secret.write_text("for root only")
    secret.chmod(0o600)
    (home / "settings.js").symlink_to(secret)
    with pytest.raises(HostError, match="Permission denied"):
        files.read(str(home / "settings.js"), account)
    with pytest.raises(HostError, match="Nothing can be written"):
        files.replace(str(home / "settings.js"), b"planted", 0o600, account.uid, account.gid, account)
    assert secret.read_text() == "for root only"
    assert os.geteuid() == 0


@pytest.mark.parametrize(
    "target",
    [
        "/dev/zero",
        "/proc/self/environ",
        "/proc/self/mem",
        "/proc/1/environ",
        "/proc/self/fd/{descriptor}",
        "settings.js",
    ],
)
def test_no_link_leads_to_a_device_to_memory_or_to_itself(nobody: tuple[Account, pathlib.Path], target: str) -> None:
    """Not to what only root has open, either: whoever has a file open is asked for no rights by its path."""
    account, home = nobody
    secret = home.parent / "secret"
    secret.write_text("for root only")
    secret.chmod(0o600)
    with secret.open("rb") as stream:
        (home / "settings.js").symlink_to(target.format(descriptor=stream.fileno()))
        with pytest.raises(HostError, match=r"cannot be read|is not a regular file"):
            files.read(str(home / "settings.js"), account)
    assert os.geteuid() == 0


def test_a_file_of_root_in_the_users_folder_stays_roots(nobody: tuple[Account, pathlib.Path]) -> None:
    account, home = nobody
    target = home / "settings.js"
    target.write_bytes(b"old")
    files.replace(str(target), b"new", 0o640, 0, account.gid, account)
    assert (target.read_bytes(), target.stat().st_uid, target.stat().st_gid) == (b"new", 0, account.gid)


def test_folders_belong_to_the_user(nobody: tuple[Account, pathlib.Path]) -> None:
    account, home = nobody
    assert files.make_directory(str(home / "nodecerts"), 0o700, account)
    assert (home / "nodecerts").stat().st_uid == account.uid
    assert mode(home / "nodecerts") == 0o700
    assert not files.make_directory(str(home / "nodecerts"), 0o700, account)


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [(0o644, 0o600, True), (0o600, 0o600, False), (0o400, 0o400, False), (0o777, 0o600, True)],
)
def test_restrict_takes_rights_and_gives_none(tmp_path: pathlib.Path, before: int, after: int, changed: bool) -> None:
    path = tmp_path / "flows_cred.json"
    path.touch()
    path.chmod(before)
    assert files.restrict(str(path), 0o600) is changed
    assert mode(path) == after


def test_restrict_follows_no_link(tmp_path: pathlib.Path) -> None:
    (tmp_path / "other").touch(mode=0o644)
    (tmp_path / "link").symlink_to("other")
    assert not files.restrict(str(tmp_path / "link"), 0o600)
    assert not files.restrict(str(tmp_path / "none"), 0o600)
    assert mode(tmp_path / "other") == 0o644


# Compare and swap


def test_a_file_with_another_checksum_stays(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "settings.js"
    target.write_bytes(b"its owner's")
    with pytest.raises(ConflictError, match="settings.js was changed by somebody else"):
        files.replace(str(target), b"new", 0o600, *ME, expected=checksum(b"old"))
    assert target.read_bytes() == b"its owner's"
    assert os.listdir(tmp_path) == ["settings.js"]


@pytest.mark.parametrize("old", [b"old", None])
def test_a_change_at_the_last_moment_is_kept(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, old: bytes | None
) -> None:
    target = tmp_path / "settings.js"
    if old:
        target.write_bytes(old)
    rename = files._renameat2

    def late(source: str, path: str, flags: int) -> bool:
        monkeypatch.setattr(files, "_renameat2", rename)
        target.write_bytes(b"its owner's")
        return rename(source, path, flags)

    monkeypatch.setattr(files, "_renameat2", late)
    with pytest.raises(ConflictError):
        files.replace(str(target), b"new", 0o600, *ME, expected=checksum(old))
    assert target.read_bytes() == b"its owner's"
    assert os.listdir(tmp_path) == ["settings.js"]


@pytest.mark.parametrize("known", [True, False], ids=["renameat2", "a file system without it"])
@pytest.mark.parametrize("old", [b"old", None])
def test_a_file_with_the_expected_checksum_is_replaced(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, old: bytes | None, known: bool
) -> None:
    if not known:
        monkeypatch.setattr(files, "_renameat2", lambda source, path, flags: False)
    target = tmp_path / "settings.js"
    if old:
        target.write_bytes(old)
    files.replace(str(target), b"new", 0o640, *ME, expected=checksum(old))
    assert target.read_bytes() == b"new"
    assert mode(target) == 0o640
    assert os.listdir(tmp_path) == ["settings.js"]


def test_a_backup_lies_beside_the_file_and_only_its_owner_reads_it(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "settings.js"
    target.write_bytes(b"new")
    target.chmod(0o644)
    status = files.status(str(target))
    assert status is not None
    kept = files.backup(str(target), b"old", status)
    assert sorted(os.listdir(tmp_path)) == ["settings.js", os.path.basename(kept)]
    assert (mode(kept), open(kept, "rb").read()) == (0o600, b"old")


# What the user has put in the way


def test_the_mode_of_what_a_link_leads_to_stays(nobody: tuple[Account, pathlib.Path]) -> None:
    """Only the last component must not be a link for `restrict`; the user can make any other one."""
    account, home = nobody
    of_root = home.parent / "of_root"
    of_root.mkdir(mode=0o755)
    (of_root / "file").touch(mode=0o644)
    (home / "link").symlink_to(home.parent)
    for path in (home / "link/of_root", home / "link/of_root/file"):
        files.make_directory(str(path), 0o700, account)
    assert (mode(of_root), mode(of_root / "file")) == (0o755, 0o644)


@pytest.mark.parametrize(
    "kind", ["directory of others", "file of others", "link of others", "directory above", "new file"]
)
def test_a_path_is_of_root_where_nobody_else_can_turn_it(nobody: tuple[Account, pathlib.Path], kind: str) -> None:
    account, home = nobody
    top = home.parent / "etc"
    (top / "below").mkdir(parents=True)
    path = top / "below/environment"
    path.write_text("A=1")
    assert files.path_of_root(str(path)) == str(path)
    if kind == "directory of others":
        os.chown(path.parent, account.uid, account.gid)
    elif kind == "file of others":
        os.chown(path, account.uid, account.gid)
    elif kind == "link of others":
        (home / "turn").symlink_to(path)
        path = top / "environment"
        path.symlink_to(home / "turn")
    elif kind == "directory above":
        top.chmod(0o775)
    else:
        top.chmod(0o1777)
        path = top / "nothing here yet"
    assert files.path_of_root(str(path)) is None


def test_what_is_named_by_root_is_read_as_root_and_else_as_the_user(nobody: tuple[Account, pathlib.Path]) -> None:
    account, home = nobody
    secret = home.parent / "secret"
    secret.write_text("A=1")
    secret.chmod(0o600)
    (home.parent / "link").symlink_to("secret")
    assert (
        files.read_as_root_or_user(str(secret), account)
        == files.read_as_root_or_user(str(home.parent / "link"), account)
        == b"A=1"
    )
    (home / "environment").symlink_to(secret)
    with pytest.raises(HostError, match="Permission denied"):
        files.read_as_root_or_user(str(home / "environment"), account)


def test_a_file_never_becomes_somebody_elses(nobody: tuple[Account, pathlib.Path]) -> None:
    account, home = nobody
    files.replace(str(home / "settings.js"), b"new", 0o640, account.uid + 1, account.gid + 1, account)
    status = (home / "settings.js").stat()
    assert (status.st_uid, status.st_gid) == (account.uid, account.gid)


def test_a_file_for_root_was_never_the_users(
    nobody: tuple[Account, pathlib.Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the user could have it open, and write to it when it is root's."""
    account, home = nobody
    owners = []
    fdopen = os.fdopen

    def watched(descriptor: int, *arguments: t.Any) -> t.Any:
        owners.append(os.fstat(descriptor).st_uid)
        return fdopen(descriptor, *arguments)

    monkeypatch.setattr(os, "fdopen", watched)
    files.replace(str(home / "settings.js"), b"new", 0o640, 0, account.gid, account)
    assert owners == [0]


def test_no_file_for_root_is_made_where_the_user_may_not_write(nobody: tuple[Account, pathlib.Path]) -> None:
    account, home = nobody
    of_root = home.parent / "of_root"
    of_root.mkdir(mode=0o755)
    (of_root / "settings.js").write_text("old")
    (home / "settings.js").symlink_to(of_root / "settings.js")
    with pytest.raises(HostError, match="Nothing can be written"):
        files.replace(str(home / "settings.js"), b"new", 0o640, 0, account.gid, account)
    assert sorted(os.listdir(of_root)) == ["settings.js"]


@pytest.mark.parametrize("uid", [0, None], ids=["for root", "for the user"])
@pytest.mark.parametrize("again", [False, True], ids=["before", "after it was cleared away"])
def test_a_link_under_the_temporary_name_leads_nowhere(
    nobody: tuple[Account, pathlib.Path], monkeypatch: pytest.MonkeyPatch, again: bool, uid: int | None
) -> None:
    """Not even where the user may write what it leads to, and plants it as fast as it is removed."""
    account, home = nobody
    other, target = home / "flows.json", home / "settings.js"
    other.write_bytes(b"flows")
    os.chown(other, account.uid, account.gid)
    os.symlink(other, files.temporary_path(str(target)))
    if again:
        monkeypatch.setattr(os, "unlink", lambda path: None)
    owner = account.uid if uid is None else uid
    try:
        files.replace(str(target), b"new", 0o600, owner, account.gid, account)
    except HostError as error:
        assert again
        assert "Nothing can be written" in str(error)
    else:
        assert not again
        assert (target.is_symlink(), target.read_bytes()) == (False, b"new")
    assert (other.read_bytes(), other.stat().st_uid) == (b"flows", account.uid)


@pytest.mark.parametrize("limit", [files.MAXIMUM_OF_PEM, files.MAXIMUM_OF_TEXT])
def test_what_is_too_large_is_not_read(tmp_path: pathlib.Path, limit: int) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.truncate(limit)
    assert len(files.read(str(path), None, limit) or b"") == limit
    with path.open("wb") as stream:
        stream.truncate(3 << 30)
    with pytest.raises(HostError, match=f"larger than {limit >> 10} KiB"):
        files.read(str(path), None, limit)


def test_two_runs_write_to_one_file(tmp_path: pathlib.Path) -> None:
    """As those of two services with one userDir: each has its own processes."""
    path, contents = tmp_path / "shared.json", [bytes([65 + writer]) * 100_000 for writer in range(4)]

    def write(content: bytes) -> None:
        for _round in range(25):
            files.replace(str(path), content, 0o600, os.getuid(), os.getgid())

    writers = [multiprocessing.get_context("fork").Process(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            assert path.read_bytes() in contents
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * len(writers)
    assert os.listdir(tmp_path) == ["shared.json"]


def test_what_a_killed_run_has_left_goes(tmp_path: pathlib.Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        try:
            names = [f".settings.js.pifleet-{process}" for process in (other.pid, os.getpid(), 2**22 + 1)]
            names += [".settings.js.pifleet-", ".other.js.pifleet-1", "settings.js.pifleet-9"]
            for name in names:
                (tmp_path / name).write_bytes(b"half")
            files.replace(str(tmp_path / "settings.js"), b"new", 0o600, *ME)
        finally:
            other.kill()
    assert sorted(os.listdir(tmp_path)) == sorted([names[0], *names[3:], "settings.js"])
