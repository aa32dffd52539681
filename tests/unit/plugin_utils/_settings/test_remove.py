# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A setting is removed with its line and its comma."""

from __future__ import annotations

import pytest
from settings_edits import edited, refusal


@pytest.mark.parametrize(
    ("literal", "wanted"),
    [
        ("{b: 1}", "{}"),
        ("{ b: 1 }", "{ }"),
        ("{\n  b: 1\n}", "{}"),
        ("{\n  b: 1,\n}", "{\n}"),
        ("{b: 1, c: 2}", "{c: 2}"),
        ("{ a: 1, b: 2 }", "{ a: 1 }"),
        ("{ a: 1, b: 2, c: 3 }", "{ a: 1, c: 3 }"),
        ("{\n  a: 1,\n  b: 2\n}", "{\n  a: 1\n}"),
        ("{\n  a: 1,\n  b: 2,\n}", "{\n  a: 1,\n}"),
        ("{\n  a: 1, // one\n  b: 2 }", "{\n  a: 1 // one\n  }"),
        ("{\n  a: 1,\n  // two\n  b: 2, // more\n  c: 3\n}", "{\n  a: 1,\n  // two\n  // more\n  c: 3\n}"),
        ("{\n  a: 1,\n  b: 2, c: 3\n}", "{\n  a: 1,\n  c: 3\n}"),
        ("{ a: 1\n, b: 2\n, c: 3\n}", "{ a: 1\n, c: 3\n}"),
        ("{ a: 1\n, b: 2\n}", "{ a: 1\n}"),
        ("{\n  b: 1, a: 2, 'b': 3,\n}", "{\n  a: 2,\n}"),
        ("{\n  b() {},\n  a: 1\n}", "{\n  a: 1\n}"),
        ("{a() {},\n/* c */b: 1/* d\n*/\n,e: 1}", "{a() {}\n/* c *//* d\n*/\n,e: 1}"),
        ("{\n  a: 1\n}", "{\n  a: 1\n}"),
    ],
)
def test_a_key_is_removed_with_its_line_and_comma(literal: str, wanted: str) -> None:
    assert edited(f"module.exports = {literal}", ("remove", "b")) == f"module.exports = {wanted}"


def test_removing_inside_a_value() -> None:
    source = "module.exports = {\n  a: {\n    b: 1,\n    c: 2\n  },\n  d: 1, e() {}\n}"
    assert edited(source, ("remove", "a.c")) == source.replace(",\n    c: 2", "")
    for path in ("a.x", "d.x", "x.y", "e.x"):
        assert edited(source, ("remove", path)) == source
    assert refusal("module.exports = {\n a: f()\n}", ("remove", "a.b")).line == 2
    assert refusal("module.exports = {\n ...f()\n}", ("remove", "a")).line == 2


def test_assignments_are_removed_as_statements() -> None:
    assert edited("exports.a = 1;\nexports.b = 2; // c\nf()", ("remove", "b")) == "exports.a = 1;\n// c\nf()"
    assert edited("exports.a = 1;\nexports.b = 2;\nf()", ("remove", "b")) == "exports.a = 1;\nf()"
    assert edited("exports.a = 1\nexports.b = 2;\n// c\n(f())", ("remove", "b")) == "exports.a = 1\n;\n// c\n(f())"
    assert edited("exports.a = 1; // c;\nexports.b = 2;\n(f())", ("remove", "b")) == "exports.a = 1; // c;\n(f())"
    source = "module.exports = {a: 1, b: 2};\nmodule.exports.b = 3;\n"
    assert edited(source, ("remove", "b")) == "module.exports = {a: 1};\n"
    assert edited("exports.a = 1", ("set", ("b", "c-d"), 1), ("set", "x-y", 2)) == (
        'exports.a = 1\nexports.b = {\n    "c-d": 1\n};\nexports["x-y"] = 2;'
    )
