# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a bare Debian to a secured Node-RED. The tests follow each other on the same hosts."""

from __future__ import annotations

from scenario.fleet import OF_ANSIBLE, PROJECT, STORE, Fleet

INSTALL = "pifleet.nodered.install"
NAMES = ("bare12", "bare13")
PACKAGES = "/usr/local/lib/node_modules"


def test_check_mode_changes_nothing(fleet: Fleet) -> None:
    # Ansible's apt module needs it in check mode. Raspberry Pi OS has it.
    fleet.host("bare13").check_output("apt-get -q update && apt-get -qy install python3-apt")
    before = fleet.held("bare13", r"^/home/pi d ")
    run = fleet.play("--check", "--limit", "bare13", playbook=INSTALL)
    assert run.status == 0, run.output
    assert run.recap["bare13"]["changed"] > 0
    # Ansible's own directory for what it sends stays, empty.
    assert fleet.held("bare13", OF_ANSIBLE) == before


def test_node_js_that_is_too_old(fleet: Fleet) -> None:
    """Debian 12 has Node.js 18, and Node-RED 5 wants 22.9."""
    run = fleet.play("--limit", "bare12", playbook=INSTALL, variables={"nodered_version": "5"})
    assert run.status != 0
    assert run.said("is too old for Node-RED 5. Set nodered_node_version to a newer Node.js"), run.output
    host = fleet.host("bare12")
    assert not host.exists("node-red")
    assert not host.file("/etc/systemd/system/nodered.service").exists
    assert not host.file("/home/pi/.node-red").exists


def test_an_npm_that_is_killed_leaves_no_service(fleet: Fleet) -> None:
    """What it has left looks like an installed package; the next test begins with it."""
    host = fleet.host("bare13")
    kill = f"until [ -e {PACKAGES}/node-red/package.json ]; do sleep 0.01; done; pkill -KILL -f '^npm install'"
    host.check_output("systemd-run --quiet --unit=kill sh -c %s", kill)
    run = fleet.play("--limit", "bare13", playbook=INSTALL)
    assert run.status != 0, run.output
    assert host.file(f"{PACKAGES}/node-red").exists
    assert host.run("node-red --version").rc != 0
    assert not host.file("/etc/systemd/system/nodered.service").exists


def test_install(fleet: Fleet) -> None:
    run = fleet.play(playbook=INSTALL)
    assert run.status == 0, run.output
    for name in NAMES:
        host = fleet.host(name)
        assert host.run("npm ls --global --all").rc == 0
        assert not [path for path in host.file(PACKAGES).listdir() if path.startswith(".")]
        assert host.check_output("node-red --version | head -1").startswith("Node-RED v4.")
        directory = host.file("/home/pi/.node-red")
        assert (directory.user, directory.mode) == ("pi", 0o700)
        # An open Node-RED must not run, nor start with the host.
        assert not host.service("nodered").is_running
        assert not host.service("nodered").is_enabled


def test_unit_is_sound(fleet: Fleet, name: str) -> None:
    host = fleet.host(name)
    assert host.run("systemd-analyze verify /etc/systemd/system/nodered.service").rc == 0
    shown = host.check_output("systemctl show nodered --property=User,KillSignal,Restart,WorkingDirectory")
    assert set(shown.splitlines()) == {"User=pi", "KillSignal=2", "Restart=on-failure", "WorkingDirectory=/home/pi"}


def test_second_run_changes_nothing(fleet: Fleet) -> None:
    run = fleet.play(playbook=INSTALL)
    assert run.status == 0, run.output
    assert [run.recap[name]["changed"] for name in NAMES] == [0, 0], run.output


def test_secured_and_then_left_alone(fleet: Fleet) -> None:
    run = fleet.play()
    assert run.status == 0, run.output
    processes = [fleet.process(name) for name in NAMES]
    for name in NAMES:
        assert fleet.here().request(fleet.url(name) + "/settings").status == 401
    for playbook in (INSTALL, "pifleet.nodered.secure"):
        run = fleet.play(playbook=playbook)
        assert run.status == 0, run.output
        assert [run.recap[name]["changed"] for name in NAMES] == [0, 0], run.output
    assert [fleet.process(name) for name in NAMES] == processes


def test_a_second_service_asks_npm_for_nothing(fleet: Fleet) -> None:
    """Node-RED is there already, and its releases may need another Node.js by now."""
    other = {"nodered_service": "nodered-garden", "nodered_user": "garden"}
    run = fleet.play("--limit", "bare13", playbook=INSTALL, variables=other)
    assert run.status == 0, run.output
    assert not run.said("Ask npm which Node.js this Node-RED needs"), run.output
    host = fleet.host("bare13")
    assert host.check_output("systemctl show nodered-garden --property=User --value") == "garden"
    assert host.file("/home/garden/.node-red").user == "garden"


def test_roles_for_several_services_in_one_play(fleet: Fleet) -> None:
    """Each of the services is proved, and nothing is left open."""
    users = {"nodered_admin_users": [{"username": "admin", "password": "two-only-for-tests", "permissions": "*"}]}
    files = PROJECT / "molecule/install/files"
    for changes in (True, False):
        run = fleet.play("--limit", "bare13", playbook=str(files / "two_services.yml"), variables=users)
        assert run.status == 0, run.output
        assert (run.recap["bare13"]["changed"] > 0) is changes, run.output
    host = fleet.host("bare13")
    for service, port in (("nodered", 1880), ("nodered-garden", 1881)):
        assert host.service(service).is_running
        assert fleet.here().request(f"https://{fleet.address('bare13')}:{port}/flows", "--insecure").status == 401
        assert not host.file(f"{STORE}/{service}/transaction.json").exists
        assert host.file(f"{STORE}/{service}/proved.json").exists
