# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JavaScript as settings.js uses it: syntax tree, literals to Python values and back, expressions by meaning."""

from __future__ import annotations

import math
import re
import typing as t
from functools import cache, cached_property

from .parser import COMMENTS, MAX_DEPTH, Node, SettingsError, field, line_of, parse

# --- literals to Python values ---------------------------------------------------------------------------------------

_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-7]{1,3})|(\r\n|[\s\S]))")

_SINGLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}

_LINE_ENDS = ("\n", "\r", "\r\n", "\u2028", "\u2029")

_NUMBER = re.compile(r"(?:0|[1-9][\d_]*)$|0[xX][\dA-Fa-f_]+$|0[oO][0-7_]+$|0[bB][01_]+$")

_FLOAT = re.compile(r"(?:(?:0|[1-9][\d_]*)?\.[\d_]+|(?:0|[1-9][\d_]*)\.?)(?:[eE][+-]?\d+)?$")

# Python refuses to write some longer ones, and no number of JavaScript needs them.
_LONGEST_NUMBER = 400


class Member(t.NamedTuple):
    """One member of an object literal."""

    name: str | None  # None: not known before the code runs, it may be any key (`...spread`, `[computed]: 1`)
    node: Node
    value: Node | None  # None: a method, an accessor, a shorthand or a spread


def code_children(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type not in COMMENTS]


def unwrapped(node: Node) -> Node:
    """The expression inside any parentheses, but for those that `(a, b)` needs."""
    while node.type == "parenthesized_expression":
        inner = code_children(node)
        if len(inner) != 1 or inner[0].type == "sequence_expression":
            break
        node = inner[0]
    return node


def members_of(node: Node) -> list[Member]:
    """What an object literal holds, in its order."""
    members = []
    for child in code_children(node):
        kind = child.type
        if kind == "pair":
            key = field(child, "key")
            name = _key_name(key)
            # `__proto__: x` sets the prototype, so that any key may come from there; `["__proto__"]: x` is a plain key.
            if name == "__proto__" and key.type != "computed_property_name":
                name = None
            members.append(Member(name, child, child.child_by_field_name("value")))
        elif kind == "method_definition":
            members.append(Member(_key_name(field(child, "name")), child, None))
        elif kind == "shorthand_property_identifier":
            members.append(Member(_unescaped(text_of(child)), child, None))
        else:
            members.append(Member(None, child, None))
    return members


def _key_name(key: Node) -> str | None:
    if key.type == "property_identifier":
        return _unescaped(text_of(key))
    if key.type == "computed_property_name":
        inner = code_children(key)
        key = unwrapped(inner[0]) if len(inner) == 1 else key
    value = value_of(key) if key.type in ("string", "template_string", "number") else None
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else None


def has_comment(node: Node) -> bool:
    """Whether a comment stands anywhere in a piece of code."""
    nodes = [node]
    while nodes:
        children = nodes.pop().named_children
        if any(child.type in COMMENTS for child in children):
            return True
        nodes += children
    return False


def text_of(node: Node) -> str:
    return (node.text or b"").decode("utf-8")


def printable_name(name: t.Any) -> str:
    """A name out of a file, safe to print: short, on one line, without characters that no terminal shows."""
    text = str(name)
    return text[:64].encode("unicode_escape").decode("ascii") if not text[:64].isprintable() else text[:64]


def value_of(node: Node, depth: int = 0) -> t.Any:
    """The Python value of a literal; an Expression for anything that needs JavaScript to tell."""
    if depth > MAX_DEPTH:
        raise SettingsError("values are nested too deeply here to be edited.", line_of(node))
    node = unwrapped(node)
    reader = _READERS.get(node.type)
    if reader is not None:
        try:
            return reader(node, depth)
        except (ValueError, OverflowError):
            pass
    return Expression.of(node)


def _string(node: Node, _depth: int) -> str:
    return _unescaped(text_of(node)[1:-1])


def _template_string(node: Node, _depth: int) -> str:
    if any(child.type == "template_substitution" for child in node.children):
        raise ValueError("not a literal")
    return _unescaped(text_of(node)[1:-1].replace("\r\n", "\n").replace("\r", "\n"))


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    units = _ESCAPE.sub(_escaped_character, text)
    # Two \uXXXX escapes may be the halves of one character.
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _escaped_character(match: re.Match[str]) -> str:
    braced, four, two, octal, other = match.groups()
    if other is not None:
        return "" if other in _LINE_ENDS else _SINGLE_ESCAPES.get(other, other)
    if octal is not None:
        # Three octal digits beyond \377 are a shorter escape followed by a digit.
        value = int(octal, 8)
        return chr(value) if value < 256 else chr(int(octal[:2], 8)) + octal[2]
    return chr(int(braced or four or two, 16))


def _number(node: Node, _depth: int) -> int | float:
    text = text_of(node)
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("not a plain number")
    if _NUMBER.match(text):
        return int(text.replace("_", ""), 0)
    if _FLOAT.match(text):
        value = float(text.replace("_", ""))
        if math.isfinite(value):
            return value
    raise ValueError("not a plain number")


def _negative(node: Node, depth: int) -> int | float:
    argument = field(node, "argument")
    if node.children[0].type != "-" or argument.type != "number":
        raise ValueError("not a literal")
    return -_number(argument, depth)


def _array(node: Node, depth: int) -> list[t.Any]:
    elements = elements_of(node)
    if elements is None:
        raise ValueError("not a literal")
    return [value_of(element, depth + 1) for element in elements]


def elements_of(node: Node) -> list[Node] | None:
    """The elements of an array literal; None if it has holes or spreads."""
    elements: list[Node] = []
    expect_element = True
    for child in node.children[1:-1]:
        if child.type in COMMENTS:
            continue
        if child.type == "spread_element" or (child.type == "," and expect_element):
            return None
        if child.type == ",":
            expect_element = True
        else:
            elements.append(child)
            expect_element = False
    return elements


def _object(node: Node, depth: int) -> dict[str, t.Any]:
    members = {}
    for name, member, value in members_of(node):
        if name is None:
            raise ValueError("not a literal")
        members[name] = Expression.of(member) if value is None else value_of(value, depth + 1)
    return members


_READERS = {
    "string": _string,
    "template_string": _template_string,
    "number": _number,
    "unary_expression": _negative,
    "true": lambda _node, _depth: True,
    "false": lambda _node, _depth: False,
    "null": lambda _node, _depth: None,
    "array": _array,
    "object": _object,
}

# --- expressions -----------------------------------------------------------------------------------------------------


#: `{{ name }}`, `${NAME}` or `<%= name %>` in quotes: JavaScript takes it for the text itself.
_PLACEHOLDER = re.compile(r"\s*(?:\{\{.*\}\}|\{%.*%\}|<%.*%>|\$\{\w+\})\s*", re.DOTALL)
#: What may be one as well: `%NAME%`, `__NAME__`, `$NAME`.
_NAME_TO_FILL_IN = re.compile(r"%\w+%|__\w+__|\$[A-Za-z_]\w*")


def is_placeholder(value: t.Any) -> bool:
    """Whether a value is a text that a template puts another one in the place of."""
    return isinstance(value, str) and _PLACEHOLDER.fullmatch(value) is not None


def may_be_placeholder(value: t.Any) -> bool:
    """Whether a template may have yet to fill in a value, or a part of it."""
    if not isinstance(value, str):
        return False
    starts = [(value.find(opening), closing) for opening, closing in (("{{", "}}"), ("<%", "%>"))]
    in_part = any(start >= 0 and value.find(closing, start) >= 0 for start, closing in starts)
    return in_part or is_placeholder(value) or _NAME_TO_FILL_IN.fullmatch(value) is not None


class Expression:
    """A JavaScript expression as text. Two are equal when they differ in comments, spacing and quotes only."""

    #: Where it stands in a file; None for one that is given as text.
    _place: Node | None = None

    def __init__(self, text: str, verbatim: bool = False) -> None:
        """``verbatim``: it is written as it is, its lines are not indented anew."""
        self.text = text.strip()
        self.verbatim = verbatim

    @classmethod
    def of(cls, node: Node) -> Expression:
        """The expression that stands at a place of a file, which need not be valid elsewhere (`...base`)."""
        expression = cls(text_of(node))
        expression._place = node
        return expression

    @cached_property
    def _node(self) -> Node:
        """The expression's own node, without surrounding comments. Raises SettingsError if it is not one expression."""
        try:
            # The line break keeps a // comment at the end of the text from hiding the closing bracket.
            root = parse(b"({k:\n" + self.text.encode("utf-8") + b"\n})")
        except (SettingsError, UnicodeEncodeError):
            raise SettingsError("the given JavaScript expression is not valid JavaScript.") from None
        statement = code_children(root)
        inner = unwrapped(statement[0].named_children[0]) if len(statement) == 1 else root
        pairs = code_children(inner) if inner.type == "object" else []
        if len(pairs) != 1 or pairs[0].type != "pair" or inner.end_byte != root.end_byte - 1:
            raise SettingsError("the given JavaScript is not one single expression.")
        value = field(pairs[0], "value")
        if value.type in ("await_expression", "yield_expression"):
            raise SettingsError(
                f"the given JavaScript expression cannot stand in settings.js: `{value.children[0].type}`."
            )
        return value

    @cached_property
    def tokens(self) -> tuple:
        try:
            return tokens_of(self._place or self._node)
        except SettingsError:
            # No valid code has a meaning of its own; equality must not fail for it.
            return (self.text,)

    @cached_property
    def code(self) -> str:
        """The text without comments around it, proven to be one expression."""
        return text_of(self._node)

    @cached_property
    def value(self) -> t.Any:
        """The Python value if the expression is a literal, else itself."""
        if self._place is not None:
            return self
        literal = value_of(self._node)
        return self if isinstance(literal, Expression) else literal

    @cached_property
    def members(self) -> dict[str, t.Any] | None:
        """The members of an object literal of plain pairs without a comment; None for anything else."""
        node = unwrapped(self._node)
        if node.type != "object" or has_comment(node):
            return None
        members = members_of(node)
        if any(member.name is None or member.value is None for member in members):
            return None
        return {member.name: value_of(member.value) for member in members if member.name and member.value}

    @cached_property
    def fallback(self) -> t.Any:
        """The Python value that `a || b` or `a ?? b` has where `a` is missing; itself for any other expression."""
        try:
            node = unwrapped(self._node)
        except SettingsError:
            return self
        while node.type == "binary_expression" and text_of(field(node, "operator")) in ("||", "??"):
            if not isinstance(value_of(field(node, "left")), Expression):
                return self
            node = unwrapped(field(node, "right"))
        literal = value_of(node)
        return self if isinstance(literal, Expression) and not literal.is_undefined else literal

    @cached_property
    def hashed(self) -> t.Any:
        """What `hashSync(password)` hashes: the password, if that is written out, else an Expression; None for other code.

        Also where that stands behind `||` or `??`.
        """
        try:
            node = unwrapped(self._node)
        except SettingsError:
            return None
        while node.type == "binary_expression" and text_of(field(node, "operator")) in ("||", "??"):
            node = unwrapped(field(node, "right"))
        if node.type != "call_expression" or not text_of(field(node, "function")).endswith("hashSync"):
            return None
        arguments = code_children(field(node, "arguments"))
        value = value_of(arguments[0]) if arguments else None
        return value.fallback if isinstance(value, Expression) else value

    @cached_property
    def is_undefined(self) -> bool:
        """Whether it is written out that there is no value."""
        return self.tokens in _undefined()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __repr__(self) -> str:
        # The text may hold a secret, and a repr ends in logs.
        return f"<Expression of {len(self.text)} characters>"


@cache
def _undefined() -> tuple[tuple, ...]:
    """The tokens of all that says that there is no value."""
    return Expression("undefined").tokens, Expression("void 0").tokens


def tokens_of(node: Node) -> tuple:
    """What a piece of code says, without comments, spacing, quote style, trailing commas and optional semicolons.

    The depth of each token is part of it: where a line break ends a statement, the tree differs and the tokens do not.
    """
    tokens: list[tuple] = []
    parents: list[str] = []
    cursor = node.walk()
    while True:
        here = t.cast("Node", cursor.node)
        depth = len(parents)
        if here.type in COMMENTS or (here.type == ";" and parents and parents[-1] != "for_statement"):
            pass
        elif cursor.field_name == "key" and here.type in ("property_identifier", "string"):
            tokens.append((depth, "key", _key_name(here)))
        elif here.type == "string":
            tokens.append((depth, "string", _string_or_text(here)))
        elif here.child_count == 0:
            if here.type in ("}", "]", ")") and _is_trailing_comma(tokens, depth):
                tokens.pop()
            tokens.append((depth, text_of(here).replace("\r\n", "\n")))
        else:
            tokens.append((depth, here.type))
            parents.append(here.type)
            cursor.goto_first_child()
            continue
        while parents and not cursor.goto_next_sibling():
            cursor.goto_parent()
            parents.pop()
        if not parents:
            return tuple(tokens)


def _string_or_text(node: Node) -> str:
    try:
        return _string(node, 0)
    except (ValueError, OverflowError):
        return text_of(node)


def _is_trailing_comma(tokens: list[tuple], depth: int) -> bool:
    # A comma after a comma or an opening bracket is a hole of an array, which counts.
    return len(tokens) > 1 and tokens[-1] == (depth, ",") and tokens[-2] not in ((depth, ","), (depth, "["))


def same_meaning(one: t.Any, other: t.Any) -> bool:
    """Whether two values are the same to JavaScript: 1 is 1.0 but not true, and the order of keys does not count."""
    one = one.value if isinstance(one, Expression) else one
    other = other.value if isinstance(other, Expression) else other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_meaning(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_meaning, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other
