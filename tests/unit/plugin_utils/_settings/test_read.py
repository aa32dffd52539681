# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a settings file says: values and expressions, and files that cannot be read for sure."""

from __future__ import annotations

import typing as t

import pytest
from settings_edits import after_set, get, refusal

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ('"it\\\'s"', "it's"),
        (
            r"'\x41\u0042\u{43}\n\0\101\
x'",
            "ABC\n\0Ax",
        ),
        (r"'\ud83d\ude00'", "\U0001f600"),
        (r"'\ud83d'", "\ud83d"),
        ("`a\\`b`", "a`b"),
        ("`a${1}`", Expression("`a${1}`")),
        ("'ü'", "ü"),
        ("1880", 1880),
        ("-1", -1),
        ("0x10", 16),
        ("1_000", 1000),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1e999", Expression("1e999")),
        ("017", Expression("017")),
        ("10n", Expression("10n")),
        ("null", None),
        ("true", True),
        ("undefined", Expression("undefined")),
        ("(('x'))", "x"),
        ("[1, [2,], /* 3 */]", [1, [2]]),
        ("[1,,2]", Expression("[1,,2]")),
        ("[...x]", Expression("[...x]")),
        ("{a: 1, 'b-c': {2: null}, ['d']: 3}", {"a": 1, "b-c": {"2": None}, "d": 3}),
        ("{a: 1, a: 2}", {"a": 2}),
        ("{a: f(), b: 1}", {"a": Expression("f()"), "b": 1}),
        ("{...x}", Expression("{...x}")),
        ("{__proto__: x}", Expression("{__proto__: x}")),
        ("{[x]: 1}", Expression("{[x]: 1}")),
        ("process.env.PORT || 1880", Expression("process.env.PORT||1880")),
    ],
)
def test_literals_become_python_values(code: str, value: t.Any) -> None:
    found = get(f"module.exports = {{key: {code}}}", "key")
    assert found == value
    assert type(found) is type(value)


def test_paths_lead_into_objects() -> None:
    source = "module.exports = {\n  a: {b: {'c.d': 1}},\n  e() {},\n  f: g()\n}"
    assert get(source, "a.b") == {"c.d": 1}
    assert get(source, ("a", "b", "c.d")) == 1
    assert get(source, "a.x") is MISSING
    assert get(source, "x") is MISSING
    assert get(source, "a.b.c") is MISSING
    assert get(source, "e").text == "e() {}"
    assert get(source, "f.anything") == Expression("g()")
    document = SettingsDocument(source.encode())
    assert document.has("a.b")
    assert not document.has("x")
    assert (document.line_of("a.b"), document.line_of("f"), document.line_of("x")) == (2, 4, None)
    with pytest.raises(SettingsError):
        document.get("a..b")


def test_missing_is_false_and_an_expression_tells_nothing_in_logs() -> None:
    assert not MISSING
    assert repr(MISSING) == "MISSING"
    assert repr(Expression("'secret'")) == "<Expression of 8 characters>"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f(a,b)", "f( a , // c\n b )"),
        ("f('x')", 'f("\\x78")'),
        ("function(){return {a:1,}}", "function ( ) { return { 'a' : 1 } ; }"),
        ("f(`a\r\nb`)", "f(`a\nb`)"),
        ("f([1,])", "f([1])"),
    ],
)
def test_expressions_are_equal_by_meaning(one: str, other: str) -> None:
    assert Expression(one) == Expression(other)
    assert hash(Expression(one)) == hash(Expression(other))
    assert after_set(f"module.exports = {{a: {one}}}", "a", Expression(other)) == f"module.exports = {{a: {one}}}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f(a)", "f(b)"),
        ("f([1,,])", "f([1,])"),
        ("function(){return\n1}", "function(){return 1}"),
        ("a- -b", "a-b"),
        ("`a b`", "`a  b`"),
        ("/a b/", "/ab/"),
    ],
)
def test_expressions_differ_by_meaning(one: str, other: str) -> None:
    assert Expression(one) != Expression(other)
    assert after_set(f"module.exports = {{a: {one}}}", "a", Expression(other)) == f"module.exports = {{a: {other}}}"


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("", None, "empty"),
        (" \n", None, "empty"),
        ("// nothing\n", None, "exports no settings"),
        ("const settings = {}", None, "exports no settings"),
        ('{ "uiPort": 1880 }', 1, "this is JSON"),
        ("exports = {a: 1}", None, "exports no settings"),
        (b"module.exports = {\n a: '\xe9'}", 2, "UTF-8"),
        (b"\xff\xfem\0o\0", 1, "UTF-8"),
        (b"module.exports = {\n\0}", 2, "NUL"),
        ("module.exports = {}".encode("utf-16-be"), 1, "iconv -f UTF-16BE"),
        ("module.exports = {}".encode("utf-16-le"), 1, "iconv -f UTF-16LE"),
        ("const a = 1\rmodule.exports = {}\r", 1, "carriage returns alone"),
        ("if (a) {\n  module.exports.b = 1\n}", 2, "only where code may not run"),
        ("const b = 1\nfunction f() { exports.b = b }\nf()", 2, "only where code may not run"),
        ("module.exports = function() { return {} }", 1, "function"),
        ("module.exports = () => ({})", 1, "function"),
        ("module.exports = class {}", 1, "class"),
        ("function f() {}\nmodule.exports = f", 1, "function"),
        ("\nmodule.exports = (async () => ({}))()", 2, "promise"),
        ("module.exports = Promise.resolve({})", 1, "promise"),
        ("module.exports = new Promise(f)", 1, "promise"),
        ("module.exports = f().then(g)", 1, "promise"),
        ("const x = 1;\nawait x;\nmodule.exports = {}", 2, "promise"),
        ("export default {a: 1}", 1, "ES module"),
        ("\nimport x from 'y'\nmodule.exports = {}", 2, "ES module"),
        ("module.exports = Object.freeze({a: 1})", 1, "Object.freeze"),
        ("module.exports = require('./base')", 1, "require"),
        ("const s = require('./base')\nmodule.exports = s\nif (x) s.a = 1", 1, "require"),
        ("const s = load()\ns.a = 1\nmodule.exports = s", 1, "load"),
        ("module.exports = merge(base, {a: 1})", 1, "merge"),
        ("module.exports = (function() { return {} })()", 1, "function call"),
        ("module.exports = {a: 1}\n(function() {})()", 1, "function call"),
        ("module.exports = x ? {} : {}", 1, "condition"),
        ("module.exports = x || {}", 1, "condition"),
        ("module.exports = new Settings()", 1, "new"),
        ("module.exports = 'x'", 1, "no object literal"),
        ("module.exports = nothing", 1, "not defined"),
        ("const {s} = x\nmodule.exports = s", 1, "cannot be told"),
        ("let s = {}\ns = {a: 1}\nmodule.exports = s", 2, "cannot be told"),
        ("module.exports = s\nvar s = {}", 2, "cannot be told"),
        ("var s = {}\nif (x) { var s = {a: 1} }\nmodule.exports = s", 2, "cannot be told"),
        ("var a = b\nvar b = a\nmodule.exports = a", None, ""),
        ("if (x) { module.exports = {} }", 1, "may not run"),
        ("module.exports = {}\nif (x) module.exports = {}", 2, "may not run"),
        ("module.exports = {}\nfunction f() { module.exports = {} }", 2, "may not run"),
        ("x(module.exports = {})", 1, "may not run"),
        ("if (x) return\nmodule.exports = {}", 1, "return"),
        ("module.exports = {\n  adminauth: {}\n}", 2, "adminAuth"),
        ("module.exports = {\n  HTTPS: {}\n}", 2, "https"),
        ("module.exports = {}\nmodule.exports.httpnodeauth = 1", 2, "httpNodeAuth"),
        ("module.exports = {\n  a: 1\n  b: 2\n}", 3, "not valid"),
        ("module.exports = {\n  a: 'x\n}", 2, "not valid"),
        ("module.exports = {\n  a: 1\n}}", 3, "not valid"),
        ("module.exports = {\n  a: {\n}\n", 1, "never closed"),
        ("module.exports = {\n  a: 1,\n  b: [\n  c: 2\n}\n", 3, ""),
        ("module.exports = {\n  a: `${f({})}`, b: (1\n", 2, "never closed"),
        ("module.exports = {\n  a: 1,, b: 2\n}", 2, "comma too many"),
        ("module.exports = {\n  a: 1, // x\n  ,\n}", 3, "comma too many"),
        ("module.exports = {,}", 1, "comma too many"),
        ("module.exports = {\n  a: <b/>\n}", 2, "not valid"),
        ("<!-- x\nmodule.exports = {}", 1, "HTML"),
        ("module.exports = {\n  a: {{ x }},\n  b: 1\n}", 2, "template"),
        ("module.exports = {\n  a: <%= x %>\n}", 2, "template"),
        ("module.exports = {\n  a: ${PORT},\n}", 2, "template"),
        ("module.exports = {\n  a: @PORT@,\n}", 2, "template"),
        ("module.exports = {\n  a: %PORT%,\n}", 2, "template"),
        ("module.exports = {\n  a: `${b}` c\n}", 2, "not valid"),
        ("{\nmodule.exports = {a: 1}\n}", 2, "may not run"),
        ("try {\nmodule.exports = {a: 1}\n} catch (e) {}", 2, "may not run"),
        ("(function() {\nmodule.exports = {a: 1}\n})()", 2, "may not run"),
        ("module.exports = {\n  a: 1\n} as Settings", 1, "not valid"),
        ("const s: Settings = {\n  a: 1\n}\nmodule.exports = s", 1, "not valid"),
        ("module.exports = async function() {}", 1, "function"),
        ("module.exports = function* () {}", 1, "function"),
        ("module.exports = {\n{% if x %}\n  a: 1\n{% endif %}\n}", 2, "template"),
    ],
)
def test_refused_with_line_reason_and_remedy(source: str | bytes, line: int | None, words: str) -> None:
    error = refusal(source)
    assert words in error.message
    assert line is None or error.line == line
    assert error.message.endswith(".")
