# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The value of `https`: our function, which takes over the TLS options that the owner's own value has.

What is taken over keeps its text. It ran when the file was loaded, and runs now when the function is called; only what
means the same there is taken over, and the rest is refused.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import (
    COMMENTS,
    Node,
    SettingsError,
    field,
    line_of,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.rendering import Style, render
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.scopes import (
    FUNCTIONS,
    Reference,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import (
    Expression,
    Member,
    code_children,
    members_of,
    printable_name,
    text_of,
    unwrapped,
    value_of,
)

from . import functions
from .changes import Changes
from .edit import Members, SettingsEdit
from .source import MISSING, SettingsSource
from .tls_options import OF_CERTIFICATE, VARIABLE

_HTTPS = ("https",)
#: The functions whose one call gives the value of `https`.
_CALLED = ("function_expression", "arrow_function", "method_definition")
_NAMES = ("identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern")
_WRITES = ("assignment_expression", "augmented_assignment_expression")
#: Ways out of every refusal.
_INSTEAD = f"Write `https: null` in its place to let {VARIABLE} say them, or set nodered_certificate_provider to none."


class HttpsValue(t.NamedTuple):
    """What `https` gets.

    :ivar value: the function
    :ivar options: the TLS options that it has beside key and certificate, as `value_of` reads them
    :ivar notes: sentences about what went
    """

    value: Expression
    options: Mapping[str, t.Any]
    notes: list[str]


def https_value(settings: SettingsSource, certificate: str, options: Mapping[str, t.Any]) -> HttpsValue:
    """Our function, with the TLS options that the file has already and those that are asked for, which win.

    :param certificate: the name of the file with key and certificate in nodecerts
    :param options: as `tls_options` returns them
    :raises SettingsError: the file has options that cannot be taken over, or may have some
    """
    settings.refuse_hazards(_HTTPS, Expression("{}"))
    entry = settings.effective_entry(_HTTPS)
    holder = settings.node(_HTTPS)
    if entry is None or holder is None:
        return _fresh(certificate, options, [_may_come(settings)] if settings.value(_HTTPS) is not MISSING else [])
    present = _Present(settings, holder)
    notes = present.notes()
    kept = present.literal(options)
    if kept is None:
        return _fresh(certificate, options, notes)
    members = [member for member in members_of(kept) if member.name not in {*OF_CERTIFICATE, *options}]
    notes += _open_door(members, options)
    values = {
        member.name: Expression.of(member.node) if member.value is None else value_of(member.value)
        for member in members
        if member.name is not None
    }
    values |= {name: value for name, value in options.items() if value is not None}
    return HttpsValue(_taken_over(settings, holder, kept, certificate, options), values, notes)


def https_literals(settings: SettingsSource) -> list[Node]:
    """The object literals that `https` of a file may be, or return."""
    holder = settings.node(_HTTPS)
    return [] if holder is None else _Present(settings, holder).literals


def _fresh(certificate: str, options: Mapping[str, t.Any], notes: list[str]) -> HttpsValue:
    wanted = {name: value for name, value in options.items() if value is not None}
    returned = "{ " + ", ".join(["key: pem", "cert: pem", *_members(wanted)]) + " }"
    return HttpsValue(Expression(functions.https(certificate, returned)), wanted, notes)


def _members(options: Mapping[str, t.Any]) -> Iterator[str]:
    for name, value in options.items():
        yield f"{name}: {render(value, Style())}"


def is_nothing(value: t.Any) -> bool:
    """Whether a value is written out that Node.js takes for no value, or for false."""
    return value.is_undefined if isinstance(value, Expression) else value in (None, False, "", 0)


def _open_door(kept: list[Member], options: Mapping[str, t.Any]) -> list[str]:
    """That a member of the file undoes the check of clients which is asked for."""
    value = [
        (value_of(member.value), member) for member in kept if member.name == "rejectUnauthorized" and member.value
    ]
    if not options.get("requestCert") or not value:
        return []
    rejects, member = value[-1]
    if isinstance(rejects, Expression) or not is_nothing(rejects):
        return []
    return [
        f"line {line_of(member.node)}: rejectUnauthorized of https is {text_of(field(member.node, 'value'))}, so that everybody"
        f" is still let in, with any certificate or none. Write rejectUnauthorized: true in {VARIABLE} to let in only"
        " clients whose certificate is of an authority in ca."
    ]


def _may_come(settings: SettingsSource) -> str:
    return (
        f"line {settings.line(_HTTPS)}: https may come from here too, and counts no more. If it has TLS options of your own,"
        f" write them into {VARIABLE}."
    )


def _taken_over(
    settings: SettingsSource, holder: Node, literal: Node, certificate: str, options: Mapping[str, t.Any]
) -> Expression:
    """Our function around an object literal of the file, in which only key and certificate are others."""
    edit = SettingsEdit(settings)
    present = members_of(literal)
    dropped = {name for name in OF_CERTIFICATE if name not in ("key", "cert")}
    dropped |= {name for name, value in options.items() if value is None}
    # The last one counts, but the first would read its file all the same.
    dropped |= {name for name in ("key", "cert") if sum(member.name == name for member in present) > 1}
    kept = [member for member in present if member.name not in {*OF_CERTIFICATE, *options}]
    pem = _free_name({name for member in kept for name in _names_in(member.node)})
    members = Members(edit, literal)
    for name in dropped:
        members.cut((name,))
    wanted = {"key": Expression(pem), "cert": Expression(pem)}
    wanted |= {name: value for name, value in options.items() if value is not None}
    for name, value in wanted.items():
        members.put_value(name, value)
    returned = members.render().decode("utf-8")
    text = functions.https(certificate, returned, pem, _gaps(edit, holder, literal, returned))
    return Expression(text, verbatim=True)


def _gaps(edit: SettingsEdit, holder: Node, literal: Node, returned: str) -> tuple[str, str, str]:
    """Where the lines of the function break, so that those of the literal stand as they stood."""
    outer = edit.indent_at(holder.start_byte).decode()
    inner = outer + edit.style.unit
    eol = edit.style.eol
    around = _parent(literal)
    if around is not None and around.type == "return_statement" and edit.starts_line(around):
        inner = edit.indent_at(around.start_byte).decode()
        siblings = around.parent.children if around.parent is not None else []
        comments = [node for node in siblings if node.type in COMMENTS and node.end_byte <= around.start_byte]
        lines = "".join(f"{eol}{inner}{line}" for line in (*map(text_of, comments), ""))
        return eol + inner, lines, eol + outer
    if "\n" in returned or "\r" in returned:
        return " ", " ", " "
    return eol + inner, eol + inner, eol + outer


def _parent(node: Node) -> Node | None:
    """What stands around an expression and its parentheses."""
    parent = node.parent
    while parent is not None and parent.type == "parenthesized_expression":
        parent = parent.parent
    return parent


def _free_name(taken: set[str]) -> str:
    number = 1
    while (name := f"pem{number}" if number > 1 else "pem") in taken:
        number += 1
    return name


def _names_in(node: Node) -> Iterator[str]:
    stack = [node]
    while stack:
        inner = stack.pop()
        if inner.type in _NAMES:
            yield text_of(inner)
        stack.extend(inner.named_children)


class _Present:
    """The value of `https` that a file has.

    :ivar literals: the object literals that it may be, or return
    """

    def __init__(self, settings: SettingsSource, holder: Node) -> None:
        self._settings = settings
        self._holder = holder
        #: What only running it tells.
        self._code: list[Node] = []
        self.literals: list[Node] = []
        #: The literals that stand elsewhere, behind the name of a constant.
        self._elsewhere: list[Node] = []
        self._look(holder)

    def notes(self) -> list[str]:
        """What goes beside the key and the certificate."""
        gone = dict.fromkeys(
            member.name
            for literal in self.literals
            for member in members_of(literal)
            if member.name in OF_CERTIFICATE and member.name not in ("key", "cert")
        )
        if not gone:
            return []
        return [
            f"line {line_of(self._holder)}: {' and '.join(map(str, gone))} of https went with the old key: the certificate"
            " is the one of nodered_certificate_provider now."
        ]

    def literal(self, options: Mapping[str, t.Any]) -> Node | None:
        """The object literal whose members are to be kept; None where there are none beside those of the certificate.

        :param options: what is asked for, which takes the place of members of the same name
        :raises SettingsError: there may be members that cannot be kept
        """
        if self._code:
            raise _refusal(self._code[0], "https is code here, and may have TLS options that it would lose", _INSTEAD)
        with_more = [literal for literal in self.literals if self._further(literal)]
        if not with_more:
            # What was kept once stays as it is, comments too, where the last option goes.
            return self.literals[0] if len(self.literals) == 1 and self._is_ours(self.literals[0]) else None
        literal = with_more[0]
        if len(self.literals) > 1:
            raise _refusal(
                literal,
                f"{self._listed(literal)} of https counts under a condition only",
                f"Write one object with what shall hold always. {_INSTEAD}",
            )
        if literal in self._elsewhere:
            raise _refusal(
                literal,
                f"{self._listed(literal)} of https stands in a constant of its own",
                f"Write the object itself behind `https:`. {_INSTEAD}",
            )
        movable = _Movable(self._settings, self._holder, literal)
        for member in members_of(literal):
            if member.name not in {*OF_CERTIFICATE, *options} and (reason := movable.reason_against(member)):
                raise _refusal(member.node, f"{_named(member)} of https cannot be kept: {reason[0]}", reason[1])
        return literal

    def _is_ours(self, literal: Node) -> bool:
        """Whether key and certificate are one constant of the function around them, as an edit writes it."""
        values = {member.name: member.value for member in members_of(literal)}
        key, cert = values.get("key"), values.get("cert")
        return (
            unwrapped(self._holder).type == "function_expression"
            and values.keys() == {"key", "cert"}
            and key is not None
            and cert is not None
            and key.type == cert.type == "identifier"
            and key.text == cert.text
        )

    def _further(self, literal: Node) -> list[Member]:
        return [member for member in members_of(literal) if member.name not in OF_CERTIFICATE]

    def _listed(self, literal: Node) -> str:
        return ", ".join(_named(member) for member in self._further(literal))

    def _look(self, holder: Node) -> None:
        stack = [(holder, True)]
        while stack:
            node, of_file = stack.pop()
            node = unwrapped(node)
            if node.type == "object":
                self.literals.append(node)
            elif node.type == "ternary_expression":
                stack += [(field(node, "consequence"), of_file), (field(node, "alternative"), of_file)]
            elif node.type == "binary_expression" and text_of(field(node, "operator")) in ("||", "??", "&&"):
                # What is on the left of && counts where it is nothing.
                sides = ("right",) if text_of(field(node, "operator")) == "&&" else ("left", "right")
                stack += [(field(node, side), of_file) for side in sides]
            elif of_file and node.type in _CALLED and (returned := _returned(node)) is not None:
                stack += [(value, False) for value in returned]
            elif of_file and (constant := self._constant(node)) is not None:
                self._elsewhere += [constant] if constant.type == "object" else []
                stack.append((constant, False))
            elif _is_code(node):
                self._code.append(node)

    def _constant(self, node: Node) -> Node | None:
        """The value of a constant that is used here only; None for anything else."""
        if node.type not in ("identifier", "shorthand_property_identifier"):
            return None
        references = self._settings.scopes.names.references(text_of(node))
        places = [reference.outer for reference in references if reference.is_field("name")]
        if len(references) != 2 or len(places) != 1 or places[0].node.type != "variable_declarator":
            return None
        value = places[0].node.child_by_field_name("value")
        return None if value is None else unwrapped(value)


def _is_code(node: Node) -> bool:
    if text_of(node) in ("undefined", "void 0"):
        return False
    return node.type in ("shorthand_property_identifier", *FUNCTIONS) or isinstance(value_of(node), Expression)


def _returned(function: Node) -> list[Node] | None:
    """What a function may return; None where it does more than that, or it cannot be told."""
    if any(child.type in ("get", "set", "*") for child in function.children):
        return None
    body = field(function, "body")
    if body.type != "statement_block":
        return [body]
    returned = []
    stack = list(body.named_children)
    while stack:
        node = stack.pop()
        if node.type in _WRITES and field(node, "left").type != "identifier":
            # It may set an option in what it returns, or in a module.
            return None
        if node.type == "return_statement":
            returned += code_children(node)[:1]
        elif node.type not in FUNCTIONS:
            stack.extend(node.named_children)
    return returned


def _named(member: Member) -> str:
    return f"`{printable_name(member.name)}`" if member.name is not None else "what stands here"


def _refusal(node: Node, reason: str, way_out: str) -> SettingsError:
    return SettingsError(f"{reason}. {way_out}", line_of(node))


class _Movable:
    """Tells whether code of an object literal means the same in our function."""

    def __init__(self, settings: SettingsSource, holder: Node, literal: Node) -> None:
        self._scopes = settings.scopes
        self._root = settings.root
        self._literal = literal
        #: Whether a function gives it already, so that it runs no later than before.
        self._is_called = unwrapped(holder).type in _CALLED
        self._changes = Changes(settings.scopes, literal)
        #: The places of names in it, by where they begin.
        self._places: dict[int, Reference] = {
            reference.node.start_byte: reference
            for name in set(_names_in(literal))
            for reference in self._scopes.names.references(name)
            if literal.start_byte <= reference.node.start_byte < literal.end_byte
        }
        self._reasons: dict[tuple[str, Node | None], tuple[str, str] | None] = {}

    def reason_against(self, member: Member) -> tuple[str, str] | None:
        """Why a member means something else there, and what to do; None where it means the same."""
        node = member.node
        away = f"Write it as a plain value, or set it in {VARIABLE} where that knows it, and remove it here."
        if member.name is None:
            return "which options that are cannot be told before it runs", f"Write them out one by one. {_INSTEAD}"
        if node.type == "method_definition" and any(child.type in ("get", "set") for child in node.children):
            return "it is an accessor", away
        names: list[Node] = []
        for word, name in _words(node):
            if name is None:
                return f"it uses `{word}`, which is another one in a function", away
            names.append(name)
        reasons = (self._reason_against_name(text_of(name), self._places[name.start_byte]) for name in names)
        return next((reason for reason in reasons if reason), None)

    def _reason_against_name(self, name: str, reference: Reference) -> tuple[str, str] | None:
        scope = self._scopes.scope_of(name, reference)
        if (
            scope is not None
            and self._literal.start_byte <= scope.start_byte
            and scope.end_byte <= self._literal.end_byte
        ):
            return None
        if (name, scope) not in self._reasons:
            self._reasons[name, scope] = self._reason_against_use(name, scope)
        return self._reasons[name, scope]

    def _reason_against_use(self, name: str, scope: Node | None) -> tuple[str, str] | None:
        if scope is not None and scope != self._root:
            return (
                f"it uses `{name}`, which only the function around it has",
                f"Write `{name}` above module.exports, or what it stands for in its place.",
            )
        if self._is_called:
            changes = scope is None and self._changes.may_be_declared_in_function(name)
        else:
            changes = self._changes.may_change(name, scope)
        if not changes:
            return None
        return (
            f"it uses `{name}`, which changes later or is handed on to code that may change it",
            f"Write the value that it shall have in its place. {_INSTEAD}",
        )


def _words(node: Node) -> Iterator[tuple[str, Node | None]]:
    """The names in a piece of code, each with its node, and the words (None) that mean another thing elsewhere."""
    stack = [(node, False, False)]
    while stack:
        inner, own_this, in_function = stack.pop()
        text = text_of(inner) if inner.child_count == 0 else ""
        if inner.type in ("await_expression", "yield_expression"):
            if not in_function:
                yield inner.children[0].type, None
        elif inner.type in ("this", "super", "meta_property") or text == "arguments":
            if not own_this:
                yield text or text_of(inner), None
        elif inner.type in _NAMES:
            yield text, inner
        if inner.type in FUNCTIONS:
            own_this, in_function = own_this or inner.type != "arrow_function", True
        stack.extend((child, own_this, in_function) for child in inner.named_children)
