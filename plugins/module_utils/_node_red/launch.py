# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the command of a service comes down to that of Node-RED: past `env`, `npm start` and `sh -c`.

What starts a container or a process manager is told by its name: Node-RED is somewhere else then.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import MAXIMUM_OF_TEXT, read

from .command_line import PROGRAM

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import Manager

#: Programs that start Node-RED somewhere else, by their names.
_MANAGERS: dict[str, Manager] = {
    "docker": "docker",
    "docker-compose": "docker",
    "podman": "podman",
    "podman-compose": "podman",
    "conmon": "podman",
    "pm2": "pm2",
    "snap": "snap",
}
_SHELLS = ("sh", "bash", "dash", "zsh")
_PACKAGE_MANAGERS = ("npm", "pnpm", "yarn")
#: Words of npm that come before the name of a script.
_RUN = ("run", "run-script")
#: Its options that name the directory of package.json.
_DIRECTORY = ("--prefix", "-C", "--cwd", "--dir")
#: What separates the commands of a shell; of several words, one is a part of another.
_OPERATORS = ("&&", "||", ";", "|", "&", "\n")
#: Scripts that start scripts: nobody has more.
_DEEPEST = 5


class Launch(t.NamedTuple):
    """The command that starts Node-RED, as far as it is known."""

    #: Its words, with all variables expanded.
    words: list[str]
    #: Its working directory.
    directory: str
    #: Directories that come before the PATH of the service, as npm puts them there.
    path: tuple[str, ...] = ()
    #: What starts Node-RED somewhere else; None where the service itself does.
    manager: Manager | None = None


def launch(words: list[str], directory: str, environment: Mapping[str, str]) -> Launch:
    """What a service starts in the end. To be called with the rights of its user, whose files it reads.

    :param words: the words of its command line, with their variables expanded
    :param directory: its working directory
    :param environment: its environment, for the variables in commands of a shell
    """
    found = Launch(words, directory)
    for _level in range(_DEEPEST):
        before = list(itertools.takewhile(lambda word: not PROGRAM.search(word), found.words))
        manager: Manager | None = next(filter(None, map(_manager, found.words[: len(before) + 1])), None)
        # Behind env and the like, which hand on all that follows.
        start = next((index for index, word in enumerate(before) if _is_program(word)), None)
        inner = None
        if start is not None and not manager:
            command = found._replace(words=found.words[start:])
            of_shell = os.path.basename(command.words[0]) in _SHELLS
            inner = _of_shell(command, environment) if of_shell else _of_package_manager(command)
        if inner is None:
            return found._replace(manager=manager)
        found = inner
    return found


def _is_program(word: str) -> bool:
    """Whether a word is a program behind which Node-RED may be found."""
    return os.path.basename(word) in (*_SHELLS, *_PACKAGE_MANAGERS)


def _manager(word: str) -> Manager | None:
    return "snap" if word.startswith("/snap/") else _MANAGERS.get(os.path.basename(word))


def _of_shell(found: Launch, environment: Mapping[str, str]) -> Launch | None:
    """What `sh -c "..."` starts; None where that is not told by its text."""
    options = [index for index, word in enumerate(found.words) if re.fullmatch(r"-[a-z]*c", word)]
    # Where systemd has lost the quotes, the words behind it are one text.
    return _of_text(" ".join(found.words[options[0] + 1 :]), found, environment) if options else None


def _of_text(text: str, found: Launch, environment: Mapping[str, str]) -> Launch | None:
    """What the one command of a shell's text starts that has Node-RED or npm in it."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError:
        return None
    commands: list[list[str]] = [[]]
    for token in tokens:
        if token in _OPERATORS:
            commands.append([])
        else:
            commands[-1].append(_expanded(token, environment))
    directory, result = found.directory, None
    for command in commands:
        if command[:1] == ["cd"] and len(command) == 2:
            home = environment.get("HOME", "/")
            target = home + command[1][1:] if re.match("~(?:/|$)", command[1]) else command[1]
            directory = os.path.normpath(os.path.join(directory, target))
        elif any(PROGRAM.search(word) or _is_program(word) for word in command):
            if result is not None:
                return None
            result = found._replace(words=_without_redirections(command), directory=directory)
    return result


def _expanded(token: str, environment: Mapping[str, str]) -> str:
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda variable: environment.get(variable[1] or variable[2], ""), token)


def _without_redirections(command: list[str]) -> list[str]:
    """The words of a command up to the first redirection, without what a shell reads before a program."""
    words = command[1:] if command[:1] == ["exec"] else command
    end = next((index for index, word in enumerate(words) if word in (">", ">>", "<", ">&")), len(words))
    # `2>` comes as two words.
    return words[: end - 1] if 0 < end < len(words) and words[end - 1].isdigit() else words[:end]


def _of_package_manager(found: Launch) -> Launch | None:
    """What `npm start` or `npm run NAME` starts, by the package.json of its directory."""
    end = found.words.index("--") if "--" in found.words else len(found.words)
    own, handed_on = found.words[1:end], found.words[end + 1 :]
    directory, names = found.directory, []
    words = iter(own)
    for word in words:
        name, equals, value = word.partition("=")
        if name in _DIRECTORY:
            directory = os.path.normpath(os.path.join(directory, value if equals else next(words, "")))
        elif not word.startswith("-") and word not in _RUN:
            names.append(word)
    script = _script(directory, names[0]) if names else None
    if script is None:
        return None
    text = " ".join([script, *map(shlex.quote, handed_on)])
    inner = _of_text(text, found._replace(directory=directory), {})
    return inner and inner._replace(path=(os.path.join(directory, "node_modules/.bin"), *inner.path))


def _script(directory: str, name: str) -> str | None:
    """A script of a package.json, or None."""
    try:
        package = json.loads(read(os.path.join(directory, "package.json"), None, MAXIMUM_OF_TEXT) or b"null")
    except (HostError, ValueError, RecursionError):
        return None
    scripts = package.get("scripts") if isinstance(package, dict) else None
    script = scripts.get(name) if isinstance(scripts, dict) else None
    return script if isinstance(script, str) and len(script) < 10_000 else None
