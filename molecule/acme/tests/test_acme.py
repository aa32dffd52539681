# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates from an ACME server, as certbot fetches and renews them. The tests follow each other on the hosts."""

from __future__ import annotations

import re
import subprocess
import typing as t

import pytest
from scenario.comms import WebSocket
from scenario.fleet import CERTIFICATE, PROJECT, STORE, USER_DIR, Fleet, Run
from scenario.leaks import leaked
from scenario.sampling import SAMPLER, sampled
from scenario.waiting import wait_for

FETCH = str(PROJECT / "molecule/acme/fetch.yml")
LINEAGE = "/etc/letsencrypt/live/pifleet-nodered"
HOOK = "/etc/letsencrypt/renewal-hooks/deploy/pifleet-nodered"
CREDENTIALS = "/etc/letsencrypt/pifleet-nodered.credentials.ini"
RENEW = "certbot renew --force-renewal --no-random-sleep-on-renew"
NAMES = ("pi12", "pi13")
both = pytest.mark.parametrize("pi", NAMES)
newer = pytest.mark.parametrize("pi", NAMES[1:])

#: The options of a wildcard by DNS.
BY_DNS = {
    "acme_challenge": "dns-rfc2136",
    "acme_names": ["{{ inventory_hostname }}.example.test", "*.{{ inventory_hostname }}.example.test"],
    "acme_configuration": 'eab-kid = "tests"\neab-hmac-key = "{{ acme_secret }}"\ndns-rfc2136-propagation-seconds = 1',
    "acme_credentials": "dns_rfc2136_server = {{ hostvars.authority.ansible_host }}\ndns_rfc2136_name = tests\n"
    "dns_rfc2136_secret = {{ acme_secret }}\ndns_rfc2136_algorithm = HMAC-SHA256\n",
}

#: What a user writes.
ROLE = {
    "nodered_certificate_provider": "acme",
    "nodered_certificate_names": ["{{ inventory_hostname }}.example.test"],
    "nodered_acme_directory": "{{ acme_directory }}",
    "nodered_acme_options": {"eab-kid": "tests", "eab-hmac-key": "{{ acme_secret }}"},
}


def fetch(fleet: Fleet, pi: str, **variables: t.Any) -> Run:
    return fleet.play("--limit", pi, playbook=FETCH, variables=variables)


def serial(fleet: Fleet, pi: str, path: str = CERTIFICATE) -> str:
    return fleet.host(pi).check_output("openssl x509 -in %s -noout -serial", path)


def served(fleet: Fleet, pi: str) -> str:
    shown = fleet.here().openssl("s_client", "-connect", f"{fleet.address(pi)}:1880").stdout
    return subprocess.run(
        ["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True, text=True, check=False
    ).stdout.strip()


def wait_until_served(fleet: Fleet, pi: str) -> None:
    """Node-RED looks for a new certificate every few seconds."""
    wanted = serial(fleet, pi)
    wait_for(lambda: served(fleet, pi) == wanted, "Node-RED serves the new certificate")


def in_place(fleet: Fleet, pi: str) -> None:
    """The file is the user's own, and what it holds is what the lineage holds."""
    host = fleet.host(pi)
    found = host.file(CERTIFICATE)
    assert (found.user, found.group, found.mode, found.is_symlink) == ("pi", "pi", 0o600, False)
    host.check_output("cat %s/privkey.pem %s/fullchain.pem | cmp - %s", LINEAGE, LINEAGE, CERTIFICATE)
    # The second name is there as long as the change is watched.
    assert set(host.check_output("ls -A %s/nodecerts", USER_DIR).split()) <= {"server.pem", ".server.pem.pifleet~"}


@both
def test_first_run_that_goes_back(fleet: Fleet, pi: str) -> None:
    """The host had a certificate of its own fleet, and has it again; certbot would not replace it."""
    secured = fleet.play("--limit", pi)
    assert secured.status == 0, secured.output
    before = serial(fleet, pi)
    host = fleet.host(pi)
    assert not host.exists("certbot")
    sampler = fleet.command_on(
        pi,
        "python3",
        "-c",
        SAMPLER,
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/root",
        "/etc/letsencrypt",
        STORE,
        "/var/log/letsencrypt",
    )
    with sampled(*sampler) as seen:
        run = fetch(fleet, pi, acme_rollback=True)
    assert run.said("What had been replaced before is back."), run.output
    assert serial(fleet, pi) == served(fleet, pi) == before
    assert not host.file(HOOK).exists
    host.check_output("openssl x509 -in %s/fullchain.pem -noout", LINEAGE)
    # Neither in a list of processes nor in a file, also not for a moment.
    assert "certbot certonly" in "\n".join(seen["commands"])
    secret = fleet.variables["acme_secret"]
    assert leaked([secret], "\n".join(seen["commands"])) == []
    assert [found["path"] for found in seen["files"] if leaked([secret], found["content"])] == []
    assert leaked([secret], fleet.journal(pi, "--all")) == []


@both
def test_first(fleet: Fleet, pi: str) -> None:
    """What certbot has already is not fetched again."""
    host = fleet.host(pi)
    fetched = serial(fleet, pi, f"{LINEAGE}/fullchain.pem")
    run = fetch(fleet, pi)
    assert run.status == 0, run.output
    in_place(fleet, pi)
    assert serial(fleet, pi) == served(fleet, pi) == fetched
    assert host.file(HOOK).mode == 0o755 and host.file(HOOK).user == "root"
    assert host.service("certbot.timer").is_enabled and host.service("certbot.timer").is_running


@both
def test_browsers_trust_it(fleet: Fleet, pi: str) -> None:
    host = fleet.host(pi)
    root = fleet.here().request(f"https://{fleet.address('authority')}:15000/roots/0", "--insecure").body
    host.check_output("printf %%s %s >/tmp/root.pem", root)
    host.check_output(
        "openssl verify -CAfile /tmp/root.pem -untrusted %s -verify_hostname %s %s",
        CERTIFICATE,
        f"{pi}.example.test",
        CERTIFICATE,
    )
    path = fleet.work / "root.pem"
    path.write_text(root, "utf-8")
    result = fleet.here().machine.run(
        f"curl -sS --noproxy '*' --cacert {path} --resolve {pi}.example.test:1880:{fleet.address(pi)}"
        f" -o /dev/null -w '%{{http_code}}' https://{pi}.example.test:1880/settings"
    )
    assert result.stdout == "401", result.stderr


@both
def test_second_run_changes_nothing(fleet: Fleet, pi: str) -> None:
    before, process = serial(fleet, pi), fleet.process(pi)
    run = fetch(fleet, pi)
    assert run.status == 0, run.output
    assert run.recap[pi]["changed"] == 0, run.output
    assert (serial(fleet, pi), fleet.process(pi)) == (before, process)


@both
def test_certbot_renews_by_itself(fleet: Fleet, pi: str) -> None:
    """No run of Ansible and no restart: Node-RED serves the new certificate after its refresh interval."""
    before, process = serial(fleet, pi), fleet.process(pi)
    fleet.host(pi).check_output(RENEW)
    in_place(fleet, pi)
    after = serial(fleet, pi)
    assert after != before
    wait_until_served(fleet, pi)
    run = fetch(fleet, pi)
    assert run.recap[pi]["changed"] == 0, run.output
    assert (serial(fleet, pi), fleet.process(pi)) == (after, process)


@newer
def test_hook_leaves_other_lineages_alone(fleet: Fleet, pi: str) -> None:
    host = fleet.host(pi)
    before = host.check_output("stat -c '%%i %%Y' %s", CERTIFICATE)
    host.check_output("RENEWED_LINEAGE=/etc/letsencrypt/live/other %s", HOOK)
    assert host.check_output("stat -c '%%i %%Y' %s", CERTIFICATE) == before


@both
def test_hook_keeps_what_is_good(fleet: Fleet, pi: str) -> None:
    """A key that does not fit is not put in place."""
    host = fleet.host(pi)
    before = serial(fleet, pi)
    host.check_output(
        "cd %s && cp -a privkey.pem kept && openssl genpkey -algorithm ED25519 -out other.pem"
        " && ln -sf other.pem privkey.pem",
        LINEAGE,
    )
    result = host.run(HOOK)
    host.check_output("cd %s && mv -fT kept privkey.pem && rm other.pem", LINEAGE)
    assert result.rc != 0
    assert "does not fit" in result.stderr
    assert serial(fleet, pi) == before
    in_place(fleet, pi)


@both
def test_hook_follows_no_planted_link(fleet: Fleet, pi: str) -> None:
    host = fleet.host(pi)
    host.check_output("mkdir /etc/victim && echo unharmed >/etc/victim/file && chmod 666 /etc/victim/file")
    # A file that is a link is replaced, and so is one where the new content waits.
    host.check_output(
        "ln -sf /etc/victim/file %s && ln -sf /etc/victim/file %s/nodecerts/.server.pem.renewed", CERTIFICATE, USER_DIR
    )
    host.check_output(HOOK)
    in_place(fleet, pi)
    # A directory that is a link leads where the user may not write.
    host.check_output("mv %s/nodecerts %s/kept && ln -s /etc/victim %s/nodecerts", USER_DIR, USER_DIR, USER_DIR)
    result = host.run(HOOK)
    host.check_output("rm %s/nodecerts && mv %s/kept %s/nodecerts", USER_DIR, USER_DIR, USER_DIR)
    assert result.rc != 0
    assert host.check_output("ls -A /etc/victim; cat /etc/victim/file; rm -r /etc/victim") == "file\nunharmed"
    in_place(fleet, pi)


def refused(fleet: Fleet, pi: str, sentences: tuple[str, ...], **variables: t.Any) -> None:
    """A run fails with these sentences, and all is as it was."""
    host = fleet.host(pi)
    kept = "cat /etc/letsencrypt/renewal/*.conf; ls -l %s /etc/letsencrypt/live; ls %s /var/lib/pifleet-nodered/nodered"
    before = serial(fleet, pi), fleet.process(pi), host.check_output(kept, LINEAGE, "/etc/letsencrypt")
    run = fetch(fleet, pi, **variables)
    assert run.status != 0
    for sentence in sentences:
        assert run.said(sentence), run.output
    assert leaked([fleet.variables["acme_secret"]], run.output) == []
    assert (serial(fleet, pi), fleet.process(pi), host.check_output(kept, LINEAGE, "/etc/letsencrypt")) == before
    in_place(fleet, pi)
    assert served(fleet, pi) == before[0]


@both
def test_name_that_leads_elsewhere(fleet: Fleet, pi: str) -> None:
    refused(
        fleet,
        pi,
        ("lost.example.test", "must be able to resolve", "still in place"),
        acme_names=["{{ inventory_hostname }}.example.test", "lost.example.test"],
    )


@both
def test_port_80_is_taken(fleet: Fleet, pi: str) -> None:
    host = fleet.host(pi)
    host.check_output("systemd-run --unit web python3 -m http.server --bind 0.0.0.0 80")
    wait_for(
        lambda: fleet.here().request(f"http://{fleet.address(pi)}/").status == 200, "the other program has the port"
    )
    refused(fleet, pi, ("Another program has port 80",), acme_key_type="rsa-2048")
    host.check_output("systemctl stop web")


@newer
def test_server_is_away(fleet: Fleet, pi: str) -> None:
    fleet.host("authority").check_output("systemctl stop pebble")
    try:
        refused(fleet, pi, ("cannot reach the directory",), acme_key_type="rsa-2048")
    finally:
        fleet.host("authority").check_output("systemctl start pebble")
        directory = f"https://{fleet.address('authority')}:14000/dir"
        wait_for(lambda: fleet.here().request(directory, "--insecure").status == 200, "the server is back")


@both
def test_account_is_gone(fleet: Fleet, pi: str) -> None:
    """The server forgets all when it restarts."""
    refused(fleet, pi, ("no longer knows the account",), acme_key_type="rsa-2048")
    fleet.host(pi).check_output("rm -r /etc/letsencrypt/accounts")


@newer
def test_account_is_refused(fleet: Fleet, pi: str) -> None:
    wrong = "d3JvbmctZm9yLXRlc3RzLXdyb25nLWZvci10ZXN0cy0w"
    run = fetch(fleet, pi, acme_configuration=f'eab-kid = "tests"\neab-hmac-key = "{wrong}"')
    assert run.status != 0
    assert run.said("certbot got no certificate"), run.output
    assert leaked([wrong], run.output) == []
    in_place(fleet, pi)


@newer
def test_wildcard_by_dns(fleet: Fleet, pi: str) -> None:
    """Another challenge and more names: fetched anew."""
    before = serial(fleet, pi)
    run = fetch(fleet, pi, **BY_DNS)
    assert run.status == 0, run.output
    in_place(fleet, pi)
    assert serial(fleet, pi) != before
    names = fleet.host(pi).check_output("openssl x509 -in %s -noout -ext subjectAltName", CERTIFICATE)
    assert set(re.findall(r"DNS:(\S+?)(?:,|$)", names)) == {f"{pi}.example.test", f"*.{pi}.example.test"}
    assert (fleet.host(pi).file(CREDENTIALS).mode, fleet.host(pi).file(CREDENTIALS).user) == (0o600, "root")
    run = fetch(fleet, pi, **BY_DNS)
    assert run.recap[pi]["changed"] == 0, run.output


@newer
def test_renewal_by_dns(fleet: Fleet, pi: str) -> None:
    before = serial(fleet, pi)
    fleet.host(pi).check_output(RENEW)
    in_place(fleet, pi)
    assert serial(fleet, pi) != before
    wait_until_served(fleet, pi)


@newer
def test_refused_credentials(fleet: Fleet, pi: str) -> None:
    """Those that are good stay, because the renewals need them."""
    before = fleet.host(pi).file(CREDENTIALS).content_string
    refused(
        fleet,
        pi,
        ("certbot got no certificate",),
        **{
            **BY_DNS,
            "acme_credentials": BY_DNS["acme_credentials"].replace("{{ acme_secret }}", "d3JvbmctZm9yLXRlc3Rz"),
        },
    )
    assert fleet.host(pi).file(CREDENTIALS).content_string == before


@both
def test_back_to_the_first_wish_from_a_damaged_lineage(fleet: Fleet, pi: str) -> None:
    """As a card that lost its last writes leaves it. Certbot alone would go on under another name."""
    fleet.host(pi).check_output("rm -r %s && truncate --size=0 /etc/letsencrypt/renewal/pifleet-nodered.conf", LINEAGE)
    run = fetch(fleet, pi, acme_key_type="rsa-2048")
    assert run.status == 0, run.output
    in_place(fleet, pi)
    assert fleet.host(pi).check_output("ls /etc/letsencrypt/renewal") == "pifleet-nodered.conf"
    assert not fleet.host(pi).file(CREDENTIALS).exists
    assert "2048 bit" in fleet.host(pi).check_output("openssl x509 -in %s -noout -text", CERTIFICATE)
    assert serial(fleet, pi) == served(fleet, pi)


@newer
def test_another_provider(fleet: Fleet, pi: str) -> None:
    """Without its hook certbot replaces the certificate of Node-RED no more."""
    run = fetch(fleet, pi, acme_operation="remove")
    assert run.status == 0, run.output
    before = serial(fleet, pi)
    fleet.host(pi).check_output(RENEW)
    assert serial(fleet, pi) == before != serial(fleet, pi, f"{LINEAGE}/fullchain.pem")
    assert fetch(fleet, pi, acme_operation="remove").recap[pi]["changed"] == 0


@newer
def test_role(fleet: Fleet, pi: str) -> None:
    """As a user has it: fetched once, and left alone from then on, also after a renewal."""
    run = fleet.play("--limit", pi, "-vvv", "--diff", variables=ROLE)
    assert run.status == 0, run.output
    assert leaked([fleet.variables["acme_secret"]], run.output) == []
    in_place(fleet, pi)
    process = fleet.process(pi)
    fleet.host(pi).check_output(RENEW)
    wait_until_served(fleet, pi)
    run = fleet.play("--limit", pi, variables=ROLE)
    assert run.recap[pi]["changed"] == 0, run.output
    assert fleet.process(pi) == process
    run = fleet.play("--limit", pi)
    assert run.status == 0, run.output
    assert not fleet.host(pi).file(HOOK).exists
    assert serial(fleet, pi) == served(fleet, pi) != serial(fleet, pi, f"{LINEAGE}/fullchain.pem")


# Behind nginx, which has port 80 then

BEHIND = {**ROLE, "nodered_proxy": "nginx"}
OF_NGINX = "/etc/pifleet-nodered/nodered/server.pem"


def shown_by_nginx(fleet: Fleet, pi: str) -> str:
    options = ("-connect", f"{fleet.address(pi)}:443", "-servername", f"{pi}.example.test")
    shown = fleet.here().openssl("s_client", *options).stdout
    read = ["openssl", "x509", "-noout", "-serial"]
    return subprocess.run(read, input=shown, capture_output=True, text=True, check=False).stdout.strip()


def behind(fleet: Fleet, pi: str) -> None:
    """nginx shows what certbot has fetched, and root alone reads its key."""
    host = fleet.host(pi)
    found = host.file(OF_NGINX)
    assert (found.user, found.mode) == ("root", 0o600)
    host.check_output("cat %s/privkey.pem %s/fullchain.pem | cmp - %s", LINEAGE, LINEAGE, OF_NGINX)
    assert not host.file(CERTIFICATE).exists
    wanted = serial(fleet, pi, OF_NGINX)
    wait_for(lambda: shown_by_nginx(fleet, pi) == wanted, "nginx shows the certificate")


@both
def test_a_server_that_is_away_leaves_no_site(fleet: Fleet, pi: str) -> None:
    """nginx was installed, and has a site for the challenge while the server is asked."""
    host = fleet.host(pi)
    fleet.host("authority").check_output("systemctl stop pebble")
    try:
        run = fleet.play("--limit", pi, variables=BEHIND)
    finally:
        fleet.host("authority").check_output("systemctl start pebble")
        directory = f"https://{fleet.address('authority')}:14000/dir"
        wait_for(lambda: fleet.here().request(directory, "--insecure").status == 200, "the server is back")
        # It has forgotten them.
        host.check_output("rm -rf /etc/letsencrypt/accounts")
    assert run.status != 0
    assert run.said("cannot reach the directory"), run.output
    assert not host.run("ls -A /etc/nginx/sites-enabled | grep pifleet").stdout
    assert not host.file("/etc/pifleet-nodered").exists
    assert serial(fleet, pi) == served(fleet, pi)


@both
def test_nginx_answers_the_server(fleet: Fleet, pi: str) -> None:
    """Before there is a certificate that it could show."""
    run = fleet.play("--limit", pi, variables=BEHIND)
    assert run.status == 0, run.output
    behind(fleet, pi)
    run = fleet.play("--limit", pi, variables=BEHIND)
    assert run.recap[pi]["changed"] == 0, run.output


@both
def test_a_renewal_behind_nginx_ends_no_connection(fleet: Fleet, pi: str) -> None:
    before, process = serial(fleet, pi, OF_NGINX), fleet.process(pi)
    # Who has signed it is asked elsewhere.
    socket = WebSocket(fleet.address(pi), 443, None, "/comms", name=f"{pi}.example.test")
    assert socket.status == 101
    fleet.host(pi).check_output(RENEW)
    behind(fleet, pi)
    assert serial(fleet, pi, OF_NGINX) != before
    socket.send('{"auth":"invented"}')
    assert "fail" in (socket.receive() or "the connection ended")
    socket.close()
    run = fleet.play("--limit", pi, variables=BEHIND)
    assert run.recap[pi]["changed"] == 0, run.output
    assert fleet.process(pi) == process


@both
def test_a_further_name_behind_nginx(fleet: Fleet, pi: str) -> None:
    """Its challenge is answered before the site has it."""
    names = ["{{ inventory_hostname }}.example.test", "other.{{ inventory_hostname }}.example.test"]
    run = fleet.play("--limit", pi, variables={**BEHIND, "nodered_certificate_names": names})
    assert run.status == 0, run.output
    behind(fleet, pi)
    names_of_it = fleet.host(pi).check_output("openssl x509 -in %s -noout -ext subjectAltName", OF_NGINX)
    assert f"DNS:other.{pi}.example.test" in names_of_it


@newer
def test_from_another_provider_behind_nginx_and_back(fleet: Fleet, pi: str) -> None:
    run = fleet.play("--limit", pi, variables={"nodered_proxy": "nginx"})
    assert run.status == 0, run.output
    assert not fleet.host(pi).file(HOOK).exists
    run = fleet.play("--limit", pi, variables=BEHIND)
    assert run.status == 0, run.output
    behind(fleet, pi)


@both
def test_without_nginx_certbot_answers_again(fleet: Fleet, pi: str) -> None:
    """Once nothing else of nginx has the port: Debian's default site would."""
    host = fleet.host(pi)
    before = serial(fleet, pi, OF_NGINX)
    run = fleet.play("--limit", pi, variables=ROLE)
    assert run.status != 0
    assert run.said("Another program has port 80"), run.output
    assert serial(fleet, pi, OF_NGINX) == shown_by_nginx(fleet, pi) == before
    host.check_output("rm /etc/nginx/sites-enabled/default")
    run = fleet.play("--limit", pi, variables={**ROLE, "nodered_watch_minutes": 0})
    assert run.status == 0, run.output
    in_place(fleet, pi)
    assert serial(fleet, pi) == served(fleet, pi)
    assert not host.file("/etc/pifleet-nodered").exists
    assert not host.file("/var/lib/letsencrypt/pifleet-nodered").exists
    host.check_output(RENEW)
    wait_until_served(fleet, pi)
