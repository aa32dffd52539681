# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each rule about settings.js: one file that breaks it, the line that is named, and one that does not."""

from __future__ import annotations

import datetime
import pathlib
import random
import subprocess
import typing as t

import pytest
from stopwatch import times_as_long

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import well_known_passwords
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.passwords import hash_password
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import parse
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules import certificates
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.registry import RULES_OF_SETTINGS
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.settings import check_settings

TODAY = datetime.date(2026, 11, 23)
#: Of a password that nobody guesses.
HASH = "$2b$08$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232"
#: In the example of every stock file; its password is `password`.
SAMPLE = "$2a$08$zZWtXTja0fB1pzD4sHCMyOCMYz2Z6dNbM6tl8sJogENOMcxWV9DN."
MD5 = "21232f297a57a5a743894a0e4a801fc4"
COSTLY = HASH.replace("$08$", "$13$")
CHEAP = HASH.replace("$08$", "$04$")

#: A file without any fault, also in a repository: one setting on each line.
GOOD = {
    "uiPort": "1880",
    "adminAuth": f'{{type: "credentials", users: [{{username: "admin", password: "{HASH}", permissions: "*"}}]}}',
    "https": 'function() { return { key: read("key.pem"), cert: read("cert.pem") }; }',
    "httpNodeAuth": f'{{user: "fred", pass: "{HASH}"}}',
    "credentialSecret": "process.env.NODE_RED_CREDENTIAL_SECRET",
    "functionGlobalContext": "{}",
    "exportGlobalContextKeys": "false",
}
REMOVED = None


def users(*entries: str, more: str = "") -> str:
    return '{{type: "credentials", users: [{}]{}}}'.format(", ".join(entries), more)


def user(name: str = "admin", password: str = HASH, permissions: str = '"*"') -> str:
    return f'{{username: "{name}", password: "{password}", permissions: {permissions}}}'


def source(changes: dict[str, t.Any] | None = None, after: str = "") -> bytes:
    settings = {**GOOD, **(changes or {})}
    lines = [f"    {key}: {value}," for key, value in settings.items() if value is not REMOVED]
    return "\n".join(["module.exports = {", *lines, "}", after]).encode("utf-8")


def line_of(text: bytes, key: str) -> int:
    return next(
        (number for number, line in enumerate(text.decode().splitlines(), 1) if line.lstrip().startswith(f"{key}:")), 1
    )


def found(text: bytes, in_repository: bool = False) -> list[Finding]:
    return check_settings(text, "kitchen", "settings.js", TODAY, in_repository)


def identifiers(text: bytes, in_repository: bool = False) -> list[str]:
    return [finding.rule.identifier for finding in found(text, in_repository)]


def login(password: str = HASH, user: str = "fred") -> str:
    return f'{{user: "{user}", pass: "{password}"}}'


# The rule, the setting that its line belongs to, and what differs from the good file.
FAULTS = [
    ("admin-auth-missing", "adminAuth", {"adminAuth": REMOVED}),
    ("admin-auth-missing", "adminAuth", {"adminAuth": "null"}),
    ("admin-auth-missing", "adminAuth", {"adminAuth": "false"}),
    ("admin-auth-missing", "adminAuth", {"adminAuth": "undefined"}),
    ("admin-auth-missing", "adminAuth", {"adminAuth": '""'}),
    ("admin-auth-locked-out", "adminAuth", {"adminAuth": "{}"}),
    ("admin-auth-locked-out", "adminAuth", {"adminAuth": "true"}),
    ("admin-auth-locked-out", "adminAuth", {"adminAuth": "function() {}"}),
    ("admin-auth-locked-out", "adminAuth", {"adminAuth": users()}),
    ("admin-auth-locked-out", "adminAuth", {"adminAuth": f'{{type: "credential", users: [{user()}]}}'}),
    ("admin-auth-locked-out", "adminAuth", {"adminAuth": f"{{users: [{user()}]}}"}),
    ("admin-auth-locked-out", "adminAuth", {"adminAuth": '{type: "credentials"}'}),
    ("admin-auth-unknown", "adminAuth", {"adminAuth": 'require("./auth.js")'}),
    ("admin-auth-locked-out", "adminAuth", {"adminAuth": '{type: "credentials", users: undefined}'}),
    ("node-cors-any-origin", "httpNodeCors", {"httpNodeCors": "{origin: undefined}"}),
    ("node-cors-any-origin", "httpNodeCors", {"httpNodeCors": '{origin: process.env.ORIGIN || "*"}'}),
    ("anonymous-read", "adminAuth", {"adminAuth": users(user(), more=', default: {permissions: "read"}')}),
    ("anonymous-read", "adminAuth", {"adminAuth": users(user(), more=', default: {permissions: ["flows.read"]}')}),
    ("anonymous-read", "adminAuth", {"adminAuth": users(user(), more=", default: function() {}")}),
    ("anonymous-write", "adminAuth", {"adminAuth": users(user(), more=', default: {permissions: "*"}')}),
    ("anonymous-write", "adminAuth", {"adminAuth": users(user(), more=', default: {permissions: ["flows.write"]}')}),
    ("http-admin-auth-deprecated", "httpAdminAuth", {"adminAuth": REMOVED, "httpAdminAuth": login()}),
    ("http-admin-auth-deprecated", "httpAuth", {"httpAuth": login()}),
    ("admin-user-malformed", "adminAuth", {"adminAuth": users(f'{{password: "{HASH}", permissions: "*"}}')}),
    ("admin-user-malformed", "adminAuth", {"adminAuth": users('"admin"')}),
    ("admin-user-duplicate", "adminAuth", {"adminAuth": users(user(), user())}),
    ("admin-user-without-password", "adminAuth", {"adminAuth": users('{username: "admin", permissions: "*"}')}),
    ("admin-user-without-password", "adminAuth", {"adminAuth": users(user(password=""))}),
    ("admin-user-without-permissions", "adminAuth", {"adminAuth": users(f'{{username: "admin", password: "{HASH}"}}')}),
    ("admin-user-without-permissions", "adminAuth", {"adminAuth": users(user(permissions="[]"))}),
    ("permission-ignored", "adminAuth", {"adminAuth": users(user(permissions='"flows.*"'))}),
    ("permission-ignored", "adminAuth", {"adminAuth": users(user(permissions='["read", "admin"]'))}),
    (
        "static-tokens",
        "adminAuth",
        {"adminAuth": users(user(), more=', tokens: [{token: "token-only-for-tests", user: "admin", scope: "*"}]')},
    ),
    ("admin-auth-tokens-code", "adminAuth", {"adminAuth": "{tokens: function() {}}"}),
    ("admin-auth-tokens-code", "adminAuth", {"adminAuth": users(user(), more=", tokens: function(token) {}")}),
    ("admin-auth-tokens-code", "adminAuth", {"adminAuth": users(user(), more=", tokens(token) {}")}),
    ("admin-auth-tokens-code", "adminAuth", {"adminAuth": users(user(), more=', tokens: require("./tokens")')}),
    ("admin-auth-tokens-code", "adminAuth", {"adminAuth": '{type: "strategy", strategy: {}, tokens: check}'}),
    ("admin-auth-authenticate-code", "adminAuth", {"adminAuth": users(user(), more=", authenticate: function() {}")}),
    ("admin-auth-authenticate-code", "adminAuth", {"adminAuth": users(user(), more=", async authenticate(u, p) {}")}),
    ("admin-auth-authenticate-code", "adminAuth", {"adminAuth": f"{{type: x, users: {user()}, authenticate: f}}"}),
    ("session-long", "adminAuth", {"adminAuth": users(user(), more=", sessionExpiryTime: 31536000")}),
    ("password-well-known", "adminAuth", {"adminAuth": users(user(password=SAMPLE))}),
    ("password-well-known", "adminAuth", {"adminAuth": users(user(password=hash_password("raspberry", 8)))}),
    ("password-well-known", "adminAuth", {"adminAuth": users(user("olaf", hash_password("olaf", 8)))}),
    ("password-well-known", "adminAuth", {"adminAuth": users(user(password=hash_password("password", 10)))}),
    ("password-well-known", "httpNodeAuth", {"httpNodeAuth": login(SAMPLE)}),
    ("password-well-known", "httpNodeAuth", {"httpNodeAuth": login("5f4dcc3b5aa765d61d8327deb882cf99")}),
    ("password-plain-text", "adminAuth", {"adminAuth": users(user(password="plain-only-for-tests"))}),
    ("password-in-comment", "adminAuth", {"adminAuth": users(user()) + "/* password: Summer2024 */"}),
    ("password-in-comment", "adminAuth", {"adminAuth": users(user() + " /* hash of Summer2024 */")}),
    ("password-in-comment", "adminAuth", {"adminAuth": users(user() + ' /* the pw is "summer" */')}),
    ("password-in-comment", "adminAuth", {"adminAuth": users(user() + "/* password:\n * Secret123 */")}),
    ("password-in-comment", "httpNodeAuth", {"httpNodeAuth": login() + " /* pass = letMeIn! */"}),
    (
        "password-plain-text",
        "adminAuth",
        {"adminAuth": users('{username: process.env.U, password: "plain-only-for-tests"}')},
    ),
    (
        "password-plain-text",
        "adminAuth",
        {"adminAuth": users("{username: 'a', password: require('bcryptjs').hashSync(process.env.P || 'plain-1', 8)}")},
    ),
    (
        "password-plain-text",
        "adminAuth",
        {"adminAuth": users("{username: 'a', password: process.env.H || bcrypt.hashSync('plain-1', 8)}")},
    ),
    (
        "password-well-known",
        "adminAuth",
        {"adminAuth": users("{username: 'a', password: bcrypt.hashSync('admin', 8), permissions: '*'}")},
    ),
    ("password-plain-text", "httpNodeAuth", {"httpNodeAuth": login("plain-only-for-tests")}),
    ("password-hash-malformed", "adminAuth", {"adminAuth": users(user(password=HASH[:-1]))}),
    ("password-hash-malformed", "adminAuth", {"adminAuth": users(user(password=HASH + "\\n"))}),
    ("password-hash-malformed", "adminAuth", {"adminAuth": users(user(password=MD5))}),
    ("password-hash-2y", "adminAuth", {"adminAuth": users(user(password=HASH.replace("$2b$", "$2y$")))}),
    ("password-hash-md5", "httpNodeAuth", {"httpNodeAuth": login(MD5)}),
    ("password-hash-weak", "adminAuth", {"adminAuth": users(user(password=CHEAP))}),
    ("password-hash-slow", "httpNodeAuth", {"httpNodeAuth": login(COSTLY)}),
    ("node-auth-missing", "httpNodeAuth", {"httpNodeAuth": REMOVED, "ui": '{path: "ui"}'}),
    ("node-auth-malformed", "httpNodeAuth", {"httpNodeAuth": f'{{username: "fred", password: "{HASH}"}}'}),
    ("node-auth-malformed", "httpNodeAuth", {"httpNodeAuth": f"[{login()}]"}),
    ("node-auth-malformed", "httpStaticAuth", {"httpStatic": '"/srv"', "httpStaticAuth": "true"}),
    ("static-auth-missing", "httpStatic", {"httpNodeAuth": REMOVED, "httpStatic": '"/srv"'}),
    ("static-auth-missing", "httpStatic", {"httpNodeRoot": '"/api"', "httpStatic": '"/srv"'}),
    ("static-auth-unused", "httpStaticAuth", {"httpStaticAuth": login()}),
    ("basic-login-clash", "httpStaticAuth", {"httpStatic": '"/srv"', "httpStaticAuth": login(user="eve")}),
    ("websocket-unprotected", "ui", {"ui": '{path: "ui"}'}),
    ("websocket-unprotected", "dashboard", {"dashboard": "{middleware: f}"}),
    ("setting-wrong-case", "adminauth", {"adminAuth": REMOVED, "adminauth": users(user())}),
    ("setting-wrong-case", "HTTPS", {"HTTPS": "{}"}),
    # What counts where a variable is not set.
    (
        "credential-secret-weak",
        "credentialSecret",
        {"credentialSecret": "process.env.A || process.env.B || 'change-me'"},
    ),
    ("node-cors-any-origin", "httpNodeCors", {"httpNodeCors": "{origin: process.env.ORIGIN ?? '*'}"}),
    (
        "password-plain-text",
        "adminAuth",
        {
            "adminAuth": '{type: "credentials", users: [{username: process.env.A || "a", password: process.env.P || "open sesame"'
            ', permissions: "*"}]}'
        },
    ),
    # Written out as nothing.
    ("https-missing", "https", {"https": "undefined"}),
    ("https-missing", "https", {"https": "void 0 /* later */"}),
    ("admin-auth-missing", "adminAuth", {"adminAuth": "undefined"}),
    ("https-missing", "https", {"https": REMOVED}),
    ("https-missing", "https", {"https": "null"}),
    ("https-malformed", "https", {"https": "{}"}),
    ("https-malformed", "https", {"https": "true"}),
    ("https-malformed", "https", {"https": '{key: read("key.pem")}'}),
    ("https-path", "https", {"https": '{key: k, cert: "/etc/cert.pem"}'}),
    (
        "https-function-returns-nothing",
        "https",
        {"https": "function() {\n        return\n        ({ key: 1, cert: 2 });\n    }"},
    ),
    ("https-function-returns-nothing", "https", {"https": "function() { read(); }"}),
    ("https-function-returns-nothing", "https", {"https": "() => null"}),
    ("https-function-returns-nothing", "https", {"https": "function() { return; }"}),
    ("https-old-protocol", "https", {"https": '{key: k, cert: c, minVersion: "TLSv1"}'}),
    ("https-old-protocol", "https", {"https": 'function() { return {key: k, cert: c, minVersion: "TLSv1.1"}; }'}),
    ("https-refresh-ignored", "httpsRefreshInterval", {"https": "{key: k, cert: c}", "httpsRefreshInterval": "12"}),
    ("private-key-in-file", "https", {"https": '{key: "-----BEGIN PRIVATE KEY-----\\nx", cert: c}'}),
    ("require-https-misunderstood", "requireHttps", {"requireHttps": "true"}),
    ("require-https-misunderstood", "requireHttps", {"https": REMOVED, "requireHttps": "true"}),
    ("require-https-misunderstood", "requireHttps", {"requireHttps": '"true"'}),
    ("credential-secret-off", "credentialSecret", {"credentialSecret": "false"}),
    ("credential-secret-weak", "credentialSecret", {"credentialSecret": '"short"'}),
    ("credential-secret-weak", "credentialSecret", {"credentialSecret": '"a-secret-key"'}),
    ("credential-secret-weak", "credentialSecret", {"credentialSecret": f'"{HASH}"'}),
    (
        "credential-secret-weak",
        "credentialSecret",
        {"httpNodeAuth": login(user="a-name-that-is-long"), "credentialSecret": '"a-name-that-is-long"'},
    ),
    ("node-cors-any-origin", "httpNodeCors", {"httpNodeCors": '{origin: "*"}'}),
    ("node-cors-any-origin", "httpNodeCors", {"httpNodeCors": '{methods: "GET"}'}),
    ("admin-cors-any-origin", "httpAdminCors", {"httpAdminCors": "{origin: true}"}),
    ("modules-installable", "externalModules", {"adminAuth": REMOVED, "externalModules": "{}"}),
    (
        "function-modules-bypass",
        "functionExternalModules",
        {"adminAuth": users(user(), user("eve", permissions='["flows.write"]')), "functionExternalModules": "true"},
    ),
    ("modules-auto-install", "externalModules", {"externalModules": "{autoInstall: true}"}),
    ("global-context-module", "functionGlobalContext", {"functionGlobalContext": "{os: require('os')}"}),
    ("global-context-module", "functionGlobalContext", {"functionGlobalContext": '{c: require("node:child_process")}'}),
    (
        "global-context-exported",
        "exportGlobalContextKeys",
        {"functionGlobalContext": "{name: 1}", "exportGlobalContextKeys": "true"},
    ),
    (
        "global-context-exported",
        "functionGlobalContext",
        {"functionGlobalContext": "{name: 1}", "exportGlobalContextKeys": REMOVED},
    ),
    (
        "tls-local-files",
        "tlsConfigDisableLocalFiles",
        {
            "adminAuth": users(user(), user("eve", permissions='["read", "flows.write", "nodes.write"]')),
            "tlsConfigDisableLocalFiles": "false",
        },
    ),
    ("projects-enabled", "editorTheme", {"editorTheme": "{projects: {enabled: true}}"}),
    ("diagnostics-open", "adminAuth", {"adminAuth": users(user(), more=', default: {permissions: "read"}')}),
    ("runtime-state-control", "runtimeState", {"runtimeState": "{enabled: true, ui: true}"}),
    ("telemetry-enabled", "telemetry", {"telemetry": "{enabled: true}"}),
    ("storage-elsewhere", "storageModule", {"storageModule": 'require("./db")'}),
    ("port-malformed", "uiPort", {"uiPort": '"abc"'}),
    ("port-malformed", "uiPort", {"uiPort": "70000"}),
]

# The rule, and a whole file that breaks it on the given line.
FILES = [
    (
        "admin-auth-missing",
        2,
        b"const config = require('/config/settings.js');\nconfig.adminAuth = null;\nmodule.exports = config;\n",
    ),
    ("settings-not-exported", None, b""),
    ("settings-not-exported", 1, b"module.exports = function() {}"),
    ("settings-not-exported", 1, b"module.exports = (async () => ({}))()"),
    ("settings-not-exported", None, b"// nothing but a comment\n"),
    ("settings-not-analysed", 1, b"module.exports = Object.freeze({})"),
    ("settings-not-analysed", 2, b"module.exports = {\n  a: [1}\n"),
    ("settings-not-analysed", 1, b"module.exports = { a: '\xff' }"),
    ("settings-not-analysed", 1, b"export default {}"),
    ("setting-duplicate", 4, b"module.exports = {\n https: f,\n uiPort: 1,\n https: g,\n}"),
    (
        "setting-overridable",
        1,
        source().replace(b"\n", b"").replace(b"\n}", b"...local }").replace(b",}", b", ...local}"),
    ),
    (
        "password-in-comment",
        2,
        b"module.exports = {\n    // password: Secret123\n    httpNodeAuth: { user: 'a', pass: process.env.H } }",
    ),
    ("settings-not-exported", 2, b"const s = { uiPort: 1881 }\nexports.default = s"),
    ("settings-not-exported", 1, b"module.exports = { default: { uiPort: 1881 } }"),
    ("setting-overridable", 2, b"const s = { adminAuth: {} }\nif (x) { s.adminAuth = null }\nmodule.exports = s"),
    ("setting-overridable", 2, b"const s = { https: f }\nchange(s)\nmodule.exports = s"),
    ("admin-auth-unknown", 1, b"module.exports = { ...require('./base') }"),
]


@pytest.mark.parametrize(
    "text",
    [
        b"const s = { uiPort: 1881 };\nmodule.exports = s;\nmodule.exports.default = s;",
        b"module.exports = { uiPort: 1880, default: 'x' }",
        b"module.exports = { default: undefined }",
        b"module.exports = { ...require('./base') }",
    ],
)
def test_a_default_beside_settings_is_for_others(text: bytes) -> None:
    assert "settings-not-exported" not in identifiers(text)


def test_a_spread_is_no_storage_module() -> None:
    assert "storage-elsewhere" not in identifiers(b"module.exports = { ...require('./base') }")


# The rule, and what differs from the good file in a repository.
IN_REPOSITORY = [
    ("credential-secret-in-repository", {"credentialSecret": '"a long secret-only-for-tests"'}),
    ("credential-secret-absent", {"credentialSecret": REMOVED}),
    ("credential-secret-absent", {"credentialSecret": "process.env.SECRET || undefined"}),
    ("node-auth-missing", {"httpNodeAuth": REMOVED}),
    ("settings-unknown", {"httpNodeAuth": REMOVED, "[computed]": "1"}),
    ("settings-unknown", {"https": REMOVED, "[`a${b}`]": "1"}),
    ("credential-secret-in-repository", {"credentialSecret": 'process.env.SECRET || "a long secret-only-for-tests"'}),
]

# What the message about a login that is missing says more, where code of the owner's own may ask for one.
OWN_LOGINS = [
    (
        {"dashboard": '{middleware: require("./login")}'},
        "Whether dashboard.middleware asks for a login, only running it tells.",
    ),
    ({"ui": "{middleware: (q, r, n) => n()}"}, "Whether ui.middleware asks"),
    ({"ui": "{}", "httpNodeMiddleware": "[f, g]"}, "httpNodeAuth is not set."),
]


@pytest.mark.parametrize(("changes", "said"), OWN_LOGINS)
def test_a_login_of_ones_own_may_be_there(changes: dict[str, t.Any], said: str) -> None:
    (message,) = [
        finding.message
        for finding in found(source({"httpNodeAuth": REMOVED, **changes}))
        if finding.rule.identifier == "node-auth-missing"
    ]
    assert said in message


# What looks like a fault and is none.
HARMLESS = [
    {},
    {"adminAuth": users(user("a", permissions='["read", "inject.write", "*.read"]'))},
    {"adminAuth": f'{{type: "credentials", users: {user()}}}'},
    {"adminAuth": '{type: "credentials", users: function() {}, authenticate: function() {}}'},
    {"adminAuth": '{type: "strategy", strategy: {name: "x"}}'},
    {"adminAuth": users(user(), more=", tokens: undefined, authenticate: undefined")},
    {"adminAuth": users(user(), more=", default: undefined")},
    {"adminAuth": users("{username: 'a', password: bcrypt.hashSync(process.env.P, 8), permissions: '*'}")},
    {"adminAuth": users(user() + " /* password: generated by node-red admin hash-pw */")},
    {"adminAuth": users(user() + " /* password hash of the user, see the wiki */")},
    {"adminAuth": users(user() + " /* password: '{{ hash }}' */")},
    *(
        {"adminAuth": users(user() + f" /* {said} */")}
        for said in (
            "password: process.env.ADMIN_PASS",
            "the password is Base64-encoded",
            "password is SHA256",
            "password is BCrypt",
            "password: <your-Password>",
            "password: ask_the_admin",
            "hash of Node-RED's password",
            "password: https://vault.example.com/1?y",
            "default password: none!",
            "hash for 'bob1234'",
            f"{{user: 'bob', pass: '{HASH}'}}",
            f'pass:"{HASH}"}},',
        )
    ),
    {"adminAuth": users(user(password="{{ hash }}x"))},
    *({"httpNodeAuth": f"{{user: 'a', pass: '{unfilled}'}}"} for unfilled in ("%PW%", "__PW__", "$PW")),
    {"uiPort": "1880 /* password: Summer2024 */"},
    {"adminAuth": users(user(password="{{ hash }}"))},
    {"adminAuth": users(user("{{ name }}", "{{ hash }}"))},
    {"httpNodeAuth": "{user: '${USER}', pass: '${HASH}'}"},
    {"credentialSecret": "'<%= it %>'"},
    {"adminAuth": users(user(), more=', default: {permissions: ""}, sessionExpiryTime: 86400')},
    {"adminAuth": REMOVED, "httpAdminRoot": "false"},
    {"https": REMOVED, "uiHost": '"127.0.0.1"'},
    {"https": REMOVED, "uiHost": '"::1"', "requireHttps": "true"},
    {"https": "async function() { await read(); }"},
    {"https": "() => ({ key: k, cert: c })"},
    {"https": "function() { if (x) { return { key: k }; } return null; }"},
    {"https() { return {}; }, other": "1", "https": REMOVED},
    {"https": "{pfx: p, passphrase: process.env.P}"},
    {"httpNodeAuth": "[function() {}]"},
    {"httpNodeAuth": "function() {}"},
    {"httpNodeAuth": "{user: process.env.U, pass: process.env.P}"},
    {"httpStatic": '"/srv"'},
    {"httpStatic": '"/srv"', "httpStaticAuth": login()},
    {"httpStatic": '[{path: "/srv", root: "/doc/"}]', "httpNodeRoot": '"/api"', "httpStaticAuth": login(user="eve")},
    {"ui": "{ioMiddleware: f}", "dashboard": "{ioMiddleware: f}"},
    {"credentialSecret": '"a long secret-only-for-tests"'},
    {"credentialSecret": REMOVED},
    {"httpNodeCors": '{origin: "https://example.com"}'},
    {"functionGlobalContext": "{ /* os: require('os') */ }"},
    {"functionGlobalContext": "{name: 1}"},
    {"functionExternalModules": "true", "externalModules": "{palette: {allowInstall: true}}"},
    {
        "editorTheme": "{projects: {enabled: false}}",
        "diagnostics": "{enabled: true, ui: true}",
        "runtimeState": "{enabled: false, ui: false}",
        "tlsConfigDisableLocalFiles": "false",
    },
    {"uiPort": "process.env.PORT || 1880"},
    {"uiPort": '"1880"'},
]


@pytest.mark.parametrize(("rule", "key", "changes"), FAULTS)
def test_a_fault_is_found_on_its_line(rule: str, key: str, changes: dict[str, t.Any]) -> None:
    text = source(changes)
    lines = [finding.location.line for finding in found(text) if finding.rule.identifier == rule]
    assert lines == [line_of(text, key)], identifiers(text)


@pytest.mark.parametrize(("rule", "line", "text"), FILES)
def test_a_whole_file_with_a_fault(rule: str, line: int | None, text: bytes) -> None:
    assert (rule, line) in [(finding.rule.identifier, finding.location.line) for finding in found(text)], found(text)


@pytest.mark.parametrize(("rule", "changes"), IN_REPOSITORY)
def test_a_fault_only_in_a_repository(rule: str, changes: dict[str, t.Any]) -> None:
    assert rule in identifiers(source(changes), in_repository=True)
    assert rule not in identifiers(source(changes))


@pytest.mark.parametrize(
    "code",
    [
        "get adminAuth() { return null }",
        'get ["adminAuth"]() { return { type: "credentials" } }',
        "adminAuth: {}, get adminAuth() { return null }",
        "set adminAuth(value) {}",
        "...base",
        "[name]: null",
        "adminAuth: { ...base }",
        f"adminAuth: {{ users: [{user()}], ...base }}",
        'adminAuth: { type: "credential", [name]: [] }',
        "...{ get adminAuth() { return null } }",
    ],
)
def test_what_only_the_running_code_tells_is_unknown(code: str) -> None:
    """It may be open, closed, or let nobody in."""
    text = source({"adminAuth": REMOVED}, "").replace(
        b"module.exports = {", f"module.exports = {{\n    {code},".encode()
    )
    assert [name for name in identifiers(text) if name.startswith("admin-auth")] == ["admin-auth-unknown"]


@pytest.mark.parametrize("changes", HARMLESS)
def test_what_is_no_fault(changes: dict[str, t.Any]) -> None:
    assert identifiers(source(changes)) == []


def test_the_good_file_is_good_in_a_repository() -> None:
    assert identifiers(source(), in_repository=True) == []


def test_every_rule_is_broken_once_here() -> None:
    tested = {fault[0] for fault in (*FAULTS, *FILES, *IN_REPOSITORY)}
    assert tested == {*RULES_OF_SETTINGS} - {*certificates.RULES}


def test_every_fault_has_a_fingerprint_of_its_own() -> None:
    text = source({"adminAuth": users(user("a", CHEAP), user("b", CHEAP), user("c", CHEAP, '["x.*", "y.*"]'))})
    fingerprints = [finding.fingerprint for finding in found(text)]
    assert len(set(fingerprints)) == len(fingerprints) == 5


def test_a_fingerprint_outlives_lines_that_move() -> None:
    changes = {"adminAuth": users(user("a", CHEAP))}
    moved = found(b"// a comment\n\n" + source(changes))
    assert [finding.fingerprint for finding in moved] == [finding.fingerprint for finding in found(source(changes))]
    lines = [findings[0].location.line for findings in (moved, found(source(changes)))]
    assert lines[0] is not None
    assert lines[1] is not None
    assert lines[0] == lines[1] + 2


def test_no_finding_has_a_secret() -> None:
    secret = "plain-only-for-tests"
    text = source(
        {
            "adminAuth": users(
                user("a", secret), user("b", HASH), user("c", MD5), more=f', tokens: [{{token: "{secret}"}}]'
            ),
            "httpNodeAuth": login(secret),
            "credentialSecret": '"sesame"',
            "https": f'{{key: "{secret}", cert: "{secret}"}}',
        }
    )
    expected = repr(found(text, in_repository=True))
    assert len(found(text)) > 6
    for hidden in (secret, HASH, MD5, "sesame"):
        assert hidden not in expected


def test_names_out_of_a_file_can_be_printed() -> None:
    text = source({"adminAuth": users(user("\\ud800\\u001b[31m" + "x" * 200, "y", "[]"))})
    for finding in found(text):
        assert f"{finding.message}{finding.detail}".isprintable()
        assert len(finding.message) < 200
        assert finding.fingerprint


@pytest.mark.slow
def test_guessing_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file with many hashes may cost, in rounds of bcrypt."""
    guesses = []
    monkeypatch.setattr(well_known_passwords, "fits", lambda password, _hash: guesses.append(password))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    hashes = [
        f"$2b$08$abcdefghijklmnopqrstuu{first}{second}CDEFGHIJKLMNOPQRSTUVWXYZ0123x"
        for first in alphabet
        for second in alphabet
    ]

    def check(count: int) -> None:
        text = source({"adminAuth": users(*(user(f"u{number}", each) for number, each in enumerate(hashes[:count])))})
        guesses.clear()
        monkeypatch.setattr(well_known_passwords, "_spent", 0)
        found(text)

    check(len(hashes))
    assert len(guesses) == 256
    # Thirteen times as many hashes.
    assert times_as_long(lambda: check(len(hashes)), lambda: check(len(hashes) // 13)) < 4 * 13


def test_a_costly_hash_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    guesses = []
    monkeypatch.setattr(well_known_passwords, "fits", lambda password, _hash: guesses.append(password))
    found(source({"httpNodeAuth": login(HASH.replace("$08$", "$31$"))}))
    assert not any(guesses)


def test_certificate_in_the_file(tmp_path: pathlib.Path) -> None:
    certificate = tmp_path / "cert.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:1024",
            "-nodes",
            "-keyout",
            tmp_path / "key.pem",
            "-out",
            certificate,
            "-subj",
            "/CN=kitchen",
            "-days",
            "1",
        ],
        check=True,
        capture_output=True,
    )
    text = certificate.read_text("ascii").replace("\n", "\\n")
    expected = identifiers(source({"https": f'{{key: k, cert: "{text}"}}'}))
    assert {"certificate-weak-key", "certificate-without-san", "certificate-self-signed"} <= set(expected)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_bytes_nothing_is_raised(seed: int) -> None:
    """Noise, and a good file with a few bytes changed, cut or doubled."""
    chance = random.Random(seed)
    good = source(
        {"adminAuth": users(user(), more=', default: {permissions: "read"}')}, "if (a) { module.exports.x = 1 }"
    )
    for _round in range(60):
        text = bytearray(good)
        for _change in range(chance.randint(1, 4)):
            position = chance.randrange(len(text))
            text[position : position + chance.randint(0, 40)] = chance.randbytes(chance.randint(0, 3))
        for each in (bytes(text), chance.randbytes(chance.randint(0, 300)), good[: chance.randrange(len(good))]):
            assert all(finding.fingerprint and finding.message for finding in found(each, in_repository=True))


@pytest.mark.parametrize(
    "text",
    [
        b"(" * 20000,
        b"module.exports = " + b"[" * 5000,
        b"module.exports = {a: " + b"{a: " * 3000 + b"}" * 3001,
        b"module.exports = { https: " + b"(" * 3000 + b"f" + b")" * 3000 + b"}",
        b"\xef\xbb\xbf",
        b"\0" * 1000,
        b"module.exports = { https: " + b"function() { return " * 1500 + b"1" + b"}" * 1500 + b"}",
        b"module.exports = { adminAuth: {type: 'credentials', users: [" + b"[" * 500 + b"]" * 500 + b"]}}",
    ],
)
def test_deep_nesting_and_odd_bytes(text: bytes) -> None:
    assert found(text)


@pytest.mark.slow
def test_checking_takes_little_more_than_parsing() -> None:
    text = source() + b"\n" + b"// a comment as in the stock file, which is long\n" * 500
    assert times_as_long(lambda: found(text, in_repository=True), lambda: parse(text), 10) < 20
