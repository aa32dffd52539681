# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What dpkg has installed, read from its status file."""

from __future__ import annotations

import re

from .files import read


def installed_version(package: str) -> str | None:
    """The version dpkg has installed of a package, without Debian's epoch and revision, or None."""
    version = re.match(r"(?:\d+:)?([0-9.]+)", package_version(package) or "")
    return version.group(1) if version else None


def package_version(package: str) -> str | None:
    """The version dpkg has installed of a package as it is, or None."""
    content = read("/var/lib/dpkg/status") or b""
    for stanza in content.split(b"\n\n"):
        if stanza.startswith(b"Package: " + package.encode() + b"\n") and b"\nStatus: install ok installed\n" in stanza:
            version = re.search(rb"^Version: (\S+)", stanza, re.MULTILINE)
            return version.group(1).decode() if version else None
    return None
