# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of this scenario share."""

from __future__ import annotations

import pytest
from scenario.fleet import Fleet
from scenario.login_page import LoginServer


@pytest.fixture
def server(fleet: Fleet, name: str) -> LoginServer:
    """One host after the other."""
    return LoginServer(fleet, name)
