# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two users and nothing else asked for: is each Node-RED closed, seen from its neighbour and from the control node?"""

from __future__ import annotations

import difflib

import pytest
from scenario.client import Client, bearer
from scenario.fleet import CERTIFICATE, PORT, SETTINGS, STORE, USER_DIR, Fleet

STOCK = "/usr/local/lib/node_modules/node-red/settings.js"
FLOW = '[{"id":"pifleet","type":"tab","label":"from the tests"}]'


@pytest.fixture(params=["control node", "neighbour"])
def client(request: pytest.FixtureRequest, fleet: Fleet, name: str) -> Client:
    """Somebody who can reach the host `name` over the network."""
    return fleet.here() if request.param == "control node" else fleet.neighbour(name)


# TLS


def test_certificate_is_good_for_every_name_and_address(fleet: Fleet, name: str, client: Client) -> None:
    address = fleet.address(name)
    known_as = f"{name}.local"
    answer = client.request(f"https://{known_as}:{PORT}/auth/login", "--resolve", f"{known_as}:{PORT}:{address}")
    assert answer.status == 200, answer.body
    assert client.request(f"https://{address}:{PORT}/auth/login").status == 200
    for option, known_as in (
        ("-verify_hostname", f"{name}.local"),
        ("-verify_ip", address),
    ):
        handshake = client.openssl(
            "s_client", "-connect", f"{address}:{PORT}", "-CAfile", client.ca, "-verify_return_error", option, known_as
        )
        assert "Verify return code: 0 (ok)" in handshake.stdout, handshake.stdout + handshake.stderr


def test_certificate_is_bad_for_other_names_and_for_strangers(fleet: Fleet, name: str, client: Client) -> None:
    # The authority is not permitted to sign for names of one label.
    for known_as in ("other.local", name):
        other = client.request(f"https://{known_as}:{PORT}/", "--resolve", f"{known_as}:{PORT}:{fleet.address(name)}")
        assert (other.status, other.body[:3]) == (0, "60:"), other
    stranger = Client(client.machine, "/etc/ssl/certs/ca-certificates.crt").request(fleet.url(name) + "/")
    assert (stranger.status, stranger.body[:3]) == (0, "60:"), stranger


def test_old_tls_is_refused(fleet: Fleet, name: str, client: Client) -> None:
    for version, accepted in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
        handshake = client.openssl(
            "s_client", "-connect", f"{fleet.address(name)}:{PORT}", version, "-cipher", "DEFAULT:@SECLEVEL=0"
        )
        assert (handshake.rc == 0) is accepted, f"{version}: {handshake.stdout}{handshake.stderr}"
        if not accepted:
            # The server's own word, so that it was not our side that refused.
            assert "alert protocol version" in handshake.stderr, handshake.stderr


def test_plain_http_gets_no_answer(fleet: Fleet, name: str, client: Client) -> None:
    answer = client.request(fleet.url(name, "http") + "/settings")
    # 52: the server closed the connection without a word.
    assert (answer.status, answer.body[:3]) == (0, "52:"), answer


# The editor


@pytest.mark.parametrize("path", ["/settings", "/flows", "/nodes", "/context/global", "/diagnostics"])
def test_stranger_is_refused(fleet: Fleet, name: str, client: Client, path: str) -> None:
    for options in ([], bearer("invented")):
        answer = client.request(fleet.url(name) + path, *options)
        assert (answer.status, answer.body) == (401, "Unauthorized"), answer
    deployed = client.request(fleet.url(name) + "/flows", "--json", FLOW)
    assert deployed.status == 401, deployed


def test_login_is_asked_for(fleet: Fleet, name: str, client: Client) -> None:
    assert client.request(fleet.url(name) + "/auth/login").json["type"] == "credentials"


def test_admin_may_do_everything(fleet: Fleet, name: str, client: Client) -> None:
    url = fleet.url(name)
    token = client.token(url, "admin", fleet.password("admin"))
    assert client.request(f"{url}/settings", *bearer(token)).status == 200
    assert client.request(f"{url}/settings/user", *bearer(token)).status == 200
    deployed = client.request(f"{url}/flows", *bearer(token), "--json", FLOW)
    assert deployed.status == 204, deployed
    assert "from the tests" in client.request(f"{url}/flows", *bearer(token)).body
    assert client.revoke(url, token).status == 200
    assert client.request(f"{url}/flows", *bearer(token)).status == 401


def test_steve_may_read_flows_and_no_more(fleet: Fleet, name: str, client: Client) -> None:
    url = fleet.url(name)
    token = client.token(url, "steve", fleet.password("steve"))
    assert client.request(f"{url}/flows", *bearer(token)).status == 200
    for path in ("/settings", "/nodes", "/context/global"):
        assert client.request(url + path, *bearer(token)).status == 401, path
    assert client.request(f"{url}/flows", *bearer(token), "--json", FLOW).status == 401
    assert client.login(url, "steve", fleet.password("steve"), scope="*").status == 403
    assert client.revoke(url, token).status == 200


def test_wrong_password_is_refused(fleet: Fleet, name: str) -> None:
    # Once per host: Node-RED locks a user after five tries, for ten minutes.
    answer = fleet.here().login(fleet.url(name), "admin", fleet.password("steve"))
    assert (answer.status, answer.json["error"]) == (403, "invalid_grant")


# The host


def test_settings_keep_every_line(fleet: Fleet, name: str) -> None:
    host = fleet.host(name)
    stock = host.check_output("cat %s", STOCK).splitlines()
    settings = host.check_output("cat %s", SETTINGS).splitlines()
    removed = [line for line in difflib.ndiff(stock, settings) if line.startswith("- ")]
    assert not removed
    assert len(settings) > len(stock)


@pytest.mark.parametrize(
    ("path", "mode"), [(USER_DIR, 0o700), (SETTINGS, 0o600), (CERTIFICATE, 0o600), (f"{USER_DIR}/nodecerts", 0o700)]
)
def test_only_pi_may_read(fleet: Fleet, name: str, path: str, mode: int) -> None:
    found = fleet.host(name).file(path)
    assert (found.mode, found.user, found.group) == (mode, "pi", "pi")


def test_store_is_of_root_only(fleet: Fleet, name: str) -> None:
    assert (fleet.host(name).file(STORE).mode, fleet.host(name).file(STORE).user) == (0o700, "root")
    assert not fleet.host(name).file(f"{STORE}/nodered/transaction.json").exists


def test_key_fits_its_certificate(fleet: Fleet, name: str) -> None:
    host = fleet.host(name)
    of_key = host.check_output("openssl pkey -in %s -pubout", CERTIFICATE)
    of_certificate = host.check_output("openssl x509 -in %s -noout -pubkey", CERTIFICATE)
    assert of_key.startswith("-----BEGIN PUBLIC KEY-----")
    assert of_key == of_certificate


def test_service_is_enabled_and_runs_as_pi(fleet: Fleet, name: str) -> None:
    host = fleet.host(name)
    assert host.service("nodered").is_enabled
    assert host.service("nodered").is_running
    process = fleet.process(name)
    assert host.check_output("ps -o user= -p %s", process).strip() == "pi"
    assert "Umask:\t0077" in host.check_output("cat /proc/%s/status", process)


def test_what_node_red_writes_is_closed_too(fleet: Fleet, name: str) -> None:
    """The deploy above has written flows, the logins have written sessions."""
    host = fleet.host(name)
    for written in ("flows.json", ".sessions.json"):
        assert host.file(f"{USER_DIR}/{written}").mode == 0o600, written
    # Another user of the host: not pi, not root.
    refused = host.run("setpriv --reuid=65534 --regid=65534 --clear-groups cat %s", SETTINGS)
    assert refused.rc != 0
    assert "Permission denied" in refused.stderr


# The runs


def test_output_of_the_runs_has_no_secret(fleet: Fleet) -> None:
    """check, converge and idempotence, all with --diff."""
    log = (fleet.work / "ansible.log").read_text("utf-8")
    assert log.count("PLAY RECAP") >= 3
    assert [secret for secret in fleet.secrets() if secret in log] == []
