# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of systemd for regular runs: a timer, the run, and what tells its owner of it.

The run works on what hosts answer, so it is confined. What tells is a unit of its own, because programs that send mail
need rights of other users. Secrets come from files, as credentials of systemd: no unit, journal or process list has them.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_HEAD = (
    "# Written by the Ansible collection pifleet.nodered, which overwrites it: run pifleet.nodered.schedule instead.\n"
)

#: The options of ansible-playbook that take a secret from a file, by the names of the credentials.
OPTIONS_OF_SECRETS = {"vault-password": "--vault-password-file", "become-password": "--become-password-file"}

#: A configuration of Ansible with nothing in it, in the directory of the results.
CONFIGURATION = "ansible.cfg"

_TIMER = """\
{head}[Unit]
Description=Regular runs of pifleet.nodered

[Timer]
OnCalendar={calendar}
RandomizedDelaySec={random_delay}
# A run that was missed while this machine was off is made up for.
Persistent=true

[Install]
WantedBy=timers.target
"""

_SERVICE = """\
{head}[Unit]
Description=Secure and audit Node-RED
{network}\
OnSuccess={name}-notify.service
OnFailure={name}-notify.service

[Service]
Type=oneshot
# Never two at once: a run that is due while another one works is left out.
TimeoutStartSec=12h
{environment}\
{user}\
WorkingDirectory={directory}
{credentials}\
# What the former run has left must not be taken for the result of this one.
ExecStartPre={remove}
# A host that fails must not keep the audit from the others.
ExecStart=-{secure}
ExecStart=-{audit}
UMask=0077
Nice=10
{hardening}"""

_NOTIFY = """\
{head}[Unit]
Description=Tell what is new on Node-RED

[Service]
Type=oneshot
TimeoutStartSec=10min
{environment}\
# A configuration with nothing in it, so that it also tells of one that is broken.
Environment={configuration}
{user}\
WorkingDirectory={results}
ExecStart={notify}
UMask=0077
"""

_NETWORK = """\
Wants=network-online.target
After=network-online.target
"""

#: What also a unit of a user may have.
_HARDENING = """\
NoNewPrivileges=true
LockPersonality=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native
"""
_HARDENING_OF_THE_SYSTEM = """\
CapabilityBoundingSet=
PrivateDevices=true
PrivateTmp=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectSystem=true
RestrictNamespaces=true
"""


class ScheduleError(UserError):
    """Regular runs that cannot be set up as they are asked for; the text names the variable."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Regular runs, as they are asked for.

    :ivar name: of the units, without their endings
    :ivar calendar: when, as systemd.time(7) has it
    :ivar random_delay: seconds of which a part is waited before each run
    :ivar user: whose runs these are, in a unit of the system; None in one of the user's own
    :ivar program: the file of ansible-playbook
    :ivar arguments: for secure and audit, such as the inventory
    :ivar directory: in which they run
    :ivar results: the directory of what they write
    :ivar environment: variables of the processes; no secrets, systemd shows them to everybody
    :ivar secrets: by the names of `OPTIONS_OF_SECRETS` the files that have them
    :ivar programs_of_secrets: the same for programs that print them
    :ivar hardened: whether the run may have less rights than a person who logs in
    """

    name: str
    calendar: str
    random_delay: int
    user: str | None
    program: str
    arguments: Sequence[str]
    directory: str
    results: str
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    programs_of_secrets: Mapping[str, str]
    hardened: bool

    def units(self) -> dict[str, str]:
        """The text of each unit, by the name of its file.

        :raises ScheduleError: a name, a path or an argument that no unit can have
        """
        if not _NAME.fullmatch(self.name):
            raise ScheduleError(f"nodered_schedule_name: {self.name!r} must be of letters, digits, '_', '.' and '-'.")
        environment = "".join(f"Environment={_quoted(f'{key}={value}')}\n" for key, value in self.environment.items())
        common = {
            "head": _HEAD,
            "name": self.name,
            "environment": environment,
            "user": f"User={_plain(self.user)}\n" if self.user else "",
        }
        hardening = (_HARDENING + (_HARDENING_OF_THE_SYSTEM if self.user else "")) if self.hardened else ""
        return {
            f"{self.name}.timer": _TIMER.format(
                head=_HEAD, calendar=_plain(self.calendar), random_delay=self.random_delay
            ),
            f"{self.name}.service": _SERVICE.format(
                **common,
                network=_NETWORK if self.user else "",
                directory=_plain(self.directory),
                credentials="".join(f"LoadCredential={key}:{_plain(file)}\n" for key, file in self.secrets.items()),
                remove=_command("/bin/rm", "-f", self._result("summary.json"), self._result("report.json")),
                secure=self._playbook("secure", {"nodered_summary_path": self._result("summary.json")}),
                audit=self._playbook(
                    "audit", {"nodered_report_dir": self.results, "nodered_report_formats": ["json", "html"]}
                ),
                hardening=hardening,
            ),
            f"{self.name}-notify.service": _NOTIFY.format(
                **common,
                configuration=_quoted(f"ANSIBLE_CONFIG={self._result(CONFIGURATION)}"),
                results=_plain(self.results),
                notify=_command(
                    self.program,
                    *("-i", "localhost,", "-e", f"@{self._result('notify.json')}"),
                    "pifleet.nodered.notify",
                ),
            ),
        }

    def _result(self, file: str) -> str:
        return f"{self.results}/{file}"

    def _playbook(self, name: str, variables: Mapping[str, t.Any]) -> str:
        secrets = [f"{OPTIONS_OF_SECRETS[key]}=%d/{key}" for key in self.secrets]
        of_programs = [f"{OPTIONS_OF_SECRETS[key]}={file}" for key, file in self.programs_of_secrets.items()]
        words = [*of_programs, *self.arguments, "-e", json.dumps(variables), f"pifleet.nodered.{name}"]
        return " ".join([_command(self.program), *secrets, *_words(words)])


def _plain(text: str) -> str:
    """A value that stands by itself in its line."""
    if not text or not text.isprintable() or text != text.strip():
        raise ScheduleError(
            f"{text!r} cannot stand in a unit of systemd. Use printable characters, without blanks around."
        )
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """One word in double quotes, see systemd.syntax(7)."""
    if not text.isprintable():
        raise ScheduleError(f"{text!r} cannot stand in a unit of systemd. Use printable characters.")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _command(program: str, *words: str) -> str:
    """A command line, see systemd.service(5): each word as it is, no variable in it."""
    return " ".join([_quoted(program), *_words(words)])


def _words(words: Iterable[str]) -> list[str]:
    return [_quoted(word).replace("$", "$$") for word in words]
