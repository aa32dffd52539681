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

#: Seconds that a service may take to end, whatever its unit says, where nothing more is asked for; and how much later than
#: its unit says it is killed, which is systemd's own business first.
LONGEST_STOP = 600
_STOP_MARGIN = 30

#: Seconds by the units in which systemctl prints a span of time (systemd.time(7)).
_SPANS = {
    "y": 31557600.0,
    "month": 2629800.0,
    "w": 604800.0,
    "d": 86400.0,
    "h": 3600.0,
    "min": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
}

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


def stop_limit(properties: Mapping[str, str], longest: float) -> float:
    """How long a service may take to end.

    :param properties: what systemd says of its unit
    :param longest: seconds that count where the unit says more, or sets no end
    :returns: seconds, at most ``longest``
    """
    own = seconds_of(properties.get("TimeoutStopUSec", ""))
    # ExecStop= has that time, and once more what still runs after it.
    times = 2 if properties.get("ExecStop") else 1
    return longest if own is None else min(times * own + _STOP_MARGIN, longest)


def seconds_of(span: str) -> float | None:
    """A span of time as systemctl prints it, such as "1min 30s", in seconds; None for infinity, and where it is none."""
    parts = [re.fullmatch(r"([0-9.]+)([a-z]+)", part) for part in span.split()]
    if not parts or not all(part and part.group(2) in _SPANS for part in parts):
        return 0.0 if span == "0" else None
    return sum(float(part.group(1)) * _SPANS[part.group(2)] for part in parts if part)


def end(verb: str, name: str, limit: float) -> None:
    """Stop a service or restart it, by force where it does not end.

    :param verb: stop or restart
    :param name: the name of the service
    :param limit: seconds that it may take to end, see `stop_limit`
    :raises HostError: it failed, or the service does not end even so
    """
    command = ["systemctl", "--no-pager", verb, name]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            errors = _errors_of(process, name, limit)
        except subprocess.TimeoutExpired:
            raise HostError(
                f"systemctl {verb} {name} did not end in {limit:.0f} s, nor, by force, in {_TIMEOUT} s more."
            ) from None
        finally:
            process.kill()
    if process.returncode != 0:
        raise HostError(f"systemctl {verb} {name} failed: {errors.strip()}")


def _errors_of(process: subprocess.Popen[str], name: str, limit: float) -> str:
    """What systemctl says of its failure; what the service still has running after some seconds is killed meanwhile."""
    try:
        return process.communicate(timeout=limit)[1]
    except subprocess.TimeoutExpired:
        # What is starting by now has the time that systemctl has for anything.
        if systemctl("show", name, "--property=ActiveState", "--value", check=False).strip() == "deactivating":
            systemctl("kill", "--signal=KILL", name, check=False)
        return process.communicate(timeout=_TIMEOUT)[1]


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
