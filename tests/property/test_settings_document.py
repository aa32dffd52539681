# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edits of generated settings.js files, judged by Node.js: it must load the same settings but for the edited one."""

from __future__ import annotations

import contextlib
import os
import typing as t

import pytest
from host_state import HASH
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from node_process import NodeProcess
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import DesiredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING

# Reads one JSON string per line, loads it as Node.js loads a settings.js, and answers what it exports.
#: Gives the settings that a file exports, None if it does not load.
Node = t.Callable[[bytes], t.Any]
JUDGE = r"""
const Module = require("module");
const plain = value => {
    if (value === null || ["string", "boolean"].includes(typeof value) || Number.isFinite(value)) return value;
    if (Array.isArray(value)) return Array.from(value, plain);
    if (typeof value !== "object" || value instanceof RegExp) {
        // Some of `os` answer String() with what they measure.
        const text = typeof value === "function" ? Function.prototype.toString.call(value) : String(value);
        return {code: text.replace(/\s+/g, " ")};
    }
    return {object: Object.entries(value).map(([key, item]) => [key, plain(item)])};
};
require("readline").createInterface({input: process.stdin}).on("line", line => {
    let answer = null;
    try {
        const loaded = new Module("/settings.js");
        // Most of `os` differs from one moment to the next.
        loaded.require = name => name === "os" ? {constants: require("os").constants} : require(name);
        loaded._compile(JSON.parse(line).replace(/^\uFEFF/, ""), "/settings.js");
        answer = plain(loaded.exports);
    } catch (error) {
        // Not to be loaded: no answer.
    }
    process.stdout.write(JSON.stringify(answer).replace(/[\u007f-\uffff]/g, unit =>
        "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0")) + "\n");
});
"""


def python_value(answer: t.Any) -> t.Any:
    if isinstance(answer, list):
        return [python_value(item) for item in answer]
    if isinstance(answer, dict) and "object" in answer:
        return {key: python_value(item) for key, item in answer["object"]}
    return Expression(answer["code"]).text if isinstance(answer, dict) else answer


@pytest.fixture(scope="module")
def node() -> t.Iterator[Node]:
    """Loads a settings.js in one long-lived Node.js; None if it does not load."""
    with NodeProcess(JUDGE) as process:

        def load(source: bytes) -> dict[str, t.Any] | None:
            answer = python_value(process.ask(source.decode("utf-8"), parse_int=float))
            return answer if isinstance(answer, dict) else None

        yield load


# --- generated files -------------------------------------------------------------------------------------------------

MANAGED = ("adminAuth", "https", "uiPort", "credentialSecret", "trust proxy")
KEYS = (*MANAGED, "flowFile", "editorTheme", "type", "users", "ünï", "7")

trivia = st.lists(
    st.sampled_from(
        [
            " ",
            "  ",
            "\t",
            "\n",
            "\n    ",
            "\n\t",
            "/* it's { */",
            "/* a\n // b */",
            "// don't {\n",
            "//adminAuth: {\n",
            "    // https: 1,\n",
            "\n  //uiPort : [\n  //],\n",
            "// }],\n",
        ]
    ),
    max_size=3,
).map("".join)
key_texts = st.sampled_from(KEYS).flatmap(
    lambda key: st.sampled_from([f'"{key}"', f"'{key}'", f'["{key}"]'] + [key] * (3 if key.isidentifier() else 0))
)
scalar_texts = st.sampled_from(
    [
        '"a"',
        "'b'",
        "`c`",
        '"it\'s"',
        "'\\''",
        '"\\u00e9\\x41\\n"',
        "'é'",
        '"//"',
        "'/*'",
        '"{"',
        "0",
        "-1",
        "1.5",
        "0x10",
        "1e3",
        "1_000",
        ".5",
        "true",
        "false",
        "null",
        "undefined",
        "process.env.NO_SUCH_NAME",
        "1+1",
        "12345678901234567890n",
        "/[\"'{]/g",
        "!0",
        '("p")',
        "`${1}`",
        "function(){return{a:1}}",
        '()=>({b:"}"})',
    ]
)


@st.composite
def literals(draw: st.DrawFn, members: st.SearchStrategy[str], opening: str, closing: str) -> str:
    drawn = draw(st.lists(members, max_size=4))
    pieces = [opening]
    for index, member in enumerate(drawn):
        pieces += ["," if index else "", draw(trivia), member, draw(trivia)]
    if bool(drawn) and draw(st.booleans()):
        pieces += [",", draw(trivia)]
    return "".join(pieces) + ("" if drawn else draw(trivia)) + closing


def objects(value_texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.builds("{}{}: {}{}".format, key_texts, trivia, trivia, value_texts)
    odd = st.sampled_from(
        ["...{adminAuth: 5}", "https() { return 1 }", "get uiPort() { return 2 }", "os", "async type() {}"]
    )
    return literals(st.one_of(pairs, pairs, pairs, pairs, odd), "{", "}")


value_texts = st.recursive(
    scalar_texts, lambda inner: st.one_of(objects(inner), literals(inner, "[", "]")), max_leaves=6
)
FORMS = [
    "module.exports = {}",
    "/* settings */\nmodule.exports = {};\n",
    "const settings = module.exports = {};\n// the end",
    "var settings = {};\nsettings.flowFile = [1];\nmodule.exports = settings",
    "let settings\nsettings = {}\nmodule.exports = settings\nsettings.adminAuth = 'late'\n",
    "module.exports = Object.assign({{}}, {});",
    "module.exports = Object.assign({{uiPort: 1}}, os, {})\n",
    "exports = module.exports = ({});\nexports.type = 1\nif (process.argv[9]) exports.users = 2",
    "function f(settings) {{ settings.adminAuth = 1 }}\nmodule.exports = {}\n;[].map(f)\n",
    "module.exports = {{a: 1}}\nmodule.exports = {}\nmodule.exports.editorTheme = {{page: {{}}}}",
    "exports.type = {};\nexports.users = 1 // two\n",
    "this.type = {};\nexports.users = 1;\nif (process.argv[9]) this.flowFile = 2\n(() => 1)()",
    "module.exports = {}\nthis.adminAuth = 1; exports.uiPort = 2\n",
    "if (process.argv[9]) {{ module.exports = 1 }}\nmodule.exports = {}",
]


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    text = "const os = require('os').constants.errno;\n" + draw(st.sampled_from(FORMS)).format(
        draw(objects(value_texts))
    )
    text = draw(st.sampled_from(["", "", "", "\ufeff"])) + text.replace(
        "\n", draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    )
    return text.encode("utf-8")


names = st.one_of(st.sampled_from(KEYS), st.text(max_size=3), st.sampled_from(["__proto__", "default", "a-b"]))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
bounded = settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "250")), deadline=None, suppress_health_check=list(HealthCheck)
)


def edited(source: bytes, edit: t.Callable[[SettingsDocument], object]) -> SettingsDocument:
    """The document after an edit; examples that are refused do not count."""
    try:
        document = SettingsDocument(source)
        edit(document)
    except SettingsError as error:
        assert "edit it by hand" not in str(error).lower(), error
        assume(False)
    return document


# --- the properties --------------------------------------------------------------------------------------------------


@bounded
@given(documents(), st.sampled_from(MANAGED), values)
def test_a_key_set_has_its_value_and_all_others_keep_theirs(node: Node, source: bytes, key: str, value: t.Any) -> None:
    before = node(source)
    assume(before is not None)
    document = edited(source, lambda it: it.set((key,), value))
    assert node(document.source) == before | {key: value}
    again = SettingsDocument(document.source)
    again.set((key,), value)
    assert again.source == document.source
    assert not again.changes()


@bounded
@given(documents(), st.lists(st.tuples(st.sampled_from(MANAGED), values), max_size=4, unique_by=lambda item: item[0]))
def test_removing_what_was_added_gives_back_every_byte(source: bytes, wishes: list[t.Any]) -> None:
    def add_then_remove(document: SettingsDocument) -> None:
        new = [(key, value) for key, value in wishes if document.get((key,)) is MISSING]
        for key, value in new:
            document.set((key,), value)
        for key, _value in reversed(new):
            document.remove((key,))

    document = edited(source, add_then_remove)
    assert document.source == source
    assert not document.changes()


@bounded
@given(documents(), st.sampled_from(KEYS))
def test_a_key_removed_is_gone_and_all_others_stay(node: Node, source: bytes, key: str) -> None:
    before = node(source)
    assume(before is not None)
    document = edited(source, lambda it: it.remove((key,)))
    assert node(document.source) == {name: value for name, value in before.items() if name != key}


@bounded
@given(documents(), st.lists(names.filter(bool), min_size=2, max_size=3), values)
def test_a_key_inside_others_is_set_alone(node: Node, source: bytes, path: list[str], value: t.Any) -> None:
    before = node(source)
    assume(before is not None and path[0] != "__proto__")
    document = edited(source, lambda it: it.set(tuple(path), value))
    expected = inner = dict(before)
    for key in path[:-1]:
        inner[key] = dict(inner.get(key, {}))
        inner = inner[key]
    inner[path[-1]] = value
    assert node(document.source) == expected


fields = st.dictionaries(st.sampled_from(["password", "permissions", "token"]), values, max_size=2)
users = st.lists(st.tuples(st.sampled_from("abcd"), fields), max_size=4)
user_texts = st.builds(
    '{{{}username: "{}",{}password: "x"{}}}'.format,
    trivia,
    st.sampled_from("abcd"),
    trivia,
    st.sampled_from(["", ", extra: 1", ","]),
)


@bounded
@given(
    st.one_of(literals(st.one_of(user_texts, user_texts, scalar_texts), "[", "]"), user_texts, value_texts),
    users,
)
def test_entries_of_a_list_are_matched_by_key(node: Node, text: str, users: list[t.Any]) -> None:
    source = f"module.exports = {{adminAuth: {{\n  users: {text}\n}}, b: 1}}".encode()
    before = node(source)
    assume(before is not None)
    desired = list({name: {"username": name} | rest for name, rest in users}.values())
    document = edited(source, lambda it: it.set_by_key("adminAuth.users", "username", desired))
    found = before["adminAuth"]["users"]
    found = [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]
    kept = {item["username"]: item for item in found if isinstance(item.get("username"), str)}
    after = node(document.source)
    assert after["b"] == 1
    entries = after["adminAuth"]["users"]
    assert {item["username"]: item for item in entries} == {
        item["username"]: kept.get(item["username"], {}) | item for item in desired
    }
    assert len(entries) == len(desired)


@bounded
@given(
    documents(),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=3),
    st.sampled_from(MANAGED),
)
def test_damaged_files_are_refused_or_edited_right(
    node: Node, source: bytes, damages: list[tuple[int, int, bytes]], key: str
) -> None:
    for position, length, inserted in damages:
        position %= len(source)
        source = source[:position] + inserted + source[position + length :]
    document = edited(source, lambda it: it.set((key,), {"a": [1]}))
    before = node(source)
    # Not one whose meaning changes by itself.
    assume(before is not None and node(source) == before)
    assert node(document.source) == before | {key: {"a": [1]}}


@bounded
@given(st.one_of(st.binary(max_size=200), st.text(alphabet="{}[]()'\"`,:/*\\\n\r=.;a0$", max_size=60).map(str.encode)))
def test_any_bytes_are_refused_or_edited(source: bytes) -> None:
    for document in (source, b"module.exports = {" + source, b"module.exports = {" + source + b"}"):
        with contextlib.suppress(SettingsError):
            SettingsDocument(document).set("adminAuth", {"type": "credentials"})


@bounded
@given(st.text(alphabet=st.characters(), max_size=20), st.sampled_from(["'", '"']))
def test_any_text_arrives_in_node(node: Node, text: str, quote: str) -> None:
    source = f"module.exports = {{a: {quote}x{quote}}}".encode()
    document = edited(source, lambda it: it.set("b", text))
    assert node(document.source) == {"a": "x", "b": text}
    assert document.get("b") == text


#: What means something to JavaScript, to a page, or to who replaces text.
WORDS = r"""
' " \ ` ${process.exit(7)} '};process.exit(7);// "+process.exit(7)+" \' \u0027 }; // /* */ </script> <!-- --> $& $1
__proto__ constructor {{7*7}} a
"""
ODD = ("\n", "\r\n", "\0", " ", "\x85", "\u2028", "\u2029", "\ufeff", "\U0001f600")
hostile_texts = st.lists(st.sampled_from([*WORDS.split(), *ODD]), min_size=1, max_size=4).map("".join)
#: By the place of a text: the options that put it there, and what Node.js then finds in the settings.
PLACES: dict[str, t.Callable[[str], tuple[dict[str, t.Any], dict[str, t.Any]]]] = {
    "administrator": lambda text: (
        {"admin_users": [{"username": text, "password_hash": HASH, "permissions": "*"}]},
        {
            "adminAuth": {
                "type": "credentials",
                "users": [{"username": text, "password": HASH, "permissions": "*"}],
            }
        },
    ),
    "static user": lambda text: (
        {"static_auth": {"user": text, "password_hash": HASH}},
        {"httpStaticAuth": {"user": text, "pass": HASH}},
    ),
    "static path": lambda text: ({"static": {"path": f"/srv/{text}"}}, {"httpStatic": f"/srv/{text}"}),
    "static root": lambda text: (
        {"static": [{"path": f"/{text}", "root": f"/{text}/"}]},
        {"httpStatic": [{"path": f"/{text}", "root": f"/{text}/"}]},
    ),
    "secret": lambda text: ({"credential_secret": text}, {"credentialSecret": text}),
    "value": lambda text: ({"values": {"flowFile": text}}, {"flowFile": text}),
    "key": lambda text: ({"values": {"logging": {text: [text]}}}, {"logging": {text: [text]}}),
    # A dot stands between two keys.
    "top key": lambda text: ({"values": {text.replace(".", ""): text}}, {text.replace(".", ""): text}),
}


@pytest.mark.parametrize("place", PLACES)
@bounded
@given(hostile_texts, st.sampled_from(["a: 'x'", 'a: "x"', "\"a\": 'x'", "a: `x`"]))
def test_a_text_is_never_code(node: Node, place: str, text: str, member: str) -> None:
    """Wherever an option puts it, Node.js finds the very text, and nothing else has changed."""
    options, expected = PLACES[place](text)
    document = SettingsDocument(f"module.exports = {{\n    {member},\n}}\n".encode())
    try:
        desired = DesiredSettings.from_options(make_options(**options), "/home/pi/.node-red")
    except UserError:
        assume(False)
    apply_settings(desired, document)
    assert node(document.source) == {"a": "x", **expected}
