# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key and its certificates in PEM files that something else on the host renews, and the program that follows it.

This very file is put on the host as that program, which systemd starts when one of the two files was changed. So it needs
nothing but the standard library, and the openssl, setpriv and setsid of every Debian.
"""

from __future__ import annotations

import collections
import contextlib
import fcntl
import json
import os
import re
import ssl
import stat
import subprocess
import sys
import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterator

#: The most bytes of each file, and the most steps on the way to it, links included.
MAXIMUM = 64 << 10
MOST_STEPS = 256

#: In the root-only directory of the service: what the program follows, the lock of all who write, and the record of a run
#: that has not proved yet what it has replaced.
RECORD = "certificate_source.json"
LOCK = "lock"
TRANSACTION = "transaction.json"

#: Seconds for which both files must stay as they are, between two tries, and after which a try that failed is the last.
SETTLED = 1.0
PAUSE = 0.5
PATIENCE = 60
#: Seconds that a program may take which this one starts.
_TIMEOUT = 60

#: The variables that name the two files.
KEY_VARIABLE = "nodered_certificate_host_key"
CHAIN_VARIABLE = "nodered_certificate_host_chain"

_BEGIN = re.compile(rb"-----BEGIN ((?:[A-Z]{1,20} )?PRIVATE KEY|CERTIFICATE)-----")


class SourceError(Exception):
    """Why the pair cannot be used, as a sentence that names the variable with the path."""


class Source(t.NamedTuple):
    """A private key and its certificates, each in PEM."""

    key: bytes
    chain: bytes

    @property
    def content(self) -> bytes:
        """The file that Node-RED reads both from."""
        return pair(self.key, self.chain)


def pair(key: bytes, chain: bytes) -> bytes:
    """The content of the file that Node-RED reads both from."""
    return key.rstrip(b"\n") + b"\n" + chain.rstrip(b"\n") + b"\n"


def split_pem(content: bytes | None) -> tuple[bytes | None, bytes]:
    """Take a PEM file apart.

    :param content: the file, None where there is none
    :returns: the private key, or None, and the certificates, or nothing
    """
    content = content or b""
    key = None
    certificates = []
    position = 0
    endless = set()
    while begin := _BEGIN.search(content, position):
        mark = b"-----END " + begin.group(1) + b"-----"
        end = -1 if mark in endless else content.find(mark, begin.end())
        if end < 0:
            endless.add(mark)
            position = begin.end()
            continue
        position = end + len(mark)
        position += len(re.match(rb"\r?\n?", content[position : position + 2]).group())  # type: ignore[union-attr]
        if begin.group(1) == b"CERTIFICATE":
            certificates.append(content[begin.start() : position])
        elif key is None:
            key = content[begin.start() : position]
    return key, b"".join(certificates)


def key_matches(content: bytes) -> bool:
    """Whether the private key in a PEM file belongs to its first certificate; False for an encrypted key.

    :param content: the file
    """
    # Whoever encrypts a key says how long that takes to undo.
    if b"ENCRYPTED" in content:
        return False
    # In memory: the file may be another one by now.
    with os.fdopen(os.memfd_create("pifleet"), "wb") as stream:
        stream.write(content)
        stream.flush()
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"/proc/self/fd/{stream.fileno()}", password="")
        except (ssl.SSLError, ValueError, OSError):
            return False
    return True


def read_source(key_path: str, chain_path: str) -> Source:
    """Read a private key and its certificates, and see that they are a pair.

    :param key_path: the absolute path of the key
    :param chain_path: the absolute path of the certificates
    :raises SourceError: one of them cannot be used
    """
    key_file = _read(key_path, f"{KEY_VARIABLE}: {key_path}")
    chain_file = _read(chain_path, f"{CHAIN_VARIABLE}: {chain_path}")
    key, _certificates = split_pem(key_file)
    if key is None:
        raise SourceError(f"{KEY_VARIABLE}: {key_path} has no private key in PEM.")
    if b"ENCRYPTED" in key:
        raise SourceError(
            f"{KEY_VARIABLE}: the private key in {key_path} is encrypted, and nobody could tell Node-RED its passphrase"
            " at a start. Have it written without one, for root only."
        )
    _key, chain = split_pem(chain_file)
    # A file that is being written ends in the middle of a certificate.
    if not chain or chain.count(b"BEGIN CERTIFICATE") != chain_file.count(b"BEGIN CERTIFICATE"):
        raise SourceError(f"{CHAIN_VARIABLE}: {chain_path} has no whole certificate in PEM.")
    source = Source(key, chain)
    if not key_matches(source.content):
        raise SourceError(
            f"{KEY_VARIABLE}: the key in {key_path} does not fit the first certificate in {chain_path}"
            f" ({CHAIN_VARIABLE}). Name both files of one certificate, that of the server first."
        )
    return source


def _read(path: str, name: str) -> bytes:
    """The content of a regular file that nobody but root and its owner can have led to.

    :param name: the variable and the path, for messages
    """
    try:
        descriptor = _opened(path, name)
    except FileNotFoundError:
        raise SourceError(f"{name} does not exist on this host.") from None
    except NotADirectoryError:
        raise SourceError(f"{name} leads through what is not a directory.") from None
    except OSError as exc:
        raise SourceError(f"{name} cannot be read: {os.strerror(exc.errno or 0)}.") from None
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(MAXIMUM + 1)
    if len(content) > MAXIMUM:
        raise SourceError(f"{name} is larger than {MAXIMUM >> 10} KiB.")
    return content


def _opened(path: str, name: str) -> int:
    """Open the file component by component, so that each one that was looked at is the one that is taken."""
    owners: dict[int, str] = {}
    with contextlib.ExitStack() as opened:

        def enter(part: str, directory: int | None) -> tuple[int, os.stat_result]:
            descriptor = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            opened.callback(os.close, descriptor)
            return descriptor, os.fstat(descriptor)

        root, status = enter("/", None)
        # The directories on the way, so that ".." needs no name.
        way = [root]
        reached = "/"
        parts = collections.deque(part for part in path.split("/") if part not in ("", "."))
        for _step in range(MOST_STEPS):
            if not parts:
                return _opened_file(way[-1], status, owners, name)
            part = parts.popleft()
            if part == "..":
                way = way[:-1] or [root]
                reached = os.path.dirname(reached)
                status = os.fstat(way[-1])
                continue
            descriptor, status = enter(part, way[-1])
            reached = os.path.join(reached, part)
            owners.setdefault(status.st_uid, reached)
            if stat.S_ISLNK(status.st_mode):
                target = os.readlink("", dir_fd=descriptor)
                parts.extendleft(each for each in reversed(target.split("/")) if each not in ("", "."))
                if target.startswith("/"):
                    way, reached = [root], "/"
                else:
                    reached = os.path.dirname(reached)
                continue
            # In a directory such as /tmp, what is somebody's stays where it is.
            if stat.S_ISDIR(status.st_mode) and status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
                raise SourceError(
                    f"{name}: others may write to {reached}, and so put another file in its place. Take that right away"
                    f" (chmod go-w {reached}), or have the file elsewhere."
                )
            way.append(descriptor)
    raise SourceError(f"{name} has too many links on its way.")


def _opened_file(descriptor: int, status: os.stat_result, owners: dict[int, str], name: str) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{name} is not a regular file.")
    if status.st_mode & 0o022:
        raise SourceError(f"{name}: others may write to it. Take that right away (chmod go-w).")
    for uid, reached in owners.items():
        if uid not in (0, status.st_uid):
            raise SourceError(
                f"{name}: {reached} belongs neither to root nor to the owner of the file, and whoever owns it can have"
                " another file taken. Name a path that only these two can change."
            )
    return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)


# The program


def follow(directory: str) -> int:
    """Copy the pair to where Node-RED or nginx reads it, once it is whole; the copy of before stays until then.

    The two files are not replaced at the same moment, so what does not fit may fit a little later.

    :param directory: the root-only directory of the service, with the record of what is followed
    :returns: the status to exit with
    """
    with open(os.path.join(directory, RECORD), encoding="utf-8") as stream:
        record = json.load(stream)
    deadline = time.monotonic() + PATIENCE
    copied = None
    while True:
        try:
            source = _settled(record)
            # What was changed while it was copied would wake nobody.
            if source == copied:
                return 0
            _copy(directory, record, source)
            copied = source
        except (SourceError, OSError, subprocess.SubprocessError) as exc:
            if time.monotonic() > deadline:
                sys.stderr.write(f"{record['path']} stays as it is. {exc}\n")
                return 1
            time.sleep(PAUSE)


def _settled(record: dict[str, str]) -> Source:
    source = read_source(record["key"], record["chain"])
    time.sleep(SETTLED)
    if read_source(record["key"], record["chain"]) != source:
        raise SourceError(f"{record['key']} and {record['chain']} are still being written.")
    run = subprocess.run(
        ["openssl", "x509", "-noout", "-checkend", "0"],
        input=source.chain,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_TIMEOUT,
        check=False,
    )
    if run.returncode != 0:
        raise SourceError(f"The certificate in {record['chain']} has expired.")
    return source


def _copy(directory: str, record: dict[str, str], source: Source) -> None:
    """Write the copy, as the user that it is for: a link that this user has planted leads no further than the user.

    Where nginx reads it, that is root, in a directory of root's.
    """
    with _locked(directory):
        if os.path.exists(os.path.join(directory, TRANSACTION)):
            raise SourceError("A run of Ansible has not ended yet.")
        rights = [f"--reuid={record['user']}", f"--regid={record['group']}", "--init-groups", "--no-new-privs"]
        arguments = [record["path"], str(len(source.content)), record["key"], record["unit"]]
        run = subprocess.run(
            ["setsid", "--wait", "setpriv", *rights, "sh", "-c", record["deploy"], "deploy", *arguments],
            input=source.content,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_TIMEOUT,
            check=False,
        )
    if run.returncode != 0:
        raise SourceError(run.stderr[-500:].decode("utf-8", "replace").strip())


@contextlib.contextmanager
def _locked(directory: str) -> Iterator[None]:
    with open(os.path.join(directory, LOCK), "wb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SourceError("A run of Ansible is at work.") from None
        yield


if __name__ == "__main__":
    raise SystemExit(follow(sys.argv[1]))
