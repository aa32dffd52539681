# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Node-RED lives on a host, as its systemd unit says it.

The rules by which Node-RED finds its settings file are those of red.js, the same from 3.1 to 5.0.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shlex
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account, rights_of
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import (
    MAXIMUM_OF_TEXT,
    read,
    read_as_root_or_user,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host.packages import installed_version
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import PROVED, TRANSACTION, Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import (
    DEFAULT_PATH,
    command_of,
    environment_of_file,
    expand,
    processes,
    systemctl,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum

from .command_line import PROGRAM, CommandLine
from .launch import Launch, import_for, launch
from .written_user_dir import written_user_dir

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "UnitFileState",
    "FragmentPath",
    "DropInPaths",
    "User",
    "Group",
    "WorkingDirectory",
    "ExecStart",
    "ExecStop",
    "Environment",
    "EnvironmentFiles",
    "MainPID",
    "NRestarts",
    "ControlGroup",
    "UMask",
    "NeedDaemonReload",
    "ActiveEnterTimestampMonotonic",
    "NoNewPrivileges",
    "TimeoutStopUSec",
)

#: What Node.js is called.
_NODE = ("node", "nodejs")

#: Of a PATH, and of the words of a command line: more are no service's.
_MOST_DIRECTORIES = 1000
_ARGUMENTS = re.compile(r"argv\[\]=(.*?) ; ignore_errors=")

#: As npm has versions, and as the control node takes them.
_VERSION = r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}(?:[-+][0-9A-Za-z.+-]{1,40})?"

#: In a unit file, what `systemctl show` does not print as it is written.
_QUOTED_COMMAND = re.compile(rb"^[ \t]*ExecStart[ \t]*=.*[\"'\\]", re.MULTILINE)

_ENVIRONMENT_FILE = re.compile(r"^(\S.*) \(ignore_errors=(?:yes|no)\)$", re.MULTILINE)


def package_above(path: str) -> tuple[str, dict[str, t.Any]] | tuple[None, None]:
    """The npm package that a program belongs to.

    :param path: the program
    :returns: the directory and the parsed package.json of the package, or None twice where there is none
    """
    directory = os.path.dirname(os.path.realpath(path))
    while len(directory) > 1:
        try:
            package = json.loads(read(os.path.join(directory, "package.json"), None, MAXIMUM_OF_TEXT) or b"null")
            if isinstance(package, dict):
                return directory, package
        except (HostError, ValueError, RecursionError):
            pass
        directory = os.path.dirname(directory)
    return None, None


class Process(t.NamedTuple):
    """The Node.js that a running service has become."""

    #: The program, with all links resolved.
    node: str
    #: The PATH that it was started with, which a script may have set.
    path: str


def _process(pids: list[int]) -> Process | None:
    """The first of some processes that is a Node.js; None where there is none, or where we may not look at it.

    What it was told to do is not to be seen: Node-RED writes its title over its command line.
    """
    for pid in pids:
        with contextlib.suppress(OSError):
            node = os.readlink(f"/proc/{pid}/exe")
            if os.path.basename(node) in _NODE and os.path.isfile(node):
                with open(f"/proc/{pid}/environ", "rb") as stream:
                    variables = stream.read(MAXIMUM_OF_TEXT).split(b"\0")
                path = next((each[5:] for each in variables if each.startswith(b"PATH=")), b"")
                return Process(node, os.fsdecode(path))
    return None


def _string(package: dict[str, t.Any], key: str, form: str = ".{0,255}") -> str | None:
    """What a package.json says, or None where that is not a string of this form."""
    value = package.get(key)
    return value if isinstance(value, str) and re.fullmatch(form, value) else None


class Unit:
    """One service of systemd and the Node-RED that it starts.

    :param name: the name of the service, with or without a suffix
    :param user: the user that runs Node-RED; None takes the unit's
    :param user_dir: the userDir; None finds it as Node-RED does
    :param settings_path: the settings file; None finds it as Node-RED does
    :raises HostError: there is no systemctl, or no such user, or an environment file cannot be read
    """

    #: With its suffix: "nodered.service".
    name: str
    #: What systemd says of it, by the names in `PROPERTIES`.
    properties: dict[str, str]
    #: Whether systemd has loaded it.
    exists: bool
    environment_files: list[str]
    #: The user of the service; None where there is neither a service nor a given user.
    account: Account | None
    #: The variables that Node-RED is started with: those of the service, and those that what it starts gives on.
    environment: dict[str, str]
    #: What it starts in the end.
    launch: Launch
    command_line: CommandLine
    #: Of Node-RED.
    working_directory: str
    #: What it has become; None where it does not run.
    process: Process | None
    #: The directory and the version of the installed Node-RED, and the range of Node.js versions that it wants.
    node_red_home: str | None
    node_red_version: str | None
    node_engine: str | None
    #: The settings file that Node-RED itself looks for.
    settings_in_use: str | None
    settings_path: str | None
    #: Whether that is only where Node-RED would look, because a script hides what it is told.
    settings_guessed: bool
    #: `__dirname` in the settings file, where key and certificate lie. Node-RED's own userDir may be another directory.
    settings_directory: str | None
    user_dir: str | None

    def __init__(
        self, name: str, user: str | None = None, user_dir: str | None = None, settings_path: str | None = None
    ) -> None:
        # The instance of a template may have a dot: node-red@site.a
        self.name = name if name.endswith(".service") else f"{name}.service"
        self.properties = self.now()
        self.exists = self.properties.get("LoadState") == "loaded"
        self.user = user or self.properties.get("User") or ("root" if self.exists else None)
        self.environment_files = _ENVIRONMENT_FILE.findall(self.properties.get("EnvironmentFiles", ""))
        self.unit_environment = dict(
            pair.split("=", 1) for pair in shlex.split(self.properties.get("Environment", "")) if "=" in pair
        )
        self.account = Account(self.user) if self.user else None
        self.environment = self._environment()
        arguments = self._arguments()
        # All of it follows from what that user may write: paths, links, packages.
        import_for(arguments)
        with rights_of(self.account):
            self.launch = launch(arguments, self._working_directory(), self.environment)
            self.environment = dict(self.launch.environment)
            self.command_line = CommandLine(self.launch.words)
            self.working_directory = self.launch.directory
        self.process = _process(self.processes())
        told = self._told_user_dirs()
        with rights_of(self.account):
            self.node_red_home, self.node_red_version, self.node_engine = self._node_red()
            self.settings_in_use = self._settings_in_use()
            named = settings_path or (os.path.join(user_dir, "settings.js") if user_dir else self.settings_in_use)
            self.settings_guessed = not (self.command_line.direct or settings_path or user_dir)
            # Node.js resolves links too: `__dirname` is that of the file behind them.
            self.settings_path = os.path.realpath(named) if named else None
            self.settings_directory = os.path.dirname(self.settings_path) if self.settings_path else None
            self.user_dir = user_dir or self._user_dir(named, told)

    @property
    def active(self) -> bool:
        """Whether the service runs."""
        return self.properties.get("ActiveState") == "active"

    @property
    def main_pid(self) -> int:
        """The id of the service's first process; 0 where it does not run."""
        return int(self.properties.get("MainPID") or 0)

    def processes(self) -> list[int]:
        """The process ids of the service, none where it does not run."""
        if not self.main_pid:
            return []
        return processes(self.properties.get("ControlGroup", "")) or [self.main_pid]

    def now(self) -> dict[str, str]:
        """The unit's properties as systemd sees them at this moment; one that has several values has a line for each."""
        printed = systemctl("show", self.name, f"--property={','.join(PROPERTIES)}", check=False)
        properties: dict[str, str] = {}
        for line in printed.splitlines():
            name, separator, value = line.partition("=")
            if separator:
                properties[name] = f"{properties[name]}\n{value}" if name in properties else value
        return properties

    def refresh(self) -> Unit:
        """The same unit read again, with all that follows from its properties."""
        return Unit(self.name, self.user, self.user_dir, self.settings_path)

    def _environment(self) -> dict[str, str]:
        if not self.account:
            return {}
        environment = {
            "PATH": DEFAULT_PATH,
            "HOME": self.account.home,
            "USER": self.account.name,
            "LOGNAME": self.account.name,
        }
        environment.update(self.unit_environment)
        for path in self.environment_files:
            environment.update(environment_of_file(read_as_root_or_user(path, self.account) or b""))
        return environment

    def _arguments(self) -> list[str]:
        printed = self.properties.get("ExecStart", "")
        if not printed or not self.account:
            return []
        arguments = _ARGUMENTS.search(printed)
        words = command_of(self.name) if not arguments or self._has_quotes(self.account) else []
        return expand(words or (arguments.group(1).split() if arguments else []), self.environment)

    def _has_quotes(self, account: Account) -> bool:
        """Whether the command of the unit may have words that systemctl does not print as they are."""
        paths = [self.properties.get("FragmentPath", ""), *self.properties.get("DropInPaths", "").split()]
        try:
            return any(_QUOTED_COMMAND.search(read_as_root_or_user(path, account) or b"") for path in paths if path)
        except HostError:
            return True

    def _working_directory(self) -> str:
        directory = self.properties.get("WorkingDirectory", "").lstrip("!")
        if directory == "~" or not directory:
            return self.account.home if self.account and directory else "/"
        return directory

    def which(self, program: str) -> str | None:
        """The path of a program as the service would find it, or None."""
        with rights_of(self.account):
            if "/" in program:
                path = os.path.join(self.working_directory, program)
                return path if os.access(path, os.X_OK, effective_ids=True) else None
            for directory in self._search_path():
                path = os.path.join(directory, program)
                if os.path.isfile(path) and os.access(path, os.X_OK, effective_ids=True):
                    return path
        return None

    def _search_path(self) -> list[str]:
        """Where the service finds programs; last, where the running process would, whose PATH a script may have set."""
        path = self.environment.get("PATH", DEFAULT_PATH).split(":")
        of_process = self.process.path.split(":") if self.process else []
        beside = [os.path.dirname(self.process.node)] if self.process else []
        return [*self.launch.path, *path[:_MOST_DIRECTORIES], *of_process[:_MOST_DIRECTORIES], *beside]

    def _node_red(self) -> tuple[str | None, str | None, str | None]:
        """The directory, the version and the wanted Node.js of the installed Node-RED, read from its package.json."""
        named = [word for word in self.launch.words if re.search(r"node-red|red\.js$", word)]
        for program in [*named, "node-red-pi", "node-red"]:
            # red.js need not be executable.
            file = os.path.join(self.working_directory, program)
            path = self.which(program) or (file if os.path.isfile(file) else None)
            directory, package = package_above(path) if path else (None, None)
            if package and package.get("name") == "node-red":
                engines = package.get("engines")
                node = _string(engines, "node") if isinstance(engines, dict) else None
                return directory, _string(package, "version", _VERSION), node
        return None, None, None

    def node(self) -> tuple[str | None, str | None]:
        """The Node.js that the service starts.

        :returns: its path and its version, which is told without running it; each None where it is not known
        """
        with rights_of(self.account):
            return self._node()

    def _node(self) -> tuple[str | None, str | None]:
        words = itertools.takewhile(lambda word: not PROGRAM.search(word), self.launch.words)
        named = next((word for word in words if os.path.basename(word) in _NODE), "node")
        path = self.which(named) or self._node_beside_node_red()
        # A script may have set another PATH; what the unit itself names counts at the next start.
        if self.process and not os.path.isabs(named) and (not path or os.path.realpath(path) != self.process.node):
            path = self.process.node
        if not path:
            return None, None
        _directory, package = package_above(path)
        if package and (_string(package, "name") or "").startswith("node"):
            return path, _string(package, "version", _VERSION)
        headers = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(path))), "include/node")
        with contextlib.suppress(HostError):
            header = read(os.path.join(headers, "node_version.h"), None, MAXIMUM_OF_TEXT) or b""
            parts = [
                re.search(rb"#define NODE_%s_VERSION (\d+)" % part, header) for part in (b"MAJOR", b"MINOR", b"PATCH")
            ]
            if all(parts):
                return path, ".".join(part.group(1).decode() for part in parts if part)
        return path, installed_version("nodejs")

    def _node_beside_node_red(self) -> str | None:
        """The Node.js that a Node-RED in lib/node_modules was installed with, as nvm, n and volta have it."""
        if not self.node_red_home:
            return None
        return self.which(os.path.normpath(os.path.join(self.node_red_home, "../../../bin/node")))

    def _told_user_dirs(self) -> dict[str, t.Any]:
        """What Node.js has found for userDir in the settings, by the checksum of the file; None for no such key."""
        told: dict[str, t.Any] = {}
        # A damaged record is told where it is needed.
        with contextlib.suppress(HostError):
            store = Store(self.name)
            for name, key in ((PROVED, "expected"), (TRANSACTION, "effective")):
                record = store.read(name) or {}
                if record.get("settings") and "user_dir" in (record.get(key) or {}):
                    told[record["settings"]] = record[key]["user_dir"]
        return told

    def _user_dir(self, settings: str | None, told: Mapping[str, t.Any]) -> str | None:
        """Where Node-RED keeps flows, credentials and sessions (localfilesystem/index.js).

        :param settings: the path of the settings file, with its links
        :param told: what Node.js has found in it, by its checksum
        """
        if not self.account:
            return None
        given = self.command_line.path("userDir", self.working_directory, self._home(self.account))
        written = None if given else self._user_dir_in_settings(told)
        if given or written:
            return given or written
        if settings and not self.command_line.last("settings"):
            return os.path.dirname(settings)
        return self._used_home() or self._default_user_dir(self.account)

    def _user_dir_in_settings(self, told: Mapping[str, t.Any]) -> str | None:
        """The userDir of the settings file, as Node.js found it, or as it is written out; None where neither tells."""
        try:
            content = read(self.settings_path or "", None, MAXIMUM_OF_TEXT) or b""
            found = told[checksum(content)] if checksum(content) in told else written_user_dir(content.decode("utf-8"))
        except (HostError, UnicodeDecodeError):
            return None
        if not isinstance(found, str) or not found or "\0" in found:
            return None
        return os.path.normpath(os.path.join(self.working_directory, found))

    def _used_home(self) -> str | None:
        """The directory that Node-RED takes for its userDir because it was one before, or None."""
        home = self.environment.get("NODE_RED_HOME") or self.node_red_home
        return home if home and os.path.exists(os.path.join(home, ".config.json")) else None

    def _home(self, account: Account) -> str:
        """What Node.js takes for the home directory."""
        return self.environment.get("HOME") or account.home

    def _default_user_dir(self, account: Account) -> str:
        return os.path.join(self._home(account), ".node-red")

    def _settings_in_use(self) -> str | None:
        """The settings file that Node-RED itself looks for, or None where there is no service."""
        if not self.account:
            return None
        explicit, user_dir = (
            self.command_line.path(name, self.working_directory, self._home(self.account))
            for name in ("settings", "userDir")
        )
        if explicit:
            return explicit
        if user_dir and os.path.exists(os.path.join(user_dir, "settings.js")):
            return os.path.join(user_dir, "settings.js")
        return os.path.join(self._used_home() or user_dir or self._default_user_dir(self.account), "settings.js")


if t.TYPE_CHECKING:
    from collections.abc import Mapping

    class LocatedUnit(Unit):
        """A unit whose user is known, and with it where all files of its Node-RED are."""

        account: Account
        settings_in_use: str
        settings_path: str
        settings_directory: str
        user_dir: str


def located(unit: Unit) -> LocatedUnit:
    """The same unit, for callers that need its user and its files.

    :param unit: the unit
    :returns: the unit
    :raises HostError: the host has neither this service nor a user that was given for it
    """
    if not unit.account:
        raise HostError(f"This host has no service {unit.name}.")
    return t.cast("LocatedUnit", unit)
