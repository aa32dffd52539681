# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing secret in the difference that a person is shown."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import HIDDEN
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import (
    as_yaml,
    certificate_difference,
    login_difference,
    settings_difference,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names

HASH = "$2b$08$" + "a" * 53


def test_a_new_secret_shows_as_a_difference_without_its_value() -> None:
    old, new = HASH, "$2b$08$" + "c" * 53
    shown = settings_difference(
        "settings.js", f'a: 1,\npassword: "{old}",\npass: "{old}"\n', f'a: 2,\npassword: "{new}",\npass: "{old}"\n'
    )
    assert shown["before"] == f'a: 1,\npassword: "{HIDDEN}",\npass: "{HIDDEN}"\n'
    assert shown["after"] == f'a: 2,\npassword: "{HIDDEN} (new)",\npass: "{HIDDEN}"\n'


@pytest.mark.parametrize(
    "code",
    [
        'credentialSecret: process.env.X || "hunter2"',
        "tokens: ['hunter2', other]",
        "pass: decrypt(`hunter2`)",
        'adminAuth: { tokens: function(token) { return token === "hunter2" ? user : null } }',
        'secretKey: "hunter2"',
        'awsSecretAccessKey: "hunter2"',
        'passphrase2: "hunter2"',
        '["password"]: "a" + "hunter2"',
        "privateKey: ['-----', 'hunter2'].join()",
        'pwd: "hunter2"',
        'dbPwd: "hunter2"',
        'pw: "hunter2"',
        'psk: "hunter2"',
        'wifiPSK: "hunter2"',
        'pin: "hunter2"',
        'auth: "hunter2"',
        'auth: { user: "u", pass: "hunter2" }',
        '"p\\u0061ss": "hunter2"',
        '"p\\x61ssword": "hunter2"',
        'p\\u{61}ss: "hunter2"',
        'get password() { return "hunter2" }',
        'password() { return "hunter2" }',
        'async token() { return await f("hunter2") }',
        'cookieSecret: () => "hunter2"',
        'a: (b.password ||= "hunter2")',
        'a: (b.password ??= "hunter2")',
        'a: (b["pass"] += "hunter2")',
        'a: class { static password = "hunter2" }',
        "signingKey: /hunter2/",
        "// the password is hunter2\n    a: 1",
        "/* PIN: hunter2 */ a: 1",
        "a: 1, // secret was hunter2",
    ],
)
def test_a_secret_inside_code_is_hidden(code: str) -> None:
    before = "module.exports = {\n    uiPort: 1880,\n}\n"
    shown = settings_difference("settings.js", before, before.replace("uiPort: 1880", f"uiPort: 1990,\n    {code}"))
    assert "hunter2" not in str(shown)
    assert "uiPort: 1990,\n" in shown["after"]
    assert HIDDEN + " (new)" in shown["after"]


@pytest.mark.parametrize("code", ["password: 987654", "pin: [987654]", "pin: -987654", "pass: 987654n"])
def test_a_secret_may_be_a_number(code: str) -> None:
    before = "module.exports = {\n    uiPort: 1880,\n}\n"
    shown = settings_difference("settings.js", before, before.replace("uiPort: 1880", f"uiPort: 1990, {code}"))
    assert "987654" not in str(shown)
    assert "uiPort: 1990" in shown["after"]


@pytest.mark.parametrize(
    "code", ["adminAuth: {type: 'credentials'}", "authority: 'shown'", "// a password protects it\n    a: 'shown'"]
)
def test_what_is_no_secret_is_shown(code: str) -> None:
    before = "module.exports = {\n    uiPort: 1880,\n}\n"
    after = before.replace("uiPort: 1880", f"uiPort: 1990,\n    {code}")
    assert settings_difference("settings.js", before, after)["after"] == after


@pytest.mark.parametrize(
    "assignment",
    [
        "module.exports.credentialSecret = a || 'hunter2'",
        "settings['pass'] = f('hunter2')",
        "const token = b + 'hunter2'",
    ],
)
def test_a_secret_assigned_by_code_is_hidden(assignment: str) -> None:
    text = f"const settings = module.exports = {{}}\n{assignment}\n"
    assert "hunter2" not in str(settings_difference("settings.js", text, text + "// more\n"))


@pytest.mark.parametrize("said", ["password: hunter2", "the hash of hunter2", "pin = hunter2", "hash for hunter2."])
def test_a_secret_in_a_comment_is_hidden(said: str) -> None:
    text = f"module.exports = {{\n    a: 1, // {said}\n}}\n"
    assert "hunter2" not in str(settings_difference("settings.js", text, text + "// more\n"))


def test_what_is_no_secret_is_exact() -> None:
    text = """module.exports = {
    credentialSecret: require("./secret.json")["key"] || process.env.SECRET,
    editorTheme: { page: { title: "Pi" } }, https: { key: require("fs").readFileSync("key.pem") },
    functionGlobalContext: { title: "ünï \\u00e9 /* no comment */" }, // password of the year
}
"""
    assert settings_difference("settings.js", text, text)["after"] == text


@pytest.mark.parametrize(
    "text",
    [
        "CN=pi\nissuer: CN=Node-RED fleet CA",
        "CN=pi\n---\n- a",
        "!!python/object/apply:os.system [touch planted]",
        "&a [*a, *a]",
        "{a: b}",
        "'\"\\",
        "# none",
        "\x1b[2K\u2028\x85",
        "null",
    ],
)
def test_a_certificate_is_shown_and_writes_no_line_of_its_own(text: str) -> None:
    certificate = {"subject": text, "issuer": text, "dns_names": [text, "pi.local"]}
    shown = certificate_difference("server.pem", certificate, None, Names(("pi.local",), ()))["before"]
    assert yaml.safe_load(shown) == certificate
    assert [line.split(":")[0] for line in shown.splitlines() if line[:1].isalpha()] == [*certificate]


def page(**passwords: str) -> dict[str, t.Any]:
    """What a login.json says, with these users, and what somebody else may have put there."""
    users = [
        {"username": name, "password": text, "permissions": "*", "token": HASH} for name, text in passwords.items()
    ]
    return {"title": "Kitchen", "open": ["/health"], "client_secret": HASH, "users": users}


def of_page(before: dict[str, t.Any], after: dict[str, t.Any] | None, removed: bool = False) -> dict[str, str]:
    new = {} if after is None else {"login.json": json.dumps(after).encode(), "login.js": b"new"}
    (shown,) = login_difference("/x/nodelogin", {"login.js": "0" * 64} if before else {}, before, new, removed)
    return shown


def test_a_login_page_shows_who_may_in_and_no_hash() -> None:
    other = "$2b$08$" + "c" * 53
    shown = of_page(page(fred=HASH, anna=HASH), page(fred=other, anna=HASH, wall=HASH))
    assert "$2b$" not in str(shown)
    before, after = (yaml.safe_load(shown[key]) for key in ("before", "after"))
    assert before["code"] == {"login.js": "SHA-256 " + "0" * 16}
    assert after["code"]["login.js"] != before["code"]["login.js"]
    assert {user["username"]: user["password"] for user in before["login.json"]["users"]} == {
        "fred": HIDDEN,
        "anna": HIDDEN,
    }
    assert {user["username"]: user["password"] for user in after["login.json"]["users"]} == {
        "fred": f"{HIDDEN} (new)",
        "anna": HIDDEN,
        "wall": f"{HIDDEN} (new)",
    }
    assert after["login.json"]["open"] == ["/health"]


def test_a_login_page_that_comes_or_goes() -> None:
    assert of_page({}, page(fred=HASH))["before"] == ""
    assert of_page(page(fred=HASH), None, removed=True)["after"] == ""
    assert login_difference("/x/nodelogin", {}, {}, {}, False) == []


def test_texts_of_ansible_are_texts() -> None:
    class Unsafe(str):
        """What ansible-core 2.18 makes of a fact."""

    assert as_yaml({"names": [Unsafe("pi.lan"), Unsafe("yes")]}) == "names:\n- pi.lan\n- 'yes'\n"
