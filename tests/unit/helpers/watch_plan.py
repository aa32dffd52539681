# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a host is asked to watch whether a change lasts."""

from __future__ import annotations

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import WatchPlan

WATCH_PLAN: WatchPlan = {
    "minutes": 10,
    "restarts": 0,
    "timeout": 1,
    "stable": 1,
    "user": None,
    "user_dir": None,
    "settings_path": None,
}
