# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Node-RED makes of its command line, and which settings that overrides.

The rules are those of red.js and of nopt 5, which it parses its options with; the same from 3.1 to 5.0.
"""

from __future__ import annotations

import collections
import json
import os
import re
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import MAXIMUM_OF_TEXT, read

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import Override

_WITH_VALUE = frozenset({"port", "settings", "title", "userDir", "define"})
_LONG = (*_WITH_VALUE, "help", "verbose", "safe", "version", "no-telemetry")
_SHORT = {"?": "help", "p": "port", "s": "settings", "t": "help", "u": "userDir", "v": "verbose", "D": "define"}
#: What node-red-pi hands on to red.js of the words with two dashes; all others go to Node.js.
_OF_NODE_RED_PI = ("--userDir", "--settings", "--help")
#: What a program that starts Node-RED is called; `NODE_RED_HOME=/opt/node-red` before one is none.
PROGRAM = re.compile(r"^(?![A-Za-z_]\w*=)(?:.*/)?(?:node-red(?:-pi)?|red\.js)$", re.DOTALL)
_STEP = re.compile(r"""\["([^"]*)"\]|\['([^']*)'\]|\[(\d+)\]|([^.\[\]]+)""")
#: Variables of the environment that red.js gives a setting by, when they are not empty.
_VARIABLES = {
    "NODE_RED_ENABLE_SAFE_MODE": ("safeMode",),
    "NODE_RED_ENABLE_PROJECTS": ("editorTheme", "projects", "enabled"),
    "NODE_RED_ENABLE_TOURS": ("editorTheme", "tours"),
    "NODE_RED_DISABLE_TELEMETRY": ("telemetry", "enabled"),
}


class CommandLine:
    """The words of ExecStart= as Node-RED reads them.

    :param words: the words, with their variables expanded
    """

    #: Whether the unit starts Node-RED itself, and no script that may add options of its own.
    direct: bool
    #: The values of each option that was given, in their order; None for a value that is missing.
    values: dict[str, list[str | None]]
    #: The words that are not options.
    rest: list[str]

    def __init__(self, words: Sequence[str]) -> None:
        start = next((index for index, word in enumerate(words) if PROGRAM.search(word)), None)
        self.direct = start is not None
        arguments = list(words[(start or 0) + 1 :])
        if start is not None and words[start].endswith("node-red-pi"):
            arguments = [word for word in arguments if not word.startswith("--") or word in _OF_NODE_RED_PI]
        self.values, self.rest = _parsed(arguments)

    def last(self, name: str) -> str | None:
        """The value of an option that counts, or None."""
        return (self.values.get(name) or [None])[-1]

    def path(self, name: str, directory: str, home: str) -> str | None:
        """The value of an option as an absolute path.

        :param name: the option, without its dashes
        :param directory: what a relative path is relative to
        :param home: what stands for ~
        :returns: the path, or None where the option has no value
        """
        value = self.last(name)
        if not value:
            return None
        value = os.path.join(home, value[2:]) if value.startswith("~/") else value
        return os.path.normpath(os.path.join(directory, value))


def _parsed(arguments: Sequence[str]) -> tuple[dict[str, list[str | None]], list[str]]:
    """The values of all options by name, and the words that are none."""
    values: dict[str, list[str | None]] = {}
    rest: list[str] = []
    words = collections.deque(arguments)
    while words:
        word = words.popleft()
        if re.fullmatch("-{2,}", word):
            return values, [*rest, *words]
        if len(word) < 2 or word[0] != "-":
            rest.append(word)
            continue
        name, equals, value = word.partition("=")
        if equals:
            words.appendleft(value)
        name = name.lstrip("-")
        shorts = _shorts(name)
        if shorts and shorts != [name]:
            words.extendleft(f"--{short}" for short in reversed(shorts))
            continue
        name, negated = re.subn(r"^(?:no-)+", "", name, flags=re.IGNORECASE)
        name = _abbreviated(name) or name
        if negated or name not in _WITH_VALUE:
            if (not negated and name not in _LONG and equals) or (words and words[0] in ("true", "false")):
                words.popleft()
            continue
        missing = not words or re.fullmatch("-{2,}", words[0]) or (name == "title" and re.match("-{1,2}[^-]", words[0]))
        values.setdefault(name, []).append(None if missing else words.popleft())
    return values, rest


def _shorts(name: str) -> list[str] | None:
    """The long options that one or more letters stand for, or None."""
    if name in _LONG:
        return None
    if name and all(letter in _SHORT for letter in name):
        return [_SHORT[letter] for letter in name]
    return None


def _abbreviated(name: str) -> str | None:
    """The one long option that begins so, or None."""
    options = [option for option in _LONG if option.startswith(name)]
    return options[0] if len(options) == 1 and name else None


def overrides(
    command_line: CommandLine, environment: Mapping[str, str], directory: str, account: Account | None = None
) -> list[Override]:
    """The settings that the command line or the environment sets whatever settings.js says.

    Values are left out, because they may be secret.

    :param command_line: the command line of the service
    :param environment: the environment of the service
    :param directory: its working directory
    :param account: its user, with whose rights files are read that the command line names
    :returns: the settings, each with what sets it
    """
    result: list[Override] = []
    for definition in command_line.values.get("define", ()):
        name, equals, _value = (definition or "").partition("=")
        if definition and name[:1] == "@":
            keys = _keys_of_file(os.path.join(directory, definition[1:]), account)
            result += [{"path": _steps(key), "by": f"-D {definition}"} for key in keys]
        elif equals:
            result.append({"path": _steps(name), "by": f"-D {name}"})
        else:
            result.append({"path": [], "by": "-D without a value"})
    for option, path in (("port", ["uiPort"]), ("userDir", ["userDir"])):
        if option in command_line.values:
            result.append({"path": path, "by": f"--{option}"})
    if command_line.rest and command_line.direct:
        result.append({"path": ["flowFile"], "by": "the name of a flow file"})
    result += [{"path": list(keys), "by": name} for name, keys in _VARIABLES.items() if environment.get(name)]
    return result


def _steps(expression: str) -> list[str]:
    """The keys of a property expression, such as `editorTheme.page["title"]`."""
    return ["".join(step) for step in _STEP.findall(expression)]


def _keys_of_file(path: str, account: Account | None) -> list[str]:
    """The keys that a file of definitions sets; one empty key, which may be any, where that cannot be told."""
    try:
        definitions = json.loads((read(path, account, MAXIMUM_OF_TEXT) or b"").decode("utf-8"))
    except (HostError, ValueError, RecursionError):
        return [""]
    return list(definitions) if isinstance(definitions, dict) else [""]
