# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for conditions: the tests have one limit, and it is there to end what hangs, never to tell slow from fast."""

from __future__ import annotations

import pathlib
import time
import typing as t

import yaml

T = t.TypeVar("T")

#: Seconds after which what has not happened will not happen, on the slowest machine. The playbooks have it too.
PATIENCE: int = yaml.safe_load((pathlib.Path(__file__).parents[1] / "scenario.yml").read_text("utf-8"))["patience"]


def wait_for(condition: t.Callable[[], T], what: str, pause: t.Callable[[], object] = lambda: time.sleep(0.1)) -> T:
    """Wait until a condition holds; returns what it gave. `what` says what was waited for."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"Not within {PATIENCE} s: {what}"
        pause()
    return found
