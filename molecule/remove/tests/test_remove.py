# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open, secured in several ways, and taken off again: a host is what it was, byte by byte and mode by mode.

The tests follow each other on the same hosts.
"""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from scenario.fleet import CERTIFICATE, OF_A_START, OF_ANSIBLE, SETTINGS, STORE, USER_DIR, Fleet, Run, differences
from scenario.leaks import leaked

REMOVE = "pifleet.nodered.remove"
RESTORE = "pifleet.nodered.restore"
#: The program that decrypts a file of credentials as Node-RED does.
DECRYPT = pathlib.Path(__file__).parents[2] / "credentials/files/decrypt.js"
SECOND, DASHBOARD, BROKER = "second-only-for-tests", "fred-only-for-tests", "broker-only-for-tests"
SECRET = "secret-only-for-tests"
LOGIN = {"user": "fred", "password": BROKER}
FLOW: list[dict[str, t.Any]] = [
    {"id": "f0", "type": "tab", "label": "from the tests"},
    {"id": "h0", "type": "http request", "z": "f0", "method": "GET", "url": "", "authType": "basic", "wires": [[]]},
]
#: What changes with each start of Node-RED, and how it came to be.
BESIDES = (OF_A_START, OF_ANSIBLE)
#: A page in the userDir that settings.js serves.
STATIC = {"nodered_static": {"path": "public", "root": "/files"}}
#: The runs that change all hosts, one after the other.
WAYS: tuple[dict[str, t.Any], ...] = (
    {"nodered_node_auth": {"user": "fred", "password": DASHBOARD}, **STATIC},
    {
        "nodered_node_users": [{"username": "fred", "password": DASHBOARD}],
        "nodered_settings": {"editorTheme.projects.enabled": False, "diagnostics": {"enabled": True, "ui": False}},
        "nodered_environment": {"EXAMPLE": "only for tests"},
        **STATIC,
    },
    {
        "nodered_admin_users": [{"username": "admin", "password": SECOND, "permissions": "*"}],
        "nodered_node_auth": {"user": "fred", "password": DASHBOARD},
        "nodered_session_expiry": 3600,
        "nodered_https_options": {"minVersion": "TLSv1.3"},
    },
)


@pytest.fixture(scope="module")
def first(fleet: Fleet) -> dict[str, list[str]]:
    """What each open host holds, with credentials of a flow that were deployed there."""
    for name in fleet.names:
        host = fleet.host(name)
        host.check_output("printf %%s %s >/tmp/decrypt.js", DECRYPT.read_text("utf-8"))
        host.check_output("su pi -c 'mkdir -p ~/.node-red/public'")
        flow = [dict(node) for node in FLOW]
        flow[1]["credentials"] = LOGIN
        fleet.here().deploy(fleet.url(name, "http"), flow)
    return {name: fleet.held(name, *BESIDES) for name in fleet.names}


@pytest.fixture(scope="module")
def stock(fleet: Fleet, first: dict[str, list[str]]) -> dict[str, str]:
    """The settings.js of each open host."""
    assert first
    return {name: settings(fleet, name) for name in fleet.names}


def settings(fleet: Fleet, name: str) -> str:
    # Not the string of testinfra, which has other line ends.
    return fleet.host(name).check_output("base64 --wrap=0 %s", SETTINGS)


def secure(fleet: Fleet, *arguments: str, **variables: object) -> Run:
    run = fleet.play(*arguments, variables=variables)
    assert run.status == 0, run.output
    return run


def remove(fleet: Fleet, *arguments: str, **variables: object) -> Run:
    secrets = {*fleet.secrets(), SECOND, DASHBOARD, BROKER, SECRET}
    run = fleet.play("--diff", *arguments, playbook=REMOVE, variables=variables)
    assert leaked(secrets, run.output) == []
    return run


def changed(run: Run) -> dict[str, int]:
    return {name: counts["changed"] for name, counts in run.recap.items()}


def decrypted(fleet: Fleet, name: str, secret: str | None = None) -> t.Any:
    """What the host's own Node.js reads in the credentials, with the key that Node-RED has made itself or with another."""
    host = fleet.host(name)
    runtime = json.loads(host.check_output("cat %s/.config.runtime.json", USER_DIR))
    key = secret or runtime["_credentialSecret"]
    (file,) = host.check_output("ls %s | grep '_cred.json$'", USER_DIR).splitlines()
    return json.loads(host.check_output("node /tmp/decrypt.js %s/%s %s", USER_DIR, file, key))


def is_open(fleet: Fleet, name: str) -> bool:
    return fleet.here().request(fleet.url(name, "http") + "/flows").status == 200


def is_closed(fleet: Fleet, name: str) -> bool:
    return fleet.here().request(fleet.url(name) + "/flows").status == 401


def test_it_is_said_before_and_wants_a_word(fleet: Fleet, stock: dict[str, str]) -> None:
    assert stock
    for way in WAYS:
        # So few states that the first one is gone.
        assert changed(secure(fleet, nodered_keep_states=1, **way)) != dict.fromkeys(fleet.names, 0)
    assert all(is_closed(fleet, name) for name in fleet.names)
    held = {name: fleet.held(name, OF_ANSIBLE, STORE) for name in fleet.names}

    run = remove(fleet, "--check")
    assert (run.status, changed(run)) == (0, dict.fromkeys(fleet.names, 1)), run.output
    run = remove(fleet)
    assert (run.status, changed(run)) == (2, dict.fromkeys(fleet.names, 0)), run.output
    assert run.said("Open then: Everybody who reaches Node-RED can use its editor")
    assert run.said("add -e nodered_remove=true")
    for name in fleet.names:
        assert differences(held[name], fleet.held(name, OF_ANSIBLE, STORE)) == []


def test_a_host_is_what_it_was(fleet: Fleet, first: dict[str, list[str]], stock: dict[str, str]) -> None:
    run = remove(fleet, nodered_remove=True)
    assert (run.status, changed(run)) == (0, dict.fromkeys(fleet.names, 1)), run.output
    for name in fleet.names:
        assert settings(fleet, name) == stock[name]
        assert differences(first[name], fleet.held(name, *BESIDES)) == []
        assert is_open(fleet, name)
        assert decrypted(fleet, name) == {"h0": LOGIN}
        # Node-RED knows them, too.
        known = fleet.here().request(fleet.url(name, "http") + "/credentials/http%20request/h0")
        assert (known.json["user"], known.json["has_password"]) == ("fred", True)
    run = remove(fleet, nodered_remove=True)
    assert (run.status, changed(run)) == (0, dict.fromkeys(fleet.names, 0)), run.output


def test_it_can_be_undone(fleet: Fleet) -> None:
    run = fleet.play("--limit", "pi31", playbook=RESTORE, variables={"nodered_restore": "last"})
    assert run.status == 0, run.output
    assert is_closed(fleet, "pi31")
    assert fleet.here().login(fleet.url("pi31"), "admin", SECOND).status == 200


def test_what_the_owner_has_edited_since_stays(
    fleet: Fleet, stock: dict[str, str], first: dict[str, list[str]]
) -> None:
    secure(fleet, nodered_settings={"uiHost": "0.0.0.0", "flowFilePretty": False})
    edits = ("s/^module.exports = {/module.exports = { \\/\\/ my own/", "s/contextStorage/myStorage/", "$a // the end")
    for name in fleet.names:
        for edit in edits:
            fleet.host(name).check_output("su pi -c %s", f"sed -i {json.dumps(edit)} {SETTINGS}")
    # One more run of ours on top of that, and an edit of what it has written.
    secure(fleet, **WAYS[2], nodered_settings={"uiHost": "0.0.0.0", "flowFilePretty": False})
    fleet.host("pi5").check_output('sed -i \'s/uiHost: "0.0.0.0"/uiHost: "0.0.0.0" || null/\' %s', SETTINGS)

    run = remove(fleet, nodered_remove=True)
    assert run.status == 0, run.output
    assert run.said("Somebody else has edited what this collection had written, so that it stays: uiHost.")
    for name in ("pi41", "pi31"):
        expected = edited(fleet, stock[name], edits)
        assert settings(fleet, name) == expected
        left = [line for line in differences(first[name], fleet.held(name, *BESIDES)) if SETTINGS not in line]
        assert left == []
    assert (
        fleet.host("pi5").check_output("grep uiHost: %s | grep -v //", SETTINGS).strip() == 'uiHost: "0.0.0.0" || null,'
    )
    assert all(is_open(fleet, name) for name in fleet.names)


def edited(fleet: Fleet, content: str, edits: tuple[str, ...]) -> str:
    """The first file with the owner's edits alone, made by the same program."""
    host = fleet.host("pi41")
    host.check_output("printf %%s %s | base64 -d >/tmp/edited.js", content)
    for edit in edits:
        host.check_output("sed -i %s /tmp/edited.js", edit)
    return host.check_output("base64 --wrap=0 /tmp/edited.js")


def test_a_removal_that_cannot_be_proved_is_taken_back(fleet: Fleet) -> None:
    secure(fleet, "--limit", "pi41")
    host = fleet.host("pi41")
    # A unit of the owner's that wants the certificate.
    host.check_output("mkdir -p /etc/systemd/system/nodered.service.d")
    host.check_output(
        "printf '[Service]\\nExecStartPre=/usr/bin/test -e %s\\n' >/etc/systemd/system/nodered.service.d/own.conf",
        CERTIFICATE,
    )
    host.check_output("systemctl daemon-reload && systemctl restart nodered")
    fleet.wait("pi41", 401)
    held = fleet.held("pi41", *BESIDES)
    run = remove(fleet, "--limit", "pi41", nodered_remove=True)
    assert run.status == 2, run.output
    assert run.said("The old files are back and the service is as it was before.")
    assert differences(held, fleet.held("pi41", *BESIDES)) == []
    fleet.wait("pi41", 401)
    host.check_output("rm /etc/systemd/system/nodered.service.d/own.conf && systemctl daemon-reload")


def test_a_secret_of_the_inventory_stays_with_what_it_decrypts(fleet: Fleet, stock: dict[str, str]) -> None:
    assert stock
    secure(fleet, "--limit", "pi31", nodered_credential_secret=SECRET)
    run = remove(fleet, "--limit", "pi31", nodered_remove=True)
    assert run.status == 0, run.output
    assert run.said("credentialSecret stays: it decrypts the credentials of flows.")
    assert decrypted(fleet, "pi31", SECRET) == {"h0": LOGIN}
    known = fleet.here().request(fleet.url("pi31", "http") + "/credentials/http%20request/h0")
    assert known.json["has_password"] is True


def test_nginx_lets_go(fleet: Fleet, stock: dict[str, str], first: dict[str, list[str]]) -> None:
    host = fleet.host("pi5")
    host.check_output("printf %%s %s | base64 -d >/tmp/first.js && cat /tmp/first.js >%s", stock["pi5"], SETTINGS)
    secure(fleet, "--limit", "pi5", nodered_proxy="nginx", nodered_proxy_path="/red")
    assert fleet.here().request(f"https://{fleet.address('pi5')}/red/flows").status == 401
    run = remove(fleet, "--limit", "pi5", nodered_remove=True)
    assert run.status == 0, run.output
    assert settings(fleet, "pi5") == stock["pi5"]
    assert is_open(fleet, "pi5")
    of_nginx = r"/etc/(nginx|ufw|init.d|logrotate.d|default|rc|systemd/system/multi-user)|/var/lib/(nginx|dpkg|apt|ucf|systemd)"
    assert (
        differences(
            [line for line in first["pi5"] if not line.startswith("/etc ")],
            fleet.held("pi5", *BESIDES, of_nginx, "^/etc "),
        )
        == []
    )


def test_what_is_kept_goes_when_it_is_asked_for(fleet: Fleet) -> None:
    run = remove(fleet, nodered_remove=True, nodered_remove_records=True)
    assert run.status == 0, run.output
    assert not any(fleet.host(name).file(STORE).exists for name in fleet.names)


def test_secured_once_more_it_is_closed(fleet: Fleet) -> None:
    secure(fleet)
    assert all(is_closed(fleet, name) for name in fleet.names)
    assert changed(secure(fleet)) == dict.fromkeys(fleet.names, 0)
