# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A setting is set: where it goes, what stays as it is, which changes are told, and how long it takes."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from settings_edits import AUTH, STOCK, USERS, after_set, edited, get, refusal
from stopwatch import times_as_long

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError, parse
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import Change, SettingsDocument


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ('{ \'type\' : "credentials", /* c */ "users":[ ], }', {"users": [], "type": "credentials"}),
        ("{a: 1.0, b: [`x`,]}", {"b": ["x"], "a": 1}),
        ("1.0", 1),
        ("(true)", True),
        ("'\\u0061'", "a"),
        ("{ /* nothing */ }", {}),
        ("[\n]", []),
        ("f( /* c */ 'x' )", Expression('f("x") // d')),
        ("{a: 1}", Expression("{ 'a': 1 }")),
        ("{a: f('x')}", {"a": Expression('f("x")')}),
        ("'x'", Expression('"x"')),
    ],
)
def test_setting_an_equal_value_changes_no_byte(code: str, value: t.Any) -> None:
    source = f"module.exports = {{\r\n\tkey: {code} // c\r\n}}"
    document = SettingsDocument(source.encode())
    document.set("key", value)
    assert document.source == source.encode()
    assert document.changes() == {}


@pytest.mark.parametrize(
    ("code", "value"), [("1", True), ("true", 1), ("'1'", 1), ("null", False), ("{}", []), ("0", None)]
)
def test_values_of_other_types_are_not_equal(code: str, value: t.Any) -> None:
    document = SettingsDocument(f"module.exports = {{key: {code}}}".encode())
    document.set("key", value)
    assert document.get("key") == value
    assert type(document.get("key")) is type(value)
    assert document.changes() == {"key": Change.CHANGED}


@pytest.mark.parametrize(
    ("key", "value", "above", "below"),
    [
        ("adminAuth", 1, "    //},", ""),
        ("https", Expression("f()"), "    // },", ""),
        ("httpsRefreshInterval", 6, "    //httpsRefreshInterval : 12,", "    //requireHttps: true"),
        ("requireHttps", True, "    //requireHttps: true", ""),
        (
            "httpNodeAuth",
            1,
            '    //httpNodeAuth: {user:"user",pass:"$2a$08$zZ"},',
            '    //httpStaticAuth: {user:"user"',
        ),
        ("webSocketNodeVerifyClient", 1, "    //},", ""),
        ("nodeDefaults", 1, "    // }", "}"),
        ("unknown", 1, "    functionExternalModules: true,", ""),
        ("origin", 1, "    functionExternalModules: true,", ""),
        ("debug", 1, "    functionExternalModules: true,", ""),
    ],
)
def test_a_new_key_goes_below_its_last_example_else_to_the_end(key: str, value: t.Any, above: str, below: str) -> None:
    document = SettingsDocument(STOCK.encode())
    document.set(key, value)
    lines = document.source.decode().split("\n")
    code = {"requireHttps": "true", "https": "f()"}.get(key, value)
    index = lines.index(f"    {key}: {code},")
    assert lines[index - 1] == above
    assert lines[index + 1].startswith(below)
    assert len(lines) == len(STOCK.split("\n")) + 1
    document.remove(key)
    assert document.source == STOCK.encode()


def test_examples_are_found_in_nested_objects() -> None:
    document = SettingsDocument(STOCK.encode())
    document.set("externalModules.palette.allowInstall", False)
    assert (
        "        // },\n        palette: {\n            allowInstall: false\n        }\n        // modules: {\n"
        in document.source.decode()
    )
    assert document.changes() == {"externalModules.palette.allowInstall": Change.ADDED}
    document.remove("externalModules.palette")
    assert document.source == STOCK.encode()


OTHER_EXAMPLES = """\
module.exports = {
    'use': "// not a comment: {", // http://x/*
    /*
    adminAuth: {
    },
    */
    //httpStatic: '/one/', // single
    // httpStatic: [
    //     {path: '/two/', root: "/img/"},
    // ],
    // All of them below a path:
    //httpStaticRoot: '/static/',
    editorTheme: {
        projects: {
            /** Off, as it needs git */
            enabled: false // set to true to enable
        }
    }
    // module.exports = {
}
"""


def test_examples_of_other_forms() -> None:
    document = SettingsDocument(OTHER_EXAMPLES.encode())
    document.set("httpStatic", ["/x"])
    document.set("adminAuth", 1)
    document.set("editorTheme.projects.enabled", True)
    document.set("editorTheme.projects.workflow", {"mode": "auto"})
    assert document.source.decode() == OTHER_EXAMPLES.replace("// ],\n", '// ],\n    httpStatic: ["/x"],\n').replace(
        "enabled: false // set to true to enable",
        'enabled: true, // set to true to enable\n            workflow: {\n                mode: "auto"\n            }',
    ).replace("    }\n    // module", "    },\n    adminAuth: 1\n    // module")
    for path in ("editorTheme.projects.workflow", "adminAuth", "httpStatic"):
        document.remove(path)
    assert document.source.decode() == OTHER_EXAMPLES.replace("false", "true")


def test_only_the_keys_that_differ_are_touched() -> None:
    value = get(USERS, "adminAuth")
    value["users"][0]["password"] = "new"
    value["users"][2]["permissions"] = ["flows.read"]
    wanted = USERS.replace("'old'", "'new'").replace(", 'nodes.read'", "")
    document = SettingsDocument(USERS.encode())
    document.set("adminAuth", value)
    assert document.source.decode() == wanted
    assert document.changes() == {"adminAuth.users": Change.CHANGED}


def test_a_value_is_set_exactly() -> None:
    document = SettingsDocument(USERS.encode())
    document.set("adminAuth", {"type": "credentials", "users": []})
    assert document.get("adminAuth") == {"type": "credentials", "users": []}
    assert document.changes() == {"adminAuth.users": Change.CHANGED, "adminAuth.default": Change.REMOVED}
    assert "// who may log in" in document.source.decode()
    assert "// anonymous" in document.source.decode()


def test_a_spread_inside_a_value_goes_when_the_value_is_set() -> None:
    source = "module.exports = {a: {...base, b: 1}}"
    assert after_set(source, "a", {"b": 1}) == "module.exports = {a: {b: 1}}"


def test_merge_keeps_the_other_keys() -> None:
    source = (
        "module.exports = {\n  logging: {\n    console: {\n      level: 'info', // l\n      audit: false\n    }\n  }\n}"
    )
    wanted = source.replace("audit: false", "audit: true,\n      metrics: false")
    assert edited(source, ("merge", "logging", {"console": {"audit": True, "metrics": False}})) == wanted
    assert get(edited(source, ("merge", "ui", {"path": "x"})), "ui") == {"path": "x"}


def test_a_refused_edit_leaves_the_document_as_it_was() -> None:
    document = SettingsDocument(b"module.exports = {\n  a: 1,\n  ...x\n}")
    with pytest.raises(SettingsError):
        document.set("a", 2)
    assert document.source == b"module.exports = {\n  a: 1,\n  ...x\n}"
    assert document.changes() == {}


def test_changes_name_what_differs_from_the_file_read() -> None:
    document = SettingsDocument(b"module.exports = {a: {b: 1, c: 2}, d: 1, e: 1, f: 1}")
    document.set("a", {"b": 2, "c": 2, "g": {}})
    document.set("a.g", {})
    document.set("d", 2)
    document.set("d", 1)
    document.remove("e")
    document.set("h", {"i": 1})
    assert document.changes() == {
        "a.b": Change.CHANGED,
        "a.g": Change.ADDED,
        "e": Change.REMOVED,
        "h": Change.ADDED,
    }


def test_deep_nesting_is_no_recursion() -> None:
    deep = "[" * 150 + "]" * 150
    document = SettingsDocument(f"module.exports = {{a: {deep}, b: 1}}".encode())
    document.set("b", 2)
    assert refusal(document.source, ("get", "a")).line == 1
    refusal("module.exports = " + "(" * 20000)
    nested: list[t.Any] = []
    for _level in range(500):
        nested = [nested]
    refusal("module.exports = {}", ("set", "a", nested))
    value: dict[str, t.Any] = {"x": 1}
    for _level in range(45):
        value = {"a": [value]}
    document.set("c", value)
    document.set("c", {"a": value["a"] + [1]})
    assert document.get("c") == {"a": value["a"] + [1]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("    key{0}: 'value {0}', // {0}\n", "module.exports = {{\n{}}}\n"),
        ("    key{0}: {{ a: [1, 'x'], b: {{}} }},\n", "module.exports = {{ big: {{\n{}}} }}\n"),
        ("    // key{0}: 'value', (and more\n", "module.exports = {{\n{}}}\n"),
        ("exports.key{0} = 'value {0}';\n", "{}"),
        ("if (f({0})) s.key{0} = exports;\n", "const s = {{}};\n{}module.exports = s"),
        ("    if (f({0})) return this;\n", "function f() {{\n{}}}\nmodule.exports = {{}}"),
    ],
)
def test_editing_takes_time_in_proportion_to_the_file(line: str, whole: str) -> None:
    def edit(count: int) -> t.Callable[[], None]:
        source = whole.format("".join(line.format(index) for index in range(count))).encode()
        return lambda: SettingsDocument(source).set("adminAuth", AUTH)

    assert times_as_long(edit(4000), edit(500)) < 32


@pytest.mark.slow
def test_editing_takes_little_more_than_parsing() -> None:
    source = STOCK.encode() + b"\n// " + b"x" * 24000
    assert times_as_long(lambda: SettingsDocument(source).set("adminAuth", AUTH), lambda: parse(source), 10) < 16


@pytest.mark.parametrize(
    "use", ["process.env.NODE_RED_PORT = settings.uiPort", "listen(settings.uiPort)", "const port = settings.uiPort"]
)
def test_who_reads_a_number_cannot_change_it(use: str) -> None:
    source = f"const settings = {{\n    uiPort: process.env.PORT || 1880,\n}};\n{use};\nmodule.exports = settings;\n"
    assert after_set(source, "uiPort", 1881) == source.replace("process.env.PORT || 1880", "1881")
    with pytest.raises(SettingsError, match="handed on here"):
        after_set(source, "uiPort", {"a": 1})


CONDITIONAL = "if (process.env.A) {\n    settings.adminAuth = { users: [1] };\n    delete settings.adminAuth.x;\n}\n"
CERTAIN = "settings.adminAuth = {};\n"


def test_an_assignment_that_may_run_before_one_that_does_is_no_hazard() -> None:
    source = f"const settings = module.exports = {{\n}};\n{CONDITIONAL}{CERTAIN}"
    edited_source = after_set(source, ("adminAuth", "type"), "credentials")
    assert edited_source.endswith('settings.adminAuth = {type: "credentials"};\n')
    assert get(source, "adminAuth") == {}


@pytest.mark.parametrize(
    "source",
    [
        f"{CERTAIN}{CONDITIONAL}",
        f"function later() {{ {CONDITIONAL} }}\n{CERTAIN}later();\n",
        f"setTimeout(() => {{ {CONDITIONAL} }});\n{CERTAIN}",
        f"{CONDITIONAL}settings.adminAuth.type = 1;\n",
        f"{CONDITIONAL}settings.uiPort = 1;\n",
    ],
)
def test_an_assignment_that_may_run_last_is_one(source: str) -> None:
    with pytest.raises(SettingsError, match="may not always run"):
        after_set(f"const settings = module.exports = {{\n}};\n{source}", ("adminAuth", "type"), "credentials")


@pytest.mark.parametrize(
    ("use", "harmless"),
    [
        ("console.log(s.adminAuth.users.map((user) => user.username))", True),
        ("console.log(`${s.adminAuth.users.filter(u => u.permissions === '*').length} users`)", True),
        ("console.log`${s.adminAuth.users.filter(u => u.permissions === '*').length} users`", False),
        ("if (s.adminAuth.users.some(u => u.username == 'admin')) { console.log('admin') }", True),
        ("console.log(s.adminAuth.users.slice(0, 2))", True),
        ("console.log('users: ' + s.adminAuth.users.map(u => u.username).join(', '))", True),
        ("console.log(s.adminAuth.users.map(u => u.username).sort(change))", False),
        ("console.log(s.adminAuth.users.map(u => u.permissions = '*'))", False),
        ("console.log(s.adminAuth.users.map(u => { u.permissions = '*' }))", False),
        ("console.log(s.adminAuth.users.map(u => change(u)))", False),
        ("console.log(s.adminAuth.users.map(change))", False),
        ("s.adminAuth.users.find(u => u.username == 'eve').permissions = '*'", False),
        ("const eve = s.adminAuth.users.find(u => u.username == 'eve')", False),
        ("console.log(s.adminAuth.users.push({}))", False),
        ("console.log(s.adminAuth.users.forEach(change))", False),
    ],
)
def test_who_looks_at_a_list_does_not_change_it(use: str, harmless: bool) -> None:
    source = f"const s = module.exports = {{\n    adminAuth: {{ users: [] }},\n}};\n{use};\n"
    if harmless:
        assert "type:" in after_set(source, ("adminAuth", "users"), [{"type": "x"}])
    else:
        with pytest.raises(SettingsError):
            after_set(source, ("adminAuth", "users"), [{"type": "x"}])


#: By a file that Node.js leaves with another value: the setting that an edit would set without effect.
CHANGED_ALL_THE_SAME = [
    (
        "const s = {adminAuth: {}};\nmodule.exports = s;\nexports.default = s;\nexports.default.adminAuth = null;\n",
        "adminAuth",
    ),
    ("const s = module.exports = {adminAuth: {}, filter() { this.adminAuth = null }};\ns.filter();\n", "adminAuth"),
    (
        "const s = module.exports = {adminAuth: {users: []}};\ns.adminAuth.users.map((u, i, l, x = u.a = 1) => u.b);\n",
        "adminAuth.users",
    ),
    (
        "const s = module.exports = {adminAuth: {users: []}};\n"
        "JSON.stringify(s.adminAuth.users.map(u => ({ toJSON() { for (u.a of [1]); } })));\n",
        "adminAuth.users",
    ),
    (
        "const s = module.exports = {adminAuth: {users: [{}]}};\nconst u = s.adminAuth.users[0];\nif (u) u.a = 1;\n",
        "adminAuth.users",
    ),
    ("const s = module.exports = {ui: {}};\nconst o = s.ui;\ns.ui = o;\ns.ui.x = 1;\no.x = 5;\n", "ui.x"),
    ("const s = module.exports = {};\nif (1) s.adminAuth = o;\ns.adminAuth = o;\n", "adminAuth.type"),
    (
        "const s = module.exports = {set adminAuth(v) {}};\nif (1) s.adminAuth = 1;\ns.adminAuth = {};\n",
        "adminAuth.type",
    ),
    ("const s = module.exports = {};\ns.__proto__ = {set adminAuth(v) {}};\ns.adminAuth = {};\n", "adminAuth.type"),
    ("const s = module.exports = {adminAuth: {}};\ngrant`${s.adminAuth}`;\n", "adminAuth.type"),
]


@pytest.mark.parametrize(("source", "path"), CHANGED_ALL_THE_SAME)
def test_what_would_have_another_effect_is_refused(source: str, path: str) -> None:
    with pytest.raises(SettingsError):
        after_set(source, path, [{"username": "a"}] if path == "adminAuth.users" else "x")


def test_a_frozen_object_says_so() -> None:
    source = "const s = module.exports = {\n    uiPort: 1,\n};\nObject.freeze(s);\n"
    with pytest.raises(SettingsError, match="Object.freeze.*keeps it as it is"):
        after_set(source, "uiPort", 2)


@pytest.mark.parametrize(
    ("present", "code", "after"),
    [
        (
            "{\n        // os: require('os'),\n        // Ask Ann.\n    }",
            "{ os: require('os') }",
            "{\n        // os: require('os'),\n        os: require('os')\n        // Ask Ann.\n    }",
        ),
        ("{ /* mine */ os: 7, a: 1 }", "{ os: require('os') }", "{ /* mine */ os: require('os') }"),
        ("{ a: 1 /* one */ }", "{ a: 2, b: f() }", "{ a: 2, /* one */ b: f() }"),
    ],
)
def test_comments_in_an_object_that_code_replaces_stay(present: str, code: str, after: str) -> None:
    document = SettingsDocument(f"module.exports = {{\n    key: {present}\n}}\n".encode())
    document.set("key", Expression(code))
    assert document.source.decode() == f"module.exports = {{\n    key: {after}\n}}\n"
    document.set("key", Expression(code))
    assert document.source.decode() == f"module.exports = {{\n    key: {after}\n}}\n"


@pytest.mark.parametrize("blocker", ["if (x) { s.b = 1; }", "change(s);", "s[k] = 1;"])
def test_a_refusal_names_the_line_of_the_file_as_it_was_read(blocker: str) -> None:
    document = SettingsDocument(f"const s = {{\n    a: null,\n}};\n\n{blocker}\nmodule.exports = s;\n".encode())
    with contextlib.suppress(SettingsError):
        document.set("a", {"x": {"y": 1, "z": [1, 2]}, "long": "x" * 200})
    with pytest.raises(SettingsError) as caught:
        document.set("b", 2)
    assert caught.value.line == 5


def test_the_line_of_a_setting_is_that_of_the_file_as_it_was_read() -> None:
    document = SettingsDocument(b"module.exports = {\n    a: {},\n    b: 1,\n    c: 2,\n};\n")
    document.set("a", {"x": {"y": 1}, "z": [{"v": 1}, {"w": 2}]})
    assert document.source.count(b"\n") > 6
    assert [document.line_of(key) for key in ("a", "b", "c")] == [2, 3, 4]
    assert document.line_of("a.z") == 2
    document.remove("b")
    assert document.line_of("c") == 4


def test_lines_between_many_edits_are_those_of_the_file_as_it_was_read() -> None:
    names = [f"k{index}" for index in range(8)]
    document = SettingsDocument(
        ("module.exports = {\n" + "".join(f"    {name}: 1,\n" for name in names) + "};\n").encode()
    )
    for name in names[::2]:
        document.set(name, {"x": {"y": 1}, "z": [{"v": 1}, {"w": 2}]})
    document.remove("k3")
    assert [document.line_of(name) for name in names if name != "k3"] == [2, 3, 4, 6, 7, 8, 9]


def test_the_lines_of_a_removal_that_fails_are_those_of_the_file_as_it_was_read() -> None:
    document = SettingsDocument(b"module.exports = {\n    ...x,\n    b: 1,\n    a: 2,\n};\nmodule.exports.a = 1;\n")
    with pytest.raises(SettingsError) as caught:
        document.remove("a")
    assert (caught.value.line, document.line_of("b"), document.line_of("a")) == (2, 3, 6)


@pytest.mark.slow
def test_lines_of_a_long_file_are_told_in_time() -> None:
    lines = "    // nothing\n    //\n" * 8_000
    document = SettingsDocument(f"module.exports = {{\n    a: 1,\n{lines}    b: 1,\n}};\n".encode())
    document.set("a", {"x": {"y": 1}, "z": [{"v": 1}, {"w": 2}]})
    document.set("b", {"x": {"y": 1}, "z": [{"v": 1}, {"w": 2}]})
    document.set("c", {"x": {"y": 1}})
    found = []
    assert times_as_long(lambda: found.append(document.line_of("b")), lambda: parse(document.source)) < 1
    assert set(found) == {16_003}
