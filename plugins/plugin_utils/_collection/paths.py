# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where this collection lies on the control node."""

from __future__ import annotations

import pathlib

#: The directory of the collection, which holds plugins, roles and playbooks.
COLLECTION = pathlib.Path(__file__).parents[3]
