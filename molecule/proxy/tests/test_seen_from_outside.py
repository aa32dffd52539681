# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people and graders see of each supported Node-RED behind nginx: an editor that stays connected, dashboards, TLS.

The editors stay open from the first test that uses them to the last, for five minutes. Meanwhile testssl.sh grades the sites.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from scenario.browser import DEPLOY, TIMEOUT, Editor, chromium, context_of, network_of
from scenario.client import bearer, login_of
from scenario.fleet import PROJECT, Fleet
from scenario.waiting import PATIENCE

#: By host: the port of nginx for TLS, and where Node-RED is.
PORTS = {"fresh": 443, "shared": 8443, "garage": 443}
PATHS = {"fresh": "", "shared": "/kitchen", "garage": "/garage"}
NGINX = {
    "nodered_proxy": "nginx",
    "nodered_proxy_path": "{{ '/kitchen' if inventory_hostname == 'shared' else '/' }}",
    "nodered_proxy_ports": "{{ {'https': 8443, 'http': 8080} if inventory_hostname == 'shared' else {} }}",
}
#: Findings of testssl.sh above "low" that are as they should be.
ACCEPTED = {
    # A fleet's own authority has no server that could be asked, and browsers do not ask. Renewal takes its place.
    "cert_revocation": "Neither CRL nor OCSP URI provided",
}
#: Node-RED's editor hears of its server every 15 seconds.
HEARTBEAT = '"topic":"hb"'
FIVE_MINUTES_OF_HEARTBEATS = 20
SMALL = [{"id": "small.tab", "type": "tab", "label": "Small"}]
#: Bytes of a flow that nobody would draw, and that Node-RED just takes.
LARGE = 4_000_000


def url(name: str, path: str = "/") -> str:
    port = PORTS[name]
    return f"https://{name}.local{'' if port == 443 else f':{port}'}{PATHS[name]}{path}"


def base_of(fleet: Fleet, name: str) -> str:
    """The same for curl, which knows no names."""
    return url(name, "").replace(f"{name}.local", fleet.address(name))


def saved_flows(fleet: Fleet, name: str) -> list[dict[str, t.Any]]:
    """The flows of a host, as curl gets them."""
    base = base_of(fleet, name)
    with fleet.here().logged_in(base, "admin", fleet.password("admin")) as token:
        return fleet.here().request(f"{base}/flows", *bearer(token)).json


@pytest.fixture(scope="module", autouse=True)
def behind_nginx(fleet: Fleet) -> None:
    run = fleet.play(variables=NGINX)
    assert run.status == 0, run.output
    # What other tests have deployed is large already, and Node-RED takes no more than five megabytes.
    for name in fleet.names:
        base = base_of(fleet, name)
        with fleet.here().logged_in(base, "admin", fleet.password("admin")) as token:
            fleet.here().deploy(base, SMALL, token)


@pytest.fixture(scope="module")
def browser(fleet: Fleet) -> t.Iterator[Browser]:
    """A browser that trusts the fleet's authority, on a computer that is none of the fleet."""
    addresses = {f"{name}.local": fleet.address(name) for name in fleet.names}
    network = network_of(f"{fleet.group}-desk", "desk")
    with sync_playwright() as started, chromium(started, network, addresses, pathlib.Path(fleet.ca)) as browser:
        yield browser


@pytest.fixture(scope="module")
def editors(browser: Browser, fleet: Fleet) -> dict[str, Editor]:
    """The editor of each host, logged in. The tests follow each other in it."""
    opened = {name: Editor(browser, url(name)) for name in fleet.names}
    for editor in opened.values():
        editor.log_in("admin", fleet.password("admin"))
        editor.expect_open()
    return opened


def test_an_editor_deploys_what_is_large(editors: dict[str, Editor], fleet: Fleet, name: str) -> None:
    """More than nginx takes by itself, and than fits into one frame or buffer."""
    editor = editors[name]
    editor.page.evaluate(
        """size => {
            RED.nodes.import([
                {id: "large.tab", type: "tab", label: "Large"},
                {id: "large.note", type: "comment", z: "large.tab", x: 100, y: 100, name: "note", info: "x".repeat(size)},
            ]);
            RED.nodes.dirty(true);
        }""",
        LARGE,
    )
    editor.page.locator(DEPLOY).click()
    editor.expect_notice("Successfully deployed")
    assert url(name, "/flows") in editor.posted
    (note,) = [node for node in saved_flows(fleet, name) if node["id"] == "large.note"]
    assert len(note["info"]) == LARGE


def test_dashboards_work_below_a_path(browser: Browser, fleet: Fleet) -> None:
    """With the login page: in, what a flow says by their sockets, and out again."""
    flows = json.loads((PROJECT / "molecule/login/files/flows.json").read_text("utf-8"))
    base = base_of(fleet, "shared")
    says = {
        "id": "clock",
        "type": "inject",
        "z": "tab",
        "x": 100,
        "y": 300,
        "props": [{"p": "payload"}],
        "repeat": "1",
        "once": True,
        "payload": "alive",
        "payloadType": "str",
        "wires": [["one", "two"]],
    }
    with fleet.here().logged_in(base, "admin", fleet.password("admin")) as token:
        fleet.here().deploy(base, [*flows, says], token)
    context = context_of(browser)
    page = context.new_page()
    page.goto(url("shared", "/ui/"))
    expect(page).to_have_url(url("shared", "/_login?next=%2Fkitchen%2Fui%2F"))
    page.get_by_label("User name").fill("fred")
    page.get_by_label("Password").fill(login_of("fred")[1])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("alive").first).to_be_visible()
    assert page.url.startswith(url("shared", "/ui/"))
    page.goto(url("shared", "/dashboard/home"))
    expect(page.get_by_text("alive").first).to_be_visible()
    page.goto(url("shared", "/_login"))
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto(url("shared", "/ui/"))
    expect(page.get_by_label("Password")).to_be_visible()
    context.close()


def test_a_grader_finds_nothing(editors: dict[str, Editor], fleet: Fleet, name: str) -> None:
    """TLS 1.2 and 1.3 and nothing older, a certificate for the name, and no weakness above "low"."""
    report = fleet.work / f"testssl-{name}.json"
    report.unlink(missing_ok=True)
    what = ("--protocols", "--std", "--server-preference", "--server-defaults", "--vulnerable")
    how = ("--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--add-ca", fleet.ca)
    where = ("--ip", fleet.address(name), "--jsonfile", str(report), url(name))
    run = subprocess.run(
        ["testssl", *how, *what, *where],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    findings = json.loads(report.read_text("utf-8"))
    found = {finding["id"]: finding["finding"] for finding in findings}
    for version in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
        assert found[version].startswith("not offered"), run.stdout
    for version in ("TLS1_2", "TLS1_3"):
        assert found[version].startswith("offered"), run.stdout
    assert found["cert_trust"].lower().startswith("ok via san"), run.stdout
    assert found["cert_chain_of_trust"].startswith("passed"), run.stdout
    # What it cannot tell, for want of something on this machine, it marks as WARN.
    bad = [finding for finding in findings if finding["severity"] not in ("OK", "INFO", "LOW", "WARN")]
    assert [finding for finding in bad if ACCEPTED.get(finding["id"]) != finding["finding"]] == []


def test_an_editor_stays_connected_for_five_minutes(editors: dict[str, Editor], fleet: Fleet, name: str) -> None:
    """Over a reload of nginx too, as after a renewal; then it still hears of what others deploy."""
    editor = editors[name]
    (socket,) = editor.sockets
    fleet.host(name).check_output("systemctl reload nginx")
    editor.wait_for_frame(HEARTBEAT, FIVE_MINUTES_OF_HEARTBEATS)
    base = base_of(fleet, name)
    with (
        fleet.here().logged_in(base, "admin", fleet.password("admin")) as token,
        socket.expect_event("framereceived", lambda frame: "notification/runtime-deploy" in frame, timeout=TIMEOUT),
    ):
        fleet.here().deploy(base, SMALL, token)
    # After a lost connection the editor opens another socket.
    assert editor.sockets == [socket]
