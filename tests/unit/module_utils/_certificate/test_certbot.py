# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How certbot is run, and what is put in place of what it fetches. A script stands in for it."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from certbot_lineages import DIRECTORY, lineage, pair
from stopped_unit import StoppedUnit

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate import (
    certbot,
    host_certificate,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._certificate import (
    certbot_lineage as host,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.transaction import Transaction


@pytest.fixture
def client(letsencrypt: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Client:
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

    def make(script: str, **options: t.Any) -> certbot.AcmeCertificate:
        program = letsencrypt / "bin/certbot"
        program.write_text(f"#!/bin/sh\nNEW={new} FOLDER={letsencrypt}\n{script}\n", "utf-8")
        program.chmod(0o755)
        return certbot.AcmeCertificate(
            StoppedUnit(user_dir),
            {
                "names": ["pi.example.org"],
                "directory": DIRECTORY,
                "challenge": "standalone",
                "key_type": "ecdsa-p256",
                "force": False,
                "timeout": 300,
                **options,
            },
        )

    return make


#: What certbot leaves after a success.
FETCHES = """
mkdir -p $FOLDER/live/pifleet-nodered
cp $NEW/*.pem $FOLDER/live/pifleet-nodered
cp $NEW/conf $FOLDER/renewal/pifleet-nodered.conf
"""
#: Makes what is tested, with a script that is run as certbot.
Client = t.Callable[..., certbot.AcmeCertificate]
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="the hook belongs to root")


@needs_root
def test_fetch(letsencrypt: pathlib.Path, client: Client) -> None:
    made = client(
        FETCHES + 'echo "$@" >$FOLDER/arguments; for last; do :; done; cat $last >$FOLDER/ini',
        configuration='eab-kid = "k"',
        email="a@example.org",
    )
    result = made.fetch()
    assert (result["changed"], result["fetched"]) == (True, True)
    assert (letsencrypt / "userDir/nodecerts/server.pem").stat().st_mode & 0o777 == 0o600
    arguments = (letsencrypt / "arguments").read_text("utf-8")
    assert "eab" not in arguments
    assert "--keep-until-expiring" in arguments
    assert (letsencrypt / "ini").read_text("utf-8") == 'email = "a@example.org"\neab-kid = "k"\n'
    record = Transaction(made.store).record
    assert record is not None
    assert [entry["path"] for entry in record["files"]] == [
        str(letsencrypt / "userDir/nodecerts/server.pem"),
        str(letsencrypt / "renewal-hooks/deploy/pifleet-nodered"),
    ]


@needs_root
def test_undo_takes_the_hook_along(letsencrypt: pathlib.Path, client: Client) -> None:
    made = client(FETCHES)
    made.fetch()
    Transaction(made.store).undo()
    assert not (letsencrypt / "renewal-hooks/deploy/pifleet-nodered").exists()
    assert not (letsencrypt / "userDir/nodecerts").exists()


@needs_root
def test_remove(letsencrypt: pathlib.Path, client: Client) -> None:
    made = client(FETCHES)
    made.fetch()
    Transaction(made.store).close()
    assert made.remove() == {"changed": True}
    assert made.remove() == {"changed": False}
    assert not (letsencrypt / "renewal-hooks/deploy/pifleet-nodered").exists()
    assert (letsencrypt / "live/pifleet-nodered/privkey.pem").exists()


@needs_root
def test_waits_for_certbots_own_timer(letsencrypt: pathlib.Path, client: Client) -> None:
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
def test_nothing_is_put_in_place(
    letsencrypt: pathlib.Path,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    options: dict[str, t.Any],
    sentences: tuple[t.Any, ...],
) -> None:
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
def test_the_servers_words_of_an_old_certbot(
    letsencrypt: pathlib.Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
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
def test_half_a_lineage_is_removed_first(letsencrypt: pathlib.Path, client: Client) -> None:
    (letsencrypt / "live/pifleet-nodered/privkey.pem").write_text("half", "ascii")
    (letsencrypt / "archive/pifleet-nodered").mkdir(parents=True)
    (letsencrypt / "live/other").mkdir()
    made = client("ls -R $FOLDER/live $FOLDER/archive >$FOLDER/seen" + FETCHES)
    made.fetch()
    seen = (letsencrypt / "seen").read_text("utf-8")
    assert "pifleet-nodered" not in seen
    assert "other" in seen


def test_last_lines_of_certbot() -> None:
    output = (
        "Saving debug log to /var/log/letsencrypt/letsencrypt.log\nRequesting a certificate for pi.example.org\n\n"
        "Certbot failed to authenticate some domains\n  Detail: no   answer\n\nSome challenges have failed.\n"
        "Ask for help or search for solutions at https://example.org. See the logfile\n"
    )
    assert certbot.last_lines(output) == "Certbot failed to authenticate some domains Detail: no answer"


class NginxOfTest:
    """Says what certbot is led to, and by which site."""

    def __init__(self, sites: list[str | None]) -> None:
        self.sites = sites

    def put_at_once(self, content: str | None) -> None:
        self.sites.append(content)


@pytest.fixture
def sites(letsencrypt: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The sites that nginx was given, None for one that was taken away; there is one at first."""
    put: list[str | None] = []
    monkeypatch.setattr(certbot, "Proxy", lambda _service, _before: NginxOfTest(put))
    monkeypatch.setattr(certbot.nginx, "site", lambda _service: "a site")
    monkeypatch.setattr(certbot, "challenge_directory", lambda _service: str(letsencrypt / "challenges/nodered"))
    return put


@needs_root
def test_nginx_leads_to_the_challenge(letsencrypt: pathlib.Path, client: Client, sites: list[str | None]) -> None:
    """Also where the umask of the run would keep nginx out."""
    webroot = letsencrypt / "challenges/nodered"
    before = os.umask(0o077)
    try:
        made = client(
            f"stat -c %a {webroot} >$FOLDER/mode\n{FETCHES}", challenge="webroot", webroot=str(webroot), site="with it"
        )
        made.fetch()
    finally:
        os.umask(before)
    assert (letsencrypt / "mode").read_text("utf-8") == "755\n"
    assert sites == ["with it"]
    assert webroot.is_dir(), "its renewals need it"


@needs_root
@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, [None]), ({"challenge": "dns-x"}, []), ({"proxy": True, "challenge": "dns-x"}, [])],
)
def test_port_80_is_left_to_certbot(
    letsencrypt: pathlib.Path,
    client: Client,
    sites: list[str | None],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, t.Any],
    expected: list[str | None],
) -> None:
    """Where certbot itself answers, and the site is to go."""
    monkeypatch.setattr(certbot.AcmeCertificate, "_install_programs", lambda _self: None)
    monkeypatch.setattr(host_certificate, "proxy_certificate", lambda _service: str(letsencrypt / "etc/server.pem"))
    monkeypatch.setattr(
        host_certificate, "make_directory", lambda _transaction, _service: (letsencrypt / "etc").mkdir()
    )
    (letsencrypt / "challenges/nodered").mkdir(parents=True)
    client(f"{FETCHES}\nsed -i s/webroot/x/ $FOLDER/renewal/pifleet-nodered.conf", **options).fetch()
    assert sites == expected
    assert not (letsencrypt / "challenges/nodered").exists()
