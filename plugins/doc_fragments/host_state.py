# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the option that hands on what is known of a host."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host_info:
    description:
      - What M(pifleet.nodered.host_info) returned for this host, so that a host where nothing has to change is not visited
        again.
      - Without it the module reads the host itself.
    type: dict
"""
