# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles take and hand on, read from their own files: whoever adds a variable there has it checked here."""

from __future__ import annotations

import pathlib
import typing as t

import yaml

from .paths import COLLECTION

_ROLES = COLLECTION / "roles"


def _loaded(file: pathlib.Path) -> t.Any:
    return yaml.safe_load(file.read_text("utf-8"))


# All of it is read at import, once in the process that those of the tasks are forked from: YAML is slow to read.

#: The options of all roles, by the names of their variables, as an argument specification. Roles agree on shared ones.
ROLE_OPTIONS: dict[str, dict[str, t.Any]] = {
    name: option
    for file in sorted(_ROLES.glob("*/meta/argument_specs.yml"))
    for name, option in _loaded(file)["argument_specs"]["main"]["options"].items()
}

#: What a variable is where nobody sets it.
ROLE_DEFAULTS: dict[str, t.Any] = {
    name: option["default"] for name, option in ROLE_OPTIONS.items() if "default" in option
}

#: What each role gives to this collection's modules, as templates: by role and module, then by option.
MODULE_ARGUMENTS: dict[tuple[str, str], dict[str, str]] = {
    (file.parents[1].name, name.removeprefix("pifleet.nodered.")): arguments
    for file in sorted(_ROLES.glob("*/tasks/main.yml"))
    for task in _loaded(file)
    for name, arguments in task.items()
    if name.startswith("pifleet.nodered.")
}
