# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JavaScript to a syntax tree, by a library that need not be installed for this collection to be imported."""

from __future__ import annotations

import functools
import re
import typing as t
from collections.abc import Iterator

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.requirements import require
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from .early_errors import (
    DECLARATIONS,
    ESCAPES,
    NAMES,
    OBJECTS,
    TEXTS,
    declaration_error,
    escape_error,
    name_error,
    object_error,
    space_error,
)

if t.TYPE_CHECKING:
    import tree_sitter
    import tree_sitter_javascript

    Node: t.TypeAlias = tree_sitter.Node
else:
    try:
        import tree_sitter
        import tree_sitter_javascript

        Node = tree_sitter.Node
    except ImportError:  # require tells
        Node = t.Any


@functools.cache
def _language() -> t.Any:
    return tree_sitter.Language(tree_sitter_javascript.language())


@functools.cache
def _query(text: str) -> t.Any:
    return tree_sitter.Query(_language(), text)


def tree_of(source: bytes) -> Node:
    """The root of the syntax tree, errors and all."""
    return tree_sitter.Parser(_language()).parse(source).root_node


def captures(query: str, node: Node) -> dict[str, list[Node]]:
    """The nodes below a node that a query of tree-sitter captures, by the names it gives them."""
    return tree_sitter.QueryCursor(_query(query)).captures(node)


COMMENTS = frozenset({"comment", "html_comment"})

# Deeper values are no settings; the limit keeps every recursion below Python's own.
MAX_DEPTH = 100

#: Bytes of a settings file, ten times those of the longest that is known. The parser needs seconds for so many quotes.
MAX_BYTES = 256 * 1024

# The largest settings file of this repository is 12 deep and has 368 nodes, its largest program 24 and 1,036. Each
# operand of a chain such as `a || b || c` is one deeper than the next.
_MAX_TREE_DEPTH = 250
_MAX_NODES = 200_000


class SettingsError(UserError):
    """Why a settings.js cannot be edited safely, and what to do about it. Never holds a value of the file."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line}: {self.message}"


class NothingExportedError(SettingsError):
    """Why Node-RED would start without any of the settings of the file: open, and without a word."""


def field(node: Node, name: str) -> Node:
    """A child that the grammar gives to every node of this type."""
    child = node.child_by_field_name(name)
    if child is None:
        raise AssertionError(f"a {node.type} has no {name}")
    return child


def line_of(node: Node) -> int:
    return node.start_point.row + 1


# --- syntax ----------------------------------------------------------------------------------------------------------

# What the parser lets pass although Node.js does not (stray commas, JSX), or reads otherwise than most people.
_LENIENCIES = """
    (object "{" . (comment)* . "," @comma)
    (object "," . (comment)* . "," @comma)
    (arguments "(" . (comment)* . "," @comma)
    (arguments "," . (comment)* . "," @comma)
    [(jsx_element) (jsx_self_closing_element)] @jsx
    (html_comment) @html
"""

_PLACEHOLDER = re.compile(rb"\{\{|\{%|<%|@\w+@|%\w+%|[:,(\[]\s*\$\{\w+\}")

_BRACKETS = {"{": "}", "${": "}", "(": ")", "[": "]"}


def parse(source: bytes) -> Node:
    """The root of the syntax tree, or a SettingsError at the first thing that is no JavaScript.

    :raises MissingLibraryError: the parser's library is missing
    """
    require("tree_sitter")
    if len(source) > MAX_BYTES:
        raise SettingsError(
            f"the file has more than {MAX_BYTES // 1024} KiB, which no settings need. Move data out of it."
        )
    root = tree_of(source)
    refuse_extremes(root)
    if root.has_error:
        raise _syntax_error(root, source)
    leniencies = captures(_LENIENCIES, root)
    if "comma" in leniencies:
        raise SettingsError("a comma too many. Remove it.", min(map(line_of, leniencies["comma"])))
    if "jsx" in leniencies:
        raise _not_javascript(min(leniencies["jsx"], key=line_of), source)
    if "html" in leniencies:
        raise SettingsError(
            "an HTML comment (<!-- or -->) in JavaScript. Write it as // comment.",
            min(map(line_of, leniencies["html"])),
        )
    _refuse_early_errors(root, source)
    return root


def _refuse_early_errors(root: Node, source: bytes) -> None:
    error = None
    if b"\\u{" in source:
        error = escape_error(captures(ESCAPES, root).get("escape", []))
    if not source.isascii() or b"\\u" in source:
        error = error or name_error(captures(NAMES, root).get("name", []))
    if not source.isascii():
        error = error or space_error(captures(TEXTS, root).get("text", []), source)
    error = (
        error
        or declaration_error(captures(DECLARATIONS, root).get("declaration", []))
        or object_error(captures(OBJECTS, root).get("object", []))
    )
    if error:
        raise SettingsError(error.message, error.line)


def refuse_extremes(root: Node) -> None:
    """SettingsError for a tree that no real file has, and that takes too much time or memory to be analysed."""
    if root.descendant_count > _MAX_NODES:
        raise SettingsError("this is more code than the settings of a Node-RED can be. Move data to a file of its own.")
    cursor = root.walk()
    depth = 0
    while True:
        if cursor.goto_first_child():
            depth += 1
            if depth > _MAX_TREE_DEPTH:
                raise SettingsError(
                    "the code is nested too deeply here, or one expression has too many parts. Write it in smaller pieces.",
                    line_of(t.cast("Node", cursor.node)),
                )
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            depth -= 1


def _syntax_error(root: Node, source: bytes) -> SettingsError:
    broken: Node | None = root
    while broken is not None:
        node = broken
        broken = next((child for child in node.children if child.has_error or child.is_missing), None)
    unclosed = _unclosed_bracket(root)
    # An error that swallows an opening bracket starts anywhere before it: the bracket says more.
    if unclosed is not None and node.start_byte <= unclosed.start_byte < node.end_byte:
        return SettingsError(
            f"the `{unclosed.type}` opened here is never closed. Close it, or look for a stray quote or comment below.",
            line_of(unclosed),
        )
    return _not_javascript(node, source)


def _not_javascript(node: Node, source: bytes) -> SettingsError:
    line_start = source.rfind(b"\n", 0, node.start_byte) + 1
    line_end = source.find(b"\n", node.end_byte)
    placeholder = _PLACEHOLDER.search(source, line_start, len(source) if line_end < 0 else line_end)
    if placeholder:
        return SettingsError(
            "this looks like a placeholder of a template. Render the template first, then edit the result.",
            source.count(b"\n", 0, placeholder.start()) + 1,
        )
    if b"\r" in source and b"\n" not in source:
        return SettingsError(
            "the lines of the file end in carriage returns alone, as on an old Mac, which this collection takes for one line."
            " Convert them: tr '\\r' '\\n'.",
            1,
        )
    return SettingsError(
        "this is not valid JavaScript. Look for a missing comma, quote or bracket; `node --check` says more.",
        line_of(node),
    )


def _unclosed_bracket(root: Node) -> Node | None:
    opened: list[Node] = []
    for leaf in _leaves(root):
        if leaf.type in _BRACKETS:
            opened.append(leaf)
        elif opened and leaf.type == _BRACKETS[opened[-1].type]:
            opened.pop()
    return opened[-1] if opened else None


def _leaves(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.child_count:
            stack.extend(reversed(node.children))
        else:
            yield node
