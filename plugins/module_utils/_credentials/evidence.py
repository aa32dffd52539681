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
from ansible_collections.pifleet.nodered.plugins.module_utils._host.files import read, replace
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import TRANSACTION, as_json

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
#: The secrets of a transaction whose other kept files are gone.
KEPT = "kept.json"
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


class Evidence(t.NamedTuple):
    """What a directory of kept files has that may help to decrypt credentials."""

    #: Secrets as they are written there, and the names of credentials files of which it has a copy that is not empty.
    known: set[str]
    #: By the names of files, what they are without all else; a file that is not among them has nothing.
    contents: dict[str, bytes]


def evidence_in(directory: str, settings: str) -> Evidence:
    """What a directory of kept files has that may help to decrypt credentials.

    :param directory: a directory below backups
    :param settings: the name of the settings file
    """
    evidence = Evidence(set(), {})
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return evidence
    for name in names:
        try:
            content = read(os.path.join(directory, name)) or b""
        except HostError:
            continue
        copy = _COPY.fullmatch(name)
        if copy:
            about = described(content)
            if about["kind"] != "damaged" and not about["empty"]:
                evidence.known.add(copy["backup"] or copy["plain"])
                evidence.contents[name] = content
        elif settings in name:
            literals = _LITERAL.findall(content.decode("utf-8", "replace"))
            if literals:
                evidence.known.update(literal[1:-1] for literal in literals)
                evidence.contents[name] = "".join(f"credentialSecret: {each}\n" for each in literals).encode("utf-8")
        elif secrets := _kept_secrets(parsed(content) or {}):
            evidence.known.update(secrets)
            record = {"credentials": {"secret": secrets[0], "keys": secrets[1:]}}
            # What it is a record of is no state any more.
            evidence.contents[KEPT if name == TRANSACTION else name] = as_json(record)
    return evidence


def reduce(directory: str, evidence: Evidence) -> None:
    """Leave of a directory of kept files nothing but what may help to decrypt credentials.

    :param directory: a directory below backups
    :param evidence: what `evidence_in` has found there
    """
    modified = {name: _modified(os.path.join(directory, name)) for name in os.listdir(directory)}
    contents = {KEPT: as_json({}), **evidence.contents}
    for name, content in contents.items():
        path = os.path.join(directory, name)
        if read(path) != content:
            replace(path, content, 0o600, os.geteuid(), os.getegid())
            # The newest evidence is the first that is tried.
            time = modified.get(name) or min(modified.values())
            os.utime(path, (time, time))
        # From here on it is no state any more.
        if modified.pop(TRANSACTION, None):
            os.unlink(os.path.join(directory, TRANSACTION))
    for name in modified.keys() - contents.keys():
        os.unlink(os.path.join(directory, name))
