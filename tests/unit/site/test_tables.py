# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of variables in the README and in the guides say what the roles and the playbooks take."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from pages import TABLE, Row, role_options, variable_rows

PROJECT = pathlib.Path(__file__).parents[3]
#: The roles whose variables the README has, because `secure` runs them.
OF_SECURE = {"certificate", "proxy", "service", "settings"}
#: Variables that the README has by one of them, and a guide one by one.
ELSEWHERE = "nodered_acme_"
#: A default that the tables name, by what is in its value.
NAMED = {"Let's Encrypt": "letsencrypt.org"}

DOCUMENTS = {
    path.relative_to(PROJECT).as_posix(): path.read_text("utf-8")
    for path in [PROJECT / "README.md", *PROJECT.glob("docs/*.md")]
}
ROWS = variable_rows(DOCUMENTS)
OPTIONS = role_options(PROJECT)
every_document = pytest.mark.parametrize("document", [path for path, text in DOCUMENTS.items() if TABLE in text])


def rows_of(document: str) -> list[Row]:
    return [row for row in ROWS if row.document == document]


def differs(default: str, value: t.Any) -> bool:
    """Whether the default that a table names is another one than that of a role."""
    written = re.match(r"`([^`]*)`", default)
    if written:
        return bool(yaml.safe_load(written[1]) != value)
    if default in NAMED:
        return NAMED[default] not in value
    # What it does then is told in words.
    return bool(value)


@pytest.mark.parametrize(
    ("default", "value", "is_other"),
    [
        ("`397`", 397, False),
        ("`397`", 398, True),
        ("`0`, off", 0, False),
        ('`"0077"`', "0077", False),
        ('`"0077"`', 63, True),
        ("untouched", {}, False),
        ("untouched", {"user": "fred"}, True),
        ("Let's Encrypt", "https://acme.example/directory", True),
    ],
)
def test_what_differs(default: str, value: t.Any, is_other: bool) -> None:
    assert differs(default, value) is is_other


@every_document
def test_every_variable_is_one(document: str) -> None:
    playbooks = "".join(path.read_text("utf-8") for path in PROJECT.glob("playbooks/**/*.yml"))
    known = {*OPTIONS, *re.findall(r"\bnodered_\w+", playbooks)}
    assert [name for row in rows_of(document) for name in row.names if name not in known] == []


@every_document
def test_every_default_is_that_of_the_role(document: str) -> None:
    wrong = [
        f"{name}: {row.default}, and {option.get('default')!r} in the role {role}"
        for row in rows_of(document)
        for name in row.names
        for role, option in OPTIONS.get(name, {}).items()
        if differs(row.default, option.get("default"))
    ]
    assert wrong == []


def test_the_readme_has_every_variable_of_secure() -> None:
    there = {name for row in rows_of("README.md") for name in row.names}
    missing = [name for name, roles in OPTIONS.items() if name not in there and OF_SECURE & set(roles)]
    assert [name for name in missing if not name.startswith(ELSEWHERE)] == []


def test_what_the_readme_leaves_to_a_guide_is_there() -> None:
    left = [name for name in OPTIONS if name.startswith(ELSEWHERE)]
    assert [name for name in left if name not in DOCUMENTS["docs/acme.md"]] == []
