# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables that roles and playbooks of this collection read, to tell a misspelt one from somebody's own."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

from .paths import COLLECTION

_VARIABLE = re.compile(r"\bnodered_\w+")
#: So alike that nobody gives two variables such names on purpose.
_ALIKE = 0.9


# Read at import, once in the process that those of the tasks are forked from.
_KNOWN = frozenset(
    name
    for file in (*COLLECTION.glob("playbooks/**/*.yml"), *COLLECTION.glob("roles/*/*/main.yml"))
    for name in _VARIABLE.findall(file.read_text("utf-8"))
)


#: The same, but for names of groups, which stand in quotes.
_EVALUATED = re.compile(r"(?<!['\w])nodered_\w+")
#: What Ansible evaluates of a play before it knows a host.
_BEFORE_HOSTS = ("hosts", "serial")
#: The variables that count on the command line alone.
COMMAND_LINE_ONLY = frozenset(
    name
    for file in COLLECTION.glob("playbooks/*.yml")
    for play in yaml_load(file.read_text("utf-8"))
    for keyword in _BEFORE_HOSTS
    for name in _EVALUATED.findall(str(play.get(keyword, "")))
) | {"nodered_validate_lookups"}


def known_variables() -> frozenset[str]:
    """Every variable that a playbook or a role of this collection mentions."""
    return _KNOWN


def misspelt(names: t.Iterable[str]) -> dict[str, str]:
    """The names that are most likely meant for one of this collection's variables, each with that one."""
    found = {}
    for name in names:
        if name.startswith("nodered_") and name not in _KNOWN:
            alike = difflib.get_close_matches(name, _KNOWN, 1, _ALIKE)
            if alike:
                found[name] = alike[0]
    return found


def check_names(names: t.Iterable[str]) -> None:
    """Refuse a variable that nobody would read: what it asks for would be missing without a word.

    :param names: names of variables, also such as are not this collection's
    :raises UserError: one is most likely misspelt
    """
    for name, meant in misspelt(names).items():
        raise UserError(
            f"{name} is not a variable of this collection. Did you mean {meant}? If it is one of your own, give it"
            " another name."
        )
