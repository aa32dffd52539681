# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemctl, and systemd's own rules for environment files and command lines."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import UNIT_DIRECTORY

from .errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: What systemd gives to services of the system that set no PATH (systemd.exec(5), DEFAULT_PATH).
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: Seconds that systemctl may take.
_TIMEOUT = 120

_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')

_VARIABLE = re.compile(r"\$\$|\$\{(\w+)\}|\$(\w+)")


def systemctl(*arguments: str, check: bool = True) -> str:
    """Run systemctl.

    :param arguments: the words of its command line
    :param check: whether a failure is an error
    :returns: what it prints
    :raises HostError: it failed, with its own words; there is none; or it did not end in `_TIMEOUT`
    """
    command = " ".join(arguments)
    try:
        run = subprocess.run(
            ["systemctl", "--no-pager", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise HostError("This host has no systemctl: Node-RED must run as a systemd service here.") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"systemctl {command} did not end in {_TIMEOUT} s.") from None
    if check and run.returncode != 0:
        raise HostError(f"systemctl {command} failed: {run.stderr.strip()}")
    return run.stdout


def match_watchers(paths: Iterable[str], *options: str) -> None:
    """Have units that watch for something run where their files were put back, and all stop whose files are gone again.

    :param paths: the files of any kind that were put back or removed, before which systemd has read its files anew
    :param options: for systemctl; while the host starts, nobody may wait for other units
    """
    for path in paths:
        directory, name = os.path.split(path)
        if directory != UNIT_DIRECTORY:
            continue
        if not os.path.exists(path):
            systemctl("stop", *options, name, check=False)
            # systemd remembers a unit that it could not read, as one that has failed.
            systemctl("reset-failed", name, check=False)
        elif name.endswith((".path", ".timer")):
            systemctl("restart", *options, name, check=False)


def processes(control_group: str) -> list[int]:
    """The process ids of a service.

    :param control_group: its control group, as systemd names it
    :returns: the ids, none where the group does not exist
    """
    if not control_group:
        return []
    for base in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"):
        with contextlib.suppress(OSError), open(f"{base}{control_group}/cgroup.procs", encoding="ascii") as stream:
            return [int(line) for line in stream]
    return []


def command_of(name: str) -> list[str]:
    """The words of ExecStart= of a service as they were written, also those with spaces in them.

    `systemctl show` leaves quotes out, so that nobody can tell where a word ends. See org.freedesktop.systemd1(5).

    :param name: the name of the service with its suffix
    :returns: the words; empty where systemd's bus cannot be asked
    """
    path = re.sub(rb"^\d|[^A-Za-z0-9]", lambda byte: b"_%02x" % ord(byte[0]), name.encode("utf-8")).decode("ascii")
    try:
        run = subprocess.run(
            [
                "busctl",
                "--json=short",
                "get-property",
                "org.freedesktop.systemd1",
                f"/org/freedesktop/systemd1/unit/{path}",
                "org.freedesktop.systemd1.Service",
                "ExecStart",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
        return [str(word) for word in json.loads(run.stdout)["data"][0][1]]
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return []


def environment_of_file(content: bytes) -> dict[str, str]:
    """The variables of a systemd environment file (systemd.exec(5), EnvironmentFile=).

    :param content: the file
    :returns: the values by the names of the variables; lines that systemd would ignore are left out
    """
    variables = {}
    for line in re.sub(r"\\\n", "", content.decode("utf-8", "replace")).splitlines():
        name, separator, value = line.strip().partition("=")
        if not separator or name[:1] in "#;" or not re.fullmatch(r"[A-Za-z_]\w*", name):
            continue
        quoted = _DOUBLE_QUOTED.fullmatch(value.strip())
        if quoted:
            variables[name] = re.sub(r'\\(["\\$`])', r"\1", quoted.group(1))
            continue
        try:
            variables[name] = "".join(shlex.split(value.strip())) if value.strip()[:1] in "\"'" else value.strip()
        except ValueError:
            variables[name] = value.strip()
    return variables


def expand(arguments: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """The words of ExecStart= with its variables: $NAME alone becomes several words, ${NAME} stays in its word.

    Quotes in the value of $NAME hold a word together (systemd.service(5), "Command lines").

    :param arguments: the words as they are written
    :param environment: the values of the variables; one that is not in it is empty
    :returns: the words that the program gets
    """
    words = []
    for word in arguments:
        alone = re.fullmatch(r"\$(\w+)", word)
        if alone:
            words.extend(_split(environment.get(alone.group(1), "")))
        else:
            words.append(_VARIABLE.sub(lambda name: _value_of(name, environment), word))
    return words


def _value_of(name: re.Match[str], environment: Mapping[str, str]) -> str:
    # Two dollars are one, for a shell.
    return "$" if name.group() == "$$" else environment.get(name.group(1) or name.group(2), "")


def _split(value: str) -> list[str]:
    """The words of a value. A quote that is never closed is a letter."""
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()
