# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hook by which certbot hands on each renewal, and when a lineage has to be fetched anew."""

from __future__ import annotations

import json
import re
import shlex
import typing as t

from . import certbot_deploy_program, certbot_hook_program
from .checksum import checksum
from .layout import Reader, live_directory

if t.TYPE_CHECKING:
    from .host_state import LineageState

#: Set where a run of Ansible asks for the certificate: it puts it in place itself, so that it can go back.
RUNNING = "PIFLEET_NODERED_RUN"

#: In the hook, the assignments that each host has its own of.
_VALUES = re.compile(r"(?<=# The values of this host:\n).+?(?=\n\n)", re.DOTALL)


def hook(service: str, reader: Reader) -> str:
    """The hook that puts a renewed key with its certificates into a file.

    :param service: the name of the service, with or without its suffix
    :param reader: who reads the file
    :returns: the content of the hook, a shell script
    """
    values = {
        "lineage": live_directory(service),
        "user": reader.user,
        "group": reader.group,
        "path": reader.path,
        "unit": reader.unit,
        "deploy": certbot_deploy_program.PROGRAM.rstrip("\n"),
    }
    assignments = "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    return _VALUES.sub(lambda _example: assignments, certbot_hook_program.PROGRAM, count=1)


def options_digest(webroot: str | None, configuration: str | None, credentials: str | None) -> str:
    """What stands for options that may be secret, to see whether they have changed.

    :param webroot: the directory of a web server
    :param configuration: further options of certbot
    :param credentials: what a dns- challenge logs in with
    :returns: a SHA-256
    """
    return checksum(json.dumps([webroot or "", configuration or "", credentials or ""]).encode())


def reasons_to_fetch(lineage: LineageState, directory: str, challenge: str, options: str) -> list[str]:
    """Why a lineage must be fetched anew although certbot itself would see no need.

    :param lineage: what certbot keeps
    :param directory: the address of the directory that it should come from
    :param challenge: how a renewal should be proved
    :param options: what `options_digest` gives for the other options
    :returns: the reasons, a phrase each
    """
    reasons = []
    if lineage["directory"] != directory:
        reasons.append(f"it came from {lineage['directory']} and should come from {directory}")
    if lineage["challenge"] != challenge:
        reasons.append(f"its renewal is proved with {lineage['challenge']} and should be with {challenge}")
    if lineage["options"] != options:
        reasons.append("certbot's other options were changed")
    return reasons
