# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What concerns several hosts at once: one that is lost in the middle, and what is done once for all. Behind the other tests."""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest
import yaml
from scenario.fleet import Fleet

#: What a host is lost before: Ansible asks for its address at each task.
MOMENTS = {"settings": "nodered_certificate_result", "service": "nodered_settings_result"}
#: Nobody listens there, which ssh is told at once.
NOWHERE = 1


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_host_that_is_lost_in_the_middle(fleet: Fleet, moment: str) -> None:
    """It is told as failed, begins no further batch, and comes to its end in the next run."""
    lost = {"ansible_port": f"{{{{ {NOWHERE} if {MOMENTS[moment]} is defined else 22 }}}}"}
    inventory, summary = fleet.work / "lost.yml", fleet.work / "summary.json"
    inventory.write_text(yaml.safe_dump({"nodered": {"hosts": {"pi31": lost}}}), encoding="utf-8")
    change = {"nodered_settings": {"editorTheme.page.title": f"lost before {moment}"}}
    batches = {"nodered_serial": [2, 1], "nodered_summary_path": str(summary)}
    run = fleet.play("-i", str(inventory), variables={**change, **batches})
    assert run.status != 0, run.output
    outcomes = {host["name"]: host["outcome"] for host in json.loads(summary.read_text("utf-8"))["hosts"]}
    first, other = (host for host in fleet.names if host != "pi31")
    assert outcomes == {"pi31": "failed", first: "secured", other: "not begun"}, run.output
    assert run.said("The connection broke off."), run.output
    for name in fleet.names:
        assert fleet.here().request(f"{fleet.url(name)}/flows").status == 401
    again = fleet.play(variables=change)
    assert again.status == 0, again.output
    third = fleet.play(variables=change)
    assert {name: third.recap[name]["changed"] for name in fleet.names} == dict.fromkeys(fleet.names, 0), third.output


def test_what_is_done_once_is_done_once(fleet: Fleet) -> None:
    """Also with a strategy by which no host waits for the others, and does not know of run_once."""
    free = {"ANSIBLE_STRATEGY": "ansible.builtin.free"}
    reports = fleet.work / "reports"
    run = fleet.play(playbook="pifleet.nodered.audit", variables={"nodered_report_dir": str(reports)}, environment=free)
    assert run.status in (0, 2), run.output
    report = json.loads((reports / "report.json").read_text("utf-8"))
    assert {subject["name"] for subject in report["subjects"]} == set(fleet.names)
    before = roots(fleet)
    rotation: dict[str, t.Any] = {"nodered_rotate": ["authority"]}
    run = fleet.play(playbook="pifleet.nodered.rotate", variables=rotation, environment=free)
    assert run.status == 0, run.output
    assert run.output.count(f"{len(fleet.names)} hosts: ") == 1, run.output
    assert len(roots(fleet)) == len(before) + 1


def roots(fleet: Fleet) -> list[str]:
    """The authorities that browsers are told to trust and that nobody else vouches for, as openssl has their names."""
    bundle = ["openssl", "crl2pkcs7", "-nocrl", "-certfile", fleet.ca]
    pkcs7 = subprocess.run(bundle, check=True, capture_output=True).stdout
    shown = ["openssl", "pkcs7", "-print_certs", "-noout"]
    lines = subprocess.run(shown, input=pkcs7, check=True, capture_output=True).stdout.decode().split("\n\n")
    pairs = [[line.partition("=")[2] for line in each.strip().splitlines()] for each in lines if each.strip()]
    return [subject for subject, issuer in pairs if subject == issuer]
