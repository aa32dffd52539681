# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nginx comes in front of a Node-RED, stays, and goes again; the tests follow each other on the same hosts."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shlex
import subprocess
import typing as t
from urllib.parse import quote

import pytest
from scenario.client import Answer, Client, basic, bearer, login_of
from scenario.comms import Comms, WebSocket
from scenario.fleet import OF_A_START, OF_ANSIBLE, PROJECT, SECURE, SETTINGS, Fleet, Run, differences
from scenario.login_page import BROWSER
from scenario.power_loss import lose_power
from scenario.waiting import wait_for

RESTORE = "pifleet.nodered.restore"
SITE = "/etc/nginx/sites-enabled/zz-pifleet-nodered.conf"
LOG = "/var/log/nginx/pifleet-nodered.log"
KEY = "/etc/pifleet-nodered/nodered/server.pem"
#: Both come behind nginx, one of them below a path and on another port than usual, and that leads to a third host.
PROXY = "fresh,shared"
NGINX: dict[str, t.Any] = {
    "nodered_proxy": "nginx",
    "nodered_proxy_path": "{{ '/kitchen' if inventory_hostname == 'shared' else '/' }}",
    "nodered_proxy_ports": "{{ {'https': 8443, 'http': 8080} if inventory_hostname == 'shared' else {} }}",
    "nodered_proxy_others": (
        "{{ [{'path': '/garage', 'url': 'https://' ~ hostvars.garage.ansible_host ~ ':1880', 'name': 'garage.local'},"
        " {'host': 'attic.example.com', 'url': 'https://' ~ hostvars.garage.ansible_host ~ ':1880', 'name': 'garage.local'}]"
        " if inventory_hostname == 'shared' else [] }}"
    ),
    "nodered_proxy_hsts": 600,
    "nodered_proxy_include": 'add_header X-Of-The-Owner "yes" always;',
}
PORTS = {"fresh": (443, 80), "shared": (8443, 8080)}
PATHS = {"fresh": "", "shared": "/kitchen"}
#: A site that somebody else has made, on the usual port and on that of ours.
OTHER = """\
server {
    listen 80;
    listen 8080;
    server_name other.example.com;
    return 200 "another site\\n";
}
"""
#: GET /<node root>/seen answers with the headers that Node-RED has seen.
FLOWS = [
    {"id": "seen.tab", "type": "tab", "label": "from the tests"},
    {
        "id": "seen.in",
        "type": "http in",
        "z": "seen.tab",
        "x": 1,
        "y": 1,
        "url": "/seen",
        "method": "get",
        "wires": [["seen.change"]],
    },
    {
        "id": "seen.change",
        "type": "change",
        "z": "seen.tab",
        "x": 2,
        "y": 1,
        "wires": [["seen.out"]],
        "rules": [{"t": "set", "p": "payload", "pt": "msg", "to": "req.headers", "tot": "msg"}],
    },
    {"id": "seen.out", "type": "http response", "z": "seen.tab", "x": 3, "y": 1, "wires": []},
]
#: More than nginx takes by default.
LARGE = {
    "id": "seen.note",
    "type": "comment",
    "z": "seen.tab",
    "x": 1,
    "y": 2,
    "name": "large",
    "info": "x" * 4_000_000,
}


def url(fleet: Fleet, name: str) -> str:
    """Of Node-RED behind nginx."""
    port = PORTS[name][0]
    return f"https://{fleet.address(name)}{'' if port == 443 else f':{port}'}{PATHS[name]}"


def played(fleet: Fleet, *arguments: str, playbook: str = SECURE, **variables: t.Any) -> Run:
    run = fleet.play(*arguments, playbook=playbook, variables=variables)
    assert run.status == 0, run.output
    return run


def unchanged(run: Run, *names: str) -> bool:
    """Whether a run has done no more than look; what it says at its end is a task of one of the hosts."""
    return all(sum(run.recap[name].values()) == run.recap[name]["ok"] <= 2 for name in names)


def inside(fleet: Fleet, name: str) -> Client:
    return Client(fleet.host(name), "/etc/ssl/certs/ca-certificates.crt")


def other_sites(fleet: Fleet) -> list[str]:
    """What the other sites of the host with some answer, each byte of it but for the time."""
    machine = fleet.host("shared")
    asked = (
        "http://127.0.0.1/",
        "http://127.0.0.1/ -H Host:unknown.example.com",
        "http://127.0.0.1/ -H Host:other.example.com",
        "http://127.0.0.1:8080/ -H Host:other.example.com",
        "http://127.0.0.1:8080/ -H Host:unknown.example.com",
    )
    return [machine.check_output(f"curl --silent --include {each} | grep -v ^Date:") for each in asked]


def held(fleet: Fleet, name: str) -> list[str]:
    # nginx writes its process id, and Debian's package manager what it has looked for.
    return fleet.held(name, OF_A_START, OF_ANSIBLE, r"/var/lib/(apt|dpkg|nginx|systemd)|/etc/nginx d |/etc d ")


@pytest.fixture(scope="module")
def before(fleet: Fleet) -> dict[str, t.Any]:
    """Secured hosts without a proxy; one of them has an nginx with sites of its owner's."""
    machine = fleet.host("shared")
    machine.check_output(
        "apt-get update -qq && apt-get install --yes --no-install-recommends -qq nginx >/dev/null 2>&1"
    )
    machine.check_output("printf %%s %s >/etc/nginx/sites-enabled/other && nginx -qt && systemctl reload nginx", OTHER)
    wait_for(lambda: inside(fleet, "shared").request("http://127.0.0.1:8080/").status == 200, "the site is there")
    played(fleet)
    return {
        "sites": other_sites(fleet),
        "settings": {name: fleet.host(name).check_output("base64 %s", SETTINGS) for name in PORTS},
        "certificate": {name: certificate(fleet, name, 1880) for name in PORTS},
        "held": {name: held(fleet, name) for name in PORTS},
    }


def certificate(fleet: Fleet, name: str, port: int) -> str:
    """The certificate that is shown, verified by the fleet's authority, in PEM."""
    shown = fleet.here().openssl(
        *("s_client", "-connect", f"{fleet.address(name)}:{port}", "-CAfile", fleet.ca),
        *("-verify_return_error", "-verify_ip", fleet.address(name)),
    )
    assert shown.rc == 0, shown.stderr
    return shown.stdout[shown.stdout.index("-----BEGIN") : shown.stdout.index("-----END")]


def served(fleet: Fleet) -> str:
    """The serial number of the certificate that nginx shows on the host that had none."""
    shown = fleet.here().openssl("s_client", "-connect", f"{fleet.address('fresh')}:443").stdout
    read = ["openssl", "x509", "-noout", "-serial"]
    return subprocess.run(read, input=shown, capture_output=True, text=True, check=False).stdout.strip()


def serial(fleet: Fleet) -> str:
    """That of the one that something else has renewed there."""
    return fleet.host("fresh").check_output("openssl x509 -noout -serial -in /srv/own/chain.pem")


@contextlib.contextmanager
def listener(fleet: Fleet, port: int) -> t.Iterator[None]:
    """Another program on a port of the host with sites."""
    machine = fleet.host("shared")
    machine.check_output(f"systemd-run --quiet --unit=listener python3 -m http.server {port}")
    wait_for(lambda: machine.run(f"ss -Hltn sport = :{port} | grep .").rc == 0, "it listens")
    try:
        yield
    finally:
        machine.check_output("systemctl stop listener")


# Before it comes


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {
                "nodered_certificate_provider": "acme",
                "nodered_certificate_names": ["pi.example.com"],
                "nodered_acme_challenge": "webroot",
                "nodered_acme_webroot": "/var/www/html",
            },
            "nodered_acme_challenge is webroot, but nginx in front of Node-RED answers the ACME server itself",
        ),
        ({"nodered_certificate_provider": "none"}, "nginx needs one"),
        ({"nodered_settings": {"uiHost": "0.0.0.0"}}, "uiHost has a variable of its own, nodered_proxy"),
        ({"nodered_proxy_others": [{"path": "/a", "url": "https://garage.local", "name": "a"}]}, "not the name"),
        ({"nodered_proxy_ports": {"https": 80}}, "https and http are both 80"),
        ({"nodered_proxy_names": ["unknown.example.com"]}, "unknown.example.com is not in the certificate"),
        ({"nodered_settings": {"uiPort": 8443}}, "uiPort of Node-RED is 8443, which nginx is to have"),
        # What nginx itself says.
        ({"nodered_proxy_include": "nonsense on;"}, 'unknown directive "nonsense"'),
        (
            {"nodered_certificate_names": ["attic.example.com", "other.example.com"]},
            'conflicting server name "other.example.com" on 0.0.0.0:8080, ignored',
        ),
    ],
)
def test_what_cannot_be_changes_nothing(
    fleet: Fleet, before: dict[str, t.Any], variables: dict[str, t.Any], message: str
) -> None:
    process = fleet.process("shared")
    run = fleet.play("--limit", "shared", variables={**NGINX, **variables})
    assert run.status != 0
    assert run.said(message), run.output
    assert differences(before["held"]["shared"], held(fleet, "shared")) == []
    assert not fleet.host("shared").file(LOG).exists
    assert fleet.process("shared") == process, "it was restarted"
    assert other_sites(fleet) == before["sites"]


def test_a_port_that_another_program_has_is_named(fleet: Fleet, before: dict[str, t.Any]) -> None:
    with listener(fleet, 8443):
        run = fleet.play("--limit", "shared", variables=NGINX)
    assert run.status != 0
    assert run.said("python3 on port 8443"), run.output
    assert differences(before["held"]["shared"], held(fleet, "shared")) == []


def test_check_mode_tells_and_changes_nothing(fleet: Fleet, before: dict[str, t.Any]) -> None:
    run = fleet.play("--limit", "shared", "--check", "--diff", variables=NGINX)
    assert run.status == 0, run.output
    assert run.said("+ listen 8443 ssl;"), run.output
    assert differences(before["held"]["shared"], held(fleet, "shared")) == []


def test_where_it_cannot_be_proved_all_is_as_before(fleet: Fleet, before: dict[str, t.Any]) -> None:
    """nginx takes this, and only what comes through it tells that it is wrong."""
    wrong = {**NGINX, "nodered_proxy_include": "location = /kitchen/comms { return 404; }"}
    run = fleet.play("--limit", "shared", variables=wrong)
    assert run.status != 0
    assert run.said("/kitchen/comms answers 404 behind nginx"), run.output
    assert differences(before["held"]["shared"], held(fleet, "shared")) == []
    assert certificate(fleet, "shared", 1880) == before["certificate"]["shared"]
    assert fleet.here().request(f"https://{fleet.address('shared')}:8443/", "--insecure").body[:2] == "7:"
    assert other_sites(fleet) == before["sites"]


def test_a_killed_run_is_undone_at_the_next_start(fleet: Fleet, before: dict[str, t.Any]) -> None:
    lose_power(fleet, "shared", NGINX, written='uiHost: "127.0.0.1"')
    # What a start of the host would do.
    fleet.host("shared").check_output("systemctl start pifleet-nodered-boot.service")
    assert differences(before["held"]["shared"], held(fleet, "shared")) == []
    assert certificate(fleet, "shared", 1880) == before["certificate"]["shared"]


def test_what_does_not_last_is_taken_back(fleet: Fleet, before: dict[str, t.Any]) -> None:
    played(fleet, "--limit", "shared", **NGINX, nodered_watch_minutes=60)
    fleet.host("shared").check_output("kill -KILL %s", fleet.process("shared"))
    gone = fleet.host("shared")
    wait_for(
        lambda: not gone.file(SITE).exists and gone.run("ls /etc/systemd/system/pifleet-*").rc != 0, "it went back"
    )
    fleet.wait("shared", 401)
    assert gone.check_output("base64 %s", SETTINGS) == before["settings"]["shared"]
    assert certificate(fleet, "shared", 1880) == before["certificate"]["shared"]
    assert fleet.here().request(f"https://{fleet.address('shared')}:8443/", "--insecure").body[:2] == "7:"


# It comes


@pytest.fixture(scope="module")
def proxied(fleet: Fleet, before: dict[str, t.Any]) -> Run:
    return played(fleet, "--limit", PROXY, **NGINX)


@pytest.fixture(params=list(PORTS))
def behind(request: pytest.FixtureRequest, proxied: Run) -> str:
    """A host behind nginx."""
    return request.param


def test_a_second_run_only_looks(fleet: Fleet, proxied: Run) -> None:
    assert unchanged(played(fleet, "--limit", PROXY, **NGINX), *PORTS)


def test_only_nginx_answers_the_network(fleet: Fleet, behind: str, before: dict[str, t.Any]) -> None:
    listening = fleet.host(behind).check_output("ss -Hltn").splitlines()
    ports = {line.split()[3].rpartition(":")[2] for line in listening if not line.split()[3].startswith("127.")}
    assert "1880" not in ports
    assert set(map(str, PORTS[behind])) <= ports
    assert fleet.here().request(f"https://{fleet.address(behind)}:1880/", "--insecure").body[:2] == "7:"
    # The certificate of before, with its key, which Node-RED cannot read any more.
    assert certificate(fleet, behind, PORTS[behind][0]) == before["certificate"][behind]
    key = fleet.host(behind).file(KEY)
    assert (key.user, key.mode) == ("root", 0o600)
    assert not fleet.host(behind).file("/home/pi/.node-red/nodecerts/server.pem").exists


def test_old_tls_is_refused(fleet: Fleet, behind: str) -> None:
    old = ("-cipher", "ALL:@SECLEVEL=0")
    for options, works in ((("-tls1_1", *old), False), (("-tls1_2",), True), (("-tls1_3",), True)):
        where = f"{fleet.address(behind)}:{PORTS[behind][0]}"
        assert (fleet.here().openssl("s_client", "-connect", where, *options).rc == 0) is works, options


def test_plain_http_leads_to_tls(fleet: Fleet, behind: str) -> None:
    for port in PORTS[behind]:
        answer = fleet.here().request(f"http://{fleet.address(behind)}:{port}{PATHS[behind]}/a?b=c")
        assert (answer.status, answer.headers["location"]) == (308, f"{url(fleet, behind)}/a?b=c")


def test_the_editor_and_its_login(fleet: Fleet, behind: str) -> None:
    editor, client = url(fleet, behind), fleet.here()
    assert client.request(f"{editor}/settings").status == 401
    answer = client.request(f"{editor}/auth/login")
    assert answer.json["type"] == "credentials"
    assert answer.headers["strict-transport-security"] == "max-age=600"
    assert answer.headers["x-of-the-owner"] == "yes"
    with client.logged_in(editor, "admin", fleet.password("admin")) as token:
        flows = fleet.work / "flows.json"
        flows.write_text(json.dumps([*FLOWS, LARGE]), encoding="utf-8")
        assert client.request(f"{editor}/flows", *bearer(token), "--json", f"@{flows}").status == 204
        socket = Comms(fleet.address(behind), PORTS[behind][0], fleet.ca, token, f"{PATHS[behind]}/comms")
        assert socket.messages()
        socket.close()


def test_flows_see_who_asks_and_nothing_forged(fleet: Fleet, behind: str) -> None:
    forged = [
        option
        for name in ("X-Forwarded-For", "X-Real-IP", "X-Forwarded-Host", "Forwarded")
        for option in ("--header", f"{name}: 192.0.2.99")
    ]
    login = basic(login_of("fred")) if behind == "shared" else []
    answer = fleet.here().request(f"{url(fleet, behind)}/seen", *login, *forged)
    seen = answer.json
    assert "192.0.2.99" not in json.dumps(seen)
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-for"] == seen["x-real-ip"] != "127.0.0.1"
    assert seen["host"] == url(fleet, behind).split("/")[2]


def test_a_forged_host_gets_nothing(fleet: Fleet, behind: str) -> None:
    where = f"{url(fleet, behind)}/auth/login"
    assert fleet.here().request(where, "--header", "Host: evil.example.com").status == 421
    # In the request line, which wins over the header.
    other = fleet.here().request(where, "--request-target", "http://evil.example.com/auth/login")
    # Newer ones refuse the contradiction.
    assert other.status in (400, 421)
    plain = fleet.here().request(
        f"http://{fleet.address(behind)}:{PORTS[behind][1]}/", "--header", "Host: evil.example.com"
    )
    assert "evil" not in plain.headers.get("location", "")


def test_the_log_has_no_query(fleet: Fleet, behind: str) -> None:
    fleet.here().request(
        f"{url(fleet, behind)}/settings?access_token=of-somebody", "--referer", "https://x/?secret-page"
    )
    log = fleet.host(behind)
    wait_for(lambda: "settings" in log.check_output("tail -n 1 %s", LOG), "it is logged")
    text = log.check_output("cat %s", LOG)
    assert "of-somebody" not in text
    assert "secret-page" not in text


def test_ipv6_is_answered_as_ipv4_is(fleet: Fleet, behind: str) -> None:
    https, http = PORTS[behind]
    name = f"{behind}.local"
    by_ipv6 = [option for port in PORTS[behind] for option in ("--resolve", f"{name}:{port}:[::1]")]
    here = fleet.host(behind)
    here.check_output("printf %%s %s >/tmp/ca.pem", pathlib.Path(fleet.ca).read_text("utf-8"))
    client = Client(here, "/tmp/ca.pem")
    login = basic(login_of("fred")) if behind == "shared" else []
    seen = client.request(f"https://{name}:{https}{PATHS[behind]}/seen", *by_ipv6, *login)
    assert seen.json["x-forwarded-for"] == seen.json["x-real-ip"] == "::1"
    plain = client.request(f"http://{name}:{http}/a", *by_ipv6)
    assert (plain.status, plain.headers["location"]) == (308, f"https://{name}{'' if https == 443 else f':{https}'}/a")


def test_pages_are_not_compressed_and_programs_are(fleet: Fleet, behind: str) -> None:
    asked = ("--header", "Accept-Encoding: gzip", "--output", "/dev/null", "--dump-header", "-")
    for path, compressed in (("/", False), ("/auth/login", False), ("/red/style.min.css", True)):
        command = shlex.join(["curl", "-sS", "--noproxy", "*", "--cacert", fleet.ca, *asked, url(fleet, behind) + path])
        assert ("content-encoding: gzip" in fleet.here().machine.check_output(command).lower()) is compressed, path


def test_other_sites_are_as_they_were(fleet: Fleet, proxied: Run, before: dict[str, t.Any]) -> None:
    assert other_sites(fleet) == before["sites"]


def at_the_attic(fleet: Fleet, path: str) -> Answer:
    """What the name answers that another host has to itself."""
    resolved = f"attic.example.com:8443:{fleet.address('shared')}"
    return fleet.here().request(f"https://attic.example.com:8443{path}", "--resolve", resolved)


def test_the_node_red_of_another_host_by_a_name_of_its_own(fleet: Fleet, proxied: Run) -> None:
    assert at_the_attic(fleet, "/garage/auth/login").json["type"] == "credentials"
    assert at_the_attic(fleet, "/garage/settings").status == 401
    # The paths of this host are none of that name's.
    assert at_the_attic(fleet, "/kitchen/auth/login").status == 404


def test_the_node_red_of_another_host(fleet: Fleet, proxied: Run) -> None:
    base = f"https://{fleet.address('shared')}:8443/garage"
    client = fleet.here()
    with client.logged_in(base, "admin", fleet.password("admin")) as token:
        socket = Comms(fleet.address("shared"), 8443, fleet.ca, token, "/garage/comms")
        assert socket.messages()
        socket.close()


def test_another_host_has_to_show_a_certificate_of_the_fleet(fleet: Fleet, proxied: Run) -> None:
    garage = fleet.host("garage")
    garage.check_output("systemctl stop nodered")
    garage.check_output(
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=garage.local -addext subjectAltName=DNS:garage.local"
        " -keyout /tmp/key.pem -out /tmp/cert.pem 2>/dev/null && systemd-run --quiet --unit=stranger"
        " openssl s_server -accept 1880 -key /tmp/key.pem -cert /tmp/cert.pem -www"
    )
    try:
        assert fleet.here().request(f"https://{fleet.address('shared')}:8443/garage/").status == 502
        assert at_the_attic(fleet, "/garage/").status == 502
    finally:
        garage.check_output("systemctl stop stranger; systemctl start nodered")


def test_a_renewal_breaks_no_connection(fleet: Fleet, behind: str, before: dict[str, t.Any]) -> None:
    editor, client = url(fleet, behind), fleet.here()
    process = fleet.process(behind)
    with client.logged_in(editor, "admin", fleet.password("admin")) as token:
        socket = Comms(fleet.address(behind), PORTS[behind][0], fleet.ca, token, f"{PATHS[behind]}/comms")
        played(fleet, "--limit", behind, **NGINX, nodered_certificate_new_key=True)
        assert socket.messages()
        socket.close()
    assert fleet.process(behind) == process
    assert certificate(fleet, behind, PORTS[behind][0]) != before["certificate"][behind]
    assert unchanged(played(fleet, "--limit", behind, **NGINX), behind)


def test_a_web_socket_of_a_stranger_is_turned_away(fleet: Fleet, behind: str) -> None:
    socket = WebSocket(fleet.address(behind), PORTS[behind][0], fleet.ca, f"{PATHS[behind]}/comms")
    assert socket.status == 101
    socket.send(json.dumps({"auth": "invented"}))
    assert "fail" in (socket.receive() or "fail")
    socket.close()


def test_an_nginx_that_was_stopped_is_started(fleet: Fleet, proxied: Run) -> None:
    fleet.host("shared").check_output("systemctl stop nginx")
    process = fleet.process("shared")
    played(fleet, "--limit", "shared", **NGINX)
    assert fleet.here().request(f"{url(fleet, 'shared')}/auth/login").status == 200
    assert fleet.process("shared") == process


def logged_in(fleet: Fleet, password: str) -> tuple[int, str]:
    """The status and the cookie that the login page gives for a password, in a browser."""
    answer = fleet.here().request(
        f"{url(fleet, 'shared')}/_login",
        *BROWSER,
        *("--header", f"Origin: https://{fleet.address('shared')}:8443"),
        *("--data-urlencode", "username=fred", "--data-urlencode", f"password={password}"),
        *("--data-urlencode", "next=/kitchen/seen"),
    )
    return answer.status, answer.headers.get("set-cookie", "")


def test_the_login_page_behind_nginx(fleet: Fleet, proxied: Run) -> None:
    client, seen = fleet.here(), f"{url(fleet, 'shared')}/seen"
    asked = client.request(seen, *BROWSER)
    assert (asked.status, asked.headers["location"].partition("?")[0]) == (302, "/kitchen/_login")
    status, cookie = logged_in(fleet, "fred-only-for-tests")
    assert status == 303
    # Of this Node-RED alone: another one below the name gets none of it.
    assert cookie.startswith("__Secure-nodered-")
    assert "; Path=/kitchen; HttpOnly; SameSite=Lax; Secure" in cookie
    session = cookie.partition(";")[0]
    assert client.request(seen, *BROWSER, "--cookie", session).status == 200
    out = client.request(
        f"{url(fleet, 'shared')}/_login/out",
        *BROWSER,
        *("--cookie", session, "--request", "POST", "--header", f"Origin: https://{fleet.address('shared')}:8443"),
    )
    assert out.status == 303, out
    assert client.request(seen, *BROWSER, "--cookie", session).status == 302


def test_a_wrong_password_is_told_with_the_address_of_the_client(fleet: Fleet, proxied: Run) -> None:
    status, _cookie = logged_in(fleet, "wrong")
    assert status == 401
    own = json.loads(
        fleet.here().request(f"{url(fleet, 'shared')}/seen", *basic(login_of("fred"))).body,
    )["x-forwarded-for"]
    assert f'[pifleet] login failed: user="fred" from={own}' in fleet.journal("shared", "--unit nodered")


def test_a_socket_that_has_no_login_is_refused(fleet: Fleet, proxied: Run) -> None:
    for path, status in (("/kitchen/no-such-socket", 401), ("/kitchen/comms", 101)):
        socket = WebSocket(fleet.address("shared"), 8443, fleet.ca, path)
        assert socket.status == status, path
        socket.close()


def test_an_audit_finds_nothing_of_the_proxy(fleet: Fleet, proxied: Run) -> None:
    report = fleet.work / "reports"
    run = played(fleet, playbook="pifleet.nodered.audit", nodered_report_dir=str(report))
    findings = json.loads((report / "report.json").read_text("utf-8"))["findings"]
    # The releases of Debian and of Node-RED, and Debian's user pi.
    known = {"node-out-of-support", "node-red-out-of-support", "service-user-root-rights", "node-auth-missing"}
    assert {finding["rule"] for finding in findings if finding["subject"] in PORTS} <= known, run.output


def test_who_guesses_has_to_wait(fleet: Fleet, behind: str) -> None:
    """Also where the address is written in another way."""
    where = url(fleet, behind).replace("https://", "")
    statuses = [
        fleet.here().request(f"https://{where}/auth/{each}", "--data", "username=admin").status
        for each in ("token", "TOKEN", "token/") * 6
    ]
    assert 429 in statuses
    assert set(statuses) <= {400, 401, 429}
    # Others are asked as before.
    assert inside(fleet, behind).request(f"https://127.0.0.1:{PORTS[behind][0]}/", "--insecure").status == 421


def test_fail2ban_reads_the_log(fleet: Fleet, proxied: Run) -> None:
    """With the files of the documentation; and it sees nobody else in what somebody has put there."""
    host = fleet.host("shared")
    forged = '192.0.2.99 - [27/Nov/2026:12:00:00 +0000] "POST /auth/token" 401 1 "x"'
    for path in ("auth/TOKEN", quote(f"\n{forged}"), quote(f'" 401 1 "x"\n{forged}')):
        fleet.here().request(f"{url(fleet, 'shared')}/{path}", "--user-agent", f'x"\t{forged}')
    host.check_output("apt-get install --yes --no-install-recommends -qq fail2ban >/dev/null 2>&1")
    for name, place in (("filter", "filter.d"), ("jail", "jail.d")):
        text = (PROJECT / f"docs/files/fail2ban-{name}.conf").read_text("utf-8")
        host.check_output("printf %%s %s >/etc/fail2ban/%s/pifleet-nodered.conf", text, place)
    host.check_output("fail2ban-client -t")
    log = host.check_output("cat %s", LOG).splitlines()
    asked = [(line, line.split('"')[2].split()[0]) for line in log if '"POST ' in line]
    wrong = [line for line, status in asked if status in ("401", "429")]
    # The login page answers so to forms of other sites.
    wrong += [line for line, status in asked if status in ("400", "403") and "_login" not in line]
    assert wrong
    assert "192.0.2.99" in "".join(log)
    found = host.check_output("fail2ban-regex --out ip %s pifleet-nodered", LOG).splitlines()
    assert len(found) == len(wrong)
    assert "192.0.2.99" not in found


# A certificate of the host itself


def test_a_certificate_of_the_host_is_followed(fleet: Fleet, proxied: Run) -> None:
    """Without a run and without a connection that ends, nginx shows what something else on the host has renewed."""
    host = fleet.host("fresh")
    made = (
        "umask 077 && mkdir -p /srv/own && cd /srv/own && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.new -out new.pem"
        f" -days 90 -subj /CN=own -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:{fleet.address('fresh')}"
        " 2>/dev/null && mv key.new key.pem && mv new.pem chain.pem"
    )
    host.check_output(made)
    own = {
        **NGINX,
        "nodered_certificate_provider": "host",
        "nodered_certificate_host_key": "/srv/own/key.pem",
        "nodered_certificate_host_chain": "/srv/own/chain.pem",
    }
    played(fleet, "--limit", "fresh", **own)
    assert served(fleet) == serial(fleet)
    assert unchanged(played(fleet, "--limit", "fresh", **own), "fresh")
    trusted = fleet.work / "own.pem"
    trusted.write_text(host.check_output("cat /srv/own/chain.pem"), "utf-8")
    client, process = Client(fleet.here().machine, str(trusted)), fleet.process("fresh")
    with client.logged_in(url(fleet, "fresh"), "admin", fleet.password("admin")) as token:
        socket = Comms(fleet.address("fresh"), 443, str(trusted), token)
        host.check_output(made)
        wait_for(lambda: served(fleet) == serial(fleet), "nginx shows the renewed certificate")
        assert socket.messages()
        socket.close()
    key = host.file(KEY)
    assert (key.user, key.mode, fleet.process("fresh")) == ("root", 0o600, process)
    assert unchanged(played(fleet, "--limit", "fresh", **own), "fresh")
    played(fleet, "--limit", "fresh", **NGINX)
    assert certificate(fleet, "fresh", 443)


# It goes, and comes back


def gone(fleet: Fleet, before: dict[str, t.Any], *names: str) -> None:
    """Node-RED answers by itself, as it did before, and nothing of ours is left in nginx."""
    for name in names:
        host = fleet.host(name)
        assert host.check_output("base64 %s", SETTINGS) == before["settings"][name]
        assert certificate(fleet, name, 1880)
        assert not host.file(SITE).exists
        assert not host.file("/etc/pifleet-nodered").exists
        assert fleet.here().request(f"https://{fleet.address(name)}:{PORTS[name][0]}/", "--insecure").body[:2] == "7:"
    assert other_sites(fleet) == before["sites"]


def test_it_goes_and_leaves_nothing(fleet: Fleet, proxied: Run, before: dict[str, t.Any]) -> None:
    played(fleet, nodered_watch_minutes=0)
    gone(fleet, before, *PORTS)
    assert unchanged(played(fleet), *fleet.names)


def test_a_state_with_nginx_is_restored_and_left_again(fleet: Fleet, proxied: Run, before: dict[str, t.Any]) -> None:
    arguments, last = ("--limit", "shared"), {"nodered_restore": "last", "nodered_watch_minutes": 0}
    played(fleet, *arguments, playbook=RESTORE, **last)
    assert fleet.here().request(f"{url(fleet, 'shared')}/auth/login").json["type"] == "credentials"
    assert fleet.here().request(f"https://{fleet.address('shared')}:1880/", "--insecure").body[:2] == "7:"
    directory = fleet.host("shared").file("/etc/pifleet-nodered/nodered")
    assert (directory.user, directory.mode) == ("root", 0o700)
    assert unchanged(played(fleet, *arguments, **NGINX), "shared")
    played(fleet, *arguments, playbook=RESTORE, **last)
    gone(fleet, before, "shared")
    assert unchanged(played(fleet, *arguments), "shared")
