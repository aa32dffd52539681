# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tarball has the same bytes, whatever the order and the times of its files were; judged by tar and sha256sum."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import subprocess
import tarfile

import pytest
from tarball import forged, members_of, normalised

FILES = {"README.md": b"# A\n", "playbooks/secure.yml": b"---\n", "tool": b"#!/bin/sh\n"}
EPOCH = 1_700_000_000


def built(names: list[str], mtime: int, *, owner: int = 0) -> bytes:
    """A tarball as `ansible-galaxy collection build` would make it of files that are listed in this order."""
    entries = [{"name": ".", "ftype": "dir", "chksum_sha256": None}]
    entries += [
        {"name": name, "ftype": "file", "chksum_sha256": hashlib.sha256(FILES[name]).hexdigest()} for name in names
    ]
    listed = json.dumps({"files": entries, "format": 1}).encode()
    manifest = {"file_manifest_file": {"name": "FILES.json", "chksum_sha256": hashlib.sha256(listed).hexdigest()}}
    contents = {"MANIFEST.json": json.dumps(manifest).encode(), "FILES.json": listed}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in [*contents.items(), *((name, FILES[name]) for name in names)]:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uid = len(content), mtime, owner
            member.mode = 0o700 if name == "tool" else 0o600
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def test_order_times_and_owners_leave_no_trace() -> None:
    one = built(["README.md", "playbooks/secure.yml", "tool"], 1)
    other = built(["tool", "playbooks/secure.yml", "README.md"], 2_000_000, owner=1000)
    assert one != other
    assert normalised(one, EPOCH) == normalised(other, EPOCH)
    assert normalised(one, EPOCH) != normalised(one, EPOCH + 1)


def test_what_is_in_it(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(normalised(built(["tool", "README.md", "playbooks/secure.yml"], 1), EPOCH))
    listing = subprocess.run(
        ["tar", "--list", "--verbose", "--utc", "--numeric-owner", "--file", path],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert [line.split()[-1] for line in listing] == [
        "MANIFEST.json",
        "FILES.json",
        "README.md",
        "playbooks/secure.yml",
        "tool",
    ]
    assert {line.split()[1] for line in listing} == {"0/0"}
    assert {" ".join(line.split()[3:5]) for line in listing} == {"2023-11-14 22:13"}
    assert [line.split()[0] for line in listing] == ["-rw-r--r--"] * 4 + ["-rwxr-xr-x"]
    subprocess.run(["tar", "--extract", "--file", path, "--directory", tmp_path], check=True)
    manifest = json.loads((tmp_path / "MANIFEST.json").read_text("utf-8"))
    hashed = subprocess.run(["sha256sum", tmp_path / "FILES.json"], capture_output=True, text=True, check=True).stdout
    assert hashed.split()[0] == manifest["file_manifest_file"]["chksum_sha256"]
    assert [file["name"] for file in json.loads((tmp_path / "FILES.json").read_text("utf-8"))["files"]] == [
        ".",
        "README.md",
        "playbooks/secure.yml",
        "tool",
    ]


def test_a_link_is_refused() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(ValueError, match="link is neither"):
        members_of(packed.getvalue())


@pytest.mark.parametrize(("how", "consistent"), [("file", False), ("list", True)])
def test_a_forged_one(how: str, consistent: bool) -> None:
    members, _executable = members_of(forged(built(list(FILES), 1), how))
    changed = members["playbooks/secure.yml"]
    assert changed == b"---\n# One more line.\n"
    entries = {file["name"]: file["chksum_sha256"] for file in json.loads(members["FILES.json"] or b"")["files"]}
    assert (entries["playbooks/secure.yml"] == hashlib.sha256(changed).hexdigest()) == consistent
    manifest = json.loads(members["MANIFEST.json"] or b"")["file_manifest_file"]["chksum_sha256"]
    assert manifest == hashlib.sha256(members["FILES.json"] or b"").hexdigest()
