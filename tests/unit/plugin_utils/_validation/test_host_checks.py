# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a host: each rule with its fault, at its line, and silent without it."""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import socket
import typing as t

import pytest
from ansible.parsing import vault
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from inventory_files import loaded

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.passwords import hash_password
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.roles import ROLE_DEFAULTS, ROLE_OPTIONS
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Kind, Location, Subject
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import (
    HostVariables,
    is_stand_in,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules import inventory, registry
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.inventory_files import KEY_PLAIN
from ansible_collections.pifleet.nodered.plugins.plugin_utils._validation.host_checks import check_file, check_host
from ansible_collections.pifleet.nodered.plugins.plugin_utils._validation.results import (
    merge_shared_findings,
    result_data,
)

PROJECT = pathlib.Path(__file__).parents[4]
TODAY = datetime.date(2026, 11, 23)
PASSWORD = "correct horse only-for-tests"
Check = t.Callable[..., list[Finding]]
GOOD = """\
nodered_admin_users:
  - {username: admin, password: "{{ vault_admin }}", permissions: "*"}
nodered_node_auth: {user: fred, password: "{{ vault_dashboard }}"}
"""
#: Two lines: the users of a login page.
PAGE = """\
nodered_node_users:
  - {username: fred, password: "{{ vault_dashboard }}"}
"""
ADMIN = """\
nodered_admin_users:
  - {username: admin, password: "{{ vault_admin }}", permissions: "*"}
"""

#: From its third line on; one more line follows each of its lists.
SIGN_ON = (
    ADMIN
    + """\
nodered_oidc:
  name: Keycloak
  issuer: https://id.example.com/realms/home
  client_id: nodered
  client_secret: "{{ vault_client }}"
  url: https://kitchen.local:1880
"""
)


@pytest.fixture
def variables(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., HostVariables]:
    """Variables of a host, of a file `vars.yml` in the working directory."""
    monkeypatch.chdir(tmp_path)

    def of(text: str, **given: t.Any) -> HostVariables:
        (tmp_path / "vars.yml").write_text(text, "utf-8")
        # ansible-core 2.18 has a variable for what is left out.
        omit = {} if hasattr(vault, "VaultSecretsContext") else {"omit": "__omit_place_holder__"}
        raw = {
            **omit,
            "inventory_hostname": "kitchen",
            "vault_admin": PASSWORD,
            "vault_client": "client-secret-only-for-tests",
            "vault_dashboard": "battery staple only-for-tests",
            **loaded(tmp_path / "vars.yml"),
            **given,
        }
        return HostVariables(raw, Templar(loader=DataLoader()), "hosts.ini")

    return of


@pytest.fixture
def check(variables: t.Callable[..., HostVariables]) -> Check:
    def found(text: str, settings: str | None = None, **given: t.Any) -> list[Finding]:
        return check_host("kitchen", variables(text, **given), settings, TODAY)

    return found


def expected(findings: list[Finding]) -> list[tuple[str, str, int | None]]:
    return [(finding.rule.identifier, finding.location.file, finding.location.line) for finding in findings]


def test_nothing_is_wrong(check: Check) -> None:
    assert expected(check(GOOD)) == []
    assert (
        expected(check(SIGN_ON + "  editor:\n    - {group: admins, permissions: '*'}\n  dashboards: [{group: a}]\n"))
        == []
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nodered_admin_users: []\n",
        PAGE,
        SIGN_ON.removeprefix(ADMIN) + "  dashboards: [{group: family}]\n",
        "nodered_node_auth: {user: fred, password: '{{ vault_dashboard }}'}\nnodered_static: {path: /srv}\n",
        "nodered_proxy: nginx\nnodered_proxy_path: /kitchen\n",
        "nodered_settings_absent: [httpNodeAuth, httpStatic, httpStaticAuth]\n",
        "nodered_settings_absent: [adminAuth.tokens, adminAuth.sessionExpiryTime]\n",
        "nodered_settings_purge: true\nnodered_credential_secret: '{{ vault_client }}'\n",
    ],
)
def test_a_login_of_the_owner_needs_no_users(check: Check, text: str) -> None:
    assert [finding.message for finding in check("nodered_admin_auth: keep\n" + text)] == []


def test_a_login_of_the_owner_is_judged_in_its_file(check: Check, tmp_path: pathlib.Path) -> None:
    settings = tmp_path / "settings.js"
    settings.write_text("module.exports = {\n}\n", "utf-8")
    (finding,) = check("nodered_admin_auth: keep\n", str(settings))
    assert "leaves adminAuth as it is, but there is none" in finding.message
    settings.write_text("module.exports = { adminAuth: { type: 'strategy' } }\n", "utf-8")
    assert check("nodered_admin_auth: keep\n", str(settings)) == []


def test_without_a_login_of_the_owner_users_are_needed(check: Check) -> None:
    (finding,) = check("nodered_admin_users: []\n")
    assert finding.message.startswith("nodered_admin_users is empty: nobody could log in to the editor")


def test_each_variable_of_a_login_that_is_kept_is_told(check: Check) -> None:
    text = "nodered_admin_default_permissions: read\nnodered_session_expiry: 60\n"
    findings = check(GOOD + "nodered_admin_auth: keep\n" + text)
    assert [finding.message.partition(" so that ")[2].split()[0] for finding in findings] == [
        "nodered_admin_users",
        "nodered_admin_default_permissions",
        "nodered_session_expiry",
    ]
    assert [finding.message.rpartition(", set ")[2] for finding in findings] == [
        "nodered_admin_users: [] in its host_vars.",
        'nodered_admin_default_permissions: "" in its host_vars.',
        "nodered_session_expiry: 0 in its host_vars.",
    ]
    nothing = 'nodered_admin_users: []\nnodered_admin_default_permissions: ""\nnodered_session_expiry: 0\n'
    assert check("nodered_admin_auth: keep\n" + nothing) == []


@pytest.mark.parametrize(
    ("text", "rule", "line", "words"),
    [
        (
            GOOD + "nodered_certificat_names: [pi.example.com]\n",
            "variable-misspelt",
            4,
            "nodered_certificate_names may be meant",
        ),
        (GOOD + "nodered_node_aut: true\n", "variable-misspelt", 4, "nodered_node_auth may be meant"),
        (
            ADMIN + "nodered_node_auth: {user: fred, password: '{{ vault_fred }}'}\n",
            "variable-unresolved",
            3,
            "nodered_node_auth has no value: it refers to vault_fred, which is not defined.",
        ),
        (ADMIN + "nodered_session_expiry: '{{ 60 '\n", "variable-unresolved", 3, "its template cannot be evaluated"),
        (
            GOOD + "nodered_certificate_days: long\n",
            "variable-type",
            4,
            "nodered_certificate_days must be a whole number.",
        ),
        (
            GOOD + "nodered_certificate_days: .inf\n",
            "variable-type",
            4,
            "nodered_certificate_days must be a whole number.",
        ),
        (
            GOOD + "nodered_certificate_provider: letsencrypt\n",
            "variable-type",
            4,
            "one of ca, selfsigned, file, acme, host, none",
        ),
        (GOOD + "nodered_settings: [uiPort]\n", "variable-type", 4, "nodered_settings must be a mapping."),
        ("nodered_admin_users: admin\n", "variable-type", 1, "nodered_admin_users must be a list of mappings."),
        ("nodered_admin_users: []\n", "variable-refused", 1, "nodered_admin_users is empty"),
        (GOOD.replace('"*"', "read"), "variable-refused", 2, "nodered_admin_users: nobody could deploy"),
        (
            ADMIN + "  - username: steve\n    password: '{{ vault_dashboard }}'\n    permissions: [flows.*]\n",
            "variable-refused",
            3,
            "user steve: Node-RED knows no permission 'flows.*'",
        ),
        (
            ADMIN + "  - username: steve\n    password_hash: '{{ vault_dashboard }}'\n    permissions: read\n",
            "variable-refused",
            3,
            "user steve: The password hash is not a hash",
        ),
        (ADMIN + "  - user: steve\n", "variable-refused", 3, "entry 2: unknown key 'user'"),
        (
            GOOD + "nodered_session_expiry: -1\n",
            "variable-refused",
            4,
            "nodered_session_expiry must be a positive number",
        ),
        (GOOD + "nodered_static: {pfad: /srv}\n", "variable-refused", 4, "nodered_static must be a mapping with path"),
        (
            GOOD + "nodered_settings: {httpsRefreshInterval: 1, adminauth: 1}\n",
            "variable-refused",
            4,
            "the name is adminAuth",
        ),
        (
            GOOD + "nodered_settings:\n  uiPort: 1\nnodered_settings_absent: [uiPort]\n",
            "variable-refused",
            6,
            "contradicts",
        ),
        (
            GOOD + "nodered_settings: {1880: true}\n",
            "variable-refused",
            4,
            "nodered_settings: 1880 is no name of a setting",
        ),
        (
            GOOD + "nodered_settings_js: {functionGlobalContext: '{'}\n",
            "variable-refused",
            4,
            "not one valid JavaScript",
        ),
        (GOOD + "nodered_environment: {NO-PROXY: localhost}\n", "variable-refused", 4, "no name of a variable"),
        (GOOD + "nodered_umask: 0077\n", "variable-refused", 4, "in quotes"),
        (GOOD + "nodered_watch_minutes: 1441\n", "variable-refused", 4, "to 1440"),
        (GOOD + "nodered_umask: '0002'\n", "variable-refused", 4, "in quotes"),
        (GOOD + "nodered_keep_states: 0\n", "variable-refused", 4, "from 1 to 100"),
        (GOOD + "nodered_admin_auth: keep\n", "variable-refused", 4, "nodered_admin_users would have no effect"),
        (GOOD + "nodered_certificate_names: [not a name]\n", "variable-refused", 4, "nodered_certificate_names"),
        (GOOD + "nodered_certificate_days: 1000\n", "variable-refused", 4, "825"),
        (GOOD + "nodered_certificate_provider: file\n", "variable-refused", 4, "set nodered_certificate_chain"),
        (GOOD + "nodered_certificate_provider: acme\n", "variable-refused", 4, "DNS names only"),
        (GOOD + "nodered_certificate_provider: host\n", "variable-refused", 4, "set nodered_certificate_host_key"),
        (
            GOOD + "nodered_certificate_host_chain: /etc/chain.pem\nnodered_certificate_host_key: etc/key.pem\n"
            "nodered_certificate_provider: host\n",
            "variable-refused",
            5,
            "nodered_certificate_host_key: 'etc/key.pem' must be an absolute path",
        ),
        (
            GOOD + "nodered_certificate_host_chain: /etc/chain.pem\nnodered_certificate_host_key: /etc/key.pem\n"
            "nodered_certificate_provider: host\nnodered_certificate_new_key: true\n",
            "variable-refused",
            7,
            "the private key is made by what renews the certificate on the host",
        ),
        (
            GOOD
            + "nodered_proxy: nginx\nnodered_certificate_provider: acme\nnodered_certificate_names: [pi.example.com]\n"
            "nodered_acme_webroot: /srv\nnodered_acme_challenge: webroot\n",
            "variable-refused",
            8,
            "nginx in front of Node-RED answers the ACME server itself",
        ),
        (
            GOOD + "nodered_certificate_provider: none\nnodered_proxy: nginx\n",
            "variable-refused",
            5,
            "nginx needs one",
        ),
        (GOOD + "nodered_proxy: caddy\n", "variable-type", 4, "nodered_proxy must be one of none, nginx"),
        (
            GOOD + "nodered_proxy: nginx\nnodered_proxy_path: kitchen\n",
            "variable-refused",
            5,
            "nodered_proxy_path: 'kitchen' must be / or a path",
        ),
        (
            GOOD + "nodered_proxy: nginx\nnodered_proxy_ports: {https: 443, http: 443}\n",
            "variable-refused",
            5,
            "nodered_proxy_ports: https and http are both 443",
        ),
        (
            GOOD + "nodered_proxy: nginx\nnodered_https_options: {minVersion: TLSv1.3}\n",
            "variable-refused",
            5,
            "nodered_https_options would have no effect: nodered_proxy is nginx",
        ),
        (
            GOOD + "nodered_proxy: nginx\nnodered_settings:\n  uiHost: 0.0.0.0\n",
            "variable-refused",
            6,
            "nodered_settings: uiHost has a variable of its own, nodered_proxy",
        ),
        (
            GOOD + "nodered_proxy: nginx\nnodered_settings:\n  uiPort: 443\n",
            "variable-refused",
            6,
            "nodered_settings: uiPort of Node-RED is 443, which nginx is to have",
        ),
        (
            GOOD + "nodered_proxy: nginx\nnodered_proxy_others:\n"
            "  - {path: /attic, url: 'https://192.168.1.22:1880', name: attic.local}\n"
            "  - {path: /garage, url: 'https://garage.local:1880', name: garage.local}\n",
            "variable-refused",
            7,
            "not the name 'garage.local'",
        ),
        (
            GOOD + PAGE,
            "variable-refused",
            5,
            "nodered_node_users contradicts nodered_node_auth",
        ),
        (
            ADMIN + "nodered_static_auth: {user: a, password: '{{ vault_dashboard }}'}\n" + PAGE,
            "variable-refused",
            5,
            "nodered_node_users contradicts nodered_static_auth",
        ),
        (
            ADMIN + PAGE + "  - {username: 'w:all', password: '{{ vault_dashboard }}'}\n",
            "variable-refused",
            5,
            "user w:all: the username has a colon",
        ),
        (
            ADMIN + PAGE + "  - {username: fred, password: '{{ vault_dashboard }}'}\n",
            "variable-refused",
            5,
            "user fred: this username is there twice",
        ),
        (
            ADMIN + PAGE + "  - {username: wall, password: '{{ vault_dashboard }}', paths: [/ui/../x]}\n",
            "variable-refused",
            5,
            "user wall: the path '/ui/../x' is not plain",
        ),
        (
            ADMIN + PAGE + "  - {username: wall, password: '{{ vault_dashboard }}', paths: [/ui]}\n"
            "nodered_settings: {httpNodeRoot: /api}\n",
            "variable-refused",
            5,
            "user wall: the path /ui is outside of all that flows serve (/api)",
        ),
        (ADMIN + PAGE + "nodered_node_open: [/*]\n", "variable-refused", 5, "/* would open everything"),
        (ADMIN + PAGE + "nodered_node_open: [webhook]\n", "variable-refused", 5, "begins with a slash"),
        (ADMIN + PAGE + "nodered_node_session_expiry: 0\n", "variable-refused", 5, "must be a positive number"),
        (ADMIN + PAGE + "nodered_node_session_expiry: 9999999\n", "session-long", 5, "dashboards lasts 115 days"),
        (ADMIN + PAGE + "nodered_node_open: [/ui/*]\n", "node-open-broad", 5, "/ui/* opens all below /ui."),
        (ADMIN + PAGE + "nodered_trusted_proxies: [proxy]\n", "variable-refused", 5, "'proxy' is no IP address"),
        (
            ADMIN + PAGE + "nodered_settings_absent: [httpNodeAuth]\n",
            "variable-refused",
            5,
            "httpNodeAuth takes the login of dashboards away",
        ),
        (
            ADMIN + PAGE + "nodered_certificate_provider: none\n",
            "variable-refused",
            4,
            "nodered_node_users: passwords and logins would cross the network",
        ),
        (
            ADMIN + "nodered_node_users:\n  - {username: fred, password: plain-only-for-tests}\n",
            "secret-plain-text",
            4,
            "The fred password of nodered_node_users stands in plain text.",
        ),
        (
            ADMIN + "nodered_node_users:\n  - {username: fred, password: '{{ vault_admin }}'}\n",
            "password-reused",
            4,
            "The fred password of nodered_node_users is the same as the admin password of nodered_admin_users.",
        ),
        (SIGN_ON, "variable-refused", 4, "nodered_oidc lets nobody in"),
        (
            SIGN_ON + "  session_expiry: 0\n  dashboards: [{group: family}]\n",
            "variable-refused",
            9,
            "nodered_oidc: session_expiry must be a positive number",
        ),
        (
            SIGN_ON
            + "  editor:\n    - {group: admins, permissions: '*'}\n    - {everybody: true, permissions: read}\n",
            "variable-refused",
            11,
            "nodered_oidc, editor, entry 2: everybody may not use the editor",
        ),
        (
            SIGN_ON + "  dashboards:\n    - {group: family, paths: [/ui]}\nnodered_settings: {httpNodeRoot: /api}\n",
            "variable-refused",
            10,
            "nodered_oidc, dashboards, entry 1: the path /ui is outside of all that flows serve (/api)",
        ),
        (
            SIGN_ON
            + "  dashboards: [{group: family}]\nnodered_node_auth: {user: a, password: '{{ vault_dashboard }}'}\n",
            "variable-refused",
            9,
            "nodered_oidc: dashboards contradicts nodered_node_auth",
        ),
        (
            SIGN_ON + "  dashboards: [{everybody: true}]\n",
            "oidc-everybody",
            4,
            "Everybody whom the provider knows",
        ),
        (
            SIGN_ON + "  dashboards: [{user: fred}]\n",
            "oidc-unverified",
            4,
            "fred: the claim preferred_username may be one that people choose.",
        ),
        (
            SIGN_ON.replace('"{{ vault_client }}"', "plain-only-for-tests") + "  dashboards: [{group: family}]\n",
            "secret-plain-text",
            7,
            "The client_secret of nodered_oidc stands in plain text.",
        ),
        (GOOD + "nodered_certificate_provider: none\n", "https-missing", 4, "https is not set"),
        (GOOD + "nodered_session_expiry: 9999999\n", "session-long", 4, "A login lasts 115 days."),
        (
            GOOD + "nodered_credential_secret: plain-only-for-tests\n",
            "secret-plain-text",
            4,
            "nodered_credential_secret stands in plain text.",
        ),
        (
            GOOD + "nodered_acme_options:\n  email: a\n  api_token: plain-only-for-tests\n",
            "secret-plain-text",
            6,
            "The api_token of nodered_acme_options stands in plain text.",
        ),
        (
            GOOD + "nodered_environment: {HTTPS_PROXY: 'http://fred:plain-only-for-tests@proxy.example.com'}\n",
            "secret-plain-text",
            4,
            "The HTTPS_PROXY of nodered_environment",
        ),
        (GOOD + "nodered_settings_js: {apiToken: '\"plain-only-for-tests\"'}\n", "secret-plain-text", 4, "apiToken"),
        (
            ADMIN.replace("{{ vault_admin }}", "plain-only-for-tests"),
            "secret-plain-text",
            2,
            "The admin password of nodered_admin_users stands in plain text.",
        ),
        (
            ADMIN + "nodered_static: {path: /srv}\nnodered_static_auth: {user: fred, password: '{{ vault_admin }}'}\n",
            "password-reused",
            4,
            "The password of nodered_static_auth is the same as the admin password of nodered_admin_users.",
        ),
    ],
)
def test_one_fault(check: Check, text: str, rule: str, line: int, words: str) -> None:
    findings = check(text)
    assert expected(findings) == [(rule, "vars.yml", line)]
    (finding,) = findings
    assert words in finding.message
    assert finding.subject == "kitchen"
    for secret in (PASSWORD, "plain-only-for-tests", "battery"):
        assert secret not in finding.message + finding.detail


#: Node-RED answers the host itself alone.
HERE = "nodered_settings: {uiHost: 127.0.0.1}\n"


@pytest.mark.parametrize(
    ("url", "text", "told"),
    [
        ("https://kitchen.example.com:1880", "", True),
        ("https://kitchen.example.com:1880", "nodered_certificate_names: [kitchen.example.com]\n", False),
        ("https://kitchen.example.com:1880", "nodered_certificate_names: ['*.example.com']\n", False),
        ("https://kitchen.example.com:1880", "ansible_host: kitchen.example.com\n", False),
        ("https://kitchen.example.com:1880", "ansible_host: '{{ nope }}'\n", False),
        ("https://kitchen.example.com:1880", "nodered_trusted_proxies: [192.0.2.1]\n", False),
        ("https://kitchen.example.com:1880", "nodered_certificate_provider: none\n" + HERE, False),
        ("https://kitchen.example.com:1880", "nodered_certificate_provider: selfsigned\n", True),
        ("https://kitchen.example.com", "nodered_proxy: nginx\n", True),
        ("https://garage.local:1880", "", True),
        ("https://kitchen.local:1880", "", False),
        # What only the host knows.
        ("https://kitchen.home.arpa:1880", "", False),
        ("https://192.168.1.20:1880", "", False),
        (
            "https://kitchen.example.com:1880",
            "nodered_certificate_provider: host\nnodered_certificate_host_key: /key.pem\n"
            "nodered_certificate_host_chain: /chain.pem\n",
            False,
        ),
        (
            "https://kitchen.example.com:1880",
            "nodered_certificate_provider: acme\nnodered_acme_email: a@example.com\n"
            "nodered_certificate_names: [pi.example.com]\n",
            True,
        ),
    ],
)
def test_single_sign_on_by_a_name_that_the_certificate_lacks(check: Check, url: str, text: str, told: bool) -> None:
    sign_on = SIGN_ON.replace("https://kitchen.local:1880", url) + "  dashboards: [{group: family}]\n"
    findings = [finding for finding in check(sign_on + text) if finding.rule is not inventory.UNRESOLVED]
    if not told:
        assert [finding.message for finding in findings if "https is not set" not in finding.message] == []
        return
    assert expected(findings) == [("oidc-url-uncertified", "vars.yml", 8)]
    assert findings[0].message.startswith(f"nodered_oidc: url is {url}, but ")
    assert "Add it to nodered_certificate_names" in findings[0].message


USERS = """nodered_admin_users:
  - {username: admin, password: plain-only-for-tests, permissions: "*"}
  - username: steve
    password: "{{ vault_nope }}"
    permissions: read
  - {username: "{{ vault_name }}", password: other-plain-only-for-tests, permissions: read}
"""


def test_what_is_undefined_hides_nothing_else(check: Check) -> None:
    findings = check(USERS + "nodered_environment: {A B: x}\n")
    assert sorted(expected(findings)) == [
        ("secret-plain-text", "vars.yml", 2),
        ("secret-plain-text", "vars.yml", 6),
        ("variable-refused", "vars.yml", 7),
        ("variable-unresolved", "vars.yml", 4),
        ("variable-unresolved", "vars.yml", 6),
    ]
    assert len({finding.fingerprint for finding in findings}) == 5
    messages = [finding.message for finding in findings]
    assert "nodered_admin_users has no value: it refers to vault_nope, which is not defined." in messages
    assert not [message for message in messages if "only-for-tests" in message or "not-known" in message]


@pytest.mark.parametrize(
    "text",
    [
        "nodered_node_auth: {user: fred, password_hash: '{{ nope }}'}\n",
        "nodered_static: '{{ nope }}'\n",
        "nodered_static: {path: '{{ nope }}'}\n",
        "nodered_settings: {uiPort: '{{ nope }}'}\n",
        "nodered_certificate_days: '{{ nope }}'\n",
        "nodered_certificate_names: ['{{ nope }}']\n",
        "nodered_environment: {'PROXY': '{{ nope }}'}\n",
        "nodered_session_expiry: '{{ nope }}'\n",
    ],
)
def test_what_is_undefined_is_not_judged(check: Check, text: str) -> None:
    assert expected(check(ADMIN + text)) == [("variable-unresolved", "vars.yml", 3)]


@pytest.mark.parametrize(
    ("text", "password", "rule"),
    [
        (ADMIN, "raspberry", "password-well-known"),
        (ADMIN, "Admin", "password-well-known"),
        (ADMIN, "x7-tests", None),
        (ADMIN, "x-tests", "password-short"),
    ],
)
def test_a_password_that_others_guess(check: Check, text: str, password: str, rule: str | None) -> None:
    findings = check(text, vault_admin=password)
    assert [finding.rule.identifier for finding in findings] == ([rule] if rule else [])
    for finding in findings:
        assert password not in finding.message + finding.detail


def test_a_hash_that_others_guess(check: Check) -> None:
    text = 'nodered_admin_users: [{username: admin, password_hash: "{{ vault_hash }}", permissions: "*"}]\n'
    assert expected(check(text, vault_hash=hash_password(PASSWORD))) == []
    assert [finding.rule.identifier for finding in check(text, vault_hash=hash_password("password"))] == [
        "password-well-known"
    ]


@pytest.mark.parametrize(
    "text",
    [
        ADMIN.replace('"*"', "read") + "nodered_admin_read_only: true\n",
        ADMIN + "nodered_settings_js: {apiToken: process.env.API_TOKEN}\n",
        ADMIN + "nodered_environment: {HTTPS_PROXY: 'http://proxy.example.com:3128', NO_PROXY: localhost}\n",
        ADMIN + "nodered_certificate_new_key: true\nnodered_certificate_key_type: rsa-2048\n",
        ADMIN + "nodered_certificate_provider: none\nnodered_settings: {uiHost: 127.0.0.1}\n",
        ADMIN + "nodered_https_options: {minVersion: TLSv1.3}\n",
        ADMIN + "nodered_proxy: nginx\n",
        ADMIN + "nodered_proxy: nginx\nnodered_proxy_path: /kitchen\nnodered_proxy_hsts: 600\n"
        "nodered_proxy_others: [{path: /garage, url: 'https://192.168.1.21:1880', name: garage.local}]\n",
        ADMIN + "nodered_static: {path: /srv}\nnodered_node_auth: {user: fred, password: '{{ vault_dashboard }}'}\n"
        "nodered_static_auth: {user: fred, password: '{{ vault_dashboard }}'}\n",
        ADMIN + PAGE + "nodered_node_open: [/webhook/*, /health]\nnodered_trusted_proxies: [127.0.0.1]\n",
        ADMIN + PAGE + "nodered_certificate_provider: none\nnodered_settings: {uiHost: 127.0.0.1}\n",
        ADMIN + "nodered_settings_absent: [httpNodeAuth]\n",
        ADMIN + "nodered_my_port: 1880\nnode_red_password: somebodys-own-only-for-tests\n",
    ],
)
def test_what_is_no_fault(check: Check, text: str) -> None:
    assert expected(check(text)) == []


def test_all_faults_are_told(check: Check) -> None:
    found = expected(
        check(
            "nodered_admin_users: []\nnodered_session_expiry: -1\nnodered_environment: {A B: x}\n"
            "nodered_certificate_days: 1000\nnodered_serial: 1\nnodered_serail: 1\n"
        )
    )
    assert sorted(found, key=lambda entry: entry[2] or 0) == [
        ("variable-refused", "vars.yml", 1),
        ("variable-refused", "vars.yml", 2),
        ("variable-refused", "vars.yml", 3),
        ("variable-refused", "vars.yml", 4),
        ("variable-misspelt", "vars.yml", 6),
    ]


def test_a_line_of_an_inventory_in_ini_format(check: Check, tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.ini").write_text(
        "[nodered]\nkitchen nodered_certificate_days=1000 nodered_credential_secret=plain-only-for-tests\n", "utf-8"
    )
    found = expected(check(GOOD, nodered_certificate_days=1000, nodered_credential_secret="plain-only-for-tests"))
    assert found == [("secret-plain-text", "hosts.ini", 2), ("variable-refused", "hosts.ini", 2)]
    assert expected(check(GOOD, nodered_certificate_days=900)) == [("variable-refused", "", None)]


def test_the_line_of_an_overridden_variable(check: Check, tmp_path: pathlib.Path) -> None:
    (tmp_path / "host.yml").write_text("\nnodered_certificate_days: 1000\nnodered_node_auth: {user: fred}\n", "utf-8")
    found = expected(check(GOOD + "nodered_certificate_days: 90\n", **loaded(tmp_path / "host.yml")))
    # Of numbers, ansible-core 2.18 keeps the place of their names only, and of these the first.
    assert found in (
        [("variable-refused", file, line), ("variable-refused", "host.yml", 3)]
        for file, line in (("host.yml", 2), ("", None))
    )


SETTINGS = """\
// Of the kitchen
module.exports = {
    uiPort: 1880,
    httpNodeCors: { origin: "*" },
    // credentialSecret: "a-secret-key",
    requireHttps: true,
}
"""


def test_what_becomes_of_a_settings_file(check: Check, tmp_path: pathlib.Path) -> None:
    (tmp_path / "kitchen.js").write_text(SETTINGS, "utf-8")
    assert expected(check(GOOD, "kitchen.js")) == [
        ("node-cors-any-origin", "kitchen.js", 4),
        ("require-https-misunderstood", "kitchen.js", 6),
    ]
    mended = GOOD + "nodered_settings_absent: [requireHttps, httpNodeCors]\n"
    assert expected(check(mended, "kitchen.js")) == []
    # What only the edit brought in is a matter of the variable.
    assert expected(check(mended + "nodered_session_expiry: 9999999\n", "kitchen.js")) == [
        ("session-long", "vars.yml", 5)
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("module.exports = {\n    uiPort: 1880,,\n}\n", 2, "a comma too many"),
        (
            "module.exports = {\n    uiPort: 1880,\n    adminAuth: auth(),\n}\n",
            3,
            "adminAuth is, or may come from, code",
        ),
        (None, None, "kitchen.js cannot be read: No such file or directory."),
    ],
)
def test_a_settings_file_that_cannot_be_edited(
    check: Check, tmp_path: pathlib.Path, text: str | None, line: int | None, words: str
) -> None:
    if text is not None:
        (tmp_path / "kitchen.js").write_text(text, "utf-8")
    (finding,) = check(GOOD, "kitchen.js")
    assert expected([finding]) == [("settings-refused", "kitchen.js", line)]
    assert words in finding.message


@pytest.fixture
def no_vault_password() -> None:
    """As Ansible has it where no password of a vault is given; ansible-core 2.18 needs nothing for that."""
    context = getattr(vault, "VaultSecretsContext", None)
    if context and not context.current(optional=True):
        context.initialize(context(secrets=[]))


@pytest.mark.usefixtures("no_vault_password")
def test_secrets_that_cannot_be_decrypted_here(check: Check, variables: t.Callable[..., t.Any]) -> None:
    cipher = vault.VaultLib([("default", vault.VaultSecret(b"vault only-for-tests"))]).encrypt(PASSWORD).decode("ascii")
    inline = "!vault |\n" + "".join(f"      {line}\n" for line in cipher.splitlines())
    text = (
        f"nodered_admin_users:\n  - username: admin\n    permissions: '*'\n    password: {inline}"
        f"nodered_certificate_provider: file\nnodered_certificate_chain: x\nnodered_certificate_key: {inline}"
    )
    assert expected(check(text)) == []
    host = variables(text)
    assert host.undecryptable == 2
    assert is_stand_in(host.value("nodered_admin_users"))
    assert expected(check(ADMIN + f"nodered_node_auth:\n  user: fred\n  password_hash: {inline}")) == []
    # What does not depend on them is checked all the same.
    assert expected(check(text + "nodered_session_expiry: -1\n")) == [
        ("variable-refused", "vars.yml", text.count("\n") + 1)
    ]


def test_hashes_that_hosts_share(variables: t.Callable[..., t.Any]) -> None:
    text = GOOD + (
        "nodered_credential_secret: one for all, only-for-tests\n"
        "nodered_static_auth: {user: fred, password_hash: '{{ hash }}'}\n"
    )
    own, same = hash_password(PASSWORD), hash_password(PASSWORD)
    hosts = {
        name: variables(text, hash=own if name == "attic" else same)
        for name in ("attic", "garage", "gate", "greenhouse")
    }
    found = list(inventory.check_shared(hosts))
    assert [(finding.rule.identifier, finding.subject, finding.message) for finding in found] == [
        ("secret-shared", "garage", "The password_hash of nodered_static_auth is the same on gate and 1 more.")
    ]
    assert list(inventory.check_shared({name: hosts[name] for name in ("attic", "gate")})) == []


def test_what_many_hosts_have_from_one_line_is_told_once(check: Check) -> None:
    text = GOOD + "nodered_certificate_days: 1000\n"
    hosts = [Subject(name, Kind.HOST) for name in ("attic", "garage", "kitchen")]
    faulty = {"attic": check(text), "garage": check(text), "kitchen": check(text + "nodered_session_expiry: -1\n")}
    messages = merge_shared_findings(
        [
            result_data(
                host, [dataclasses.replace(finding, subject=host.name) for finding in faulty[host.name]], ["accepted"]
            )
            for host in hosts
        ]
    )
    assert [
        (
            entry["subject"]["name"],
            entry["subject"]["kind"],
            [(finding["rule"], finding["line"], finding["subject"]) for finding in entry["findings"]],
        )
        for entry in messages
    ] == [
        ("attic", "host", []),
        ("garage", "host", []),
        ("kitchen", "host", [("variable-refused", 5, "kitchen")]),
        ("vars.yml", "file", [("variable-refused", 4, "vars.yml")]),
    ]
    assert messages[3]["findings"][0]["message"].endswith(" (3 hosts)")
    assert messages[3]["suppressions"] == ["accepted"]
    assert merge_shared_findings(messages) == messages


def test_a_file_that_is_at_fault_itself_is_told_by_its_name() -> None:
    """And not of the first host, which happens to have looked."""
    finding = Finding(KEY_PLAIN, "attic", "A key.", Location("backup"), "backup")
    results = [result_data(Subject(name, Kind.HOST), [], []) for name in ("attic", "garage")]
    merged = merge_shared_findings([result_data(Subject("attic", Kind.HOST), [finding], []), *results[1:]])
    told = [(each["subject"]["name"], [found["message"] for found in each["findings"]]) for each in merged]
    assert told == [("attic", []), ("garage", []), ("backup", ["A key."])]
    assert merge_shared_findings(merged) == merged


def test_a_file_of_a_repository(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = pathlib.Path("fleet.js")
    path.write_text("module.exports = {}\n", "utf-8")
    subject, findings = check_file(path, TODAY)
    assert (subject.name, subject.kind, subject.error) == ("fleet.js", Kind.FILE, "")
    assert "admin-auth-missing" in {finding.rule.identifier for finding in findings}
    subject, findings = check_file(pathlib.Path("none.js"), TODAY)
    assert (subject.error, findings) == ("none.js cannot be read: No such file or directory.", [])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("device", "is not a regular file."),
        ("fifo", "is not a regular file."),
        ("directory", "is not a regular file."),
        ("sparse", "is larger than 1 MiB."),
        ("socket", "cannot be read: No such device or address."),
        ("loop", "cannot be read: Too many levels of symbolic links."),
    ],
)
def test_only_regular_files_of_some_size_are_read(
    kind: str, reason: str, check: Check, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = pathlib.Path("x.js")
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(3 << 30)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path.symlink_to(path)
    subject, findings = check_file(path, TODAY)
    assert (subject.error, findings) == (f"x.js {reason}", [])
    found = check(GOOD, "x.js")
    assert [(finding.rule.identifier, finding.message) for finding in found] == [("settings-refused", f"x.js {reason}")]


def test_a_link_to_a_regular_file_is_read(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pathlib.Path("real.js").write_text("module.exports = {}", "utf-8")
    pathlib.Path("link.js").symlink_to("real.js")
    subject, findings = check_file(pathlib.Path("link.js"), TODAY)
    assert not subject.error
    assert findings


def test_all_rules_are_known_and_documented() -> None:
    text = (PROJECT / "docs" / "validate.md").read_text("utf-8")
    rows = [line for line in text.partition("## Rules")[2].splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{rule.identifier}` | {rule.severity} | {rule.title} |"
        for rule in sorted(registry.RULES_OF_INVENTORIES.values(), key=lambda rule: (-rule.severity, rule.identifier))
    ]


def test_the_options_of_all_roles() -> None:
    assert {"nodered_version", "nodered_admin_users", "nodered_ca_dir", "nodered_environment"} <= set(ROLE_OPTIONS)
    assert ROLE_DEFAULTS["nodered_certificate_days"] == 397
