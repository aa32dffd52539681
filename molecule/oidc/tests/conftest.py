# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of this scenario share."""

from __future__ import annotations

import pathlib

import pytest
from scenario.fleet import Fleet
from scenario.single_sign_on import SignOnServer


@pytest.fixture
def server(fleet: Fleet, name: str, tmp_path: pathlib.Path) -> SignOnServer:
    """One host after the other."""
    return SignOnServer(fleet, name, tmp_path)


@pytest.fixture
def servers(fleet: Fleet, tmp_path: pathlib.Path) -> list[SignOnServer]:
    """All of them."""
    return [SignOnServer(fleet, name, tmp_path) for name in fleet.names]
