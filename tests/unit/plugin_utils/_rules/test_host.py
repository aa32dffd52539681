# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each rule about a host and its certificate: one state that breaks it, and one good state that breaks none.

The certificates come from the openssl command.
"""

from __future__ import annotations

import base64
import copy
import datetime
import json
import pathlib
import subprocess
import typing as t

import pytest
from flow_credentials import encrypted
from host_state import ADDRESS, SETTINGS, file_status, make_state, put_in
from pki_tools import CertificateFactory

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials.files import described
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import HostState
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import (
    finding_data,
    finding_from_data,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._releases.support import (
    advisories,
    data_date,
    end_of_support,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules import certificates, host
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.host import check_host
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.host_view import expected_outside, port_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.registry import RULES, RULES_OF_INVENTORIES

PROJECT = pathlib.Path(__file__).parents[4]
TODAY = datetime.date.today()
MADE = "made-only-for-tests"
#: The state and the external view of a host.
Secured = tuple[HostState, dict[str, t.Any]]


def credentials_file(secret: str) -> dict[str, t.Any]:
    """What the host tells of a credentials file that is encrypted with a secret."""
    return {"name": "flows_kitchen_cred.json", **described(encrypted(secret, {"b0": {"user": "fred"}}))}


@pytest.fixture(scope="module")
def good(factory: CertificateFactory) -> Secured:
    """The state and the view of a host that has been secured."""
    authority = factory.self_signed("p256", "-days", "1000", subject="/CN=authority")
    pem = factory.signed("p256", authority, "p256", f"subjectAltName=DNS:kitchen,IP:{ADDRESS}", "-days", "397").decode()
    state = make_state(
        certificate__chain=pem,
        credentials__generated={"file": ".config.runtime.json", "secret": MADE},
        credentials__files=[credentials_file(MADE)],
        overrides=[{"path": ["uiPort"], "by": "--port"}],
        details__sessions=[
            {"user": "eve", "scope": ["flows.read"]},
            {"user": "admin", "scope": ["*"]},
            {"user": "gone", "scope": ["*"]},
        ],
    )
    # As an action has it.
    put_in(state, "settings.content", SETTINGS.encode())
    view = {
        "address": ADDRESS,
        "port": 1880,
        "reachable": True,
        "tls": True,
        "plain_http": False,
        "old_tls": "",
        "certificate": pem,
        "trusted": True,
        "login": "credentials",
        "settings_status": 401,
        "flows_status": 401,
        "token_status": 401,
        "cors": "*",
        "not_asked": [],
    }
    return state, view


def rules_of(good: Secured, changes: dict[str, t.Any], name: str = "kitchen") -> set[str]:
    both = {"state": copy.deepcopy(good[0]), "view": copy.deepcopy(good[1])}
    for path, value in changes.items():
        put_in(both, path, value)
    return {finding.rule.identifier for finding in check_host(both["state"], both["view"], name, TODAY)}


def without(line: str) -> bytes:
    return "\n".join(each for each in SETTINGS.splitlines() if line not in each).encode()


OPEN_VIEW = {"view.login": "", "view.settings_status": 200, "view.flows_status": 200, "view.token_status": 200}

FAULTS: list[tuple[str, dict[str, t.Any]]] = [
    ("editor-open", OPEN_VIEW),
    ("cors-open-editor", OPEN_VIEW),
    ("admin-auth-locked-out", {"view.login": ""}),
    ("flows-readable", {"view.flows_status": 200}),
    ("flows-readable", {"view.token_status": 200}),
    ("plain-http", {"view.plain_http": True}),
    ("old-tls", {"view.old_tls": "TLSv1.1"}),
    ("tls-broken", {"view.tls": False, "view.certificate": None, "view.login": None}),
    ("login-not-asked", {"view.not_asked": [("/", "httpNodeAuth")]}),
    ("credentials-lost", {"state.credentials.files": [credentials_file("forgotten-only-for-tests")]}),
    ("certificate-key-mismatch", {"state.certificate.key_matches": False}),
    ("certificate-issuer-unknown", {"view.trusted": False}),
    ("private-key-readable", {"state.certificate.status": file_status("0644")}),
    ("settings-missing", {"state.settings.content": None, "state.settings.status": None}),
    (
        "disk-temporary",
        {"state.disks": [{"path": "/home/pi/.node-red", "filesystem": "overlay", "problem": "temporary"}]},
    ),
    (
        "disk-without-owners",
        {"state.disks": [{"path": "/media/pi/USB", "filesystem": "vfat", "problem": "without owners"}]},
    ),
    ("settings-not-in-use", {"state.settings.in_use": False}),
    ("settings-overridden", {"state.overrides": [{"path": ["adminAuth"], "by": "-D adminAuth"}]}),
    ("settings-overridden", {"state.overrides": [{"path": [""], "by": "-D @file"}]}),
    ("settings-writable", {"state.settings.status": file_status("0602")}),
    ("settings-writable", {"state.settings.status": file_status("0620", gid=20)}),
    (
        "secrets-readable",
        {"state.settings.status": file_status("0644", gid=0), "state.user_dir.status": file_status("0755")},
    ),
    ("secrets-readable", {"state.exposed": ["/home/pi/.node-red/.sessions.json"]}),
    ("credential-secret-absent", {"state.exposed": ["/home/pi/.node-red/.config.runtime.json"]}),
    ("session-outlives-rights", {"state.details.sessions": [{"user": "eve", "scope": ["*"]}]}),
    ("session-outlives-rights", {"state.details.sessions": [{"user": "eve", "scope": ["flows.read", "flows.write"]}]}),
    ("service-umask", {"state.details.umask": "0022"}),
    ("service-not-hardened", {"state.service.drop_in": None}),
    ("service-root", {"state.user.uid": 0}),
    ("service-user-root-rights", {"state.details.root_rights.groups": ["docker"]}),
    (
        "service-user-root-rights",
        {"state.details.root_rights.sudo": [{"file": "/etc/sudoers.d/010_pi-nopasswd", "password": False}]},
    ),
    ("service-not-running", {"state.service.active": False}),
    ("service-not-enabled", {"state.service.enabled": False}),
    ("transaction-pending", {"state.transaction": {"id": "a"}}),
    (
        "change-not-lasting",
        {"state.went_back": {"transaction": "a", "clock": 0, "cause": "ended", "outcome": "back"}},
    ),
    ("proof-failed", {"state.proof.failures": ["port 1880 answers plain HTTP"]}),
    ("node-red-out-of-support", {"state.node_red.version": "3.1.15"}),
    ("node-red-out-of-support", {"state.node_red.version": "2.2.3"}),
    ("node-red-advisory", {"state.node_red.version": "5.0.5"}),
    ("node-red-advisory", {"state.node_red.version": "1.2.7"}),
    ("node-out-of-support", {"state.node.version": "20.20.2"}),
    ("node-out-of-support", {"state.node.version": "20.20.2", "state.details.node_package": "20.20.2-1nodesource1"}),
    ("node-too-old", {"state.node_red.node": ">=22.9", "state.node.version": "22.8.0"}),
    (
        "node-auth-missing",
        {"state.settings.content": without("httpNodeAuth"), "state.details.flows": {"f.json": ["http in"]}},
    ),
    (
        "node-auth-missing",
        {"state.settings.content": without("httpNodeAuth"), "state.details.flows": {"f.json": ["worldmap"]}},
    ),
    (
        "node-auth-missing",
        {"state.settings.content": without("httpNodeAuth"), "state.details.flows": {"f.json": ["uibuilder"]}},
    ),
    ("socket-of-node-open", {"state.details.flows": {"flows.json": ["http in", "uibuilder"]}}),
    ("socket-of-node-open", {"state.details.flows": {"flows.json": ["worldmap"]}}),
    ("socket-of-node-open", {"state.details.flows": {"flows.json": ["socketio-config"]}}),
    ("websocket-unprotected", {"state.details.flows": {"flows.json": ["websocket-listener"]}}),
    ("websocket-unprotected", {"state.details.flows": {"flows.json": ["ui-base"]}}),
    ("admin-auth-missing", {"state.settings.content": b"module.exports = {}"}),
]

HARMLESS: list[dict[str, t.Any]] = [
    {},
    {"view.reachable": False, "view.plain_http": True},
    {"view.address": "127.0.0.1", "view.plain_http": True},
    {"view.login": None, "view.settings_status": 404, "view.flows_status": 404, "view.token_status": 404},
    {"view.trusted": None},
    {"state.settings.content": base64.b64encode(SETTINGS.encode()).decode()},
    {"state.settings.content": without("httpNodeAuth")},
    {"state.details": None},
    {"state.proof": None},
    {"state.node.version": "20.19.2", "state.details.node_package": "20.19.2+dfsg-1"},
    {"state.node.version": None},
    {"state.node_red.version": "5.0.7"},
    {"state.service.drop_in": None, "state.details.no_new_privileges": True},
    {"state.overrides": [{"path": ["telemetry", "enabled"], "by": "NODE_RED_DISABLE_TELEMETRY"}]},
    {"state.settings.status": file_status("0664")},
    {"state.settings.status": file_status("0644", gid=0)},
    {
        "state.details.flows": {"old.json": ["http in", "websocket-listener"]},
        "state.settings.content": SETTINGS.replace("https:", "flowFile: 'new.json', https:").encode(),
    },
]


@pytest.mark.parametrize(("rule", "changes"), FAULTS)
def test_a_fault_is_found(good: Secured, rule: str, changes: dict[str, t.Any]) -> None:
    assert rule in rules_of(good, changes)


@pytest.mark.parametrize("changes", HARMLESS)
def test_what_is_no_fault(good: Secured, changes: dict[str, t.Any]) -> None:
    assert rules_of(good, changes) == set()


def test_a_fault_brings_no_other(good: Secured) -> None:
    """Except for those that belong together."""
    together = {"cors-open-editor", "editor-open"}, {"secrets-readable", "credential-secret-absent"}
    for rule, changes in FAULTS:
        found = rules_of(good, changes)
        if not any(rule in each for each in together) and "state.settings.content" not in changes:
            assert found <= {rule, "node-out-of-support", "node-red-out-of-support"}, rule


# Certificates


def test_certificates(good: Secured, factory: CertificateFactory) -> None:
    san = "subjectAltName=DNS:kitchen"

    def served(pem: bytes) -> dict[str, str]:
        return {"view.certificate": pem.decode(), "state.certificate.chain": pem.decode()}

    root = factory.self_signed("p256", "-days", "1000", subject="/CN=authority")
    cases = {
        "certificate-expiring": _dated(factory, -80, 10),
        "certificate-expired": _dated(factory, -90, -10),
        "certificate-without-san": factory.signed("p256", root, "p256", "basicConstraints=CA:FALSE", "-days", "90"),
        "certificate-weak-key": factory.signed("rsa1024", root, "p256", san, "-days", "90"),
        "certificate-weak-signature": factory.signed("rsa2048", root, "p256", san, "-sha1", "-days", "90"),
        "certificate-self-signed": factory.self_signed("p384", "-days", "90", "-addext", san, subject="/CN=kitchen"),
    }
    for rule, pem in cases.items():
        assert rules_of(good, served(pem)) - {"certificate-wrong-name"} == {rule}
    future = _dated(factory, 10, 100)
    assert rules_of(good, served(future)) == {"certificate-expired"}
    assert "certificate-unreadable" in rules_of(
        good,
        {
            "view.certificate": None,
            "state.certificate.chain": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        },
    )
    assert {*cases, "certificate-unreadable"} == {*certificates.RULES}


def _dated(factory: CertificateFactory, start: int, end: int) -> bytes:
    """A certificate that is valid from so many days from now to so many, from openssl's own authority."""
    folder = factory.folder / f"ca{start}{end}".replace("-", "m")
    folder.mkdir(exist_ok=True)
    (folder / "index").touch()
    (folder / "serial").write_text("01\n")
    (folder / "root.pem").write_bytes(factory.self_signed("p256", "-days", "1000", subject="/CN=authority"))
    (folder / "request.pem").write_bytes(factory.request("p384"))
    (folder / "conf").write_text(
        f"[ca]\ndefault_ca=a\n[a]\ndatabase={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\n"
        f"default_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=DNS:kitchen\n"
    )
    now = datetime.datetime.now(datetime.UTC)
    days = [(now + datetime.timedelta(days=each)).strftime("%Y%m%d%H%M%SZ") for each in (start, end)]
    subprocess.run(
        [
            "openssl",
            "ca",
            "-batch",
            "-config",
            folder / "conf",
            "-in",
            folder / "request.pem",
            "-out",
            folder / "out.pem",
            "-notext",
            "-cert",
            folder / "root.pem",
            "-keyfile",
            factory.key("p256"),
            "-startdate",
            days[0],
            "-enddate",
            days[1],
        ],
        check=True,
        capture_output=True,
    )
    return (folder / "out.pem").read_bytes()


def test_another_certificate_is_served(good: Secured, factory: CertificateFactory) -> None:
    root = factory.self_signed("p256", "-days", "1000", subject="/CN=authority")
    other = factory.signed("p384", root, "p256", "subjectAltName=DNS:kitchen", "-days", "90").decode()
    assert rules_of(good, {"view.certificate": other}) == {"certificate-not-served"}


FOLLOWED = {
    "key": "/etc/certs/key.pem",
    "chain": "/etc/certs/chain.pem",
    "problem": "",
    "certificates": "",
    "sha256": "0" * 64,
}


@pytest.mark.parametrize(
    ("source", "active", "found"),
    [
        (FOLLOWED, True, set()),
        (FOLLOWED, False, {"certificate-not-followed"}),
        ({**FOLLOWED, "sha256": "1" * 64}, True, {"certificate-not-followed"}),
        ({**FOLLOWED, "problem": "It does not exist."}, True, {"certificate-not-followed"}),
        (None, True, {"certificate-not-followed"}),
    ],
    ids=["followed", "nobody watches", "another", "gone", "unknown"],
)
def test_a_certificate_that_the_host_renews(
    good: Secured, source: dict[str, t.Any] | None, active: bool, found: set[str]
) -> None:
    follower = {"sha256": "0" * 64, "active": active}
    assert rules_of(good, {"state.source": source, "state.follower": follower}) == found


def test_a_certificate_for_another_host(good: Secured) -> None:
    assert rules_of(good, {"view.address": "192.0.2.8"}, "pantry") == {"certificate-wrong-name"}
    # The name in the inventory is enough, where the control node goes by another way.
    assert rules_of(good, {"view.address": "192.0.2.8"}, "kitchen") == set()


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("kitchen", True),
        ("KITCHEN", True),
        (ADDRESS, True),
        ("kitchen.local", False),
        ("192.0.2.77", False),
        ("", False),
    ],
)
def test_names(good: Secured, name: str, covered: bool) -> None:
    assert certificates.covers_name(good[1]["certificate"], name) is covered


def test_a_login_made_by_code(good: Secured) -> None:
    """The file does not tell, and the server does."""
    by_code = {"state.settings.content": b"module.exports = { adminAuth: require('auth'), https: f }"}
    assert rules_of(good, by_code) == set()
    assert rules_of(good, {**by_code, "view.reachable": False, "view.login": None}) == {"admin-auth-unknown"}


# All together


def test_every_rule_is_broken_once_here() -> None:
    assert {fault[0] for fault in FAULTS} >= {*host.RULES} - {
        "authority-not-constrained",
        "certificate-not-followed",
        "certificate-not-served",
        "certificate-wrong-name",
    }


def test_rules_are_complete() -> None:
    for identifier, rule in RULES.items():
        assert identifier == rule.identifier == identifier.lower()
        assert " " not in identifier
        assert rule.rationale.endswith("."), identifier
        assert rule.remediation.endswith("."), identifier
        assert not rule.title.endswith("."), identifier


def test_variables_of_rules_are_variables_of_the_collection() -> None:
    known = "".join(file.read_text("utf-8") for file in PROJECT.glob("roles/*/defaults/main.yml"))
    known += "".join(file.read_text("utf-8") for file in PROJECT.glob("roles/*/meta/argument_specs.yml"))
    assert [rule.variable for rule in RULES.values() if rule.variable and f"{rule.variable}:" not in known] == []


def test_documentation_has_every_rule() -> None:
    text = (PROJECT / "docs/audit.md").read_text("utf-8")
    rows = [line for line in text.partition("## Rules")[2].splitlines() if line.startswith("| `")]
    audited = [rule for rule in RULES.values() if rule.identifier not in RULES_OF_INVENTORIES]
    assert rows == [
        f"| `{rule.identifier}` | {rule.severity} | {rule.title} |"
        for rule in sorted(audited, key=lambda rule: (-rule.severity, rule.identifier))
    ]


def test_findings_can_be_handed_on(good: Secured) -> None:
    state = copy.deepcopy(good[0])
    put_in(state, "settings.content", b"module.exports = {}")
    for finding in check_host(state, good[1], "kitchen", TODAY):
        assert finding_from_data(json.loads(json.dumps(finding_data(finding))), RULES) == finding


# Releases


def test_releases() -> None:
    assert data_date() <= TODAY
    assert end_of_support("node_red", "3.1.15") == datetime.date(2025, 6, 30)
    assert end_of_support("node_red", "4.1.15") is None
    assert end_of_support("node", "v18.20.4") == datetime.date(2025, 4, 30)
    assert end_of_support("node", "unknown") is None
    assert [advisory.identifier for advisory in advisories("5.0.5")] == ["node-red#5919"]
    assert advisories("5.0.6") == advisories("4.1.15") == advisories("?") == []
    assert len(advisories("1.2.7")) == 2


# Where to look


@pytest.mark.parametrize(
    ("changes", "port"),
    [
        ({}, 1880),
        ({"state.details.listening": [["127.0.0.1", 1880]]}, None),
        ({"state.proof": None, "state.endpoints": [{"port": 1881}], "state.details.listening": [["::", 1881]]}, 1881),
        ({"state.details.listening": []}, None),
        # It was moved since it was proved, and the flows listen too.
        (
            {
                "state.settings.content": b"module.exports = { uiPort: '1999' }",
                "state.details.listening": [["0.0.0.0", 502], ["0.0.0.0", 1999]],
            },
            1999,
        ),
        ({"state.details.listening": [["0.0.0.0", 502]]}, None),
    ],
)
def test_the_port_that_is_looked_at(good: Secured, changes: dict[str, t.Any], port: int | None) -> None:
    both = {"state": copy.deepcopy(good[0])}
    for path, value in changes.items():
        put_in(both, path, value)
    assert port_of(both["state"]) == port


@pytest.mark.parametrize(
    ("settings", "root", "logins"),
    [
        ("", "/", ()),
        (
            'httpAdminRoot: "/admin", httpNodeRoot: "/api", httpNodeAuth: {user: "a", pass: "b"}',
            "/admin",
            (("/api", "httpNodeAuth"),),
        ),
        ("httpAdminRoot: false", None, ()),
        ('httpRoot: "/x", httpNodeAuth: function() {}', "/x", ()),
        (
            'httpStatic: [{path: "/srv", root: "/doc"}], httpStaticAuth: {user: "a", pass: "b"}',
            "/",
            (("/doc", "httpStaticAuth"),),
        ),
    ],
)
def test_where_node_red_should_answer(
    good: Secured, settings: str, root: str | None, logins: tuple[t.Any, ...]
) -> None:
    state = copy.deepcopy(good[0])
    put_in(state, "settings.content", f"module.exports = {{ {settings} }}".encode())
    assert expected_outside(state)[:2] == (root, logins)
    assert expected_outside(state).login_page is None


def test_where_the_login_page_should_answer(good: Secured) -> None:
    state = copy.deepcopy(good[0])
    text = 'module.exports = { httpNodeRoot: "/api", httpNodeAuth: require("./nodelogin/login.js").httpNodeAuth }'
    put_in(state, "settings.content", text.encode())
    assert expected_outside(state) == ("/", (("/api", "httpNodeAuth"),), "/api")


def test_how_a_user_may_become_root_is_told_once(good: Secured) -> None:
    state = copy.deepcopy(good[0])
    files = [("/etc/sudoers.d/010_pi-nopasswd", False), ("/etc/sudoers", True)]
    rules = [{"file": file, "password": password} for file, password in files]
    put_in(state, "details.root_rights", {"groups": ["sudo", "adm"], "sudo": rules})
    messages = [finding.message for finding in check_host(state, good[1], "kitchen", TODAY)]
    assert messages == [
        "pi is in the groups sudo, adm, and runs any command by sudo, without a password (/etc/sudoers.d/010_pi-nopasswd) and"
        " with its password (/etc/sudoers)."
    ]
