# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person reads of a module that ended without a word of its own, from ansible-core 2.18 and from newer ones."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import _failure_message

HASH = "$2b$08$" + "a" * 53


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"exception": types.SimpleNamespace(event=types.SimpleNamespace(msg="no room"))}, "its work: no room."),
        (
            {"exception": "Traceback (most recent call last):\n  File\nOSError: no room\n"},
            "its work: OSError: no room.",
        ),
        (
            {"module_stdout": "", "module_stderr": "Traceback\nOSError: no room\n", "rc": 1},
            "its work: OSError: no room.",
        ),
        ({"module_stdout": "", "module_stderr": "Killed\n", "rc": 137}, "its work: Killed."),
        ({"module_stdout": "", "module_stderr": "", "rc": 137}, "as if it had been killed."),
        ({"module_stderr": f"KeyError: '{HASH}'"}, "KeyError"),
    ],
)
def test_failure_message(result: dict[str, t.Any], words: str) -> None:
    expected = _failure_message(result)
    assert words in expected
    assert HASH not in expected
