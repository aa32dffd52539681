# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Node-RED lives on a host, as its systemd unit says it.

The rules by which Node-RED finds its settings file are those of red.js, the same from 3.1 to 5.0.
"""

from __future__ import annotations

import json
import os
import re
import shlex

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import read
from ansible_collections.pifleet.nodered.plugins.module_utils._host.packages import installed_version
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import (
    DEFAULT_PATH,
    environment_of_file,
    expand,
    systemctl,
)
from .command_line import CommandLine

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
    "Environment",
    "EnvironmentFiles",
    "MainPID",
    "ControlGroup",
    "UMask",
    "NeedDaemonReload",
    "ActiveEnterTimestampMonotonic",
    "NoNewPrivileges",
)

_ARGUMENTS = re.compile(r"argv\[\]=(.*?) ; ignore_errors=")

_ENVIRONMENT_FILE = re.compile(r"(\S.*?) \(ignore_errors=(?:yes|no)\)")


def package_above(path):
    """The folder and the parsed package.json of the npm package that a program belongs to, or (None, None)."""
    folder = os.path.dirname(os.path.realpath(path))
    while len(folder) > 1:
        try:
            with open(os.path.join(folder, "package.json"), encoding="utf-8") as stream:
                package = json.load(stream)
            if isinstance(package, dict):
                return folder, package
        except (OSError, ValueError, RecursionError):
            pass
        folder = os.path.dirname(folder)
    return None, None


def _text(package, key):
    """What a package.json says as text, or None."""
    value = package.get(key)
    return value if isinstance(value, str) else None


class Unit:
    """One service of systemd and the Node-RED that it starts.

    ``user``, ``user_dir`` and ``settings_path`` are what the caller knows better than the unit; None lets them be
    found.
    """

    def __init__(self, name, user=None, user_dir=None, settings_path=None):
        self.name = name if "." in name else name + ".service"
        self.properties = self.now()
        self.exists = self.properties.get("LoadState") == "loaded"
        self.user = user or self.properties.get("User") or ("root" if self.exists else None)
        self.environment_files = _ENVIRONMENT_FILE.findall(self.properties.get("EnvironmentFiles", ""))
        self.unit_environment = dict(
            pair.split("=", 1) for pair in shlex.split(self.properties.get("Environment", "")) if "=" in pair
        )
        self.account = Account(self.user) if self.user else None
        self.environment = self._environment()
        self.arguments = self._arguments()
        self.command_line = CommandLine(self.arguments)
        self.working_directory = self._working_directory()
        self.node_red_home, self.node_red_version, engine = self._node_red()
        self.node_engine = engine
        self.settings_in_use = self._settings_in_use()
        self.settings_path = settings_path or (
            os.path.join(user_dir, "settings.js") if user_dir else self.settings_in_use
        )
        # `__dirname` in the file, where key and certificate lie. Node-RED's own userDir may be another folder.
        self.settings_folder = os.path.dirname(self.settings_path) if self.settings_path else None
        self.user_dir = user_dir or self._user_dir()

    @property
    def active(self):
        return self.properties.get("ActiveState") == "active"

    @property
    def main_pid(self):
        return int(self.properties.get("MainPID") or 0)

    def now(self):
        """The unit's properties as systemd sees them at this moment."""
        printed = systemctl("show", self.name, "--property=" + ",".join(PROPERTIES), check=False)
        return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)

    def refresh(self):
        """The same unit read again, with all that follows from its properties."""
        return Unit(self.name, self.user, self.user_dir, self.settings_path)

    def _environment(self):
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
            environment.update(environment_of_file(read(path) or b""))
        return environment

    def _arguments(self):
        found = _ARGUMENTS.search(self.properties.get("ExecStart", ""))
        return expand(found.group(1).split(), self.environment) if found else []

    def _working_directory(self):
        directory = self.properties.get("WorkingDirectory", "").lstrip("!")
        if directory == "~" or not directory:
            return self.account.home if self.account and directory else "/"
        return directory

    def which(self, program):
        """The path of a program as the service would find it, or None."""
        if "/" in program:
            return program if os.access(program, os.X_OK) else None
        for folder in self.environment.get("PATH", DEFAULT_PATH).split(":"):
            path = os.path.join(folder, program)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        return None

    def _node_red(self):
        """The folder, the version and the wanted Node.js of the installed Node-RED, read from its package.json."""
        named = [word for word in self.arguments if re.search(r"node-red|red\.js$", word)]
        for program in [*named, "node-red-pi", "node-red"]:
            path = self.which(program) or (program if os.path.isfile(program) else None)
            folder, package = package_above(path) if path else (None, None)
            if package and package.get("name") == "node-red":
                engines = package.get("engines")
                return folder, _text(package, "version"), _text(engines, "node") if isinstance(engines, dict) else None
        return None, None, None

    def node(self):
        """Path and version of the Node.js that the service starts; the version without running it, None if unknown."""
        path = self.which("node")
        if not path:
            return None, None
        folder, package = package_above(path)
        if package and (_text(package, "name") or "").startswith("node"):
            return path, _text(package, "version")
        header = read(
            os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(path))), "include/node/node_version.h")
        )
        if header:
            parts = [
                re.search(rb"#define NODE_%s_VERSION (\d+)" % part, header) for part in (b"MAJOR", b"MINOR", b"PATCH")
            ]
            if all(parts):
                return path, ".".join(part.group(1).decode() for part in parts)
        return path, installed_version("nodejs")

    def _user_dir(self):
        """Where Node-RED keeps flows, credentials and sessions (localfilesystem/index.js), unless settings.js says."""
        if not self.account:
            return None
        given = self.command_line.path("userDir", self.working_directory, self.account.home)
        if given or not self.command_line.last("settings"):
            return given or self.settings_folder
        return self._used_home() or self._default_user_dir()

    def _used_home(self):
        """The folder that Node-RED takes for its userDir because it was one before, or None."""
        home = self.environment.get("NODE_RED_HOME") or self.node_red_home
        return home if home and os.path.exists(os.path.join(home, ".config.json")) else None

    def _default_user_dir(self):
        return os.path.join(self.environment.get("HOME") or self.account.home, ".node-red")

    def _settings_in_use(self):
        """The settings file that Node-RED itself looks for, or None where there is no service."""
        if not self.account:
            return None
        explicit, user_dir = (
            self.command_line.path(name, self.working_directory, self.account.home) for name in ("settings", "userDir")
        )
        if explicit:
            return explicit
        if user_dir and os.path.exists(os.path.join(user_dir, "settings.js")):
            return os.path.join(user_dir, "settings.js")
        return os.path.join(self._used_home() or user_dir or self._default_user_dir(), "settings.js")
