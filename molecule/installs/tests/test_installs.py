# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Node-REDs that are installed and started in other ways: secured like any other, or refused before any change.

Some of them have what docs/recipes.md tells to write, and some of its commands are run, all read from that page.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import typing as t

import pytest
import yaml
from recipes import commands, recipes
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
#: By its name in the inventory: the recipe whose variables it has.
RECIPES = {
    "low-port": "Port 443",
    "nvm": "A webhook that anybody may call",
    "npm": "Dashboards for several people",
    "spaces": "A certificate of your own",
}
WORD = "only-for-tests-"
#: By its name in the inventory: the service, and what the refusal says.
REFUSED = {
    "docker": ("docker", ["docker.service starts Docker", "in a container"]),
    "pm2": ("pm2", ["pm2.service starts pm2", "pm2 delete"]),
    "computed": ("computed", ["computed.service runs a script", "nodered_settings_path"]),
    "wrong-name": ("no-such", ["This host has no service no-such.service.", "set nodered_service: "]),
}


def own_certificate(fleet: Fleet) -> dict[str, str]:
    """The variables of a vault, with a certificate that openssl has made for the host's address too."""
    chain, key = own_chain(fleet), fleet.work / "own.key"
    names = f"subjectAltName=DNS:kitchen.example.com,IP:{fleet.address('pi')}"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", chain, "-days", "90"),
            *("-subj", "/CN=kitchen.example.com", "-addext", names, "-addext", "basicConstraints=critical,CA:FALSE"),
        ],
        check=True,
        capture_output=True,
    )
    return {"vault_certificate_chain": chain.read_text("utf-8"), "vault_certificate_key": key.read_text("utf-8")}


def own_chain(fleet: Fleet) -> pathlib.Path:
    return fleet.work / "own.pem"


def ask(fleet: Fleet, install: str, path: str, *options: str) -> int:
    """The status of what an installed Node-RED answers over TLS, by whatever has signed its certificate."""
    trusted = ["--cacert", str(own_chain(fleet))] if install == "spaces" else []
    port = PORT_AFTER.get(install, INSTALLED[install][1])
    return fleet.here().request(f"https://{fleet.address('pi')}:{port}{path}", *trusted, *options).status


def run_command(fleet: Fleet, inventory: str, install: str, text: str) -> Run:
    """Run the command of the page that ends so, with an installed Node-RED in the place of the page's host."""
    (command,) = [command for command in commands("docs/recipes.md") if command.endswith(text)]
    words = [word for word in command.split() if word != "ansible-playbook"]
    (playbook,) = [word for word in words if word.startswith("pifleet.nodered.")]
    words.remove(playbook)
    place = {"fleet.ini": inventory, "kitchen.local": install, "garage.local": install}
    return fleet.play(*(place.get(word, word) for word in words), playbook=playbook)


@pytest.fixture(scope="module")
def inventory(fleet: Fleet) -> str:
    """Each service under a name of its own, all at one address."""
    fleet.host("pi").check_output("sh -euc %s", INSTALL.read_text("utf-8"))
    reached = yaml.safe_load(fleet.inventory.read_text("utf-8"))["nodered"]["hosts"]["pi"]
    hosts: dict[str, dict[str, t.Any]] = {
        name: {**reached, "nodered_service": service}
        for name, service in [(name, entry[0]) for name, entry in [*INSTALLED.items(), *REFUSED.items()]]
    }
    page = {recipe.title: recipe.variables for recipe in recipes("docs/recipes.md")}
    for name, title in RECIPES.items():
        hosts[name].update(page[title])
        hosts[name].update({word: WORD + word for word in re.findall(r"vault_\w+", str(page[title]))})
    hosts["spaces"].update(own_certificate(fleet))
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
    assert ask(fleet, install, "/settings") == 401
    assert ask(fleet, install, "/flows") == 401
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
def test_an_audit_looks_at_a_low_port(fleet: Fleet, inventory: str) -> None:
    """By a list of authorities that has none of ours, which only who was shown the certificate can tell."""
    elsewhere = {"nodered_ca_dir": str(fleet.work / "none")}
    run = fleet.play("-i", inventory, "--limit", "low-port", variables=elsewhere, playbook="pifleet.nodered.audit")
    assert run.said("The certificate was issued by an authority that is not known here."), run.output
    assert not run.said("could not be told"), run.output


@pytest.mark.usefixtures("secured")
def test_the_recipe_of_a_webhook(fleet: Fleet) -> None:
    """Nothing is there, which only somebody hears who may ask."""
    assert [ask(fleet, "nvm", path) for path in ("/webhook/bell", "/health", "/other")] == [404, 404, 401]


@pytest.mark.usefixtures("secured")
def test_the_recipe_of_dashboards(fleet: Fleet) -> None:
    def status(user: str, *options: str) -> int:
        return ask(fleet, "npm", "/other", *options, "--user", f"{user}:{WORD}vault_{user}")

    assert ask(fleet, "npm", "/other") == 401
    assert (status("fred"), status("fred", "--data", "x=1")) == (404, 404)
    assert (status("wall"), status("wall", "--data", "x=1")) == (404, 403)


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


@pytest.mark.usefixtures("secured")
def test_the_recipe_of_a_clone(fleet: Fleet, inventory: str) -> None:
    host, certificate = fleet.host("pi"), INSTALLED["user-dir"][2]
    before = host.check_output("openssl x509 -noout -pubkey -in %s", certificate)
    run = run_command(fleet, inventory, "user-dir", "-e nodered_certificate_new_key=true")
    assert (run.status, run.recap["user-dir"]["failed"]) == (0, 0), run.output
    assert host.check_output("openssl x509 -noout -pubkey -in %s", certificate) != before
    assert ask(fleet, "user-dir", "/settings") == 401


@pytest.mark.usefixtures("secured")
def test_the_recipe_to_take_it_off(fleet: Fleet, inventory: str) -> None:
    _service, port, _certificate = INSTALLED["quoted"]
    plain = f"http://{fleet.address('pi')}:{port}/settings"
    run = run_command(fleet, inventory, "quoted", "remove -l kitchen.local")
    assert run.recap["quoted"]["changed"] == 0, run.output
    assert ask(fleet, "quoted", "/settings") == 401
    run = run_command(fleet, inventory, "quoted", "-e nodered_remove=true")
    assert run.status == 0, run.output
    assert fleet.here().request(plain).status == 200


@pytest.mark.usefixtures("secured")
def test_the_right_to_a_low_port_goes_with_it(fleet: Fleet, inventory: str) -> None:
    host, capabilities = fleet.host("pi"), "systemctl show low-port --property=AmbientCapabilities --value"
    assert host.check_output(capabilities) == "cap_net_bind_service"
    left_out = {"nodered_settings": {}, "nodered_settings_purge": True}
    run = fleet.play("-i", inventory, "--limit", "low-port", variables=left_out)
    assert run.status == 0, run.output
    assert host.check_output(capabilities) == ""
    url = f"https://{fleet.address('pi')}:{INSTALLED['low-port'][1]}/settings"
    assert fleet.here().request(url).status == 401
    again = fleet.play("-i", inventory, "--limit", "low-port", variables=left_out)
    assert (again.status, again.recap["low-port"]["changed"]) == (0, 0), again.output
