# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several tests of the host's side start with."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate import (
    certbot_lineage as host,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import layout


@pytest.fixture(autouse=True)
def units(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The directory of the administrator's units, as far as it is written to beside a transaction."""
    directory = tmp_path_factory.mktemp("units")
    monkeypatch.setattr(layout, "UNIT_DIRECTORY", str(directory))
    return directory


@pytest.fixture
def letsencrypt(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """An empty folder of certbot, and of the collection's records."""
    for name in ("live/pifleet-nodered", "renewal", "renewal-hooks/deploy", "timers"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(layout, "CERTBOT_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(host, "TIMERS", str(tmp_path / "timers"))
    monkeypatch.setattr(host, "Store", lambda service: Store(service, str(tmp_path / "store")))
    return tmp_path
