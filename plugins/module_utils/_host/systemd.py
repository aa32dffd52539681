# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemctl, and systemd's own rules for environment files and command lines."""

from __future__ import annotations

import re
import shlex
import subprocess

from .errors import HostError

#: What systemd gives to services of the system that set no PATH (systemd.exec(5), DEFAULT_PATH).
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


def systemctl(*arguments, check=True):
    """Run systemctl and return what it prints; HostError with its own words when it fails."""
    try:
        run = subprocess.run(
            ["systemctl", "--no-pager", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except FileNotFoundError:
        raise HostError("This host has no systemctl: Node-RED must run as a systemd service here.") from None
    except subprocess.TimeoutExpired:
        raise HostError("systemctl %s did not end in 120 s." % " ".join(arguments)) from None
    if check and run.returncode != 0:
        raise HostError("systemctl %s failed: %s" % (" ".join(arguments), run.stderr.strip()))
    return run.stdout


def environment_of_file(content):
    """The variables of a systemd environment file (systemd.exec(5), EnvironmentFile=) as a dictionary."""
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


def expand(arguments, environment):
    """The words of ExecStart= with its variables: $NAME alone becomes several words, ${NAME} stays in its word."""
    words = []
    for word in arguments:
        alone = re.fullmatch(r"\$(\w+)", word)
        if alone:
            words.extend(environment.get(alone.group(1), "").split())
        else:
            words.append(_VARIABLE.sub(lambda found: environment.get(found.group(1) or found.group(2), ""), word))
    return words
