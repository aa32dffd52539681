# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles take, read from their own files: whoever adds a variable there has it checked here."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.module_utils.common.yaml import yaml_load

from .argument_specs import validated
from .paths import COLLECTION


def _loaded(file: pathlib.Path) -> t.Any:
    return yaml_load(file.read_text("utf-8"))


# All of it is read at import, once in the process that those of the tasks are forked from: YAML is slow to read.

#: The options of each role, by the names of their variables, as an argument specification.
OPTIONS_BY_ROLE: dict[str, dict[str, dict[str, t.Any]]] = {
    file.parents[1].name: _loaded(file)["argument_specs"]["main"]["options"]
    for file in sorted(COLLECTION.glob("roles/*/meta/argument_specs.yml"))
}

#: The options of all roles. Roles agree on those they share.
ROLE_OPTIONS: dict[str, dict[str, t.Any]] = {
    name: option for options in OPTIONS_BY_ROLE.values() for name, option in options.items()
}

#: What a variable is where nobody sets it.
ROLE_DEFAULTS: dict[str, t.Any] = {
    name: option["default"] for name, option in ROLE_OPTIONS.items() if "default" in option
}

_KINDS = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "a string",
}


def wrong_type(name: str, value: t.Any) -> str:
    """What is wrong with the type of a variable's value, in a sentence without the value; empty where nothing is.

    :param name: a variable of a role
    """
    option = ROLE_OPTIONS[name]
    # The validator's own words would show the value.
    return "" if validated({name: option}, {name: value}) is not None else f"{name} must be {_kind(option)}."


def _kind(option: t.Mapping[str, t.Any]) -> str:
    """What an option may be, for people."""
    if option.get("choices"):
        return "one of " + ", ".join(str(choice) or "nothing" for choice in option["choices"])
    kind = _KINDS.get(option.get("type", "str"), "another value")
    entries = {"dict": " of mappings", "int": " of whole numbers", "str": " of strings"}
    return kind + entries.get(option.get("elements", ""), "")
