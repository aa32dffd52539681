# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systemd drop-in of a Node-RED service: a file for the unit, and one for the variables beside it.

systemd shows ``Environment=`` of a unit to every user of the host, and a proxy's address may have a password. So the
variables are in an environment file that only root can read.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r'^([A-Za-z_][A-Za-z0-9_]*)="', re.MULTILINE)

#: The text of the drop-in file. %n is the name of the unit.
DROP_IN = """\
# Written by the Ansible collection pifleet.nodered, which overwrites it. Put settings of your own into another file.
[Service]
# Node-RED writes tokens and credentials anew at every change.
UMask=0077
# What nodered_environment says; it wins over the environment files of the unit itself.
EnvironmentFile=-/etc/systemd/system/%n.d/50-pifleet.environment
"""
_HEAD = "# Written by the Ansible collection pifleet.nodered, which overwrites it: set nodered_environment instead.\n"


class DropInError(UserError):
    """A variable that a service cannot be given."""


def environment_file(environment: Mapping[str, t.Any]) -> str:
    """The text of the environment file, empty where there are no variables.

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
        # systemd.exec(5), EnvironmentFile=: within double quotes as in a shell.
        escaped = re.sub(r'(["\\\\$`])', r"\\\1", text)
        lines.append(f'{name}="{escaped}"\n')
    return _HEAD + "".join(lines) if lines else ""


def variable_names(text: str) -> list[str]:
    """The names of the variables that an environment file sets."""
    return _VARIABLE.findall(text)
