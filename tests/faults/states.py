# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host holds, in a form in which two states are equal when a run cannot tell them apart.

Names of transactions, process ids, times and what is random at each run are replaced by words. A file with the very bytes
of one of the old files, or of the new ones, is known as that one.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pathlib
import re
import stat
import typing as t
import zipfile

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: What each file is, by its path on the host: kind, mode, owner and content, in one string.
State = dict[str, str]

#: What Node-RED writes by itself, at every start or login.
_OF_NODE_RED = re.compile(r"/\.config\.(nodes|users|projects|modules)\.json(\.backup)?$|/\.flows_?.*\.backup$")
#: A temporary name of a file: ours, or that of a program that makes users, with the id of a process, or a chosen one of
#: Python or Ansible.
TEMPORARY = re.compile(
    r"(\.pifleet-|/etc/[a-z]+\.)\d+$|(?<=/)()(?:tmp|\.ansible_tmp)[a-z0-9_]{8}(?=$|[\w.-]*\.service$)"
)
TRANSACTION = re.compile(r"\d{8}T\d{6}Z-\d+")
#: What differs from run to run in what we write, and the word that it is replaced by.
_RANDOM = [
    (re.compile(rb"\d{8}T\d{6}Z-\d+"), b"<transaction>"),
    (re.compile(rb"\d{4}-\d\d-\d\dT[\d:]+Z-[0-9a-f]{8} \S+?(?=\")"), b"<run>"),
    (re.compile(rb"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}"), b"<bcrypt>"),
    (re.compile(rb"-----BEGIN ([A-Z ]+)-----[^-]*-----END \1-----"), rb"<\1>"),
    (re.compile(rb"\b[0-9a-f]{64}\b"), b"<sha256>"),
    (re.compile(rb"\b1[5-9]\d{8}(\.\d+)?\b"), b"<time>"),
    (re.compile(rb"\.pifleet-\d+"), b".pifleet-<process>"),
]


def read(trees: Mapping[str, pathlib.Path], known: Mapping[str, str]) -> State:
    """Read directories.

    :param trees: by their paths on the host, where they are now
    :param known: words for contents, by their SHA-256
    """
    found: State = {}
    for place, root in trees.items():
        for directory, names, files in os.walk(root):
            for name in names + files:
                path = os.path.join(directory, name)
                on_host = os.path.normpath(os.path.join(place, os.path.relpath(path, root)))
                if not _OF_NODE_RED.search(on_host):
                    found[TEMPORARY.sub(r"\1<process>", on_host)] = _described(path, on_host, known)
    return _with_numbers(found)


def digest(state: State, *besides: str) -> str:
    """A short name for a state, with what else belongs to it."""
    text = json.dumps([sorted(state.items()), besides])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def without_leftovers(state: State) -> State:
    """The same without what no run reads any more: temporary files, and what is kept of a change that is over."""
    is_over = not any(path.endswith("/transaction.json") and "/backups/" not in path for path in state)
    return {
        path: what
        for path, what in state.items()
        if what != "temporary" and not (is_over and re.search(r"/backups/<transaction \d+>/.", path))
    }


def closed(old: State, new: State) -> set[str]:
    """The paths of which nothing but rights is another in a new state, fewer of them."""
    found = set()
    for path in old.keys() & new.keys():
        before, after = old[path].split(" "), new[path].split(" ")
        if before != after and len(before) == len(after) and [*before[:1], *before[2:]] == [*after[:1], *after[2:]]:
            found |= {path} if int(after[1], 8) & ~int(before[1], 8) == 0 else set()
    return found


def contents(trees: Mapping[str, pathlib.Path], word: str) -> dict[str, str]:
    """Words for the contents of directories, as `read` takes them, such as "old settings.js"."""
    found = {}
    for root in trees.values():
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size:
                found[hashlib.sha256(path.read_bytes()).hexdigest()] = f"{word} {path.name}"
    return found


def summary(root: pathlib.Path, of_contents: bool) -> str:
    """A short name for all that is below a directory, which may be large.

    :param root: the directory; empty where there is none
    :param of_contents: whether contents count; else the sizes of files do
    """
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        is_file = stat.S_ISREG(status.st_mode)
        what = [str(path.relative_to(root)), status.st_mode, status.st_uid, status.st_gid]
        what.append(os.readlink(path) if path.is_symlink() else status.st_size if is_file else "")
        digest.update(json.dumps(what).encode())
        if is_file and of_contents:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def differences(one: State, other: State, leave_out: Iterable[str] = ()) -> list[str]:
    """The paths that are not the same in two states, without those below some directories."""
    left_out = tuple(leave_out)
    paths = sorted(set(one) | set(other))
    return [path for path in paths if one.get(path) != other.get(path) and not path.startswith(left_out)]


def _described(path: str, on_host: str, known: Mapping[str, str]) -> str:
    status = os.lstat(path)
    owner = f"{status.st_uid}:{status.st_gid}"
    if stat.S_ISLNK(status.st_mode):
        return f"link {owner} {os.readlink(path)}"
    kind = f"{stat.S_IFMT(status.st_mode):o} {stat.S_IMODE(status.st_mode):o} {owner}"
    if not stat.S_ISREG(status.st_mode):
        return kind
    # Nobody ever reads it.
    if TEMPORARY.search(path):
        return "temporary"
    content = pathlib.Path(path).read_bytes()
    return f"{kind} {_word(content, os.path.basename(on_host), known)}"


def _word(content: bytes, name: str, known: Mapping[str, str]) -> str:
    exact = hashlib.sha256(content).hexdigest()
    if exact in known:
        return known[exact]
    if not content:
        return "empty"
    # Whoever logs in adds a session; that none of before comes back is for the scenarios.
    if name.endswith("sessions.json") and _is_json(content):
        return "sessions"
    # Encrypted with another random number each time; whether they open is asked elsewhere.
    if name.endswith("_cred.json") and _is_json(content) and set(json.loads(content)) == {"$"}:
        return "encrypted credentials"
    if name.endswith(".pyz"):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return f"archive {sorted((each.filename, each.CRC) for each in archive.infolist())}"
        except zipfile.BadZipFile:
            return f"broken archive of {len(content)} bytes"
    for pattern, word in _RANDOM:
        content = pattern.sub(word, content)
    return hashlib.sha256(content).hexdigest()[:16]


def _is_json(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False


def _with_numbers(state: State) -> State:
    """The same with a number for each transaction, in their order."""
    names = sorted({match for path in state for match in TRANSACTION.findall(path)})
    numbers = {name: f"<transaction {number}>" for number, name in enumerate(names, 1)}
    return {TRANSACTION.sub(lambda match: numbers[match[0]], path): what for path, what in state.items()}
