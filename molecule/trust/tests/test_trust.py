# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Desktops trust a fleet's authority, as curl, openssl and certutil see it. The tests follow each other on the same hosts."""

from __future__ import annotations

import pathlib
import re
import shlex
import typing as t

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from scenario.fleet import CERTIFICATE, OF_ANSIBLE, Fleet, Run, differences
from scenario.waiting import PATIENCE

DESKTOPS = ("desktop13", "desktop12")
CHROMIUM = "/home/pi/.pki/nssdb"
FIREFOX = "/home/pi/.mozilla/firefox/abc.default-release"
GIVEN = "/usr/local/share/ca-certificates"
#: Root's, where a user's link leads.
PLANTED = "/var/lib/planted"

OTHER_AUTHORITY = pathlib.Path(__file__).parents[1] / "files" / "other_authority.sh"

every_desktop = pytest.mark.parametrize("desktop", DESKTOPS)


def trust(fleet: Fleet, *arguments: str, **variables: t.Any) -> Run:
    """Run the playbook against the desktops, for their user pi."""
    return fleet.play(
        *arguments,
        playbook="pifleet.nodered.trust",
        variables={"nodered_trust_hosts": ",".join(DESKTOPS), "nodered_trust_users": ["pi"], **variables},
    )


def changes(run: Run) -> list[int]:
    return [run.recap[desktop]["changed"] for desktop in DESKTOPS]


def as_pi(fleet: Fleet, desktop: str, *command: str) -> t.Any:
    # certutil ends with status 255, which ssh has for a lost connection.
    return fleet.host(desktop).run(f"runuser -u pi -- {shlex.join(command)} || exit 1")


def fetched(fleet: Fleet, desktop: str) -> t.Any:
    """The status that the Pi answers to a curl on the desktop which is told nothing of an authority."""
    return as_pi(
        fleet,
        desktop,
        "curl",
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        str(PATIENCE),
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        f"{fleet.url('pi')}/settings",
    )


def held(fleet: Fleet, desktop: str) -> list[str]:
    return fleet.held(desktop, OF_ANSIBLE)


def fingerprint(pem: bytes) -> str:
    return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex()


def listed(fleet: Fleet, desktop: str, database: str) -> dict[str, str]:
    """The nicknames of a database with their trust, as its user's certutil lists them."""
    result = as_pi(fleet, desktop, "certutil", "-L", "-d", f"sql:{database}")
    assert result.rc == 0, result.stderr
    return dict(re.findall(r"^(\S.*\S) +([a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*) *$", result.stdout, re.MULTILINE))


@pytest.fixture(scope="module")
def mark(fleet: Fleet) -> str:
    """By what the authority is found again on a host."""
    return f"pifleet-nodered-{fingerprint(pathlib.Path(fleet.ca).read_bytes())[:16]}"


@pytest.fixture(scope="module")
def nickname(fleet: Fleet, mark: str) -> str:
    """What browsers call it."""
    subject = x509.load_pem_x509_certificate(pathlib.Path(fleet.ca).read_bytes()).subject
    (common_name,) = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return f"{common_name.value} ({mark})"


@pytest.fixture(scope="module")
def other(fleet: Fleet) -> str:
    """A file like that of an authority which was renewed and replaced: four certificates, of which two are to be trusted."""
    directory = fleet.work / "other"
    directory.mkdir(exist_ok=True)
    here = fleet.here().machine
    assert here.run("sh %s %s", str(OTHER_AUTHORITY), str(directory)).rc == 0
    return str(directory)


@every_desktop
def test_a_desktop_does_not_trust_the_pi(fleet: Fleet, desktop: str) -> None:
    result = fetched(fleet, desktop)
    assert "certificate" in result.stderr and result.stdout == "000", result


def test_check_mode_changes_nothing(fleet: Fleet) -> None:
    before = [held(fleet, desktop) for desktop in DESKTOPS]
    run = trust(fleet, "--check", "--diff")
    assert run.status == 0, run.output
    assert min(changes(run)) > 0
    # There is no certutil yet.
    assert run.said("What they hold is not known to check mode."), run.output
    assert run.said(f"- {CHROMIUM} (user pi)") and "CN=Node-RED fleet CA" in run.output, run.output
    assert [
        differences(*pair) for pair in zip(before, [held(fleet, desktop) for desktop in DESKTOPS], strict=True)
    ] == [[], []]


@every_desktop
def test_module_alone_asks_for_certutil(fleet: Fleet, desktop: str) -> None:
    """And says so before it changes anything."""
    playbook = fleet.work / "alone.yml"
    playbook.write_text(
        f"""
- hosts: {desktop}
  gather_facts: false
  tasks:
    - pifleet.nodered.trust: {{users: [pi], ca_dir: "{{{{ nodered_ca_dir }}}}"}}
      become: true
""",
        encoding="utf-8",
    )
    run = fleet.play(playbook=str(playbook))
    assert run.status != 0
    assert run.said("this host lacks: install its package libnss3-tools"), run.output
    assert fleet.host(desktop).run("ls %s/pifleet-nodered-*", GIVEN).rc != 0


def test_trust(fleet: Fleet) -> None:
    for desktop in DESKTOPS:
        # A profile of Firefox; its database is made when there is a certutil.
        fleet.host(desktop).check_output(
            "apt-get -qy install --no-install-recommends libnss3-tools && install -d -o pi -g pi -m 0700 /home/pi/.mozilla "
            "/home/pi/.mozilla/firefox /home/pi/.mozilla/firefox/new " + FIREFOX
        )
        assert as_pi(fleet, desktop, "certutil", "-N", "--empty-password", "-d", f"sql:{FIREFOX}").rc == 0
    fleet.host("desktop12").check_output("apt-get -qy purge libnss3-tools")
    run = trust(fleet, "--diff")
    assert run.status == 0, run.output
    assert changes(run) == [1, 2], run.output
    digits = fingerprint(pathlib.Path(fleet.ca).read_bytes()).upper()
    shown = ":".join(digits[start : start + 2] for start in range(0, 64, 2))
    for text in (f"fingerprint: {shown}", "- system", f"- {CHROMIUM} (user pi)", f"- {FIREFOX} (user pi)"):
        assert run.said(text), run.output
    assert "BEGIN CERTIFICATE" not in run.output


@every_desktop
def test_curl_and_openssl_trust_it(fleet: Fleet, desktop: str) -> None:
    result = fetched(fleet, desktop)
    assert (result.rc, result.stdout) == (0, "401"), result
    host = fleet.host(desktop)
    served = fleet.host("pi").check_output("openssl x509 -in %s", CERTIFICATE)
    host.check_output("printf %%s %s >/tmp/served.pem", served)
    # OpenSSL's two ways to look for an authority: one file, and a directory with hashes.
    for way in ("-no-CApath -no-CAstore", "-no-CAfile -no-CAstore"):
        verified = host.run(f"openssl verify {way} -verify_ip {fleet.address('pi')} /tmp/served.pem")
        assert verified.stdout.strip() == "/tmp/served.pem: OK", verified


@every_desktop
def test_files_of_the_system(fleet: Fleet, desktop: str, mark: str) -> None:
    found = fleet.host(desktop).file(f"{GIVEN}/{mark}.crt")
    assert (found.user, found.group, found.mode) == ("root", "root", 0o644)
    assert fingerprint(found.content) == fingerprint(pathlib.Path(fleet.ca).read_bytes())


@every_desktop
@pytest.mark.parametrize("database", [CHROMIUM, FIREFOX])
def test_browsers_trust_it(fleet: Fleet, desktop: str, database: str, nickname: str) -> None:
    assert listed(fleet, desktop, database) == {nickname: "C,,"}
    host = fleet.host(desktop)
    # NSS itself verifies the Pi's certificate as a server's, in a copy of the database that has it.
    copy = "/tmp/copy"
    host.check_output(f"rm -rf {copy} && cp -a {database} {copy}")
    assert (
        as_pi(
            fleet, desktop, "certutil", "-A", "-d", f"sql:{copy}", "-n", "pi", "-t", ",,", "-i", "/tmp/served.pem", "-a"
        ).rc
        == 0
    )
    verified = as_pi(fleet, desktop, "certutil", "-V", "-d", f"sql:{copy}", "-n", "pi", "-u", "V", "-e")
    assert verified.stdout.strip() == "certutil: certificate is valid", verified
    assert as_pi(fleet, desktop, "certutil", "-D", "-d", f"sql:{copy}", "-n", nickname).rc == 0
    assert as_pi(fleet, desktop, "certutil", "-V", "-d", f"sql:{copy}", "-n", "pi", "-u", "V", "-e").rc != 0


@every_desktop
def test_files_of_the_user(fleet: Fleet, desktop: str) -> None:
    host = fleet.host(desktop)
    found = host.check_output("find /home/pi/.pki /home/pi/.mozilla -printf '%u %g %m %y\\n' | sort -u").splitlines()
    assert set(found) == {"pi pi 700 d", "pi pi 600 f"}
    assert host.check_output("ls -A /home/pi/.mozilla/firefox/new") == ""


@pytest.mark.parametrize("arguments", [[], ["--check", "--diff"]])
def test_second_run_changes_nothing(fleet: Fleet, arguments: list[str]) -> None:
    before = [held(fleet, desktop) for desktop in DESKTOPS]
    run = trust(fleet, *arguments)
    assert run.status == 0, run.output
    assert changes(run) == [0, 0], run.output
    assert [held(fleet, desktop) for desktop in DESKTOPS] == before


def test_what_was_spoilt_is_mended(fleet: Fleet, mark: str, nickname: str) -> None:
    """A run that was killed before the store was made anew; a browser in which somebody took the trust away."""
    fleet.host("desktop13").check_output(f"rm /etc/ssl/certs/{mark}.pem && openssl rehash /etc/ssl/certs; true")
    assert as_pi(fleet, "desktop12", "certutil", "-M", "-d", f"sql:{FIREFOX}", "-n", nickname, "-t", ",,").rc == 0
    run = trust(fleet)
    assert run.status == 0, run.output
    assert changes(run) == [1, 1], run.output
    assert fetched(fleet, "desktop13").stdout == "401"
    assert listed(fleet, "desktop12", FIREFOX) == {nickname: "C,,"}


def test_only_roots_that_are_valid(fleet: Fleet, other: str, mark: str, nickname: str) -> None:
    """Another authority, which was renewed: two certificates with one subject, beside those that nobody has to trust."""
    run = trust(fleet, nodered_ca_certificate=pathlib.Path(other, "ca.pem").read_text("utf-8"))
    assert run.status == 0, run.output
    roots = {name: fingerprint(pathlib.Path(other, f"{name}.pem").read_bytes())[:16] for name in ("old", "renewed")}
    for desktop in DESKTOPS:
        files = fleet.host(desktop).check_output("cd %s && ls pifleet-nodered-*", GIVEN).split()
        assert set(files) == {f"{mark}.crt", *(f"pifleet-nodered-{start}.crt" for start in roots.values())}
        for database in (CHROMIUM, FIREFOX):
            assert listed(fleet, desktop, database) == {
                nickname: "C,,",
                **{f"Other fleet CA (pifleet-nodered-{start})": "C,," for start in roots.values()},
            }
        # What was trusted before stays so.
        assert fetched(fleet, desktop).stdout == "401"
    again = trust(fleet, nodered_ca_certificate=pathlib.Path(other, "ca.pem").read_text("utf-8"))
    assert changes(again) == [0, 0], again.output


def test_database_with_a_password(fleet: Fleet) -> None:
    """As with a primary password in Firefox: nothing can be added without it, and the rest is done."""
    profile = "/home/pi/.mozilla/firefox/locked.default"
    for desktop in DESKTOPS:
        fleet.host(desktop).check_output(
            "install -d -o pi -g pi -m 0700 %s && printf 'only-for-tests\\n' >/tmp/word", profile
        )
        assert as_pi(fleet, desktop, "certutil", "-N", "-f", "/tmp/word", "-d", f"sql:{profile}").rc == 0
    run = trust(fleet)
    assert run.status != 0
    assert run.said(f"{profile} has a password (in Firefox, the primary password)"), run.output
    for desktop in DESKTOPS:
        assert listed(fleet, desktop, profile) == {}
        # Whoever knows it does it by hand, and it is seen.
        fleet.host(desktop).check_output("printf %%s %s >/tmp/ca.pem", pathlib.Path(fleet.ca).read_text("utf-8"))
        assert (
            as_pi(
                fleet,
                desktop,
                "certutil",
                "-A",
                "-f",
                "/tmp/word",
                "-d",
                f"sql:{profile}",
                "-n",
                "by hand",
                "-t",
                "C,,",
                "-a",
                "-i",
                "/tmp/ca.pem",
            ).rc
            == 0
        )
    run = trust(fleet)
    assert run.status == 0, run.output
    assert changes(run) == [0, 0], run.output


def test_link_is_not_followed_with_the_rights_of_root(fleet: Fleet) -> None:
    """Ann's links lead to directorys of root, one of which she may read."""
    for desktop in DESKTOPS:
        fleet.host(desktop).check_output(
            "install -d -m 0755 %s && install -d -m 0700 %s/private /home/ann/.mozilla/firefox && "
            "ln -sfn %s /home/ann/.pki && ln -sfn %s/private /home/ann/.mozilla/firefox/x && "
            "cp -a %s/. %s/private && chown -R root:root %s && chown -hR ann:ann /home/ann",
            PLANTED,
            PLANTED,
            PLANTED,
            PLANTED,
            CHROMIUM,
            PLANTED,
            PLANTED,
        )
    before = [[line for line in held(fleet, desktop) if PLANTED in line] for desktop in DESKTOPS]
    run = trust(fleet, nodered_trust_users=["ann"])
    assert run.status != 0
    assert run.said("The directory /home/ann/.pki/nssdb cannot be made as ann: Permission denied."), run.output
    after = [[line for line in held(fleet, desktop) if PLANTED in line] for desktop in DESKTOPS]
    assert after == before
    assert all(before)


def test_absent_takes_all_of_it_away(fleet: Fleet, other: str) -> None:
    for desktop in DESKTOPS:
        # The user's own, under a name like ours.
        fleet.host(desktop).check_output(
            "printf %%s %s >%s/pifleet-nodered-0123456789abcdef.crt",
            pathlib.Path(other, "old.pem").read_text("utf-8"),
            GIVEN,
        )
    before = [held(fleet, desktop) for desktop in DESKTOPS]
    variables = {"nodered_trust_state": "absent", "nodered_ca_dir": "/nonexistent"}
    run = trust(fleet, "--check", "--diff", **variables)
    assert run.status == 0, run.output
    assert changes(run) == [1, 1], run.output
    assert [held(fleet, desktop) for desktop in DESKTOPS] == before
    run = trust(fleet, "--diff", **variables)
    assert run.status == 0, run.output
    assert changes(run) == [1, 1], run.output
    assert run.said("subject: CN=Node-RED fleet CA") and "BEGIN CERTIFICATE" not in run.output
    for desktop in DESKTOPS:
        assert fetched(fleet, desktop).stdout == "000"
        own = fleet.host(desktop).check_output("cd %s && ls -A", GIVEN).split()
        assert own == ["machine.crt", "pifleet-nodered-0123456789abcdef.crt"]
        links = (
            fleet.host(desktop).check_output("find /etc/ssl/certs -xtype l; ls /etc/ssl/certs | grep pifleet").split()
        )
        assert links == ["pifleet-nodered-0123456789abcdef.pem"]
        assert listed(fleet, desktop, CHROMIUM) == listed(fleet, desktop, FIREFOX) == {}
        assert listed(fleet, desktop, "/home/pi/.mozilla/firefox/locked.default") == {"by hand": "C,,"}
    run = trust(fleet, **variables)
    assert changes(run) == [0, 0], run.output


def test_user_that_is_not_there(fleet: Fleet) -> None:
    run = trust(fleet, nodered_trust_users=["nobody-here"])
    assert run.status != 0
    assert run.said("The user nobody-here does not exist on this host."), run.output
    assert fetched(fleet, "desktop13").stdout == "000"
