# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The userDir that is written out in a settings.js, without Node.js: only where it can have no other value."""

from __future__ import annotations

import itertools
import re

#: The words of JavaScript. What is not closed takes the whole rest, so that nothing is looked at twice.
_WORD = re.compile(
    r"""(?P<comment>//[^\n]*|/\*[^*]*(?:\*(?!/)[^*]*)*\*/)"""
    r"""|'[^'\\\n]*(?:\\.[^'\\\n]*)*'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|`[^`\\]*(?:\\.[^`\\]*)*`"""
    r"""|(?P<open>(?:/\*|['"`]).*)"""
    r"""|[A-Za-z_$][\w$]*|\.\.\.|\S""",
    re.DOTALL,
)
_NAME = "userDir"
_KEYS = (_NAME, f"'{_NAME}'", f'"{_NAME}"')
_VALUE = re.compile(r"'([^'\\\0]+)'|\"([^\"\\\0]+)\"")
_EXPORTED = ["module", ".", "exports", "=", "{"]


def written_user_dir(text: str) -> str | None:
    """The value of the key `userDir` of `module.exports = {...}`.

    :param text: the settings file
    :returns: the string as it is written; None where there is none, or where anything is unclear
    """
    words = _words(text)
    # Another mention of `exports` may give it another value.
    if words is None or words.count("exports") != 1:
        return None
    begin = words.index("exports") + 2
    # How many brackets are open before each word, and behind the last one.
    depths = list(itertools.accumulate(((word in "{[(") - (word in "}])") for word in words), initial=0))
    end = next((index for index in range(begin + 1, len(words)) if depths[index + 1] == 0), None)
    if words[max(begin - 4, 0) : begin + 1] != _EXPORTED or depths[begin] or end is None:
        return None
    starts = [index for index in range(begin + 1, end) if depths[index] == 1 and words[index - 1] in "{,"]
    keys = [index for index in starts if words[index] in _KEYS]
    if len(keys) != 1:
        return None
    colon, value, comma = [*words[keys[0] + 1 : end + 1], "", ""][:3]
    # What comes later may have the same name, and an assignment outside gives it another value.
    later = any(words[index] in ("...", "[") for index in starts if index > keys[0])
    again = any(
        word == _NAME and depths[index] == int(begin < index < end) and index != keys[0]
        for index, word in enumerate(words)
    )
    found = _VALUE.fullmatch(value)
    if not found or colon != ":" or comma not in (",", "}") or later or again:
        return None
    return found[1] or found[2]


def _words(text: str) -> list[str] | None:
    """The words of a file without comments; None where they cannot be told without Node.js."""
    words = []
    for match in _WORD.finditer(text):
        word = match[0]
        # A regular expression may hold any word, and so may an expression in a template.
        if match["open"] or word == "/" or (word[0] == "`" and "${" in word):
            return None
        if not match["comment"]:
            words.append(word)
    return words
