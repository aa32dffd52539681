# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS options of a file's own, in every shape that somebody may write: Node.js finds the same ones behind an edit."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from node_process import NodeProcess
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import DesiredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument

JUDGE = r"""
const { Module } = require("module");
const plain = (value) => typeof value === "function" ? "function " + value.length
    : Buffer.isBuffer(value) ? "buffer " + value : Array.isArray(value) ? value.map(plain) : value;
require("readline").createInterface({ input: process.stdin }).on("line", async (line) => {
    const file = process.cwd() + "/settings.js";
    const loaded = new Module(file, null);
    loaded.filename = file;
    loaded.paths = [];
    let answer;
    try {
        loaded._compile(JSON.parse(line), file);
        let https = loaded.exports.https;
        if (typeof https === "function") { https = await loaded.exports.https(); }
        const ours = ["key", "cert", "pfx", "passphrase"];
        answer = { key: String(https && https.key), options: Object.fromEntries(
            Object.keys(https || {}).filter((name) => !ours.includes(name)).sort().map((name) => [name, plain(https[name])]))
        };
    } catch (error) {
        answer = { error: String(error) };
    }
    console.log(JSON.stringify(answer));
});
"""

KEPT = {
    "options of all kinds": """https: { key: read("old.pem"), cert: read("old.pem"), ca: read("ca.pem"), requestCert: true,
        minVersion: 'TLSv1.3', honorCipherOrder: !0, sessionTimeout: 1e2 },""",
    "an array of authorities": """https: {
        key: read("old.pem"), cert: read("old.pem"),
        ca: [
            read("ca.pem"), // the office
            /* the cellar */ require("fs").readFileSync(__dirname + "/ca.pem"),
        ],
    },""",
    "comments everywhere": """https: /* TLS */ { // ours
        /* first */ key /* k */ : /* v */ read("old.pem") /* after */, // the key
        cert: read("old.pem"), // the certificate
        // Only the office.
        requestCert: true, /* until
          spring */ rejectUnauthorized /* no */ : false // not yet
        // end
    } /* behind */,""",
    "no key": "https: { minVersion: 'TLSv1.2' },",
    "a pfx": "https: { pfx: read('old.pem'), passphrase: 'x', ciphers: 'HIGH' },",
    "quoted keys": """https: {"key": read("old.pem"), "cert": read("old.pem"), 'minVersion': "TLSv1.2"},""",
    "keys in brackets": """https: {["key"]: read("old.pem"), cert: read("old.pem"), ["minVersion"]: "TLSv1.2"},""",
    "template strings": """https: {
        key: read("old.pem"), cert: read("old.pem"),
        ciphers: `HIGH:
  !aNULL`,
        ecdhCurve: `${curve}:P-256`,
    },""",
    "a function": """https: function() {
        // Only the office.
        return {
            key: read("old.pem"),
            cert: read("old.pem"),
            // TLS 1.2 is old.
            minVersion: "TLSv1.3"
        }
    },""",
    "a function on one line": "https: function () { return {key: read('old.pem'), cert: 1, maxVersion: 'TLSv1.2'} },",
    "a method": """https() {
        return { key: read("old.pem"), cert: 1,
                 maxVersion: "TLSv1.2" };
    },""",
    "an async function": "https: async function() { return {key: read('old.pem'), cert: 1, ca: read('ca.pem')} },",
    "an arrow": "https: () => ({key: read('old.pem'), cert: 1, ca: read('ca.pem')}),",
    "an async arrow": "https: async () => { const a = 1; return ({key: read('old.pem'), cert: a, ca: read('ca.pem')}); },",
    "parentheses": "https: (({ key: 1, cert: 2, sigalgs: 'ECDSA+SHA256' })),",
    "null where there is no file": """https: require("fs").existsSync("old.pem") ? {
        key: read("old.pem"), cert: read("old.pem"), minVersion: "TLSv1.3" } : null,""",
    "a condition before it": "https: process.env.HOME && { key: 1, cert: 2, minVersion: 'TLSv1.3' },",
    "a shorthand": "https: { key: 1, cert: 2, ca, curve },",
    "shorthands of ours": "https: { key, cert, ca },",
    "methods and functions": """https: { key: 1, cert: 2, SNICallback(name, done) { done(this.key && null); },
        ALPNCallback: ({ protocols }) => protocols[0], pskCallback: function() { return arguments.length && this; },
        async other() { await null; } },""",
    "nested functions": """https: { key: 1, cert: 2, ca: (function(path) {
        const full = require("path").join(".", path);
        return [full].map((name) => read(name));
    })("ca.pem") },""",
    "a name of ours": "https: { key: 1, cert: 2, ca: pem, crl: { pem } },",
    "an option twice": "https: { key: 1, cert: 2, minVersion: 'TLSv1.2', minVersion: 'TLSv1.3', key: 3 },",
    "the environment": "https: { key: 1, cert: 2, ciphers: process.env.NO_SUCH || 'HIGH' },",
    "regular expressions and slashes": "https: { key: 1, cert: 2, ciphers: 'A//B'.replace(/\\/\\//, ':') /* // */ },",
    "carriage returns": "https: {\r\n  key: 1,\r\n  cert: 2, // c\r\n  minVersion: 'TLSv1.3',\r\n },\r\n",
    "commas that lead": "https: { key: 1\n        , cert: 2\n        , minVersion: 'TLSv1.3'\n    },",
    "a name that a later function reads": "https: { key: 1, cert: 2, ca: read('ca.pem') }, x: () => read(ca),",
}
REFUSED = {
    "a spread": ("https: { ...base, key: 1, cert: 2 },", "what stands here of https"),
    "a computed key": ("https: { key: 1, cert: 2, [curve]: 1 },", "what stands here of https"),
    "a prototype": ("https: { key: 1, cert: 2, __proto__: base },", "what stands here of https"),
    "an accessor": ("https: { key: 1, cert: 2, get minVersion() { return 'TLSv1.3'; } },", "`minVersion`"),
    "this": ("https: { key: 1, cert: 2, minVersion: this.x || 'TLSv1.3' },", "uses `this`"),
    "this in an arrow": ("https: { key: 1, cert: 2, SNICallback: () => this },", "uses `this`"),
    "arguments of the file": ("https: { key: 1, cert: 2, minVersion: arguments[7] || 'TLSv1.3' },", "`arguments`"),
    "arguments of a function": (
        "https: function() { return { key: 1, cert: 2, x: arguments[0] }; },",
        "uses `arguments`",
    ),
    "eval": ("https: { key: 1, cert: 2, minVersion: eval('\"TLSv1.3\"') },", "`eval`"),
    "await": ("https: async () => ({ key: 1, cert: 2, ca: await read('ca.pem') }),", "uses `await`"),
    "a name of the function": (
        "https: function() { const mine = read('ca.pem'); return { key: 1, cert: 2, ca: mine }; },",
        "uses `mine`, which only the function",
    ),
    "a hoisted name": ("https: function() { if (1) { var v = 1; } return { key: 1, cert: 2, x: v }; },", "uses `v`"),
    "a parameter": ("https: (a = 'TLSv1.3') => ({ key: 1, cert: 2, minVersion: a }),", "uses `a`"),
    "a name that changes": (
        "https: { key: 1, cert: 2, minVersion: changing },",
        "uses `changing`, which changes later",
    ),
    "a part that changes": ("https: { key: 1, cert: 2, minVersion: parts.min },", "uses `parts`, which changes later"),
    "Object.assign": ("https: Object.assign({}, base, { key: 1, cert: 2 }),", "https is code here"),
    "a required file": ("https: require('./tls'),", "https is code here"),
    "a promise": ("https: Promise.resolve({ key: 1, cert: 2, ca: 3 }),", "https is code here"),
    "a generator": ("https: function*() { return { key: 1, cert: 2, ca: 3 }; },", "https is code here"),
    "a getter": ("get https() { return { key: 1, cert: 2, ca: 3 }; },", "https is code here"),
    "two sides of a condition": (
        "https: curve ? { key: 1, cert: 2, ca: 3 } : { key: 1, cert: 2 },",
        "under a condition",
    ),
    "a fallback": ("https: base.https || { key: 1, cert: 2, ca: 3 },", "https is code here"),
    "a variable that is filled": (
        "https: function() { const o = { key: 1, cert: 2 }; o.ca = 3; return o; },",
        "https is code here",
    ),
    "a member that is set before": (
        "https: function() { base.ca = 3; return { key: 1, cert: 2 }; },",
        "https is code here",
    ),
    "a constant elsewhere": ("https: elsewhere,", "stands in a constant of its own"),
    "a part that is assigned": (
        "https: { key: 1, cert: 2 } }; module.exports.https.ca = 3; void {",
        "`https` is assigned",
    ),
    "under a condition": (
        "}; if (curve) { module.exports.https = { key: 1, cert: 2, ca: 3 }; } void {",
        "https",
    ),
}
#: What stands before module.exports, the options, and what stands behind.
UNCHANGED = {
    "all writes before": ("let v = 'A'; if (process.env.HOME) v = 'B';", "ciphers: v", ""),
    "a block": ("try { var v = 'A'; } catch (error) {}", "ciphers: v", "console.error(typeof v);"),
    "a function behind": ("", "ciphers: low('A')", "function low(text) { return text; }"),
    "a list that was filled": (
        "const l = ['A']; l.push('B');",
        "ciphers: l.join(':')",
        "console.error(l); l.includes('A');",
    ),
    "another part": (
        "const c = { m: 'A', n: [] };",
        "ciphers: c.m",
        "c.n.push(1); c.o = 1; keep(c.n); function keep() {}",
    ),
    "a text that is handed on": (
        "const v = 'A', c = { m: 'B' };",
        "x: [v, c.m]",
        "module.exports.y = [v, c.m, v.trim()];",
    ),
    "a module": (
        "const fs = require('fs');",
        "ca: fs.readFileSync('ca.pem')",
        "module.exports.y = fs; fs.existsSync('x');",
    ),
    "the environment": ("", "x: process.env.HOME", "process.on('exit', () => {}); module.exports.y = process.env;"),
    "a name for a part": ("const c = { m: { n: 'A' } }, m = c.m;", "x: m.n", "console.error(c);"),
    "a directory": ("const d = require('path').join(__dirname, 'x');", "x: d + '/y'", "module.exports.userDir = d;"),
    "a block of a function": ("try { var v = 'A'; } catch (error) {}", "ciphers: v", "", "() => ({ %s })"),
}
CHANGED = {
    "a write behind": ("let v;", "maxVersion: v", "v = 'TLSv1.2';"),
    "its only write behind": ("", "requestCert: true, rejectUnauthorized: !v", "var v = true;"),
    "a write in a function": ("let v = 1; function set() { v = 2; }", "x: v", ""),
    "a write in it": ("let v = 1;", "x: v++", ""),
    "a pattern": ("let v = 1;", "x: v", "[v] = [2];"),
    "a pattern in it": ("let v = 1;", "x: ({ v } = { v: 2 })", ""),
    "a list": ("const v = ['A'];", "ciphers: v.join(':')", "v.push('NULL');"),
    "a list of a part": ("const v = { l: ['A'] };", "ciphers: v.l.join(':')", "v.l.push('NULL');"),
    "a key that only runs tell": ("const v = ['A'], i = 0;", "ciphers: v[0]", "v[i] = 'NULL';"),
    "a method that only runs tell": ("const v = ['A'], i = 'push';", "ciphers: v[0]", "v[i]('NULL');"),
    "another name": ("const v = { m: 'A' }, d = v;", "x: v.m", "d.m = 'B';"),
    "the name of another": ("const d = { m: 'A' }, v = d;", "x: v.m", "d.m = 'B';"),
    "the name of a part": ("const d = { l: { m: 'A' } }, v = d.l;", "x: v.m", "d.l.m = 'B';"),
    "delete": ("const v = { m: 'A' };", "x: v.m", "delete v.m;"),
    "a call": ("const v = { m: 'A' }, f = (o) => { o.m = 'B'; };", "x: v.m", "f(v);"),
    "Object.assign": ("const v = { m: 'A' };", "x: v.m", "Object.assign(v, { m: 'B' });"),
    "a module": ("const v = require('fs');", "ca: v.readFileSync('ca.pem')", "v.readFileSync = () => 1;"),
    "a function": ("const v = () => 1; v.m = 'A';", "x: v.m", "Object.assign(v, { m: 2 });"),
    "the environment": ("", "x: process.env.NO_SUCH", "Object.assign(process.env, { NO_SUCH: 1 });"),
    "the exports": ("const v = exports; v.m = 1;", "x: module.exports.m", ""),
    "a block of a function": ("", "x: v", "", "() => { if (1) { var v; } return { %s }; }"),
}
NOTHING_TO_KEEP = {
    "nothing": "",
    "null": "https: null,",
    "key and certificate": "https: { key: read('old.pem'), cert: read('old.pem') },",
    "a function with statements": """https: function() {
        console.error("TLS");
        try { return { key: read("old.pem"), cert: read("old.pem") }; } catch (error) { return null; }
    },""",
    "a constant elsewhere": "https: bare,",
    "behind": "}; module.exports.https = { key: 1, cert: 2 }; void {",
}
BEFORE = """const read = (name) => require("fs").readFileSync(require("path").join(__dirname, name), "utf8");
const curve = "X25519", ca = read("ca.pem"), key = 1, cert = 2, pem = "theirs";
const base = { requestCert: true }, parts = { min: "TLSv1.2" };
const elsewhere = { key: 1, cert: 2, ca: 3 }, bare = { key, cert };
let changing = "TLSv1.2";
module.exports = {
    uiPort: 1880,
    %s
    flowFile: "flows.json",
};
changing = "TLSv1.3";
parts.min = "TLSv1.3";
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Callable[[bytes], dict[str, t.Any]]]:
    """What Node.js finds in a settings.js: the key, and all TLS options beside those of the certificate."""
    directory = tmp_path_factory.mktemp("host")
    (directory / "nodecerts").mkdir()
    for name in ("old.pem", "ca.pem", "nodecerts/server.pem", "nodecerts/other.pem"):
        pathlib.Path(directory, name).write_text(name)
    with NodeProcess(JUDGE, directory) as process:
        yield lambda source: process.ask(source.decode("utf-8"))


def edited(source: bytes, certificate: str = "server.pem", **options: t.Any) -> bytes:
    document = SettingsDocument(source)
    desired = DesiredSettings.from_options(make_options(https=True, https_options=options), "/", certificate)
    apply_settings(desired, document)
    return document.source


def source_with(https: str) -> bytes:
    return (BEFORE % https).encode()


@pytest.mark.parametrize("https", KEPT.values(), ids=KEPT)
def test_options_of_the_file_are_the_same_behind_an_edit(https: str, node: t.Any) -> None:
    source = source_with(https)
    before = node(source)
    assert "error" not in before
    after = edited(source)
    assert node(after) == {"key": "nodecerts/server.pem", "options": before["options"]}
    assert edited(after) == after
    # Another certificate, and an option more and less: what is kept keeps its bytes.
    other = edited(after, "other.pem")
    assert other == after.replace(b'"server.pem"', b'"other.pem"')
    more = edited(other, "other.pem", sigalgs="ECDSA+SHA256")
    assert node(more) == {
        "key": "nodecerts/other.pem",
        "options": {**before["options"], "sigalgs": "ECDSA+SHA256"},
    }
    assert edited(more, "other.pem", sigalgs="ECDSA+SHA256") == more
    if "sigalgs" not in before["options"]:
        assert edited(more, "other.pem", sigalgs=None) == other


@pytest.mark.parametrize(("https", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_kept_is_refused(https: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refused:
        edited(source_with(https))
    assert reason in str(refused.value)
    assert refused.value.line is not None


def file_with(before: str, options: str, behind: str, https: str = "{ %s }") -> bytes:
    value = https % f"key: 1, cert: 2, {options}"
    return f"{before}\nmodule.exports = {{ https: {value} }};\n{behind}\n".encode()


@pytest.mark.parametrize("parts", UNCHANGED.values(), ids=UNCHANGED)
def test_a_name_that_stays_what_it_is_is_kept(parts: tuple[str, ...], node: t.Any) -> None:
    source = file_with(*parts)
    before = node(source)
    assert before.get("options")
    after = edited(source)
    assert node(after) == {"key": "nodecerts/server.pem", "options": before["options"]}
    assert edited(after) == after


@pytest.mark.parametrize("parts", CHANGED.values(), ids=CHANGED)
def test_a_name_that_may_be_another_thing_later_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="which changes later"):
        edited(file_with(*parts))


@pytest.mark.parametrize("https", NOTHING_TO_KEEP.values(), ids=NOTHING_TO_KEEP)
def test_where_nothing_has_to_be_kept_the_function_is_ours(https: str, node: t.Any) -> None:
    after = edited(source_with(https), minVersion="TLSv1.3")
    assert node(after) == {"key": "nodecerts/server.pem", "options": {"minVersion": "TLSv1.3"}}
    assert edited(after, minVersion="TLSv1.3") == after
