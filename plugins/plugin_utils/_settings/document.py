# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Node-RED's settings.js as a document: read a setting, set it, remove it, and leave every other byte alone.

    document = SettingsDocument(source)
    document.set("adminAuth.type", "credentials")
    document.source

Bytes in, bytes out. Whatever cannot be edited safely raises a SettingsError with the line, the reason and a way out.
"""

from __future__ import annotations

import contextlib
import difflib
import typing as t
from collections.abc import Callable, Sequence
from enum import Enum

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.rendering import plain
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression, same_meaning

from .edit import SettingsEdit
from .export import KeyPath
from .source import MISSING, SettingsSource

__all__ = ["MISSING", "Change", "Expression", "SettingsDocument", "SettingsError"]

# The file is read anew after each place that a setting is taken out of.
_MAX_PLACES = 10
# Of more lines that one edit has changed, comparing each with each would take too long.
_MOST_COMPARED = 500


class Change(Enum):
    """What became of a setting."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class SettingsDocument:
    """A settings.js that can be edited. Settings are named by a tuple of keys, or by a string with dots."""

    def __init__(self, source: bytes) -> None:
        self._original = self._settings = SettingsSource(source)
        self._edit = SettingsEdit(self._settings)
        self._touched: dict[KeyPath, None] = {}
        self._moves: list[_Move] = []

    @property
    def source(self) -> bytes:
        """The file as it is now."""
        return self._settings.source

    @property
    def settings(self) -> SettingsSource:
        """What the file says now."""
        return self._settings

    @property
    def original(self) -> SettingsSource:
        """What the file said before all edits."""
        return self._original

    @property
    def touched(self) -> list[KeyPath]:
        """The settings that were edited, in that order, be it without effect in the end."""
        return list(self._touched)

    def get(self, path: KeyPath | str) -> t.Any:
        """The value a setting has: Python's own for literals, MISSING, or an Expression for what only running tells.

        An Expression holds the code as it stands in the file; it is also what stands for a setting that the file does
        not spell out but may get from elsewhere (`...base`, an assignment under a condition).
        """
        return self._settings.value(_as_path(path))

    def has(self, path: KeyPath | str) -> bool:
        """Whether the file gives the setting a value, or may do so."""
        return self.get(path) is not MISSING

    def writes(self, key: str) -> bool:
        """Whether a top-level setting stands in the file, instead of coming from a spread perhaps."""
        return key in self._settings.lines

    def line_of(self, path: KeyPath | str) -> int | None:
        """The line on which the setting that counts stands, in the file as it was read."""
        return self._line_as_read(self._settings.line(_as_path(path)))

    def blocker(self, path: KeyPath | str) -> SettingsError | None:
        """Why a setting cannot be edited in this file, whatever the value; None if it can."""
        return self._settings.blocker(_as_path(path))

    def set(self, path: KeyPath | str, value: t.Any) -> None:
        """Give a setting exactly this value; of an object, only the keys that differ are touched."""
        keys, desired = _as_path(path), plain(value)
        with self._lines_as_read():
            self._adopt(keys, self._edit.with_value(keys, desired), lambda present: same_meaning(present, desired))

    def merge(self, path: KeyPath | str, value: dict[str, t.Any]) -> None:
        """Set the given keys of an object, at every level, and keep its others."""
        keys = _as_path(path)
        if isinstance(value, dict) and value and isinstance(self.get(keys), dict):
            for key, item in value.items():
                self.merge((*keys, key), item)
        else:
            self.set(keys, value)

    def set_by_key(self, path: KeyPath | str, key: str, items: Sequence[dict[str, t.Any]]) -> None:
        """Make a list of objects hold exactly one entry per given one, told apart by a key such as `username`.

        Entries found keep their place, their comments and their other fields. A single object instead of a list, which
        Node-RED accepts too, becomes a list. Of entries with the same key the last stays, as it is the one that counts.
        An entry that only running the code tells (`{...base}`, a variable) is none of the given ones, and goes.
        """
        keys, desired = _as_path(path), plain(items)
        names = [item.get(key) for item in desired if isinstance(item, dict)]
        if (
            len(names) < len(desired)
            or not all(isinstance(name, str) for name in names)
            or len(set(names)) < len(names)
        ):
            raise SettingsError(f"every entry of `{'.'.join(keys)}` needs a `{key}` of its own.")
        with self._lines_as_read():
            self._adopt(
                keys, self._edit.with_entries(keys, key, desired), lambda present: _has_entries(present, key, desired)
            )

    def remove(self, path: KeyPath | str) -> None:
        """Take a setting out, wherever the file gives it a value."""
        keys = _as_path(path)
        before, edit, moves = self._settings, self._edit, len(self._moves)
        with self._lines_as_read():
            before.refuse_hazards(keys, {})
            try:
                self._remove_all(keys)
            except SettingsError as error:
                error.line = self._line_as_read(error.line, moves)
                self._settings, self._edit = before, edit
                del self._moves[moves:]
                raise

    def take_out(self, path: KeyPath | str) -> None:
        """Take out the place that gives a setting its value now, whatever else may bring it then.

        :raises SettingsError: it cannot be cut out of the code around it
        """
        keys = _as_path(path)
        with self._lines_as_read():
            source = self._edit.without(keys, whatever_else=True)
            if source is not None:
                self._adopt(keys, source, lambda _found: True)

    def _remove_all(self, keys: KeyPath) -> None:
        places = 0
        while (source := self._edit.without(keys)) is not None:
            places += 1
            if places > _MAX_PLACES:
                raise SettingsError(
                    f"`{'.'.join(keys)}` is set in more than {_MAX_PLACES} places. Remove it by hand.",
                    self._settings.line(keys),
                )
            self._adopt(keys, source, lambda _found: True)

    def changes(self) -> dict[str, Change]:
        """Which settings differ from the file as it was read: names only, never values."""
        changes: dict[str, Change] = {}
        for path in self._touched:
            _compare(path, self._original.value(path), self._settings.value(path), changes)
        return changes

    @contextlib.contextmanager
    def _lines_as_read(self) -> t.Iterator[None]:
        """Have an error name the line of the file that the user sees: earlier edits may have moved it."""
        try:
            yield
        except SettingsError as error:
            error.line = self._line_as_read(error.line)
            raise

    def _line_as_read(self, line: int | None, since: int = 0) -> int | None:
        """The line before all edits, or before those that followed the first ones."""
        if line is not None:
            for move in reversed(self._moves[since:]):
                line = move.line_before(line)
        return line

    def _adopt(self, path: KeyPath, source: bytes, is_met: Callable[[t.Any], bool]) -> None:
        """Take over an edited file, once it is proven that the wish is met and nothing else changed."""
        if source == self.source:
            return
        edited = SettingsSource(source)
        if not is_met(edited.value(path)) or edited.other_entries(path[0]) != self._settings.other_entries(path[0]):
            raise SettingsError(
                f"`{'.'.join(path)}` cannot be edited safely here. Edit it by hand.", self._settings.line(path)
            )
        self._moves.append(_Move.of(self.source.split(b"\n"), source.split(b"\n")))
        self._settings, self._edit = edited, SettingsEdit(edited, self._edit.style)
        self._touched[path] = None


class _Move(t.NamedTuple):
    """Where the lines of a file went in one edit: those before and behind it stayed what they were.

    :ivar head: how many stand before it
    :ivar before: the lines that it replaced
    :ivar now: the lines in their place
    """

    head: int
    before: list[bytes]
    now: list[bytes]

    @classmethod
    def of(cls, before: list[bytes], now: list[bytes]) -> _Move:
        shorter = min(len(before), len(now))
        head = next((index for index in range(shorter) if before[index] != now[index]), shorter)
        rest = shorter - head
        tail = next((index for index in range(rest) if before[-1 - index] != now[-1 - index]), rest)
        return cls(head, before[head : len(before) - tail], now[head : len(now) - tail])

    def line_before(self, line: int) -> int:
        """The number that a line had before the edit."""
        if line <= self.head:
            return line
        if line > self.head + len(self.now):
            return line - len(self.now) + len(self.before)
        within = line - self.head
        for tag, start, end, first, behind in self._opcodes():
            if first < within <= behind:
                # What an edit has put there stands for what it has replaced.
                found = start + within - first
                return max(self.head + (found if tag == "equal" else min(found, end)), 1)
        return line

    def _opcodes(self) -> Sequence[tuple[str, int, int, int, int]]:
        if len(self.before) + len(self.now) > _MOST_COMPARED:
            return [("replace", 0, len(self.before), 0, len(self.now))]
        return difflib.SequenceMatcher(None, self.before, self.now).get_opcodes()


def _has_entries(present: t.Any, key: str, desired: list[dict[str, t.Any]]) -> bool:
    """Whether a list holds exactly one entry per wished one, with at least its fields."""
    entries = {entry.get(key): entry for entry in present} if all(isinstance(entry, dict) for entry in present) else {}
    return len(present) == len(desired) and all(
        item[key] in entries and same_meaning(item, {field: entries[item[key]].get(field, MISSING) for field in item})
        for item in desired
    )


def _as_path(path: KeyPath | str) -> KeyPath:
    keys = tuple(path.split(".")) if isinstance(path, str) else tuple(path)
    if not keys or not all(isinstance(key, str) and key for key in keys):
        raise SettingsError("a setting is named by one or more keys.")
    return keys


def _compare(path: KeyPath, before: t.Any, after: t.Any, changes: dict[str, Change]) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before | after:
            _compare((*path, key), before.get(key, MISSING), after.get(key, MISSING), changes)
    elif before is MISSING or after is MISSING:
        if before is not after:
            changes[".".join(path)] = Change.ADDED if before is MISSING else Change.REMOVED
    elif not same_meaning(before, after):
        changes[".".join(path)] = Change.CHANGED
