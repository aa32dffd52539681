# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of one object or array literal put in, taken out and replaced without touching any other byte.

A literal is read as `{` gap member gap member gap `}`. Between two members stand only white space, comments and one
comma, so every edit is a small rule about the two gaps beside a member, and removing what was inserted gives back the
first bytes.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Sequence

from .parser import Node

_TOKEN = re.compile(rb"//(?:(?!\xe2\x80[\xa8\xa9])[^\r\n])*|/\*.*?\*/|,|(?:[^,/]|/(?![/*]))+", re.DOTALL)
_LINE_BREAK = re.compile(rb"\r\n|[\r\n]|\xe2\x80[\xa8\xa9]")
_OWN_LINE = re.compile(rb"(?:\r\n|[\r\n])([ \t]*)\Z")
_REST_OF_LINE = re.compile(rb"[ \t]*[\r\n]")


class MemberList:
    """The members of an object or array literal as bytes, with the gaps around them."""

    def __init__(
        self, opening: bytes, members: list[bytes], gaps: list[bytes], closing: bytes, line_indent: bytes, eol: bytes
    ) -> None:
        """`line_indent` is the indentation of the line on which the literal opens."""
        self._opening = opening
        self.members = members
        self.gaps = gaps
        self._closing = closing
        self.line_indent = line_indent
        self._eol = eol

    @classmethod
    def read(cls, source: bytes, node: Node, members: Sequence[Node], line_indent: bytes, eol: bytes) -> MemberList:
        texts = [source[member.start_byte : member.end_byte] for member in members]
        starts = [*(member.start_byte for member in members), node.end_byte - 1]
        ends = [node.start_byte + 1, *(member.end_byte for member in members)]
        gaps = [source[end:start] for end, start in zip(ends, starts, strict=True)]
        opening, closing = source[node.start_byte : ends[0]], source[starts[-1] : node.end_byte]
        return cls(opening, texts, gaps, closing, line_indent, eol)

    def wrapped(self, opening: bytes, closing: bytes) -> MemberList:
        """A list with this literal as its only member."""
        return MemberList(opening, [self.render()], [b"", b""], closing, self.line_indent, self._eol)

    def render(self) -> bytes:
        pieces = [self._opening, self.gaps[0]]
        for member, gap in zip(self.members, self.gaps[1:], strict=True):
            pieces += (member, gap)
        return b"".join([*pieces, self._closing])

    @property
    def is_bare(self) -> bool:
        """Whether the literal is just `{}` or `[]`."""
        return self.gaps == [b""]

    @property
    def has_line_breaks(self) -> bool:
        """Whether there are line breaks between the members, so that each new one gets a line of its own."""
        return any(map(_LINE_BREAK.search, self.gaps))

    @property
    def on_one_line(self) -> bool:
        return not self.has_line_breaks and not any(map(_LINE_BREAK.search, self.members))

    def ends_line(self, index: int) -> bool:
        """Whether a line ends between a member and what follows it."""
        gap = self.gaps[index + 1]
        return _end_of_line(gap) < len(gap)

    def indent_for(self, index: int, unit: bytes) -> bytes:
        """The indentation of a new member at that index, when it gets a line of its own."""
        for gap in (*reversed(self.gaps[:index]), *self.gaps[index:-1]):
            if indent := _OWN_LINE.search(gap):
                return indent[1]
        comments = [comment for gap in self.gaps for comment in _own_line_comments(gap)]
        return comments[-1].indent if comments else self.line_indent + unit

    def example_of(self, name: str, first: int) -> tuple[int, int] | None:
        """Where the last commented-out example of a key ends: gap (not before `first`) and offset in it."""
        mention = re.compile(rb"//[ \t]*[\"']?" + re.escape(name.encode("utf-8", "surrogatepass")) + rb"[\"']?[ \t]*:")
        for index in reversed(range(first, len(self.gaps))):
            end = _end_of_example(self.gaps[index], name) if mention.search(self.gaps[index]) else None
            if end is not None:
                return index, end
        return None

    def insert(self, index: int, text: bytes, indent: bytes | None, offset: int | None = None) -> None:
        """Put a member before the one at `index`: on a line of its own with that indentation, or inline if None.

        It goes to the offset in the gap there, else right behind the previous member, its comma and its comments.
        """
        gap = self.gaps[index]
        if not self.members and not gap.strip():
            self._insert_into_empty(text, indent)
            return
        lead = b" " if indent is None else self._eol + indent
        if index == 0 and self.members and indent is None:
            self.gaps[:1] = [gap, b"," + lead]
        else:
            if offset is None:
                offset = _end_of_line_tail(gap) if self.members else _end_of_comments(gap)
            before, after = gap[:offset], gap[offset:]
            if _comma(before) is not None or (index == 0 and self.members):
                after = b"," + after
            elif index > 0:
                before = b"," + before
            self.gaps[index : index + 1] = [before + lead, after]
        self.members.insert(index, text)

    def _insert_into_empty(self, text: bytes, indent: bytes | None) -> None:
        gap = self.gaps[0]
        if indent is None:
            self.gaps = [gap, gap]
        elif _LINE_BREAK.search(gap):
            # The comma tells a later removal that the line break was there before.
            self.gaps = [self._eol + indent, b"," + gap]
        else:
            self.gaps = [self._eol + indent, self._eol + self.line_indent]
        self.members = [text]

    def remove(self, index: int) -> None:
        """Take a member out, with its line and its comma; comments stay."""
        before, after = self.gaps[index : index + 2]
        had_comma = b"," if _comma(after) is not None else b""
        before, after = _without_comma(before, after, last=index == len(self.members) - 1, first=index == 0)
        del self.members[index]
        self.gaps[index : index + 2] = [self._joined(index, before, after, had_comma)]

    def _joined(self, index: int, before: bytes, after: bytes, had_comma: bytes) -> bytes:
        own_line = _OWN_LINE.search(before)
        lonely = not self.members
        if lonely and not (before + after).strip():
            if own_line:
                return after if had_comma else b""
            return before if before == after else before + after
        if own_line is None:
            if index == 0 and self.members:
                return before + after.lstrip(b" \t")
            return before.rstrip(b" \t") + after
        upper = before[: own_line.start()]
        line_is_empty = _REST_OF_LINE.match(after) or (index == len(self.members) and not after.strip(b" \t"))
        if line_is_empty and not (_ends_in_line_comment(upper) and not _REST_OF_LINE.match(after)):
            return upper + after
        return before + after.lstrip(b" \t")


def _tokens(gap: bytes) -> Iterator[tuple[bytes, int, int]]:
    for match in _TOKEN.finditer(gap):
        yield match[0], match.start(), match.end()


def _comma(gap: bytes) -> int | None:
    return next((start for token, start, _end in _tokens(gap) if token == b","), None)


def _without_comma(before: bytes, after: bytes, first: bool, last: bool) -> tuple[bytes, bytes]:
    """The gaps beside a removed member without the comma that goes with it."""
    own = _comma(after)
    previous = None if first else _comma(before)
    # Where commas lead the lines, the one before belongs to the member, else the one after.
    if own is not None and (previous is None or own < _end_of_line(after)):
        return before, after[:own] + after[own + 1 :]
    if previous is not None and (own is not None or last):
        return before[:previous] + before[previous + 1 :], after
    return before, after


def _end_of_line(gap: bytes) -> int:
    """Where the line ends on which the gap starts; line breaks in comments do not count."""
    for token, start, _end in _tokens(gap):
        if token[:1] != b"/" and (line_break := _LINE_BREAK.search(token)):
            return start + line_break.start()
    return len(gap)


def _end_of_line_tail(gap: bytes) -> int:
    """Where the comma and the comments end that follow a member on its own line."""
    line = gap[: _end_of_line(gap)]
    return max((end for token, _start, end in _tokens(line) if token[:1] in (b",", b"/")), default=0)


def _end_of_comments(gap: bytes) -> int:
    return max((end for token, _start, end in _tokens(gap) if token[:1] == b"/"), default=0)


def _ends_in_line_comment(gap: bytes) -> bool:
    last = b""
    for token, _start, _end in _tokens(gap):
        last = token
    return last.startswith(b"//")


# --- commented-out examples ------------------------------------------------------------------------------------------

_EXAMPLE_KEY = re.compile(rb"""[ \t]*(?:"([^"]+)"|'([^']+)'|([\w$]+))[ \t]*:""")
_EXAMPLE_TOKEN = re.compile(rb"""//.*|/\*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|[{}()\[\]]""")


class _LineComment(t.NamedTuple):
    """A comment that starts a line."""

    text: bytes
    indent: bytes
    end: int
    follows_blank_line: bool


def _own_line_comments(gap: bytes) -> Iterator[_LineComment]:
    previous = b""
    for token, _start, end in _tokens(gap):
        if token[:1] == b"/" and (own_line := _OWN_LINE.search(previous)):
            yield _LineComment(token, own_line[1], end, len(_LINE_BREAK.findall(previous)) > 1)
        previous = token


def _end_of_example(gap: bytes, name: str) -> int | None:
    """Where the last commented-out `name: ...` ends, all its lines included."""
    end = None
    example = _Example()
    for comment in _own_line_comments(gap):
        if comment.follows_blank_line or not comment.text.startswith(b"//"):
            example = _Example()
        if comment.text.startswith(b"//") and example.add(comment.text[2:]) == name:
            end = comment.end
    return end


class _Example:
    """Follows commented-out code line by line, to tell which key each line belongs to."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._depth = 0
        self._in_comment = False

    def add(self, line: bytes) -> str | None:
        """The key that the line is about."""
        if self._depth == 0 and not self._in_comment:
            key = _EXAMPLE_KEY.match(line)
            self._name = (key[1] or key[2] or key[3]).decode("utf-8") if key else None
        position = 0
        while True:
            if self._in_comment:
                position = line.find(b"*/", position) + 2
                if position < 2:
                    return self._name
                self._in_comment = False
            token = _EXAMPLE_TOKEN.search(line, position)
            if token is None:
                return self._name
            position = token.end()
            if token[0] == b"/*":
                self._in_comment = True
            elif token[0] in (b"{", b"(", b"["):
                self._depth += 1
            elif token[0] in (b"}", b")", b"]"):
                self._depth = max(0, self._depth - 1)
