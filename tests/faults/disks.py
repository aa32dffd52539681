# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Disks of a host, each an ext4 file system of its own in a file of this machine, and what can happen to a disk.

They are mounted here, and what is mounted is a volume of the container. What a program has written and not synchronized
is in the file system's memory; the file of the disk has what would be there after the power was lost. No timer writes it:
the journal is committed by fsync only (commit=), and a rename writes no data (noauto_da_alloc).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile
import typing as t

_OPTIONS = "loop,commit=86400,noauto_da_alloc,errors=remount-ro"
#: Of most disks (bytes).
DISK_SIZE = 64 << 20
#: linux/fs.h: FIFREEZE and FITHAW.
_FREEZE, _THAW = 0xC0045877, 0xC0045878
_FILLER = ".filler"


class Disk:
    """A disk that can be taken out, copied, filled, and that can break.

    :param name: its name
    :param place: where the host has it
    :param directory: where its file and its mount point are
    :param size: its size (bytes)
    """

    def __init__(self, name: str, place: str, directory: pathlib.Path, size: int = DISK_SIZE) -> None:
        self.name = name
        self.size = size
        self.place = place
        self.image = directory / f"{name}.img"
        self.path = directory / name
        self.frozen = False

    def make(self, content: pathlib.Path) -> None:
        """Make it with the content of a directory."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self.image.open("wb") as stream:
            stream.truncate(self.size)
        _run("mkfs.ext4", "-qF", "-m", "0", str(self.image))
        self.mount()
        (self.path / "lost+found").rmdir()
        _run("cp", "-a", f"{content}/.", str(self.path))

    def mount(self) -> None:
        _run("mount", "-o", _OPTIONS, str(self.image), str(self.path))

    def unmount(self) -> None:
        if os.path.ismount(self.path):
            _run("umount", str(self.path))

    def sectors_written(self) -> int:
        """How much has reached the disk since it was mounted."""
        device = os.stat(self.path).st_dev
        statistics = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text("ascii")
        return int(statistics.split()[6])

    def synchronize(self) -> None:
        _run("sync", "--file-system", str(self.path))

    def save(self, target: pathlib.Path) -> None:
        """Copy what has reached the disk."""
        _run("cp", "--sparse=always", str(self.image), str(target))

    def load(self, source: pathlib.Path) -> None:
        """Put a copy in its place, while it is not mounted."""
        # As another file: on a busy machine the kernel may still have the former one mounted for what has just ended, and
        # would go on with that.
        copy = self.image.with_suffix(".new")
        _run("cp", "--sparse=always", str(source), str(copy))
        copy.replace(self.image)

    # What happens to disks

    def fill(self) -> None:
        """Leave no room on it."""
        with open(self.path / _FILLER, "ab") as stream:
            size, step = 0, self.size
            while step >= 512:
                try:
                    os.posix_fallocate(stream.fileno(), size, step)
                    size += step
                except OSError:
                    step //= 2

    def empty(self) -> None:
        (self.path / _FILLER).unlink(missing_ok=True)

    def break_down(self) -> None:
        """Have the kernel find an error, and allow no more writing, as it does with a card that is worn out."""
        # It fails, because the file system is read-only then.
        subprocess.run(["mount", "-o", "remount,abort", self.path], check=False, capture_output=True)

    def freeze(self) -> None:
        """Let all writing wait, as a disk does that takes very long."""
        self.frozen = True
        self._control(_FREEZE)

    def thaw(self) -> None:
        self._control(_THAW)
        self.frozen = False

    def _control(self, request: int) -> None:
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, request, 0)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def mounted(image: pathlib.Path) -> t.Iterator[pathlib.Path]:
    """The content of a copy of a disk, as the host finds it when it starts."""
    with tempfile.TemporaryDirectory() as directory:
        _run("mount", "-o", "loop", str(image), directory)
        try:
            yield pathlib.Path(directory)
        finally:
            _run("umount", directory)


def mirror(source: pathlib.Path, target: pathlib.Path) -> None:
    """Make a directory the same as another one; where there is none, there is none then."""
    if not source.exists():
        shutil.rmtree(target, ignore_errors=True)
        return
    target.mkdir(exist_ok=True)
    for path in target.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    _run("cp", "-a", f"{source}/.", str(target))


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)} failed: {done.stderr.strip()}")
