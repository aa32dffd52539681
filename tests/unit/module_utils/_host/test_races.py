# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user of the host who changes, as fast as possible, what a path leads to while root works with it.

Whatever root finds there, it reads, makes and changes nothing of root's: the files and modes of a directory of root's are
as before, and its secret is never read.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pathlib
import stat
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.exposed_files import exposed_files
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import package_above

RACES = 1_000
SECRET = b'{"name": "node-red", "version": "9.9.9", "secret": "of root"}'


class Place(t.NamedTuple):
    account: Account
    #: Of the user. `turning` in it leads to the user's own directory and to root's, in turns.
    home: pathlib.Path
    of_root: pathlib.Path

    def held(self) -> list[tuple[str, int, int, bytes]]:
        """What root's directory holds, with modes and owners."""
        found = []
        for path in (self.of_root, *sorted(self.of_root.rglob("*"))):
            status = path.stat()
            content = path.read_bytes() if path.is_file() else b""
            found.append((str(path), stat.S_IMODE(status.st_mode), status.st_uid, content))
        return found


def turn(account: Account, home: str, targets: tuple[str, str]) -> None:
    """Turn a link, without a moment in which it is not there, until the process is ended."""
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)
    os.chdir(home)
    while True:
        for target in targets:
            with contextlib.suppress(OSError):
                os.symlink(target, "next")
            with contextlib.suppress(OSError):
                os.rename("next", "turning")


@pytest.fixture
def place(tmp_path: pathlib.Path) -> t.Iterator[Place]:
    if os.geteuid() != 0:
        pytest.skip("only root can take another user's rights: make test runs this as root")
    account = Account("nobody")
    for directory in (tmp_path, *tmp_path.parents):
        if str(directory).startswith("/tmp/"):
            directory.chmod(0o755)
    home, of_root = tmp_path / "home", tmp_path / "of_root"
    for directory in (home, home / "own", of_root, of_root / "nodecerts"):
        directory.mkdir(mode=0o755)
    for name in ("settings.js", "package.json", "flows_cred.json", "environment"):
        (of_root / name).write_bytes(SECRET)
        (of_root / name).chmod(0o640)
        (home / "own" / name).write_bytes(b"{}")
    for path in (home, *home.rglob("*")):
        os.chown(path, account.uid, account.gid)
    (home / "turning").symlink_to("own")
    turner = multiprocessing.get_context("fork").Process(
        target=turn, args=(account, str(home), (str(home / "own"), str(of_root))), daemon=True
    )
    turner.start()
    try:
        yield Place(account, home, of_root)
    finally:
        turner.kill()
        turner.join()


def reads(place: Place) -> bytes | None:
    return files.read(str(place.home / "turning/settings.js"), place.account)


def reads_what_a_unit_names(place: Place) -> bytes | None:
    return files.read_as_root_or_user(str(place.home / "turning/environment"), place.account)


def reads_a_package(place: Place) -> bytes:
    with place.account.rights():
        return str(package_above(str(place.home / "turning/bin"))).encode()


def replaces(place: Place) -> None:
    account = place.account
    files.replace(str(place.home / "turning/settings.js"), b"new", 0o600, account.uid, account.gid, account)


def replaces_for_root(place: Place) -> None:
    files.replace(str(place.home / "turning/settings.js"), b"new", 0o640, 0, place.account.gid, place.account)


def makes_a_directory(place: Place) -> None:
    files.make_directory(str(place.home / "turning/nodecerts"), 0o700, place.account)


def makes_it_private(place: Place) -> None:
    files.make_directory(str(place.home / "turning"), 0o700, place.account)
    (place.home / "own").chmod(0o755)


def restricts(place: Place) -> None:
    for path in exposed_files(str(place.home / "turning"), place.account):
        files.restrict(path, 0o600, place.account)
    files.restrict(str(place.home / "turning/settings.js"), 0o600, place.account)


def removes(place: Place) -> None:
    files.remove(str(place.home / "turning/environment"), place.account)


@pytest.mark.parametrize(
    "action",
    [
        reads,
        reads_what_a_unit_names,
        reads_a_package,
        replaces,
        replaces_for_root,
        makes_a_directory,
        makes_it_private,
        restricts,
        removes,
    ],
)
def test_root_touches_nothing_of_its_own(place: Place, action: t.Callable[[Place], bytes | None]) -> None:
    before = place.held()
    refused = done = 0
    while refused + done < RACES:
        try:
            found = action(place)
        except HostError:
            refused += 1
        else:
            done += 1
            assert b"of root" not in (found or b"")
    assert place.held() == before
    assert os.geteuid() == 0
    # Both ways were met, so that the races were some.
    assert done
