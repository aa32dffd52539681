# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a module that runs on the control node, read from its own documentation: one place for both."""

from __future__ import annotations

import importlib
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load

_PACKAGE = "ansible_collections.pifleet.nodered.plugins"
#: What an argument specification knows of a documented option.
_KEPT = ("type", "elements", "required", "default", "choices", "aliases")


def argument_spec(module: str) -> dict[str, dict[str, t.Any]]:
    """The argument specification of one of this collection's modules, with the options of its fragments."""
    documentation = yaml_load(importlib.import_module(f"{_PACKAGE}.modules.{module}").DOCUMENTATION)
    options = dict(documentation.get("options", {}))
    for name in documentation.get("extends_documentation_fragment", []):
        fragment, _dot, section = name.removeprefix("pifleet.nodered.").partition(".")
        found = importlib.import_module(f"{_PACKAGE}.doc_fragments.{fragment}").ModuleDocFragment
        text = getattr(found, section.upper() or "DOCUMENTATION")
        options.update(yaml_load(text).get("options", {}))
    return {name: {key: option[key] for key in _KEPT if key in option} for name, option in options.items()}


def validated(spec: dict[str, dict[str, t.Any]], given: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """The given values and the defaults of all others, as the specification takes them; None where it refuses one."""
    try:
        validation = ArgumentSpecValidator(spec).validate(given)
    except OverflowError:
        # Ansible's own, for an infinite number.
        return None
    return None if validation.error_messages else validation.validated_parameters
