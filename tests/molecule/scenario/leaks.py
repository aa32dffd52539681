# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets in output and files, however they are spelled there."""

from __future__ import annotations

import base64
import re
import typing as t


def forms(secret: str) -> list[str]:
    """How a secret may be spelled: as it is, or within Base64, whose letters depend on where in a text it stands."""
    content = secret.encode()
    spelled = [secret]
    for start in range(3):
        # Each group of four letters stands for three bytes; what shares a group with other bytes is left out.
        letters = base64.b64encode(b"\0" * start + content).decode().rstrip("=")
        spelled.append(letters[4 if start else 0 : len(letters) // 4 * 4])
    return [form for form in spelled if len(form) >= 8]


def leaked(secrets: t.Iterable[str], text: str) -> list[str]:
    """The secrets that a text has."""
    return [secret for secret in secrets if any(form in text for form in forms(secret))]


def passwords(value: t.Any, key: str = "") -> t.Iterator[str]:
    """The passwords in variables of Ansible."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from passwords(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from passwords(item, key)
    elif re.search(r"password$|passphrase$|secret$", key):
        yield str(value)
    else:
        yield from re.findall(r"://[^:/@]+:([^@]+)@", str(value))
