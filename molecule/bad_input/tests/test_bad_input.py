# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes of people: the run names the variable, or the file with its line, and what to do; the host stays as it is."""

from __future__ import annotations

import pathlib

import pytest
from scenario.fleet import SETTINGS, USER_DIR, Fleet, differences

PLANTED = pathlib.Path(__file__).parents[1] / "files" / "systemd-run"
PASSWORD = "wrong-only-for-tests"
HASH = "$2b$08$abcdefghijklmnopqrstuu"
PAGE_USERS = [{"username": "fred", "password": PASSWORD}]


def user(**keys: object) -> dict:
    """Variables with one user, who is good but for the given keys. None takes a key away."""
    whole = {"username": "admin", "password": PASSWORD, "permissions": "*", **keys}
    return {"nodered_admin_users": [{key: value for key, value in whole.items() if value is not None}]}


#: Variables, and what the message must say.
VARIABLES = {
    "no user": ({"nodered_admin_users": []}, "nodered_admin_users is empty: nobody could log in to the editor"),
    "password of 73 bytes": (
        user(password=PASSWORD + "x" * (73 - len(PASSWORD))),
        "nodered_admin_users, user admin: The password is 73 bytes long in UTF-8",
    ),
    "hash cut short": (
        user(password=None, password_hash=HASH),
        "nodered_admin_users, user admin: The password hash has 29 characters",
    ),
    "unknown key of a user": (user(passwd=PASSWORD), "nodered_admin_users, user admin: unknown key 'passwd'"),
    "unknown permission": (
        user(permissions=["flows.*"]),
        "nodered_admin_users, user admin: Node-RED knows no permission 'flows.*'",
    ),
    "nobody who may deploy": (
        user(permissions="read"),
        "nodered_admin_users: nobody could deploy, because none of the users has such a right",
    ),
    "different logins on one root": (
        {
            "nodered_node_auth": {"user": "fred", "password": PASSWORD},
            "nodered_static": {"path": "static"},
            "nodered_static_auth": {"user": "freda", "password": PASSWORD},
        },
        "nodered_static_auth differs from nodered_node_auth",
    ),
    "page for dashboards beside one login": (
        {"nodered_node_users": PAGE_USERS, "nodered_node_auth": {"user": "fred", "password": PASSWORD}},
        "nodered_node_users contradicts nodered_node_auth",
    ),
    "user of the page for a path outside": (
        {
            "nodered_node_users": [{**PAGE_USERS[0], "paths": ["/ui"]}],
            "nodered_settings": {"httpNodeRoot": "/api"},
        },
        "nodered_node_users, user fred: the path /ui is outside of all that flows serve",
    ),
    "page that opens everything": (
        {"nodered_node_users": PAGE_USERS, "nodered_node_open": ["/*"]},
        "nodered_node_open: /* would open everything",
    ),
    "passwords of the page in plain HTTP": (
        {"nodered_node_users": PAGE_USERS, "nodered_certificate_provider": "none"},
        "nodered_node_users: passwords and logins would cross the network",
    ),
    "key with a variable of its own": (
        {"nodered_settings": {"adminAuth": {"type": "credentials"}}},
        "nodered_settings: adminAuth has a variable of its own, nodered_admin_users",
    ),
    "misspelt variable": (
        {"nodered_node_aut": {"user": "fred", "password": PASSWORD}},
        "nodered_node_aut is not a variable of this collection. Did you mean nodered_node_auth?",
    ),
    "setting in wrong case": (
        {"nodered_settings": {"uiport": 1881}},
        "nodered_settings: Node-RED ignores uiport: the name is uiPort",
    ),
    "no JavaScript": ({"nodered_settings_js": {"functionGlobalContext": "{ os: "}}, "nodered_settings_js"),
    "name of a host with a space": ({"nodered_certificate_names": ["not a name"]}, "nodered_certificate_names"),
    "certificate for ten years": ({"nodered_certificate_days": 3650}, "825"),
    "authority without its key": (
        {"nodered_ca_certificate": "-----BEGIN CERTIFICATE-----"},
        "nodered_ca_certificate and nodered_ca_key belong together",
    ),
    "unknown type of key": ({"nodered_certificate_key_type": "dsa"}, "nodered_certificate_key_type"),
    "variable of the service": (
        {"nodered_environment": {"NO PROXY": "localhost"}},
        "nodered_environment: 'NO PROXY' is no name of a variable",
    ),
    "unknown service": ({"nodered_service": "node-red"}, "This host has no service node-red.service"),
}

#: Text of settings.js, and what the message must say.
FILES = {
    "missing comma": (
        'module.exports = {\n    uiPort: 1880\n    flowFile: "flows.json"\n}\n',
        f"{SETTINGS}: line 2: this is not valid JavaScript. Look for a missing comma",
    ),
    "function": ("// ours\nmodule.exports = function() { return { uiPort: 1880 } }\n", f"{SETTINGS}: line 2"),
    "set again below": (
        "module.exports = { uiPort: 1880 }\nif (process.env.OPEN) {\n    module.exports.adminAuth = null\n}\n",
        f"{SETTINGS}: line 3",
    ),
    "key in wrong case": ('module.exports = {\n    adminauth: { type: "credentials" }\n}\n', f"{SETTINGS}: line 2"),
    "a login of the owner's own for dashboards": (
        'module.exports = {\n    httpNodeAuth: [require("./own")]\n}\n',
        f"{SETTINGS}: line 2: httpNodeAuth is, or may come from, code here",
    ),
    "nodes of the owner's own": (
        "module.exports = {\n    nodesDir: process.env.NODES\n}\n",
        f"{SETTINGS}: line 2: nodesDir is, or may come from, code here",
    ),
    "credentialSecret that is code": (
        f'module.exports = {{\n    credentialSecret: process.env.SECRET || "{PASSWORD}"\n}}\n',
        f"{SETTINGS}: line 2: credentialSecret",
    ),
    "code that decides who logs in": (
        'module.exports = {\n    adminAuth: {\n        type: "credentials",\n        users: [],\n'
        '        authenticate: (username) => Promise.resolve({ username, permissions: "*" })\n    }\n}\n',
        f"{SETTINGS}: line 5: adminAuth.authenticate decides by code of its own who may log in",
    ),
    "empty": ("", f"{SETTINGS}: the file is empty"),
}


def assert_refused(fleet: Fleet, name: str, variables: dict, message: str) -> None:
    before = fleet.checksums(name)
    run = fleet.play("--limit", name, "--diff", variables=variables)
    assert run.status != 0
    assert run.recap[name]["failed"] == 1
    assert run.said(message), run.output
    assert "Traceback" not in run.output
    assert differences(before, fleet.checksums(name)) == []
    assert PASSWORD not in run.output
    assert HASH not in run.output
    assert fleet.password("admin") not in run.output


@pytest.mark.parametrize(("variables", "message"), VARIABLES.values(), ids=VARIABLES)
def test_variables(fleet: Fleet, variables: dict, message: str) -> None:
    assert_refused(fleet, "open", variables, message)


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES)
def test_settings_file(fleet: Fleet, text: str, message: str) -> None:
    host = fleet.host("open")
    original = host.file(SETTINGS).content_string
    # Node-RED itself still runs with the settings that it has read at its start.
    host.check_output(f"printf %%s %s >{SETTINGS}", text)
    try:
        given = {"nodered_credential_secret": "secret-only-for-tests", "nodered_node_users": PAGE_USERS}
        assert_refused(fleet, "open", given, message)
    finally:
        host.check_output(f"printf %%s %s >{SETTINGS}", original)


#: NODE_RED_OPTIONS in the file that the service takes its environment from, and what the message must say.
OPTIONS = {
    "no login": ("-D adminAuth=null", "is set by -D adminAuth when nodered.service starts, which wins over"),
    "definitions in a file": ("-D @/home/pi/more.json", "is set by -D @/home/pi/more.json"),
    "several letters at once": ("-vD https=null", "https is set by -D https"),
}


@pytest.mark.parametrize(("text", "message"), OPTIONS.values(), ids=OPTIONS)
def test_options_that_win_over_the_settings(fleet: Fleet, text: str, message: str) -> None:
    host = fleet.host("open")
    host.check_output(f"printf %%s %s >{USER_DIR}/environment", f"NODE_RED_OPTIONS={text}\n")
    host.check_output("printf %s '{\"adminAuth\": null}' >/home/pi/more.json")
    try:
        assert_refused(fleet, "open", {}, message)
    finally:
        host.check_output(f"rm {USER_DIR}/environment /home/pi/more.json")


def test_root_starts_nothing_that_the_services_user_names(fleet: Fleet) -> None:
    """The environment file belongs to that user, and says where the service finds its programs."""
    host = fleet.host("open")
    host.check_output(
        "install -d -o pi /home/pi/bin && printf %%s %s >/home/pi/bin/systemd-run"
        " && chmod 0755 /home/pi/bin/systemd-run",
        PLANTED.read_text("utf-8"),
    )
    host.check_output(f"printf 'PATH=/home/pi/bin:/usr/local/bin:/usr/bin:/bin\n' >{USER_DIR}/environment")
    try:
        run = fleet.play("--limit", "open", "--check")
        assert run.recap["open"]["failed"] == 0, run.output
        assert not host.file("/tmp/planted").exists
    finally:
        host.check_output(f"rm -r {USER_DIR}/environment /home/pi/bin")


def test_a_file_that_the_service_does_not_load(fleet: Fleet) -> None:
    host = fleet.host("open")
    host.check_output(f"printf 'NODE_RED_OPTIONS=-s other.js\n' >{USER_DIR}/environment")
    try:
        assert_refused(
            fleet,
            "open",
            {"nodered_settings_path": SETTINGS},
            f"nodered.service does not load {SETTINGS}: its command line or its environment names another",
        )
    finally:
        host.check_output(f"rm {USER_DIR}/environment")


def test_what_its_owner_writes_meanwhile_is_kept(fleet: Fleet) -> None:
    """Each load of the file, between reading and writing it, adds a line to it."""
    host = fleet.host("open")
    original = host.file(SETTINGS).content_string
    host.check_output(
        "printf %%s %s >>%s", '\nrequire("fs").appendFileSync(__filename, "// by its owner\\n")\n', SETTINGS
    )
    try:
        run = fleet.play("--limit", "open")
        assert run.recap["open"]["failed"] == 1
        assert run.said(f"{SETTINGS} was changed 3 times by somebody else while it was edited."), run.output
        lines = host.file(SETTINGS).content_string.splitlines()
        assert lines.count("// by its owner") >= 3
        assert not [line for line in lines if line.strip().startswith("adminAuth: {")]
        assert fleet.here().request(fleet.url("open", "http") + "/settings").status == 200
    finally:
        host.check_output(f"printf %%s %s >{SETTINGS}", original)


def test_host_without_node_red(fleet: Fleet) -> None:
    # The user that Node-RED would run as is missing there, too.
    assert_refused(
        fleet,
        "bare",
        {},
        "This host has no service nodered.service. Install Node-RED first"
        " (ansible-playbook -i INVENTORY pifleet.nodered.install)",
    )


def test_unreachable_host_does_not_stop_a_good_one(fleet: Fleet) -> None:
    gone = fleet.work / "gone.yml"
    gone.write_text("nodered: {hosts: {gone: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n", encoding="utf-8")
    run = fleet.play("-i", str(gone), "--limit", "good,gone")
    assert run.status != 0
    assert run.recap["gone"]["unreachable"] == 1
    assert run.said("Connection refused"), run.output
    assert (run.recap["good"]["failed"], run.recap["good"]["changed"]) == (0, 3), run.output
    assert fleet.here().request(fleet.url("good") + "/settings").status == 401
