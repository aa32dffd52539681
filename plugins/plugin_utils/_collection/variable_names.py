# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables that roles and playbooks of this collection read, to tell a misspelt one from somebody's own."""

from __future__ import annotations

import difflib
import re
import typing as t

from .paths import COLLECTION

_VARIABLE = re.compile(r"\bnodered_\w+")
#: So alike that nobody gives two variables such names on purpose.
_ALIKE = 0.9


def known_variables() -> set[str]:
    """Every variable that a playbook or a role of this collection mentions."""
    files = [*COLLECTION.glob("playbooks/**/*.yml"), *COLLECTION.glob("roles/*/*/main.yml")]
    return {name for file in files for name in _VARIABLE.findall(file.read_text("utf-8"))}


def misspelt(names: t.Iterable[str]) -> dict[str, str]:
    """The names that are most likely meant for one of this collection's variables, each with that one."""
    known = known_variables()
    found = {}
    for name in names:
        if name.startswith("nodered_") and name not in known:
            alike = difflib.get_close_matches(name, known, 1, _ALIKE)
            if alike:
                found[name] = alike[0]
    return found
