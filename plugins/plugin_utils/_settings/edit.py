# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bytes of a settings.js after an edit: a setting at another value, or gone, and every other byte as it was."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Container
from functools import cached_property

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.member_list import MemberList
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import (
    COMMENTS,
    Node,
    SettingsError,
    captures,
    field,
    line_of,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.rendering import Style, render, render_key
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import (
    Expression,
    Member,
    elements_of,
    has_comment,
    members_of,
    same_meaning,
    text_of,
    unwrapped,
    value_of,
)

from .export import Entry, KeyPath
from .source import SettingsSource, not_removable, overridden, related

Rewrite = Callable[[Node], bytes]

# So many members show how a file is indented.
_SAMPLE = 50
# Settings that no file of Node-RED has an example of, and the one that each belongs to.
_BELONGS_TO = {"pifleetVerifyLogin": "httpNodeAuth"}
# A statement removed before one of these would join its neighbours.
_CONTINUES_A_STATEMENT = re.compile(rb"[(\[`+\-*.,]|/(?![/*])")
_GAP = re.compile(rb"\s+|//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_COMMENT_BEHIND_STATEMENT = re.compile(rb"[ \t]*(?://[^\r\n]*|/\*[^\r\n]*?\*/[ \t]*(?=[\r\n]|\Z))")
_REST_OF_LINE = re.compile(rb"[ \t]*(?:[\r\n]|\Z)")
_LINE_START = re.compile(rb"(?:\r\n|[\r\n])[ \t]*\Z")
_INDENT = re.compile(rb"[ \t]*")


class SettingsEdit:
    """One edit of a settings file; each method returns the bytes of another one."""

    def __init__(self, settings: SettingsSource, style: Style | None = None) -> None:
        """Of the bytes of a file; ``style`` is how new code is written, by default as the file's own."""
        self.settings = settings
        if style is not None:
            self.style = style

    def with_value(self, path: KeyPath, desired: t.Any) -> bytes:
        """The source with a setting at exactly that value."""
        self.settings.refuse_hazards(path, desired)
        return self._with(path, lambda node: self.rewritten(node, desired), desired)

    def with_entries(self, path: KeyPath, key: str, items: list[dict[str, t.Any]]) -> bytes:
        """The source with a list of objects that holds exactly the given entries, told apart by a key."""
        self.settings.refuse_hazards(path, items)
        return self._with(path, lambda node: self._rewritten_entries(node, key, items), items)

    def _with(self, path: KeyPath, rewrite: Rewrite, fresh: t.Any) -> bytes:
        """The source with a setting's value rewritten, or the fresh value put in if there is none."""
        entry = self.settings.effective_entry(path)
        target = self.settings.export.insertion_target if entry is None else entry.owner
        if target is not None:
            return self._spliced(target, self._put(target, path, rewrite, fresh))
        if entry is None:
            return self._with_statement(path, fresh)
        assigned, value = _assignment(entry)
        return self._spliced(value, self._put(value, path[len(assigned) :], rewrite, fresh))

    def _spliced(self, node: Node, text: bytes) -> bytes:
        return self.settings.source[: node.start_byte] + text + self.settings.source[node.end_byte :]

    def _put(self, node: Node, keys: KeyPath, rewrite: Rewrite, fresh: t.Any) -> bytes:
        """The text of a value after an edit of what the keys lead to inside it."""
        if not keys:
            return rewrite(node)
        literal = unwrapped(node)
        if literal.type != "object":
            raise _no_object(keys[0], node)
        members = Members(self, literal)
        value = fresh
        for key in reversed(keys[1:]):
            value = {key: value}
        members.put(keys[0], value, lambda inner: self._put(inner, keys[1:], rewrite, fresh), whole=len(keys) == 1)
        return self._around(node, members.render())

    def _around(self, node: Node, text: bytes) -> bytes:
        """The text with the parentheses that stand around it in the source."""
        inner = unwrapped(node)
        return (
            self.settings.source[node.start_byte : inner.start_byte]
            + text
            + self.settings.source[inner.end_byte : node.end_byte]
        )

    def without(self, path: KeyPath, whatever_else: bool = False) -> bytes | None:
        """The source without one of the places that set a value; None if there is none left.

        :param whatever_else: whether other code may bring the setting then
        """
        entries = [entry for entry in self.settings.export.entries if entry.path is None or related(entry.path, path)]
        for entry in reversed(entries):
            if entry.path is None or len(entry.path) > len(path):
                raise not_removable(path[0], entry.node)
            if entry.path == path and entry.owner is None:
                return self._without_statement(entry.node)
            target = entry.owner or entry.value
            if target is None:
                return None
            text = self.cut(target, path if entry.owner else path[len(entry.path) :], whatever_else)
            return None if text is None else self._spliced(target, text)
        return None

    def cut(self, node: Node, keys: KeyPath, whatever_else: bool = False) -> bytes | None:
        """The text of a value without what the keys lead to inside it; None if there is nothing."""
        literal = unwrapped(node)
        if literal.type == "object":
            members = Members(self, literal)
            return self._around(node, members.render()) if members.cut(keys, whatever_else) else None
        if isinstance(value_of(literal), Expression):
            raise SettingsError(f"`{keys[0]}` may come from code here. Remove it by hand.", line_of(node))
        return None

    # Values

    def rewritten(self, node: Node, desired: t.Any) -> bytes:
        """The text of a value made equal to the wished one, with as few changes as possible."""
        if same_meaning(value_of(node), desired):
            return self.settings.text(node)
        literal = unwrapped(node)
        if isinstance(desired, Expression) and literal.type == "object" and has_comment(literal):
            # Member by member, so that the comments between them stay.
            desired = desired.members or desired
        if literal.type == "object" and isinstance(desired, dict) and desired:
            members = Members(self, literal)
            members.keep_only(desired)
            for key, item in desired.items():
                members.put_value(key, item)
            return self._around(node, members.render())
        if literal.type == "array" and isinstance(desired, list) and desired:
            elements = elements_of(literal)
            if elements:
                return self._around(node, self._rewritten_array(literal, elements, desired))
        style = self.style
        if literal.type == "string":
            style = style.replaced(quote=text_of(literal)[0])
        return render(desired, style, self.indent_at(node.start_byte).decode()).encode("utf-8")

    def _rewritten_array(self, node: Node, elements: list[Node], desired: list[t.Any]) -> bytes:
        present = [value_of(element) for element in elements]
        head = _common_length(present, desired)
        tail = _common_length(present[head:][::-1], desired[head:][::-1])
        old, new = len(present) - tail, len(desired) - tail
        array = self.member_list(node, elements)
        for index in range(head, min(old, new)):
            array.members[index] = self.rewritten(elements[index], desired[index])
        for index in reversed(range(new, old)):
            array.remove(index)
        for index in range(old, new):
            self._insert_element(array, index, desired[index], elements)
        return array.render()

    def _rewritten_entries(self, node: Node, key: str, items: list[dict[str, t.Any]]) -> bytes:
        literal = unwrapped(node)
        elements = elements_of(literal) if literal.type == "array" else None
        array = self.member_list(literal, elements or [])
        if literal.type == "object":
            elements = [literal]
            array = array.wrapped(b"[", b"]")
        if elements is None or not items:
            return self.rewritten(node, items)
        desired = {item[key]: item for item in items}
        for index in reversed(range(len(elements))):
            # The last entry of a name is the one that counts, so the first one met from behind stays.
            item = desired.pop(_name_of(elements[index], key), None)
            if item is None:
                array.remove(index)
            else:
                array.members[index] = self._with_fields(elements[index], item)
        for item in items:
            if item[key] in desired:
                self._insert_element(array, len(array.members), item, elements)
        return self._around(node, array.render())

    def _with_fields(self, node: Node, item: dict[str, t.Any]) -> bytes:
        members = Members(self, unwrapped(node))
        for key, value in item.items():
            members.put_value(key, value)
        return self._around(node, members.render())

    def _insert_element(self, array: MemberList, index: int, value: t.Any, siblings: list[Node]) -> None:
        literals = [unwrapped(node) for node in siblings if unwrapped(node).type == "object"]
        style = self.style.replaced(quoted_keys=bool(literals) and self.quotes_keys(members_of(literals[-1])))
        indent = array.indent_for(index, style.unit.encode()) if array.has_line_breaks else None
        outer = array.line_indent if indent is None else indent
        inline = indent is None and bool(array.members) and array.on_one_line
        array.insert(index, render(value, style, outer.decode(), inline).encode("utf-8"), indent)

    # Statements

    def _with_statement(self, path: KeyPath, value: t.Any) -> bytes:
        """The source with `exports.key = value;` after the last such statement."""
        last = self.settings.export.entries[-1]
        target = field(last.node.named_children[0], "left")
        for _key in last.path or ():
            target = field(target, "object")
        for key in reversed(path[1:]):
            value = {key: value}
        key = render_key(path[0], self.style)
        access = f"[{key}]" if key[0] in "\"'" else key if key[0] == "[" else f".{key}"
        indent = self.indent_at(last.node.start_byte).decode()
        code = f"{self.style.eol}{indent}{text_of(target)}{access} = {render(value, self.style, indent)};"
        comment = _COMMENT_BEHIND_STATEMENT.match(self.settings.source, last.node.end_byte)
        end = comment.end() if comment else last.node.end_byte
        return self.settings.source[:end] + code.encode("utf-8") + self.settings.source[end:]

    def _without_statement(self, statement: Node) -> bytes:
        before, after = self.settings.source[: statement.start_byte], self.settings.source[statement.end_byte :]
        position = 0
        while gap := _GAP.match(after, position):
            position = gap.end()
        if _CONTINUES_A_STATEMENT.match(after, position) and not _follows_semicolon(statement):
            return before + b";" + after
        line_start = _LINE_START.search(before)
        if line_start and _REST_OF_LINE.match(after):
            return before[: line_start.start()] + after
        return before + after.lstrip(b" \t")

    def key_text(self, member: Member) -> bytes:
        """A member up to its value."""
        return b"" if member.value is None else self.settings.source[member.node.start_byte : member.value.start_byte]

    def quotes_keys(self, members: list[Member]) -> bool:
        """Whether an object literal is written like JSON."""
        keys = [self.key_text(member)[:1] for member in members if member.value is not None]
        return bool(keys) and all(key in (b"'", b'"') for key in keys)

    # The file's own style

    def member_list(self, node: Node, members: list[Node]) -> MemberList:
        return MemberList.read(
            self.settings.source, node, members, self.indent_at(node.start_byte), self.style.eol.encode()
        )

    def indent_at(self, position: int) -> bytes:
        """The indentation of the line at a position."""
        indent = _INDENT.match(self.settings.source, self._line_start(position), position)
        return indent[0] if indent else b""

    def starts_line(self, node: Node) -> bool:
        """Whether nothing but its indentation stands before a node on its line."""
        start = self._line_start(node.start_byte)
        return start + len(self.indent_at(node.start_byte)) == node.start_byte

    def _line_start(self, position: int) -> int:
        start = self.settings.source.rfind(b"\n", 0, position) + 1
        return self.settings.source.rfind(b"\r", start, position) + 1 or start

    @cached_property
    def style(self) -> Style:
        strings = captures("(string) @string", self.settings.root).get("string", [])
        single = sum(self.settings.source[node.start_byte : node.start_byte + 1] == b"'" for node in strings)
        crlf = self.settings.source.count(b"\r\n")
        ends = {
            "\n": self.settings.source.count(b"\n") - crlf,
            "\r\n": crlf,
            "\r": self.settings.source.count(b"\r") - crlf,
        }
        return Style(
            eol=max(ends, key=lambda end: ends[end]),
            unit=self._indent_unit(),
            quote="'" if single * 2 > len(strings) else '"',
        )

    def _indent_unit(self) -> str:
        literals = [self.settings.export.insertion_target] if self.settings.export.insertion_target else []
        literals += [
            unwrapped(entry.value) for entry in self.settings.export.entries[:_SAMPLE] if entry.value is not None
        ]
        for literal in literals:
            outer = self.indent_at(literal.start_byte)
            for inner in literal.named_children[:_SAMPLE] if literal.type == "object" else ():
                indent = self.indent_at(inner.start_byte)
                starts_line = self._line_start(inner.start_byte) > literal.start_byte
                if starts_line and indent.startswith(outer) and indent != outer:
                    return indent[len(outer) :].decode()
        return Style.unit


class Members:
    """The members of an object literal under edit."""

    def __init__(self, edit: SettingsEdit, node: Node) -> None:
        self._edit = edit
        self._node = node
        self._members = members_of(node)
        self._list = edit.member_list(node, [member.node for member in self._members])

    def render(self) -> bytes:
        return self._list.render()

    def keep_only(self, names: Container[str | None]) -> None:
        for index in reversed(range(len(self._members))):
            if self._members[index].name not in names:
                self._remove(index)

    def cut(self, keys: KeyPath, whatever_else: bool = False) -> bool:
        """Takes out what the keys lead to; tells whether there was anything.

        :param whatever_else: whether other code may bring it then
        """
        index, unknown = self._last(keys[0]), self._last(None)
        # A key may come back from an earlier spread; a part of it may not.
        if unknown >= 0 and (len(keys) == 1 or unknown > index) and not (whatever_else and unknown < index):
            raise not_removable(keys[0], self._members[unknown].node)
        if len(keys) == 1:
            indexes = [index for index, member in enumerate(self._members) if member.name == keys[0]]
            for index in reversed(indexes):
                self._remove(index)
            return bool(indexes)
        if index < 0:
            return False
        member = self._members[index]
        text = None if member.value is None else self._edit.cut(member.value, keys[1:], whatever_else)
        if text is None:
            return False
        self._list.members[index] = self._edit.key_text(member) + text
        return True

    def put_value(self, name: str, value: t.Any) -> None:
        self.put(name, value, lambda node: self._edit.rewritten(node, value), whole=True)

    def put(self, name: str, fresh: t.Any, rewrite: Rewrite, whole: bool) -> None:
        """Rewrites the value of a key, or adds the key with a fresh value.

        What has no value of its own (a method, a shorthand) can only be replaced as a whole.
        """
        index, unknown = self._last(name), self._last(None)
        if unknown > index and (index >= 0 or not whole):
            raise overridden(name, self._members[unknown].node)
        if index < 0:
            self._insert(name, fresh, unknown + 1)
            return
        member = self._members[index]
        if member.value is not None:
            self._list.members[index] = self._edit.key_text(member) + rewrite(member.value)
        elif whole:
            self._list.members[index] = self._text(name, fresh, self._edit.indent_at(member.node.start_byte), False)
        else:
            raise _no_object(name, member.node)

    def _insert(self, name: str, value: t.Any, first: int) -> None:
        """Adds a key below its commented-out example or what it belongs to, else behind the last; never before `first`."""
        index, offset = self._list.example_of(name, first) or (self._place_of(name, first), None)
        fresh_lines = self._list.is_bare and (
            self._node == self._edit.settings.insertion_target or (isinstance(value, dict) and bool(value))
        )
        own_line = self._list.has_line_breaks or fresh_lines
        indent = self._list.indent_for(index, self._edit.style.unit.encode()) if own_line else None
        text = self._text(name, value, self._list.line_indent if indent is None else indent, not own_line)
        self._list.insert(index, text, indent, offset)
        self._members.insert(index, Member(name, self._node, None))

    def _place_of(self, name: str, first: int) -> int:
        """The index of a new key that has no example."""
        index = self._last(_BELONGS_TO[name]) + 1 if name in _BELONGS_TO else 0
        # On a line that goes on, taking it out again would not give back the same bytes.
        return index if index and index >= first and self._list.ends_line(index - 1) else len(self._members)

    def _text(self, name: str, value: t.Any, indent: bytes, inline: bool) -> bytes:
        style = self._edit.style.replaced(quoted_keys=self._edit.quotes_keys(self._members))
        return f"{render_key(name, style)}: {render(value, style, indent.decode(), inline)}".encode()

    def _last(self, name: str | None) -> int:
        last = -1
        for index, member in enumerate(self._members):
            if member.name == name:
                last = index
        return last

    def _remove(self, index: int) -> None:
        self._list.remove(index)
        del self._members[index]


def _assignment(entry: Entry) -> tuple[KeyPath, Node]:
    """The keys and the value of an entry that is an assignment, which has both."""
    if entry.path is None or entry.value is None:
        raise AssertionError("an assignment has keys and a value")
    return entry.path, entry.value


def _follows_semicolon(statement: Node) -> bool:
    previous = None
    for sibling in statement.parent.children if statement.parent is not None else ():
        if sibling == statement:
            break
        if sibling.type not in COMMENTS:
            previous = sibling
    return previous is None or text_of(previous).endswith(";")


def _no_object(key: str, node: Node) -> SettingsError:
    return SettingsError(
        f"this is no object literal, so `{key}` cannot be set in it. Set the whole value.", line_of(node)
    )


def _name_of(element: Node, key: str) -> str | None:
    entry = value_of(element)
    name = entry.get(key) if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _common_length(one: list[t.Any], other: list[t.Any]) -> int:
    length = 0
    for first, second in zip(one, other, strict=False):
        if not same_meaning(first, second):
            break
        length += 1
    return length
