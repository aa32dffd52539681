# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""File systems on which what is written does not last, cannot be written, or belongs to everybody."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import sys
import typing as t

from . import files
from .account import Account, rights_of

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import DiskProblem, DiskState

#: What a run needs at most: bytes for a settings file, its copies and a certificate, and files.
_ROOM = 1 << 20
_FILES = 16
#: FS_IOC_GETFLAGS, FS_IMMUTABLE_FL and FS_APPEND_FL of linux/fs.h. The number has the size of a long in it.
_GET_FLAGS = 0x80006601 | struct.calcsize("l") << 16
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20
#: They are in memory.
_TEMPORARY = ("tmpfs", "ramfs")
#: They keep neither owners nor modes. Whether one was mounted with a mapping of users, the kernel does not say.
_WITHOUT_OWNERS = ("vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "cifs", "smb3", "smbfs")
#: Words of the kernel's command line by which raspi-config and overlayroot put the root below a file system in memory.
#: The mount of the latter does not show it: the paths in it are those of the initramfs.
_OVERLAY_OF_ROOT = ("boot=overlay", "overlayroot=tmpfs")
#: Octal escapes of proc_pid_mountinfo(5).
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(t.NamedTuple):
    """A line of /proc/self/mountinfo."""

    point: str
    filesystem: str
    source: str
    #: Of the mount and of the file system.
    options: list[str]


def disk_problems(paths: Iterable[str], account: Account | None = None) -> list[DiskState]:
    """What is wrong with the file systems that some paths are on; nothing for a path on a good one.

    :param paths: absolute paths, which need not exist
    :param account: the user with whose rights they are looked at
    """
    mountinfo = (files.read("/proc/self/mountinfo") or b"").decode("utf-8", "replace")
    command_line = (files.read("/proc/cmdline") or b"").decode("utf-8", "replace")
    paths = list(dict.fromkeys(paths))
    found = problems(mountinfo, command_line, paths)
    others = [path for path in paths if path not in [each["path"] for each in found]]
    mounts = _mounts(mountinfo)
    for path in others:
        mount = _mount_of(path, mounts)
        with rights_of(account):
            problem = _problem_of_place(path)
        if problem:
            found.append({"path": path, "filesystem": mount.filesystem[:64] if mount else "", "problem": problem})
    return found


def _problem_of_place(path: str) -> DiskProblem | None:
    """Whether there is room, and nothing that forbids a change, where a path is or will be."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    with contextlib.suppress(OSError):
        room = os.statvfs(path)
        # A file system that counts no files has no limit of them.
        if room.f_bavail * room.f_frsize < _ROOM or (room.f_files and room.f_favail < _FILES):
            return "full"
    if _is_unchangeable(path):
        return "unchangeable"
    return None


def _is_unchangeable(path: str) -> bool:
    """Whether `chattr +i` or `+a` forbids what a run does there."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            answer = fcntl.ioctl(descriptor, _GET_FLAGS, struct.pack("l", 0))
        finally:
            os.close(descriptor)
        return bool(int.from_bytes(answer[:4], sys.byteorder) & (_IMMUTABLE | _APPEND_ONLY))
    return False


def problems(mountinfo: str, command_line: str, paths: Iterable[str]) -> list[DiskState]:
    """The same from what the kernel says.

    :param mountinfo: the text of /proc/self/mountinfo
    :param command_line: the text of /proc/cmdline
    :param paths: as in `disk_problems`, with their links resolved
    """
    mounts = _mounts(mountinfo)
    found: list[DiskState] = []
    for path in dict.fromkeys(paths):
        mount = _mount_of(path, mounts)
        problem = mount and _problem(mount, mounts, command_line.split())
        if mount and problem:
            found.append({"path": path, "filesystem": mount.filesystem[:64], "problem": problem})
    return found


def _mounts(mountinfo: str) -> list[Mount]:
    mounts = []
    for line in mountinfo.splitlines():
        own, separator, rest = line.partition(" - ")
        fields, of_filesystem = own.split(" "), rest.split(" ")
        if separator and len(fields) > 5 and len(of_filesystem) > 2:
            point = _ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), fields[4])
            options = [*fields[5].split(","), *of_filesystem[2].split(",")]
            mounts.append(Mount(point, of_filesystem[0], of_filesystem[1], options))
    return mounts


def _mount_of(path: str, mounts: list[Mount]) -> Mount | None:
    """The mount that a path is on: the innermost, and of several at one place the last."""
    above = [mount for mount in mounts if f"{path}/".startswith(f"{mount.point.rstrip('/')}/")]
    return max(reversed(above), key=lambda mount: len(mount.point), default=None)


def _problem(mount: Mount, mounts: list[Mount], command_line: list[str]) -> DiskProblem | None:
    if mount.filesystem in _TEMPORARY or _is_temporary_overlay(mount, mounts, command_line):
        return "temporary"
    # The second is what newer kernels say of an ext4 on which they have found an error.
    if "ro" in mount.options or "emergency_ro" in mount.options:
        return "read-only"
    if mount.filesystem in _WITHOUT_OWNERS:
        return "without owners"
    return None


def _is_temporary_overlay(mount: Mount, mounts: list[Mount], command_line: list[str]) -> bool:
    """Whether what is written goes to a file system in memory. The overlay of a container does not."""
    if mount.filesystem != "overlay":
        return False
    if mount.point == "/" and any(word.startswith(_OVERLAY_OF_ROOT) for word in command_line):
        return True
    upper = next((option.partition("=")[2] for option in mount.options if option.startswith("upperdir=/")), None)
    below = _mount_of(upper, [each for each in mounts if each.point != "/"]) if upper else None
    return below is not None and below.filesystem in _TEMPORARY
