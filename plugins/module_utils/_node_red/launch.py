# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the command of a service comes down to that of Node-RED: past `env`, `npm start`, `sh -c` and small scripts.

What starts a container or a process manager is told by its name: Node-RED is somewhere else then.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
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
_NPM = "npm"
_PACKAGE_MANAGERS = (_NPM, "pnpm", "yarn")
#: Programs that run another one, whose words follow.
_WRAPPERS = (
    *("env", "exec", "nice", "ionice", "nohup", "setsid", "stdbuf", "sudo", "taskset", "time"),
    *("node", "nodejs", "npx"),
)
#: Words of npm that come before the name of a script.
_RUN = ("run", "run-script")
#: Its options that name the directory of package.json.
_DIRECTORY = ("--prefix", "-C", "--cwd", "--dir")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
#: What names the shell of a script in its first line.
_SHEBANG = re.compile(rb"#![^\n]*\b(?:%s)\b" % "|".join(_SHELLS).encode())
#: What makes a command of a shell run only sometimes, or later.
_BRANCHES = ("if", "for", "while", "until", "case", "function", "{", "set")
#: What only the shell itself knows.
_COMPUTED = re.compile(r"[$`]")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
#: What separates the commands of a shell, and what leads their output elsewhere.
_SEPARATOR = re.compile(r"[;&|()\n]+")
_REDIRECTION = re.compile(r"[<>&|]+")
#: Scripts that start scripts: nobody has more.
_DEEPEST = 5


class Launch(t.NamedTuple):
    """The command that starts Node-RED, as far as it is known."""

    #: Its words, with all variables expanded; without the text of a shell that could not be followed.
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
        start = _start(found.words)
        program = os.path.basename(found.words[start]) if start < len(found.words) else ""
        manager = _manager(found.words, start)
        if manager:
            return found._replace(manager=manager)
        command = found._replace(words=found.words[start:])
        if program in _SHELLS:
            inner = _of_shell(command, environment)
            if inner is None:
                # The text may hold any word; a script in a file has its name.
                return found._replace(words=found.words[: start + 1])
        elif program in _PACKAGE_MANAGERS:
            inner = _of_package_manager(command, environment)
        elif program and not PROGRAM.search(program):
            inner = _of_script(command, environment)
        else:
            return found
        if inner is None:
            return found
        found = inner
    return found


def _start(words: list[str]) -> int:
    """The position of the program behind env and the like; the length where there is none."""
    for index, word in enumerate(words):
        name = os.path.basename(word)
        if PROGRAM.search(word) or name in (*_SHELLS, *_PACKAGE_MANAGERS, *_MANAGERS):
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
    return os.path.basename(word) in _WRAPPERS or _ASSIGNMENT.match(word) is not None


def _manager(words: list[str], start: int) -> Manager | None:
    """What starts Node-RED somewhere else: the program itself, or the script that a Node.js runs."""
    for word in words[: start + 1]:
        if word.startswith("/snap/"):
            return "snap"
        if os.path.basename(word) in _MANAGERS and "=" not in word:
            return _MANAGERS[os.path.basename(word)]
    return None


def _of_shell(found: Launch, environment: Mapping[str, str]) -> Launch | None:
    """What `sh -c "..."` or `sh FILE` starts; None where that is not told by its text."""
    options = [index for index, word in enumerate(found.words) if re.fullmatch(r"-[a-z]*c", word)]
    if options:
        # Where systemd has lost the quotes, the words behind it are one text.
        return _of_text(" ".join(found.words[options[0] + 1 :]), found, environment)
    start = next((index for index, word in enumerate(found.words) if index and not word.startswith("-")), None)
    return _of_script(found._replace(words=found.words[start:]), environment) if start else None


def _of_script(found: Launch, environment: Mapping[str, str]) -> Launch | None:
    """What a script of a shell starts; None where that is not told by its text."""
    content = _shell_script(found, environment)
    if content is None:
        return None
    lines = content.replace("\\\n", " ").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    # `exec node-red "$@"` hands on what the script was given.
    text = re.sub(r'"\$@"|\$@|\$\*', lambda _all: " ".join(map(shlex.quote, found.words[1:])), text)
    return _of_text(text, found, environment)


def _shell_script(found: Launch, environment: Mapping[str, str]) -> str | None:
    """The text of the script that a command runs; None where it is none of a shell."""
    name = found.words[0]
    path = os.path.join(found.directory, name) if "/" in name else shutil.which(name, path=environment.get("PATH", ""))
    try:
        content = read(path, None, MAXIMUM_OF_TEXT) if path else None
    except HostError:
        return None
    return content.decode("utf-8", "replace") if content and _SHEBANG.match(content) else None


def _of_text(text: str, found: Launch, environment: Mapping[str, str]) -> Launch | None:
    """What the one command of a shell's text starts that runs Node-RED, or something that may; None for several."""
    variables, directory, result, others = dict(environment), found.directory, None, []
    try:
        commands = _commands(text)
    except ValueError:
        return None
    for raw, certain in commands:
        command = [_expanded(word, variables) for word in raw]
        if command[:1] == ["cd"] and len(command) == 2:
            directory = os.path.normpath(os.path.join(directory, command[1]))
        elif certain and (assigned := _assigned(command)):
            variables.update(assigned)
        elif _is_start(command):
            if result is not None:
                return None
            result = found._replace(words=_without_redirections(command), directory=directory)
        elif command:
            others.append(found._replace(words=command, directory=directory))
            # One that a condition may have given another value is not known.
            for name in filter(_ASSIGNMENT.match, command):
                variables.pop(name.split("=")[0], None)
    if result is None and len(others) == 1 and _shell_script(others[0], variables) is not None:
        result = others[0]
    # What the shell computes is not known.
    return None if result is None or any(_COMPUTED.search(word) for word in (directory, *result.words)) else result


def _commands(text: str) -> list[tuple[list[str], bool]]:
    """The commands of a shell's text, each with whether it runs whatever the others do.

    :raises ValueError: a quote is not closed
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    commands: list[tuple[list[str], bool]] = [([], True)]
    for token in lexer:
        if _SEPARATOR.fullmatch(token):
            commands.append(([], not token.strip(";\n")))
        else:
            commands[-1][0].append(token)
    branches = any(command[:1] and command[0] in _BRANCHES for command, _certain in commands)
    return [(command, certain and not branches) for command, certain in commands]


def _assigned(command: list[str]) -> dict[str, str]:
    """The variables that a command gives a value, where it does nothing else."""
    words = command[1:] if command[:1] == ["export"] else command
    if not all(map(_ASSIGNMENT.match, words)):
        return {}
    return dict(word.split("=", 1) for word in words)


def _is_start(command: list[str]) -> bool:
    """Whether a command runs Node-RED or what may start it: not `mkdir /var/log/node-red`."""
    start = _start(command)
    if start >= len(command):
        return False
    return (
        PROGRAM.search(command[start]) is not None
        or os.path.basename(command[start]) in (*_SHELLS, *_PACKAGE_MANAGERS)
        # `docker rm` before `docker run` starts nothing.
        or (
            os.path.basename(command[start]) in _MANAGERS
            and command[start + 1 : start + 2] not in (["rm"], ["stop"], ["pull"])
        )
    )


def _expanded(token: str, variables: Mapping[str, str]) -> str:
    """A word with the variables that are known; the others stay."""
    if re.match("~(?:/|$)", token):
        token = variables.get("HOME", "/") + token[1:]
    return _VARIABLE.sub(lambda variable: variables.get(variable[1] or variable[2], variable[0]), token)


def _without_redirections(command: list[str]) -> list[str]:
    """The words of a command up to the first redirection."""
    end = next((index for index, word in enumerate(command) if _REDIRECTION.fullmatch(word)), len(command))
    # `2>` comes as two words.
    return command[: end - 1] if 0 < end < len(command) and command[end - 1].isdigit() else command[:end]


def _of_package_manager(found: Launch, environment: Mapping[str, str]) -> Launch | None:
    """What `npm start` or `npm run NAME` starts, by the package.json of its directory."""
    words = found.words[1:]
    directory, name = found.directory, None
    while words and name is None:
        word = words.pop(0)
        option, equals, value = word.partition("=")
        if option in _DIRECTORY:
            value = value if equals else words.pop(0) if words else ""
            directory = os.path.normpath(os.path.join(directory, value))
        elif not word.startswith("-") and word not in _RUN:
            name = word
    script = _script(directory, name) if name else None
    if script is None:
        return None
    # npm hands on what follows two dashes; the others hand on everything.
    if "--" in words:
        words = words[words.index("--") + 1 :]
    elif os.path.basename(found.words[0]) == _NPM:
        words = []
    inner = _of_text(" ".join([script, *map(shlex.quote, words)]), found._replace(directory=directory), environment)
    return inner and inner._replace(path=(os.path.join(directory, "node_modules/.bin"), *inner.path))


def _script(directory: str, name: str) -> str | None:
    """A script of a package.json, or None."""
    try:
        package = json.loads(read(os.path.join(directory, "package.json"), None, MAXIMUM_OF_TEXT) or b"null")
    except (HostError, ValueError, RecursionError):
        return None
    scripts = package.get("scripts") if isinstance(package, dict) else None
    script = scripts.get(name) if isinstance(scripts, dict) else None
    return script if isinstance(script, str) and len(script) < 10_000 and "\0" not in script else None
