# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The most time and memory that an answer of one host may take, so that it costs the others nothing."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pathlib
import resource
import signal
import threading
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

#: Bytes that a process may take more while it receives an answer, which has at most 8 MiB.
MEMORY = 256 << 20


class _TimeIsOver(BaseException):
    """Raised out of whatever waits for the host; connection plugins catch every `Exception`, to try again."""


@contextlib.contextmanager
def bounded(seconds: float, limits_memory: bool) -> t.Iterator[None]:
    """Run the block with an end.

    :param seconds: how long it may take. Not held where somebody else has set the alarm, as Ansible does for a task with
        `timeout`, or outside of the main thread.
    :param limits_memory: whether also the memory is limited. Programs that are started meanwhile inherit that, which ssh
        bears, and Node.js or a container engine does not.
    :raises UserError: it took longer, or more than `MEMORY`
    """
    limited = threading.current_thread() is threading.main_thread() and not signal.getitimer(signal.ITIMER_REAL)[0]
    before = _children() if limited else set()

    def stop(_signal: int, _frame: t.Any) -> None:
        raise _TimeIsOver

    former = signal.signal(signal.SIGALRM, stop) if limited else None
    try:
        if limited:
            signal.setitimer(signal.ITIMER_REAL, seconds)
        with _bounded_memory() if limits_memory else contextlib.nullcontext():
            yield
    except _TimeIsOver:
        _end(_children() - before)
        raise UserError(
            f"This host did not answer within {seconds:.0f} s. Look whether it hangs, or give it more time with"
            " nodered_start_timeout."
        ) from None
    except MemoryError:
        _end(_children() - before)
        raise UserError(
            "This host answers more than any module of this collection does. Nothing of it was used."
        ) from None
    finally:
        if limited:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, former)


@contextlib.contextmanager
def _bounded_memory() -> t.Iterator[None]:
    """Where the process is one of Ansible's workers: in another one, more than this task would fail."""
    if multiprocessing.parent_process() is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    try:
        size = int(pathlib.Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except OSError:  # no Linux
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _children() -> set[int]:
    """The processes that this one has started, as Linux tells."""
    children = set()
    for path in pathlib.Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children |= set(map(int, path.read_text("ascii").split()))
    return children


def _end(children: set[int]) -> None:
    """End what waits for the host, such as ssh, which nobody else would."""
    for child in children:
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGTERM)
