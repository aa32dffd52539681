# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the command of a service comes down to that of Node-RED: past `env`, and past what `scripts` knows.

What starts a container or a process manager is told by its name: Node-RED is somewhere else then. So is what makes
another user of the service's.
"""

from __future__ import annotations

import os
import typing as t

from .command_line import PROGRAM
from .command_words import (
    ASSIGNMENT,
    PACKAGE_MANAGERS,
    SHELLS,
    Launch,
    hides,
    is_other_user,
    manager_of,
    position_of_program,
)

if t.TYPE_CHECKING:
    from collections.abc import Mapping

#: Scripts that start scripts: nobody has more.
_DEEPEST = 5


def launch(words: list[str], directory: str, environment: Mapping[str, str]) -> Launch:
    """What a service starts in the end. To be called with the rights of its user, whose files it reads.

    :param words: the words of its command line, with their variables expanded
    :param directory: its working directory
    :param environment: its environment
    """
    found = Launch(words, directory, environment)
    for _level in range(_DEEPEST):
        start = position_of_program(found.words)
        program = os.path.basename(found.words[start]) if start < len(found.words) else ""
        leading = found.words[:start]
        manager = manager_of(found.words, start)
        if manager:
            return found._replace(manager=manager)
        if is_other_user(found.words[: start + 1]):
            return found._replace(words=found.words[:1], manager="another user")
        if hides(leading):
            return found._replace(words=found.words[:1])
        given = dict(word.split("=", 1) for word in leading if ASSIGNMENT.match(word))
        if given:
            found = found._replace(environment={**found.environment, **given})
        if not program or PROGRAM.search(program):
            return found
        # Of no use to most hosts, and what travels to a host has no compiled files.
        from .scripts import of_package_manager, of_script, of_shell, shell_script

        command = found._replace(words=found.words[start:])
        if program in SHELLS:
            inner = of_shell(command)
        elif program in PACKAGE_MANAGERS:
            inner = of_package_manager(command)
            if inner is None:
                return found
        elif (script := shell_script(command)) is not None:
            inner = of_script(script, command)
        else:
            return found
        if inner is None:
            # The text may hold any word; a script in a file has its name.
            return found._replace(words=found.words[: start + 1])
        found = inner
    return found._replace(words=words[:1])
