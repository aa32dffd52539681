# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that lies harms itself and nobody else: it fails, or is certified for its own names; the honest one is secured."""

from __future__ import annotations

import copy
import importlib.util
import os
import pathlib
import re
import subprocess
import typing as t

import pytest
import yaml
from scenario.fleet import CERTIFICATE, Fleet, Run
from scenario.leaks import leaked

LIAR = pathlib.Path(__file__).parents[1] / "files" / "liar.py"
_spec = importlib.util.spec_from_file_location("liar", LIAR)
assert _spec is not None
assert _spec.loader is not None
lies = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lies)

AUDIT = "pifleet.nodered.audit"
RESTORE = "pifleet.nodered.restore"
ROTATE = "pifleet.nodered.rotate"
CANARY = pathlib.Path("/tmp/pifleet-canary")
#: Seconds that one may take that never ends.
PATIENCE_WITH_LIARS = 30
#: The whole table for the playbook that signs; a part of it for the others, unless all is asked for.
ALL = os.environ.get("PIFLEET_LIES") == "all"
SAMPLE = list(lies.REFUSED)[:: 1 if ALL else 6]


@pytest.fixture(scope="module")
def inventory(fleet: Fleet) -> str:
    """The liar under the name of each of its lies, beside the hosts of the scenario."""
    names = [*lies.REFUSED, *lies.LATE, *lies.ENDLESS, "dropped"]
    host = fleet.host("liar")
    host.check_output("install -d /usr/local/bin/lies /etc/lies")
    host.check_output("printf %%s %s >/usr/local/bin/lies/liar", "#!/usr/bin/python3\n" + LIAR.read_text("utf-8"))
    host.check_output("chmod 0755 /usr/local/bin/lies/liar")
    host.check_output("cd /usr/local/bin/lies && for name in %s; do ln -sf liar $name; done" % " ".join(names))
    own, other = fleet.address("liar"), fleet.address("honest")
    host.check_output("printf %%s %s >/etc/lies/addresses", f"{own} {other} 192.168.1.1 8.8.8.8")
    reached = yaml.safe_load(fleet.inventory.read_text("utf-8"))["nodered"]["hosts"]["liar"]
    hosts = {f"lie-{name}": {**reached, "ansible_python_interpreter": f"/usr/local/bin/lies/{name}"} for name in names}
    for name in lies.ENDLESS:
        hosts[f"lie-{name}"]["nodered_start_timeout"] = PATIENCE_WITH_LIARS
    path = fleet.work / "lies.yml"
    path.write_text(yaml.safe_dump({"nodered": {"hosts": hosts}}), encoding="utf-8")
    return str(path)


def limit(*names: str) -> tuple[str, str]:
    return "--limit", ",".join(["honest", *(f"lie-{name}" for name in names)])


def held(run: Run, names: t.Iterable[str]) -> None:
    """That a run failed for these liars, went on for the honest host, and printed nothing that it must not."""
    for name in names:
        recap = run.recap[f"lie-{name}"]
        assert recap["failed"] + recap["unreachable"] == 1, (name, run.output)
        assert recap["changed"] == 0, (name, run.output)
    honest = run.recap["honest"]
    assert honest["failed"] == honest["unreachable"] == 0, run.output
    printed(run)


def printed(run: Run) -> None:
    assert "\x1b" not in run.output
    assert "\x07" not in run.output
    assert not CANARY.exists()
    assert "Traceback" not in run.output
    assert "unhandled exception" not in run.output.lower()


def names_of(fleet: Fleet, name: str) -> set[str]:
    """What the certificate of a host is good for, as openssl reads it."""
    text = fleet.host(name).check_output("openssl x509 -in %s -noout -ext subjectAltName", CERTIFICATE)
    return set(re.findall(r"(?:DNS|IP Address):([^,\s]+)", text))


def test_every_lie_fails_its_host_alone(fleet: Fleet, inventory: str) -> None:
    secrets = fleet.secrets()
    run = fleet.play("-i", inventory, "--forks", "10", "-vvvvv", "--diff", *limit(*lies.REFUSED, *lies.ENDLESS))
    held(run, [*lies.REFUSED, *lies.ENDLESS])
    assert leaked({*secrets, *fleet.secrets()}, run.output) == []
    assert fleet.here().request(fleet.url("honest") + "/settings").status == 401
    assert fleet.here().request(fleet.url("liar", "http") + "/settings").status == 200
    assert names_of(fleet, "honest") == {"honest.local", fleet.address("honest")}


def test_lies_do_not_disturb_the_second_run(fleet: Fleet, inventory: str) -> None:
    run = fleet.play("-i", inventory, "--forks", "10", *limit(*SAMPLE))
    held(run, SAMPLE)
    assert run.recap["honest"]["changed"] == 0


@pytest.mark.parametrize("lie", lies.LATE)
def test_a_lie_during_the_change_is_undone(fleet: Fleet, inventory: str, lie: str) -> None:
    run = fleet.play("-i", inventory, "-vvvvv", "--diff", *limit(lie))
    printed(run)
    assert run.recap[f"lie-{lie}"]["failed"] + run.recap[f"lie-{lie}"]["rescued"] > 0, run.output
    assert run.recap["honest"]["failed"] == run.recap["honest"]["changed"] == 0, run.output
    assert leaked(fleet.secrets(), run.output) == []
    if lie != "proof-missing":  # which comes after the proof, so that there is nothing to be undone any more
        assert fleet.here().request(fleet.url("liar", "http") + "/settings").status == 200


def test_what_has_no_meaning_is_dropped_and_what_lacks_evidence_not_signed(fleet: Fleet, inventory: str) -> None:
    new_key = {"nodered_certificate_new_key": True}
    run = fleet.play("-i", inventory, "-vvvvv", "--diff", "--limit", "lie-dropped", variables=new_key)
    printed(run)
    assert run.recap["lie-dropped"]["failed"] == 0, run.output
    assert names_of(fleet, "liar") == {fleet.address("liar")}
    # Of the names that were claimed only those that the authority may sign at all are proposed.
    assert run.said("nodered_certificate_names: [honest.local, "), run.output
    assert leaked(fleet.secrets(), run.output) == []
    verified = subprocess.run(
        ["openssl", "verify", "-CAfile", fleet.ca, "-verify_ip", fleet.address("liar")],
        input=fleet.host("liar").check_output("openssl x509 -in %s", CERTIFICATE),
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    again = fleet.play("-i", inventory, *limit("dropped"))
    assert again.recap["lie-dropped"]["changed"] == again.recap["lie-dropped"]["failed"] == 0, again.output


@pytest.mark.parametrize("playbook", [AUDIT, RESTORE, ROTATE])
def test_other_playbooks(fleet: Fleet, inventory: str, playbook: str) -> None:
    before = names_of(fleet, "honest")
    run = fleet.play(
        "-i",
        inventory,
        "--forks",
        "10",
        *limit(*SAMPLE),
        playbook=playbook,
        variables={"nodered_rotate": "keys"},
    )
    printed(run)
    assert names_of(fleet, "honest") == before
    if playbook != AUDIT:
        held(run, SAMPLE)
    else:
        for name in SAMPLE:
            assert f"lie-{name}" in run.output
        assert leaked(fleet.secrets(), run.output) == []


#: By how an inventory names a host: its name, its variables, its file in host_vars, variables of the group, and what is
#: signed. HERE stands for its address. Its own name is honest; 192.168.77.5 and fd00:77::5 are further addresses of it.
NAMED: dict[str, tuple[str, dict[str, t.Any], dict[str, t.Any], dict[str, t.Any], set[str]]] = {
    "by its address only": ("HERE", {}, {}, {}, {"HERE"}),
    "another name": ("kitchen.lan", {"ansible_host": "HERE"}, {}, {}, {"kitchen.lan", "HERE"}),
    "its own name": ("honest", {"ansible_host": "HERE"}, {}, {}, {"honest.local", "HERE"}),
    "a domain": ("honest.home.arpa", {}, {"ansible_host": "HERE"}, {}, {"honest.home.arpa", "honest.local", "HERE"}),
    "a template": ("den", {}, {}, {"ansible_host": "{{ place }}", "place": "HERE"}, {"HERE"}),
    "two interfaces and IPv6": (
        "den",
        {"ansible_host": "HERE"},
        {"nodered_certificate_names": ["192.168.77.5", "fd00:77:0::5", "den.lan"]},
        {},
        {"HERE", "192.168.77.5", "FD00:77:0:0:0:0:0:5", "den.lan"},
    ),
}


@pytest.fixture(scope="module")
def further_addresses(fleet: Fleet) -> None:
    """A second interface, and IPv6. A container may not change its network, but its machine may."""
    for command in (
        "ip link add wlan0 type veth peer name nowhere",
        "sysctl -qw net.ipv6.conf.wlan0.disable_ipv6=0",
        "ip address add 192.168.77.5/24 dev wlan0",
        "ip address add fd00:77::5/64 dev wlan0 nodad",
        "ip link set wlan0 up",
    ):
        inside = ["nsenter", "--net", "--target", fleet.machine_process("honest")]
        subprocess.run([*inside, *command.split()], check=True)


@pytest.mark.usefixtures("further_addresses")
@pytest.mark.parametrize("how", list(NAMED)[:: 1 if ALL else 5])
def test_what_is_signed_for_a_host_and_for_the_liar_beside_it(
    fleet: Fleet, inventory: str, tmp_path: pathlib.Path, how: str
) -> None:
    address = fleet.address("honest")
    name, variables, in_host_vars, of_group, expected = yaml.safe_load(
        yaml.safe_dump(NAMED[how]).replace("HERE", address)
    )
    reached = yaml.safe_load(fleet.inventory.read_text("utf-8"))["nodered"]
    connection = {key: value for key, value in reached["hosts"]["honest"].items() if key != "ansible_host"}
    liar = yaml.safe_load(pathlib.Path(inventory).read_text("utf-8"))["nodered"]["hosts"]["lie-dropped"]
    hosts = {name: {**connection, **variables}, "lie-dropped": liar}
    group = {"hosts": hosts, "vars": {**reached["vars"], **of_group}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"nodered": group}), "utf-8")
    (tmp_path / "host_vars").mkdir()
    (tmp_path / f"host_vars/{name}.yml").write_text(yaml.safe_dump(in_host_vars), "utf-8")
    (tmp_path / "group_vars").symlink_to(fleet.inventory.parent / "group_vars")
    other = copy.copy(fleet)
    other.inventory = tmp_path / "hosts.yml"
    run = other.play(variables={"nodered_certificate_new_key": True})
    assert run.status == 0, run.output
    assert names_of(fleet, "honest") == set(expected)
    assert names_of(fleet, "liar") == {fleet.address("liar")}
    assert run.said("192.168.77.5, fd00:77::5]") is ("192.168.77.5" not in expected), run.output
