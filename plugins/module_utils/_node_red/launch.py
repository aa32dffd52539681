# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the command of a service comes down to that of Node-RED: past `env`, `npm start`, `sh -c` and small scripts.

What starts a container or a process manager is told by its name: Node-RED is somewhere else then. So is what makes
another user of the service's.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import MAXIMUM_OF_TEXT, read

from .command_line import PROGRAM
from .shell_text import ASSIGNMENT, COMPUTED, LONGEST_TEXT, UnclearError, commands

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
#: Words of npm that come before the name of a script.
_RUN = ("run", "run-script")
#: Its options that name the directory of package.json.
_DIRECTORY = ("--prefix", "-C", "--cwd", "--dir")
#: What names the shell of a script in its first line.
_SHEBANG = re.compile(rb"#![^\n]*\b(?:%s)\b" % "|".join(_SHELLS).encode())
#: What hands on all that a script was given.
_ARGUMENTS = re.compile(r'"\$@"|\$@|\$\*')
#: Scripts that start scripts: nobody has more.
_DEEPEST = 5


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


def launch(words: list[str], directory: str, environment: Mapping[str, str]) -> Launch:
    """What a service starts in the end. To be called with the rights of its user, whose files it reads.

    :param words: the words of its command line, with their variables expanded
    :param directory: its working directory
    :param environment: its environment
    """
    found = Launch(words, directory, environment)
    for _level in range(_DEEPEST):
        start = _start(found.words)
        program = os.path.basename(found.words[start]) if start < len(found.words) else ""
        leading = found.words[:start]
        manager = _manager(found.words, start)
        if manager:
            return found._replace(manager=manager)
        if _is_other_user(found.words[: start + 1]):
            return found._replace(words=found.words[:1], manager="another user")
        if _hides(leading):
            return found._replace(words=found.words[:1])
        given = dict(word.split("=", 1) for word in leading if ASSIGNMENT.match(word))
        if given:
            found = found._replace(environment={**found.environment, **given})
        command = found._replace(words=found.words[start:])
        if program in _SHELLS:
            inner = _of_shell(command)
        elif program in _PACKAGE_MANAGERS:
            inner = _of_package_manager(command)
            if inner is None:
                return found
        elif program and not PROGRAM.search(program) and (script := _shell_script(command)) is not None:
            inner = _of_script(script, command)
        else:
            return found
        if inner is None:
            # The text may hold any word; a script in a file has its name.
            return found._replace(words=found.words[: start + 1])
        found = inner
    return found._replace(words=words[:1])


def _start(words: list[str]) -> int:
    """The position of the program behind env and the like; the length where there is none."""
    for index, word in enumerate(words):
        if ASSIGNMENT.match(word):
            continue
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
    return os.path.basename(word) in _WRAPPERS or ASSIGNMENT.match(word) is not None


def _manager(words: list[str], start: int) -> Manager | None:
    """What starts Node-RED somewhere else: the program itself, or the script that a Node.js runs."""
    for word in words[: start + 1]:
        if word.startswith("/snap/"):
            return "snap"
        if os.path.basename(word) in _MANAGERS and "=" not in word:
            return _MANAGERS[os.path.basename(word)]
    return None


def _is_other_user(words: list[str]) -> bool:
    """Whether a program among these makes another user of the service's, whose home and rights are not known."""
    names = [os.path.basename(word) for word in words if not ASSIGNMENT.match(word)]
    return any(name in _SWITCHES and (name != "setpriv" or any(map(_OTHER_ID.match, words))) for name in names)


def _hides(words: list[str]) -> bool:
    """Whether a program among these may change variables, or files, in a way that its words do not tell."""
    names = [os.path.basename(word) for word in words]
    behind = next((index for index, name in enumerate(names) if name in _GIVE_VARIABLES), len(words)) + 1
    options = itertools.takewhile(lambda word: word[:1] == "-" or ASSIGNMENT.match(word), words[behind:])
    return (
        any(name in _HIDE for name in names)
        or any(word.startswith("--env-file") for word in words)
        or any(word[0] == "-" and word not in ("--", "-v", "--debug") for word in options)
    )


def _of_shell(found: Launch) -> Launch | None:
    """What `sh -c "..."` or `sh FILE` starts; None where that is not told by its text."""
    options = [index for index, word in enumerate(found.words) if re.fullmatch(r"-[a-z]*c", word)]
    if options:
        # Where systemd has lost the quotes, the words behind it are one text.
        return _of_text(" ".join(found.words[options[0] + 1 :]), found)
    start = next((index for index, word in enumerate(found.words) if index and not word.startswith("-")), None)
    if start is None:
        return None
    command = found._replace(words=found.words[start:])
    script = _shell_script(command)
    return None if script is None else _of_script(script, command)


def _of_script(content: str, found: Launch) -> Launch | None:
    """What a script of a shell starts; None where that is not told by its text.

    :param found: its name, and what it is given
    """
    lines = content.replace("\\\n", " ").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    # `exec node-red "$@"` hands on what the script was given.
    given = shlex.join(found.words[1:])
    if len(text) + len(given) * len(_ARGUMENTS.findall(text)) > LONGEST_TEXT:
        return None
    return _of_text(_ARGUMENTS.sub(lambda _all: given, text), found)


def _shell_script(found: Launch) -> str | None:
    """The text of the script that a command runs; None where it is none of a shell, or too long for a small one."""
    name = found.words[0]
    path = (
        os.path.join(found.directory, name)
        if "/" in name
        else shutil.which(name, path=found.environment.get("PATH", ""))
    )
    try:
        content = read(path, None, LONGEST_TEXT) if path else None
    except HostError:
        return None
    return content.decode("utf-8", "replace") if content and _SHEBANG.match(content) else None


def _of_text(text: str, found: Launch) -> Launch | None:
    """What the one command of a shell's text starts that runs Node-RED, or something that may; None for several."""
    starts: list[Launch | None] = []
    others: list[Launch | None] = []
    try:
        for command in commands(text, found.directory, found.environment):
            kind = starts if _is_start(command.words) else others
            if len(kind) > 1:
                continue
            directory, environment = command.shell.directory, command.shell.environment()
            kind.append(
                found._replace(words=command.words, directory=directory, environment=environment)
                if command.certain and directory is not None
                else None
            )
    except UnclearError:
        return None
    if not starts and len(others) == 1 and others[0] and _is_script(others[0]):
        starts = others
    result = starts[0] if len(starts) == 1 else None
    # What the shell computes is not known.
    return None if result is None or any(map(COMPUTED.search, result.words)) else result


def _is_script(found: Launch) -> bool:
    """Whether the only command of a text is a script of a shell, or runs something as another user."""
    return _is_other_user(found.words[:1]) or _shell_script(found) is not None


def _is_start(command: list[str]) -> bool:
    """Whether a command runs Node-RED or what may start it: not `mkdir /var/log/node-red`."""
    start = _start(command)
    if start >= len(command):
        # `su pi -c "node-red -v"`
        return os.path.basename(command[0]) in ("su", "runuser") and any("node-red" in word for word in command)
    return (
        PROGRAM.search(command[start]) is not None
        or os.path.basename(command[start]) in (*_SHELLS, *_PACKAGE_MANAGERS)
        # `docker rm` before `docker run` starts nothing.
        or (
            os.path.basename(command[start]) in _MANAGERS
            and command[start + 1 : start + 2] not in (["rm"], ["stop"], ["pull"])
        )
    )


def _of_package_manager(found: Launch) -> Launch | None:
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
    inner = _of_text(" ".join([script, *map(shlex.quote, words)]), found._replace(directory=directory))
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
