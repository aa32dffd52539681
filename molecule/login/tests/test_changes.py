# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login page changes, goes, comes back, is damaged or is wrong: logins end where they should, and no host is left open."""

from __future__ import annotations

import copy
import json
import pathlib
import shutil
import typing as t

import pytest
from scenario.client import login_of
from scenario.fleet import OF_A_START, OF_ANSIBLE, PROJECT, SETTINGS, USER_DIR, Fleet, Run
from scenario.login_page import LoginServer

DIRECTORY = f"{USER_DIR}/nodelogin"
USERS = ("fred", "anna", "wall")
OF_A_LOGIN = r"nodelogin/sessions\.json"
BASIC_LOGIN = {
    "nodered_node_users": [],
    "nodered_node_auth": dict(zip(("user", "password"), login_of("fred"), strict=True)),
}
#: What ends Node-RED as soon as it, and not our loader, loads the page.
THROWS = 'throw new Error("of a test");\n'
ENDS_NODE_RED = f"if (require.main && /red\\.js$/.test(require.main.filename)) {{ {THROWS.strip()} }}\n"


def servers(fleet: Fleet) -> list[LoginServer]:
    return [LoginServer(fleet, name) for name in fleet.names]


def done(run: Run) -> Run:
    assert run.status == 0, run.output
    return run


def unchanged(run: Run) -> bool:
    """Whether a run has looked at each host, and no more."""
    return all(host["changed"] == 0 and host["ok"] <= 2 for host in done(run).recap.values())


@pytest.fixture
def cookies(fleet: Fleet) -> dict[str, dict[str, str]]:
    """A login of each user on hosts that are as the scenario says, by the name of the host."""
    done(fleet.play())
    return {server.name: {user: server.cookie(user) for user in USERS} for server in servers(fleet)}


def logged_in(fleet: Fleet, cookies: dict[str, dict[str, str]]) -> list[set[str]]:
    """Who still is, on each host."""
    return [
        {user for user, cookie in cookies[server.name].items() if server.is_logged_in(cookie)}
        for server in servers(fleet)
    ]


def users(fleet: Fleet, **changes: dict[str, t.Any] | None) -> dict[str, t.Any]:
    """The users of the scenario with changes of some, by their names; None takes one out."""
    given = copy.deepcopy(fleet.variables["nodered_node_users"])
    kept = [user for user in given if changes.get(user["username"], {}) is not None]
    return {"nodered_node_users": [{**user, **(changes.get(user["username"]) or {})} for user in kept]}


# Sessions


def test_who_loses_something_is_out_and_nobody_else(fleet: Fleet, cookies: dict[str, dict[str, str]]) -> None:
    changed = users(fleet, fred={"permissions": "read"}, anna={"password": "another-only-for-tests"})
    done(fleet.play(variables=changed))
    assert logged_in(fleet, cookies) == [{"wall"}] * 2
    for server in servers(fleet):
        assert server.log_in("anna").status == 401
        assert server.log_in("anna", "another-only-for-tests").status == 303
    assert unchanged(fleet.play(variables=changed))


def test_a_user_who_is_gone_is_out(fleet: Fleet, cookies: dict[str, dict[str, str]]) -> None:
    done(fleet.play(variables=users(fleet, anna=None)))
    assert logged_in(fleet, cookies) == [{"fred", "wall"}] * 2
    assert [server.log_in("anna").status for server in servers(fleet)] == [401] * 2


def test_sessions_end_by_name_and_all_together(fleet: Fleet, cookies: dict[str, dict[str, str]]) -> None:
    done(fleet.play(variables={"nodered_revoke_sessions": ["anna"]}))
    assert logged_in(fleet, cookies) == [{"fred", "wall"}] * 2
    done(fleet.play("-e", "nodered_rotate=sessions", playbook="pifleet.nodered.rotate"))
    assert logged_in(fleet, cookies) == [set()] * 2
    assert unchanged(fleet.play())


# One login and back


def hash_of(fleet: Fleet, name: str, user: str) -> str:
    """The hash on a host, wherever it stands there."""
    host = fleet.host(name)
    if host.file(DIRECTORY).exists:
        data = json.loads(host.file(f"{DIRECTORY}/login.json").content_string)
        return next(each["password"] for each in data["users"] if each["username"] == user)
    return fleet.loaded(name)["httpNodeAuth"]["pass"]


def test_one_login_takes_its_place_and_it_comes_back(fleet: Fleet, cookies: dict[str, dict[str, str]]) -> None:
    hashes = [hash_of(fleet, name, "fred") for name in fleet.names]
    done(fleet.play(variables=BASIC_LOGIN))
    for server in servers(fleet):
        assert not fleet.host(server.name).file(DIRECTORY).exists
        assert "nodelogin" not in fleet.host(server.name).file(SETTINGS).content_string
        assert server.browse(server.dashboards[0]).status == 401
        assert server.get(server.dashboards[0], login_of("fred")).status == 200
        assert server.socket(f"{server.node_root}/ws/echo").status == 401
    assert [hash_of(fleet, name, "fred") for name in fleet.names] == hashes
    assert unchanged(fleet.play(variables=BASIC_LOGIN))
    done(fleet.play())
    assert [hash_of(fleet, name, "fred") for name in fleet.names] == hashes
    # Programs have noticed nothing, people log in once more.
    for server in servers(fleet):
        assert server.get(server.dashboards[0], login_of("fred")).status == 200
    assert logged_in(fleet, cookies) == [set()] * 2


def test_nobody_is_no_list(fleet: Fleet) -> None:
    run = fleet.play(variables={"nodered_node_users": []})
    assert run.status != 0
    assert run.said("nodered_node_users names nobody any more")
    assert all(server.browse(server.dashboards[0]).status == 302 for server in servers(fleet))


# Damage


def findings(fleet: Fleet, name: str) -> set[str]:
    """The rules of the login page that an audit names for a host."""
    reports = fleet.work / "reports"
    done(fleet.play("-e", f"nodered_report_dir={reports}", playbook="pifleet.nodered.audit"))
    report = json.loads((reports / "report.json").read_text("utf-8"))
    rules = {each["rule"] for each in report["findings"] if each["subject"] == name}
    return {rule for rule in rules if rule.startswith(("login-", "node-auth", "node-open"))}


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ("echo '// open' >>{0}/login.js", "login-files-changed"),
        ("chmod 0644 {0}/login.json && chmod 0755 {0}", "login-files-exposed"),
    ],
)
def test_an_audit_tells_of_damage_and_a_run_mends_it(fleet: Fleet, damage: str, rule: str) -> None:
    name = fleet.names[-1]
    done(fleet.play())
    assert findings(fleet, name) == set()
    fleet.host(name).check_output(damage.format(DIRECTORY))
    assert findings(fleet, name) == {rule}
    run = done(fleet.play())
    assert [run.recap[each]["changed"] > 0 for each in fleet.names] == [False, True]
    assert findings(fleet, name) == set()


def test_a_plugin_that_is_not_loaded_is_noticed(fleet: Fleet) -> None:
    """By the look of a run and by an audit; the page itself goes on."""
    name = fleet.names[-1]
    host = fleet.host(name)
    host.check_output("cp -p %s/plugin/plugin.js /root/plugin.js && echo >%s/plugin/plugin.js", DIRECTORY, DIRECTORY)
    host.check_output("systemctl restart nodered")
    fleet.wait(name, 401)
    host.check_output("cat /root/plugin.js >%s/plugin/plugin.js", DIRECTORY)
    assert findings(fleet, name) == {"login-plugin-not-loaded"}
    # It was started a moment ago, and is given the time to be as it should.
    run = done(fleet.play(variables={"nodered_start_timeout": 15}))
    assert run.said("the plugin of the login page is not loaded")
    assert findings(fleet, name) == set()


# A release of this collection whose page is wrong


@pytest.fixture
def broken(fleet: Fleet, request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of a run with another collection, in which some text stands in front of a file of the page."""
    file, text = request.param
    root = fleet.work / "broken"
    shutil.rmtree(root, ignore_errors=True)
    copy_of = root / "ansible_collections/pifleet/nodered"
    for part in ("plugins", "roles", "playbooks", "meta"):
        shutil.copytree(PROJECT / part, copy_of / part)
    shutil.copy(PROJECT / "galaxy.yml", copy_of)
    path = copy_of / "plugins/plugin_utils/_login/gate" / file
    path.write_text(text + path.read_text("utf-8"), "utf-8")
    return {"ANSIBLE_COLLECTIONS_PATH": str(root)}


@pytest.mark.parametrize(
    ("broken", "words", "variables"),
    [
        pytest.param(("page.js", "const = 1;\n"), "Node.js cannot load the new", {}, id="no JavaScript"),
        pytest.param(("gate.js", ENDS_NODE_RED), "Error: of a test", BASIC_LOGIN, id="ends Node-RED"),
        pytest.param(("plugin/plugin.js", THROWS), "the plugin of the login page is not loaded", {}, id="no plugin"),
    ],
    indirect=["broken"],
)
def test_a_broken_page_goes_back(fleet: Fleet, broken: dict[str, str], words: str, variables: dict[str, t.Any]) -> None:
    """To the page, or to the one login, that was there before."""
    name = fleet.names[-1]
    done(fleet.play("-l", name, variables=variables))
    before = fleet.held(name, OF_A_START, OF_ANSIBLE, OF_A_LOGIN)
    # What is to be proved can never be, so the time for it is short.
    run = fleet.play("-l", name, variables={"nodered_start_timeout": 15}, environment=broken)
    assert run.status != 0
    assert run.said(words), run.output
    assert fleet.held(name, OF_A_START, OF_ANSIBLE, OF_A_LOGIN) == before
    server = LoginServer(fleet, name)
    fleet.wait(name, 401)
    assert server.get(server.dashboards[0]).status == 401
    assert server.get(server.dashboards[0], login_of("fred")).status == 200


# States of before


def test_a_state_comes_back_with_its_page_or_without(fleet: Fleet) -> None:
    name = fleet.names[-1]
    restore = "pifleet.nodered.restore"
    done(fleet.play("-l", name, variables=BASIC_LOGIN))
    done(fleet.play("-l", name))
    server = LoginServer(fleet, name)
    cookie = server.cookie("fred")
    done(fleet.play("-l", name, "-e", "nodered_restore=last", playbook=restore))
    assert not fleet.host(name).file(DIRECTORY).exists
    assert server.browse(server.dashboards[0]).status == 401
    assert server.get(server.dashboards[0], login_of("fred")).status == 200
    done(fleet.play("-l", name, "-e", "nodered_restore=last", playbook=restore))
    assert server.browse(server.dashboards[0]).status == 302
    assert not server.is_logged_in(cookie)
    assert server.log_in("wall").status == 303


def test_output_of_the_runs_has_no_secret(fleet: Fleet) -> None:
    """check, converge and idempotence, all with --diff."""
    log = pathlib.Path(fleet.work / "ansible.log").read_text("utf-8")
    assert log.count("PLAY RECAP") >= 3
    hashes = {hash_of(fleet, name, user) for name in fleet.names for user in USERS}
    assert [secret for secret in {*fleet.secrets(), *hashes} if secret in log] == []
