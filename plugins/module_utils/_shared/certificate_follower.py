# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a host follow a certificate that something else on it renews: units of systemd, a program and its record."""

from __future__ import annotations

import inspect
import json
import os
import typing as t

from . import certbot_deploy_program, certificate_source
from .checksum import checksum
from .layout import PYTHON, UNIT_DIRECTORY, Reader, in_unit_file, lineage_name, store_directory

if t.TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = "# Written by the Ansible collection pifleet.nodered, which overwrites it: set nodered_certificate_host_key instead.\n"

#: The directories too: of a link that is replaced by another one, systemd sees nothing else (path.c, primary_wd).
_PATH = """\
{head}[Unit]
Description=Watch the certificate that is copied for {service}

[Path]
{watched}
"""
#: What happens while nobody watches, or where nothing can be watched as on a share, is seen within the hour.
_TIMER = """\
{head}[Unit]
Description=Look at the certificate that is copied for {service}

[Timer]
OnActiveSec=1min
OnUnitInactiveSec=1h
"""
_SERVICE = """\
{head}[Unit]
Description=Copy the renewed certificate for {service}
StartLimitIntervalSec=0

[Service]
Type=oneshot
UMask=0077
TimeoutStartSec=5min
ExecStart={python} -I "{program}" "{directory}"
"""
_DROP_IN = """\
{head}[Unit]
Wants={name}.path {name}.timer
"""


def unit_name(service: str) -> str:
    """The name of the units, without its suffix.

    :param service: the name of the service, with or without its suffix
    """
    return f"{lineage_name(service)}-certificate"


def watching_units(service: str) -> list[str]:
    """The units that run all the time.

    :param service: the name of the service, with or without its suffix
    """
    return [f"{unit_name(service)}.path", f"{unit_name(service)}.timer"]


def follower_paths(service: str) -> list[str]:
    """Where the files lie, the same for whatever is followed.

    :param service: the name of the service, with its suffix
    """
    directory, name = store_directory(service), unit_name(service)
    return [
        os.path.join(directory, "follow_certificate.py"),
        os.path.join(directory, certificate_source.RECORD),
        os.path.join(UNIT_DIRECTORY, f"{name}.service"),
        os.path.join(UNIT_DIRECTORY, f"{name}.path"),
        os.path.join(UNIT_DIRECTORY, f"{name}.timer"),
        os.path.join(UNIT_DIRECTORY, f"{service}.d", "51-pifleet-certificate.conf"),
    ]


def follower_files(service: str, reader: Reader, key: str, chain: str) -> dict[str, str]:
    """The content of each file, by its path.

    :param service: the name of the service, with its suffix
    :param reader: who reads the copy
    :param key: the path of the key that is followed, which systemd takes as it is but for its percent signs
    :param chain: that of the certificates
    """
    record = {
        "key": key,
        "chain": chain,
        "path": reader.path,
        "user": reader.user,
        "group": reader.group,
        "unit": reader.unit,
        "deploy": certbot_deploy_program.PROGRAM,
    }
    paths = follower_paths(service)
    watched = dict.fromkeys([key, chain, os.path.dirname(key), os.path.dirname(chain)])
    values = {
        "head": _HEAD,
        "name": in_unit_file(unit_name(service)),
        "service": in_unit_file(service),
        "watched": "\n".join(f"PathChanged={in_unit_file(each)}" for each in watched),
        "python": PYTHON,
        "program": in_unit_file(paths[0]),
        "directory": in_unit_file(store_directory(service)),
    }
    contents = [inspect.getsource(certificate_source), json.dumps(record, indent=2, sort_keys=True) + "\n"]
    contents += [template.format(**values) for template in (_SERVICE, _PATH, _TIMER, _DROP_IN)]
    return dict(zip(paths, contents))


def digest(contents: Mapping[str, str]) -> str:
    """What stands for all files together.

    :param contents: as `follower_files` returns them
    :returns: a SHA-256
    """
    return checksum(json.dumps(contents, sort_keys=True).encode())
