# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a host tells that it has gone back by itself, or could not."""

from __future__ import annotations

import pathlib
import time
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import tell
from ansible_collections.pifleet.nodered.plugins.module_utils._info.gather import LATELY, _way_back

OPEN: t.Any = {"id": "20260102T030405Z-6"}


@pytest.mark.parametrize(
    ("outcome", "record", "told"),
    [
        pytest.param("back", None, True, id="back"),
        pytest.param("closed", None, True, id="started again instead"),
        pytest.param("failed", OPEN, True, id="still to be undone"),
        pytest.param("failed", None, False, id="repaired since"),
        pytest.param("failed", {"id": "20260304T050607Z-8"}, False, id="repaired, and changed since"),
    ],
)
def test_what_could_not_be_undone_is_told_until_it_is(
    tmp_path: pathlib.Path, outcome: t.Any, record: t.Any, told: bool
) -> None:
    store = Store("nodered.service", str(tmp_path / "store"))
    tell(store, OPEN["id"], "interrupted", outcome)
    now = int(time.time())
    assert (_way_back(store, record, now) is not None) is told
    assert _way_back(store, record, now + LATELY + 1) is None


def test_nothing_to_tell(tmp_path: pathlib.Path) -> None:
    assert _way_back(Store("nodered.service", str(tmp_path / "store")), None, 0) is None
