# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Node-REDs that are installed and started in other ways: secured like any other, or refused before any change."""

from __future__ import annotations

import pathlib
import re
import subprocess
import typing as t

import pytest
import yaml
from scenario.fleet import OF_ANSIBLE, Fleet, Run, differences
from scenario.waiting import wait_for

INSTALL = pathlib.Path(__file__).parents[1] / "files" / "install.sh"
#: By its name in the inventory: the service, its port, and the file with its key and certificate.
PORT_AFTER = {"low-port": 443}
INSTALLED = {
    "nvm": ("nvm", 1901, "/home/pi/nvm/nodecerts/server.pem"),
    "npm": ("npm", 1902, "/home/pi/npm/data/nodecerts/server.pem"),
    "relative": ("relative", 1903, "/home/pi/relative/data/nodecerts/server.pem"),
    "spaces": ("spaces", 1904, "/home/pi/USB DISK/node-red/nodecerts/server.pem"),
    "quoted": ("quoted", 1905, "/home/pi/quoted/nodecerts/server.pem"),
    "linked": ("linked", 1906, "/home/pi/repo/nodecerts/server.pem"),
    "user-dir": ("user-dir", 1907, "/home/pi/site/nodecerts/server.pem"),
    "dotted": ("node-red@site.a", 1908, "/home/pi/site.a/nodecerts/server.pem"),
    "shared-a": ("shared-a", 1909, "/home/pi/shared/nodecerts/server-settings-a.pem"),
    "script": ("script", 1912, "/home/pi/script/nodecerts/server.pem"),
    "dietpi": ("dietpi", 1913, "/mnt/dietpi_userdata/node-red/nodecerts/server.pem"),
    "low-port": ("low-port", 1911, "/home/pi/low-port/nodecerts/server.pem"),
    # The last: install.sh has not started it, because shared-a has to make their folder first.
    "shared-b": ("shared-b", 1910, "/home/pi/shared/nodecerts/server-settings-b.pem"),
}
#: By its name in the inventory: the service, and what the refusal says.
REFUSED = {
    "docker": ("docker", ["docker.service starts Docker", "in a container"]),
    "pm2": ("pm2", ["pm2.service starts pm2", "pm2 delete"]),
    "computed": ("computed", ["computed.service runs a script", "nodered_settings_path"]),
    "wrong-name": ("no-such", ["This host has no service no-such.service.", "set nodered_service: "]),
}


@pytest.fixture(scope="module")
def inventory(fleet: Fleet) -> str:
    """Each service under a name of its own, all at one address."""
    fleet.host("pi").check_output("sh -euc %s", INSTALL.read_text("utf-8"))
    reached = yaml.safe_load(fleet.inventory.read_text("utf-8"))["nodered"]["hosts"]["pi"]
    hosts: dict[str, dict[str, t.Any]] = {
        name: {**reached, "nodered_service": service}
        for name, service in [(name, entry[0]) for name, entry in [*INSTALLED.items(), *REFUSED.items()]]
    }
    hosts["low-port"]["nodered_settings"] = {"uiPort": PORT_AFTER["low-port"]}
    path = fleet.work / "installs.yml"
    path.write_text(yaml.safe_dump({"nodered": {"hosts": hosts}}), encoding="utf-8")
    for service, port, _certificate in INSTALLED.values():
        fleet.host("pi").check_output("systemctl start %s", service)
        url = f"http://{fleet.address('pi')}:{port}/settings"
        wait_for(lambda url=url: fleet.here().request(url).status == 200, f"{url} is open")
    return str(path)


@pytest.fixture(scope="module")
def secured(fleet: Fleet, inventory: str) -> Run:
    return fleet.play("-i", inventory, "--forks", "10", "--limit", ",".join(INSTALLED))


def test_all_are_secured(secured: Run) -> None:
    assert secured.status == 0, secured.output
    assert {name for name, recap in secured.recap.items() if recap["changed"]} == set(INSTALLED), secured.output


@pytest.mark.usefixtures("secured")
@pytest.mark.parametrize("install", INSTALLED)
def test_a_stranger_is_refused_over_tls(fleet: Fleet, install: str) -> None:
    _service, port, certificate = INSTALLED[install]
    port = PORT_AFTER.get(install, port)
    address = fleet.address("pi")
    assert fleet.here().request(f"https://{address}:{port}/settings").status == 401
    assert fleet.here().request(f"https://{address}:{port}/flows").status == 401
    served = subprocess.run(
        f"openssl s_client -connect {address}:{port} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256",
        shell=True,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    host = fleet.host("pi")
    assert host.check_output("openssl x509 -noout -fingerprint -sha256 -in %s", certificate) == served
    assert host.file(certificate).mode == 0o600


def test_each_certificate_has_its_own_names(fleet: Fleet, secured: Run) -> None:
    assert secured.status == 0
    keys = set()
    for _service, _port, certificate in INSTALLED.values():
        keys.add(fleet.host("pi").check_output("openssl x509 -noout -pubkey -in %s", certificate))
    assert len(keys) == len(INSTALLED)


@pytest.mark.usefixtures("secured")
def test_what_the_settings_name_is_what_is_protected(fleet: Fleet) -> None:
    host = fleet.host("pi")
    assert host.file("/home/pi/nrdata").mode == 0o700
    assert "// mine" in host.file("/home/pi/repo/settings.js").content_string
    assert host.file("/home/pi/linked/settings.js").is_symlink
    assert not host.file("/home/pi/linked/nodecerts").exists


@pytest.mark.usefixtures("secured")
def test_a_low_port_has_no_other_right_of_root(fleet: Fleet) -> None:
    process = fleet.host("pi").check_output("systemctl show low-port --property=MainPID --value")
    status = fleet.host("pi").file(f"/proc/{process}/status").content_string
    effective = re.search(r"CapEff:\s+([0-9a-f]+)", status)
    assert effective is not None
    assert int(effective[1], 16) == 1 << 10  # CAP_NET_BIND_SERVICE


@pytest.mark.usefixtures("secured")
def test_the_second_run_changes_nothing(fleet: Fleet, inventory: str) -> None:
    again = fleet.play("-i", inventory, "--forks", "10", "--limit", ",".join(INSTALLED))
    assert again.status == 0, again.output
    assert not any(recap["changed"] for recap in again.recap.values()), again.output


@pytest.mark.parametrize("install", REFUSED)
def test_refused_before_any_change(fleet: Fleet, inventory: str, install: str) -> None:
    before = fleet.held("pi", OF_ANSIBLE)
    run = fleet.play("-i", inventory, "--limit", install)
    assert run.recap[install]["failed"] == 1, run.output
    assert run.recap[install]["changed"] == 0, run.output
    for text in REFUSED[install][1]:
        assert run.said(text), run.output
    assert not run.said("Install Node-RED first")
    assert differences(before, fleet.held("pi", OF_ANSIBLE)) == []


@pytest.mark.parametrize(
    ("mounts", "text"),
    [
        (["-t tmpfs none DISK"], "is on a file system in memory (tmpfs)"),
        (
            [
                "-t tmpfs none /mnt",
                "-t overlay overlay -o lowerdir=DISK,upperdir=/mnt/upper,workdir=/mnt/work DISK",
            ],
            "is on a file system in memory (overlay)",
        ),
        (["--bind DISK DISK", "-o remount,ro,bind DISK"], "is on a file system that is mounted read-only"),
    ],
)
def test_a_disk_that_keeps_nothing(fleet: Fleet, inventory: str, secured: Run, mounts: list[str], text: str) -> None:
    """As an overlay of the root, seen from one directory."""
    assert secured.status == 0
    disk, host = "/home/pi/low-port", fleet.host("pi")
    try:
        for mount in mounts:
            host.check_output("mount " + mount.replace("DISK", disk) + " && mkdir -p /mnt/upper /mnt/work")
        run = fleet.play("-i", inventory, "--limit", "low-port", variables={"nodered_certificate_new_key": True})
    finally:
        host.run("umount %s; umount /mnt", disk)
    assert run.recap["low-port"]["failed"] == 1, run.output
    assert run.recap["low-port"]["changed"] == 0, run.output
    assert run.said(text), run.output
