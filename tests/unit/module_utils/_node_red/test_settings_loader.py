# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Node.js is started under systemd: what the service's user has in its environment reaches no program of root's."""

from __future__ import annotations

import os
import pathlib
import shutil
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account, user_name
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import settings_loader
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import (
    LoadError,
    Runtime,
    ask,
    load_settings,
)

#: Writes down what it was started with.
SYSTEMD_RUN = """#!/bin/sh
env >{folder}/environment
for argument; do echo "$argument"; done >{folder}/arguments
cat >/dev/null
"""


def test_programs_of_root_have_nothing_of_the_users_environment(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, program in (("of_root", SYSTEMD_RUN.format(folder=tmp_path)), ("of_user", f"touch {tmp_path}/planted")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "systemd-run").write_text(program, "utf-8")
        (tmp_path / name / "systemd-run").chmod(0o755)
    monkeypatch.setattr(settings_loader, "_ROOT_PATH", f"{tmp_path}/of_root:/usr/bin:/bin")
    chosen = {
        "PATH": f"{tmp_path}/of_user:{os.environ['PATH']}",
        "LD_PRELOAD": "planted.so",
        "LD_LIBRARY_PATH": f"{tmp_path}/of_user",
        "NODE_OPTIONS": "--require=planted.js",
        "OPENSSL_CONF": "planted.cnf",
        "PYTHONPATH": "planted",
        "BASH_ENV": "planted",
    }
    runtime = Runtime("/usr/bin/node", chosen, "/", Account("nobody"), in_transient_unit=True)
    assert ask(runtime, "1", {}, 60) == (0, None, "")
    environment = (tmp_path / "environment").read_text("utf-8").splitlines()
    assert not [name for name in chosen if name != "PATH" and any(line.startswith(f"{name}=") for line in environment)]
    assert not [line for line in environment if "planted" in line or "of_user" in line]
    assert not (tmp_path / "planted").exists()
    arguments = (tmp_path / "arguments").read_text("utf-8").splitlines()
    assert arguments.index("--property=User=nobody") < arguments.index("/usr/bin/node")
    assert "--setenv=NODE_OPTIONS=--require=planted.js" in arguments


def loaded(folder: pathlib.Path, source: str, beside: dict[str, str], key: str = "httpNodeAuth") -> t.Any:
    """What Node.js finds in a settings file with files of the login page that are not there."""
    runtime = Runtime(
        shutil.which("node"), dict(os.environ), str(folder), Account(user_name(os.getuid())), in_transient_unit=False
    )
    path = str(folder / "settings.js")
    files = {str(folder / "nodelogin" / name): content for name, content in beside.items()}
    return load_settings(runtime, path, source.encode(), [[key]], False, 60, files)


GATE = {
    "login.js": 'exports.httpNodeAuth = require("./users.js").of(require("./login.json"));',
    "users.js": "exports.of = (data) => data.users.length ? () => {} : undefined;",
    "login.json": '{"users": [1]}',
}
SETTINGS = 'module.exports = { httpNodeAuth: require("./nodelogin/login.js").httpNodeAuth };'


@pytest.mark.parametrize("users", ["[1]", "[]"], ids=["function", "undefined"])
def test_the_login_page_is_loaded_from_memory(tmp_path: pathlib.Path, users: str) -> None:
    """Also where it gives no function, as on a release that takes none."""
    found = loaded(tmp_path, SETTINGS, {**GATE, "login.json": f'{{"users": {users}}}'})["effective"]
    assert (found["login_page"], found["node_auth"]) == (True, True)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_taken_where_there_is_nothing_newer(tmp_path: pathlib.Path) -> None:
    (tmp_path / "nodelogin").mkdir()
    for name, content in {**GATE, "login.json": "damaged"}.items():
        (tmp_path / "nodelogin" / name).write_text(content, "utf-8")
    found = loaded(tmp_path, SETTINGS, {"login.json": GATE["login.json"]})
    assert found["effective"]["login_page"]
    assert found["values"] == [{"type": "function"}]
    with pytest.raises(LoadError, match=r"login\.json"):
        loaded(tmp_path, SETTINGS, {})


@pytest.mark.parametrize(
    "source",
    [
        "module.exports = {};",
        SETTINGS + " module.exports.httpNodeAuth = () => {};",
        SETTINGS + " delete module.exports.httpNodeAuth;",
        'require("./nodelogin/login.js"); module.exports = { httpNodeAuth: { user: "a", pass: "b" } };',
    ],
)
def test_another_login_is_none_of_the_page(tmp_path: pathlib.Path, source: str) -> None:
    assert not loaded(tmp_path, source, GATE)["effective"]["login_page"]


def test_a_broken_file_is_refused_in_words_of_node(tmp_path: pathlib.Path) -> None:
    with pytest.raises(LoadError, match=r"nodelogin/users\.js:1[\s\S]*SyntaxError"):
        loaded(tmp_path, SETTINGS, {**GATE, "users.js": "const ="})


@pytest.mark.parametrize(
    ("static", "paths"),
    [
        ('"/srv"', []),
        ('[{path: "/a", root: "/a"}, {path: "/b", root: "/b", middleware: page.http}]', ["//b"]),
        ('[{path: "/b", root: "/b", middleware: [page.http, page.other]}]', ["//b"]),
        ('[{path: "/b", root: "/b", middleware: page.other}]', []),
        ('"/srv", httpStaticRoot: "/x", httpStaticAuth: {user: "a", pass: "b"}', ["/x/"]),
    ],
)
def test_files_that_ask_for_a_login(tmp_path: pathlib.Path, static: str, paths: list[str]) -> None:
    """By httpStaticAuth all of them, by the login page those with its middleware."""
    gate = {"login.js": "module.exports = { http: () => {}, other: () => {} };"}
    source = f'const page = require("./nodelogin/login.js"); module.exports = {{ httpStatic: {static} }};'
    assert loaded(tmp_path, source, gate)["effective"]["static"] == paths


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("10n", None),
        ("{a: 10n, b: 2}", {"b": 2}),
        ("[10n, 2]", [None, 2]),
        ("(() => { const a = {b: 2}; a.a = a; return a; })()", {"b": 2}),
        ("(() => { const a = [1]; a.push({a}); return a; })()", [1, {}]),
        # The same twice is no circle.
        ("(() => { const a = {b: 2}; return {c: a, d: a}; })()", {"c": {"b": 2}, "d": {"b": 2}}),
        ("{get a() { throw new Error('no'); }, b: 2}", {"b": 2}),
        ("{toJSON() { throw new Error('no'); }, b: 2}", {"b": 2}),
        ("Symbol('a')", None),
    ],
)
def test_values_that_json_does_not_have(tmp_path: pathlib.Path, code: str, value: t.Any) -> None:
    (found,) = loaded(tmp_path, f"module.exports = {{my: {code}}}", {}, "my")["values"]
    assert found.get("value") == value


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("{uiPort: 1880n}", "uiPort is of the type bigint"),
        ("{uiHost: (() => { const a = {}; a.a = a; return a; })()}", "uiHost is of the type object"),
        ("{httpAdminRoot: () => '/'}", "httpAdminRoot is of the type function"),
        ("{get my() { throw new Error('not now'); }}", "my cannot be read: Error: not now"),
    ],
)
def test_what_node_red_could_not_use_is_named(tmp_path: pathlib.Path, settings: str, reason: str) -> None:
    with pytest.raises(LoadError) as error:
        loaded(tmp_path, f"module.exports = {settings}", {}, "my")
    assert reason in error.value.reason
