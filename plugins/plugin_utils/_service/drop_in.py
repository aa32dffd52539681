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

LOWEST_PORT = 1
#: Below it, only root may listen, or who has the capability for it.
_FIRST_FREE_PORT = 1024
_UMASK = re.compile(r"0[0-7]{3}")

#: %n is the name of the unit.
_DROP_IN = """\
# Written by the Ansible collection pifleet.nodered, which overwrites it. Put settings of your own into another file.
[Service]
# Node-RED writes tokens and credentials anew at every change; so do flows with their own files.
UMask={umask}
{capability}\
# What nodered_environment says; it wins over the environment files of the unit itself.
EnvironmentFile=-/etc/systemd/system/%n.d/50-pifleet.environment
"""
_CAPABILITY = """\
# For a port below 1024, without the other rights of root.
AmbientCapabilities=CAP_NET_BIND_SERVICE
"""
_HEAD = "# Written by the Ansible collection pifleet.nodered, which overwrites it: set nodered_environment instead.\n"


class DropInError(UserError):
    """A variable that a service cannot be given."""


def drop_in(umask: str, port: int | None) -> str:
    """The text of the drop-in file.

    :param umask: what is taken away from the rights of new files: "0077" leaves them to the service's user, "0027" lets
        its group read, "0022" everybody who may enter their directory
    :param port: the port that Node-RED listens on, where it is known
    :raises DropInError: the umask is none, or one that would let others write
    """
    if not _UMASK.fullmatch(umask) or int(umask, 8) & 0o022 != 0o022 or int(umask, 8) & 0o700:
        raise DropInError(
            f'nodered_umask: {umask!r} must be "0077" (only Node-RED\'s user reads new files), "0027" (its group too) or'
            ' "0022" (everybody), in quotes, because YAML takes 0077 for another number.'
        )
    is_low = port is not None and 0 < port < _FIRST_FREE_PORT
    return _DROP_IN.format(umask=umask, capability=_CAPABILITY if is_low else "")


def umask_of(text: str) -> str | None:
    """The umask of a drop-in file that was written so; None where it is another file."""
    found = re.search(r"^UMask=(0[0-7]{3})$", text, re.MULTILINE)
    return found[1] if found else None


def means_the_same(one: str, other: str) -> bool:
    """Whether two drop-in files say the same to systemd, whatever their comments."""
    lines = [[line for line in text.splitlines() if line and not line.startswith("#")] for text in (one, other)]
    return lines[0] == lines[1]


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
