# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clock of a Pi that was switched on without a network: 3650 days ago."""

import time

true_time = time.time
time.time = lambda: true_time() - 3650 * 86400
