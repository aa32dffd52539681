# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a name stands in JavaScript code, what it stands for there, and how it is used."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from collections.abc import Callable, Iterator

from .parser import Node, field
from .values import code_children, text_of, unwrapped, value_of

FUNCTIONS = frozenset(
    {
        "function_declaration",
        "function_expression",
        "arrow_function",
        "method_definition",
        "generator_function",
        "generator_function_declaration",
        "class_static_block",
        "field_definition",
    }
)
NAMED_DECLARATIONS = frozenset({"function_declaration", "generator_function_declaration", "class_declaration"})
_NAMES = frozenset(
    {
        "identifier",
        "shorthand_property_identifier",
        "shorthand_property_identifier_pattern",
        "this",
        "await",
        "return",
    }
)
_PATTERNS = frozenset({"array_pattern", "object_pattern", "pair_pattern", "rest_pattern"})


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """A node and the places around it (`Node.parent` would search from the root each time).

    :ivar field: what the node is to the one around it, as the grammar calls it
    """

    node: Node
    parent: Reference | None
    field: str | None = None

    def outwards(self) -> Iterator[Reference]:
        reference = self.parent
        while reference is not None:
            yield reference
            reference = reference.parent

    @property
    def outer(self) -> Reference:
        """The place around this one, which must not be the whole file."""
        if self.parent is None:
            raise AssertionError("there is nothing around a whole file")
        return self.parent

    def is_field(self, name: str) -> bool:
        return self.field == name

    @functools.cached_property
    def code_children(self) -> list[Node]:
        return code_children(self.node)


class Around:
    """Tells whether one of the places around a place passes a test, and tests each of them once only."""

    def __init__(self, test: Callable[[Reference], bool]) -> None:
        self._test = test
        self._known: dict[Reference, bool] = {}

    def __call__(self, place: Reference) -> bool:
        new: list[Reference] = []
        found = False
        for outer in place.outwards():
            known = self._known.get(outer)
            if known is None:
                new.append(outer)
                known = self._test(outer)
                if not known:
                    continue
            found = known
            break
        self._known.update(dict.fromkeys(new, found))
        return found


class Names:
    """Where each name stands in a file, and each of the keywords that matter."""

    def __init__(self, root: Node) -> None:
        self._references: dict[str, list[Reference]] = {}
        cursor = root.walk()
        # The nodes around the cursor; each becomes a reference when the first name in it does.
        path: list[tuple[Node, str | None]] = []
        references: list[Reference] = []
        while True:
            node = t.cast("Node", cursor.node)
            if node.type in _NAMES:
                for outer, name in path[len(references) :]:
                    references.append(Reference(outer, references[-1] if references else None, name))
                found = Reference(node, references[-1] if references else None, cursor.field_name)
                self._references.setdefault(text_of(node), []).append(found)
            field_name = cursor.field_name
            if cursor.goto_first_child():
                path.append((node, field_name))
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return
                path.pop()
                del references[len(path) :]

    def references(self, name: str) -> list[Reference]:
        """All places of a name, in the order of the file."""
        return self._references.get(name, [])


class Scopes:
    """Which code declares each name, so that places where a name stands for the same thing can be told."""

    def __init__(self, root: Node) -> None:
        self.names = Names(root)
        self._root = root
        self._of_file = names_of_file(root)
        self._declared: dict[int, set[str]] = {}
        self._scopes: dict[str, dict[Reference, Node | None]] = {}
        self._uses: dict[str, dict[Node | None, list[Reference]]] = {}

    def scope_of(self, name: str, reference: Reference) -> Node | None:
        """The code that declares a name for a place: the whole file, or a part of it; None where nothing does.

        :param reference: one of the places of the name
        """
        return self._scopes_of(name)[reference]

    def uses(self, name: str, scope: Node | None) -> list[Reference]:
        """All places where a name is the one of that code, in the order of the file."""
        if name not in self._uses:
            uses: dict[Node | None, list[Reference]] = {}
            for reference, declaring in self._scopes_of(name).items():
                uses.setdefault(declaring, []).append(reference)
            self._uses[name] = uses
        return self._uses[name].get(scope, [])

    def _scopes_of(self, name: str) -> dict[Reference, Node | None]:
        if name not in self._scopes:
            # Of what is around one place, the next place has most too.
            known: dict[Reference, Node | None] = {}
            scopes = {}
            for reference in self.names.references(name):
                scope, new = self._root if name in self._of_file else None, []
                for outer in reference.outwards():
                    if outer in known:
                        scope = known[outer]
                        break
                    new.append(outer)
                    if outer.node.type != "program" and name in self._names_of(outer):
                        scope = outer.node
                        break
                known.update(dict.fromkeys(new, scope))
                scopes[reference] = scope
            self._scopes[name] = scopes
        return self._scopes[name]

    def _names_of(self, reference: Reference) -> set[str]:
        if reference.node.id not in self._declared:
            self._declared[reference.node.id] = names_of_scope(reference)
        return self._declared[reference.node.id]


def key_chain(reference: Reference) -> tuple[Reference, tuple[str, ...], bool]:
    """The longest `object.key["key"]` that starts at a place, its keys, and whether all of them are known."""
    keys: list[str] = []
    all_known = True
    while reference.parent is not None and reference.is_field("object"):
        outer = reference.parent.node
        key: object = None
        if outer.type == "member_expression":
            key = text_of(field(outer, "property"))
        elif outer.type == "subscript_expression":
            key = value_of(field(outer, "index"))
        else:
            break
        all_known = all_known and isinstance(key, (str, int)) and not isinstance(key, bool)
        if all_known:
            keys.append(str(key))
        reference = reference.parent
    return reference, tuple(keys), all_known


def without_parentheses(reference: Reference) -> Reference:
    while reference.parent is not None and reference.parent.node.type == "parenthesized_expression":
        reference = reference.parent
    return reference


def is_statement(reference: Reference) -> bool:
    """Whether an expression is a statement of its own at the top level, so that it runs for certain."""
    statement = reference.parent
    return statement is not None and statement.node.type == "expression_statement" and at_top_level(statement)


def at_top_level(statement: Reference) -> bool:
    return statement.parent is not None and statement.parent.node.type == "program"


def call_with(reference: Reference) -> Reference | None:
    """The call that takes the place as an argument."""
    arguments = reference.parent
    if arguments is None or arguments.node.type != "arguments" or arguments.parent is None:
        return None
    return arguments.parent if arguments.parent.node.type == "call_expression" else None


class Assignment(t.NamedTuple):
    """`a = b = value` as a statement of its own at the top level, or `const a = b = value` there."""

    end: int
    targets: tuple[Node, ...]
    value: Node

    @classmethod
    def of(cls, statement: Node, targets: tuple[Node, ...], value: Node) -> Assignment:
        value = unwrapped(value)
        while value.type == "assignment_expression":
            targets += (field(value, "left"),)
            value = unwrapped(field(value, "right"))
        return cls(statement.end_byte, targets, value)


def assignment_to(reference: Reference) -> Assignment | None:
    """The assignment that gives a place its value; None if it may not run, or does not assign plainly."""
    outer = reference.outer
    if outer.node.type == "assignment_expression" and reference.is_field("left"):
        whole = without_parentheses(outer)
        while whole.is_field("right") and whole.outer.node.type == "assignment_expression":
            whole = without_parentheses(whole.outer)
        if is_statement(whole):
            return Assignment.of(whole.outer.node, (), whole.node)
        outer = whole.outer
    elif not reference.is_field("name"):
        return None
    value = outer.node.child_by_field_name("value")
    if outer.node.type != "variable_declarator" or value is None or not at_top_level(outer.outer):
        return None
    return Assignment.of(outer.node, (field(outer.node, "name"),), value)


def target_of(reference: Reference) -> Reference | None:
    """What the place is assigned to, if it is the value of an assignment or a declaration."""
    if reference.is_field("right") and reference.outer.node.type == "assignment_expression":
        return Reference(field(reference.outer.node, "left"), reference.parent, "left")
    if reference.is_field("value") and reference.outer.node.type == "variable_declarator":
        return Reference(field(reference.outer.node, "name"), reference.parent, "name")
    return None


def is_written(reference: Reference) -> bool:
    """Whether the place itself is the target of an assignment or a definition."""
    outer = reference.outer.node
    if outer.type in ("assignment_expression", "augmented_assignment_expression", "for_in_statement"):
        return reference.is_field("left")
    if outer.type == "variable_declarator":
        return reference.is_field("name") and outer.child_by_field_name("value") is not None
    if outer.type in NAMED_DECLARATIONS:
        return reference.is_field("name")
    if outer.type == "assignment_pattern":
        return reference.is_field("left")
    return outer.type == "update_expression" or outer.type in _PATTERNS or reference.node.type.endswith("_pattern")


def _names_bound_by(pattern: Node | None) -> set[str]:
    names = set()
    stack = [pattern] if pattern is not None else []
    while stack:
        node = stack.pop()
        if node.type in ("identifier", "shorthand_property_identifier_pattern"):
            names.add(text_of(node))
        skipped = node.child_by_field_name("right") or node.child_by_field_name("key")
        stack.extend(child for child in node.named_children if child != skipped)
    return names


def _declared_in(block: Node, with_var: bool) -> set[str]:
    names = set()
    for statement in block.named_children:
        if statement.type == "lexical_declaration" or (with_var and statement.type == "variable_declaration"):
            for declarator in statement.named_children:
                names |= _names_bound_by(declarator.child_by_field_name("name"))
        elif statement.type in NAMED_DECLARATIONS:
            names.add(text_of(field(statement, "name")))
    return names


def names_of_file(root: Node) -> set[str]:
    """The names that a file declares for all of its code."""
    return _declared_in(root, with_var=True)


def names_of_scope(reference: Reference) -> set[str]:
    """The names that a node around a place declares for what stands in it."""
    node = reference.node
    if node.type in FUNCTIONS:
        names = _names_bound_by(node.child_by_field_name("parameters") or node.child_by_field_name("parameter"))
        if node.type in ("function_expression", "generator_function"):
            names |= _names_bound_by(node.child_by_field_name("name"))
        return names
    if node.type == "statement_block":
        return _declared_in(node, with_var=reference.outer.node.type in FUNCTIONS)
    if node.type == "catch_clause":
        return _names_bound_by(node.child_by_field_name("parameter"))
    if node.type == "for_statement":
        return _declared_in(node, with_var=False)
    if node.type == "for_in_statement" and text_of(node.child_by_field_name("kind") or node)[:3] in ("let", "con"):
        return _names_bound_by(node.child_by_field_name("left"))
    return set()
