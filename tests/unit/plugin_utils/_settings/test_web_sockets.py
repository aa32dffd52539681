# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login of httpNodeAuth is asked for on web sockets too: by functions that Node.js runs here."""

from __future__ import annotations

import base64
import json
import pathlib
import subprocess
import typing as t

import pytest
from settings_options import make_options

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import advice
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import DesiredSettings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING

PASSWORD = "dashboard-only-for-tests: with a colon"
OWN = "(info) => info.secure"

#: Stands for red.js, the program that loads the settings and has bcryptjs beside it.
MAIN = """
const settings = require(process.argv[2]);
const ask = async ({encrypted, ...headers}) => {
    const request = {headers, socket: {encrypted}};
    return [
        await new Promise((resolve) => settings.webSocketNodeVerifyClient(
            {req: request}, (fits, status, message, more) =>
                resolve(fits ? 101 : `${status} ${more["WWW-Authenticate"]}`))),
        await new Promise((resolve) => settings.ui.ioMiddleware(
            {request}, (error) => resolve(error ? error.message : "in"))),
    ];
};
(async () => {
    const answers = [];
    for (const headers of JSON.parse(process.argv[3])) { answers.push(await ask(headers)); }
    console.log(JSON.stringify({answers, compared: require("bcryptjs").compared}));
})();
"""
#: Takes a hash for the password behind a `#`.
BCRYPTJS = """
exports.compared = 0;
exports.compare = (sent, hash, done) => {
    exports.compared += 1;
    setImmediate(() => hash.includes("#") ? done(null, "#" + sent === hash) : done(new Error("no hash")));
};
"""
#: Beside headers: the request came over TLS.
TLS = {"encrypted": True}
IN, OUT = [101, "in"], ['401 Basic realm="Authorization Required"', "Unauthorized"]


def applied(source: bytes = b"module.exports = {\n}\n", **given: t.Any) -> tuple[t.Any, ...]:
    document = SettingsDocument(source)
    desired = DesiredSettings.from_options(
        make_options(**{"node_auth": {"user": "fred", "password": PASSWORD}, **given}), "/home/pi/.node-red"
    )
    return document, advice.warnings(desired, document, apply_settings(desired, document))


def basic(user: str, password: str) -> dict[str, str]:
    """The header of a login, as HTTP has it."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def asked(folder: pathlib.Path, source: bytes, headers: list[t.Any]) -> tuple[t.Any, ...]:
    """What the functions of a settings file say to clients that send these headers, and how often they hashed."""
    library = folder / "node_modules" / "bcryptjs"
    library.mkdir(parents=True)
    (library / "index.js").write_text(BCRYPTJS, "utf-8")
    (folder / "red.js").write_text(MAIN, "utf-8")
    settings = folder / "userDir" / "settings.js"
    settings.parent.mkdir()
    settings.write_bytes(source)
    run = subprocess.run(
        ["node", folder / "red.js", settings, json.dumps(headers)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    return result["answers"], result["compared"]


def with_password(document: SettingsDocument, password: t.Any = PASSWORD) -> bytes:
    """The file with a hash that the library of these tests understands."""
    return document.source.replace(document.get("httpNodeAuth.pass").encode(), f"#{password}".encode())


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        (basic("fred", PASSWORD), IN),
        ({"authorization": basic("fred", PASSWORD)["authorization"].replace("Basic", "basic")}, IN),
        (basic("fred", "wrong"), OUT),
        (basic("fred", ""), OUT),
        (basic("Fred", PASSWORD), OUT),
        (basic("", PASSWORD), OUT),
        ({"authorization": base64.b64encode(b"fred").decode()}, OUT),
        ({"authorization": "Bearer x"}, OUT),
        ({"authorization": ""}, OUT),
        ({}, OUT),
        ({**basic("fred", PASSWORD), "origin": "https://pi.local:1880", "host": "pi.local:1880"}, IN),
        ({**basic("fred", PASSWORD), "origin": "https://other.local", "host": "pi.local:1880"}, OUT),
        ({**basic("fred", PASSWORD), "origin": "null", "host": "pi.local:1880"}, OUT),
        ({**basic("fred", PASSWORD), "origin": "pi.local:1880", "host": "pi.local:1880"}, OUT),
        ({**basic("fred", PASSWORD), "origin": "https://pi.local:1880@evil.example", "host": "pi.local:1880"}, OUT),
        ({**basic("fred", PASSWORD), "origin": "https://pi.local:1880.evil.example", "host": "pi.local:1880"}, OUT),
        ({**basic("fred", PASSWORD), "origin": "https://evil.example/pi.local:1880", "host": "pi.local:1880"}, OUT),
        # What a page of another host could make a proxy say.
        (
            {
                **basic("fred", PASSWORD),
                "origin": "https://evil.example",
                "host": "pi.local:1880",
                "x-forwarded-host": "evil.example",
            },
            OUT,
        ),
        (basic("__proto__", PASSWORD), OUT),
        (basic("__proto__", ""), OUT),
        (basic("undefined", "undefined"), OUT),
        ({**basic("fred", PASSWORD), "origin": "http://pi.local:1880", "host": "pi.local:1880"}, IN),
        ({**basic("fred", PASSWORD), **TLS}, IN),
        ({**basic("fred", PASSWORD), **TLS, "origin": "https://pi.local:1880", "host": "pi.local:1880"}, IN),
        # Who is between the browser and the host may write a page of this origin.
        ({**basic("fred", PASSWORD), **TLS, "origin": "http://pi.local:1880", "host": "pi.local:1880"}, OUT),
        (
            {
                **basic("fred", PASSWORD),
                **TLS,
                "origin": "http://pi.local:1880",
                "host": "pi.local:1880",
                "x-forwarded-proto": "http",
            },
            OUT,
        ),
    ],
)
def test_who_gets_in(tmp_path: pathlib.Path, headers: dict[str, t.Any], answer: list[t.Any]) -> None:
    document, _warnings = applied()
    assert asked(tmp_path, with_password(document), [headers])[0] == [answer]


def test_nobody_gets_in_without_the_library(tmp_path: pathlib.Path) -> None:
    source = with_password(applied()[0]).replace(b'"bcryptjs"', b'"no-such-library"')
    assert asked(tmp_path, source, [basic("fred", PASSWORD)])[0] == [OUT]


def test_a_right_password_is_hashed_once_and_a_wrong_one_each_time(tmp_path: pathlib.Path) -> None:
    right, wrong = basic("fred", PASSWORD), basic("fred", "wrong")
    answers, compared = asked(tmp_path, with_password(applied()[0]), [wrong, right, right, wrong])
    assert answers == [OUT, IN, IN, OUT]
    # Each answer is asked for twice; the first right one is computed for the first of both.
    assert compared == 2 + 1 + 0 + 2


@pytest.mark.parametrize(
    "login",
    [
        "undefined",
        "null",
        "{}",
        "{user: 'fred'}",
        "{pass: '#undefined'}",
        "{__proto__: {}, pass: '#'}",
        "(request, response, next) => next()",
    ],
)
def test_nobody_gets_in_where_there_is_no_login(tmp_path: pathlib.Path, login: str) -> None:
    source = applied()[0].source.decode() + f"\nmodule.exports.httpNodeAuth = {login};\n"
    sent = [("fred", "undefined"), ("undefined", ""), ("undefined", "undefined"), ("", ""), ("__proto__", "undefined")]
    answers, _compared = asked(tmp_path, source.encode(), [{}, *(basic(*each) for each in sent)])
    assert answers == [OUT] * (1 + len(sent))


def test_a_second_edit_changes_nothing_but_a_password() -> None:
    before, _warnings = applied()
    assert applied(before.source)[0].source == before.source
    after, _warnings = applied(before.source, node_auth={"user": "fred", "password": "another-only-for-tests"})
    assert set(after.changes()) == {"httpNodeAuth.pass"}


def test_dashboard_2_is_asked_only_where_it_has_settings_of_its_own() -> None:
    assert applied()[0].get("dashboard") is MISSING
    document, _warnings = applied(b"module.exports = {\n    dashboard: {maxHttpBufferSize: 1e8},\n}\n")
    assert "pifleetIoMiddleware" in document.get("dashboard.ioMiddleware").code


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("webSocketNodeVerifyClient", OWN),
        ("ui", f"{{ioMiddleware: {OWN}}}"),
        ("ui", "require('./ui')"),
    ],
)
def test_code_of_the_user_stays_and_is_told(key: str, code: str) -> None:
    document, warnings = applied(f"module.exports = {{\n    {key}: {code},\n}}\n".encode())
    assert f"{key}: {code}," in document.source.decode()
    assert len(warnings) == 1
    assert warnings[0].startswith(key)


def test_what_is_asked_for_otherwise_wins() -> None:
    document, warnings = applied(expressions={"webSocketNodeVerifyClient": OWN}, absent=["ui.ioMiddleware"])
    assert document.get("webSocketNodeVerifyClient").code == OWN
    assert document.get("ui.ioMiddleware") is MISSING
    assert [warning.split()[0] for warning in warnings] == ["webSocketNodeVerifyClient"]


def test_nothing_is_added_without_the_login() -> None:
    assert applied(node_auth=None)[0].source == b"module.exports = {\n}\n"


@pytest.mark.parametrize("value", [{"path": "panel"}, {}])
def test_settings_of_a_dashboard_that_say_nothing_of_it_get_the_login(value: dict[str, str]) -> None:
    document, warnings = applied(values={"ui": value, "dashboard": {"maxHttpBufferSize": 1}})
    assert "pifleetIoMiddleware" in document.get("ui.ioMiddleware").code
    assert "pifleetIoMiddleware" in document.get("dashboard.ioMiddleware").code
    assert warnings == []
    again, _warnings = applied(document.source, values={"ui": value, "dashboard": {"maxHttpBufferSize": 1}})
    assert again.source == document.source


def test_only_our_own_words_are_trusted() -> None:
    document, _warnings = applied()
    assert document.blocker("adminAuth") is None
    ours = document.get("webSocketNodeVerifyClient").code
    for code in (
        "function pifleetVerifyClient() { module.exports.adminAuth = null; }",
        ours.replace("{", "{ module.exports.adminAuth = null;", 1),
    ):
        changed = SettingsDocument(document.source + f";\n({code})();\n".encode())
        assert changed.blocker("adminAuth") is not None


#: What a former release wrote.
FORMER = """\
function pifleetVerifyLogin(request, done) {
    const origin = request.headers.origin;
    if (origin && origin.replace(/^https?:\\/\\//, "") !== request.headers.host) { return done(false); }
    const login = module.exports.httpNodeAuth || {};
    const header = request.headers.authorization || "";
    const sent = Buffer.from(header.replace(/^Basic /i, ""), "base64").toString();
    const colon = sent.indexOf(":");
    if (colon < 0 || sent.slice(0, colon) !== login.user) { return done(false); }
    if (header === pifleetVerifyLogin.accepted) { return done(true); }
    let bcrypt;
    try { bcrypt = require.main.require("bcryptjs"); } catch (error) { return done(false); }
    bcrypt.compare(sent.slice(colon + 1), String(login.pass), (error, fits) => {
        if (fits) { pifleetVerifyLogin.accepted = header; }
        done(fits === true);
    });
}"""


def test_the_function_of_a_former_release_is_replaced() -> None:
    """It reads httpNodeAuth, which would stand in the way of an edit if the function were the user's own."""
    now = applied()[0]
    code = now.get("pifleetVerifyLogin").code
    before = now.source.replace(code.encode(), FORMER.strip().encode())
    assert before != now.source
    after, warnings = applied(before, node_auth={"user": "fred", "password": "another-only-for-tests"})
    assert after.get("pifleetVerifyLogin").code == code
    assert set(after.changes()) == {"pifleetVerifyLogin", "httpNodeAuth.pass"}
    assert warnings == applied()[1]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "dashboard: { middleware: require('./login') }",
            "dashboard.middleware is code of your own and stays. If it asks",
        ),
        ("ui: { middleware: f }", "ui.middleware is code of your own"),
        ("httpNodeMiddleware: (q, r, n) => n()", "httpNodeMiddleware is code of your own"),
        ("ui: { middleware: undefined }", ""),
    ],
)
def test_a_second_login_is_told(code: str, told: str) -> None:
    _document, warnings = applied(b"module.exports = { %s }" % code.encode())
    assert bool(told) == bool(warnings)
    assert told in "".join(warnings)


@pytest.mark.parametrize("code", ["...require('./base')", "[process.env.KEY]: 1"])
def test_functions_that_code_may_bring_are_told_once(code: str) -> None:
    source = f"module.exports = {{\n    {code},\n    httpNodeAuth: {{}},\n}}\n"
    _document, warnings = applied(source.encode())
    (said,) = warnings
    assert said.startswith("line 2: what stands here may bring functions for web sockets")


@pytest.mark.parametrize(
    ("source", "follows"),
    [
        ("module.exports = {\n    httpNodeAuth: {},\n    // A port.\n    uiPort: 1880,\n}\n", "httpNodeAuth"),
        ("module.exports = {\n    httpNodeAuth: {}\n    , uiPort: 1880\n}\n", "httpNodeAuth"),
        ("module.exports = {\n    httpNodeAuth: {}, uiPort: 1880,\n}\n", "uiPort"),
        ("module.exports = {\n    httpNodeAuth: {},\n    ...{ uiPort: 1880 },\n    lang: 'de',\n}\n", "lang"),
    ],
)
def test_the_check_stands_by_the_login_that_it_checks(source: str, follows: str) -> None:
    """Behind the last key it would stand below the words of another one."""
    document = SettingsDocument(source.encode())
    document.set("pifleetVerifyLogin", True)
    keys = [member.strip(" ,") for member in document.source.decode().replace(",", "\n").splitlines()]
    names = [key.partition(":")[0] for key in keys if ":" in key and not key.startswith("...")]
    assert names[names.index("pifleetVerifyLogin") - 1] == follows
    document.take_out("pifleetVerifyLogin")
    assert document.source == source.encode()
