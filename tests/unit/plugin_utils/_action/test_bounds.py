# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host that hangs or floods ends after a while, and takes its programs with it."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import time

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import bounds
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.bounds import bounded
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError


def test_what_ends_in_time_is_left_alone() -> None:
    former = signal.getsignal(signal.SIGALRM)
    with bounded(600, True):
        pass
    assert signal.getsignal(signal.SIGALRM) is former
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_what_hangs_ends_with_its_programs() -> None:
    processes = []
    with pytest.raises(UserError, match="did not answer within 1 s"), bounded(1, False):
        processes.append(subprocess.Popen(["sleep", "100000"]))
        try:
            time.sleep(100_000)
        except Exception:
            pytest.fail("connection plugins catch every exception, and try again")
    assert processes[0].wait(600) == -signal.SIGTERM


def test_the_time_limit_of_a_task_is_left_alone() -> None:
    """Ansible has set the same alarm for a task with `timeout`."""
    signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        with bounded(0.001, False):
            time.sleep(0.05)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 900
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def flooded(answers: multiprocessing.SimpleQueue[str]) -> None:
    try:
        with bounded(600, True):
            answers.put(str(len(bytearray(4 * bounds.MEMORY))))
    except UserError as error:
        answers.put(str(error))
    # Afterwards there is room again.
    answers.put(str(len(bytearray(2 * bounds.MEMORY))))


def test_a_worker_that_is_flooded() -> None:
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    worker = context.Process(target=flooded, args=(answers,))
    worker.start()
    assert answers.get().startswith("This host answers more than any module")
    assert answers.get() == str(2 * bounds.MEMORY)
    worker.join()
