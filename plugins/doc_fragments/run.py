# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say for which run a module works."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  run:
    description:
      - The name of the run that this module works for. Nothing is changed where another run has worked on the service since
        this one looked at it.
    type: str
  run_seen:
    description:
      - The name of the run that had worked on the service last when this one looked at it; empty for none. Without it other
        runs are not looked for.
    type: str
"""
