# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a settings file exports: the place of a setting that counts, and code because of which it cannot be edited."""

from __future__ import annotations

import pytest
from settings_edits import after_set, get, refusal

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument


def blocked_line(document: SettingsDocument, key: str) -> int | None:
    """The line of the code because of which a key cannot be edited."""
    blocker = document.blocker(key)
    assert blocker is not None
    return blocker.line


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("const settings = module.exports = {a: 1};", "const settings = module.exports = {a: 1, b: 2};"),
        ("var s = {a: 1};\nmodule.exports = s;", "var s = {a: 1, b: 2};\nmodule.exports = s;"),
        ("let s\ns = {a: 1}\nmodule.exports = s", "let s\ns = {a: 1, b: 2}\nmodule.exports = s"),
        ("const x = 1, s = {a: 1}; module.exports = s", "const x = 1, s = {a: 1, b: 2}; module.exports = s"),
        ("exports = module.exports = {a: 1}", "exports = module.exports = {a: 1, b: 2}"),
        ("module['exports'] = ({a: 1})", "module['exports'] = ({a: 1, b: 2})"),
        ("(module.exports = {a: 1})", "(module.exports = {a: 1, b: 2})"),
        ("module.exports = {b: 1}\nmodule.exports = {a: 1}", "module.exports = {b: 1}\nmodule.exports = {a: 1, b: 2}"),
        ("if (x) { module.exports = {b: 1} }\nmodule.exports = {}",
         "if (x) { module.exports = {b: 1} }\nmodule.exports = {\n    b: 2\n}"),
        ("module.exports = {a: 1}\nmodule.exports = {...module.exports}",
         "module.exports = {a: 1}\nmodule.exports = {...module.exports, b: 2}"),
        ("module.exports = Object.assign({}, {a: 1});", "module.exports = Object.assign({}, {a: 1, b: 2});"),
        ("module.exports = Object.assign({}, f(), {a: 1})", "module.exports = Object.assign({}, f(), {a: 1, b: 2})"),
        ("const d = {a: 1};\nconst o = {c: 1};\nmodule.exports = Object.assign({}, d, o)",
         "const d = {a: 1};\nconst o = {c: 1, b: 2};\nmodule.exports = Object.assign({}, d, o)"),
        ("const d = {b: 1}, o = {c: 1};\nmodule.exports = Object.assign({}, d, o)",
         "const d = {b: 2}, o = {c: 1};\nmodule.exports = Object.assign({}, d, o)"),
        ("Object.defineProperty(exports, '__esModule', {value: true});\nconst s = {a: 1};\nexports.default = s;\nmodule.exports = s",
         "Object.defineProperty(exports, '__esModule', {value: true});\nconst s = {a: 1, b: 2};\nexports.default = s;\nmodule.exports = s"),
        ("const o = {a: 1};\nmodule.exports = Object.assign({}, require('x'), o)",
         "const o = {a: 1, b: 2};\nmodule.exports = Object.assign({}, require('x'), o)"),
        ("const s = {a: 1};\nmodule.exports = s;\nmodule.exports.default = s;",
         "const s = {a: 1, b: 2};\nmodule.exports = s;\nmodule.exports.default = s;"),
        ("module.exports = {a: 1};\nmodule.exports.default = module.exports;",
         "module.exports = {a: 1, b: 2};\nmodule.exports.default = module.exports;"),
        ("module.exports = Object.assign({b: 1}, {b: 3})", "module.exports = Object.assign({b: 1}, {b: 2})"),
        ("module.exports = Object.assign(require('x'), {a: 1})",
         "module.exports = Object.assign(require('x'), {a: 1, b: 2})"),
        ("const s = require('x');\ns.a = 1;\nmodule.exports = s;\n",
         "const s = require('x');\ns.a = 1;\ns.b = 2;\nmodule.exports = s;\n"),
        ("const s = require('x')\ns.b = 3\ns.c = 1\nmodule.exports = s",
         "const s = require('x')\ns.b = 2\ns.c = 1\nmodule.exports = s"),
        ("const s = require('x');\nmodule.exports = s;\ns.c.d.e = 1; // note\n",
         "const s = require('x');\nmodule.exports = s;\ns.c.d.e = 1; // note\ns.b = 2;\n"),
        ("module.exports = require('x');\nif (s) module.exports.c = 1\nmodule.exports.a = 1;",
         "module.exports = require('x');\nif (s) module.exports.c = 1\nmodule.exports.a = 1;\nmodule.exports.b = 2;"),
        ("const s = module.exports; s.a = 1;", "const s = module.exports; s.a = 1;\ns.b = 2;"),
        ("this.a = 1;", "this.a = 1;\nthis.b = 2;"),
        ("exports.b = 1;\nthis.b = 3;", "exports.b = 1;\nthis.b = 2;"),
        ("module.exports = {a: 1}\nthis.b = 3", "module.exports = {a: 1, b: 2}\nthis.b = 3"),
        ("exports.a = 1 // c\nf()", "exports.a = 1 // c\nexports.b = 2;\nf()"),
        ("module.exports['a'] = 1;\n", "module.exports['a'] = 1;\nmodule.exports.b = 2;\n"),
        ("exports.b = 1;", "exports.b = 2;"),
        ("exports.b = 1;\nexports.b = 3;", "exports.b = 1;\nexports.b = 2;"),
        ("module.exports = {b: 1}\nmodule.exports.b = 3", "module.exports = {b: 1}\nmodule.exports.b = 2"),
        ("const s = {a: 1};\ns['b'] = 3;\nmodule.exports = s", "const s = {a: 1};\ns['b'] = 2;\nmodule.exports = s"),
        ("const s = {}, t = s; t.b = 1; module.exports = s", "const s = {}, t = s; t.b = 2; module.exports = s"),
        ("module.exports = {a: 1}; Object.assign(module.exports, {b: 3})",
         "module.exports = {a: 1}; Object.assign(module.exports, {b: 2})"),
        ("module.exports = {b: 1, c: 1, b: 3}", "module.exports = {b: 1, c: 1, b: 2}"),
        ("module.exports = {b() {}, c: 1}", "module.exports = {b: 2, c: 1}"),
        ("module.exports = {async b() {}, c: 1}", "module.exports = {b: 2, c: 1}"),
        ("module.exports = {get b() { return 1 }}", "module.exports = {b: 2}"),
        ("module.exports = {b}", "module.exports = {b: 2}"),
        ("module.exports = {['b']: 1, \"c\": 2}", "module.exports = {['b']: 2, \"c\": 2}"),
        ("module.exports = {[x]: 1, b: 3}", "module.exports = {[x]: 1, b: 2}"),
        ("module.exports = {...x, b: 3}", "module.exports = {...x, b: 2}"),
        ("module.exports = {...(x ? {b: 1} : {}), c: 1}", "module.exports = {...(x ? {b: 1} : {}), c: 1, b: 2}"),
        ("module.exports = {__proto__: x, a: 1}", "module.exports = {__proto__: x, a: 1, b: 2}"),
    ],
)  # fmt: skip
def test_the_effective_entry_is_edited(before: str, after: str) -> None:
    document = SettingsDocument(before.encode())
    assert document.blocker("b") is None
    document.set("b", 2)
    assert document.source.decode() == after
    assert document.get("b") == 2


def test_deeper_assignments_are_edited_where_they_stand() -> None:
    source = "module.exports = {a: {b: 1}};\nmodule.exports.a.b = {c: 2};"
    assert after_set(source, "a.b.c", 3) == source.replace("c: 2", "c: 3")
    assert refusal(source, ("set", "a", {})).line == 2
    assert get(source, "a").text == "module.exports.a.b = {c: 2};"


UNRELATED = """\
#!/usr/bin/env node
'use strict'
// module.exports = { adminAuth: 1 }
const os = require('os'), fs = require("fs");
const text = "module.exports = {", pattern = /["'}]/, template = `module.exports = {${os.hostname()}}`;
function helper(settings) { settings.adminAuth = null; return settings }
function other() { this.adminAuth = arguments[0] }
function local() { const settings = {}; settings.adminAuth = null; for (const exports of []) { exports.adminAuth = 1 } }
const arrow = module => { module.exports.adminAuth = 1 };
if (process.env.DEBUG) { console.log('debug', text) }
if (require.main === module) { console.log(module.id) }
try { fs.statSync('/nowhere') } catch (settings) { settings.adminAuth = 1 }
const settings = { uiPort: 1880, flowFile: "x" }
if (!settings.adminAuth) console.warn(`port ${settings.uiPort}`)
if (process.env.THEME) settings.editorTheme = { page: {} }
console.log("listening on " + settings.uiPort, settings.hasOwnProperty("https"))
helper({}, settings.uiPort)
for (const key in settings) { if (key === 'x') throw key }
settings.functionGlobalContext ||= {}
module.exports = settings
"""


def test_unrelated_code_stands_in_nobodys_way() -> None:
    document = SettingsDocument(UNRELATED.encode())
    document.set("adminAuth", {"type": "credentials"})
    document.set("uiPort", 1881)
    assert document.source.decode() == UNRELATED.replace(
        '1880, flowFile: "x" }', '1881, flowFile: "x", adminAuth: {type: "credentials"} }'
    )
    assert blocked_line(document, "editorTheme") == 15
    assert blocked_line(document, "functionGlobalContext") == 19
    assert document.get("editorTheme").text == "settings.editorTheme = { page: {} }"


@pytest.mark.parametrize(
    "code",
    [
        "if (x) { s.adminAuth = 1 }",
        "for (;;) s.adminAuth = 1",
        "try { s.adminAuth = 1 } catch (e) {}",
        "function f() { s.adminAuth = 1 }",
        "const f = () => { s['adminAuth'] = 1 }",
        "{ s.adminAuth = 1 }",
        "x && (s.adminAuth = 1)",
        "s.a = s.adminAuth = 1",
        "delete s.adminAuth",
        "s.adminAuth ??= 1",
        "s.adminAuth.users.push({})",
        "s.adminAuth.users[0].password = 'x'",
        "[s.adminAuth] = [1]",
        "({a: s.adminAuth} = x)",
        "for (s.adminAuth of x) {}",
        "const a = s.adminAuth",
        "f(s.adminAuth)",
        "s[x] = 1",
        "f(s)",
        "s.f()",
        "const t = [s]",
        "const {adminAuth} = s",
        "Object.assign(s, x)",
        "if (x) Object.assign(s, {adminAuth: 1})",
        "Object.assign(x, s)",
        "Object.defineProperty(s, 'adminAuth', {})",
        "Object.defineProperty(s, x, {})",
        "Object.freeze(s)",
        "const t = s; if (x) t.adminAuth = 1",
        "for (const k in x) s[k] = x[k]",
        "f(module)",
        "setTimeout(function() { module.exports.adminAuth = 1 })",
        "var u = s => s; function g(t = s) {}",
        "eval('s.adminAuth = 1')",
        "(() => eval(x))()",
        "with (s) adminAuth = 1",
        "with (module) exports = {}",
        "arguments[2].exports.adminAuth = 1",
        "while (x()) s.adminAuth = 1",
        "switch (x) { case 1: s.adminAuth = 1 }",
        "Object.keys(x).forEach(k => { s[k] = x[k] })",
        "Object.setPrototypeOf(s, x)",
        "global.s = s",
    ],
)
def test_code_that_may_change_the_key_is_named(code: str) -> None:
    source = f"const s = {{\n  adminAuth: {{users: []}}\n}}\nmodule.exports = s;\n{code}"
    error = refusal(source, ("set", "adminAuth", {"type": "credentials"}))
    assert error.line == 5
    assert error.message.count(". ") == 1
    assert refusal(source, ("remove", "adminAuth")).line == 5
    assert blocked_line(SettingsDocument(source.encode()), "adminAuth") == 5


@pytest.mark.parametrize(
    "code",
    [
        "if (x) this.adminAuth = 1",
        "(() => { this.adminAuth = 1 })()",
        "f(this)",
        "f.call(this)",
        "with (this) adminAuth = 1",
    ],
)
def test_the_first_exports_object_is_also_called_this(code: str) -> None:
    assert refusal(f"exports.a = 1\n{code}", ("set", "adminAuth", 1)).line == 2
    assert "adminAuth: 2" in after_set(f"module.exports = {{a: 1}}\n;{code}", "adminAuth", 2)


def test_code_that_a_typescript_compiler_adds_stands_in_nobodys_way() -> None:
    source = (
        "var __base = (this && this.__base) || function (x) { return x };\n"
        'Object.defineProperty(exports, "__esModule", { value: true });\nexports.uiPort = 1880;\n'
    )
    assert after_set(source, "adminAuth", 1) == source + "exports.adminAuth = 1;\n"


@pytest.mark.parametrize(
    ("literal", "line"),
    [
        ("{\n  adminAuth: 1,\n  ...x\n}", 3),
        ("{\n  adminAuth: 1,\n  [x]: 1\n}", 3),
        ("{\n  adminAuth: 1,\n  __proto__: x\n}", 3),
        ("Object.assign({}, {\n  adminAuth: 1},\n  x)", 3),
        ("Object.assign({},\n  x)", 2),
    ],
)
def test_what_may_override_the_key_is_named(literal: str, line: int) -> None:
    source = f"module.exports = {literal}"
    assert refusal(source, ("set", "adminAuth", 2)).line == line
    assert isinstance(get(source, "adminAuth"), Expression)


def test_a_key_inside_what_a_spread_may_bring_is_not_set() -> None:
    assert refusal("module.exports = {\n...x\n}", ("set", "adminAuth.type", 1)).line == 2
    assert refusal("module.exports = {a: {\n...x\n}}", ("set", "a.b.c", 1)).line == 2
    assert after_set("module.exports = {a: {...x}}", "a.b", 1) == "module.exports = {a: {...x, b: 1}}"
    assert refusal("module.exports = {\na() {}\n}", ("set", "a.b", 1)).line == 2
    assert refusal("module.exports = {\na: 5\n}", ("set", "a.b", 1)).line == 2


@pytest.mark.parametrize(
    "code",
    [
        "const o = {b: 1};\nif (o.b) {}\nmodule.exports = Object.assign({}, o)",
        "if (1) { var o = {b: 1}; }\nmodule.exports = Object.assign({}, o)",
        "function f() { return o; }\nconst o = {b: 1};\nmodule.exports = Object.assign({}, o)",
        "module.exports = Object.assign({}, o);\nvar o = {b: 1}",
        "const o = {b: 1};\nmodule.exports = Object.assign({}, o, o)",
        "const o = {b: 1};\nmodule.exports = Object.assign({}, o, f())",
        "const o = {a: 1};\nmodule.exports = Object.assign({}, o, require('x'))",
        "let p;\nconst o = p = {b: 1};\np.b = 3;\nmodule.exports = Object.assign({}, o)",
        "const o = exports.o = {b: 1};\nexports.o.b = 3;\nmodule.exports = Object.assign({}, o)",
    ],
)
def test_what_is_copied_from_a_name_that_is_used_elsewhere_is_not_known(code: str) -> None:
    assert "cannot be told before it runs" in refusal(code, ("set", "b", 2)).message


@pytest.mark.parametrize(
    "code",
    [
        "exports.default.b = 5",
        "const e = exports; e.default.b = 5",
        "this.default.b = 5",
        "(() => { this.default.b = 5 })()",
        "module.exports.default.b = 5",
        "module['exports'].default.b = 5",
        "for (const k of Object.keys(exports)) exports[k].b = 5",
        "exports.again = exports.default",
        "module.exports = s; module.exports.default = s; module.exports.default.b = 5",
        "module.exports = s; module.exports.default = s; s['default'].b = 5",
        "module.exports = s; module.exports.default = s; const { default: d } = s; d.b = 5",
        "f(exports)",
    ],
)
def test_a_default_export_that_may_be_found_again(code: str) -> None:
    source = f"const s = {{a: 1}};\nexports.default = s;\n{code};\nmodule.exports = s;"
    assert "handed on here" in refusal(source, ("set", "b", 2)).message
