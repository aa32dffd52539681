# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate that the host has already, and renews: copied by a run, then followed. The tests follow each other."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from scenario.fleet import CERTIFICATE, OF_ANSIBLE, PORT, STORE, Fleet, Run, differences
from scenario.leaks import leaked
from scenario.waiting import wait_for

RENEW = (pathlib.Path(__file__).parents[1] / "files/renew.sh").read_text("utf-8")
LIVE = "/etc/letsencrypt/live/pi.example.com"
UNIT = "pifleet-nodered-certificate"
HOST = {
    "nodered_certificate_provider": "host",
    "nodered_certificate_names": ["pi.example.com"],
    "nodered_certificate_host_key": f"{LIVE}/privkey.pem",
    "nodered_certificate_host_chain": f"{LIVE}/fullchain.pem",
}
#: Node.js refuses to start with it, so that the run goes back.
FAULT = {"nodered_environment": {"NODE_OPTIONS": "--no-such-option"}}
#: One of each Debian: their systemd differs.
NAMES = ("pi31", "pi41")
both = pytest.mark.parametrize("pi", NAMES)


def play(fleet: Fleet, *arguments: str, **variables: object) -> Run:
    return fleet.play("--limit", ",".join(NAMES), *arguments, variables={**HOST, **variables})


def make(fleet: Fleet, pi: str, number: int) -> None:
    fleet.host(pi).check_output("sh -euc %s renew %s 2>&1", RENEW, str(number))


def link(fleet: Fleet, pi: str, number: int, name: str) -> None:
    """Have a file of live/ lead to the one with this number, in one step."""
    fleet.host(pi).check_output("ln -sf ../../archive/pi.example.com/%s%s.pem %s/%s.pem", name, str(number), LIVE, name)


def serial(fleet: Fleet, pi: str, path: str = CERTIFICATE) -> str:
    return fleet.host(pi).check_output("openssl x509 -in %s -noout -serial", path)


def served(fleet: Fleet, pi: str) -> str:
    shown = fleet.here().openssl("s_client", "-connect", f"{fleet.address(pi)}:{PORT}").stdout
    read = ["openssl", "x509", "-noout", "-serial"]
    return subprocess.run(read, input=shown, capture_output=True, text=True, check=False).stdout.strip()


def wait_until_renewed(fleet: Fleet, pi: str) -> None:
    """Without a run the copy is the new pair, and a little later Node-RED serves it."""
    wanted = serial(fleet, pi, f"{LIVE}/fullchain.pem")
    wait_for(lambda: serial(fleet, pi) == wanted, "the new certificate is copied")
    wait_for(lambda: served(fleet, pi) == wanted, "Node-RED serves the new certificate")
    host = fleet.host(pi)
    copy = host.file(CERTIFICATE)
    assert (copy.user, copy.group, copy.mode) == ("pi", "pi", 0o600)
    host.check_output("cat %s/privkey.pem %s/fullchain.pem | cmp - %s", LIVE, LIVE, CERTIFICATE)


def watches(fleet: Fleet, pi: str) -> bool:
    found = fleet.host(pi).run("systemctl is-active %s.path %s.timer", UNIT, UNIT)
    return found.stdout.split() == ["active", "active"]


def nothing_follows(fleet: Fleet, pi: str) -> bool:
    host = fleet.host(pi)
    left = host.run(
        f"ls -d /etc/systemd/system/{UNIT}.* /etc/systemd/system/*/*{UNIT}* {STORE}/nodered/*certificate*"
    ).stdout
    return not left and not host.check_output("systemctl list-units --all --no-legend '%s*'", UNIT)


def test_one_that_is_not_there(fleet: Fleet) -> None:
    before = {pi: fleet.held(pi, OF_ANSIBLE) for pi in NAMES}
    run = play(fleet)
    for pi in NAMES:
        assert run.recap[pi]["failed"] == 1, run.output
        assert differences(before[pi], fleet.held(pi, OF_ANSIBLE)) == []
    assert run.said(f"nodered_certificate_host_key: {LIVE}/privkey.pem does not exist on this host."), run.output


def test_it_is_copied_and_served(fleet: Fleet) -> None:
    for pi in NAMES:
        make(fleet, pi, 1)
        for name in ("privkey", "fullchain"):
            link(fleet, pi, 1, name)
    run = play(fleet, "--diff", "-vvv")
    assert run.status == 0, run.output
    for pi in NAMES:
        host = fleet.host(pi)
        secrets = [line for line in host.file(f"{LIVE}/privkey.pem").content_string.splitlines() if "-----" not in line]
        assert leaked(secrets, run.output) == []
        assert leaked(secrets, fleet.journal(pi, "--all")) == []
        assert host.file(f"{LIVE}/privkey.pem").linked_to == "/etc/letsencrypt/archive/pi.example.com/privkey1.pem"
        assert host.check_output("stat -Lc '%%a %%U' %s/privkey.pem", LIVE) == "600 root"
        assert host.run("runuser -u pi -- cat %s/privkey.pem", LIVE).rc != 0
        assert watches(fleet, pi)
        wait_until_renewed(fleet, pi)


@both
def test_browsers_trust_it(fleet: Fleet, pi: str) -> None:
    root = fleet.work / f"{pi}-public.pem"
    root.write_text(fleet.host(pi).check_output("cat /root/authority.pem"), "utf-8")
    verified = ("-CAfile", str(root), "-verify_return_error", "-verify_hostname", "pi.example.com")
    shown = fleet.here().openssl("s_client", "-connect", f"{fleet.address(pi)}:{PORT}", *verified)
    assert "Verify return code: 0 (ok)" in shown.stdout, shown.stderr


def test_the_second_run_changes_nothing(fleet: Fleet) -> None:
    run = play(fleet)
    # What a run says at its end is a task of one of the hosts.
    assert all(run.recap[pi]["ok"] <= 2 and run.recap[pi]["changed"] == 0 for pi in NAMES), run.output


@both
def test_a_renewal_needs_no_run(fleet: Fleet, pi: str) -> None:
    """The two files are never replaced at the same moment: until both are, the old pair stays."""
    before, process = serial(fleet, pi), fleet.process(pi)
    make(fleet, pi, 2)
    link(fleet, pi, 2, "privkey")
    state = ("systemctl show %s.service --property=ActiveState --value", UNIT)
    wait_for(lambda: fleet.host(pi).check_output(*state) == "activating", "the host has noticed")
    assert serial(fleet, pi) == served(fleet, pi) == before
    link(fleet, pi, 2, "fullchain")
    wait_until_renewed(fleet, pi)
    assert serial(fleet, pi) != before
    # Written over, as acme.sh does.
    make(fleet, pi, 3)
    for name in ("privkey", "fullchain"):
        fleet.host(pi).check_output("cd %s && cat ../../archive/pi.example.com/%s3.pem >%s.pem", LIVE, name, name)
    wait_until_renewed(fleet, pi)
    assert fleet.process(pi) == process


def test_a_run_after_renewals_changes_nothing(fleet: Fleet) -> None:
    run = play(fleet)
    assert {pi: run.recap[pi]["changed"] for pi in NAMES} == dict.fromkeys(NAMES, 0), run.output


def test_a_new_key_is_not_ours_to_make(fleet: Fleet) -> None:
    run = play(fleet, nodered_certificate_new_key=True)
    assert {pi: run.recap[pi]["failed"] for pi in NAMES} == dict.fromkeys(NAMES, 1), run.output
    assert run.said("the private key is made by what renews the certificate on the host"), run.output


def test_it_is_followed_again_after_a_way_back(fleet: Fleet) -> None:
    run = play(fleet, nodered_certificate_provider="ca", **FAULT)
    for pi in NAMES:
        assert run.recap[pi]["rescued"] == 1, run.output
        assert watches(fleet, pi)
        wait_until_renewed(fleet, pi)
    run = play(fleet)
    assert {pi: run.recap[pi]["changed"] for pi in NAMES} == dict.fromkeys(NAMES, 0), run.output


def test_with_another_provider_nothing_is_left(fleet: Fleet) -> None:
    run = fleet.play("--limit", ",".join(NAMES))
    assert run.status == 0, run.output
    for pi in NAMES:
        assert nothing_follows(fleet, pi)
        assert serial(fleet, pi) == served(fleet, pi) != serial(fleet, pi, f"{LIVE}/fullchain.pem")
    # And so it is after a run that goes back.
    run = play(fleet, **FAULT)
    for pi in NAMES:
        assert run.recap[pi]["rescued"] == 1, run.output
        assert nothing_follows(fleet, pi)
        assert serial(fleet, pi) == served(fleet, pi) != serial(fleet, pi, f"{LIVE}/fullchain.pem")
