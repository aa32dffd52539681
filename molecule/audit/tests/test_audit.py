# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audit of a fleet: three hosts that were secured, an open one, one with planted faults, and two that cannot be audited."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

import pytest
from scenario.comms import WebSocket
from scenario.fleet import PORT, SETTINGS, Fleet, Run, differences
from scenario.leaks import leaked

AUDIT = "pifleet.nodered.audit"
SECURED = ("pi41", "pi31", "pi5")
#: Of TEST-NET-1, where nobody is.
NOBODY = "192.0.2.1"
#: Secrets of files/, beside those that settings.js has.
PLANTED = {"token-only-for-tests", "session-only-for-tests", "21232f297a57a5a743894a0e4a801fc4"}

#: What an installation has that nobody has touched.
OPEN = {
    "admin-auth-missing",
    "editor-open",
    "cors-open-editor",
    "https-missing",
    "plain-http",
    "modules-installable",
    "secrets-readable",
    "credential-secret-absent",
    "service-umask",
    "service-not-hardened",
    "service-user-root-rights",
}
FAULTY = {
    # settings.js
    "password-well-known",
    "password-hash-weak",
    "password-hash-md5",
    "permission-ignored",
    "anonymous-read",
    "static-tokens",
    "diagnostics-open",
    "function-modules-bypass",
    "https-old-protocol",
    "https-refresh-ignored",
    "require-https-misunderstood",
    "node-cors-any-origin",
    "credential-secret-off",
    "global-context-module",
    "global-context-exported",
    "tls-local-files",
    "modules-auto-install",
    "runtime-state-control",
    "telemetry-enabled",
    "projects-enabled",
    # the host
    "settings-writable",
    "settings-overridden",
    "secrets-readable",
    "session-outlives-rights",
    "websocket-unprotected",
    "service-umask",
    "service-not-hardened",
    "service-user-root-rights",
    "service-not-enabled",
    # the network
    "flows-readable",
    "old-tls",
    "certificate-expired",
    "certificate-without-san",
    "certificate-wrong-name",
}


@dataclasses.dataclass
class Audit:
    """One run of the playbook against all hosts."""

    run: Run
    reports: pathlib.Path
    #: What differs on each host after it.
    changed: dict[str, list[str]]
    #: How often each secured host was visited as root.
    visits: dict[str, int]

    @property
    def report(self) -> dict[str, t.Any]:
        return json.loads((self.reports / "report.json").read_text("utf-8"))

    def findings(self, name: str) -> list[dict[str, t.Any]]:
        return [finding for finding in self.report["findings"] if finding["subject"] == name]

    def rules(self, name: str) -> set[str]:
        return {finding["rule"] for finding in self.findings(name)}

    def subject(self, name: str) -> dict[str, t.Any]:
        return next(subject for subject in self.report["subjects"] if subject["name"] == name)


def sudo_calls(fleet: Fleet, name: str) -> int:
    return sum("BECOME-SUCCESS" in line for line in fleet.journal(name, "_COMM=sudo").splitlines())


@pytest.fixture(scope="module")
def audit(fleet: Fleet) -> Audit:
    """A run of somebody who knows no password: the variables that have them cannot be read."""
    gone = fleet.work / "gone.yml"
    # However long one waits, nobody answers.
    gone.write_text(f"nodered: {{hosts: {{gone: {{ansible_host: {NOBODY}, ansible_timeout: 3}}}}}}\n", "utf-8")
    reports = fleet.work / "reports"
    before = {name: fleet.checksums(name) for name in fleet.names}
    visits = {name: sudo_calls(fleet, name) for name in SECURED}
    run = fleet.play(
        f"--inventory={gone}",
        "-vvv",
        "--diff",
        playbook=AUDIT,
        variables={
            "nodered_report_dir": str(reports),
            "nodered_admin_users": "{{ lookup('ansible.builtin.file', '/no/vault') }}",
        },
    )
    visits = {name: sudo_calls(fleet, name) - visits[name] for name in SECURED}
    changed = {name: differences(before[name], fleet.checksums(name)) for name in fleet.names}
    return Audit(run, reports, changed, visits)


def test_it_succeeds_and_changes_nothing(audit: Audit) -> None:
    assert audit.run.status == 0, audit.run.output
    # The report files may be new, once.
    assert sum(host["changed"] for host in audit.run.recap.values()) <= 1
    assert audit.changed == {key: [] for key in audit.changed}


def test_secured_hosts_have_no_finding(audit: Audit) -> None:
    """But those which no run of `secure` mends: pi may use sudo, and the project corrects Node-RED 3 no more."""
    assert {name: audit.rules(name) for name in SECURED} == {
        "pi41": {"service-user-root-rights"},
        "pi31": {"service-user-root-rights", "node-red-out-of-support"},
        "pi5": {"service-user-root-rights"},
    }


def test_secured_hosts_are_visited_once(audit: Audit) -> None:
    assert audit.visits == dict.fromkeys(SECURED, 1)


def test_open_host(fleet: Fleet, audit: Audit) -> None:
    assert audit.rules("open") == OPEN
    # As curl sees it.
    answer = fleet.here().request(fleet.url("open", "http") + "/settings")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")


def test_what_is_accepted_on_one_host_is_told_of_another(audit: Audit) -> None:
    (of_open, of_faulty) = (
        next(finding["suppression"] for finding in audit.findings(name) if finding["rule"] == "service-umask")
        for name in ("open", "faulty")
    )
    assert of_open == {"reason": "Only the tests use this host", "until": "2099-12-31"}
    assert of_faulty is None


def test_planted_faults(audit: Audit) -> None:
    assert audit.rules("faulty") == FAULTY


def test_planted_faults_as_others_see_them(fleet: Fleet, audit: Audit) -> None:
    assert audit.rules("faulty")
    here, url, address = fleet.here(), fleet.url("faulty"), fleet.address("faulty")
    assert here.request(f"{url}/flows", "--insecure").status == 200
    old = here.openssl("s_client", "-connect", f"{address}:{PORT}", "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0")
    assert old.rc == 0, old.stderr
    shown = here.openssl("s_client", "-connect", f"{address}:{PORT}", "-CAfile", fleet.ca, "-verify_return_error")
    assert shown.rc != 0, shown.stdout
    web_socket = WebSocket(address, PORT, None, "/ws/tests")
    assert web_socket.status == 101
    web_socket.close()


def test_lines_of_findings(fleet: Fleet, audit: Audit) -> None:
    lines = fleet.host("faulty").check_output("cat %s", SETTINGS).splitlines()
    placed = {finding["rule"]: lines[finding["line"] - 1] for finding in audit.findings("faulty") if finding["line"]}
    assert "$2a$08$" in placed["password-well-known"]
    assert "flows.*" in placed["permission-ignored"]
    assert "minVersion" in placed["https-old-protocol"]
    assert "credentialSecret: false" in placed["credential-secret-off"]


def test_hosts_that_cannot_be_audited(audit: Audit) -> None:
    assert "no service nodered" in audit.subject("bare")["error"]
    assert NOBODY in audit.subject("gone")["error"]
    assert audit.findings("bare") == audit.findings("gone") == []
    assert audit.run.recap["gone"]["unreachable"] == 0


def test_subjects(audit: Audit) -> None:
    for name, version in (("pi41", "4.1."), ("pi31", "3.1."), ("pi5", "5.0.")):
        subject = audit.subject(name)
        assert subject["node_red"].startswith(version)
        assert subject["certificate"]["name"] == f"{name}.local"


def test_nothing_secret_is_shown(fleet: Fleet, audit: Audit) -> None:
    secrets = {*PLANTED}
    for name in (*SECURED, "faulty"):
        secrets |= fleet.secrets_on(name)
    assert len(secrets) > 8
    assert leaked(secrets, audit.run.output) == []
    for file in audit.reports.iterdir():
        assert leaked(secrets, file.read_text("utf-8")) == [], file


def test_a_run_can_fail_for_what_it_finds(fleet: Fleet) -> None:
    strict = {"nodered_fail_severity": "critical"}
    bad = fleet.play("--limit=pi41,faulty", playbook=AUDIT, variables=strict)
    assert bad.status != 0
    assert bad.said("password-well-known"), bad.output
    good = fleet.play("--limit=pi41,pi31,pi5", playbook=AUDIT, variables=strict)
    assert good.status == 0, good.output


def test_other_accounts_see_what_the_report_says(fleet: Fleet, audit: Audit) -> None:
    """A stranger on the host, with the host's own tools."""
    message = next(finding["message"] for finding in audit.findings("faulty") if finding["rule"] == "secrets-readable")
    assert ".sessions.json" in message
    read = "runuser -u nobody -- cat /home/pi/.node-red/.sessions.json"
    assert fleet.host("faulty").run(read).rc == (0 if fleet.host("faulty").file("/home/pi").mode & 0o001 else 1)
