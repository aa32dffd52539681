# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole line in a real browser: who trusts the authority opens the editor without a warning, logs in and deploys.

The editors stay open from the first test that uses them to the last, for more than a minute. Meanwhile testssl.sh grades
what the hosts offer.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import typing as t

import pytest
from cryptography import x509
from playwright.sync_api import Browser, Error, Playwright, expect, sync_playwright
from scenario.browser import DEPLOY, TIMEOUT, Editor, chromium, network_of, visit
from scenario.client import Login, bearer, login_of
from scenario.fleet import PORT, Fleet
from scenario.waiting import PATIENCE

#: Findings of testssl.sh above "low" that are as they should be.
ACCEPTED = {
    # A fleet's own authority has no server that could be asked, and browsers do not ask. Renewal takes its place.
    "cert_revocation": "Neither CRL nor OCSP URI provided",
}


def flow(owner: str) -> list[dict[str, t.Any]]:
    """A flow that stands for a dashboard: GET <httpNodeRoot>/<owner> answers with a word."""
    return [
        {"id": f"{owner}.tab", "type": "tab", "label": f"Of {owner}"},
        {
            "id": f"{owner}.in",
            "type": "http in",
            "z": f"{owner}.tab",
            "x": 150,
            "y": 100,
            "url": f"/{owner}",
            "method": "get",
            "wires": [[f"{owner}.word"]],
        },
        {
            "id": f"{owner}.word",
            "type": "template",
            "z": f"{owner}.tab",
            "x": 350,
            "y": 100,
            "name": "",
            "field": "payload",
            "fieldType": "msg",
            "format": "text",
            "syntax": "plain",
            "template": "hello",
            "output": "str",
            "wires": [[f"{owner}.out"]],
        },
        {"id": f"{owner}.out", "type": "http response", "z": f"{owner}.tab", "x": 550, "y": 100, "wires": []},
    ]


def names(fleet: Fleet, name: str) -> tuple[str, ...]:
    """What a host is called in a browser."""
    return f"{name}.local", fleet.address(name)


def url(known_as: str, path: str = "/") -> str:
    return f"https://{known_as}:{PORT}{path}"


def saved_flows(fleet: Fleet, name: str) -> str:
    """The flows of a host, as curl gets them."""
    with fleet.here().logged_in(fleet.url(name), "admin", fleet.password("admin")) as token:
        answer = fleet.here().request(f"{fleet.url(name)}/flows", *bearer(token))
    assert answer.status == 200, answer
    return answer.body


@pytest.fixture(scope="module")
def playwright() -> t.Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def addresses(fleet: Fleet) -> dict[str, str]:
    """Where a browser finds names: each host under the one of its certificate, and under one that it has not."""
    return {f"{prefix}{name}.local": fleet.address(name) for name in fleet.names for prefix in ("", "other-")}


@pytest.fixture(scope="module")
def desk(fleet: Fleet) -> str:
    """The network of a computer that is none of the fleet; see prepare.yml."""
    return network_of(f"{fleet.group}-desk", "desk")


@pytest.fixture(scope="module")
def stranger(playwright: Playwright, desk: str, addresses: dict[str, str]) -> t.Iterator[Browser]:
    """A browser that was not told of the fleet's authority."""
    with chromium(playwright, desk, addresses) as browser:
        yield browser


@pytest.fixture(scope="module")
def trusting(playwright: Playwright, desk: str, addresses: dict[str, str], fleet: Fleet) -> t.Iterator[Browser]:
    """A browser that trusts the fleet's authority."""
    with chromium(playwright, desk, addresses, pathlib.Path(fleet.ca)) as browser:
        yield browser


@pytest.fixture(scope="module")
def editors(trusting: Browser, fleet: Fleet) -> dict[str, Editor]:
    """The editor of each host, opened by its name. The tests follow each other in it."""
    return {name: Editor(trusting, url(f"{name}.local")) for name in fleet.names}


@pytest.fixture(scope="module")
def grades(fleet: Fleet) -> t.Iterator[dict[str, subprocess.Popen[str]]]:
    """testssl.sh at work on each host."""
    started = {}
    for name in fleet.names:
        report = fleet.work / f"testssl-{name}.json"
        report.unlink(missing_ok=True)
        started[name] = subprocess.Popen(
            [
                "testssl",
                "--quiet",
                "--color",
                "0",
                "--warnings",
                "batch",
                "--nodns",
                "none",
                "--protocols",
                "--std",
                "--server-preference",
                "--server-defaults",
                "--vulnerable",
                "--add-ca",
                fleet.ca,
                "--ip",
                fleet.address(name),
                "--jsonfile",
                str(report),
                f"{name}.local:{PORT}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    yield started
    for process in started.values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# Certificates


@pytest.mark.usefixtures("grades")
def test_without_the_authority_every_page_is_refused(stranger: Browser, fleet: Fleet, name: str) -> None:
    for known_as in names(fleet, name):
        with pytest.raises(Error, match="net::ERR_CERT_AUTHORITY_INVALID"):
            visit(stranger, url(known_as))


def test_other_names_are_refused(trusting: Browser, name: str) -> None:
    with pytest.raises(Error, match="net::ERR_CERT_COMMON_NAME_INVALID"):
        visit(trusting, url(f"other-{name}.local"))


def test_editor_opens_by_name_and_by_address(trusting: Browser, fleet: Fleet, name: str) -> None:
    authority = x509.load_pem_x509_certificate(pathlib.Path(fleet.ca).read_bytes())
    (common_name,) = authority.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    for known_as in names(fleet, name):
        found = visit(trusting, url(known_as))
        assert (found.status, found.is_secure_context, found.state) == (200, True, "secure"), found
        assert found.details["protocol"] == "TLS 1.3"
        assert found.details["issuer"] == common_name.value
        assert set(names(fleet, name)) == set(found.details["sanList"])


# The editor


def test_wrong_password_is_refused(editors: dict[str, Editor], fleet: Fleet, name: str) -> None:
    editor = editors[name]
    editor.log_in("admin", fleet.password("steve"))
    expect(editor.page.locator("#node-dialog-login-failed")).to_be_visible()
    expect(editor.page.locator(DEPLOY)).to_be_hidden()
    assert not editor.sockets


def test_admin_logs_in(editors: dict[str, Editor], fleet: Fleet, name: str) -> None:
    editor = editors[name]
    editor.log_in("admin", fleet.password("admin"))
    editor.expect_open()
    editor.page.screenshot(path=fleet.work / f"{name}.png")


def test_admin_deploys(editors: dict[str, Editor], fleet: Fleet, name: str) -> None:
    editor = editors[name]
    assert "Of admin" not in saved_flows(fleet, name)
    editor.add(flow("admin"))
    editor.page.locator(DEPLOY).click()
    editor.expect_notice("Successfully deployed")
    assert url(f"{name}.local", "/flows") in editor.posted
    assert "Of admin" in saved_flows(fleet, name)
    editor.tab("Of admin").click()


def test_who_may_only_read_cannot_deploy(
    trusting: Browser, editors: dict[str, Editor], fleet: Fleet, name: str
) -> None:
    editor = Editor(trusting, url(f"{name}.local"))
    editor.log_in("steve", fleet.password("steve"))
    editor.expect_open()
    expect(editor.tab("Of admin")).to_be_visible()
    editor.add(flow("steve"))
    # Node-RED 3.1 says no when the button is pressed, later ones lock it.
    editor.page.locator(DEPLOY).click(force=True)
    editor.ask_for_something()
    assert url(f"{name}.local", "/flows") not in editor.posted
    assert "Of steve" not in saved_flows(fleet, name)
    editor.context.close()


# Dashboards and static files


def assert_asks_for(browser: Browser, page: str, user: str, others: tuple[str, ...], text: str) -> None:
    """A page that the browser opens with this login, and neither without one nor with another."""
    logins: list[Login | None] = [None, (user, "wrong"), *(login_of(other) for other in others)]
    for login in logins:
        found = visit(browser, page, login)
        assert found.status == 401, (login, found)
        assert text not in found.text
    found = visit(browser, page, login_of(user))
    assert (found.status, found.text.strip(), found.state) == (200, text, "secure"), found


def dashboard(fleet: Fleet, name: str) -> str:
    return url(f"{name}.local", fleet.variables_of(name)["nodered_settings"].get("httpNodeRoot", "") + "/admin")


def test_dashboard_asks_for_its_login(trusting: Browser, editors: dict[str, Editor], fleet: Fleet, name: str) -> None:
    assert_asks_for(trusting, dashboard(fleet, name), "fred", ("admin", "freda"), "hello")


def test_editor_opens_beside_a_dashboard(
    trusting: Browser, editors: dict[str, Editor], fleet: Fleet, name: str
) -> None:
    """The browser goes on to send the dashboard's login to the same host, where the editor wants another."""
    editor = Editor(trusting, dashboard(fleet, name), login_of("fred"))
    expect(editor.page.get_by_text("hello")).to_be_visible()
    editor.page.goto(url(f"{name}.local"))
    editor.log_in("admin", fleet.password("admin"))
    editor.expect_open()
    expect(editor.tab("Of admin")).to_be_visible()
    editor.context.close()


def test_static_page_asks_for_its_login(trusting: Browser, fleet: Fleet, name: str) -> None:
    variables = fleet.variables_of(name)
    user = variables["nodered_static_auth"]["user"]
    root = variables["nodered_static"].get("root", "")
    others = ("admin", *({"fred", "freda"} - {user}))
    assert_asks_for(trusting, url(f"{name}.local", f"{root}/page.html"), user, others, "a page")


# Grades


def test_grader_finds_nothing(grades: dict[str, subprocess.Popen[str]], fleet: Fleet, name: str) -> None:
    """TLS 1.2 and 1.3 and nothing older, a certificate for the name, and no weakness above "low"."""
    said, _none = grades[name].communicate(timeout=PATIENCE)
    findings = json.loads((fleet.work / f"testssl-{name}.json").read_text("utf-8"))
    found = {finding["id"]: finding["finding"] for finding in findings}
    for version, offered in (
        ("SSLv2", False),
        ("SSLv3", False),
        ("TLS1", False),
        ("TLS1_1", False),
        ("TLS1_2", True),
        ("TLS1_3", True),
    ):
        assert found[version].startswith("offered" if offered else "not offered"), said
    assert found["cert_trust"].lower().startswith("ok via san"), said
    assert found["cert_chain_of_trust"].startswith("passed"), said
    assert found["cert_subjectAltName"].split() == [*names(fleet, name)], said
    # What it cannot tell, for want of something on this machine, it marks as WARN.
    bad = [finding for finding in findings if finding["severity"] not in ("OK", "INFO", "LOW", "WARN")]
    assert [finding for finding in bad if ACCEPTED.get(finding["id"]) != finding["finding"]] == []


# The open editors


def test_another_run_leaves_open_editors_alone(editors: dict[str, Editor], fleet: Fleet) -> None:
    processes = [fleet.process(name) for name in fleet.names]
    run = fleet.play()
    assert run.status == 0, run.output
    assert [run.recap[name]["changed"] for name in fleet.names] == [0] * len(fleet.names), run.output
    assert [fleet.process(name) for name in fleet.names] == processes


def test_web_socket_of_the_editor_lives(editors: dict[str, Editor], fleet: Fleet, name: str) -> None:
    """What happens on the host still arrives after a minute, in which Node-RED has also looked for a renewed certificate."""
    editor = editors[name]
    (socket,) = editor.sockets
    assert socket.url == f"wss://{name}.local:{PORT}/comms"
    assert '{"auth":"ok"}' in editor.frames
    # The host sends one every 15 seconds, and looks for a certificate every 72.
    editor.wait_for_frame('"topic":"hb"', 5)
    with (
        fleet.here().logged_in(fleet.url(name), "admin", fleet.password("admin")) as token,
        socket.expect_event("framereceived", lambda frame: "notification/runtime-deploy" in frame, timeout=TIMEOUT),
    ):
        fleet.here().deploy(fleet.url(name), json.loads(saved_flows(fleet, name)), token)
    # After a lost connection the editor opens another socket.
    assert editor.sockets == [socket]
    assert not socket.is_closed()
    expect(editor.page.get_by_text("Lost connection")).to_have_count(0)
    editor.page.screenshot(path=fleet.work / f"{name}.png")
