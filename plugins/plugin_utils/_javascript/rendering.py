# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values to JavaScript, written as the file around them is."""

from __future__ import annotations

import math
import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .parser import MAX_DEPTH, SettingsError, captures, tree_of
from .values import _SINGLE_ESCAPES, Expression

# --- Python values to code -------------------------------------------------------------------------------------------

_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")

_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]|</")

_NAMED_ESCAPES = {value: "\\" + letter for letter, value in _SINGLE_ESCAPES.items()} | {"\\": "\\\\", "</": "<\\/"}

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Style:
    """How a file writes what the editor adds."""

    eol: str = "\n"
    unit: str = "    "
    quote: str = '"'
    quoted_keys: bool = False

    def replaced(self, **changes: t.Any) -> Style:
        return replace(self, **changes)


def plain(value: t.Any, depth: int = 0) -> t.Any:
    """A copy of a JSON-like value in Python's own types, or a SettingsError."""
    if depth > MAX_DEPTH:
        raise SettingsError("the given value is nested too deeply.")
    if value is None or isinstance(value, (bool, Expression)):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise SettingsError("a key of the given value is not a string. Quote it.")
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    raise SettingsError(f"a value of type {type(value).__name__} cannot be written to settings.js.")


def render(value: t.Any, style: Style, indent: str = "", inline: bool = False) -> str:
    """The code for a value that starts on a line with that indentation; objects take one line per key."""
    if isinstance(value, Expression):
        return value.code if value.verbatim else _render_expression(value.code, style, indent)
    if isinstance(value, dict):
        return _render_object(value, style, indent, inline)
    if isinstance(value, list):
        return "[" + ", ".join(render(item, style, indent, inline) for item in value) + "]"
    if isinstance(value, str):
        return render_string(value, style.quote)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        return repr(value)
    except ValueError:
        raise SettingsError("the given number has too many digits.") from None


def _render_object(value: dict[str, t.Any], style: Style, indent: str, inline: bool) -> str:
    if not value:
        return "{}"
    inner = indent if inline else indent + style.unit
    members = [f"{render_key(key, style)}: {render(item, style, inner, inline)}" for key, item in value.items()]
    if inline:
        return "{" + ", ".join(members) + "}"
    return f"{{{style.eol}{inner}" + f",{style.eol}{inner}".join(members) + f"{style.eol}{indent}}}"


def _render_expression(code: str, style: Style, indent: str) -> str:
    # Spaces count inside template strings and continued strings.
    margin = "" if _has_string_of_lines(code) else indent
    return (style.eol + margin).join(_LINE_BREAK.split(code))


def _has_string_of_lines(code: str) -> bool:
    """Whether a string of some code is written on more than one line."""
    if "`" not in code and "\\" not in code:
        return False
    strings = captures("[(string) (template_string)] @string", tree_of(f"({code}\n)".encode())).get("string", [])
    return any(string.start_point.row != string.end_point.row for string in strings)


def render_key(name: str, style: Style) -> str:
    if name == "__proto__":
        return "[" + render_string(name, style.quote) + "]"
    return name if _IDENTIFIER.match(name) and not style.quoted_keys else render_string(name, style.quote)


def render_string(value: str, quote: str) -> str:
    return quote + _UNSAFE.sub(_escape, value).replace(quote, "\\" + quote) + quote


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _NAMED_ESCAPES:
        return _NAMED_ESCAPES[character]
    return f"\\x{ord(character):02x}" if ord(character) < 0x100 else f"\\u{ord(character):04x}"
