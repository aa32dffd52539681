# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of hosts at the end of a run."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import run
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report.run import HostSummary, Outcome

PROVED = {"port": 1880, "tls": True, "admin_root": "/", "proxy": None}
ACCESS = {
    "name": "kitchen.local",
    "proved": PROVED,
    "users": ["admin", "steve"],
    "not_after": "2027-03-01T00:00:00Z",
    "authority": "/ca/ca.pem",
}
UNCHANGED = {"due": [], "access": ACCESS}
DUE = {
    "due": ["certificate (there is no certificate yet)", "settings.js (https)"],
    "access": {**ACCESS, "proved": None},
}


LOST = (
    Outcome.FAILED,
    "The connection broke off. The host, when it starts, or the next run finishes or undoes what was begun.",
)


@pytest.mark.parametrize(
    ("results", "outcome", "reason"),
    [
        ({}, Outcome.LEFT_OUT, ""),
        ({"nodered_preflight": {"unreachable": True, "msg": "no route"}}, Outcome.OFF, ""),
        ({"nodered_preflight": {"failed": True, "msg": "No service.\nMore"}}, Outcome.FAILED, "No service."),
        ({"nodered_preflight": UNCHANGED}, Outcome.UNCHANGED, ""),
        ({"nodered_preflight": DUE, "nodered_service_result": {"transaction": "x"}}, Outcome.SECURED, ""),
        (
            {
                "nodered_preflight": DUE,
                "ansible_failed_result": {"failed": True, "msg": "No.\nMore"},
                "nodered_put_back": {"message": "The host is as it was."},
                "nodered_given_up": {"failed": True, "msg": "See above."},
            },
            Outcome.FAILED,
            "No. The host is as it was.",
        ),
        (
            {
                "nodered_preflight": DUE,
                "ansible_failed_result": {
                    "failed": True,
                    "msg": "It ended. The old files are back.",
                    "restored": ["/a"],
                },
                "nodered_put_back": {"message": "The host is as it was."},
                "nodered_given_up": {"failed": True, "msg": "See above."},
            },
            Outcome.FAILED,
            "It ended. The old files are back.",
        ),
        (
            {
                "nodered_preflight": DUE,
                "ansible_failed_result": {"failed": True, "msg": "No."},
                "nodered_put_back": {"failed": True, "msg": "Going back failed too."},
            },
            Outcome.FAILED,
            "No. Going back failed too.",
        ),
        ({"nodered_preflight": DUE}, Outcome.FAILED, "It did not come to its end."),
        (
            {"nodered_preflight": DUE, "nodered_service_result": {"failed": True}},
            Outcome.FAILED,
            "It did not come to its end.",
        ),
        *(
            ({"nodered_preflight": DUE, "nodered_service_result": {"failed": True}, name: {"unreachable": True}}, *LOST)
            for name in run.LATER_RESULTS
        ),
    ],
)
def test_outcome(results: dict[str, t.Any], outcome: Outcome, reason: str) -> None:
    found = run.of_host("kitchen", results, check_mode=False)
    assert (found.outcome, found.reason) == (outcome, reason)


def test_what_has_changed_and_when_the_new_certificate_ends() -> None:
    results = {
        "nodered_preflight": DUE,
        "nodered_certificate_result": {"certificate": {"not_after": "2027-06-01T00:00:00Z"}},
        "nodered_service_result": {"proof": {"expected": {**PROVED, "port": 1881, "admin_root": "/admin"}}},
    }
    found = run.of_host("kitchen", results, check_mode=False)
    assert found.changes == ("certificate", "settings.js")
    assert found.certificate_ends == "2027-06-01T00:00:00Z"
    assert found.url == "https://kitchen.local:1881/admin/"
    assert run.of_host("kitchen", results, check_mode=True).outcome is Outcome.DUE


@pytest.mark.parametrize(
    ("proved", "name", "url"),
    [
        (PROVED, "kitchen.local", "https://kitchen.local:1880/"),
        ({**PROVED, "tls": False, "port": 80}, "kitchen", "http://kitchen/"),
        ({**PROVED, "tls": False, "proxy": {"https": 443}, "admin_root": "/x/"}, "kitchen", "https://kitchen/x/"),
        (PROVED, "fd00::1", "https://[fd00::1]:1880/"),
        ({**PROVED, "admin_root": None}, "kitchen", ""),
        (None, "kitchen", ""),
        (PROVED, "", ""),
    ],
)
def test_address(proved: dict[str, t.Any] | None, name: str, url: str) -> None:
    access = {**ACCESS, "proved": proved, "name": name}
    assert run.of_host("kitchen", {"nodered_preflight": {"due": [], "access": access}}, False).url == url


LISTENING = {"host": "0.0.0.0", "port": 1880, "tls": True, "admin_root": "/"}


@pytest.mark.parametrize(
    ("host", "port", "url", "ssh"),
    [
        ("0.0.0.0", 1880, "https://kitchen.local:1880/", ""),
        ("127.0.0.1", 1880, "https://127.0.0.1:1880/", "ssh -L 1880:127.0.0.1:1880 192.0.2.7"),
        ("::1", 1881, "https://[::1]:1881/", "ssh -L 1881:[::1]:1881 192.0.2.7"),
        ("localhost", 443, "https://localhost/", "ssh -L 10443:localhost:443 192.0.2.7"),
        # What a host says becomes no part of a command.
        ("127.0.0.1; id", 1880, "https://localhost:1880/", "ssh -L 1880:localhost:1880 192.0.2.7"),
        (None, 1880, "https://kitchen.local:1880/", ""),
    ],
)
def test_the_way_to_an_editor_for_the_host_alone(host: str | None, port: int, url: str, ssh: str) -> None:
    proved = {**PROVED, "port": port}
    access = {**ACCESS, "proved": proved, "listening": {**LISTENING, "host": host}, "ssh": "192.0.2.7"}
    found = run.of_host("kitchen", {"nodered_preflight": {"due": [], "access": access}}, False)
    assert (found.url, found.ssh) == (url, ssh)
    here = run.of_host("kitchen", {"nodered_preflight": {"due": [], "access": {**access, "ssh": ""}}}, False)
    assert (here.url, here.ssh) == (url, "")
    behind = {**access, "proved": {**proved, "proxy": {"https": 443}}}
    found = run.of_host("kitchen", {"nodered_preflight": {"due": [], "access": behind}}, False)
    assert (found.url, found.ssh) == ("https://kitchen.local/", "")


@pytest.mark.parametrize(
    ("listening", "of_settings", "proxy", "proved", "url"),
    [
        # Of a host that was never proved.
        (LISTENING, None, None, None, "https://kitchen.local:1880/"),
        # A provider that gives no certificate any more.
        ({**LISTENING, "tls": False}, None, None, PROVED, "http://kitchen.local:1880/"),
        ({**LISTENING, "admin_root": False}, None, None, PROVED, ""),
        # What only code tells, Node.js has found.
        ({**LISTENING, "port": None}, {**LISTENING, "port": 1890}, None, PROVED, "https://kitchen.local:1890/"),
        # Else it stays.
        ({**LISTENING, "port": None}, None, None, {**PROVED, "port": 1891}, "https://kitchen.local:1891/"),
        ({**LISTENING, "port": None}, None, None, None, ""),
        # nginx comes, and goes.
        ({**LISTENING, "host": "127.0.0.1", "tls": False}, None, 8443, PROVED, "https://kitchen.local:8443/"),
        (LISTENING, None, None, {**PROVED, "tls": False, "proxy": {"https": 443}}, "https://kitchen.local:1880/"),
    ],
)
def test_check_mode_tells_the_address_that_a_host_will_have(
    listening: dict[str, t.Any],
    of_settings: dict[str, t.Any] | None,
    proxy: int | None,
    proved: dict[str, t.Any] | None,
    url: str,
) -> None:
    access = {**ACCESS, "proved": proved, "listening": listening, "proxy": proxy}
    results: dict[str, t.Any] = {
        "nodered_preflight": {**DUE, "access": access},
        "nodered_settings_result": {"listening": of_settings} if of_settings else {},
        "nodered_service_result": {"changed": True},
    }
    found = run.of_host("kitchen", results, check_mode=True)
    assert (found.outcome, found.url) == (Outcome.DUE, url)


@pytest.mark.parametrize("due", [[], ["settings.js (https)"]])
@pytest.mark.parametrize(
    ("shown", "ends"),
    [({"tls": True}, "2027-03-01"), ({"tls": False}, ""), ({"tls": False, "proxy": {"https": 443}}, "2027-03-01")],
)
def test_a_certificate_that_nobody_sees_does_not_end(due: list[str], shown: dict[str, t.Any], ends: str) -> None:
    access = {**ACCESS, "proved": {**PROVED, **shown}}
    service = {"proof": {"expected": access["proved"]}}
    results = {"nodered_preflight": {"due": due, "access": access}, "nodered_service_result": service}
    assert run.of_host("kitchen", results, check_mode=False).certificate_ends[:10] == ends


def test_lines() -> None:
    known = {"users": ("admin",), "authority": "/ca/ca.pem"}
    hosts = [
        HostSummary("attic", Outcome.OFF),
        HostSummary("garage", Outcome.FAILED, reason="Port 1880 is taken."),
        HostSummary(
            "hall", Outcome.UNCHANGED, (), "", "https://hall:1880/", certificate_ends="2027-01-02T00:00:00Z", **known
        ),
        HostSummary("kitchen", Outcome.SECURED, ("settings.js",), "", "https://127.0.0.1:1880/", "ssh -L x", **known),
    ]
    assert [text for text, _outcome in run.lines(hosts, {"/ca/ca.pem": "AB:CD"})] == [
        "4 hosts: 1 secured, 1 unchanged, 1 failed, 1 off.",
        "  kitchen  secured       https://127.0.0.1:1880/  settings.js",
        "  hall     unchanged     https://hall:1880/",
        "  garage   failed        Port 1880 is taken.",
        "  attic    off",
        "Who logs in to the editor: admin.",
        "Answering on the host itself alone, because of uiHost: kitchen. Where no proxy there leads to it: ssh -L x",
        "What browsers have to trust: /ca/ca.pem, SHA-256 AB:CD.",
        "The next certificate that ends: hall, 2027-01-02.",
    ]


@pytest.mark.parametrize(
    ("users", "providers", "told"),
    [
        (("admin",), ["Keycloak", "Keycloak", ""], ["Who logs in to the editor: admin, whom Keycloak lets in."]),
        ((), ["GitHub", "Keycloak"], ["Who logs in to the editor: whom GitHub lets in, whom Keycloak lets in."]),
        ((), [""], []),
    ],
)
def test_who_logs_in_by_a_provider(users: tuple[str, ...], providers: list[str], told: list[str]) -> None:
    access = {"users": users, "name": "kitchen"}
    proved = {"port": 1880, "tls": True, "admin_root": "/"}
    hosts = [
        run.of_host("hall", {"nodered_preflight": {"access": {**access, "proved": proved, "sign_on": name}}}, False)
        for name in providers
    ]
    assert [text for text, _outcome in run.lines(hosts, {}) if text.startswith("Who")] == told


def test_many_hosts_are_counted() -> None:
    hosts = [HostSummary(f"pi{number}", Outcome.UNCHANGED) for number in range(100)]
    hosts += [HostSummary(f"off{number}", Outcome.OFF) for number in range(60)]
    told = [text for text, _outcome in run.lines(hosts, {})]
    assert told[0] == "160 hosts: 100 unchanged, 60 off."
    assert len(told) == 52
    assert told[-1] == "  and 10 more off"


def test_a_host_cannot_write_on_the_terminal() -> None:
    results = {"nodered_preflight": {"failed": True, "msg": "\x1b[2Jnothing is wrong" + "x" * 1000}}
    reason = run.of_host("kitchen", results, False).reason
    assert "\x1b" not in reason
    assert len(reason) < 320


def test_data() -> None:
    data = run.as_data([HostSummary("hall", Outcome.UNCHANGED, users=("admin",))], {"/ca/ca.pem": "AB"})
    assert data["counts"] == {"secured": 0, "would change": 0, "unchanged": 1, "failed": 0, "off": 0, "not begun": 0}
    assert data["hosts"][0]["users"] == ["admin"]
    assert data["authorities"] == [{"file": "/ca/ca.pem", "fingerprint": "AB"}]


def test_the_playbook_counts_the_same_hosts_as_lost() -> None:
    text = (pathlib.Path(__file__).parents[4] / "playbooks/secure.yml").read_text("utf-8")
    (names,) = re.findall(r"lost=\[([^]]*)\]", text)
    assert tuple(re.findall(r"\w+", names)) == run.LATER_RESULTS
