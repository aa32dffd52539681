# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a settings.js exports: every place that gives a setting its value, in the order in which Node.js runs them.

Only code whose effect is certain counts as a place to edit: literals and plain assignments at the top level. Whatever
else touches the settings object becomes a hazard, and a hazard stops only edits of the settings that it may change.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from collections.abc import Mapping
from functools import cached_property

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import (
    Node,
    NothingExportedError,
    SettingsError,
    captures,
    field,
    line_of,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.scopes import (
    FUNCTIONS,
    NAMED_DECLARATIONS,
    Around,
    Assignment,
    Names,
    Reference,
    assignment_to,
    call_with,
    is_statement,
    is_written,
    key_chain,
    names_of_scope,
    target_of,
    without_parentheses,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import (
    Expression,
    code_children,
    members_of,
    text_of,
    unwrapped,
    value_of,
)

from .functions import IO_MIDDLEWARE, VERIFY_CLIENT, VERIFY_LOGIN

KeyPath = tuple[str, ...]


class Entry(t.NamedTuple):
    """One place that gives a setting its value."""

    path: KeyPath | None  # None: it may be any key (`...spread`, `[computed]: 1`)
    node: Node  # the member of the literal, or the whole assignment statement
    value: Node | None  # None: a method, an accessor, a shorthand or a spread
    owner: Node | None  # the object literal it is a member of; None for an assignment


class Hazard(t.NamedTuple):
    """Code that may change a setting in a way that an edit of the file cannot foresee."""

    path: KeyPath  # empty: it may change any setting
    node: Node
    reason: str
    reads_only: bool  # harmless as long as the value there is no object
    runs_later: bool  # it stands in a function, which may run after everything else


class Export(t.NamedTuple):
    """The settings object of a file."""

    entries: list[Entry]
    hazards: list[Hazard]
    insertion_target: (
        Node | None
    )  # the literal that takes new keys; None when the file only assigns `exports.key = ...`


def find_export(root: Node, strict: bool = True) -> Export:
    """What the file exports; a SettingsError if that cannot be told, or is nothing Node-RED takes for settings.

    A name in the wrong case is refused too, unless ``strict`` is False.
    """
    return _Finder(root).export(strict)


# Names that Node-RED ignores without a word when their case is wrong.
_KNOWN_NAMES = {
    name.lower(): name
    for name in [
        "adminAuth",
        "credentialSecret",
        "disableEditor",
        "exportGlobalContextKeys",
        "externalModules",
        "functionExternalModules",
        "httpAdminAuth",
        "httpAdminCookieOptions",
        "httpAdminCors",
        "httpAdminMiddleware",
        "httpAdminRoot",
        "httpAuth",
        "httpNodeAuth",
        "httpNodeCors",
        "httpNodeMiddleware",
        "httpNodeRoot",
        "httpRoot",
        "httpServerOptions",
        "https",
        "httpsRefreshInterval",
        "httpStatic",
        "httpStaticAuth",
        "httpStaticCors",
        "httpStaticRoot",
        "readOnly",
        "requireHttps",
        "tlsConfigDisableLocalFiles",
        "uiHost",
        "uiPort",
        "userDir",
        "webSocketNodeVerifyClient",
    ]
}
# Calls that look at their arguments and keep nothing.
_READERS = re.compile(r"(?:console\.\w+|JSON\.stringify|Object\.keys|util\.inspect|Array\.isArray|String|Boolean)\Z")
#: Methods of a value that change nothing.
READING_METHODS = frozenset(
    {"hasOwnProperty", "toString", "includes", "indexOf", "startsWith", "endsWith", "join", "propertyIsEnumerable"}
)
# Methods of a list that change nothing themselves, and hand its entries on to a function or in their result.
_ITERATIONS = frozenset({"map", "filter", "find", "some", "every", "slice", "concat", "at"})
# Settings that are lists, so that such a method is the one of lists.
_LISTS = (("adminAuth", "users"), ("adminAuth", "tokens"), ("httpStatic",))
# What a function may consist of that changes nothing, whatever its arguments are.
_LOOKS = frozenset(
    {
        *("identifier", "property_identifier", "member_expression", "subscript_expression", "optional_chain"),
        *("string", "string_fragment", "escape_sequence", "number", "true", "false", "null", "undefined"),
        *("binary_expression", "ternary_expression", "parenthesized_expression", "formal_parameters"),
    }
)
# What keeps Node-RED from completing its settings.
_FREEZING = ("Object.freeze", "Object.seal", "Object.preventExtensions")
# Operators whose result may be one of their operands, unlike that of a comparison or a sum.
_PASSING_OPERATORS = frozenset({"&&", "||", "??"})
# No name of a function that matters here is longer.
_MAX_NAME = 60
# Functions in which `this` and `arguments` are not those of the file.
_WITH_THIS = FUNCTIONS - {"arrow_function"}
# The functions that `web_sockets` writes, which only read, without a difference of spaces.
_MAX_OWN_FUNCTION = 4096
_OWN_FUNCTIONS = frozenset(" ".join(code.split()) for code in (VERIFY_LOGIN, VERIFY_CLIENT, IO_MIDDLEWARE))
# SHA-256 of what `web_sockets` wrote formerly: VERIFY_LOGIN that did not compare the scheme of an origin, which is replaced,
# and the three of them without a comment.
_FORMER_FUNCTIONS = frozenset(
    {
        "48b27820ae8a2c03d40364e5800fc67ff582a0dde5be1c8b3354befe986d1534",
        "64a0ae526642027f80441407df703b30619ed10d98c369773bbedc031062d9f2",
        "7716415f0beb4d5413adc6b02ed945e9259fe7531e58455cced6d5a0e8e48178",
        "283dc93807b1354809f1bf85502c82b53043ee4cebf49c6a5cac7904d2a55f00",
    }
)
# One name for another, for another; each of them is followed from every assignment.
_MAX_NAMES = 20
_WRITE_ONCE = "Assign it once, as a statement of its own at the top level."


def right_name(name: str) -> str:
    """The name of a setting as Node-RED knows it, where only the case of letters differs."""
    return _KNOWN_NAMES.get(name.lower(), name)


class _Finder:
    """Reads one file; `export` runs once."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._names = Names(root)
        self._scopes: dict[int, set[str]] = {}
        self._shadowed: dict[str, Around] = {}
        self._is_harmless = HarmlessUses()
        self._in_function = Around(lambda outer: outer.node.type in FUNCTIONS)
        self._in_other_this = Around(lambda outer: outer.node.type in _WITH_THIS)
        self._in_own_function = Around(lambda outer: _is_own_function(outer.node))
        self._entries: list[Entry] = []
        self._assigned: list[Entry] = []
        self._hazards: list[Hazard] = []
        # Names that stand for the settings object, with the position from which they do.
        self._aliases: dict[str, int] = {}
        # Those that were found while the others were followed.
        self._new_aliases: list[str] = []

    def export(self, strict: bool) -> Export:
        self._refuse_modules()
        accesses = self._module_exports()
        writes = [reference for reference in accesses if is_written(reference)]
        found = [(reference, assignment_to(reference)) for reference in writes]
        assignments = [assignment for _reference, assignment in found if assignment is not None]
        uncertain = [reference for reference, assignment in found if assignment is None]
        insertion_target, since = None, 0
        if assignments:
            insertion_target, since = self._read_export(assignments)
            uncertain = [
                reference
                for reference in uncertain
                if reference.node.start_byte >= since or self._in_function(reference)
            ]
        else:
            self._aliases["exports"] = 0
            self._classify_this()
        if uncertain:
            raise SettingsError(
                "module.exports is assigned where it may not run (a condition, a loop or a function). " + _WRITE_ONCE,
                line_of(uncertain[0].node),
            )
        for reference in accesses:
            if reference.node.start_byte >= since or self._in_function(reference):
                self._classify(reference)
        self._follow_aliases()
        self._refuse_back_doors()
        in_order = sorted(self._assigned, key=lambda entry: entry.node.start_byte)
        self._entries += in_order
        if insertion_target is None and not self._entries:
            conditional = [line_of(hazard.node) for hazard in self._hazards if hazard.path]
            if conditional:
                raise SettingsError(
                    "settings are given from here on only where code may not run (a condition, a loop or a function)."
                    " Begin the file with `module.exports = { ... }`, and have what always holds there.",
                    line=min(conditional),
                )
            raise NothingExportedError("the file exports no settings. It needs `module.exports = { ... }`.")
        # A value that was something else before may be changed through that; an accessor takes no value.
        accessors = {entry.path for entry in self._entries if entry.value is None}
        last: dict[KeyPath, int] = {
            entry.path: entry.node.start_byte
            for entry in in_order
            if entry.path and len(entry.path) == 1 and entry.path not in accessors and _is_new(entry.value)
        }
        self._hazards = [hazard for hazard in self._hazards if not _is_superseded(hazard, last)]
        if insertion_target is None:
            insertion_target = self._entries[-1].owner
            if all(entry.value is None and entry.owner is None for entry in self._entries):
                raise _not_an_object(self._entries[0].node)
        self._refuse_early_return(since)
        if strict:
            self._refuse_wrong_case()
        return Export(self._entries, self._hazards, insertion_target)

    # What no edit can make safe

    def _refuse_modules(self) -> None:
        for statement in self._root.named_children:
            if statement.type in ("import_statement", "export_statement"):
                raise SettingsError(
                    "this is an ES module (`import`, `export`), which Node-RED does not take for settings. "
                    "Write it as a CommonJS module with `module.exports = { ... }`.",
                    line=line_of(statement),
                )
        for reference in self._names.references("await"):
            if not self._in_function(reference):
                raise _promise(reference.node)

    def _refuse_early_return(self, since: int) -> None:
        last = max([since, *(entry.node.start_byte for entry in self._entries)])
        for reference in self._names.references("return"):
            if reference.node.start_byte < last and not self._in_function(reference):
                raise SettingsError(
                    "the file may end at this `return`, before its settings are complete. Remove it.",
                    line_of(reference.node),
                )

    def _refuse_wrong_case(self) -> None:
        for entry in self._entries:
            name = entry.path[0] if entry.path else ""
            right = right_name(name)
            if name != right:
                raise SettingsError(
                    f"Node-RED ignores `{name}`: the name is `{right}`. Correct or remove it.", line_of(entry.node)
                )

    # Which object is exported

    def _module_exports(self) -> list[Reference]:
        references = []
        for reference in self._names.references("module"):
            if self._is_shadowed(reference, "module"):
                continue
            _end, path, all_known = key_chain(reference)
            if path[:1] == ("exports",):
                references.append(reference.outer)
            elif not path and not (all_known and self._is_harmless(reference)):
                self._add_hazard((), reference.node, "is handed on here with `module` to code that may change it")
        return references

    def _read_export(self, assignments: list[Assignment]) -> tuple[Node | None, int]:
        """Takes in the object that the last assignment exports; returns the literal for new keys and its position."""
        final = assignments[-1]
        layers, names = self._resolve(final.value)
        since = final.end
        # The same object may be exported more than once: `const s = module.exports = {}; ...; module.exports = s`.
        for assignment in reversed(assignments):
            if self._origin(assignment.value) != layers[0]:
                break
            since = assignment.end
            for target in assignment.targets:
                if target.type == "identifier":
                    self._aliases[text_of(target)] = since
        self._aliases |= names
        for layer in layers:
            self._entries += _entries_of(layer)
        return next((layer for layer in reversed(layers) if layer.type == "object"), None), since

    def _origin(self, value: Node) -> Node | None:
        try:
            return self._resolve(value)[0][0]
        except SettingsError:
            return None

    def _resolve(self, value: Node) -> tuple[list[Node], dict[str, int]]:
        """The literals and other sources that make up an object, later ones winning, and the names it goes by."""
        names: dict[str, int] = {}
        while True:
            value = unwrapped(value)
            if value.type == "object" or _is_required(value):
                return [value], names
            if value.type == "call_expression" and callee(value) == "Object.assign":
                sources = [unwrapped(source) for source in code_children(field(value, "arguments"))]
                if sources and (sources[0].type == "object" or _is_required(sources[0])):
                    return [sources[0], *map(self._used_once, sources[1:])], names
            if value.type != "identifier" or text_of(value) in names or len(names) == _MAX_NAMES:
                raise _not_an_object(value)
            definition = self._definition(value)
            names[text_of(value)] = definition.end
            value = definition.value

    def _used_once(self, source: Node) -> Node:
        """The literal behind a name that is used here alone, where its members are copied; else the source itself."""
        if source.type != "identifier" or len(list(self._visible_references(text_of(source)))) != 2:
            return source
        try:
            definition = self._definition(source)
        except SettingsError:
            return source
        if len(definition.targets) != 1:
            # `const a = b = {...}`: what is done to `b` is done to `a`.
            return source
        literal, statement = unwrapped(definition.value), definition.value
        while statement.parent is not None and statement.parent.type != "program":
            if statement.type in ("lexical_declaration", "variable_declaration"):
                # Where it may not have run, there may be nothing to copy.
                return source
            statement = statement.parent
        return literal if literal.type == "object" else source

    def _definition(self, identifier: Node) -> Assignment:
        name = text_of(identifier)
        writes = [reference for reference in self._visible_references(name) if is_written(reference)]
        if not writes:
            raise SettingsError(
                f"module.exports is `{name}`, which is not defined in this file as an object literal.",
                line_of(identifier),
            )
        if writes[0].outer.node.type in NAMED_DECLARATIONS:
            raise _not_an_object(writes[0].outer.node)
        assignment = assignment_to(writes[0])
        if len(writes) > 1 or assignment is None or assignment.end > identifier.start_byte:
            raise SettingsError(
                f"`{name}` is exported, but what it is cannot be told. {_WRITE_ONCE}", line_of(writes[-1].node)
            )
        return assignment

    # Who else touches it

    def _classify_this(self) -> None:
        """Node.js runs a file with `this` as its first `module.exports`."""
        for reference in self._names.references("this"):
            if not self._in_other_this(reference):
                self._classify(reference)

    def _refuse_back_doors(self) -> None:
        """Ways to the settings object that need none of its names."""
        for reference in self._visible_references("eval"):
            self._add_hazard((), reference.node, "may be changed by `eval` here")
        for reference in self._visible_references("arguments"):
            if not self._in_other_this(reference):
                self._add_hazard((), reference.node, "may be changed through `arguments` here")

    def _follow_aliases(self) -> None:
        names = list(self._aliases)
        while names:
            self._new_aliases = []
            for name in sorted(names):
                self._follow_alias(name, self._aliases[name])
            names = self._new_aliases

    def _follow_alias(self, name: str, since: int) -> None:
        # The one write is the definition; Node.js itself defines `exports`.
        written = name == "exports" and since == 0
        for reference in self._visible_references(name):
            if is_written(reference):
                if written:
                    self._add_hazard(
                        (), reference.node, "may be another one from here on, because its name is assigned again"
                    )
                written = True
            elif reference.node.start_byte >= since or self._in_function(reference):
                self._classify(reference)

    def _classify(self, reference: Reference) -> None:
        """Sorts one use of the settings object in: a plain assignment, harmless, or a hazard."""
        if self._in_own_function(reference):
            return
        runs_later = self._in_function(reference)
        end, path, all_known = key_chain(reference)
        end = without_parentheses(end)
        outer = end.outer.node
        if "__proto__" in path:
            self._add_hazard(path[: path.index("__proto__")], outer, "may get other keys here through `__proto__`")
            return
        if not path and all_known:
            self._classify_whole(end)
        elif outer.type == "assignment_expression" and end.is_field("left"):
            if all_known and is_statement(end.outer) and field(outer, "right").type != "assignment_expression":
                statement = end.outer.outer.node
                self._assigned.append(Entry(path, statement, outer.child_by_field_name("right"), None))
            else:
                self._add_hazard(path, outer, "is assigned here in a way that may not always run", runs_later)
        elif outer.type == "unary_expression" and outer.children[0].type == "delete":
            self._add_hazard(path, outer, "is deleted here", runs_later)
        elif is_written(end):
            self._add_hazard(path, outer, "is changed here", runs_later)
        elif outer.type == "call_expression" and end.is_field("function"):
            if not (all_known and (path[-1] in READING_METHODS or (path[:-1] in _LISTS and self._only_iterates(end)))):
                self._add_hazard(
                    path[:-1] if all_known else path, outer, "is changed by a method call here", runs_later
                )
        elif not self._is_harmless(end):
            self._add_hazard(path, outer, "is handed on here to code that may change it", runs_later, reads_only=True)

    def _only_iterates(self, method: Reference) -> bool:
        """Whether a method of a list changes nothing, and what comes of its result is only looked at."""
        while method.outer.node.type == "call_expression" and method.is_field("function"):
            name = text_of(method.node).rpartition(".")[2]
            if name not in _ITERATIONS | READING_METHODS or not _only_looks(method.outer.node):
                return False
            method = key_chain(method.outer)[0]
        return self._is_harmless(method)

    def _classify_whole(self, reference: Reference) -> None:
        """The same for a use of the object itself instead of one of its keys."""
        if self._is_harmless(reference) or is_written(reference):
            return
        target = target_of(reference)
        if target is not None and assignment_to(target):
            # `exports = module.exports`, `const settings = module.exports`: one more name for the object.
            if target.node.type == "identifier":
                name = text_of(target.node)
                if name not in self._aliases:
                    self._aliases[name] = reference.node.end_byte
                    self._new_aliases.append(name)
                return
            if text_of(target.node) == "module.exports":
                return
            # As a compiler of TypeScript writes it, in an object that nobody gets.
            if text_of(target.node).startswith("exports.") and self._first_exports_are_lost:
                return
            # For programs that import it in the other way; nothing else is done to that key.
            if self._is_own_default(text_of(target.node)) and self._default_is_written_once:
                return
        call = call_with(reference)
        if call is None:
            self._add_hazard((), reference.node, "is handed on here to code that may change it")
            return
        arguments = reference.outer.code_children
        is_first = arguments[0] == reference.node
        if callee(call.node) == "Object.assign" and is_first:
            self._classify_merge(call, arguments[1:])
        elif callee(call.node) in ("Object.defineProperty", "Reflect.set") and is_first:
            key = value_of(arguments[1]) if len(arguments) > 1 else None
            path = (key,) if isinstance(key, str) else ()
            self._add_hazard(path, call.node, f"is changed by {_named_call(call.node)} here")
        elif callee(call.node) in _FREEZING:
            self._add_hazard((), call.node, f"is passed to {_named_call(call.node)} here, which keeps it as it is")
        else:
            self._add_hazard((), call.node, f"is passed to {_named_call(call.node)} here, which may change it")

    def _is_own_default(self, target: str) -> bool:
        owner, _dot, key = target.rpartition(".")
        return key == "default" and (owner == "module.exports" or owner in self._aliases)

    @cached_property
    def _default_is_written_once(self) -> bool:
        """Whether the key `default` stands in the file once, so that nothing goes on through it."""
        names = captures("[(property_identifier) (identifier) (string_fragment)] @name", self._root).get("name", [])
        return sum(text_of(name) == "default" for name in names) == 1

    @cached_property
    def _first_exports_are_lost(self) -> bool:
        """Whether Node.js's own `exports` are replaced, and nothing but keys of their own is set in them before."""
        if "exports" in self._aliases or any(not self._in_other_this(each) for each in self._names.references("this")):
            return False
        accesses = [
            reference for reference in self._names.references("module") if not self._is_shadowed(reference, "module")
        ]
        if not all(is_written(reference.outer) for reference in accesses):
            return False
        return all(map(self._only_sets_a_key, self._visible_references("exports")))

    @staticmethod
    def _only_sets_a_key(reference: Reference) -> bool:
        end, path, all_known = key_chain(reference)
        if len(path) == 1 and all_known and end.is_field("left"):
            return end.outer.node.type == "assignment_expression" and is_statement(end.outer)
        call = call_with(reference)
        return call is not None and callee(call.node) == "Object.defineProperty" and is_statement(call)

    def _classify_merge(self, call: Reference, sources: list[Node]) -> None:
        entries = [entry for source in sources for entry in _entries_of(unwrapped(source))]
        if is_statement(call):
            self._assigned += entries
            return
        for entry in entries:
            self._add_hazard(entry.path or (), entry.node, "is assigned here in a way that may not always run")

    def _add_hazard(
        self, path: KeyPath, node: Node, what: str, runs_later: bool = True, reads_only: bool = False
    ) -> None:
        subject = f"`{'.'.join(path)}`" if path else "the settings object"
        self._hazards.append(Hazard(path, node, f"{subject} {what}", reads_only, runs_later))

    # Scopes

    def _visible_references(self, name: str) -> list[Reference]:
        return [reference for reference in self._names.references(name) if not self._is_shadowed(reference, name)]

    def _is_shadowed(self, reference: Reference, name: str) -> bool:
        """Whether the name means something else there: a parameter or a local variable."""
        if name not in self._shadowed:
            self._shadowed[name] = Around(lambda outer: name in self._names_of_scope(outer))
        return self._shadowed[name](reference)

    def _names_of_scope(self, reference: Reference) -> set[str]:
        node = reference.node
        if node.id not in self._scopes:
            self._scopes[node.id] = names_of_scope(reference)
        return self._scopes[node.id]


class HarmlessUses:
    """Tells whether a use only looks at the value: a test, a comparison, a text, a console message."""

    def __init__(self) -> None:
        self._known: dict[Reference, bool] = {}

    def __call__(self, reference: Reference) -> bool:
        new = []
        harmless: bool | None = False
        place = reference
        while place.parent is not None:
            harmless = self._known.get(place)
            if harmless is not None:
                break
            new.append(place)
            harmless = _harmless_here(place)
            if harmless is not None:
                break
            place = place.parent
        self._known.update(dict.fromkeys(new, bool(harmless)))
        return bool(harmless)


def _is_new(value: Node | None) -> bool:
    """Whether a value is written out at its place, so that no other name stands for it."""
    return value is not None and not isinstance(value_of(value), Expression)


def _only_looks(call: Node) -> bool:
    """Whether the arguments of a call are short functions that change nothing: `user => user.username`."""
    for argument in code_children(field(call, "arguments")):
        if argument.type == "arrow_function":
            stack = argument.named_children
            while stack:
                node = stack.pop()
                if node.type not in _LOOKS:
                    return False
                stack.extend(node.named_children)
        elif isinstance(value_of(argument), Expression):
            return False
    return True


def _is_superseded(hazard: Hazard, last: Mapping[KeyPath, int]) -> bool:
    """Whether a statement that runs for certain, and after it, gives the setting a value that is new as a whole.

    :param last: where each setting was given such a value last
    """
    return not hazard.runs_later and last.get(hazard.path[:1], -1) >= hazard.node.end_byte


def _entries_of(source: Node) -> list[Entry]:
    """What one source of an object gives it."""
    if source.type != "object":
        return [Entry(None, source, None, None)]
    return [Entry(None if name is None else (name,), node, value, source) for name, node, value in members_of(source)]


def _is_own_function(node: Node) -> bool:
    """Whether a node is, word for word, a function of this collection's own."""
    if node.type != "function_expression" or node.end_byte - node.start_byte > _MAX_OWN_FUNCTION:
        return False
    code = " ".join(text_of(node).split())
    return code in _OWN_FUNCTIONS or hashlib.sha256(code.encode("utf-8")).hexdigest() in _FORMER_FUNCTIONS


def _harmless_here(reference: Reference) -> bool | None:
    """Whether the code around a use only looks at the value; None: that depends on the code around it in turn."""
    outer = reference.outer.node
    if outer.type == "binary_expression":
        operator = field(outer, "operator").type
        # `object && x` is never the object.
        if operator not in _PASSING_OPERATORS or (operator == "&&" and reference.is_field("left")):
            return True
    if outer.type == "for_in_statement":
        return reference.is_field("right") and field(outer, "operator").type == "in"
    if outer.type == "unary_expression":
        return outer.children[0].type != "delete"
    if outer.type == "template_substitution":
        # A function in front of a template gets the values themselves.
        return reference.outer.outer.outer.node.type != "call_expression"
    if outer.type == "expression_statement" or reference.is_field("condition"):
        return True
    if call := call_with(reference):
        return _READERS.match(callee(call.node)) is not None
    if outer.type == "variable_declarator" and reference.is_field("name"):
        return True
    return None if outer.type in ("parenthesized_expression", "binary_expression", "ternary_expression") else False


def _is_required(value: Node) -> bool:
    """Whether a value is that of another file, which is unknown but may be completed here."""
    return value.type == "call_expression" and callee(value) == "require"


def callee(call: Node) -> str:
    function = call.child_by_field_name("function")
    if function is None or function.type not in ("identifier", "member_expression"):
        return ""
    return text_of(function) if function.end_byte - function.start_byte <= _MAX_NAME else ""


def _named_call(call: Node) -> str:
    # The text of a long callee may hold more than a name.
    name = callee(call)
    return f"`{name}()`" if re.fullmatch(rf"[\w$.]{{1,{_MAX_NAME}}}", name) else "a function call"


def _promise(node: Node) -> SettingsError:
    return NothingExportedError(
        "the settings are a promise (`async`, `await`), which Node-RED does not wait for. Export a plain object.",
        line_of(node),
    )


def _not_an_object(value: Node) -> SettingsError:
    line = line_of(value)
    if value.type in FUNCTIONS or value.type in ("class", "class_declaration"):
        return NothingExportedError(
            "module.exports is a function or a class: Node-RED would start without any of its settings. "
            "Export the object itself.",
            line,
        )
    if value.type in ("ternary_expression", "binary_expression"):
        return SettingsError("module.exports depends on a condition. Export one object literal.", line)
    if value.type == "new_expression":
        if text_of(field(value, "constructor")) == "Promise":
            return _promise(value)
        return SettingsError("module.exports is made by `new`. Export an object literal.", line)
    if value.type == "call_expression":
        return _not_an_object_but_a_call(value)
    return SettingsError("module.exports is no object literal. Write `module.exports = { ... }`.", line)


def _not_an_object_but_a_call(call: Node) -> SettingsError:
    function = unwrapped(field(call, "function"))
    name = text_of(function) if function.type in ("identifier", "member_expression") else ""
    is_async = any(child.type == "async" for child in function.children)
    if is_async or name.startswith("Promise.") or name.endswith((".then", ".catch", ".finally")):
        return _promise(call)
    if name in _FREEZING:
        return SettingsError(f"`{name}()` keeps Node-RED from completing its settings. Remove it.", line_of(call))
    return SettingsError(
        f"module.exports is the result of {_named_call(call)}, which is known only when it runs. "
        "Write `module.exports = { ...<that call>, <keys of your own> }`.",
        line_of(call),
    )
