# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""File systems that keep no change, or no secret."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import struct
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host import disks
from ansible_collections.pifleet.nodered.plugins.module_utils._host.disks import disk_problems, problems

ROOT = "23 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw\n"
#: As each of them is in /proc/self/mountinfo.
MOUNTS = {
    "ext4": ROOT,
    "read-only": ROOT.replace("rw,noatime", "ro,noatime"),
    "read-only-disk": ROOT.replace("mmcblk0p2 rw", "mmcblk0p2 ro,errors=continue"),
    "broken-disk": ROOT.replace("mmcblk0p2 rw", "mmcblk0p2 rw,emergency_ro"),
    "usb-vfat": ROOT
    + "95 23 8:1 / /media/pi/USB\\040DISK rw,nosuid - vfat /dev/sda1 rw,uid=1000,gid=1000,fmask=0022\n",
    "usb-exfat": ROOT + "95 23 8:1 / /media/pi/USB\\040DISK rw,nosuid - exfat /dev/sda1 rw,uid=1000\n",
    "usb-ntfs": ROOT + "95 23 8:1 / /media/pi/USB\\040DISK rw - fuseblk /dev/sda1 rw,user_id=0,allow_other\n",
    "usb-ntfs-permissions": ROOT + "95 23 8:1 / /media/pi/USB\\040DISK rw - fuseblk /dev/sda1 rw,permissions\n",
    "usb-ext4": ROOT + "95 23 8:1 / /media/pi/USB\\040DISK rw - ext4 /dev/sda1 rw\n",
    "share": ROOT + "95 23 0:50 / /media/pi rw - cifs //nas/pi rw,vers=3.0\n",
    "two-at-one-place": ROOT
    + "95 23 8:1 / /media/pi/USB\\040DISK rw - vfat /dev/sda1 rw\n96 23 8:2 / /media/pi/USB\\040DISK rw - ext4 /dev/sda2 rw\n",
    "neighbour": ROOT + "95 23 8:1 / /media/pi/USB rw - vfat /dev/sda1 rw\n",
    "memory": ROOT + "40 23 0:30 / /media rw - tmpfs tmpfs rw,size=100k\n",
    "overlayroot": "20 1 0:20 / / rw - overlay overlayroot rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay\n"
    "21 20 179:2 / /media/root-ro ro - ext4 /dev/mmcblk0p2 ro\n22 20 0:21 / /media/root-rw rw - tmpfs tmpfs-root rw\n",
    "container": "20 1 0:20 / / rw - overlay overlay rw,lowerdir=/var/lib/a,upperdir=/var/lib/containers/b/diff,workdir=/c\n"
    "21 20 0:21 / /run rw - tmpfs tmpfs rw\n",
    "nonsense": "a b c\n\n - \n1 2 3 4 5 6 -\n",
}
PATH = "/media/pi/USB DISK/node-red"


@pytest.mark.parametrize(
    ("name", "command_line", "problem"),
    [
        ("ext4", "", None),
        ("read-only", "", "read-only"),
        ("read-only-disk", "", "read-only"),
        ("broken-disk", "", "read-only"),
        ("usb-vfat", "", "without owners"),
        ("usb-exfat", "", "without owners"),
        ("usb-ntfs", "", "without owners"),
        ("usb-ntfs-permissions", "", "without owners"),
        ("usb-ext4", "boot=overlay", None),
        ("share", "", "without owners"),
        ("two-at-one-place", "", None),
        ("neighbour", "", None),
        ("memory", "", "temporary"),
        ("overlayroot", "", "temporary"),
        ("container", "console=tty1 root=PARTUUID=1", None),
        ("container", "boot=overlay console=tty1", "temporary"),
        ("container", "overlayroot=tmpfs:recurse=0", "temporary"),
        ("nonsense", "", None),
    ],
)
def test_problems(name: str, command_line: str, problem: str | None) -> None:
    found = problems(MOUNTS[name], command_line, [PATH, PATH])
    assert [(disk["path"], disk["problem"]) for disk in found] == ([(PATH, problem)] if problem else [])


def in_a_namespace(directory: pathlib.Path, script: str, call: str) -> t.Any:
    """What a call returns after a script in a mount namespace of its own, which ends with its process."""
    # A user may have one as the root of a user namespace; a container may have none at all.
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    trial = subprocess.run([*namespace, "true"], check=False, capture_output=True, text=True)
    if trial.returncode:
        pytest.skip(f"a file system is mounted for this: {trial.stderr.strip()}")
    program = "import json, os; from ansible_collections.pifleet.nodered.plugins.module_utils._host import disks"
    program += f"; print(json.dumps({call}))"
    run = subprocess.run(
        [*namespace, "sh", "-euc", f'{script}; exec "$@"', "sh", sys.executable, "-c", program],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(run.stdout)


def test_what_the_kernel_says(tmp_path: pathlib.Path) -> None:
    found = in_a_namespace(
        tmp_path,
        "mkdir memory fixed; mount -t tmpfs none memory; mount --bind /usr/share fixed; mount -o remount,ro,bind fixed",
        "disks.disk_problems([os.path.realpath(path) for path in ('memory/a', 'fixed')])",
    )
    assert [each["problem"] for each in found] == ["temporary", "read-only"]


def test_a_disk_without_room(tmp_path: pathlib.Path) -> None:
    """Of a file system in memory, which has other problems as well."""
    assert in_a_namespace(
        tmp_path,
        "mkdir bytes files good; mount -t tmpfs -o size=1100k none bytes; mount -t tmpfs -o nr_inodes=10 none files;"
        " mount -t tmpfs none good; dd if=/dev/zero of=bytes/filler bs=1k count=200 status=none",
        "[disks._problem_of_place(os.path.realpath(path)) for path in ('bytes/a/b', 'files', 'good/a')]",
    ) == ["full", "full", None]


@pytest.mark.parametrize(("flags", "problem"), [(0x10, "unchangeable"), (0x20, "unchangeable"), (0x80000, None)])
def test_what_chattr_forbids(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, flags: int, problem: str | None
) -> None:
    """Also where the place is in memory, which is another problem."""

    def ioctl(descriptor: int, request: int, _argument: bytes) -> bytes:
        # As `strace lsattr` shows it on a 64-bit machine.
        assert request == 0x80086601
        assert os.readlink(f"/proc/self/fd/{descriptor}") == str(tmp_path)
        return struct.pack("l", flags)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert disks._problem_of_place(str(tmp_path / "settings.js")) == problem


def test_this_machine_keeps_what_is_written() -> None:
    assert disk_problems(["/etc/systemd/system", "/var/lib/pifleet-nodered"]) == []
