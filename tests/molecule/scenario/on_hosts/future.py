# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A clock that somebody has set wrong: 365 days from now."""

import time

true_time = time.time
time.time = lambda: true_time() + 365 * 86400
