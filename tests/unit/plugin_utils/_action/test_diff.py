# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing secret in what a person is shown: differences, log lines, the drop-in file's variables."""

from __future__ import annotations

import pytest
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import environment_of_file
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import HIDDEN, redact
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import settings_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service import drop_in

HASH = "$2b$08$" + "a" * 53


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f'password: "{HASH}"', HASH),
        (f"// old one: {HASH}, kept for later", HASH),
        (f"$2y$08${'b' * 53}", "b" * 53),
        ("credentialSecret: 'hunter2',", "hunter2"),
        ('"credentialSecret" : "hun\\"ter2"', 'hun\\"ter2'),
        ("        pass : `hunter2`", "hunter2"),
        ('{token:"t0ken-value",user:"ci"}', "t0ken-value"),
        ('passphrase: "several words here', "several words here"),
        ('apiKey = "k3y-value"', "k3y-value"),
        ("https://fred:hunter2@proxy.example.com:3128/", "hunter2"),
        ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----", "AAAA"),
        ("-----BEGIN PRIVATE KEY-----\nBBBB (cut off)", "BBBB"),
    ],
)
def test_a_secret_is_hidden(text, secret):
    shown = redact(text)
    assert secret not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "text",
    [
        "username: 'admin',",
        "uiPort: 1880,",
        "// See https://nodered.org/docs/security.html",
        'permissions: "*"',
        "credentialSecret: process.env.NODE_RED_CREDENTIAL_SECRET,",
        "httpNodeAuth: {user: 'fred'}",
    ],
)
def test_the_rest_is_exact(text):
    assert redact(text) == text


def test_a_new_secret_shows_as_a_difference_without_its_value():
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
    ],
)
def test_a_secret_inside_code_is_hidden(code):
    before = "module.exports = {\n    uiPort: 1880,\n}\n"
    shown = settings_difference("settings.js", before, before.replace("uiPort: 1880", f"uiPort: 1990,\n    {code}"))
    assert "hunter2" not in str(shown)
    assert "uiPort: 1990,\n" in shown["after"]
    assert HIDDEN + " (new)" in shown["after"]


@pytest.mark.parametrize(
    "assignment",
    [
        "module.exports.credentialSecret = a || 'hunter2'",
        "settings['pass'] = f('hunter2')",
        "const token = b + 'hunter2'",
    ],
)
def test_a_secret_assigned_by_code_is_hidden(assignment):
    text = f"const settings = module.exports = {{}}\n{assignment}\n"
    assert "hunter2" not in str(settings_difference("settings.js", text, text + "// more\n"))


def test_what_is_no_secret_is_exact():
    text = """module.exports = {
    credentialSecret: require("./secret.json")["key"] || process.env.SECRET,
    editorTheme: { page: { title: "Pi" } }, https: { key: require("fs").readFileSync("key.pem") },
    functionGlobalContext: { title: "ünï \\u00e9 /* no comment */" }, // password of the year
}
"""
    assert settings_difference("settings.js", text, text)["after"] == text


ENVIRONMENT = {
    "HTTPS_PROXY": 'http://u:p%40"\\x$1`@proxy:3128',
    "NODE_ENV": "production",
    "N": 1,
    "EMPTY": "",
    "S": "a 'b' #c",
}


def test_the_environment_file_means_what_was_asked_for():
    text = drop_in.environment_file(ENVIRONMENT)
    assert environment_of_file(text.encode()) == {name: str(value) for name, value in ENVIRONMENT.items()}
    assert drop_in.variable_names(text) == list(ENVIRONMENT)
    assert drop_in.environment_file({}) == ""


@pytest.mark.parametrize(
    "environment",
    [{"A B": "x"}, {"1A": "x"}, {"A": True}, {"A": None}, {"A": ["x"]}, {"A": "x\nExecStartPre=/bin/evil"}],
)
def test_variables_that_a_service_cannot_be_given(environment):
    with pytest.raises(drop_in.DropInError, match="nodered_environment"):
        drop_in.environment_file(environment)
