# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The password of an MQTT broker, deployed once: does Node-RED still know it after its secret was set, changed and lost?

Node-RED itself tells: each start makes it log in at a broker on its host, which writes down with what. The tests follow each
other on the same hosts.
"""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from scenario.fleet import OF_A_START, SETTINGS, STORE, USER_DIR, Fleet, Run, differences
from scenario.power_loss import lose_power
from scenario.waiting import wait_for

FILES = pathlib.Path(__file__).parents[1] / "files"
CREDENTIALS = f"{USER_DIR}/flows_cred.json"
RUNTIME = f"{USER_DIR}/.config.runtime.json"
RESTORE = "pifleet.nodered.restore"

LOGIN = ["fred", "broker-only-for-tests"]
FIRST, SECOND, THIRD = (f"{name}-secret-only-for-tests" for name in ("first", "second", "third"))
WRONG, FORGOTTEN = "wrong-secret-only-for-tests", "forgotten-secret-only-for-tests"
SECRETS = (LOGIN[1], FIRST, SECOND, THIRD, WRONG, FORGOTTEN)
#: Without keep-alive: the broker answers none, and a lost connection would be a login more.
FLOW: list[dict[str, t.Any]] = [
    {"id": "f0", "type": "tab", "label": "from the tests"},
    {
        "id": "b0",
        "type": "mqtt-broker",
        "name": "",
        "broker": "127.0.0.1",
        "port": "18830",
        "clientid": "pi",
        "autoConnect": True,
        "usetls": False,
        "protocolVersion": "4",
        "keepalive": "0",
        "cleansession": True,
    },
    {
        "id": "m0",
        "type": "mqtt in",
        "z": "f0",
        "topic": "pi",
        "qos": "0",
        "datatype": "auto",
        "broker": "b0",
        "x": 100,
        "y": 100,
        "wires": [[]],
    },
]


@pytest.fixture(scope="module", autouse=True)
def deployed(fleet: Fleet) -> None:
    """A broker on each host, and a flow that logs in there, deployed while the editor is open to anyone."""
    for name in fleet.names:
        host = fleet.host(name)
        for file in ("broker.js", "decrypt.js"):
            host.check_output("printf %%s %s >/tmp/%s", (FILES / file).read_text("utf-8"), file)
        host.check_output("systemd-run --quiet --unit=broker node /tmp/broker.js")
        deploy(fleet, name, LOGIN)
    assert logins(fleet) == dict.fromkeys(fleet.names, LOGIN)


def deploy(
    fleet: Fleet, name: str, login: list[str] | None = None, label: str = "again", token: str | None = None
) -> None:
    """Deploy the flow, with a login for the broker or with the one that Node-RED has; without a token to an open editor."""
    flow = [node | {"label": label} if node["type"] == "tab" else dict(node) for node in FLOW]
    if login:
        flow[1]["credentials"] = dict(zip(("user", "password"), login, strict=True))
    fleet.here().deploy(fleet.url(name, "https" if token else "http"), flow, token)


def deploy_as_admin(fleet: Fleet, name: str, login: list[str] | None = None, label: str = "again") -> None:
    with fleet.here().logged_in(fleet.url(name), "admin", fleet.password("admin")) as token:
        deploy(fleet, name, login, label, token)


def logins(fleet: Fleet, *names: str) -> dict[str, t.Any]:
    """With what each Node-RED has logged in, since this was asked last."""
    found = {}
    for name in names or fleet.names:
        host = fleet.host(name)
        wait_for(lambda host=host: host.file("/tmp/login.json").exists, f"Node-RED of {name} logs in")
        found[name] = json.loads(host.check_output("cat /tmp/login.json && rm /tmp/login.json"))
    return found


def forget(fleet: Fleet, *names: str) -> None:
    """Forget with what these have logged in; they have by now, or are waited for."""
    for name in names:
        host = fleet.host(name)
        wait_for(
            lambda host=host: host.check_output("ss --no-header --tcp state established dport = :18830"),
            f"Node-RED of {name} logs in",
        )
        host.check_output("rm -f /tmp/login.json")


def start(fleet: Fleet, name: str, secret_line: str | None) -> None:
    """Write, change or (None) remove the line of the secret by hand, and start Node-RED anew."""
    host = fleet.host(name)
    host.check_output("sed -i '/^ *credentialSecret:/d' %s", SETTINGS)
    if secret_line is not None:
        host.check_output(f"sed -i '/^module.exports/a\\    credentialSecret: {secret_line},' %s", SETTINGS)
    host.check_output("systemctl stop nodered && rm -f /tmp/login.json && systemctl start nodered")


def decrypted(fleet: Fleet, name: str, secret: str, file: str = CREDENTIALS) -> t.Any:
    """What the host's own Node.js reads in the credentials file with a secret, None where that is noise."""
    run = fleet.host(name).run("node /tmp/decrypt.js %s %s", file, secret)
    return json.loads(run.stdout) if run.rc == 0 else None


def generated(fleet: Fleet, name: str) -> str | None:
    """The key that Node-RED has made itself."""
    return json.loads(fleet.host(name).check_output("cat %s", RUNTIME)).get("_credentialSecret")


def assert_encrypted_with(fleet: Fleet, name: str, secret: str) -> None:
    """The login is there, this secret decrypts it, settings.js has it, and no other key is in the way."""
    assert decrypted(fleet, name, secret) == {"b0": dict(zip(("user", "password"), LOGIN, strict=True))}
    assert generated(fleet, name) is None
    assert f'credentialSecret: "{secret}"' in fleet.host(name).file(SETTINGS).content_string
    found = fleet.host(name).file(CREDENTIALS)
    assert (found.mode, found.user, found.group) == (0o600, "pi", "pi")


def play(fleet: Fleet, *arguments: str, secrets: dict[str, str] | None = None, **options: t.Any) -> Run:
    """A run with other secrets; none of them may show."""
    variables = {"secret_of": secrets or {}, **options.pop("variables", {})}
    run = fleet.play(*arguments, "--diff", variables=variables, **options)
    assert [secret for secret in SECRETS if secret in run.output] == []
    assert "Traceback" not in run.output
    return run


def changed(run: Run) -> dict[str, int]:
    assert run.status == 0, run.output
    return {name: counts["changed"] for name, counts in run.recap.items()}


# Set


def test_nothing_is_lost_when_the_new_state_cannot_be_proved(fleet: Fleet) -> None:
    before, key = fleet.held("pi41", OF_A_START, r"login\.json"), generated(fleet, "pi41")
    assert key and decrypted(fleet, "pi41", key)
    # An address of a documentation network (RFC 5737): Node-RED does not start with it.
    run = play(
        fleet, "--limit", "pi41", secrets={"pi41": FIRST}, variables={"settings_of": {"pi41": {"uiHost": "192.0.2.1"}}}
    )
    assert run.recap["pi41"]["failed"] == 1
    assert run.said("The old files are back and the service is as it was before."), run.output
    fleet.wait("pi41", 200, scheme="http")
    assert differences(before, fleet.held("pi41", OF_A_START, r"login\.json")) == []
    assert (generated(fleet, "pi41"), decrypted(fleet, "pi41", FIRST)) == (key, None)
    assert logins(fleet, "pi41") == {"pi41": LOGIN}


def test_check_mode_tells_and_changes_nothing(fleet: Fleet) -> None:
    before = {name: fleet.checksums(name) for name in fleet.names}
    run = play(fleet, "--check", secrets=dict.fromkeys(fleet.names, FIRST))
    assert all(changed(run).values())
    assert run.said("flows_cred.json: encrypted with the key that Node-RED has made itself"), run.output
    assert {name: fleet.checksums(name) for name in fleet.names} == before


def test_a_secret_is_set(fleet: Fleet) -> None:
    secrets = dict.fromkeys(fleet.names, FIRST)
    assert all(changed(play(fleet, secrets=secrets)).values())
    for name in fleet.names:
        assert_encrypted_with(fleet, name, FIRST)
    assert logins(fleet) == dict.fromkeys(fleet.names, LOGIN)
    assert not any(changed(play(fleet, secrets=secrets)).values())


def test_a_deploy_keeps_it(fleet: Fleet, name: str) -> None:
    deploy_as_admin(fleet, name)
    assert_encrypted_with(fleet, name, FIRST)
    fleet.host(name).check_output("systemctl stop nodered && rm -f /tmp/login.json && systemctl start nodered")
    assert logins(fleet, name) == {name: LOGIN}


# Change


def test_a_secret_is_changed(fleet: Fleet) -> None:
    """From another one, from no encryption at all, and where Node-RED's own key came in the way of the right one."""
    start(fleet, "pi31", "false")
    fleet.wait("pi31", 401)
    deploy_as_admin(fleet, "pi31", LOGIN)
    assert LOGIN[1] in fleet.host("pi31").file(CREDENTIALS).content_string
    start(fleet, "pi5", None)
    wait_for(lambda: generated(fleet, "pi5"), "Node-RED makes a key of its own")
    start(fleet, "pi5", f'"{FIRST}"')
    assert logins(fleet, "pi5") == {"pi5": [None, None]}
    forget(fleet, *fleet.names)

    secrets = {"pi41": SECOND, "pi31": SECOND, "pi5": FIRST}
    assert all(changed(play(fleet, secrets=secrets)).values())
    for name, secret in secrets.items():
        assert_encrypted_with(fleet, name, secret)
    assert logins(fleet) == dict.fromkeys(fleet.names, LOGIN)
    assert not any(changed(play(fleet, secrets=secrets)).values())


@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_next_run_finishes_a_killed_one(fleet: Fleet, moment: str) -> None:
    """Killed before Node-RED was stopped, and after the credentials were encrypted anew."""
    host, (old, new) = fleet.host("pi41"), {"before": (SECOND, THIRD), "after": (THIRD, SECOND)}[moment]
    variables = {"secret_of": {"pi41": new}}
    if moment == "before":
        lose_power(fleet, "pi41", variables, written=new)
    else:
        lose_power(fleet, "pi41", variables, proving=lambda: decrypted(fleet, "pi41", new) is not None)
    assert host.file(f"{STORE}/nodered/transaction.json").exists
    assert (decrypted(fleet, "pi41", old) or decrypted(fleet, "pi41", new))["b0"]["password"] == LOGIN[1]
    forget(fleet, "pi41")

    assert changed(play(fleet, "--limit", "pi41", secrets={"pi41": new}))["pi41"]
    assert_encrypted_with(fleet, "pi41", new)
    assert logins(fleet, "pi41") == {"pi41": LOGIN}


# Lose


def test_a_lost_secret_is_warned_of_and_restored(fleet: Fleet) -> None:
    secrets = {"pi41": SECOND, "pi31": SECOND, "pi5": FIRST}
    for name in fleet.names:
        start(fleet, name, None)
    assert logins(fleet) == {key: [None, None] for key in fleet.names}
    run = play(fleet)
    assert run.status == 0, run.output
    for name in fleet.names:
        assert run.said(f"{name}: Node-RED cannot decrypt the credentials of its flows"), run.output
    forget(fleet, *fleet.names)

    before = {name: fleet.checksums(name) for name in fleet.names}
    assert all(changed(play(fleet, "--check", playbook=RESTORE)).values())
    assert {name: fleet.checksums(name) for name in fleet.names} == before
    assert all(changed(play(fleet, playbook=RESTORE)).values())
    for name, secret in secrets.items():
        assert_encrypted_with(fleet, name, secret)
    assert logins(fleet) == dict.fromkeys(fleet.names, LOGIN)
    assert not any(changed(play(fleet, playbook=RESTORE)).values())
    assert not any(changed(play(fleet)).values())


def test_credentials_that_a_deploy_has_emptied_are_restored(fleet: Fleet) -> None:
    """With the secret of the inventory in the end, where that has one."""
    for name in fleet.names:
        start(fleet, name, f'"{WRONG}"')
    assert logins(fleet) == {key: [None, None] for key in fleet.names}
    for name in fleet.names:
        fleet.wait(name, 401)
        deploy_as_admin(fleet, name, label="without credentials")
        assert decrypted(fleet, name, WRONG) == {}
    forget(fleet, *fleet.names)
    run = play(fleet, playbook=RESTORE, secrets={"pi41": THIRD})
    assert all(changed(run).values())
    assert run.said(f"flows_cred.json is put back from {USER_DIR}/.flows_cred.json.backup"), run.output
    for name, secret in {"pi41": THIRD, "pi31": SECOND, "pi5": FIRST}.items():
        assert_encrypted_with(fleet, name, secret)
    assert logins(fleet) == dict.fromkeys(fleet.names, LOGIN)


def test_a_wrong_secret_is_refused(fleet: Fleet) -> None:
    """Where nothing that is known fits any more; restore refuses it too, as long as there is no good copy."""
    host = fleet.host("pi5")
    host.check_output(
        f"mkdir /tmp/kept && mv {USER_DIR}/.flows_cred.json.backup {STORE}/nodered/backups /tmp/kept"
        f" && cp -p {CREDENTIALS} /tmp/kept"
    )
    host.check_output(
        "runuser -u pi node /tmp/decrypt.js %s %s %s", CREDENTIALS, FORGOTTEN, json.dumps({"b0": {"user": "x"}})
    )
    before = fleet.checksums("pi5")
    run = play(fleet, "--limit", "pi5", secrets={"pi5": WRONG})
    assert run.recap["pi5"]["failed"] == 1
    assert run.said(
        f"{CREDENTIALS} can be decrypted neither with nodered_credential_secret nor with a key that the host"
        " has: the credentials of the flows would be lost. Run pifleet.nodered.restore"
    ), run.output
    run = play(fleet, "--limit", "pi5", playbook=RESTORE, secrets={"pi5": WRONG})
    assert run.recap["pi5"]["failed"] == 1
    assert run.said(f"No secret was found that decrypts {CREDENTIALS}, and no good copy."), run.output
    assert differences(before, fleet.checksums("pi5")) == []

    host.check_output(f"mv /tmp/kept/backups {STORE}/nodered/ && mv /tmp/kept/.flows_cred.json.backup {USER_DIR}/")
    assert changed(play(fleet, "--limit", "pi5", playbook=RESTORE)) == {"pi5": 2}
    assert_encrypted_with(fleet, "pi5", FIRST)
