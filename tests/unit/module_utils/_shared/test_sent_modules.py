# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that are imported from memory."""

from __future__ import annotations

import subprocess
import sys

SOURCES = {
    "sent.inner.one": "from .two import number\nfrom sent.other import name\n",
    "sent.inner.two": "def number():\n    return 6 * 7\n",
    "sent.other": "name = __name__\n",
    "sent.broken": "def broken(:\n",
}
PROGRAM = """\
import sys
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import sent_modules
sent_modules.install({sources!r})
{then}
"""


def printed(then: str) -> str:
    paths = f"import sys\nsys.path[:] = {sys.path!r}\n"
    command = [sys.executable, "-I", "-c", paths + PROGRAM.format(sources=SOURCES, then=then)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr


def test_modules_find_each_other() -> None:
    assert printed("from sent.inner import one; print(one.number(), one.name)") == "42 sent.other\n"


def test_a_source_is_found_again() -> None:
    # What is written on a host for later is made of it, and a traceback shows its lines.
    then = "import inspect, sent.inner.two; print(inspect.getsource(sent.inner.two), end='')"
    assert printed(then) == SOURCES["sent.inner.two"]
    then = "from sent.inner import two; print(two.__loader__.get_source('sent.inner.two'), end='')"
    assert printed(then) == SOURCES["sent.inner.two"]


def test_a_fault_names_its_module() -> None:
    assert 'File "sent/broken.py", line 1' in printed("import sent.broken")


def test_others_are_left_to_python() -> None:
    assert printed("import json; print(json.dumps([1]))") == "[1]\n"
    assert "No module named 'sent.missing'" in printed("import sent.missing")
