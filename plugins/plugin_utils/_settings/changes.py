# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what a piece of code uses may be another thing later than when the file was loaded."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from functools import cached_property

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import Node, field
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.scopes import (
    FUNCTIONS,
    NAMED_DECLARATIONS,
    Around,
    Reference,
    Scopes,
    call_with,
    is_statement,
    is_written,
    key_chain,
    without_parentheses,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import (
    code_children,
    members_of,
    text_of,
    unwrapped,
    value_of,
)

from .export import READING_METHODS, HarmlessUses, KeyPath, callee

#: What ends when a write in it has happened.
_WRITING = frozenset(
    {"assignment_expression", "augmented_assignment_expression", "variable_declarator", "for_in_statement"}
    | {"update_expression", "unary_expression", "call_expression"}
)
#: What yields a text, a number or the like, which nobody can change.
_PLAIN = frozenset(
    {"string", "template_string", "number", "true", "false", "null", "undefined", "regex"}
    | {"unary_expression", "update_expression"}
)
_CHOOSING = frozenset({"||", "&&", "??"})
_PLAIN_CODE = re.compile(r"(?:process\.env[.\[]|__dirname\Z|__filename\Z)")
_PLAIN_RESULT = re.compile(
    r"(?:[\s\S]*\.(?:join|toString|trim|hostname|dirname)|path\.resolve|String|Number|Boolean|parseInt)\Z"
)
#: Modules of Node.js itself, which settings hand on all the time.
_BUILT_IN = re.compile(
    r"(?:node:.+|assert|buffer|child_process|constants|crypto|dns|events|fs|http|https|module|net|os|path|perf_hooks"
    r"|process|querystring|readline|stream|string_decoder|timers|tls|tty|url|util|v8|vm|worker_threads|zlib)(?:/\w+)?"
)
#: Functions that change what they get first.
_CHANGING = re.compile(r"(?:Object|Reflect)\.")
#: One name for another, for another; longer rows of them are not followed.
_MAX_NAMES = 20


class _Use(t.NamedTuple):
    """A place that may have a value changed.

    :ivar path: the keys that lead to the value; as many as are known
    :ivar changes: it does so, and later than the piece runs first; else it hands the value on
    :ivar by_method: by a method of the value, which what is fixed does not mind
    """

    path: KeyPath
    changes: bool
    by_method: bool = False


@dataclasses.dataclass(frozen=True)
class _Profile:
    """What becomes of a name.

    :ivar is_written: it gets another value later
    :ivar values: the values that it may have; None where that cannot be told
    :ivar used: the keys that lead to what the piece uses of it
    :ivar uses: the places outside the piece that may have it changed
    """

    is_written: bool
    values: list[Node] | None
    used: list[KeyPath]
    uses: list[_Use]

    @cached_property
    def _prefixes(self) -> set[KeyPath]:
        return {path[:length] for path in self.used for length in range(len(path) + 1)}

    @cached_property
    def _used(self) -> set[KeyPath]:
        return set(self.used)

    def concerns(self, path: KeyPath) -> bool:
        """Whether the piece uses what is there, a part of it or what it is a part of."""
        return path in self._prefixes or any(path[:length] in self._used for length in range(len(path)))


class Changes:
    """Tells which names may stand for something else when a piece of code runs later."""

    def __init__(self, scopes: Scopes, piece: Node) -> None:
        """Of the names of a file; ``piece`` is code at its top level, which runs once, when it is loaded."""
        self._scopes = scopes
        self._piece = piece
        self._is_harmless = HarmlessUses()
        self._in_function = Around(lambda outer: outer.node.type in FUNCTIONS)
        self._profiles: dict[tuple[str, Node | None], _Profile] = {}
        self._members: dict[int, dict[str | None, Node | None]] = {}
        self._changed: dict[tuple[str, Node | None], bool] = {}
        self._places: dict[str, dict[int, Reference]] = {}

    def may_change(self, name: str, scope: Node | None) -> bool:
        """Whether a name of the piece may; scope: the code that declares it."""
        profile = self._profile(name, scope)
        if profile.is_written or any(
            profile.concerns(use.path) and (use.changes or not self._is_fixed(profile.values, use.path))
            for use in profile.uses
            if not (use.by_method and self._is_fixed(profile.values, use.path))
        ):
            return True
        # What it is another name for must not be changed either.
        for _step in range(_MAX_NAMES):
            origin = self._origin(profile.values)
            if origin is None:
                return False
            if self._is_changed(*origin):
                return True
            profile = self._profile(*origin)
        return True

    def may_be_declared_in_function(self, name: str) -> bool:
        """Whether a name that nothing declares for the whole file may be one of a block of a function."""
        return any(
            self._in_function(use) and (is_written(use) or use.outer.node.type == "variable_declarator")
            for use in self._scopes.uses(name, None)
            if use.outer.node.type not in NAMED_DECLARATIONS and not use.is_field("value")
        )

    def _is_changed(self, name: str, scope: Node | None) -> bool:
        """Whether code changes any part of what a name stands for."""
        if (name, scope) not in self._changed:
            profile = self._profile(name, scope)
            self._changed[name, scope] = profile.is_written or any(
                use.changes and not (use.by_method and self._is_fixed(profile.values, use.path)) for use in profile.uses
            )
        return self._changed[name, scope]

    def _profile(self, name: str, scope: Node | None) -> _Profile:
        if (name, scope) not in self._profiles:
            uses = self._scopes.uses(name, scope)
            writes = [use for use in uses if is_written(use)]
            values = [_value_of(write) for write in writes]
            self._profiles[name, scope] = _Profile(
                any(map(self._runs_later, writes)),
                None if None in values else [value for value in values if value is not None],
                [_path_used(use) for use in uses if self._is_inside(use)],
                [found for use in uses if not self._is_inside(use) and (found := self._outside(use))],
            )
        return self._profiles[name, scope]

    def _is_inside(self, use: Reference) -> bool:
        return self._piece.start_byte <= use.node.start_byte < self._piece.end_byte

    def _runs_later(self, place: Reference) -> bool:
        """Whether a write may be over only after the piece has run."""
        if place.outer.node.type in NAMED_DECLARATIONS:
            # It is there from the start.
            return False
        writing = next((outer for outer in place.outwards() if outer.node.type in _WRITING), place)
        return writing.node.end_byte > self._piece.start_byte or self._in_function(place)

    def _outside(self, use: Reference) -> _Use | None:
        """What a place outside the piece does; None where it only looks."""
        end, path, is_known = key_chain(use)
        is_itself, end = end is use, without_parentheses(end)
        outer = end.outer.node
        if is_itself and (is_written(use) or (outer.type, end.field) in _RUNS):
            return None
        if "__proto__" in path:
            path = path[: path.index("__proto__")]
        if outer.type == "call_expression" and end.is_field("function"):
            if (is_known and path[-1:] and path[-1] in READING_METHODS) or not self._runs_later(end):
                return None
            return _Use(path[:-1] if is_known else path, changes=True, by_method=True)
        if is_written(end) or (outer.type == "unary_expression" and outer.children[0].type == "delete"):
            return _Use(path, changes=True) if self._runs_later(end) else None
        if self._is_harmless(end):
            return None
        if (call := call_with(end)) and _CHANGING.match(callee(call.node)) and end.outer.code_children[0] == end.node:
            if self._runs_later(end):
                return _Use(path, changes=True)
            if is_statement(call):
                return None
        return _Use(path, changes=False)

    def _origin(self, values: list[Node] | None) -> tuple[str, Node | None] | None:
        """The name of which the one value is a part, with the code that declares it."""
        if values is None or len(values) != 1:
            return None
        node = unwrapped(values[0])
        if _is_plain(node):
            return None
        while node.type in ("member_expression", "subscript_expression"):
            node = unwrapped(field(node, "object"))
        if node.type != "identifier":
            return None
        name = text_of(node)
        if name not in self._places:
            self._places[name] = {use.node.start_byte: use for use in self._scopes.names.references(name)}
        return name, self._scopes.scope_of(name, self._places[name][node.start_byte])

    def _is_fixed(self, values: list[Node] | None, path: KeyPath) -> bool:
        """Whether what the keys lead to is nothing that code changes: a text, a function, a module of Node.js."""
        return values is not None and all(self._is_fixed_value(value, path) for value in values)

    def _is_fixed_value(self, node: Node | None, path: KeyPath) -> bool:
        for key in path:
            node = None if node is None else unwrapped(node)
            if node is None or node.type != "object":
                break
            if node.id not in self._members:
                self._members[node.id] = {member.name: member.value for member in members_of(node)}
            members = self._members[node.id]
            node = None if None in members else members.get(key)
        if node is None:
            return False
        node = unwrapped(node)
        return node.type in FUNCTIONS or node.type in NAMED_DECLARATIONS or _is_built_in(node) or _is_plain(node)


#: What a place may be to the code around it that runs a value, and changes nothing of it.
_RUNS = frozenset({("call_expression", "function"), ("new_expression", "constructor")})


def _path_used(use: Reference) -> KeyPath:
    end, path, is_known = key_chain(use)
    # A method has the whole value.
    is_method = is_known and end.is_field("function") and end.outer.node.type == "call_expression"
    return path[:-1] if is_method else path


def _value_of(write: Reference) -> Node | None:
    """The value that a name gets; None where it is only a part of one, or cannot be told."""
    outer = write.outer.node
    if outer.type in NAMED_DECLARATIONS:
        return outer
    if outer.type == "variable_declarator":
        return outer.child_by_field_name("value")
    return outer.child_by_field_name("right") if outer.type == "assignment_expression" else None


def _is_built_in(node: Node) -> bool:
    while node.type == "member_expression":
        node = unwrapped(field(node, "object"))
    if node.type != "call_expression" or callee(node) != "require":
        return False
    arguments = code_children(field(node, "arguments"))
    name = value_of(arguments[0]) if len(arguments) == 1 and arguments[0].type == "string" else None
    return isinstance(name, str) and _BUILT_IN.fullmatch(name) is not None


def _is_plain(node: Node) -> bool:
    """Whether a value is a text, a number or the like for certain."""
    nodes = [node]
    while nodes:
        node = unwrapped(nodes.pop())
        if node.type == "binary_expression":
            operator = text_of(field(node, "operator"))
            nodes += [field(node, side) for side in ("left", "right")] if operator in _CHOOSING else []
        elif node.type == "ternary_expression":
            nodes += [field(node, "consequence"), field(node, "alternative")]
        elif node.type == "call_expression":
            if not (_PLAIN_RESULT.match(callee(node)) or _reads_text(node)):
                return False
        elif node.type in ("identifier", "member_expression", "subscript_expression"):
            if not _PLAIN_CODE.match(text_of(node)):
                return False
        elif node.type not in _PLAIN:
            return False
    return True


def _reads_text(call: Node) -> bool:
    """`readFileSync(path, "utf8")`"""
    arguments = field(call, "arguments")
    if not callee(call).endswith("readFileSync") or arguments.type != "arguments":
        return False
    given = code_children(arguments)
    return len(given) == 2 and given[1].type == "string"
