# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files beside an inventory: the variables that Ansible reads, what it passes over, and keys that lie there."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
import stat
from collections.abc import Collection, Iterable, Iterator

import yaml
from ansible import constants

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from .files import read_file

_DIRECTORIES = ("group_vars", "host_vars")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Its kind, and how it begins; in a quoted string its line breaks are written out. An example in a text has less.
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN ([A-Z ]{0,20})PRIVATE KEY-----(?:\s|\\[nr]){1,200}([A-Za-z0-9+/=]{40}|Proc-Type: 4)"
)
#: The most bytes of a file with a key, and of all files that are looked at; certificates and variables may stand beside it.
_LARGEST = 1 << 18
_MOST_BYTES = 1 << 26
#: How an OpenSSH key begins that has no passphrase, in full triples of bytes: its magic, and the length of its cipher's name.
_OPENSSH_PLAIN = base64.b64encode(b"openssh-key-v1\0\0\0\0\x04none"[:21])
#: How deep below an inventory keys are looked for, and among how many files at most.
_MAX_DEPTH = 4
_MAX_FILES = 10_000
_NOT_ENTERED = ("node_modules", "venv")


def source_directories(sources: Iterable[str] | str | None) -> list[pathlib.Path]:
    """The directories beside which Ansible looks for group_vars and host_vars, each once.

    :param sources: ``ansible_inventory_sources``: files, directories, and lists of hosts, which have no directory
    """
    given = [sources] if isinstance(sources, str) else sources or ()
    paths = [pathlib.Path(source) for source in given if "," not in source or os.path.exists(source)]
    return list(dict.fromkeys(path if path.is_dir() else path.parent for path in paths))


def passed_over(directory: pathlib.Path) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    """What Ansible does not read because of another file or directory for the same group or host: both of them."""
    for candidates in _candidates(directory).values():
        for path in candidates[1:]:
            yield path, candidates[0]


def files_read(directory: pathlib.Path, names: Collection[str]) -> Iterator[pathlib.Path]:
    """The files of variables that Ansible reads.

    :param names: the groups and the hosts of the inventory
    """
    for (_directory, name), candidates in _candidates(directory).items():
        if name in names:
            yield from _below(candidates[0]) if candidates[0].is_dir() else candidates[:1]


def syntax_error(path: pathlib.Path) -> str:
    """Where a file is not YAML and why, such as "3: did not find expected key"; empty where it is, or cannot be read."""
    try:
        content = read_file(path)
    except UserError:
        return ""
    if content.startswith(b"$ANSIBLE_VAULT"):
        return ""
    try:
        for _event in yaml.parse(content, Loader=_LOADER):
            pass
    except yaml.YAMLError as error:
        # Ansible takes JSON too, in which a tab may stand anywhere.
        try:
            json.loads(content)
        except ValueError:
            mark = getattr(error, "problem_mark", None)
            return f"{mark.line + 1 if mark else 1}: {getattr(error, 'problem', None) or 'not a text in UTF-8'}"
    return ""


def plain_keys(directory: pathlib.Path) -> Iterator[pathlib.Path]:
    """The files with a private key that has no passphrase, whatever their names, in and below a directory.

    Hidden directories are left out, such as that of git, and so are files that are too large for a key.
    """
    seen = looked_at = 0
    for parent, directories, files in os.walk(directory):
        depth = len(pathlib.Path(parent).relative_to(directory).parts)
        directories[:] = sorted(
            name for name in directories if depth < _MAX_DEPTH and name[0] != "." and name not in _NOT_ENTERED
        )
        seen += len(files)
        if seen > _MAX_FILES:
            return
        for name in sorted(files):
            path = pathlib.Path(parent, name)
            size = _size(path)
            looked_at += size
            if looked_at > _MOST_BYTES:
                return
            if size and _has_plain_key(path):
                yield path


def _candidates(directory: pathlib.Path) -> dict[tuple[str, str], list[pathlib.Path]]:
    """By directory and by group or host, what may have its variables; Ansible reads the first of each."""
    found: dict[tuple[str, str], list[pathlib.Path]] = {}
    for kind in _DIRECTORIES:
        try:
            entries = sorted((directory / kind).iterdir())
        except OSError:
            continue
        for extension in ("", *constants.YAML_FILENAME_EXTENSIONS):
            for path in entries:
                name = path.name.removesuffix(extension)
                plain = path.suffix not in constants.YAML_FILENAME_EXTENSIONS
                if path.name[0] != "." and (plain if not extension else path.name != name):
                    found.setdefault((kind, name), []).append(path)
    return found


def _below(directory: pathlib.Path) -> Iterator[pathlib.Path]:
    """The files that Ansible reads of a directory of variables."""
    for path in sorted(directory.iterdir()):
        if path.name[0] == "." or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            yield from _below(path)
        elif path.is_file() and path.suffix in ("", *constants.YAML_FILENAME_EXTENSIONS):
            yield path


def _size(path: pathlib.Path) -> int:
    """The size of a file that may have a key in it; 0 for any other."""
    try:
        status = path.stat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST else 0


def _has_plain_key(path: pathlib.Path) -> bool:
    try:
        content = read_file(path)
    except UserError:
        return False
    for kind, begin in _PRIVATE_KEY.findall(content):
        is_encrypted = kind == b"ENCRYPTED " or begin.startswith(b"Proc-Type")
        if not is_encrypted and (kind != b"OPENSSH " or begin.startswith(_OPENSSH_PLAIN)):
            return True
    return False
