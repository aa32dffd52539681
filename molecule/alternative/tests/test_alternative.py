# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every default of every role changed: does each variable do what it says?"""

from __future__ import annotations

import datetime
import json
import re

import pytest
import yaml
from scenario.client import Client, login_of
from scenario.fleet import PROJECT, USER_DIR, Fleet
from scenario.server import Server

#: GET <httpNodeRoot>/hello answers with a word. Without coordinates Node-RED would take nodes for configuration nodes.
HELLO = [
    {"id": "hello.tab", "type": "tab", "label": "from the tests"},
    {
        "id": "hello.in",
        "type": "http in",
        "z": "hello.tab",
        "x": 1,
        "y": 1,
        "url": "/hello",
        "method": "get",
        "wires": [["hello.word"]],
    },
    {
        "id": "hello.word",
        "type": "change",
        "z": "hello.tab",
        "x": 2,
        "y": 1,
        "wires": [["hello.out"]],
        "rules": [{"t": "set", "p": "payload", "pt": "msg", "to": "hello", "tot": "str"}],
    },
    {"id": "hello.out", "type": "http response", "z": "hello.tab", "x": 3, "y": 1, "wires": []},
]


@pytest.fixture(scope="module")
def one_login(fleet: Fleet) -> Server:
    certificate = fleet.work / "one-login.pem"
    shown = fleet.host("one-login").check_output("openssl x509 -in %s/nodecerts/server.pem", USER_DIR)
    certificate.write_text(shown, encoding="utf-8")
    server = Server(fleet, "one-login", str(certificate))
    server.deploy(HELLO)
    return server


@pytest.fixture(scope="module")
def own_roots(fleet: Fleet) -> Server:
    server = Server(fleet, "own-roots", str(fleet.work / "vault.pem"))
    server.deploy(HELLO)
    return server


def assert_asks_for(server: Server, path: str, user: str, body: str, others: tuple[str, ...]) -> None:
    """A path that answers to this login, and to none of the others."""
    for login in (None, (user, "wrong"), *(login_of(other) for other in others)):
        answer = server.get(path, login)
        assert (answer.status, answer.headers.get("www-authenticate", "")[:5]) == (401, "Basic"), (login, answer)
    answer = server.get(path, login_of(user))
    assert (answer.status, answer.body.strip()) == (200, body), answer


def test_an_older_protocol_is_refused(one_login: Server, fleet: Fleet) -> None:
    command = "openssl s_client -connect 127.0.0.1:8443 %s </dev/null"
    host = fleet.host("one-login")
    assert host.run(command % "-tls1_3").rc == 0
    assert host.run(command % "-tls1_2").rc != 0


def test_every_default_is_changed(fleet: Fleet) -> None:
    defaults: dict = {}
    for role in ("certificate", "settings", "service"):
        defaults |= yaml.safe_load((PROJECT / f"roles/{role}/defaults/main.yml").read_text("utf-8"))
    # The directory of the authority is given by create.yml; the second is no user's: it is for the check that comes first.
    # The others are for providers and moments that the scenarios acme, renewal and sessions show.
    elsewhere = {
        "nodered_ca_dir",
        "nodered_ca_permitted",
        "nodered_ca_new",
        "nodered_certificate_new_key",
        "nodered_new_hashes",
        "nodered_revoke_sessions",
        "nodered_certificate_chain",
        "nodered_certificate_key",
        "nodered_certificate_key_passphrase",
        "nodered_certificate_host_key",
        "nodered_certificate_host_chain",
        "nodered_ca_key_type",
        # The scenarios proxy, oidc and remove show them.
        "nodered_proxy",
        "nodered_proxy_path",
        "nodered_proxy_ports",
        "nodered_oidc",
        "nodered_settings_purge",
    }
    elsewhere |= {variable for variable in defaults if variable.startswith("nodered_acme_")}
    for variable in sorted(defaults.keys() - elsewhere):
        values = [fleet.variables_of(name).get(variable, defaults[variable]) for name in fleet.names]
        assert any(value != defaults[variable] for value in values), f"{variable} has its default everywhere"


# The certificate


def test_self_signed_certificate(fleet: Fleet, one_login: Server) -> None:
    text = one_login.client.openssl("x509", "-in", one_login.client.ca, "-noout", "-text").stdout
    assert "Public Key Algorithm: rsaEncryption" in text
    assert "Public-Key: (2048 bit)" in text
    checks = (
        ["-checkhost", "one-login"],
        ["-checkhost", "one-login.local"],
        ["-checkhost", "pi.example.com"],
        ["-checkip", "192.0.2.7"],
        ["-checkip", fleet.address("one-login")],
    )
    for check in checks:
        checked = one_login.client.openssl("x509", "-in", one_login.client.ca, "-noout", *check).stdout
        assert "does match certificate" in checked, checked
    end = re.search(r"Not After : (.*) GMT", text)[1]
    left = datetime.datetime.strptime(end, "%b %d %H:%M:%S %Y") - datetime.datetime.now(datetime.UTC).replace(
        tzinfo=None
    )
    assert datetime.timedelta(days=89) < left <= datetime.timedelta(days=90)
    assert one_login.get("/admin/auth/login").status == 200


def test_certificate_of_an_authority_from_a_vault(fleet: Fleet, own_roots: Server) -> None:
    handshake = own_roots.client.openssl(
        "s_client",
        "-connect",
        f"{fleet.address('own-roots')}:8443",
        "-CAfile",
        own_roots.client.ca,
        "-verify_return_error",
        "-verify_hostname",
        "own-roots",
    )
    assert "Verify return code: 0 (ok)" in handshake.stdout
    assert "issuer=CN=Vault of the tests" in handshake.stdout.replace(" = ", "=")
    assert not (fleet.work / "ca").exists(), "an authority was made that nobody needs"
    # The runs say which one browsers have to trust, and nothing of its key.
    printed = own_roots.client.openssl("x509", "-in", own_roots.client.ca, "-noout", "-fingerprint", "-sha256").stdout
    fingerprint = printed.strip().partition("=")[2]
    log = (fleet.work / "ansible.log").read_text("utf-8")
    assert f"trust: nodered_ca_certificate (CN=Vault of the tests), SHA-256 {fingerprint}." in log
    key = (fleet.work / "vault.key").read_text("ascii").splitlines()[1:-1]
    assert key
    assert [line for line in key if line in log] == []


# The editor


def test_editor_has_moved(one_login: Server, own_roots: Server) -> None:
    for server in (one_login, own_roots):
        assert server.get("/admin/auth/login").json["type"] == "credentials"
        # Below httpNodeRoot, and so with its login; or nothing at all.
        assert server.get("/auth/login").status in (401, 404)


def test_stranger_has_the_default_permissions(one_login: Server, own_roots: Server) -> None:
    assert one_login.get("/admin/settings").status == 200
    assert one_login.get("/admin/flows").status == 401
    assert own_roots.get("/admin/settings").status == 401


def test_session_expiry(fleet: Fleet, one_login: Server, own_roots: Server) -> None:
    for server, seconds in ((one_login, 3600), (own_roots, 604800)):
        answer = server.client.login(server.editor, "steve", fleet.password("steve"))
        assert answer.json["expires_in"] == seconds
        server.client.revoke(server.editor, answer.json["access_token"])


# Dashboards and static files


def test_one_login_for_dashboards_and_static_files(one_login: Server) -> None:
    for path, body in (("/hello", "hello"), ("/page.html", "a page")):
        assert_asks_for(one_login, path, "fred", body, others=("admin", "freda"))
    assert one_login.get("/nothing", login_of("fred")).status == 404


def test_two_logins_on_roots_of_their_own(own_roots: Server) -> None:
    assert_asks_for(own_roots, "/api/hello", "fred", "hello", others=("admin", "freda"))
    assert_asks_for(own_roots, "/files/page.html", "freda", "a page", others=("admin", "fred"))
    assert_asks_for(own_roots, "/pictures/page.html", "freda", "a picture", others=("admin", "fred"))


# Other settings


def test_other_settings(fleet: Fleet) -> None:
    settings = fleet.loaded("one-login")
    assert settings["editorTheme"]["page"]["title"] == 'Pi "one", 100 % Straße'
    assert "hostname" in settings["functionGlobalContext"]["os"]
    assert settings["credentialSecret"] == "credentials-only-for-tests"
    assert "exportGlobalContextKeys" not in settings
    # Others of the stock file stay.
    assert settings["editorTheme"]["codeEditor"]["lib"] == "monaco"


def test_environment_of_the_service(fleet: Fleet) -> None:
    environment = fleet.host("one-login").check_output("tr '\\0' '\\n' </proc/%s/environ", fleet.process("one-login"))
    for name, value in fleet.variables_of("one-login")["nodered_environment"].items():
        assert f"{name}={value}" in environment.splitlines()


def test_other_service_user_and_directory(fleet: Fleet) -> None:
    host = fleet.host("own-roots")
    assert not host.service("nodered").is_running
    assert host.service("flows").is_enabled
    assert host.check_output("ps -o user= -p %s", fleet.process("own-roots")).strip() == "flower"
    for path, mode in (
        ("/srv/flows", 0o700),
        ("/srv/flows/settings.js", 0o600),
        ("/srv/flows/nodecerts/server.pem", 0o600),
    ):
        found = host.file(path)
        assert (found.user, found.mode) == ("flower", mode), path
    assert "adminAuth: {\n        type" not in host.file(f"{USER_DIR}/settings.js").content_string, (
        "the wrong file was edited"
    )


# Behind a proxy


def test_without_tls_only_the_host_itself_is_answered(fleet: Fleet) -> None:
    inside = Client(fleet.host("proxied"), "/etc/ssl/certs/ca-certificates.crt")
    assert inside.request("http://127.0.0.1:1880/settings").status == 401
    password = fleet.variables_of("proxied")["nodered_login_elsewhere"]
    assert inside.login("http://127.0.0.1:1880", "admin", password).status == 200
    assert inside.login("http://127.0.0.1:1880", "admin", fleet.password("admin")).status in (401, 403)
    for scheme in ("http", "https"):
        # 7: nobody listens.
        assert (
            fleet.here().request(f"{scheme}://{fleet.address('proxied')}:1880/settings", "--insecure").body[:2] == "7:"
        )
    assert not fleet.host("proxied").file(f"{USER_DIR}/nodecerts").exists


def test_the_login_page_believes_its_proxy(fleet: Fleet) -> None:
    inside = Client(fleet.host("proxied"), "/etc/ssl/certs/ca-certificates.crt")
    url = "http://127.0.0.1:1880"
    page = inside.request(f"{url}/_login")
    assert "Pi &#34;one&#34;, 100 % Straße" in page.body
    form = ("--data", "username=fred&password=fred-only-for-tests")
    proxy = ("--header", "Host: pi.example.com", "--header", "X-Forwarded-Proto: https")
    answer = inside.request(f"{url}/_login", *form, *proxy, "--header", "Origin: https://pi.example.com")
    assert answer.status == 303, answer
    assert answer.headers["set-cookie"].startswith("__Host-")
    assert "; Secure" in answer.headers["set-cookie"]
    inside.request(
        f"{url}/_login",
        "--data",
        "username=guest&password=wrong",
        *proxy[:2],
        "--header",
        "Origin: http://pi.example.com",
        "--header",
        "X-Forwarded-For: 192.0.2.9",
    )
    assert 'login failed: user="guest" from=192.0.2.9' in fleet.journal("proxied", "--unit", "nodered")
    # Nothing is there, and nobody is asked.
    assert inside.request(f"{url}/health").status == 404
    data = json.loads(fleet.host("proxied").file(f"{USER_DIR}/nodelogin/login.json").content_string)
    assert (data["session_expiry"], data["trusted_proxies"]) == (3600, ["127.0.0.1"])


def test_a_login_of_ones_own_stays(fleet: Fleet) -> None:
    host = fleet.host("proxied")
    before = (PROJECT / "molecule/alternative/files/own_login.js").read_text("utf-8")
    after = host.file(f"{USER_DIR}/settings.js").content_string
    own = before[before.index("adminAuth: {") : before.index("    },\n};")]
    assert own in after
    assert 'uiHost: "127.0.0.1"' in after


def test_what_flows_write_is_for_the_group_as_well(fleet: Fleet) -> None:
    host = fleet.host("proxied")
    status = host.file(f"/proc/{fleet.process('proxied')}/status").content_string
    assert "\nUmask:\t0027\n" in status
    assert host.file(USER_DIR).mode == 0o700


def test_output_of_the_runs_has_no_secret(fleet: Fleet) -> None:
    log = (fleet.work / "ansible.log").read_text("utf-8")
    assert log.count("PLAY RECAP") >= 3
    assert [secret for secret in fleet.secrets() if secret in log] == []
