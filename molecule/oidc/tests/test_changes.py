# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single sign-on changes, goes, comes back, is damaged, or has no provider: local users always get in."""

from __future__ import annotations

import copy
import json
import pathlib
import typing as t

import pytest
from scenario.client import login_of
from scenario.fleet import SETTINGS, USER_DIR, Fleet, Run
from scenario.single_sign_on import SignOnServer
from scenario.waiting import wait_for

DIRECTORY = f"{USER_DIR}/nodelogin/oidc"
SECRET = "client-secret-only-for-tests"
RESTORE = "pifleet.nodered.restore"


def done(run: Run) -> Run:
    assert run.status == 0, run.output
    assert SECRET not in run.output
    return run


def unchanged(run: Run) -> bool:
    """Whether a run has looked at each host, and no more."""
    return all(host["changed"] == 0 and host["ok"] <= 2 for host in done(run).recap.values())


def oidc(fleet: Fleet, **changes: t.Any) -> dict[str, t.Any]:
    return {"nodered_oidc": {**copy.deepcopy(fleet.variables["nodered_oidc"]), **changes}}


def settings(fleet: Fleet) -> list[str]:
    return [fleet.host(name).file(SETTINGS).content_string for name in fleet.names]


def test_logins_end_by_name_and_all_together(fleet: Fleet, servers: list[SignOnServer]) -> None:
    done(fleet.play())
    dashboards = {who: [server.to_dashboards(who) for server in servers] for who in ("anna", "bert")}
    tokens = {who: [server.to_editor(who).token for server in servers] for who in ("anna", "carol")}

    def inside() -> tuple[set[str], set[str]]:
        opened = {who for who, each in dashboards.items() if all(map(SignOnServer.opens, servers, each))}
        status = {
            who: {server.call("GET", "/flows", token).status for server, token in zip(servers, each, strict=True)}
            for who, each in tokens.items()
        }
        return opened, {who for who, found in status.items() if found == {200}}

    assert inside() == ({"anna", "bert"}, {"anna", "carol"})
    done(fleet.play(variables={"nodered_revoke_sessions": ["anna"]}))
    assert inside() == ({"bert"}, {"carol"})
    done(fleet.play("-e", "nodered_rotate=sessions", playbook="pifleet.nodered.rotate"))
    assert inside() == (set(), set())
    assert unchanged(fleet.play())


def test_a_rule_that_is_taken_away_ends_at_once(fleet: Fleet, servers: list[SignOnServer]) -> None:
    done(fleet.play())
    anna, bert = ([server.to_dashboards(who) for server in servers] for who in ("anna", "bert"))
    done(fleet.play(variables=oidc(fleet, dashboards=[{"group": "admins"}])))
    assert all(map(SignOnServer.opens, servers, anna))
    assert not any(map(SignOnServer.opens, servers, bert))


def test_a_provider_that_is_down_is_no_reason_to_stop(fleet: Fleet, servers: list[SignOnServer]) -> None:
    """A warning says so, local users get in, and people are told."""
    done(fleet.play())
    provider = fleet.host("pi41")
    provider.check_output("systemctl kill --signal=STOP provider")
    try:
        run = done(fleet.play(variables={"nodered_revoke_sessions": ["*"]}))
        assert run.said("That Home lets somebody in by single sign-on was not proved")
        for server in servers:
            assert server.is_logged_in(server.cookie("fred"))
            assert server.call("GET", "/flows", server.token("admin")).status == 200
            answer = server.browse(f"{server.page}/oidc")
            assert answer.status == 502
            assert "does not work now" in answer.body
    finally:
        provider.check_output("systemctl kill --signal=CONT provider")
    # Node-RED does not ask it again for some seconds.
    wait_for(
        lambda: all(server.browse(f"{server.page}/oidc").status == 302 for server in servers),
        "the provider is asked again",
    )
    assert all(server.to_dashboards("anna").answer.status == 200 for server in servers)


def test_it_goes_and_leaves_the_bytes_of_before(fleet: Fleet, servers: list[SignOnServer]) -> None:
    """And a state with it comes back, and one without."""
    without = {"nodered_oidc": {}}
    done(fleet.play(variables=without))
    before = settings(fleet)
    run = done(fleet.play())
    assert "was not proved" not in run.output
    assert all("nodelogin/oidc/editor.js" in text for text in settings(fleet))
    tokens = [server.to_editor("anna").token for server in servers]
    done(fleet.play(variables=without))
    assert settings(fleet) == before
    assert unchanged(fleet.play(variables=without))
    for server, token in zip(servers, tokens, strict=True):
        assert not fleet.host(server.name).file(DIRECTORY).exists
        assert server.call("GET", "/flows", token).status == 401
        assert server.get(f"{server.node_root}/who", login_of("fred")).body == "fred"
    done(fleet.play("-e", "nodered_restore=last", playbook=RESTORE))
    for server, token in zip(servers, tokens, strict=True):
        assert server.to_dashboards("anna").answer.status == 200
        assert server.call("GET", "/flows", server.to_editor("anna").token).status == 200
        # Who was logged in then is so no more.
        assert server.call("GET", "/flows", token).status == 401
    done(fleet.play("-e", "nodered_restore=last", playbook=RESTORE))
    assert settings(fleet) == before
    assert not any(fleet.host(name).file(DIRECTORY).exists for name in fleet.names)


def test_the_editor_alone_beside_one_login_of_dashboards(fleet: Fleet, servers: list[SignOnServer]) -> None:
    user, password = login_of("fred")
    alone = {
        **oidc(fleet, dashboards=[]),
        "nodered_node_users": [],
        "nodered_node_auth": {"user": user, "password": password},
    }
    done(fleet.play(variables=alone))
    assert unchanged(fleet.play(variables=alone))
    for server in servers:
        assert server.call("GET", "/flows", server.to_editor("anna").token).status == 200
        assert server.get(server.dashboards[0], login_of("fred")).status == 200
        assert server.browse(server.dashboards[0]).status == 401
    done(fleet.play())


# Damage, and what is refused


def findings(fleet: Fleet, name: str) -> set[str]:
    """The rules of logins that an audit names for a host."""
    reports = fleet.work / "reports"
    done(fleet.play("-e", f"nodered_report_dir={reports}", playbook="pifleet.nodered.audit"))
    report = json.loads((reports / "report.json").read_text("utf-8"))
    assert SECRET not in json.dumps(report)
    rules = {each["rule"] for each in report["findings"] if each["subject"] == name}
    return {rule for rule in rules if rule.startswith(("login-", "oidc-", "admin-auth", "session-long"))}


def test_an_audit_tells_of_damage_and_a_run_mends_it(fleet: Fleet) -> None:
    name = fleet.names[-1]
    done(fleet.play())
    assert findings(fleet, name) == set()
    fleet.host(name).check_output(f"echo '// open' >>{DIRECTORY}/editor.js && chmod 0644 {DIRECTORY}/editor.js")
    assert findings(fleet, name) == {"login-files-changed", "login-files-exposed"}
    run = done(fleet.play())
    assert [run.recap[each]["changed"] > 0 for each in fleet.names] == [each == name for each in fleet.names]
    assert findings(fleet, name) == set()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "http://id.example.com"}, "issuer must be a URL that begins with https://"),
        ({"editor": [{"everybody": True, "permissions": "*"}]}, "everybody may not use the editor"),
    ],
)
def test_what_is_refused_changes_nothing(fleet: Fleet, changes: dict[str, t.Any], words: str) -> None:
    before = settings(fleet)
    run = fleet.play(variables=oidc(fleet, **changes))
    assert run.status != 0
    assert run.said(words)
    assert SECRET not in run.output
    assert settings(fleet) == before


# Secrets


def test_output_of_the_runs_has_no_secret(fleet: Fleet) -> None:
    """check, converge and idempotence, all with --diff; and one at -vvv that changes everything."""
    log = pathlib.Path(fleet.work / "ansible.log").read_text("utf-8")
    assert log.count("PLAY RECAP") >= 3
    done(fleet.play(variables={"nodered_oidc": {}}))
    verbose = done(fleet.play("-vvv", "--diff")).output
    assert f"{USER_DIR}/nodelogin" in verbose
    assert [secret for secret in {*fleet.secrets(), SECRET} if secret in log or secret in verbose] == []


def test_files_are_for_the_user_of_the_service_alone(fleet: Fleet) -> None:
    for name in fleet.names:
        found = fleet.host(name).check_output(
            "find %s ! -type l -printf '%%u %%m\\n' | sort -u", f"{USER_DIR}/nodelogin"
        )
        assert set(found.splitlines()) == {"pi 600", "pi 700"}
