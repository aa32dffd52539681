# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests here share: their helpers are modules beside them, and no example has to be done in a fixed time."""

from __future__ import annotations

import pathlib
import sys

import hypothesis

# A busy machine takes five times as long.
hypothesis.settings.register_profile("pifleet", deadline=None)
hypothesis.settings.load_profile("pifleet")

# Pytest's import mode does not find them.
sys.path.insert(0, str(pathlib.Path(__file__).parent))
