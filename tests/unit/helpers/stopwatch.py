# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long something takes, told as a ratio, so that it holds on any machine, however busy."""

from __future__ import annotations

import gc
import time
import typing as t

Action = t.Callable[[], object]


def times_as_long(action: Action, reference: Action, rounds: int = 3) -> float:
    """How many times as much processor time an action takes as a reference, which is measured in turns with it.

    The fastest of several rounds counts for each: what else runs on the machine can only add to a time.
    """
    pairs = [(_processor_seconds(action), _processor_seconds(reference)) for _round in range(rounds)]
    actions, references = zip(*pairs, strict=True)
    return min(actions) / min(references)


def _processor_seconds(action: Action) -> float:
    # What collects garbage looks at all that the other tests have left, and more often the more an action makes.
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        action()
        return time.process_time() - started
    finally:
        gc.enable()
