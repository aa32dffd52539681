# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Node.js refuses before it runs a file, and the parser takes: names that are none, names declared twice.

ECMAScript calls them early errors: https://tc39.es/ecma262/#sec-names-and-keywords, #sec-block-static-semantics-early-errors
and #sec-ecmascript-language-lexical-grammar-literals. Not looked at are regular expressions and legacy octal numbers.
"""

from __future__ import annotations

import bisect
import re
import typing as t
import unicodedata

if t.TYPE_CHECKING:
    from tree_sitter import Node

#: The query of tree-sitter for what `early_error` looks at.
NAMES = """
    [(identifier) (property_identifier) (shorthand_property_identifier) (shorthand_property_identifier_pattern)
     (statement_identifier) (private_property_identifier)] @name
"""
DECLARATIONS = "[(lexical_declaration) (class_declaration)] @declaration"
ESCAPES = "[(string (escape_sequence) @escape) (template_string (escape_sequence) @escape)]"
#: Where any character may stand.
TEXTS = "[(comment) (string) (template_string) (regex) (hash_bang_line) (html_comment)] @text"
#: The parser takes one for a statement where it cannot be a block.
OBJECTS = "(expression_statement . (object) @object)"
#: The quotes that a web page or a word processor makes of ' and ".
_CURLY = {"\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2032": "'"}
#: Punctuation that names may have (Other_ID_Start, Other_ID_Continue of UAX #31).
_LETTERS_ALL_THE_SAME = "\u2118\u212e\u309b\u309c\u00b7\u0387\u30fb\uff65"
#: What the parser passes over as if it were a space: ZERO WIDTH SPACE, WORD JOINER.
_NO_SPACE = re.compile(b"\xe2\x80\x8b|\xe2\x81\xa0")
_CODE_POINT = re.compile(rb"\\u\{([0-9A-Fa-f]+)\}")
_ESCAPED_IN_NAME = re.compile(r"\\u(?:([0-9A-Fa-f]{4})|\{0*([0-9A-Fa-f]{1,16})[0-9A-Fa-f]*\})")
_MAX_CODE_POINT = 0x10FFFF
_NO_CHARACTER = "an escape here stands for no character that can be here. Correct it."


class EarlyError(t.NamedTuple):
    """Why Node.js would not start with a file, and where."""

    message: str
    #: The first is 1.
    line: int


def name_error(names: list[Node]) -> EarlyError | None:
    """The first name with a character that no name has.

    :param names: what `NAMES` captures
    """
    for node in sorted(names, key=lambda node: node.start_byte):
        text = (node.text or b"").decode("utf-8")
        if text.isascii() and "\\" not in text:
            continue
        escaped = [int(digits or more, 16) for digits, more in _ESCAPED_IN_NAME.findall(text)]
        if any(each > _MAX_CODE_POINT or (each > 0x7F and _is_no_letter(chr(each))) for each in escaped):
            return EarlyError(_NO_CHARACTER, _line(node))
        # Only what can be no letter: Node.js may know newer ones than Python.
        plain = _ESCAPED_IN_NAME.sub("_", re.sub(r"[$#\u200c\u200d]", "_", text))
        wrong = next((each for each in plain if _is_no_letter(each)), None)
        if wrong is None:
            continue
        if wrong in _CURLY:
            return EarlyError(f"{wrong} is no quote to JavaScript. Write {_CURLY[wrong]} in its place.", _line(node))
        if unicodedata.category(wrong) in ("Cf", "Cc", "Zs"):
            return EarlyError(_invisible(wrong), _line(node))
        return EarlyError(
            f"{wrong} (U+{ord(wrong):04X}) cannot be a part of a name. Remove it, or put the text in quotes.",
            _line(node),
        )
    return None


def _is_no_letter(character: str) -> bool:
    """Whether a character can be in no name: punctuation, symbols, spaces, controls."""
    if character == "_" or character.isalnum() or character in _LETTERS_ALL_THE_SAME:
        return False
    return (
        unicodedata.category(character)[0] in "PSZ" and unicodedata.category(character) != "Pc"
    ) or unicodedata.category(character) in ("Cc", "Cf")


def space_error(texts: list[Node], source: bytes) -> EarlyError | None:
    """The first character between words that is neither seen nor a space.

    :param texts: what `TEXTS` captures
    """
    ends = {node.start_byte: node.end_byte for node in texts}
    starts = sorted(ends)
    for character in _NO_SPACE.finditer(source):
        index = bisect.bisect_right(starts, character.start()) - 1
        if index < 0 or ends[starts[index]] <= character.start():
            line = source.count(b"\n", 0, character.start()) + 1
            return EarlyError(_invisible(character[0].decode("utf-8")), line)
    return None


def _invisible(character: str) -> str:
    return f"there is a character here that is not seen (U+{ord(character):04X}). Remove it."


def object_error(objects: list[Node]) -> EarlyError | None:
    """The first object that is a statement, which none can be.

    :param objects: what `OBJECTS` captures
    """
    for node in objects:
        if not _is_no_block(node):
            continue
        statement = node.parent
        block = statement.parent if statement else None
        if block is not None and block.type == "program" and block.named_child_count == 1:
            return EarlyError(
                "this is JSON, which exports nothing. Write `module.exports = ` in front of it.", _line(node)
            )
        return EarlyError(
            "an object stands here by itself, so that Node.js does not start with the file. Move what is in it into"
            " `module.exports = { ... }`.",
            _line(node),
        )
    return None


def _is_no_block(node: Node) -> bool:
    """Whether an object cannot be a block of statements, as `{ label: f() }` is one."""
    members = [child for child in node.named_children if child.type != "comment"]
    for index, member in enumerate(members):
        if member.type == "spread_element":
            return True
        key = member.child_by_field_name("key") if member.type == "pair" else None
        if key is not None and (index or key.type in ("string", "number", "computed_property_name")):
            return True
    return False


def escape_error(escapes: list[Node]) -> EarlyError | None:
    """The first escape that stands for a character beyond Unicode.

    :param escapes: what `ESCAPES` captures
    """
    for node in escapes:
        code_point = _CODE_POINT.fullmatch(node.text or b"")
        digits = code_point[1].lstrip(b"0") if code_point else b""
        if _is_tagged(node.parent):
            continue
        if len(digits) > len("10FFFF") or int(digits or b"0", 16) > _MAX_CODE_POINT:
            return EarlyError(_NO_CHARACTER, _line(node))
    return None


def _is_tagged(template: Node | None) -> bool:
    """Whether a function gets a template as it is written, so that any escape may stand in it."""
    around = template.parent if template is not None and template.type == "template_string" else None
    return around is not None and around.type == "call_expression"


def declaration_error(declarations: list[Node]) -> EarlyError | None:
    """The first name that is declared a second time where that is an error.

    :param declarations: what `DECLARATIONS` captures
    """
    # By the block, as the parser hands out new nodes for the same place.
    blocks = {declaration.parent.id: declaration.parent for declaration in declarations if declaration.parent}
    for block in sorted(blocks.values(), key=lambda node: node.start_byte):
        lexical: set[str] = set()
        plain: set[str] = set()
        for statement in block.named_children:
            for name in _declared(statement):
                text = (name.text or b"").decode("utf-8")
                is_lexical = statement.type in ("lexical_declaration", "class_declaration")
                if text in lexical or (is_lexical and text in plain):
                    return EarlyError(f"`{text}` is declared a second time here. Remove one of the two.", _line(name))
                (lexical if is_lexical else plain).add(text)
    return None


def _declared(statement: Node) -> list[Node]:
    """The names that a statement declares in its block."""
    if statement.type in ("lexical_declaration", "variable_declaration"):
        found = [
            each.child_by_field_name("name") for each in statement.named_children if each.type == "variable_declarator"
        ]
    elif statement.type in ("function_declaration", "generator_function_declaration", "class_declaration"):
        found = [statement.child_by_field_name("name")]
    else:
        return []
    # Names within a pattern are left to Node.js.
    return [name for name in found if name is not None and name.type == "identifier"]


def _line(node: Node) -> int:
    return node.start_point.row + 1
