# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Attributes that the modules of this collection state; private to the collection."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: In check mode it reports what it would change and changes nothing.
  diff_mode:
    description: In diff mode it shows what differs before and after, never a secret.
  idempotent:
    description: Run again with the same arguments, on a host nobody else changed meanwhile, it reports no change.
  platform:
    description: The systems on which a managed host is supported.
    support: full
    platforms: debian
"""
