# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How what a service starts comes down to the command of Node-RED: past `npm start`, `sh -c` and small scripts.

Most services name Node-RED themselves, and need none of this.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import MAXIMUM_OF_TEXT, read

from .command_line import PROGRAM
from .command_words import (
    MANAGERS,
    NPM,
    PACKAGE_MANAGERS,
    SHELLS,
    Launch,
    is_other_user,
    position_of_program,
)
from .shell_text import COMPUTED, LONGEST_TEXT, UnclearError, commands

#: Words of npm that come before the name of a script.
_RUN = ("run", "run-script")
#: Its options that name the directory of package.json.
_DIRECTORY = ("--prefix", "-C", "--cwd", "--dir")
#: What names the shell of a script in its first line.
_SHEBANG = re.compile(rb"#![^\n]*\b(?:%s)\b" % "|".join(SHELLS).encode())
#: What hands on all that a script was given.
_ARGUMENTS = re.compile(r'"\$@"|\$@|\$\*')


def of_shell(found: Launch) -> Launch | None:
    """What `sh -c "..."` or `sh FILE` starts; None where that is not told by its text."""
    options = [index for index, word in enumerate(found.words) if re.fullmatch(r"-[a-z]*c", word)]
    if options:
        # Where systemd has lost the quotes, the words behind it are one text.
        return _of_text(" ".join(found.words[options[0] + 1 :]), found)
    start = next((index for index, word in enumerate(found.words) if index and not word.startswith("-")), None)
    if start is None:
        return None
    command = found._replace(words=found.words[start:])
    script = shell_script(command)
    return None if script is None else of_script(script, command)


def of_script(content: str, found: Launch) -> Launch | None:
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


def shell_script(found: Launch) -> str | None:
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
    return is_other_user(found.words[:1]) or shell_script(found) is not None


def _is_start(command: list[str]) -> bool:
    """Whether a command runs Node-RED or what may start it: not `mkdir /var/log/node-red`."""
    start = position_of_program(command)
    if start >= len(command):
        # `su pi -c "node-red -v"`
        return os.path.basename(command[0]) in ("su", "runuser") and any("node-red" in word for word in command)
    return (
        PROGRAM.search(command[start]) is not None
        or os.path.basename(command[start]) in (*SHELLS, *PACKAGE_MANAGERS)
        # `docker rm` before `docker run` starts nothing.
        or (
            os.path.basename(command[start]) in MANAGERS
            and command[start + 1 : start + 2] not in (["rm"], ["stop"], ["pull"])
        )
    )


def of_package_manager(found: Launch) -> Launch | None:
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
    elif os.path.basename(found.words[0]) == NPM:
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
