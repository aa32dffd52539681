# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates from ACME servers: what may be asked for, when one is due, what is read of certbot, and its hook."""

from __future__ import annotations

import dataclasses
import datetime
import os
import pwd
import subprocess

import pytest
from ansible_collections.pifleet.nodered.plugins.module_utils._certificate import (
    certbot,
    certbot_lineage as host,
    host_certificate,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import certbot_hook
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certbot_hook import (
    RUNNING,
    lineage_name,
    options_digest,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki import acme, certificates
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

DIRECTORY = "https://acme.example.org/directory"
NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
DESIRED = acme.desired_lineage(["pi.example.org"], DIRECTORY)
HOOK = certbot_hook.hook("nodered", "pi", "pi", "/home/pi/.node-red/nodecerts/server.pem")


def pair(*names, key=None, start=-10, days=90):
    """A private key and a certificate, as certbot would have them."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([])
    certificate = x509.CertificateBuilder(
        subject,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        NOW + datetime.timedelta(days=start),
        NOW + datetime.timedelta(days=start + days),
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True)
    return (
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        certificate.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
    )


CHAIN = pair("pi.example.org")[1].decode()
FOUND = {
    "name": "pifleet-nodered",
    "names": ["pi.example.org"],
    "chain": CHAIN,
    "key_matches": True,
    "directory": DIRECTORY,
    "challenge": "standalone",
    "options": options_digest(None, "", None),
    "hook": checksum(HOOK.encode()),
    "timer": True,
}


def reasons(found=None, installed=CHAIN, desired=DESIRED, hook=HOOK, **changes):
    return acme.reasons({**FOUND, **(found or {})}, installed, dataclasses.replace(desired, **changes), hook, NOW)


# When a certificate is due


def test_nothing_to_do():
    assert reasons() == ([], [])


def test_no_lineage():
    assert acme.reasons(None, CHAIN, DESIRED, HOOK) == (["there is no certificate of an ACME server yet"], [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"names": ("pi.example.org", "other.example.org")}, "the DNS name other.example.org is missing"),
        ({"names": ("other.example.org",)}, "the DNS name pi.example.org is no longer wanted"),
        ({"directory": "https://other.example.org/"}, "it came from"),
        ({"challenge": "dns-rfc2136"}, "its renewal is proved with standalone and should be with dns-rfc2136"),
        ({"key_type": "rsa-2048"}, "its key is of the type ecdsa-p256, not rsa-2048"),
        ({"configuration": 'preferred-chain = "Root"'}, "certbot's other options were changed"),
        ({"credentials": "password = secret"}, "certbot's other options were changed"),
        ({"webroot": "/var/www"}, "certbot's other options were changed"),
    ],
)
def test_another_wish(changes, reason):
    to_fetch, to_install = reasons(**changes)
    assert any(each.startswith(reason) for each in to_fetch)
    assert to_install == []


def test_an_address_for_mail_is_no_reason():
    assert reasons(email="operator@example.org") == ([], [])


def test_server_that_adds_names():
    """Else each run would fetch a new one, until the server refuses."""
    chain = pair("pi.example.org", "www.pi.example.org")[1].decode()
    assert reasons({"chain": chain}, chain) == ([], [])


def test_rsa_size():
    chain = pair("pi.example.org", key=rsa.generate_private_key(65537, 2048))[1].decode()
    assert reasons({"chain": chain}, chain, key_type="rsa-2048") == ([], [])
    assert reasons({"chain": chain}, chain, key_type="rsa-3072")[0] == ["its key is of the type rsa-2048, not rsa-3072"]


@pytest.mark.parametrize(
    ("start", "days", "reason"),
    [
        (-59, 90, None),
        (-75, 90, "certbot should have renewed it long ago: it expires on 2026-06-16"),
        (-91, 90, "it expired on 2026-05-31"),
        (-3, 6, None),
        (-5, 6, "certbot should have renewed it long ago: it expires on 2026-06-02"),
    ],
)
def test_certbot_has_failed_to_renew(start, days, reason):
    chain = pair("pi.example.org", start=start, days=days)[1].decode()
    assert reasons({"chain": chain}, chain) == ([reason] if reason else [], [])


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"key_matches": False}, "the private key that certbot has does not fit its certificate"),
        ({"chain": ""}, "the certificate that certbot has cannot be read"),
    ],
)
def test_damaged_lineage(found, reason):
    assert reasons(found)[0] == [reason]


@pytest.mark.parametrize("installed", [None, "", "no PEM", pair("pi.example.org")[1].decode()])
def test_service_has_another_certificate(installed):
    assert reasons(installed=installed) == ([], ["the service has not got the certificate that certbot has fetched"])


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"hook": ""}, "the hook that hands on renewals is missing"),
        ({"hook": "0" * 64}, "the hook that hands on renewals differs"),
        ({"timer": False}, "certbot's timer is not enabled"),
    ],
)
def test_renewals_would_not_arrive(found, reason):
    assert reasons(found) == ([], [reason])


# What may be asked for


@pytest.mark.parametrize(
    ("names", "changes", "sentence"),
    [
        ([], {}, "Name at least one"),
        (["192.0.2.1"], {}, "DNS names only"),
        (["pi.example.org", "192.0.2.1"], {}, "the address 192.0.2.1"),
        (["pi_1.example.org"], {}, "no underscore"),
        ("pi.example.org", {}, "must be a list"),
        (["pi.example.org"], {"directory": "http://example.org"}, "https://"),
        (["pi.example.org"], {"challenge": "manual"}, "none of standalone, webroot and dns-"),
        (["pi.example.org"], {"challenge": "dns-x; reboot"}, "none of standalone, webroot and dns-"),
        (["pi.example.org"], {"challenge": "webroot"}, "belong together"),
        (["pi.example.org"], {"webroot": "/var/www"}, "belong together"),
        (["*.example.org"], {}, "A wildcard such as *.example.org needs a dns- challenge"),
        (["pi.example.org"], {"credentials": "secret"}, "dns- challenge only"),
        (["pi.example.org"], {"email": 'a"\nserver = b'}, "The email has a space or a quote"),
        (["pi.example.org"], {"options": {"server": "x"}}, "set by this collection"),
        (["pi.example.org"], {"options": {"--cert_name": "x"}}, "set by this collection"),
        (["pi.example.org"], {"options": {"x = y\nz": "x"}}, "is not the name of an option"),
    ],
)
def test_refused_wishes(names, changes, sentence):
    with pytest.raises(acme.AcmeError) as caught:
        acme.desired_lineage(names, **{"directory": DIRECTORY, **changes})
    assert sentence in str(caught.value)


@pytest.mark.parametrize("value", ["two\nlines", 'a "quote"', " space", ["a"], ""])
def test_refused_values_are_not_shown(value):
    with pytest.raises(acme.AcmeError) as caught:
        acme.configuration({"eab-hmac-key": value})
    assert (
        str(caught.value)
        == "The value of certbot's option eab-hmac-key must be one line of text without double quotes."
    )


def test_names_are_normalized():
    desired = acme.desired_lineage(["Pi.Example.ORG.", "bücher.example"], DIRECTORY, "dns-rfc2136", credentials="a = b")
    assert desired.names == ("pi.example.org", "xn--bcher-kva.example")


def test_configuration():
    options = {
        "eab-kid": "kid # 1",
        "--preferred_chain": "Root X1",
        "must-staple": True,
        "dns-rfc2136-propagation-seconds": 9,
        "reuse-key": False,
    }
    assert acme.configuration(options) == (
        'preferred-chain = "Root X1"\ndns-rfc2136-propagation-seconds = "9"\neab-kid = "kid # 1"\nmust-staple = "true"'
    )


def test_arguments_of_the_module():
    assert DESIRED.arguments == {
        "names": ["pi.example.org"],
        "directory": DIRECTORY,
        "challenge": "standalone",
        "key_type": "ecdsa-p256",
    }


def test_secrets_are_not_in_its_representation():
    assert "hidden" not in repr(
        acme.desired_lineage(["a.example"], DIRECTORY, "dns-x", credentials="hidden", options={"eab-kid": "hidden"})
    )


# What is read of certbot


@pytest.fixture
def letsencrypt(tmp_path, monkeypatch):
    """An empty folder of certbot, and of the collection's records."""
    for name in ("live/pifleet-nodered", "renewal", "renewal-hooks/deploy", "timers"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(certbot_hook, "DIRECTORY", str(tmp_path))
    monkeypatch.setattr(host, "TIMERS", str(tmp_path / "timers"))
    monkeypatch.setattr(host, "Store", lambda service: Store(service, str(tmp_path / "store")))
    return tmp_path


def lineage(letsencrypt, key, chain):
    live = letsencrypt / "live/pifleet-nodered"
    (live / "privkey.pem").write_bytes(key)
    (live / "fullchain.pem").write_bytes(chain)
    (letsencrypt / "renewal/pifleet-nodered.conf").write_text(
        f"# renew_before_expiry = 30 days\nversion = 2.1.0\nfullchain = {live}/fullchain.pem\n\n# Options\n[renewalparams]\n"
        f"account = 00\nserver = {DIRECTORY}\nauthenticator = webroot\nwebroot_path = /var/www,\n[[webroot_map]]\n"
        "pi.example.org = /var/www\n",
        "utf-8",
    )


def test_read_nothing(letsencrypt):
    assert host.read("nodered.service") is None


def test_read(letsencrypt):
    key, chain = pair("pi.example.org")
    lineage(letsencrypt, key, chain)
    found = host.read("nodered.service")
    assert found == {
        "name": "pifleet-nodered",
        "names": [],
        "chain": chain.decode(),
        "key_matches": True,
        "directory": DIRECTORY,
        "challenge": "webroot",
        "options": "",
        "hook": "",
        "timer": False,
    }
    (letsencrypt / "renewal-hooks/deploy/pifleet-nodered").write_text(HOOK, "utf-8")
    (letsencrypt / "timers/certbot.timer").symlink_to("/nowhere")
    host.Store("nodered").write(host.RECORD, {"names": ["pi.example.org"], "options": "digest"})
    assert {
        **found,
        "names": ["pi.example.org"],
        "options": "digest",
        "hook": checksum(HOOK.encode()),
        "timer": True,
    } == host.read("nodered")


@pytest.mark.parametrize("damage", [b"", b"\0\0\0", b"[renewalparams", b"version = 1\n"])
def test_read_damaged_record(letsencrypt, damage):
    lineage(letsencrypt, *pair("pi.example.org"))
    (letsencrypt / "renewal/pifleet-nodered.conf").write_bytes(damage)
    assert host.read("nodered")["directory"] == ""


def test_read_half_a_lineage(letsencrypt):
    lineage(letsencrypt, pair("pi.example.org")[0], pair("pi.example.org")[1])
    assert host.read("nodered")["key_matches"] is False
    os.unlink(letsencrypt / "live/pifleet-nodered/privkey.pem")
    assert host.read("nodered")["key_matches"] is False


@pytest.mark.parametrize(
    ("found", "installed", "renewed"),
    [
        (FOUND, {"chain": CHAIN, "key_matches": True}, True),
        (FOUND, {"chain": CHAIN.rstrip("\n"), "key_matches": True}, True),
        (None, {"chain": CHAIN, "key_matches": True}, False),
        (FOUND, {"chain": CHAIN, "key_matches": False}, False),
        (FOUND, {"chain": pair("pi.example.org")[1].decode(), "key_matches": True}, False),
        ({**FOUND, "chain": ""}, {"chain": "", "key_matches": True}, False),
    ],
)
def test_proof_after_a_renewal(found, installed, renewed):
    """It is no reason for a restart that certbot has put another certificate in place, if the server serves it."""
    expected = {"port": 1880, "certificate": "that of the proof"}
    after = host.expected_after_renewal(expected, found, installed)
    assert after == ({"port": 1880, "certificate": certificates.fingerprint(CHAIN)} if renewed else expected)
    assert host.expected_after_renewal({"certificate": None}, found, installed) == {"certificate": None}


def test_names_are_safe_for_a_shell():
    assert lineage_name("node-red@pi.service") == "pifleet-node-red@pi"
    assert lineage_name("a\\x2db;$(c).service") == "pifleet-a_x2db___c_"


# How certbot is run. A script stands in for it.


class Unit:
    """What is used of a service."""

    name = "nodered.service"
    active = False
    main_pid = 0

    def __init__(self, folder):
        self.account = Account(pwd.getpwuid(os.getuid()).pw_name)
        self.user_dir = self.settings_directory = str(folder)


@pytest.fixture
def client(letsencrypt, monkeypatch):
    """Makes an AcmeCertificate; with a script that is run as certbot, and has the new pair in $NEW."""
    (letsencrypt / "timers/certbot.timer").symlink_to("/nowhere")
    (letsencrypt / "bin").mkdir()
    new = letsencrypt / "new"
    new.mkdir()
    key, chain = pair("pi.example.org", start=0, days=9000)
    (new / "privkey.pem").write_bytes(key)
    (new / "fullchain.pem").write_bytes(chain)
    lineage(letsencrypt, key, chain)
    (letsencrypt / "renewal/pifleet-nodered.conf").rename(new / "conf")
    for name in ("privkey.pem", "fullchain.pem"):
        os.unlink(letsencrypt / "live/pifleet-nodered" / name)
    monkeypatch.setenv("PATH", f"{letsencrypt}/bin:{os.environ['PATH']}")
    monkeypatch.setattr(certbot, "PAUSE", 0.01)
    monkeypatch.setattr(host_certificate, "Store", lambda service: Store(service, str(letsencrypt / "store")))
    user_dir = letsencrypt / "userDir"
    user_dir.mkdir()

    def make(script, **options):
        program = letsencrypt / "bin/certbot"
        program.write_text(f"#!/bin/sh\nNEW={new} FOLDER={letsencrypt}\n{script}\n", "utf-8")
        program.chmod(0o755)
        made = certbot.AcmeCertificate(
            Unit(user_dir),
            {
                "names": ["pi.example.org"],
                "directory": DIRECTORY,
                "challenge": "standalone",
                "key_type": "ecdsa-p256",
                "force": False,
                "timeout": 20,
                **options,
            },
        )
        return made

    return make


#: What certbot leaves after a success.
FETCHES = """
mkdir -p $FOLDER/live/pifleet-nodered
cp $NEW/*.pem $FOLDER/live/pifleet-nodered
cp $NEW/conf $FOLDER/renewal/pifleet-nodered.conf
"""
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="the hook belongs to root")


@needs_root
def test_fetch(letsencrypt, client):
    made = client(
        FETCHES + 'echo "$@" >$FOLDER/arguments; for last; do :; done; cat $last >$FOLDER/ini',
        configuration='eab-kid = "k"',
        email="a@example.org",
    )
    result = made.fetch()
    assert (result["changed"], result["fetched"]) == (True, True)
    assert (letsencrypt / "userDir/nodecerts/server.pem").stat().st_mode & 0o777 == 0o600
    arguments = (letsencrypt / "arguments").read_text("utf-8")
    assert "eab" not in arguments and "--keep-until-expiring" in arguments
    assert (letsencrypt / "ini").read_text("utf-8") == 'email = "a@example.org"\neab-kid = "k"\n'
    assert [entry["path"] for entry in Transaction(made.store).record["files"]] == [
        str(letsencrypt / "userDir/nodecerts/server.pem"),
        str(letsencrypt / "renewal-hooks/deploy/pifleet-nodered"),
    ]


@needs_root
def test_way_back_takes_the_hook_along(letsencrypt, client):
    made = client(FETCHES)
    made.fetch()
    Transaction(made.store).undo()
    assert not (letsencrypt / "renewal-hooks/deploy/pifleet-nodered").exists()
    assert not (letsencrypt / "userDir/nodecerts").exists()


@needs_root
def test_remove(letsencrypt, client):
    made = client(FETCHES)
    made.fetch()
    Transaction(made.store).close()
    assert made.remove() == {"changed": True}
    assert made.remove() == {"changed": False}
    assert not (letsencrypt / "renewal-hooks/deploy/pifleet-nodered").exists()
    assert (letsencrypt / "live/pifleet-nodered/privkey.pem").exists()


@needs_root
def test_waits_for_certbots_own_timer(letsencrypt, client):
    made = client(
        'if mkdir $FOLDER/busy; then echo "Another instance of Certbot is already running."; exit 1; fi' + FETCHES
    )
    assert made.fetch()["fetched"]


@pytest.mark.parametrize(
    ("script", "options", "sentences"),
    [
        ("exit 0", {}, ("there is no certificate in", "dry-run")),
        (
            "echo 'Problem binding to port 80'; exit 1",
            {},
            ("Problem binding to port 80", "Another program has port 80"),
        ),
        (
            "echo Detail: s3cret and $2b$08$abcdefghijklmnop; exit 1",
            {"configuration": 'eab-hmac-key = "s3cret"'},
            ("Detail: ******** and",),
        ),
        (
            "echo s3cret; exit 1",
            {"credentials": "dns_x_password = s3cret", "challenge": "dns-x"},
            ("certificate: ********",),
        ),
        ("sleep 30 & sleep 30", {"timeout": 1}, ("certbot did not end in 1 s",)),
        ("echo 'Another instance of Certbot is already running.'; exit 1", {"timeout": 1}, ("Another instance",)),
        (FETCHES, {"names": ["pi.example.org", "lost.example.org"]}, ("lacks lost.example.org",)),
        (
            FETCHES + "openssl genpkey -algorithm ED25519 >$FOLDER/live/pifleet-nodered/privkey.pem",
            {},
            ("does not fit",),
        ),
    ],
)
@needs_root
def test_nothing_is_put_in_place(letsencrypt, client, monkeypatch, script, options, sentences):
    monkeypatch.setattr(certbot, "installed_version", lambda package: "1")
    made = client(script, **options)
    with pytest.raises(HostError) as caught:
        made.fetch()
    assert all(sentence in str(caught.value) for sentence in sentences), str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert not (letsencrypt / "userDir/nodecerts").exists()
    assert not (letsencrypt / "renewal-hooks/deploy/pifleet-nodered").exists()
    assert not (letsencrypt / "pifleet-nodered.credentials.ini").exists()
    assert not Transaction(made.store).open
    assert not host.read("nodered") or host.read("nodered")["options"] == ""


@needs_root
def test_the_servers_words_of_an_old_certbot(letsencrypt, client, monkeypatch):
    log = letsencrypt / "log"
    log.write_text("acme.messages.Error: the run before\nx\nacme.messages.Error: rateLimited :: s3cret\ny\n", "utf-8")
    monkeypatch.setattr(certbot, "LOG", str(log))
    made = client(
        """echo "An unexpected error: AttributeError: can't set attribute"; exit 1""",
        configuration="eab-hmac-key = s3cret",
    )
    with pytest.raises(HostError) as caught:
        made.fetch()
    assert str(caught.value).startswith("certbot got no certificate: rateLimited :: ******** Wait as long as")
    log.unlink()
    with pytest.raises(HostError) as caught:
        made.fetch()
    assert "AttributeError" in str(caught.value)


@needs_root
def test_half_a_lineage_is_removed_first(letsencrypt, client):
    (letsencrypt / "live/pifleet-nodered/privkey.pem").write_text("half", "ascii")
    (letsencrypt / "archive/pifleet-nodered").mkdir(parents=True)
    (letsencrypt / "live/other").mkdir()
    made = client("ls -R $FOLDER/live $FOLDER/archive >$FOLDER/seen" + FETCHES)
    made.fetch()
    seen = (letsencrypt / "seen").read_text("utf-8")
    assert "pifleet-nodered" not in seen
    assert "other" in seen


def test_words_of_certbot():
    output = (
        "Saving debug log to /var/log/letsencrypt/letsencrypt.log\nRequesting a certificate for pi.example.org\n\n"
        "Certbot failed to authenticate some domains\n  Detail: no   answer\n\nSome challenges have failed.\n"
        "Ask for help or search for solutions at https://example.org. See the logfile\n"
    )
    assert certbot.last_lines(output) == "Certbot failed to authenticate some domains Detail: no answer"


# The hook. The folders are this user's own, so that its rights are enough.


@pytest.fixture
def deploy(letsencrypt):
    """Runs the hook, and gives the file that it writes."""
    path = letsencrypt / "user dir's" / "nodecerts" / "server.pem"
    path.parent.mkdir(parents=True, mode=0o700)
    script = certbot_hook.hook("nodered", "root", "root", str(path))
    rights = 'setsid --wait setpriv --reuid="$user" --regid="$group" --init-groups --no-new-privs '
    assert script.count(rights) == 1
    assert script.count("\nuser=root\ngroup=root\n") == 1
    # Other rights can be taken by root only.
    script = script.replace(rights, "")

    def run(**environment):
        result = subprocess.run(
            ["sh", "-c", script],
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return result.returncode, result.stderr

    run.path = path
    return run


def test_hook(letsencrypt, deploy):
    key, chain = pair("pi.example.org")
    lineage(letsencrypt, key, chain + pair("an.authority")[1])
    assert deploy(RENEWED_LINEAGE=str(letsencrypt / "live/pifleet-nodered")) == (0, "")
    assert deploy.path.read_bytes() == key + (letsencrypt / "live/pifleet-nodered/fullchain.pem").read_bytes()
    assert deploy.path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(deploy.path.parent) == ["server.pem"]


def test_hook_makes_its_folder(letsencrypt, deploy):
    lineage(letsencrypt, *pair("pi.example.org"))
    deploy.path.parent.rmdir()
    assert deploy() == (0, "")
    assert deploy.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "environment",
    [
        {"RENEWED_LINEAGE": "/etc/letsencrypt/live/other"},
        {"RENEWED_LINEAGE": "/etc/letsencrypt/live/pifleet-nodered-0001"},
        {RUNNING: "1"},
    ],
)
def test_hook_has_nothing_to_do(letsencrypt, deploy, environment):
    lineage(letsencrypt, *pair("pi.example.org"))
    assert deploy(**environment) == (0, "")
    assert not deploy.path.exists()


def test_hook_refuses_what_does_not_fit(letsencrypt, deploy):
    lineage(letsencrypt, pair("pi.example.org")[0], pair("pi.example.org")[1])
    deploy.path.write_text("good", "ascii")
    status, expected = deploy()
    assert status != 0
    assert "server.pem stays as it is" in expected
    assert deploy.path.read_text("ascii") == "good"
    assert os.listdir(deploy.path.parent) == ["server.pem"]


@pytest.mark.parametrize("name", ["privkey.pem", "fullchain.pem"])
@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_hook_refuses_half_a_lineage(letsencrypt, deploy, name, content):
    lineage(letsencrypt, *pair("pi.example.org"))
    path = letsencrypt / "live/pifleet-nodered" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    deploy.path.write_text("good", "ascii")
    assert deploy()[0] != 0
    assert deploy.path.read_text("ascii") == "good"


def test_hook_replaces_links_instead_of_following_them(letsencrypt, deploy):
    lineage(letsencrypt, *pair("pi.example.org"))
    victim = letsencrypt / "victim"
    victim.write_text("unharmed", "ascii")
    deploy.path.symlink_to(victim)
    (deploy.path.parent / ".server.pem.renewed").symlink_to(victim)
    assert deploy() == (0, "")
    assert victim.read_text("ascii") == "unharmed"
    assert not deploy.path.is_symlink()


def test_hook_names_no_secret():
    assert "BEGIN" not in HOOK
    assert subprocess.run(["sh", "-n", "-c", HOOK], check=False).returncode == 0
