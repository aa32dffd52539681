# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Samplers: what may show for a moment only, in a list of processes or in a file, while a block runs."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import typing as t

#: The program of a sampler, for `python3 -c`.
SAMPLER = pathlib.Path(__file__).with_name("sampler.py").read_text("utf-8")


@contextlib.contextmanager
def sampled(*command: str) -> t.Iterator[dict[str, t.Any]]:
    """Run a sampler from before the block to its end; what it saw is there after the block."""
    seen: dict[str, t.Any] = {}
    sampler = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert sampler.stdout
    try:
        first = sampler.stdout.readline()
        assert first == "looking\n", first
        yield seen
    finally:
        printed, _none = sampler.communicate()
        seen.update(json.loads(printed))
