# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both a host and the control node tell of a way back."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable


def of_displaced(copies: Iterable[str]) -> str:
    """What to tell of an owner's edits that the way back had to put aside; empty where there are none.

    :param copies: the paths of what was kept of them
    """
    return "".join(
        f" Somebody has edited settings.js since it was written: that text is kept in {copy}. Add by hand what you need of it."
        for copy in copies
    )
