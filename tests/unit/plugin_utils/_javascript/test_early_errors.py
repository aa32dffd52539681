# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Node.js refuses to start with is refused, and nothing else is; Node.js itself is the judge."""

from __future__ import annotations

import pathlib
import subprocess

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError, parse

GOOD = "module.exports = {\n    uiPort: 1880,\n};\n"


def node_takes(path: pathlib.Path, source: str) -> bool:
    path.write_text(source, "utf-8")
    return subprocess.run(["node", "--check", path], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        (
            "module.exports = {\n    flowFile: \u2018flows.json\u2019,\n};\n",
            2,
            "\u2018 is no quote to JavaScript. Write '",
        ),
        (
            "module.exports = {\n    flowFile: \u201cflows.json\u201d,\n};\n",
            2,
            '\u201c is no quote to JavaScript. Write "',
        ),
        ("module.exports = {\n    \u201eflowFile\u201c: 'flows.json',\n};\n", 2, "\u201e is no quote"),
        ("module.exports = {\n    uiPort: 1880,\u200b\n};\n", 2, "not seen (U+200B)"),
        ("module.exports = {\n    uiPort\u2060: 1880,\n};\n", 2, "not seen (U+2060)"),
        ("module.exports = {\n    \u202euiPort: 1880,\n};\n", 2, "not seen (U+202E)"),
        ("module.exports = {\n    ui\u00adPort: 1880,\n};\n", 2, "not seen (U+00AD)"),
        ("module.exports = {\n    uiPort\u2013x: 1880,\n};\n", 2, "(U+2013) cannot be a part of a name"),
        ("module.exports = {\n    \U0001f353: 1880,\n};\n", 2, "(U+1F353) cannot be a part of a name"),
        ("const fs = require('fs');\nconst fs = require('fs');\n" + GOOD, 2, "`fs` is declared a second time"),
        ("let a = 1;\nvar a = 2;\n" + GOOD, 2, "`a` is declared a second time"),
        ("var a = 1;\nlet a = 2;\n" + GOOD, 2, "`a` is declared a second time"),
        ("function a() {}\nconst a = 2;\n" + GOOD, 2, "`a` is declared a second time"),
        ("class a {}\nclass a {}\n" + GOOD, 2, "`a` is declared a second time"),
        ("function f() {\n    let a;\n    let a;\n}\n" + GOOD, 3, "`a` is declared a second time"),
        ("if (1) {\n    const a = 1, a = 2;\n}\n" + GOOD, 2, "`a` is declared a second time"),
        ("module.exports = {\n    a: '\\u{110000}',\n};\n", 2, "an escape here stands for no character"),
        ("module.exports = {\n    a: `\\u{ffffffff}`,\n};\n", 2, "an escape here stands for no character"),
        ("module.exports = {\n    \\u{110000}x: 1,\n};\n", 2, "an escape here stands for no character"),
        ("module.exports = {};\nconst a\\u{ffffffffffffffffffff} = 1;\n", 2, "an escape here stands for no character"),
        ("module.exports = {};\nconst a\\u2028 = 1;\n", 2, "an escape here stands for no character"),
        ("module.exports = {};\nf.\\u{200b};\n", 2, "an escape here stands for no character"),
        ('{\n    "uiPort": 1880,\n    "adminAuth": null\n}\n', 1, "this is JSON"),
        (GOOD + "adminAuth: {\n    type: 'credentials',\n    users: []\n}\n", 4, "an object stands here by itself"),
    ],
)
def test_refused(tmp_path: pathlib.Path, source: str, line: int, message: str) -> None:
    assert not node_takes(tmp_path / "settings.js", source)
    with pytest.raises(SettingsError) as caught:
        parse(source.encode("utf-8"))
    assert message in caught.value.message
    assert caught.value.line == line


@pytest.mark.parametrize(
    "source",
    [
        "const gr\u00f6\u00dfe = 1, $\u540d\u524d = 2, _\u00f1$ = 3, nai\u0308ve = 4, \u0915\u094d\u200d\u0937 = 5;\n",
        "const \\u0061b = 1, \\u{62}x = 2, \u00fc\\u{63} = 3;\n",
        "const a = '\u2018 \u201c \u200b \u2060 \U0001f353 \\u{10ffff} \\u{00000061}'; // \u200b \u2018\n/* \u2060 \u201c */\n",
        "const a = `\u200b ${'\u200b'}`, b = /\u200b\u2018/;\n",
        "var a = 1;\nvar a = 2;\nfunction b() {}\nfunction b() {}\nvar b = 3;\n",
        "const a = 1;\n{ const a = 2; let b; }\nfunction f(a) { const b = a; return b; }\n",
        "const a = 1;\nfor (const a of []) { let a = 2; }\ntry { let a; } catch (a) { let b; }\n",
        "for (let a = 0; a < 1; a++) { let a = 2; }\n",
        "switch (1) { case 1: { let a; } case 2: { let a; } }\n",
        "label: { const a = 1; }\nother: for (;;) { break other; }\n",
        "{ const a = 1 }\n({ a: 1 });\n",
        "module.exports = { \u043a\u043b\u044e\u0447: 1, '\u00fcn\u00ef': 2, gr\u00f6\u00dfe: 3 };\n",
        "\ufeffconst a = 1;\n",
        "function f() {\n    return\n    { ok: true }\n}\n",
        "module.exports = {}\nadminAuth: {\n    type: 'x'\n}\n",
        "{ uiPort: 1880 }\n{ a: b, c }\n{ a: x => x }\n".replace("b, c", "1, 2"),
        "const a\u30fbb = 1, \u037a = 2;\n".replace("\u30fb", "\u00b7"),
        "const a = '\\\u200b', b = `\\\u2060`;\n",
        "// \\u{110000}\nconst a = String.raw`\\u{110000}`, b = /a/; /* \\u{110000} */\n",
    ],
)
def test_taken(tmp_path: pathlib.Path, source: str) -> None:
    assert node_takes(tmp_path / "settings.js", source)
    parse(source.encode("utf-8"))
