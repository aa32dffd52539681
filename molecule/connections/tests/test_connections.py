# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that have no IPv4, of which one is reached through the other alone, and whose sudo asks for different passwords."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import pathlib
import re
import subprocess
import typing as t

import pytest
import yaml
from scenario.fleet import Fleet, Run

NETWORK = ipaddress.IPv6Network("fd42:6e6f:6465::/64")
#: A name that only the host `near` knows.
FAR = "far.lan"
SUDO = {name: f"{name}-sudo-only-for-tests" for name in ("near", "far")}


@dataclasses.dataclass(frozen=True)
class Ways:
    """The only ways to the hosts."""

    fleet: Fleet
    addresses: dict[str, str]
    inventory: pathlib.Path

    def play(self, *words: str, **arguments: t.Any) -> Run:
        # The last inventory wins where both have a variable of a host.
        return self.fleet.play("-i", str(self.inventory), *words, **arguments)

    def on(self, name: str, *command: str) -> str:
        return output(*self.fleet.command_on(name, *command))


def output(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def ways(fleet: Fleet) -> t.Iterator[Ways]:
    here, *others = (str(NETWORK[number]) for number in (1, 2, 3))
    addresses = dict(zip(("near", "far"), others, strict=True))
    bridge = re.search(r"dev (\S+)", output("ip", "route", "get", fleet.address("near")))[1]
    output("ip", "address", "replace", f"{here}/64", "dev", bridge, "nodad")
    for name, address in addresses.items():
        inside = ("nsenter", f"--net=/proc/{fleet.machine_process(name)}/ns/net", "ip")
        output(*inside, "address", "add", f"{address}/64", "dev", "eth0", "nodad")
        output(*inside, "-4", "address", "flush", "dev", "eth0")
        program = f"echo 'pi:{SUDO[name]}' | chpasswd; echo 'pi ALL=(ALL) ALL' >/etc/sudoers.d/010_pi-nopasswd"
        output(*fleet.command_on(name, "sh", "-euc", program))
    output(*fleet.command_on("near", "sh", "-c", f"echo '{addresses['far']} {FAR}' >>/etc/hosts"))
    yield Ways(fleet, addresses, write_inventory(fleet, addresses))
    output("ip", "address", "delete", f"{here}/64", "dev", bridge)


def write_inventory(fleet: Fleet, addresses: dict[str, str]) -> pathlib.Path:
    """The same hosts on their ways, as a user would write them: in an inventory and in the configuration of ssh."""
    hosts = yaml.safe_load(fleet.inventory.read_text("utf-8"))["nodered"]["hosts"]
    known = {name: re.search(r"UserKnownHostsFile=(\S+)", hosts[name]["ansible_ssh_common_args"])[1] for name in hosts}
    lines = []
    for pattern, name, more in (
        (f"jump {addresses['near']}", "near", f"HostName {addresses['near']}"),
        (FAR, "far", "ProxyJump pi@jump"),
    ):
        lines += [f"Host {pattern}", more, f"HostKeyAlias {fleet.address(name)}", f"UserKnownHostsFile {known[name]}"]
    lines += ["Host *", f"IdentityFile {fleet._connection['ansible_ssh_private_key_file']}"]
    lines += ["IdentitiesOnly yes", "GlobalKnownHostsFile /dev/null", "StrictHostKeyChecking yes"]
    configuration = fleet.work / "ssh_config"
    configuration.write_text("\n".join([*lines, ""]), encoding="utf-8")
    inventory = fleet.work / "ways.yml"
    inventory.touch(mode=0o600)
    variables = {
        name: {
            "ansible_host": {"near": addresses["near"], "far": FAR}[name],
            "ansible_ssh_common_args": f"-F {configuration}",
            "ansible_become_password": SUDO[name],
        }
        for name in addresses
    }
    inventory.write_text(yaml.safe_dump({"nodered": {"hosts": variables}}), encoding="utf-8")
    return inventory


@pytest.fixture(scope="module")
def secured(ways: Ways) -> Run:
    summary = ways.fleet.work / "summary.json"
    run = ways.play(variables={"nodered_summary_path": str(summary)})
    assert run.status == 0, run.output
    return run


@pytest.fixture(scope="module")
def wrong(ways: Ways) -> str:
    """An inventory with a password of near that sudo does not take."""
    path = ways.fleet.work / "wrong.yml"
    path.write_text(yaml.safe_dump({"nodered": {"hosts": {"near": {"ansible_become_password": "wrong"}}}}))
    return str(path)


def test_a_wrong_password_for_sudo_fails_its_host_alone(ways: Ways, wrong: str) -> None:
    run = ways.play("-i", wrong, "--check")
    assert (run.recap["near"]["failed"], run.recap["far"]["failed"]) == (1, 0), run.output
    assert run.said("Incorrect sudo password. Correct what the inventory has as ansible_become_password"), run.output
    assert not any(password in run.output for password in SUDO.values())


def test_a_wrong_password_for_sudo_is_told_of_by_one_task(ways: Ways, wrong: str) -> None:
    """What has changed nothing is not put back, which would fail for the same reason."""
    run = ways.play("-i", wrong, "--limit", "near", playbook="pifleet.nodered.restore")
    assert run.recap["near"]["failed"] == 1, run.output
    tasks = run.output.split("TASK [")[1:]
    assert [task.partition("]")[0] for task in tasks if "Incorrect sudo password" in task] == [
        "List the states that are kept, or bring one back"
    ], run.output
    assert run.said("That task has changed nothing, and nothing was put back."), run.output


def test_both_serve_what_their_ways_name(ways: Ways, secured: Run) -> None:
    """Asked by openssl: here for the host that can be reached, on the other host for the other."""
    near = f"[{ways.addresses['near']}]:1880"
    verified = ("-CAfile", ways.fleet.ca, "-verify_return_error", "-verify_ip", ways.addresses["near"])
    assert "Verify return code: 0" in openssl("openssl", "s_client", "-connect", near, *verified)
    ca = pathlib.Path(ways.fleet.ca).read_text("utf-8")
    ways.on("near", "sh", "-c", f"echo '{ca}' >/tmp/ca.pem")
    connect = f"openssl s_client -connect {FAR}:1880 -CAfile /tmp/ca.pem -verify_return_error -verify_hostname {FAR}"
    assert "Verify return code: 0" in ways.on("near", "sh", "-c", f"{connect} </dev/null")


def openssl(*command: str) -> str:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout


def test_the_login_is_proved_where_the_host_can_be_reached(ways: Ways, secured: Run) -> None:
    assert secured.said(f"That admin can log in was not proved: port 1880 of {FAR} cannot be reached from here"), (
        secured.output
    )
    assert not secured.said(f"port 1880 of {ways.addresses['near']} cannot be reached")


def near_url(ways: Ways) -> str:
    return f"https://[{ways.addresses['near']}]:1880"


def test_a_stranger_is_refused_by_ipv6(ways: Ways, secured: Run) -> None:
    client = ways.fleet.here()
    assert client.request(f"{near_url(ways)}/flows", "--globoff").status == 401
    assert client.request(f"{near_url(ways).replace('https', 'http')}/flows", "--globoff").status == 0


def test_what_is_said_at_the_end_can_be_opened(ways: Ways, secured: Run) -> None:
    hosts = {host["name"]: host for host in json.loads((ways.fleet.work / "summary.json").read_text())["hosts"]}
    assert hosts["near"]["url"] == "https://near.local:1880/"
    assert hosts["far"]["url"] == "https://far.local:1880/"
    resolved = ("--resolve", f"near.local:1880:[{ways.addresses['near']}]")
    assert ways.fleet.here().request(hosts["near"]["url"], *resolved).status == 200


def test_a_second_run_changes_nothing(ways: Ways, secured: Run) -> None:
    run = ways.play()
    assert run.status == 0, run.output
    assert "changed=0" in run.output
    assert not re.search(r"changed=[1-9]", run.output), run.output


def test_the_audit_says_which_host_it_could_not_ask_itself(ways: Ways, secured: Run) -> None:
    reports = ways.fleet.work / "reports"
    run = ways.play(playbook="pifleet.nodered.audit", variables={"nodered_report_dir": str(reports)})
    assert run.status == 0, run.output
    assert run.said(f"Port 1880 of {FAR} does not answer the control node: only what the host told is judged.")
    assert not run.said(f"Port 1880 of {ways.addresses['near']} does not answer")
    report = json.loads((reports / "report.json").read_text())
    addresses = {subject["name"]: subject["address"] for subject in report["subjects"]}
    assert addresses == {"near": ways.addresses["near"], "far": FAR}
    assert not [finding for finding in report["findings"] if finding["severity"] in ("critical", "high")]
