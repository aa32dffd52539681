# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import sys
import typing as t

from ansible import constants

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import files as report_files
from ansible_collections.pifleet.nodered.plugins.plugin_utils._schedule.units import (
    CONFIGURATION,
    Schedule,
    ScheduleError,
)

from .notify import command_words, limits_of, sendmail

#: What regular runs leave in their directory.
_RESULTS = (CONFIGURATION, "notify.json", "memory.json", "news.json", "summary.json", "report.json", "report.html")
#: Of nodered_schedule_*, the options that name a file with a secret, by the names of the credentials.
_SECRETS = {"vault-password": "vault_password_file", "become-password": "become_password_file"}
#: Where logind has a file for each user whose services run without a login.
_LINGERING = pathlib.Path("/var/lib/systemd/linger")
#: The mode of their directory: what is told to whom may have a secret.
_PRIVATE = 0o700
_TIMEOUT = 30


class ActionModule(HostAction):
    """Prepares regular runs; what root has to write is returned."""

    spec = argument_spec("schedule")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        user = pwd.getpwuid(os.getuid())
        scope = options["scope"] or ("system" if user.pw_uid == 0 else "user")
        results = pathlib.Path(options["results"] or f"~/.pifleet/schedule/{options['name']}").expanduser().absolute()
        present = options["state"] == "present"
        units = self._schedule(options, user.pw_name if scope == "system" else None, results).units()
        if present:
            _check_systemd(scope, user.pw_name)
            _check_calendar(options["calendar"])
            if options["random_delay"] < 0:
                raise ScheduleError("nodered_schedule_random_delay must be a number of seconds, at least 0.")
            for option in _SECRETS.values():
                if options[option]:
                    _check_secret(f"nodered_schedule_{option}", pathlib.Path(options[option]), scope)
            changed = self._keep(results, _telling(options, results))
        else:
            changed = self._forget(results)
        directory = _units_directory(scope, user)
        return {
            "changed": changed,
            "present": present,
            "scope": scope,
            "become": scope == "system",
            "timer": f"{options['name']}.timer",
            "units": [
                {"path": str(directory / name), "content": text if present else ""} for name, text in units.items()
            ],
            "messages": _messages(options, scope, user.pw_name, results),
        }

    def _schedule(self, options: dict[str, t.Any], user: str | None, results: pathlib.Path) -> Schedule:
        secrets = {name: pathlib.Path(options[key]).absolute() for name, key in _SECRETS.items() if options[key]}
        programs = {name for name, file in secrets.items() if os.access(file, os.X_OK)}
        inventories = self.task_vars.get("ansible_inventory_sources") or []
        hosts = [] if options["hosts"] == "nodered" else ["-e", json.dumps({"nodered_hosts": options["hosts"]})]
        return Schedule(
            name=options["name"],
            calendar=options["calendar"],
            random_delay=options["random_delay"],
            user=user,
            program=_program(),
            arguments=[
                *(word for source in inventories for word in ("-i", str(source))),
                *hosts,
                *options["arguments"],
            ],
            directory=str(pathlib.Path(options["directory"] or ".").expanduser().absolute()),
            results=str(results),
            environment=_environment(),
            secrets={name: str(file) for name, file in secrets.items() if name not in programs},
            programs_of_secrets={name: str(file) for name, file in secrets.items() if name in programs},
            hardened=not self._has_local_hosts(options["hosts"]),
        )

    def _has_local_hosts(self, pattern: str) -> bool:
        """Whether one of the hosts is this machine, where a run needs sudo itself."""
        variables = self.task_vars["hostvars"]
        names = {host.name for host in variables._inventory.get_hosts(pattern)}  # noqa: SLF001
        return any(variables[name].get("ansible_connection") == "local" for name in names)

    def _keep(self, results: pathlib.Path, telling: bytes) -> bool:
        """Have the directory of the results with what is to be told to whom; whether that is new."""
        contents = {results / "notify.json": telling, results / CONFIGURATION: b"[defaults]\n"}
        try:
            due = {file: text for file, text in contents.items() if report_files.beginning(file, len(text) + 1) != text}
            private = results.is_dir() and stat.S_IMODE(results.stat().st_mode) == _PRIVATE
            if not self.check_mode:
                results.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
                results.chmod(_PRIVATE)
                for file, text in due.items():
                    report_files.write(file, text)
        except OSError as error:
            raise UserError(f"nodered_notify_dir: {error.filename} cannot be written: {error.strerror}.") from None
        return bool(due) or not private

    def _forget(self, results: pathlib.Path) -> bool:
        """Remove what regular runs have left; whether there was something."""
        there = [file for name in _RESULTS if (file := results / name).exists()]
        if not self.check_mode:
            for file in there:
                file.unlink()
            if results.is_dir() and not any(results.iterdir()):
                results.rmdir()
        return bool(there)


def _check_systemd(scope: str, user: str) -> None:
    if not pathlib.Path("/run/systemd/system").is_dir():
        raise UserError(
            "This machine does not run systemd, of which the playbook makes a timer. docs/regular-runs.md of this collection"
            " has a line for cron."
        )
    if scope == "user" and not pathlib.Path(f"/run/user/{os.getuid()}/systemd").is_dir():
        raise UserError(
            f"systemd runs no services of {user} now. Log in as {user} and not by su or sudo, or let them always run"
            f" (loginctl enable-linger {user}, as root), or have a timer of the system: -e nodered_schedule_scope=system -K"
        )


def _check_calendar(calendar: str) -> None:
    command = ["systemd-analyze", "calendar", "--", calendar]
    if subprocess.run(command, capture_output=True, timeout=_TIMEOUT, check=False).returncode:
        raise ScheduleError(
            f"nodered_schedule_calendar: systemd does not know the time {calendar!r}. Write it as in systemd.time(7), for"
            ' example daily, "*-*-* 03:00" or "Sun 04:30".'
        )


def _check_secret(variable: str, file: pathlib.Path, scope: str) -> None:
    """Refuse a file that has no secret, or that somebody else can read. UserError."""
    try:
        info = file.stat()
        if stat.S_IMODE(info.st_mode) & 0o077 or info.st_uid not in {os.getuid(), 0}:
            raise UserError(f"{variable}: others can read or change {file}. Make it yours alone: chmod go= {file}")
        with file.open("rb") as content:
            if not content.read(1):
                raise UserError(f"{variable}: {file} is empty.")
    except OSError as error:
        # The system itself reads what is root's.
        if scope == "system" and isinstance(error, PermissionError):
            return
        raise UserError(f"{variable}: {file} cannot be read: {error.strerror}.") from None


def _program() -> str:
    """The file of ansible-playbook. UserError."""
    beside = pathlib.Path(sys.executable).with_name("ansible-playbook")
    program = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if not program:
        raise UserError("There is no program ansible-playbook beside this Python, nor in PATH.")
    return program


def _environment() -> dict[str, str]:
    """What a run must have of the environment of this one."""
    environment = {"LANG": "C.UTF-8", "ANSIBLE_COLLECTIONS_PATH": ":".join(constants.COLLECTIONS_PATHS)}
    if file := os.environ.get("ANSIBLE_CONFIG"):
        environment["ANSIBLE_CONFIG"] = os.path.abspath(file)
    return environment


def _telling(options: dict[str, t.Any], results: pathlib.Path) -> bytes:
    """The variables of the playbook `notify`. UserError."""
    command_words(options["command"])
    sendmail(options["mail"])
    limits_of(options)
    variables = {
        "nodered_notify_dir": str(results),
        "nodered_notify_command": options["command"],
        "nodered_notify_mail": options["mail"],
        "nodered_notify_off_runs": options["off_runs"],
        "nodered_notify_certificate_days": options["certificate_days"],
    }
    return (json.dumps({name: value for name, value in variables.items() if value}, indent=2) + "\n").encode("ascii")


def _units_directory(scope: str, user: pwd.struct_passwd) -> pathlib.Path:
    if scope == "system":
        return pathlib.Path("/etc/systemd/system")
    return pathlib.Path(os.environ.get("XDG_CONFIG_HOME") or pathlib.Path(user.pw_dir, ".config"), "systemd", "user")


def _messages(options: dict[str, t.Any], scope: str, user: str, results: pathlib.Path) -> list[str]:
    """What a person wants to know next."""
    option = "--user " if scope == "user" else ""
    messages = [
        f"Try it now: systemctl {option}start {options['name']}.service. The next run: systemctl {option}list-timers",
        f"What it said: journalctl {option}-u {options['name']}.service. What it found: {results}/report.html",
    ]
    if not options["command"] and not options["mail"]:
        messages.append("Set nodered_notify_command or nodered_notify_mail, or what is new is in the journal only.")
    if scope == "user" and not (_LINGERING / user).exists():
        messages.append(
            f"It runs while {user} is logged in, and then makes up for what was missed. So that it always runs: loginctl"
            " enable-linger"
        )
    return messages
