# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a service that were proved, as a store keeps them."""

from __future__ import annotations

import os
import pathlib
import typing as t

from host_state import make_state

from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import Proof, ServiceBefore

BEFORE: ServiceBefore = {"active": True, "endpoints": []}


def proof() -> Proof:
    proved = make_state()["proof"]
    assert proved is not None
    return {"expected": proved["expected"], "settings": proved["settings"]}


def change(store: Store, folder: pathlib.Path, proved: bool = True, **contents: bytes | None) -> str:
    """Replace files in one transaction, and prove it or go back; returns its name.

    :param contents: by their names, with two underscores for a dot
    """
    transaction = Transaction(store)
    transaction.begin(BEFORE)
    for name, content in contents.items():
        path = str(folder / name.replace("__", "."))
        transaction.replace(path, content, 0o600, os.getuid(), os.getgid())
    identifier = t.cast("str", transaction.identifier)
    if proved:
        transaction.commit(proof())
    else:
        transaction.undo()
        transaction.close()
    return identifier
