# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes secrets out of text that a person is to read: log lines, error messages, differences between files.

Works on text that need not be valid JavaScript, such as the line of settings.js that Node.js quotes in a SyntaxError.
"""

from __future__ import annotations

import re

HIDDEN = "********"

_HASH = re.compile(r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{10,}")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
#: `password: "…"`, `"pass" : '…'`, `credentialSecret = …` and the like: a key that names a secret, then a literal.
_ASSIGNED = re.compile(
    r"""(?P<key>["']?[\w-]*(?:pass(?:word|phrase)?|secret|token|bearer|key|pin)["']?\s*[:=]\s*)"""
    r"""(?P<quote>["'`])(?P<value>(?:\\.|(?!(?P=quote)).)+)(?P=quote)?""",
    re.IGNORECASE | re.DOTALL,
)
_URL = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://[^\s:/@]+):[^\s/@]+@", re.IGNORECASE)


def redact(text, hide=lambda secret: HIDDEN):
    """The text with password hashes, private keys, and literals that a secret's name stands before, hidden.

    ``hide`` says what stands in the place of a secret.
    """
    text = _PEM.sub(HIDDEN, text)
    text = _ASSIGNED.sub(lambda found: found["key"] + found["quote"] + hide(found["value"]) + found["quote"], text)
    text = _HASH.sub(lambda found: hide(found[0]), text)
    return _URL.sub(lambda found: found["scheme"] + ":" + HIDDEN + "@", text)
