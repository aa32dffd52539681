# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the store small: of all kept files the newest states stay, and what may still be needed to decrypt credentials.

What is older holds former hashes of passwords and former keys, which nobody should have for ever.
"""

from __future__ import annotations

import collections
import contextlib
import os
import shutil
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials.evidence import (
    KEPT,
    Evidence,
    evidence_in,
    reduce,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import TRANSACTION

from .kept_states import backups

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store


def prune(store: Store, most: int, settings: str) -> None:
    """Remove old kept files, under the store's lock and with no transaction open. One that cannot be removed stays.

    Of the directories that go, those with a secret or with credentials that no newer one has are reduced to that.

    :param store: the store of the service
    :param most: how many directories of each kind stay: states, what was refused or displaced, and what is left of older ones
    :param settings: the name of the settings file
    """
    counts: collections.Counter[str] = collections.Counter()
    known: set[str] = set()
    going: list[tuple[str, Evidence]] = []
    for name in backups(store):
        directory = store.path("backups", name)
        evidence = evidence_in(directory, settings)
        kind = _kind(directory)
        counts[kind] += 1
        if kind != KEPT and counts[kind] <= most:
            known |= evidence.known
        else:
            going.append((directory, evidence))
    needed: set[str] = set()
    for directory, evidence in going:
        if len(needed) < most and evidence.known - known:
            needed.add(directory)
            known |= evidence.known
    # The oldest first, so that what is left after a power failure has no gap.
    for directory, evidence in reversed(going):
        with contextlib.suppress(OSError, HostError):
            if directory in needed:
                reduce(directory, evidence)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(directory, TRANSACTION))
                shutil.rmtree(directory)


def _kind(directory: str) -> str:
    for kind in (KEPT, TRANSACTION):
        if os.path.exists(os.path.join(directory, kind)):
            return kind
    return "refused"
