# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of a host or of a file, so that a terminal, a log, CI or a report shows it and does not obey it."""

from __future__ import annotations

import re

# What a terminal obeys, what turns the direction of writing, what starts another line unasked, what XML cannot hold.
# And how a command begins that CI obeys when it is in a log: `##vso[...]` of Azure Pipelines, `::error::` of GitHub.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
    r"|#(?=#\w{0,20}\[)|(?<!\S):(?=:[A-Za-z-]{2,30}(?: [^\n]{0,200})?::)"
)


def printable(text: str) -> str:
    r"""A text of a host or a file with what is not shown written as in Python, such as \x1b; lines and tabs stay."""
    return _UNPRINTABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def one_line(text: str) -> str:
    """The same in one line."""
    return printable(" ".join(text.split()))
