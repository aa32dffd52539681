# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the bytes of a collection's tarball depend on nothing but its files and the time of the commit.

    tarball.py normalise BUILT NORMALISED EPOCH      write what `ansible-galaxy collection build` made anew
    tarball.py forge TARBALL FORGED HOW              change a file, see `forged`

`ansible-galaxy collection build` writes files in the order in which the file system lists them, with the times at which
they were checked out, and its own time into the files that it makes and into the head of gzip. Here they are sorted, and
all times are SOURCE_DATE_EPOCH, in seconds since 1970. The compression is zlib's: with another library than the usual
one the tar in it is the same, and its checksums.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

MANIFEST = "MANIFEST.json"
FILES = "FILES.json"

#: Content by name, and None for a directory.
Members = dict[str, bytes | None]


def members_of(archive: bytes) -> tuple[Members, set[str]]:
    """The members of a tarball, and the names of those that may be executed.

    :raises ValueError: one is neither a file nor a directory
    """
    members: Members = {}
    executable = set()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            if member.isdir():
                members[member.name] = None
            elif member.isfile():
                content = tar.extractfile(member)
                assert content is not None
                members[member.name] = content.read()
                if member.mode & 0o100:
                    executable.add(member.name)
            else:
                raise ValueError(f"{member.name} is neither a file nor a directory")
    return members, executable


def _json(value: object) -> bytes:
    # As ansible-galaxy writes it.
    return json.dumps(value, indent=True).encode()


def _read(members: Members, name: str) -> dict:
    return json.loads(members[name] or b"")


def _with_list(members: Members, files: dict) -> Members:
    """The members with another list of files, and with its checksum."""
    manifest = _read(members, MANIFEST)
    listed = _json(files)
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(listed).hexdigest()
    return {**members, FILES: listed, MANIFEST: _json(manifest)}


def _packed(members: Members, executable: set[str], epoch: int) -> bytes:
    packed = io.BytesIO()
    names = [MANIFEST, FILES, *sorted(members.keys() - {MANIFEST, FILES})]
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=epoch) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in names:
            content = members[name]
            member = tarfile.TarInfo(name)
            member.mtime = epoch
            if content is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            else:
                member.size, member.mode = len(content), 0o755 if name in executable else 0o644
            tar.addfile(member, None if content is None else io.BytesIO(content))
    return packed.getvalue()


def normalised(archive: bytes, epoch: int) -> bytes:
    """The same collection, whatever machine and moment it was built at."""
    members, executable = members_of(archive)
    files = _read(members, FILES)
    files["files"].sort(key=lambda file: file["name"])
    return _packed(_with_list(members, files), executable, epoch)


def forged(archive: bytes, how: str) -> bytes:
    """The collection with one more line in a file, to try whether that is noticed.

    :param how: `file`, so that the file has not the checksum that it should; or `list`, where the checksums are
        correct, and only a signature can tell
    """
    members, executable = members_of(archive)
    name = "playbooks/secure.yml"
    changed = (members[name] or b"") + b"# One more line.\n"
    members[name] = changed
    if how == "list":
        files = _read(members, FILES)
        (entry,) = (file for file in files["files"] if file["name"] == name)
        entry["chksum_sha256"] = hashlib.sha256(changed).hexdigest()
        members = _with_list(members, files)
    return _packed(members, executable, 0)


def main(arguments: list[str]) -> None:
    command, source, target, option = arguments
    archive = pathlib.Path(source).read_bytes()
    changed = normalised(archive, int(option)) if command == "normalise" else forged(archive, option)
    pathlib.Path(target).write_bytes(changed)


if __name__ == "__main__":
    main(sys.argv[1:])
