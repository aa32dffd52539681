# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a settings file is written: values, indentation, quotes, commas, line ends, and everything else stays."""

from __future__ import annotations

import typing as t

import pytest
from settings_edits import AUTH, after_set, get, refusal

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null"),
        (True, "true"),
        (-5, "-5"),
        (10**20, "100000000000000000000"),
        (1.5, "1.5"),
        (1e300, "1e+300"),
        ("plain", "'plain'"),
        ("it's", "'it\\'s'"),
        ('say "x"', "'say \"x\"'"),
        ("\\d", "'\\\\d'"),
        ("a\n\t\r\0\x7f", "'a\\n\\t\\r\\x00\\x7f'"),
        ("\u2028\u2029\ufeff", "'\\u2028\\u2029\\ufeff'"),
        ("</script>", "'<\\/script>'"),
        ("\ud800", "'\\ud800'"),
        ("$2b$08$\\1", "'$2b$08$\\\\1'"),
        ("grün \U0001f600", "'grün \U0001f600'"),
        ([], "[]"),
        ({}, "{}"),
        (["a", 1], "['a', 1]"),
        (("a",), "['a']"),
    ],
)
def test_values_are_written_as_javascript(value: t.Any, code: str) -> None:
    source = "module.exports = {\n    a: 'x',\n    b: 'y'\n}"
    assert after_set(source, "new", value) == f"module.exports = {{\n    a: 'x',\n    b: 'y',\n    new: {code}\n}}"
    assert get(after_set(source, "new", value), "new") == (list(value) if isinstance(value, tuple) else value)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1: "x"}, object(), b"x", pytest.param(10**5000, id="many digits"), {"a": [{2: 3}]}],
)
def test_other_values_are_refused(value: t.Any) -> None:
    refusal("module.exports = {}", ("set", "a", value))


def test_nested_objects_take_one_line_for_each_key() -> None:
    source = "module.exports = {\r\n\ta: 'x'\r\n};\r\n"
    assert after_set(source, "adminAuth", AUTH | {"a-b": {"__proto__": 1}}) == (
        "module.exports = {\r\n\ta: 'x',\r\n\tadminAuth: {\r\n\t\ttype: 'credentials',\r\n\t\tusers: [{\r\n"
        "\t\t\tusername: 'admin',\r\n\t\t\tpassword: '$2b$08$x',\r\n\t\t\tpermissions: '*'\r\n\t\t}],\r\n"
        "\t\t'a-b': {\r\n\t\t\t['__proto__']: 1\r\n\t\t}\r\n\t}\r\n};\r\n"
    )


def test_keys_are_quoted_among_quoted_keys() -> None:
    source = 'module.exports = {\n  a: {\n    "b": 1\n  },\n  c: [\n    {\n      "k": "x"\n    }\n  ]\n}'
    document = SettingsDocument(source.encode())
    document.set("a.d", {"e": 2})
    document.set_by_key("c", "k", [{"k": "x"}, {"k": "y"}])
    assert document.source.decode() == (
        'module.exports = {\n  a: {\n    "b": 1,\n    "d": {\n      "e": 2\n    }\n  },\n'
        '  c: [\n    {\n      "k": "x"\n    },\n    {\n      "k": "y"\n    }\n  ]\n}'
    )


def test_a_string_keeps_the_quotes_it_had() -> None:
    source = 'module.exports = {\n  a: \'x\',\n  b: "y", c: "z"\n}'
    assert "a: 'new'" in after_set(source, "a", "new")


def test_expressions_are_indented_and_validated() -> None:
    source = "module.exports = {\r\n  a: 1\r\n}"
    https = Expression("function() {\n  return {};\n} // c")
    assert after_set(source, "https", https) == (
        "module.exports = {\r\n  a: 1,\r\n  https: function() {\r\n    return {};\r\n  }\r\n}"
    )
    # Indentation would change what is inside a template string.
    assert "`a\n  b`" in after_set("module.exports = {\n    x: 1\n}", "y", Expression("`a\n  b`"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1, b: 2",
        "1}); ({k: 2",
        "a = ;",
        "/* c */",
        "{{ x }}",
        "1;",
        "...x",
        "function() { return 1",
        "k() {}",
        "await x",
        "<b/>",
        "{a: 1,, b: 2}",
        "1})\n//",
        "\ud800",
    ],
)
def test_a_string_that_is_not_one_expression_is_refused(text: str) -> None:
    refusal("module.exports = {}", ("set", "a", Expression(text)))
    assert Expression(text) == Expression(text) != Expression("valid")


@pytest.mark.parametrize(
    ("literal", "wanted"),
    [
        ("{}", "{\n    new: 1\n}"),
        ("{ }", "{ new: 1 }"),
        ("{\n}", "{\n    new: 1,\n}"),
        ("{\n\n}", "{\n    new: 1,\n\n}"),
        ("{a: 1}", "{a: 1, new: 1}"),
        ("{ a: 1 }", "{ a: 1, new: 1 }"),
        ("{a: 1, }", "{a: 1, new: 1, }"),
        ("{a: 1 /* c */}", "{a: 1, /* c */ new: 1}"),
        ("{\n\ta: 1\n}", "{\n\ta: 1,\n\tnew: 1\n}"),
        ("{\n\ta: 1,\n}", "{\n\ta: 1,\n\tnew: 1,\n}"),
        ("{\n  a: 1 // c\n}", "{\n  a: 1, // c\n  new: 1\n}"),
        ("{\n  a: 1 // c\n  ,\n}", "{\n  a: 1, // c\n  new: 1\n  ,\n}"),
        ("{\n  a: 1, // c\n  // d\n}", "{\n  a: 1, // c\n  new: 1,\n  // d\n}"),
        ("{\n  a: 1 /* c */ ,\n  b: 2 }", "{\n  a: 1 /* c */ ,\n  b: 2,\n  new: 1 }"),
        ("{\n  a: 1,\n  /* c\n d */\n}", "{\n  a: 1,\n  new: 1,\n  /* c\n d */\n}"),
        ("{ a: 1\n, b: 2\n}", "{ a: 1\n, b: 2,\n    new: 1\n}"),
        ("{\n  // c\n}", "{\n  // c\n  new: 1\n}"),
        ("{ // c\n}", "{ // c\n    new: 1\n}"),
        ("{ /* c */ }", "{ /* c */ new: 1 }"),
        ("{\n  a: 1\n  //new: 2,\n  , b: 2\n}", "{\n  a: 1,\n  //new: 2,\n  new: 1\n  , b: 2\n}"),
        ("{\n  //new: 2,\n\n  b: 2\n}", "{\n  //new: 2,\n  new: 1,\n\n  b: 2\n}"),
        ("{\n  b: 2\n  //new: 2\n}", "{\n  b: 2,\n  //new: 2\n  new: 1\n}"),
        ("{\n  b: 2, //new: 2\n  c: 3\n}", "{\n  b: 2, //new: 2\n  c: 3,\n  new: 1\n}"),
        ("{\n  /*\n  //new: 2\n  */\n  c: 3\n}", "{\n  /*\n  //new: 2\n  */\n  c: 3,\n  new: 1\n}"),
        ("{\n  ...x,\n  a: 1\n}", "{\n  ...x,\n  a: 1,\n  new: 1\n}"),
        ("{\n  //new: 2\n  ...x\n}", "{\n  //new: 2\n  ...x,\n  new: 1\n}"),
        ("{\na: 1\n}", "{\na: 1,\nnew: 1\n}"),
        ('{\n  a: /["\'{]/, // "\n}', '{\n  a: /["\'{]/, // "\n  new: 1,\n}'),
        ("{\n  a: `}` // {\n}", "{\n  a: `}`, // {\n  new: 1\n}"),
    ],
)
def test_commas_lines_and_comments_around_a_new_key(literal: str, wanted: str) -> None:
    document = SettingsDocument(f"module.exports = {literal}".encode())
    document.set("new", 1)
    assert document.source.decode() == f"module.exports = {wanted}"
    if "..." in literal:
        # The spread may bring the key too.
        assert refusal(document.source, ("remove", "new")).line
        return
    document.remove("new")
    assert document.source.decode() == f"module.exports = {literal}"
    assert document.changes() == {}


def test_lines_that_start_with_commas() -> None:
    source = "module.exports =\n  { uiPort: 1\n  , adminAuth: { type: 'a'\n               , users: [] }\n  }\n"
    document = SettingsDocument(source.encode())
    document.set("adminAuth.type", "b")
    document.set("adminAuth.users", [1])
    document.set("https", None)
    assert document.get("https") is None
    assert document.get("adminAuth") == {"type": "b", "users": [1]}
    document.remove("https")
    assert document.source.decode() == source.replace("'a'", "'b'").replace("[]", "[1]")


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff", "#!/usr/bin/env node\n'use strict'\n", "'use strict'; "])
@pytest.mark.parametrize("end", ["", "\n", ";\n", ";", " // the end"])
def test_starts_ends_and_line_ends_stay(start: str, end: str, eol: str) -> None:
    source = f"{start}module.exports = {{\n\ta: 1,\n\t//b: 2,\n}}{end}".replace("\n", eol)
    document = SettingsDocument(source.encode())
    document.set("b", {"c": 1})
    lines = eol.join(["//b: 2,", "\tb: {", "\t\tc: 1", "\t},"])
    assert document.source.decode() == source.replace("//b: 2,", lines)
    document.remove("b")
    assert document.source.decode() == source


@pytest.mark.parametrize(
    ("path", "wanted"), [("x.a", "{x: {a: 1}}"), ("x.a.b", "{x: {\n    a: {\n        b: 1\n    }\n}}")]
)
def test_a_key_of_an_empty_object(path: str, wanted: str) -> None:
    assert after_set("module.exports = {x: {}}", path, 1) == f"module.exports = {wanted}"


def test_bytes_around_stay() -> None:
    source = "#!/usr/bin/env node\r\n// ü\r\nmodule.exports = {\r\n  a: 'é' // ñ\r\n}  \t"
    assert after_set(source, "b", 1) == source.replace("'é' // ñ\r\n", "'é', // ñ\r\n  b: 1\r\n")
    assert after_set("\ufeffmodule.exports = {a: 1}", "a", 2) == "\ufeffmodule.exports = {a: 2}"
    assert (
        after_set("// c\rmodule.exports = {\r  a: 1 // c\r}\r", "a", 2) == "// c\rmodule.exports = {\r  a: 2 // c\r}\r"
    )
    source = "module.exports = {\r\ta: 1,\r\t//b: 2,\r}\r"
    assert after_set(source, "b", {"c": 1}) == source.replace("2,", "2,\r\tb: {\r\t\tc: 1\r\t},")
