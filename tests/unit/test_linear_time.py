# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No regular expression of the plugins takes more than linear time: hosts and files choose what they are tried on."""

from __future__ import annotations

import importlib
import itertools
import pathlib
import re
import time
import typing as t

import pytest

PLUGINS = pathlib.Path(__file__).parents[2] / "plugins"
#: What a hostile text repeats, beside the words of the expression itself.
PIECES = (
    "a",
    "0",
    " ",
    "\n",
    "-",
    "_",
    ".",
    "a.",
    "a-",
    "/",
    "\\",
    "'",
    '"',
    "'a",
    "{",
    "(",
    "[",
    "a b ",
    "a:",
    "a=",
    ": ",
    "//",
)
#: Characters of the shorter text; the longer one has four times as many.
LENGTH = 3_000
#: Processor seconds below which nothing is compared: quadratic time takes a hundred times as long for the longer text.
NOTHING = 0.02


def patterns() -> t.Iterator[t.Any]:
    """Every compiled expression that a module of the plugins has, with the methods that are called, by its name."""
    seen = set()
    everywhere = "\n".join(path.read_text("utf-8") for path in PLUGINS.rglob("*.py"))
    for path in sorted(PLUGINS.rglob("*.py")):
        if path.parts[len(PLUGINS.parts)] in ("modules", "doc_fragments"):
            continue
        name = ".".join(
            ("ansible_collections.pifleet.nodered.plugins", *path.relative_to(PLUGINS).with_suffix("").parts)
        )
        for variable, value in vars(importlib.import_module(name)).items():
            if isinstance(value, re.Pattern) and value not in seen:
                seen.add(value)
                code = path.read_text("utf-8") if variable.startswith("_") else everywhere
                methods = set(re.findall(rf"\b{variable}\.(\w+)\b", code))
                yield pytest.param(value, methods, id=f"{path.relative_to(PLUGINS)}:{variable}")


def pieces_of(pattern: re.Pattern[t.Any]) -> list[str]:
    """Its own words, and what they begin with."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    words = re.findall(r"[A-Za-z0-9_ :=<>/@$\"'-]{2,40}", source)
    return list(dict.fromkeys(itertools.chain(PIECES, words, (word[0] for word in words))))[:80]


def processor_seconds(pattern: re.Pattern[t.Any], methods: set[str], text: t.Any) -> float:
    started = time.process_time()
    if "fullmatch" in methods:
        pattern.fullmatch(text)
    if "match" in methods:
        pattern.match(text)
    if not methods <= {"match", "fullmatch", "pattern"}:
        for _match in pattern.finditer(text):
            pass
    return time.process_time() - started


@pytest.mark.parametrize(("pattern", "methods"), list(patterns()))
def test_four_times_the_text_takes_about_four_times_as_long(pattern: re.Pattern[t.Any], methods: set[str]) -> None:
    for piece in pieces_of(pattern):
        for lead in ("", "a: '", "-----BEGIN "):
            short, long = (lead + piece * (length // len(piece)) + "\x00" for length in (LENGTH, 4 * LENGTH))
            given: t.Any = [short, long] if isinstance(pattern.pattern, str) else [short.encode(), long.encode()]
            if processor_seconds(pattern, methods, given[1]) < NOTHING:
                continue
            # The best of some rounds, as a busy machine is slow now and then.
            quick, slow = (min(processor_seconds(pattern, methods, text) for _round in range(3)) for text in given)
            assert slow < NOTHING or slow < 9 * quick, (piece, lead, quick, slow)
