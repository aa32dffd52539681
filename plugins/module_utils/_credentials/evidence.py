# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may help to decrypt credentials that were lost: secrets and copies that are still on the host."""

from __future__ import annotations

import glob
import os
import re
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import rights_of
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import read

from .files import GENERATED, described, parsed

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
    from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
    from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import LocatedUnit
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        CredentialsCopy,
        CredentialsEvidence,
    )

#: `credentialSecret: "…"` in any file, commented out or not.
_LITERAL = re.compile(r"""credentialSecret["']?\s*[:=]\s*("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""")
#: How a copy is called in the store and beside the file: `3-flows_cred.json`, `.flows_cred.json.backup`.
_COPY = re.compile(r"(?:\d+-|refused-)?(?:\.(?P<backup>.+_cred\.json)\.backup|(?P<plain>[^.].*_cred\.json))")
#: How many files of each kind are looked at, the newest ones.
_MOST = 200


class Location(t.NamedTuple):
    """A file in which evidence may be."""

    path: str
    #: The time of its last change, in seconds since 1970-01-01 UTC; 0 where it cannot be told.
    modified: float
    #: The user with whose rights it is read; None for root's own, in the store.
    account: Account | None


def read_evidence(unit: LocatedUnit, store: Store) -> CredentialsEvidence:
    """What may help to read credentials that were lost.

    :param unit: the unit of the Node-RED that lost them
    :param store: the store of its service
    :returns: secrets and copies, the newest first
    """
    settings = os.path.basename(unit.settings_path)
    evidence: CredentialsEvidence = {"literals": [], "secrets": [], "copies": []}
    for location in _locations(unit, store, settings):
        path, name = location.path, os.path.basename(location.path)
        try:
            content = read(path, location.account)
        except HostError:
            continue
        copy = _COPY.fullmatch(name)
        if copy:
            evidence["copies"].append(_copy(location, copy["backup"] or copy["plain"], content))
        elif settings in name:
            literals = _LITERAL.findall((content or b"").decode("utf-8", "replace"))
            evidence["literals"] += [{"literal": literal, "origin": path} for literal in literals]
        else:
            evidence["secrets"] += [
                {"secret": secret, "origin": path} for secret in _kept_secrets(parsed(content) or {})
            ]
    return evidence


def _copy(location: Location, name: str, content: bytes | None) -> CredentialsCopy:
    return {
        "path": location.path,
        "in_store": location.account is None,
        "name": name,
        "modified": location.modified,
        **described(content),
    }


def _locations(unit: LocatedUnit, store: Store, settings: str) -> list[Location]:
    """The files in which evidence may be, the newest first."""
    here = [
        os.path.join(glob.escape(unit.settings_directory), f"{glob.escape(settings)}*"),
        *(os.path.join(glob.escape(unit.user_dir), name) for name in (".config*.json*", ".*_cred.json.backup")),
    ]
    kept = [os.path.join(glob.escape(store.path("backups")), "*", "*")]
    searches: list[tuple[Account | None, list[str]]] = [(unit.account, here), (None, kept)]
    locations: list[Location] = []
    for account, patterns in searches:
        with rights_of(account):
            for pattern in patterns:
                matching = [Location(path, _modified(path), account) for path in glob.glob(pattern)]
                locations += sorted(matching, key=_time_of, reverse=True)[:_MOST]
    return sorted(locations, key=_time_of, reverse=True)


def _time_of(location: Location) -> float:
    return location.modified


def _modified(path: str) -> float:
    """The time of a file's last change in seconds; 0 where it cannot be told."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0


def _kept_secrets(record: dict[str, t.Any]) -> list[str]:
    """The keys in a file of Node-RED's runtime, or in the record of a transaction."""
    plan = record.get("credentials")
    if isinstance(plan, dict):
        keys = plan.get("keys")
        secrets = [plan.get("secret"), *(keys if isinstance(keys, list) else ())]
    else:
        secrets = [record.get(GENERATED)]
    return [secret for secret in secrets if secret and isinstance(secret, str)]
