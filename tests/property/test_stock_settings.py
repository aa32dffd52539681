# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings.js of every release of Node-RED, edited as the module `settings` does it and judged by Node.js."""

from __future__ import annotations

import re
import typing as t

import pytest
from node_process import NodeProcess
from settings_options import make_options
from stock_files import VERSIONS, stock_files

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import DesiredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.functions import https
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.web_sockets import FUNCTIONS

HASH = "$2b$08$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232"
ADMIN = {"username": "admin", "permissions": "*"}
STEVE = {"username": "steve", "permissions": ["flows.read", "nodes.read"]}
MIDDLEWARE = "function(req, res, next) { next(); }"

# Every feature, with keys that no stock file sets.
NEW_KEYS = {
    "admin_users": [{**user, "password_hash": HASH} for user in (ADMIN, STEVE)],
    "admin_default_permissions": "read",
    "session_expiry": 3600,
    "node_auth": {"user": "fred", "password_hash": HASH},
    "static": [{"path": "public", "root": "/doc"}, {"path": "/srv/www"}],
    "static_auth": {"user": "fred", "password_hash": HASH},
    "https": True,
    "credential_secret": 'it\'s "secret"\\',
    "values": {"requireHttps": True, "httpNodeRoot": "/api", "nodeDefaults.debug.complete": "true"},
    "expressions": {"httpNodeMiddleware": MIDDLEWARE},
    "absent": [],
}
NEW_VALUES = {
    "adminAuth": {
        "type": "credentials",
        "users": [{**user, "password": HASH} for user in (ADMIN, STEVE)],
        "default": {"permissions": "read"},
        "sessionExpiryTime": 3600,
    },
    "httpNodeAuth": {"user": "fred", "pass": HASH},
    "httpStaticAuth": {"user": "fred", "pass": HASH},
    "httpStatic": [{"path": "/home/pi/.node-red/public", "root": "/doc"}, {"path": "/srv/www"}],
    "httpsRefreshInterval": 0.02,
    "credentialSecret": 'it\'s "secret"\\',
    "requireHttps": True,
    "httpNodeRoot": "/api",
    "nodeDefaults": {"debug": {"complete": "true"}},
}
NEW_CODE = {
    "https": https("server.pem"),
    "httpNodeMiddleware": MIDDLEWARE,
    **{".".join(path): code for path, code in FUNCTIONS.items() if path[0] != "dashboard"},
}

# Keys that stock files do set, and keys to remove.
OTHER_KEYS = {
    "static": {"path": "public"},
    "values": {"uiPort": 1881, "flowFile": "pi.json", "editorTheme.projects.enabled": True},
    "expressions": {"functionGlobalContext": "{ os: require('os') }"},
    "absent": ["debugMaxLength", "noSuchKey"],
}
OTHER_VALUES = {
    "httpStatic": "/home/pi/.node-red/public",
    "uiPort": 1881,
    "flowFile": "pi.json",
    "editorTheme.projects.enabled": True,
}
OTHER_CODE = {"functionGlobalContext": "{ os: require('os') }"}
#: Served over TLS, as its passwords must be.
LOGIN_PAGE = {"node_users": [{"username": "fred", "password_hash": HASH}], "https": True}
SINGLE_SIGN_ON = {
    "admin_users": [{"username": "admin", "password_hash": HASH, "permissions": "*"}],
    "node_users": [],
    "https": True,
    "oidc": {
        "issuer": "https://id.example.com",
        "client_id": "nodered",
        "client_secret": "only-for-tests",
        "url": "https://kitchen.example.com:1880",
        "editor": [{"group": "admins", "permissions": "*"}],
    },
}
LOGIN_PAGE_KEYS = {
    "https",
    "httpsRefreshInterval",
    "httpNodeAuth",
    "nodesDir",
    "ui",
    "webSocketNodeVerifyClient",
}
OTHER_LINES = re.compile(
    rb"^ {4}(?:uiPort|flowFile|debugMaxLength): .*\n"
    rb"|^ {4}functionGlobalContext: \{\n(?: {8}.*\n)* {4}\},?\n"
    rb"|^ +enabled: false,?\n(?= +workflow: | +\}\n {4}\},?\n)",
    re.MULTILINE,
)

# The last line of each commented-out example. 3.1.15 ships the file of 3.1.0, and 4.1.15 that of 4.1.11.
EXAMPLES = {
    "0.20.8": {
        "credentialSecret": 80,
        "httpNodeRoot": 100,
        "httpStatic": 109,
        "adminAuth": 130,
        "httpNodeAuth": 136,
        "httpStaticAuth": 137,
        "https": 148,
        "requireHttps": 152,
        "httpNodeMiddleware": 183,
    },
    "3.1.0": {
        "credentialSecret": 44,
        "adminAuth": 83,
        "https": 106,
        "httpsRefreshInterval": 112,
        "requireHttps": 117,
        "httpNodeAuth": 125,
        "httpStaticAuth": 126,
        "httpNodeRoot": 187,
        "httpNodeMiddleware": 217,
        "httpStatic": 235,
    },
    "4.1.11": {
        "credentialSecret": 44,
        "adminAuth": 83,
        "https": 106,
        "httpsRefreshInterval": 112,
        "requireHttps": 117,
        "httpNodeAuth": 125,
        "httpStaticAuth": 126,
        "httpNodeRoot": 194,
        "httpNodeMiddleware": 224,
        "httpStatic": 245,
        "nodeDefaults": 643,
    },
    "5.0.7": {
        "credentialSecret": 44,
        "adminAuth": 85,
        "https": 108,
        "httpsRefreshInterval": 114,
        "requireHttps": 119,
        "httpNodeAuth": 127,
        "httpStaticAuth": 128,
        "httpNodeRoot": 196,
        "httpNodeMiddleware": 226,
        "httpStatic": 247,
        "nodeDefaults": 649,
    },
}

# Reads one JSON text per line: a settings.js before and after an edit, and what the edit was to do. Answers what is
# otherwise than it has to be, or an empty text.
Node = t.Callable[[bytes, bytes, dict[str, t.Any], dict[str, str], list[str]], str]
JUDGE = r"""
const assert = require("assert");
const Module = require("module");
const toText = Function.prototype.toString;
const load = source => {
    const loaded = new Module("/settings.js");
    loaded.require = require;
    loaded._compile(source, "/settings.js");
    return loaded.exports;
};
const plain = value => {
    if (typeof value === "function") return "code: " + toText.call(value).replace(/\s+/g, " ");
    if (Array.isArray(value)) return value.map(plain);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
};
const put = (object, [key, ...inner], value) => {
    if (inner.length) put(object[key] = object[key] || {}, inner, value);
    else object[key] = value;
};
require("readline").createInterface({input: process.stdin}).on("line", line => {
    let answer = "";
    try {
        const {before, after, values, code, absent} = JSON.parse(line);
        const expected = load(before);
        for (const key in values) put(expected, key.split("."), values[key]);
        for (const key in code) put(expected, key.split("."), load(`module.exports = (${code[key]})`));
        for (const key of absent) delete expected[key];
        assert.deepStrictEqual(plain(load(after)), plain(expected));
    } catch (error) {
        answer = error.message || "an error without a message";
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
});
"""


@pytest.fixture(scope="session")
def node() -> t.Iterator[Node]:
    """What Node.js finds wrong with an edit. One process serves all."""
    with NodeProcess(JUDGE) as process:

        def wrong(
            before: bytes, after: bytes, values: dict[str, t.Any], code: dict[str, str], absent: list[str]
        ) -> str:
            return process.ask(
                {
                    "before": before.decode(),
                    "after": after.decode(),
                    "values": values,
                    "code": code,
                    "absent": absent,
                }
            )

        yield wrong


@pytest.fixture(scope="session")
def stock() -> dict[str, bytes]:
    return stock_files(VERSIONS)


def edited(source: bytes, desired: dict[str, t.Any]) -> SettingsDocument:
    document = SettingsDocument(source)
    apply_settings(DesiredSettings.from_options(make_options(**desired), "/home/pi/.node-red"), document)
    return document


def added(before: bytes, after: bytes) -> dict[int, bytes]:
    """The lines that were added, by the line of the first text that they follow. It must all be left, in order.

    A comma behind a line is no change: the last key of a file needs one when another follows.
    """
    lines = before.splitlines(keepends=True)
    blocks: dict[int, bytes] = {}
    done = 0
    for line in after.splitlines(keepends=True):
        if done < len(lines) and line in (lines[done], lines[done].replace(b"\n", b",\n")):
            done += 1
        else:
            blocks[done] = blocks.get(done, b"") + line
    assert done == len(lines), f"not left in its order: {lines[done].decode()}"
    return blocks


def keys_of(block: bytes) -> list[str]:
    return [key.decode() for key in re.findall(rb"^ {4}(\w+): ", block, re.MULTILINE)]


def end_of_example(source: bytes, key: str) -> int | None:
    """The line on which the last commented-out example of a key ends, as its brackets tell."""
    lines = source.decode().splitlines()
    starts = [index for index, line in enumerate(lines) if re.match(rf" {{4}}// ?{key} ?:", line)]
    depth = 0
    for index in range(starts[-1], len(lines)) if starts else ():
        depth += sum(map(lines[index].count, "([{")) - sum(map(lines[index].count, ")]}"))
        if depth == 0:
            return index + 1
    return None


@pytest.mark.parametrize("version", VERSIONS)
class TestStockFile:
    def test_new_keys(self, version: str, stock: dict[str, bytes], node: Node) -> None:
        source = stock[version]
        document = edited(source, NEW_KEYS)
        assert node(source, document.source, NEW_VALUES, NEW_CODE, []) == ""
        assert edited(document.source, NEW_KEYS).source == document.source

        places = {key: line for line, block in added(source, document.source).items() for key in keys_of(block)}
        assert places.keys() == {key.split(".")[0] for key in (*NEW_VALUES, *NEW_CODE)}
        examples = {key: end for key in places if (end := end_of_example(source, key))}
        assert examples.items() <= places.items()

        for key in reversed(document.changes()):
            document.remove(key.split(".")[0])
        assert document.source == source

    def test_keys_that_are_there(self, version: str, stock: dict[str, bytes], node: Node) -> None:
        source = stock[version]
        document = edited(source, OTHER_KEYS)
        assert node(source, document.source, OTHER_VALUES, OTHER_CODE, ["debugMaxLength"]) == ""
        assert edited(document.source, OTHER_KEYS).source == document.source
        added(OTHER_LINES.sub(b"", source), document.source)

    def test_login_page(self, version: str, stock: dict[str, bytes]) -> None:
        """It comes in a few lines, stays as it is, and goes without a trace."""
        source = stock[version]
        document = edited(source, LOGIN_PAGE)
        assert edited(document.source, LOGIN_PAGE).source == document.source
        found = {key for block in added(source, document.source).values() for key in keys_of(block)}
        assert found == LOGIN_PAGE_KEYS
        gone = edited(document.source, {"node_users": [], "https": True, "absent": ["httpNodeAuth"]})
        assert b"nodelogin" not in gone.source
        for key in ("https", "httpsRefreshInterval", "ui"):
            gone.remove(key)
        assert gone.source == source

    def test_single_sign_on(self, version: str, stock: dict[str, bytes]) -> None:
        """It comes beside the local users, stays as it is, and leaves them as they were."""
        local = edited(stock[version], {**SINGLE_SIGN_ON, "oidc": {}}).source
        document = edited(local, SINGLE_SIGN_ON)
        assert document.source.count(b"nodelogin/oidc/editor.js") == 2
        assert edited(document.source, SINGLE_SIGN_ON).source == document.source
        assert edited(document.source, {**SINGLE_SIGN_ON, "oidc": {}}).source == local


@pytest.mark.parametrize("version", EXAMPLES)
def test_a_key_stands_directly_below_its_example(version: str, stock: dict[str, bytes]) -> None:
    places = added(stock[version], edited(stock[version], NEW_KEYS).source)
    for key, line in EXAMPLES[version].items():
        # What no stock file has an example of follows what it belongs to, or is at the end of the file.
        expected = [key, "pifleetVerifyLogin"] if key == "httpNodeAuth" else [key]
        assert [found for found in keys_of(places[line]) if found != "ui"] == expected
        assert places[line].startswith(b"    " + key.encode())
