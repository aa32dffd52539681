# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One visit of a host that only looks, with an end: what the module host_info does, by itself or without Ansible's library."""

from __future__ import annotations

import json
import os
import signal
import sys
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError

from .gather import gather

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import HostState

#: Seconds that one visit may take, on the slowest Pi.
LONGEST = 170
#: The options that are paths, see `HOST_ARGUMENTS`.
_PATHS = ("user_dir", "settings_path")


def _give_up(_signal: int, _frame: object) -> None:
    raise HostError(f"This host could not be read in {LONGEST} s.")


def visit(options: dict[str, t.Any]) -> HostState:
    """Read the state of one Node-RED, whatever a file, a program or a server of the host does to be waited for.

    :param options: those of `gather`
    :raises HostError: as `gather`, or it took longer than `LONGEST`
    """
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(LONGEST)
    return gather(**options)


def main(options: dict[str, t.Any]) -> None:
    """Print what the module host_info answers to these options, which the control node has checked."""
    paths = {name: os.path.expanduser(os.path.expandvars(options[name])) for name in _PATHS if options.get(name)}
    answer: dict[str, t.Any]
    try:
        answer = {"changed": False, **visit({**options, **paths})}
    except HostError as exc:
        answer = {"failed": True, "msg": str(exc), **exc.details}
    sys.stdout.write(f"{json.dumps(answer)}\n")
