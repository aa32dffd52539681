# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An audit of hosts that answer nonsense, or at whose address another server answers, and the report of them all."""

from __future__ import annotations

import pathlib
import socket
import types
import typing as t

import pytest
from ansible.errors import AnsibleError
from host_state import make_state
from pki_tools import CertificateFactory
from web_server import LOCKED, server

from ansible_collections.pifleet.nodered.plugins.action.audit import ActionModule
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import DataError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.authority import CertificateAuthority
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import build
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.registry import RULES

OPTIONS: dict[str, t.Any] = {
    "service": "nodered",
    "user": None,
    "user_dir": None,
    "settings_path": None,
    "suppressions": [],
    "timeout": 30,
    "ca_certificate": None,
    "ca_dir": "/nonexistent",
    "provider": "ca",
}


class Audit(ActionModule):
    """One whose host answers what it is told to, or raises it."""

    def __init__(self, answer: object) -> None:
        super().__init__(None, None, types.SimpleNamespace(remote_addr="127.0.0.1"), None, None, None)
        self.task_vars = {"inventory_hostname": "kitchen"}
        self.answer = answer
        self.warnings: list[str] = []
        self._display = types.SimpleNamespace(warning=self.warnings.append)

    def run_module(self, module: str, options: dict[str, t.Any], shape: type, seconds: float | None = None) -> t.Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def state_of(port: int, certificate: str | None) -> dict[str, t.Any]:
    """The state of a host whose server shows itself this certificate, and that was never proved."""
    state = make_state(
        details__listening=[["0.0.0.0", port]],
        proof=None,
        endpoints=[{"port": port, "certificate": certificate}],
        settings__content=None,
    )
    return t.cast(dict[str, t.Any], state)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"details__listening": []}, True),
        ({"details__listening": [["0.0.0.0", 1999]]}, True),
        ({"details__listening": [["127.0.0.1", 1880]]}, False),
        ({"details__listening": [], "service__active": False}, False),
    ],
)
def test_what_was_not_looked_at_from_here_is_told(changes: dict[str, t.Any], told: bool) -> None:
    audit = Audit(make_state(**changes))
    assert audit.execute(OPTIONS)["view"] is None
    assert any("could not be told" in warning for warning in audit.warnings) is told


# Nonsense


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (RecursionError(), "what it answered could not be understood (RecursionError)"),
        ([], "what it answered could not be understood (TypeError)"),
        ({}, "what it answered could not be understood (KeyError)"),
        (
            make_state(settings__path=7, settings__content=7),
            "what it answered could not be understood (AttributeError)",
        ),
        (AnsibleError("No route to host"), "No route to host"),
    ],
)
def test_a_host_that_answers_nonsense_is_a_subject_that_failed(answer: t.Any, error: str) -> None:
    result = Audit(answer).execute(OPTIONS)
    (reported,) = build.results_from_data([result], RULES)
    assert (reported.subject.name, reported.subject.error, reported.subject.address) == ("kitchen", error, "127.0.0.1")
    assert reported.findings == ()


@pytest.mark.parametrize(
    ("item", "name", "error"),
    [
        ({"failed": True, "msg": "Wrong: password: 'hunter2-only-for-tests'"}, "Item 2 of results", "Wrong: password"),
        ({"failed": True}, "Item 2 of results", "no subject"),
        ({"subject": None, "msg": 7}, "Item 2 of results", "must be a dictionary"),
        ({"subject": {"name": "attic", "node_red": 5}}, "attic", "`node_red` must be a text"),
        ({"subject": {"name": "attic"}, "findings": [{"rule": "no-such-rule"}]}, "attic", "no-such-rule"),
    ],
)
def test_an_item_that_cannot_be_used_leaves_the_others(item: dict[str, t.Any], name: str, error: str) -> None:
    others = [{"subject": {"name": each}} for each in ("pi", "shed")]
    good, bad, last = build.results_from_data([others[0], item, others[1]], RULES)
    assert (good.subject.name, good.subject.error, last.subject.name) == ("pi", "", "shed")
    assert (bad.subject.name, error in bad.subject.error) == (name, True)
    assert "hunter2" not in bad.subject.error


def test_two_of_one_subject() -> None:
    with pytest.raises(DataError, match="another one of pi"):
        build.results_from_data([{"subject": {"name": "pi"}}] * 2, RULES)


# The authority of the fleet


@pytest.mark.parametrize(
    ("permitted", "first", "told"),
    [([], "kitchen", True), (["*"], "kitchen", True), (["local"], "kitchen", False), ([], "attic", False)],
)
def test_an_authority_that_may_sign_for_everything(
    permitted: list[str], first: str, told: bool, tmp_path: pathlib.Path
) -> None:
    """It is told once for all hosts."""
    CertificateAuthority.load_or_create(tmp_path, permitted=permitted)
    audit = Audit(make_state(details__listening=[]))
    audit.task_vars["ansible_play_hosts_all"] = [first, "kitchen"]
    result = audit.execute({**OPTIONS, "ca_dir": str(tmp_path)})
    assert ("authority-not-constrained" in {finding["rule"] for finding in result["findings"]}) is told
    given = {**OPTIONS, "ca_certificate": (tmp_path / "ca.pem").read_text("ascii")}
    assert audit.execute(given)["findings"] == result["findings"]


@pytest.mark.parametrize(
    ("providers", "told"),
    [
        ({}, False),
        ({"attic": "ca"}, False),
        ({"attic": "file"}, True),
        ({"attic": "file", "garage": "host"}, True),
        ({"attic": "file", "garage": "ca"}, False),
        ({"kitchen": "file"}, False),
        ({"attic": "file", "kitchen": "host"}, False),
    ],
)
def test_the_authority_is_that_of_the_hosts_which_it_certifies(
    providers: dict[str, str], told: bool, tmp_path: pathlib.Path
) -> None:
    CertificateAuthority.load_or_create(tmp_path, permitted=["*"])
    audit = Audit(make_state(details__listening=[]))
    hosts = ["attic", "kitchen", "garage"] if "garage" not in providers else ["attic", "garage", "kitchen"]
    variables = {host: {"nodered_certificate_provider": providers[host]} if host in providers else {} for host in hosts}
    audit.task_vars.update(ansible_play_hosts_all=hosts, hostvars=variables)
    options = {**OPTIONS, "ca_dir": str(tmp_path), "provider": providers.get("kitchen", "ca")}
    rules = {finding["rule"] for finding in audit.execute(options)["findings"]}
    assert ("authority-not-constrained" in rules) is told


def test_an_authority_of_somebody_else_is_not_judged(factory: CertificateFactory) -> None:
    """Only who has signed it could make another."""
    extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign"
    company = factory.self_signed("p384", subject="/CN=Company")
    intermediate = factory.signed("p256", company, "p384", extensions, subject="/CN=Company 2")
    audit = Audit(make_state(details__listening=[]))
    for certificates, told in ((company, True), (intermediate, False), (intermediate + company, False)):
        result = audit.execute({**OPTIONS, "ca_certificate": certificates.decode("ascii")})
        assert ("authority-not-constrained" in {finding["rule"] for finding in result["findings"]}) is told


@pytest.mark.parametrize("certificate", ["", "nonsense"])
def test_no_authority_that_can_be_read(certificate: str) -> None:
    audit = Audit(make_state(details__listening=[]))
    result = audit.execute({**OPTIONS, "ca_certificate": certificate})
    assert "authority-not-constrained" not in {finding["rule"] for finding in result["findings"]}


def test_the_successor_is_constrained_and_the_former_is_not(tmp_path: pathlib.Path) -> None:
    CertificateAuthority.load_or_create(tmp_path)
    CertificateAuthority.replace(tmp_path, permitted=["local"])
    audit = Audit(make_state(details__listening=[]))
    result = audit.execute({**OPTIONS, "ca_dir": str(tmp_path)})
    assert "authority-not-constrained" not in {finding["rule"] for finding in result["findings"]}


# Another server


def test_the_server_of_the_host(pem: tuple[pathlib.Path, str]) -> None:
    path, fingerprint = pem
    with server(LOCKED, path) as port:
        audit = Audit(None)
        view = audit._view(state_of(port, fingerprint), OPTIONS)
    assert view is not None
    assert (view["login"], audit.warnings) == ("credentials", [])


def test_another_server_is_not_judged(pem: tuple[pathlib.Path, str]) -> None:
    with server(LOCKED, pem[0]) as port:
        audit = Audit(None)
        assert audit._view(state_of(port, "0" * 64), OPTIONS) is None
    assert "shows another certificate" in audit.warnings[0]


def test_an_address_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    audit = Audit(None)
    view = audit._view(state_of(port, None), OPTIONS)
    assert view is not None
    assert view["reachable"] is False
    assert audit.warnings == [
        f"Port {port} of 127.0.0.1 does not answer the control node: only what the host told is judged."
    ]
