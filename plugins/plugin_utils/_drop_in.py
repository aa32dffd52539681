# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systemd drop-in file of a Node-RED service."""

from __future__ import annotations

import re
import typing as t

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r'^Environment="([A-Za-z_][A-Za-z0-9_]*)=', re.MULTILINE)

_TEXT = """\
# Written by the Ansible collection pifleet.nodered, which overwrites it. Put settings of your own into another file.
[Service]
# Node-RED writes tokens and credentials anew at every change.
UMask=0077
"""


class DropInError(Exception):
    """A variable that a systemd unit cannot carry."""


def drop_in(environment: t.Mapping[str, t.Any]) -> str:
    """The text of the drop-in file.

    :param environment: variables for the service; values are text or numbers
    :raises DropInError: a name or a value that systemd would not take as it is meant
    """
    lines = []
    for name, value in environment.items():
        if not _NAME.fullmatch(str(name)):
            raise DropInError(f"nodered_environment: {name!r} is no name of a variable. Use letters, digits and _.")
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise DropInError(f"nodered_environment, {name}: the value must be text. Put it in quotes.")
        text = str(value)
        if not text.isprintable():
            raise DropInError(f"nodered_environment, {name}: the value has a line break or a control character.")
        # systemd.syntax(7): backslash and quote are escaped; systemd.unit(5): % begins a specifier.
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
        lines.append(f'Environment="{name}={escaped}"\n')
    return _TEXT + "".join(lines)


def variable_names(text: str) -> list[str]:
    """The names of the variables that a drop-in file sets."""
    return _VARIABLE.findall(text)
