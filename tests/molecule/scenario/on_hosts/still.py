# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands still as long as there is the file `still`: at the start, when a file holds a string. `still` names both, in a line each.

Where the file is empty, it stands still where a module of the collection waits, as it does in the proof of a start.
"""

from __future__ import annotations

import os
import sys
import time

STILL = os.path.join(os.path.dirname(__file__), "still")
true_sleep = time.sleep


def content(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return None


def reached(place: str) -> bool:
    """Whether a file holds a string."""
    path, _line, string = place.partition("\n")
    return string in (content(path) or "")


def sleep(seconds: float) -> None:
    # Python's own modules wait too, for other programs.
    caller = sys._getframe(1).f_globals["__name__"]
    while caller.startswith("ansible_collections.") and content(STILL) == "":
        true_sleep(0.1)
    true_sleep(seconds)


time.sleep = sleep  # type: ignore[assignment]
while (still := content(STILL)) and reached(still):
    true_sleep(0.1)
