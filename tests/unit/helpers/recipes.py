# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a page of the documentation tells its reader to write and to type."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import typing as t

import yaml

PROJECT = pathlib.Path(__file__).resolve().parents[3]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A part of a section: one for each YAML block that sets variables of an earlier one anew.

    :ivar title: the heading
    :ivar variables: of its YAML blocks together
    :ivar inventory: its blocks in INI format but for that of ansible.cfg, else empty
    :ivar configuration: its block for ansible.cfg, else empty
    """

    title: str
    variables: dict[str, t.Any]
    inventory: str = ""
    configuration: str = ""


def recipes(page: str) -> list[Recipe]:
    """The recipes of a page, by its path in the repository."""
    found = []
    for section in re.split(r"^##+ ", _text(page), flags=re.MULTILINE)[1:]:
        blocks = _BLOCK.findall(section)
        title = section.partition("\n")[0]
        configuration = "".join(text for kind, text in blocks if kind == "ini" and text.startswith("[defaults]"))
        inventory = "".join(text for kind, text in blocks if kind == "ini" and text not in configuration)
        together: dict[str, t.Any] = {}
        for kind, text in blocks:
            variables = yaml.safe_load(text) if kind == "yaml" else None
            if not variables:
                continue
            if set(variables) & set(together) or {"nodered_proxy"} & set(together):
                found.append(Recipe(title, together))
                together = {}
            together = {**together, **variables}
        if together or inventory:
            found.append(Recipe(title, together, inventory, configuration))
    return found


def commands(page: str) -> list[str]:
    """The commands that a page has after a prompt, without the comments behind them."""
    lines = [line for kind, text in _BLOCK.findall(_text(page)) if kind == "console" for line in text.splitlines()]
    return [line[2:].partition("  #")[0].strip() for line in lines if line.startswith("$ ")]


def _text(page: str) -> str:
    return (PROJECT / page).read_text("utf-8")
