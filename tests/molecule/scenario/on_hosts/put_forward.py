# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clock that time limits are measured with, put forward by an hour when the file an-hour-later appears."""

import os
import subprocess
import time

LATER = os.path.join(os.path.dirname(__file__), "an-hour-later")
# It has taken its clock from `time` as it was: the limits of other programs stay as they are.
OF_OTHER_PROGRAMS = subprocess
true_monotonic = time.monotonic
time.monotonic = lambda: true_monotonic() + (3600 if os.path.exists(LATER) else 0)
