# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a command that starts Node-RED: which of them is the program, and what those before it do."""

from __future__ import annotations

import itertools
import os
import re
import typing as t

from .command_line import PROGRAM

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import Manager

#: What gives a variable a value.
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
#: Programs that start Node-RED somewhere else, by their names.
MANAGERS: dict[str, Manager] = {
    "docker": "docker",
    "docker-compose": "docker",
    "podman": "podman",
    "podman-compose": "podman",
    "conmon": "podman",
    "pm2": "pm2",
    "snap": "snap",
}
SHELLS = ("sh", "bash", "dash", "zsh")
NPM = "npm"
PACKAGE_MANAGERS = (NPM, "pnpm", "yarn")
#: Programs that run another one as another user.
_SWITCHES = ("sudo", "su", "runuser", "setpriv", "gosu", "su-exec", "doas", "pkexec", "chpst", "setuidgid")
#: Options of setpriv that do so, also when they are cut short.
_OTHER_ID = re.compile("--(?:r|e|re)u")
#: Programs that give it variables.
_GIVE_VARIABLES = ("env", "cross-env")
#: Programs that give it variables, or another file system, which stand somewhere else.
_HIDE = ("dotenv", "dotenvx", "env-cmd", "direnv", "envdir", "chroot")
#: Programs that run another one, whose words follow.
_WRAPPERS = (
    *("exec", "nice", "ionice", "nohup", "setsid", "stdbuf", "taskset", "time"),
    *("node", "nodejs", "npx"),
    *_GIVE_VARIABLES,
    *_HIDE,
    *_SWITCHES,
)


class Launch(t.NamedTuple):
    """The command that starts Node-RED, as far as it is known."""

    #: Its words, with all variables expanded; without the text of a shell that could not be followed.
    words: list[str]
    #: Its working directory.
    directory: str
    #: All of its variables.
    environment: Mapping[str, str]
    #: Directories that come before the PATH of the service, as npm puts them there.
    path: tuple[str, ...] = ()
    #: What starts Node-RED somewhere else, or as another user; None where the service itself does.
    manager: Manager | None = None


def position_of_program(words: list[str]) -> int:
    """The position of the program behind env and the like; the length where there is none."""
    for index, word in enumerate(words):
        if ASSIGNMENT.match(word):
            continue
        name = os.path.basename(word)
        if PROGRAM.search(word) or name in (*SHELLS, *PACKAGE_MANAGERS, *MANAGERS):
            return index
        # Options of a wrapper, and their values, are passed over; what else stands first is a program of its own.
        if index == 0 and not _is_wrapper(word):
            return index
    # A script of the owner's own behind one.
    return next(
        (index for index, word in enumerate(words) if "/" in word and word[0] != "-" and not _is_wrapper(word)),
        len(words),
    )


def _is_wrapper(word: str) -> bool:
    return os.path.basename(word) in _WRAPPERS or ASSIGNMENT.match(word) is not None


def manager_of(words: list[str], start: int) -> Manager | None:
    """What starts Node-RED somewhere else: the program itself, or the script that a Node.js runs."""
    for word in words[: start + 1]:
        if word.startswith("/snap/"):
            return "snap"
        if os.path.basename(word) in MANAGERS and "=" not in word:
            return MANAGERS[os.path.basename(word)]
    return None


def is_other_user(words: list[str]) -> bool:
    """Whether a program among these makes another user of the service's, whose home and rights are not known."""
    names = [os.path.basename(word) for word in words if not ASSIGNMENT.match(word)]
    return any(name in _SWITCHES and (name != "setpriv" or any(map(_OTHER_ID.match, words))) for name in names)


def hides(words: list[str]) -> bool:
    """Whether a program among these may change variables, or files, in a way that its words do not tell."""
    names = [os.path.basename(word) for word in words]
    behind = next((index for index, name in enumerate(names) if name in _GIVE_VARIABLES), len(words)) + 1
    options = itertools.takewhile(lambda word: word[:1] == "-" or ASSIGNMENT.match(word), words[behind:])
    return (
        any(name in _HIDE for name in names)
        or any(word.startswith("--env-file") for word in words)
        or any(word[0] == "-" and word not in ("--", "-v", "--debug") for word in options)
    )
