# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The encrypted credentials of flows, and what tells which key fits them, as they lie in the userDir.

Node-RED (runtime, nodes/credentials.js, the same from 3.1 to 5.0) writes `{"$": <IV in hex><Base64>}`: AES-256 in counter
mode, with the SHA-256 of the secret for its key. The decision what fits what is made on the control node.
"""

from __future__ import annotations

import base64
import contextlib
import glob
import json
import os
import re
import socket

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import read

#: Where Node-RED keeps the key that it has made itself; before 1.2 in the second.
RUNTIME_FILES = (".config.runtime.json", ".config.json")
GENERATED = "_credentialSecret"
#: How much of a file travels: with the right key its beginning is JSON, with a wrong one it is noise (bytes).
HEAD = 66
#: Hexadecimal digits of the initialization vector.
_IV = 32
#: `credentialSecret: "…"` in any text, commented out or not.
_LITERAL = re.compile(r"""credentialSecret["']?\s*[:=]\s*("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""")
#: How a copy is called in the store and beside the file: `3-flows_cred.json`, `.flows_cred.json.backup`.
_COPY = re.compile(r"(?:\d+-|refused-)?(?:\.(?P<backup>.+_cred\.json)\.backup|(?P<plain>[^.].*_cred\.json))")
#: How many files of each kind are looked at, the newest ones.
_MOST = 200


def read_credentials(unit, pending):
    """What is known of a Node-RED's credentials, as a dictionary that is small enough for every visit.

    ``pending`` has the keys that an open transaction is to encrypt anew from.
    """
    project = _json(unit, ".config.projects.json").get("activeProject")
    return {
        "project": project if project and isinstance(project, str) else None,
        "flow_file": unit.command_line.rest[0] if unit.command_line.direct and unit.command_line.rest else None,
        "default_flow_file": "flows_%s.json" % socket.gethostname(),
        "generated": generated(unit),
        "files": [{"name": name, **described(content_of(unit, name))} for name in names(unit)],
        "pending": pending,
    }


def names(unit):
    """The credentials files of the userDir, without the copies that Node-RED keeps of them."""
    with unit.account.rights():
        return sorted(map(os.path.basename, glob.glob(os.path.join(glob.escape(unit.user_dir), "*_cred.json"))))


def backup_name(name):
    """What Node-RED calls its copy of a file."""
    return "%s%s.backup" % ("" if name[0] == "." else ".", name)


def generated(unit):
    """The key that Node-RED has made itself, as ``file`` and ``secret``, or None."""
    for name in RUNTIME_FILES:
        content = content_of(unit, name)
        if content is not None:
            # What an older file says no longer counts.
            secret = (parsed(content) or {}).get(GENERATED)
            return {"file": name, "secret": secret} if secret and isinstance(secret, str) else None
    return None


def described(content):
    """What a credentials file is: ``kind`` (encrypted, plain, damaged), whether it is ``empty``, and how it begins."""
    found = parsed(content)
    if found is not None and "$" not in found:
        return {"kind": "plain", "empty": not found, "iv": "", "head": "", "size": 0}
    damaged = {"kind": "damaged", "empty": False, "iv": "", "head": "", "size": 0}
    encrypted = (found or {}).get("$")
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


def parsed(content):
    """The object in a JSON file of Node-RED's, or None where there is none."""
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (AttributeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def content_of(unit, name):
    """The bytes of a file in the userDir as Node-RED reads it, None where there is none or it cannot be read."""
    try:
        content = read(os.path.join(unit.user_dir, name), unit.account)
        # It takes its copy for a file that a power failure has left empty.
        return read(os.path.join(unit.user_dir, backup_name(name)), unit.account) if content == b"" else content
    except HostError:
        return None


def read_evidence(unit, store):
    """What may help to read credentials that were lost.

    ``literals`` are string literals of JavaScript that stand behind the name credentialSecret in some settings file,
    ``secrets`` are keys that Node-RED or this collection has kept, ``copies`` are copies of credentials files, the newest
    first.
    """
    settings = os.path.basename(unit.settings_path)
    found = {"literals": [], "secrets": [], "copies": []}
    for path, modified, account in _places(unit, store, settings):
        try:
            content = read(path, account)
        except HostError:
            continue
        name = os.path.basename(path)
        copy = _COPY.fullmatch(name)
        if copy:
            found["copies"].append(
                {
                    "path": path,
                    "in_store": account is None,
                    "name": copy["backup"] or copy["plain"],
                    "modified": modified,
                    **described(content),
                }
            )
        elif settings in name:
            text = (content or b"").decode("utf-8", "replace")
            found["literals"] += [{"literal": literal, "origin": path} for literal in _LITERAL.findall(text)]
        else:
            found["secrets"] += [{"secret": secret, "origin": path} for secret in _kept_secrets(parsed(content) or {})]
    return found


def _places(unit, store, settings):
    """The files in which evidence may be, with the time of their last change and whose rights read them."""
    here = [
        os.path.join(glob.escape(unit.settings_directory), glob.escape(settings) + "*"),
        *(os.path.join(glob.escape(unit.user_dir), name) for name in (".config*.json*", ".*_cred.json.backup")),
    ]
    kept = [os.path.join(glob.escape(store.path("backups")), "*", "*")]
    found = []
    for account, patterns in ((unit.account, here), (None, kept)):
        with account.rights() if account else contextlib.nullcontext():
            for pattern in patterns:
                paths = [(path, _modified(path), account) for path in glob.glob(pattern)]
                found += sorted(paths, key=lambda place: place[1], reverse=True)[:_MOST]
    return sorted(found, key=lambda place: place[1], reverse=True)


def _modified(path):
    """The time of a file's last change in seconds; 0 where it cannot be told."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0


def _kept_secrets(record):
    """The keys in a file of Node-RED's runtime, or in the record of a transaction."""
    plan = record.get("credentials")
    if isinstance(plan, dict):
        keys = plan.get("keys")
        secrets = [plan.get("secret"), *(keys if isinstance(keys, list) else ())]
    else:
        secrets = [record.get(GENERATED)]
    return [secret for secret in secrets if secret and isinstance(secret, str)]


def _json(unit, name):
    return parsed(content_of(unit, name)) or {}
