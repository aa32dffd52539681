# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A settings.js that is read: what it says, where, and what stands in the way of an edit."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable
from enum import Enum
from functools import cached_property

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import (
    Node,
    NothingExportedError,
    SettingsError,
    line_of,
    parse,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.scopes import Scopes
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import (
    Expression,
    members_of,
    tokens_of,
    unwrapped,
    value_of,
)

from .export import Entry, KeyPath, find_export


class _Missing(Enum):
    MISSING = "MISSING"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing.MISSING

_SCALARS = (str, int, float, type(None), _Missing)


class _Setting(t.NamedTuple):
    """What decides on a setting."""

    node: Node
    value: Node | None  # None: only running the code tells


class _Places:
    """Where paths stand among others, found without a look at each of them.

    :ivar first: the lowest position of exactly that path
    :ivar last: the highest one
    :ivar first_below: the lowest position of a longer path that begins with that path
    :ivar last_below: the highest one
    """

    def __init__(self, paths: Iterable[tuple[int, KeyPath]]) -> None:
        self.first: dict[KeyPath, int] = {}
        self.last: dict[KeyPath, int] = {}
        self.first_below: dict[KeyPath, int] = {}
        self.last_below: dict[KeyPath, int] = {}
        for position, path in paths:
            self.first.setdefault(path, position)
            self.last[path] = position
            for length in range(len(path)):
                self.first_below.setdefault(path[:length], position)
                self.last_below[path[:length]] = position

    def first_related(self, path: KeyPath) -> int | None:
        """The first path that leads to a path or into it."""
        found = [self.first.get(path[:length]) for length in range(len(path) + 1)] + [self.first_below.get(path)]
        return min((position for position in found if position is not None), default=None)


class SettingsSource:
    """A settings.js as it stands. It never changes.

    :ivar source: its bytes
    :ivar root: its syntax tree
    :ivar export: what it exports
    """

    def __init__(self, source: bytes, strict: bool = True) -> None:
        """
        :param strict: see `find_export`
        :raises SettingsError: the file cannot be read, or what it exports cannot be told
        """
        _refuse_bytes(source)
        self.source = source
        self.root = parse(source)
        self.export = find_export(self.root, strict)
        self._members: dict[int, tuple[dict[str, _Setting], _Setting | None]] = {}

    @property
    def insertion_target(self) -> Node | None:
        """The object literal that takes new settings."""
        return self.export.insertion_target

    @cached_property
    def scopes(self) -> Scopes:
        """What the names of the file stand for."""
        return Scopes(self.root)

    # What it says

    def value(self, path: KeyPath) -> t.Any:
        setting = self._find(path)
        if setting is None:
            return MISSING
        return Expression.of(setting.node) if setting.value is None else value_of(setting.value)

    def line(self, path: KeyPath) -> int | None:
        setting = self._find(path)
        return None if setting is None else line_of(setting.node)

    def node(self, path: KeyPath) -> Node | None:
        """The code of a setting's value, or of what stands in its place; None if the file does not have the setting."""
        setting = self._find(path)
        return None if setting is None else setting.value or setting.node

    def written_out(self, path: KeyPath) -> Node | None:
        """The code of a setting that stands in the file by its own name; None where none does, whatever other code may bring."""
        setting = self._find(path)
        if setting is None or setting.value is not None:
            return None if setting is None else setting.value
        return setting.node if setting.node.type in ("method_definition", "shorthand_property_identifier") else None

    @cached_property
    def lines(self) -> dict[str, list[int]]:
        """Every top-level setting with the lines of all places that give it a value as a whole."""
        lines: dict[str, list[int]] = {}
        for entry in self.export.entries:
            if entry.path is not None and len(entry.path) == 1:
                lines.setdefault(entry.path[0], []).append(line_of(entry.node))
        return lines

    def blocker(self, path: KeyPath) -> SettingsError | None:
        """Why it cannot be told from the file alone that a setting keeps the value it has there; None if it can."""
        try:
            self.refuse_hazards(path, {})
            self.effective_entry(path)
        except SettingsError as error:
            return error
        return None

    def other_entries(self, key: str) -> list[tuple[KeyPath | None, bytes | tuple]]:
        """Everything that gives other settings a value, in its order."""
        entries = [entry for entry in self.export.entries if entry.path is None or entry.path[0] != key]
        # To the parser, a method may end with a comment behind it.
        return [
            (entry.path, tokens_of(entry.node) if entry.value is None else self.text(entry.value)) for entry in entries
        ]

    def text(self, node: Node) -> bytes:
        """The code of a node."""
        return self.source[node.start_byte : node.end_byte]

    def _find(self, path: KeyPath) -> _Setting | None:
        hazard = self._changing.first_related(path)
        if hazard is not None:
            return _Setting(self.export.hazards[hazard].node, None)
        entry, later = self._decisive(path)
        if later is not None:
            return _Setting(later.node, None)
        if entry is None:
            return None
        setting: _Setting | None = _Setting(entry.node, entry.value)
        for key in path[len(entry.path or ()) :]:
            if setting is None or setting.value is None:
                return setting
            setting = self._find_in(setting.value, key)
        return setting

    def _find_in(self, value: Node, key: str) -> _Setting | None:
        literal = unwrapped(value)
        if literal.id not in self._members:
            self._members[literal.id] = _settings_in(literal)
        members, unknown = self._members[literal.id]
        return members.get(key, unknown)

    def _decisive(self, path: KeyPath) -> tuple[Entry | None, Entry | None]:
        """The entry that gives a setting its value, and the last one after it that may override it."""
        decisive = max((self._known.last.get(path[:length], -1) for length in range(len(path) + 1)), default=-1)
        later = max(self._known.last_below.get(path, -1), self._last_unknown)
        entries = self.export.entries
        return entries[decisive] if decisive >= 0 else None, entries[later] if later > decisive else None

    @cached_property
    def _known(self) -> _Places:
        """The entries whose path is known."""
        entries = enumerate(self.export.entries)
        return _Places((position, entry.path) for position, entry in entries if entry.path is not None)

    @cached_property
    def _last_unknown(self) -> int:
        positions = (position for position, entry in enumerate(self.export.entries) if entry.path is None)
        return max(positions, default=-1)

    @cached_property
    def _changing(self) -> _Places:
        """The hazards that may give a setting another value."""
        hazards = enumerate(self.export.hazards)
        return _Places((position, hazard.path) for position, hazard in hazards if hazard.path and not hazard.reads_only)

    # What stands in the way

    def refuse_hazards(self, path: KeyPath, desired: t.Any) -> None:
        for hazard in self.export.hazards:
            if related(hazard.path, path) and not (hazard.reads_only and self._is_scalar(hazard.path, path, desired)):
                raise SettingsError(
                    f"{hazard.reason}, so `{'.'.join(path)}` cannot be set safely. Remove that code, or set it there.",
                    line_of(hazard.node),
                )

    @staticmethod
    def _is_scalar(read: KeyPath, path: KeyPath, desired: t.Any) -> bool:
        """Whether what code reads is no object once it is set, so that it cannot be changed through it."""
        for key in read[len(path) :]:
            if isinstance(desired, (list, Expression)):
                return False
            desired = desired.get(key) if isinstance(desired, dict) else None
        return len(read) >= len(path) and isinstance(desired, _SCALARS)

    def effective_entry(self, path: KeyPath) -> Entry | None:
        """The entry to edit; None if the setting is new. Refuses what would be overridden."""
        entry, later = self._decisive(path)
        if entry is None and later is not None and later.path is None and len(path) == 1:
            # A new key goes to the end of its literal, or behind the last assignment: what counts before does no harm.
            entries, target = self.export.entries, self.export.insertion_target
            own = [position for position, each in enumerate(entries) if target is not None and each.owner == target]
            if own:
                # In the order in which they count: a literal with a name may stand above what it wins over.
                is_before = any(each is later for each in entries[: own[-1] + 1])
            else:
                is_before = later.node.end_byte <= (target.end_byte if target else entries[-1].node.start_byte)
            if is_before:
                later = None
        if later is not None:
            raise overridden(path[0], later.node)
        return entry


def _refuse_bytes(source: bytes) -> None:
    if not source.strip():
        raise NothingExportedError("the file is empty: Node-RED would start without any settings.")
    try:
        source.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise SettingsError("the file is not encoded in UTF-8. Convert it, with `iconv` for example.", line) from None
    # Of text in ASCII, every other byte is zero.
    for name, zeros in (("UTF-16LE", source[1:64:2]), ("UTF-16BE", source[0:64:2])):
        if zeros and not any(zeros):
            raise SettingsError(f"the file is encoded in {name}. Convert it: iconv -f {name} -t UTF-8.", 1)
    if b"\0" in source:
        line = source.count(b"\n", 0, source.index(b"\0")) + 1
        raise SettingsError("there is a NUL byte here, which no text has. Restore the file.", line)


def related(one: KeyPath, other: KeyPath) -> bool:
    """Whether one path leads to the other or into it."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def overridden(key: str, node: Node) -> SettingsError:
    if node.type == "spread_element":
        reason = f"the spread (`...`) here may bring `{key}` too. Move it above the other keys, or write `{key}` out below it."
    elif node.type == "expression_statement":
        reason = f"a part of `{key}` is assigned here. Move that into the object itself."
    else:
        reason = f"what stands here may set `{key}` too, which cannot be told before it runs. Write it out."
    return SettingsError(reason, line_of(node))


def not_removable(key: str, node: Node) -> SettingsError:
    """Why a key stays, whatever is taken out: what stands at the node may bring it."""
    if node.type == "expression_statement":
        return overridden(key, node)
    return SettingsError(
        f"what stands here may bring `{key}`, which cannot be removed then. Set it to the value that it shall have instead.",
        line_of(node),
    )


def _settings_in(literal: Node) -> tuple[dict[str, _Setting], _Setting | None]:
    """What decides on each key of a value, and on all others."""
    if literal.type != "object":
        return {}, _Setting(literal, None) if isinstance(value_of(literal), Expression) else None
    settings: dict[str, _Setting] = {}
    unknown = None
    for member in members_of(literal):
        if member.name is None:
            settings, unknown = {}, _Setting(member.node, None)
        else:
            settings[member.name] = _Setting(member.node, member.value)
    return settings, unknown
