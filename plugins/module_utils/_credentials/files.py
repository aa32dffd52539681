# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The encrypted credentials of flows, and what tells which key fits them, as they lie in the userDir.

Node-RED (runtime, nodes/credentials.js, the same from 3.1 to 5.0) writes `{"$": <IV in hex><Base64>}`: AES-256 in counter
mode, with the SHA-256 of the secret for its key. The decision what fits what is made on the control node.
"""

from __future__ import annotations

import base64
import glob
import json
import os
import socket
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import read

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        CredentialsState,
        EncryptedFile,
        GeneratedSecret,
    )

#: Where Node-RED keeps the key that it has made itself; before 1.2 in the second.
RUNTIME_FILES = (".config.runtime.json", ".config.json")
GENERATED = "_credentialSecret"
#: How much of a file travels: with the right key its beginning is JSON, with a wrong one it is noise (bytes).
HEAD = 66
#: Hexadecimal digits of the initialization vector.
_IV = 32


def read_credentials(unit: LocatedUnit, pending: list[str]) -> CredentialsState:
    """What is known of a Node-RED's credentials, small enough for every visit.

    :param unit: the unit that starts it
    :param pending: secrets that an open transaction is to decrypt them with
    :returns: what tells which secret decrypts them
    """
    project = (parsed(content_of(unit, ".config.projects.json")) or {}).get("activeProject")
    return {
        "project": project if project and isinstance(project, str) else None,
        "flow_file": unit.command_line.rest[0] if unit.command_line.direct and unit.command_line.rest else None,
        "default_flow_file": f"flows_{socket.gethostname()}.json",
        "generated": generated(unit),
        "files": [{"name": name, **described(content_of(unit, name))} for name in names(unit)],
        "pending": pending,
    }


def names(unit: LocatedUnit) -> list[str]:
    """The names of the credentials files of the userDir, without the copies that Node-RED keeps of them."""
    with unit.account.rights():
        return sorted(map(os.path.basename, glob.glob(os.path.join(glob.escape(unit.user_dir), "*_cred.json"))))


def backup_name(name: str) -> str:
    """What Node-RED calls its copy of a file."""
    return f"{name if name[0] == '.' else f'.{name}'}.backup"


def generated(unit: LocatedUnit) -> GeneratedSecret | None:
    """The key that Node-RED has made itself, or None."""
    for name in RUNTIME_FILES:
        content = content_of(unit, name)
        if content is not None:
            # What an older file says no longer counts.
            secret = (parsed(content) or {}).get(GENERATED)
            return {"file": name, "secret": secret} if secret and isinstance(secret, str) else None
    return None


def described(content: bytes | None) -> EncryptedFile:
    """What a credentials file is, and how it begins.

    :param content: the file, None where it cannot be read
    """
    record = parsed(content)
    if record is not None and "$" not in record:
        return {"kind": "plain", "empty": not record, "iv": "", "head": "", "size": 0}
    damaged: EncryptedFile = {"kind": "damaged", "empty": False, "iv": "", "head": "", "size": 0}
    encrypted = (record or {}).get("$")
    if not isinstance(encrypted, str):
        return damaged
    try:
        iv, data = bytes.fromhex(encrypted[:_IV]), base64.b64decode(encrypted[_IV:])
    except ValueError:
        return damaged
    # Two bytes can only be `{}`, whatever the key.
    return {
        "kind": "encrypted",
        "empty": len(data) == 2,
        "iv": iv.hex(),
        "size": len(data),
        "head": base64.b64encode(data[:HEAD]).decode("ascii"),
    }


def parsed(content: bytes | None) -> dict[str, t.Any] | None:
    """The object in a JSON file of Node-RED's, or None where there is none."""
    if content is None:
        return None
    try:
        record = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def content_of(unit: LocatedUnit, name: str) -> bytes | None:
    """A file of the userDir as Node-RED reads it.

    :param unit: the unit that starts it
    :param name: the name of the file
    :returns: its content, None where there is none or it cannot be read
    """
    try:
        content = read(os.path.join(unit.user_dir, name), unit.account)
        # It takes its copy for a file that a power failure has left empty.
        return read(os.path.join(unit.user_dir, backup_name(name)), unit.account) if content == b"" else content
    except HostError:
        return None
