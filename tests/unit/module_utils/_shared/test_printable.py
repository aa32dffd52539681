# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is shown and not obeyed: by a terminal, by a reader's eye, by CI."""

from __future__ import annotations

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2K", r"\x9b2K"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("##vso[task.setvariable variable=PATH]/tmp", r"\x23#vso[task.setvariable variable=PATH]/tmp"),
        ("##[error]a", r"\x23#[error]a"),
        ("####[error]a", r"##\x23#[error]a"),
        ("##teamcity[message text='a']", r"\x23#teamcity[message text='a']"),
        ("::stop-commands::a", r"\x3a:stop-commands::a"),
        ("::Error::a", r"\x3a:Error::a"),
        ("::error file=app.js,line=1::a", r"\x3a:error file=app.js,line=1::a"),
        ("::add-mask::a", r"\x3a:add-mask::a"),
    ],
)
def test_what_would_be_obeyed_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == one_line(text) == shown
    assert printable(f"1\n  {text}\t2") == f"1\n  {shown}\t2"
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "fd00::aa and fd01::bb",
        "fe80::1",
        "2001:db8::a::",
        "::",
        "::1",
        "## Title [a]",
        "#[a]",
        "a::b",
        "std::b c",
        "ünï \U0001f600\n\ta",
    ],
)
def test_what_nobody_obeys_stays(text: str) -> None:
    assert printable(text) == text
