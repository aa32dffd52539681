# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encrypts the credentials of flows with another secret, while Node-RED is stopped and inside the open transaction.

The host's own Node.js does it as the service's user, with the calls that Node-RED itself uses; keys travel over standard
input. What is to be done stands in the transaction's record as `CredentialsPlan`.
"""

from __future__ import annotations

import json
import os
import subprocess
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import ask, runtime_of_service

from . import files as credentials
from .reencryption_program import PROGRAM

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
    from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import Runtime
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        CredentialsPlan,
        CredentialsSource,
        FileStatus,
    )

#: Seconds that Node.js may take, on a Pi Zero with a full card.
TIMEOUT = 60


class Answer(t.TypedDict, total=False):
    """What Node.js makes of one file of credentials: a string or a problem."""

    #: The new content; None where it stays.
    content: str | None
    #: Why it cannot be encrypted anew, a phrase.
    problem: str


def plan_of(transaction: Transaction) -> CredentialsPlan | None:
    """What an open transaction is to do with the credentials, or None."""
    return transaction.record["credentials"] if transaction.record else None


def encrypt_anew(unit: LocatedUnit, transaction: Transaction) -> None:
    """Do what the transaction plans for the credentials, and take away the key that Node-RED has made itself.

    Node-RED must not run: it may write the files, and keeps its keys in memory.

    :param unit: the unit that starts it
    :param transaction: the transaction
    :raises HostError: a file that is required cannot be encrypted anew
    """
    plan = plan_of(transaction)
    if not plan:
        return
    present = {
        name: files.read_with_status(os.path.join(unit.user_dir, name), unit.account) for name in _all_names(unit)
    }
    contents = {name: _decoded(content) for name, (content, _status) in present.items() if content}
    contents.update((name, _copy(unit, source)) for name, source in plan["sources"].items())
    generated = credentials.generated(unit)
    answers: dict[str, Answer] = {name: {"content": None} for name in contents}
    if contents and plan["secret"] is not None:
        keys = [*plan["keys"], *([generated["secret"]] if generated else [])]
        answers = reencrypted(runtime_of_service(unit), plan["secret"], keys, contents, TIMEOUT)
    for name in plan["required"]:
        problem = answers.get(name, {}).get("problem")
        if problem is not None:
            raise HostError(f"{os.path.join(unit.user_dir, name)} cannot be encrypted anew: {problem}.")
    for name, answer in answers.items():
        content = answer.get("content") or (contents[name] if name in plan["sources"] else None)
        if content is not None:
            status = present.get(name, (None, None))[1]
            _replace(transaction, os.path.join(unit.user_dir, name), content.encode("utf-8"), status, unit.account)
    if generated and plan["secret"] is not None:
        _forget_generated(unit, transaction, generated["file"])


def reencrypted(
    runtime: Runtime, secret: str, keys: Sequence[str], contents: Mapping[str, str], timeout: int
) -> dict[str, Answer]:
    """Encrypt files of credentials with another secret.

    :param runtime: how Node.js is started
    :param secret: what they are encrypted with
    :param keys: secrets that may decrypt them now
    :param contents: their contents by their names
    :param timeout: seconds that it may take
    :returns: for each name what was made of it
    :raises HostError: Node.js is missing or fails
    """
    if not runtime.node:
        raise HostError(
            f"No Node.js was found on the PATH of {runtime.account.name}, so the credentials cannot be encrypted anew."
        )
    request = {"secret": secret, "keys": keys, "contents": contents}
    try:
        status, answer, stderr = ask(runtime, PROGRAM, request, timeout)
    except subprocess.TimeoutExpired:
        raise HostError(f"Encrypting the credentials anew did not end in {timeout} s.") from None
    if answer is None:
        raise HostError(f"Node.js ended without having encrypted the credentials anew (status {status}): {stderr}")
    return answer


def _all_names(unit: LocatedUnit) -> list[str]:
    """The credentials files and the copies that Node-RED falls back to."""
    names = credentials.names(unit)
    return [*names, *map(credentials.backup_name, names)]


def _decoded(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace")


def _copy(unit: LocatedUnit, source: CredentialsSource) -> str:
    """The content of a copy that is to take the place of a file."""
    content = files.read(source["path"], None if source["in_store"] else unit.account)
    if content is None:
        raise HostError(f"{source['path']} is gone.")
    return _decoded(content)


def _forget_generated(unit: LocatedUnit, transaction: Transaction, name: str) -> None:
    path = os.path.join(unit.user_dir, name)
    status = files.read_with_status(path, unit.account)[1]
    record = credentials.parsed(credentials.content_of(unit, name))
    if record is None:
        raise HostError(f"{path} is gone.")
    del record[credentials.GENERATED]
    # As Node-RED writes it.
    content = json.dumps(record, indent=4, ensure_ascii=False)
    _replace(transaction, path, content.encode("utf-8"), status, unit.account)


def _replace(transaction: Transaction, path: str, content: bytes, status: FileStatus | None, account: Account) -> None:
    """Replace a file; its owner stays, and where that is the service's user nobody else can read it."""
    if status is None:
        transaction.replace(path, content, 0o600, account.uid, account.gid, account)
    else:
        mode = int(status["mode"], 8) & (0o600 if status["uid"] == account.uid else 0o777)
        transaction.replace(path, content, mode, status["uid"], status["gid"], account)
