# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of Ansible that end in their middle, as by the loss of power, at a moment that does not depend on any speed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import typing as t

from .fleet import SETTINGS, Fleet
from .pythons import still
from .waiting import wait_for


def lose_power(
    fleet: Fleet,
    name: str,
    variables: dict[str, t.Any],
    *,
    written: str = "",
    path: str = SETTINGS,
    proving: t.Callable[[], bool] | None = None,
) -> None:
    """Start a run of `secure` on one host, and kill it where it stands still.

    That is between two modules, as soon as the file at `path` has the string `written`; or in the proof of a start, when
    `proving` tells that it has come that far.
    """
    host = fleet.host(name)
    reached = proving or (lambda: written in host.run("cat %s", path).stdout)
    with still(host, written, path) as python:
        run = fleet.start("--limit", name, variables={**variables, "ansible_python_interpreter": python})
        try:
            wait_for(lambda: reached() or run.poll() is not None, "the run came that far")
            assert run.poll() is None, run.communicate()[0]
        finally:
            _kill(run)
            # What the run had started on the host, also what is no Python yet. The brackets keep this command out of it.
            host.run(f"pkill -9 -f {python[:-1]}[{python[-1]}]; pkill -9 -x python3")


def _kill(run: subprocess.Popen[str]) -> None:
    """End a run with its workers, each of which has a session of its own."""
    processes = [run.pid]
    for parent in processes:
        listed = subprocess.run(["pgrep", "--parent", str(parent)], capture_output=True, text=True, check=False)
        processes += [int(child) for child in listed.stdout.split()]
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    run.wait()
