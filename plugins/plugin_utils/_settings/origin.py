# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings of a file this collection has written, how each stood before, and how it comes to stand so again.

A host keeps a list of them, which grows with each edit. What was edited by somebody else since is theirs.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Collection, Iterable, Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression

from . import web_sockets
from .document import SettingsDocument
from .export import KeyPath
from .source import SettingsSource, related

#: Settings that are written, and so come back, as a whole: nobody wants one half of a login.
_WHOLE = ("adminAuth", "httpNodeAuth", "httpStatic", "httpStaticAuth", "https", "nodesDir")
#: What only `https_absent` takes away.
HTTPS = ("https", "httpsRefreshInterval")
#: What never goes because nobody asks for it any more: who gets in, and what decrypts the credentials of flows. A variable that
#: was lost by mistake must open nothing.
_STAYS = ("adminAuth", "httpNodeAuth", "httpStaticAuth", "nodesDir", "credentialSecret", *HTTPS)


@dataclasses.dataclass(frozen=True)
class Written:
    """A setting that this collection has written.

    :ivar path: its keys
    :ivar before: the JavaScript of its value before it was written first, None where the file had none
    :ivar now: SHA-256 of the JavaScript that was written last, in lower-case hex; empty where the setting was taken away
    """

    path: KeyPath
    # Without a representation, which would show hashes.
    before: str | None = dataclasses.field(repr=False)
    now: str

    @classmethod
    def of(cls, entry: Mapping[str, t.Any]) -> Written:
        """From what the host keeps."""
        return cls(tuple(entry["path"]), entry["before"], entry["now"])

    def as_data(self) -> dict[str, t.Any]:
        """What the host keeps."""
        return {"path": list(self.path), "before": self.before, "now": self.now}

    @property
    def name(self) -> str:
        return ".".join(self.path)

    def is_ours(self, settings: SettingsSource) -> bool:
        """Whether the setting still is as it was written, and another one than before."""
        return sum_of(settings, self.path) == self.now != _checksum(self.before)


def code_of(settings: SettingsSource, path: KeyPath) -> str | None:
    """The JavaScript of a value that is written out in the file; None where there is none, whatever other code may bring."""
    node = settings.written_out(path)
    return None if node is None else settings.text(node).decode("utf-8")


def sum_of(settings: SettingsSource, path: KeyPath) -> str:
    """SHA-256 of `code_of`; empty where there is none."""
    return _checksum(code_of(settings, path))


def _checksum(code: str | None) -> str:
    return checksum(None if code is None else code.encode("utf-8"))


def noted(known: Sequence[Written], document: SettingsDocument) -> list[Written]:
    """The list after an edit.

    :param known: the list before
    :param document: the edited document
    """
    before, after = document.original, document.settings
    entries = {entry.path: entry for entry in known}
    for touched in document.touched:
        root = _root(before, touched)
        if sum_of(before, root) == sum_of(after, root):
            continue
        if not any(root[: len(path)] == path for path in entries):
            entries[root] = Written(root, code_of(before, root), "")
        paths = list(entries)
        for position, path in enumerate(paths):
            # One that a later one is around comes back with that, as it was by then.
            is_within = any(path[: len(later)] == later for later in paths[position + 1 :])
            if related(path, root) and not is_within:
                entries[path] = dataclasses.replace(entries[path], now=sum_of(after, path))
    return list(entries.values())


def _root(before: SettingsSource, path: KeyPath) -> KeyPath:
    """What an edit has to give back when it is undone: the outermost object that it has made."""
    if path[0] in _WHOLE:
        return path[:1]
    return next((path[:length] for length in range(1, len(path)) if code_of(before, path[:length]) is None), path)


def left(known: Sequence[Written], settings: SettingsSource, asked: Collection[KeyPath]) -> list[Written]:
    """The settings that this collection has written, that are as it has written them, and that nobody asks for any more.

    :param known: what the host keeps
    :param asked: the settings that are asked for now
    """
    return [
        entry for entry in known if not any(related(entry.path, path) for path in asked) and entry.is_ours(settings)
    ]


def may_go(entry: Written, document: SettingsDocument) -> bool:
    """Whether a setting goes because nobody asks for it any more."""
    logins = web_sockets.paths(document)
    return entry.path[0] not in _STAYS and not any(related(entry.path, path) for path in logins)


def drop_empty(document: SettingsDocument, known: Sequence[Written], asked: Collection[KeyPath]) -> None:
    """Take out the objects that this collection has made, once nothing is in them any more.

    :param known: what the host keeps
    :param asked: the settings that are asked for now
    """
    for entry in known:
        if entry.before is None and document.get(entry.path) == {} and entry.path not in asked:
            document.take_out(entry.path)


class PutBack(t.NamedTuple):
    """What became of settings that were to be what they were before.

    :ivar done: those that are
    :ivar edited: those that somebody else has edited since, and that stay
    :ivar impossible: those that cannot be put back in this file, each with the reason
    """

    done: list[Written]
    edited: list[Written]
    impossible: list[tuple[Written, str]]


def put_back(document: SettingsDocument, entries: Iterable[Written]) -> PutBack:
    """Have the file say what it said before settings were written, the last one that was written first.

    :param document: it has all of the entries as they were written but those that its owner has edited since
    :param entries: the settings, in the order in which they were written first
    """
    result = PutBack([], [], [])
    for entry in reversed(list(entries)):
        if sum_of(document.settings, entry.path) == _checksum(entry.before):
            continue
        if not entry.is_ours(document.settings):
            result.edited.append(entry)
            continue
        try:
            if entry.before is None:
                document.take_out(entry.path)
            else:
                document.set(entry.path, Expression(entry.before, verbatim=True))
        except SettingsError as error:
            result.impossible.append((entry, str(error)))
        else:
            result.done.append(entry)
    return result
