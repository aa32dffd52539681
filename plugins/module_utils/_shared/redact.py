# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes secrets out of strings that a person is to read: log lines, error messages, differences between files.

Works on strings that need not be valid JavaScript, such as the line of settings.js that Node.js quotes in a SyntaxError.
"""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable

HIDDEN = "********"

_HASH = re.compile(r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{10,}")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
#: `password: "…"`, `"pass" : '…'`, `credentialSecret = …` and the like: a key that names a secret, then a literal. What
#: the name begins with is left to stand: to look for it from each of its characters would take quadratic time.
_ASSIGNED = re.compile(
    r"""(?P<key>(?:pass(?:word|phrase)?|secret|token|bearer|key|pin)["']?\s*[:=]\s*)"""
    r"""(?P<quote>["'`])(?!(?P=quote)|\Z)"""
    r"""(?P<value>[^"'`\\]*(?:(?:\\.|(?!(?P=quote))["'`])[^"'`\\]*)*\\?)(?P=quote)?""",
    re.IGNORECASE | re.DOTALL,
)
_URL = re.compile(r"(?P<user>(?<=[a-z0-9+.-])://[^\s:/@]+):[^\s/@]+@", re.IGNORECASE)


def redact(string: str, hide: Callable[[str], str] = lambda secret: HIDDEN) -> str:
    """Hide password hashes, private keys, and literals that a secret's name stands before.

    :param string: what a person is to read
    :param hide: says for a secret what stands in its place
    :returns: the string without its secrets
    """
    string = _PEM.sub(HIDDEN, string)
    string = _ASSIGNED.sub(lambda each: each["key"] + each["quote"] + hide(each["value"]) + each["quote"], string)
    string = _HASH.sub(lambda each: hide(each[0]), string)
    return _URL.sub(lambda each: f"{each['user']}:{HIDDEN}@", string)
