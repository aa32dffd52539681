# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person sees in Chromium: pages, Node-RED's editor, and logins that the browser itself asks for.

It is Debian's Chromium with no option that makes it trust more. Whom it trusts is told to it as docs/trust.md says.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import tempfile
import typing as t

from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, Playwright, WebSocket, expect

from .client import Login
from .fleet import PROJECT
from .waiting import PATIENCE, wait_for

DEPLOY = "#red-ui-header-button-deploy"
#: What the server tells all editors of a deployment.
DEPLOYED = "notification/runtime-deploy"
#: What Node-RED's editor tells goes away after some seconds; this keeps it.
NOTICES = pathlib.Path(__file__).with_name("notices.js")
#: Playwright counts in milliseconds.
TIMEOUT = PATIENCE * 1000
expect.set_options(timeout=TIMEOUT)


def trust(home: pathlib.Path, authority: pathlib.Path) -> None:
    """Let the Chromium of this home directory trust an authority, with the commands of docs/trust.md."""
    commands = re.findall(r"`([^`]*certutil -d sql:\$HOME[^`]*)`", (PROJECT / "docs/trust.md").read_text("utf-8"))
    (make,) = (command for command in commands if " -N " in command)
    (add,) = (command for command in commands if " -A " in command)
    # certutil makes the database, but not its directory.
    (home / ".pki" / "nssdb").mkdir(parents=True, exist_ok=True)
    for command in (make, add):
        subprocess.run(["sh", "-c", command], cwd=authority.parent, env=_environment(home), check=True)


@contextlib.contextmanager
def chromium(
    playwright: Playwright, network: str, addresses: t.Mapping[str, str], authority: pathlib.Path | None = None
) -> t.Iterator[Browser]:
    """A Chromium in a network namespace, which finds names at these addresses and may trust one more authority."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        home = pathlib.Path(directory)
        if authority:
            trust(home, authority)
        program = home / "chromium"
        program.write_text(f'#!/bin/sh\nexec nsenter --net={network} /usr/bin/chromium "$@"\n', encoding="utf-8")
        program.chmod(0o700)
        rules = ", ".join(f"MAP {name} {address}" for name, address in addresses.items())
        browser = playwright.chromium.launch(
            executable_path=program,
            env={**_environment(home)},
            timeout=TIMEOUT,
            # Its sandbox does not start for root. A proxy of this machine has no way to the hosts.
            args=["--no-sandbox", "--no-proxy-server", f"--host-resolver-rules={rules}"],
        )
        try:
            yield browser
        finally:
            browser.close()


def network_of(group: str, name: str) -> str:
    """The network namespace of a test host.

    On the machine itself, Chromium breaks off what it loads whenever some test host comes or goes: ERR_NETWORK_CHANGED.
    """
    command = ["podman", "inspect", "--format", "{{.NetworkSettings.SandboxKey}}", f"pifleet-{group}-{name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _environment(home: pathlib.Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"]}


@dataclasses.dataclass(frozen=True)
class Visit:
    """A page that was opened: its HTTP status, its text, and what Chromium says of the connection."""

    status: int
    text: str
    is_secure_context: bool
    #: Chromium's word for the address bar: "secure" or "insecure-broken" and the like.
    state: str
    #: `securityDetails` of the DevTools protocol: protocol, issuer, sanList, ...
    details: dict[str, t.Any]


def context_of(browser: Browser, login: Login | None = None) -> BrowserContext:
    """The windows of somebody new, with the login to give where the browser asks for one."""
    context = browser.new_context(http_credentials={"username": login[0], "password": login[1]} if login else None)
    context.set_default_timeout(TIMEOUT)
    return context


def visit(browser: Browser, url: str, login: Login | None = None) -> Visit:
    """Open a page as somebody new, with the login to give where the browser asks for one."""
    context = context_of(browser, login)
    try:
        page = context.new_page()
        session = context.new_cdp_session(page)
        states: list[dict[str, t.Any]] = []
        answers: list[dict[str, t.Any]] = []
        session.on("Security.visibleSecurityStateChanged", lambda event: states.append(event["visibleSecurityState"]))
        session.on(
            "Network.responseReceived",
            lambda event: answers.append(event["response"]) if event["type"] == "Document" else None,
        )
        session.send("Security.enable")
        session.send("Network.enable")
        try:
            page.goto(url)
            # The blank page before it has no certificate.
            wait_for(
                lambda: states and "certificateSecurityState" in states[-1],
                f"Chromium judges {url}",
                lambda: page.wait_for_timeout(10),
            )
        except Error as error:
            # So it calls a 401 when there is no login to give.
            if "ERR_INVALID_AUTH_CREDENTIALS" not in str(error):
                raise
        wait_for(lambda: answers, f"{url} answers", lambda: page.wait_for_timeout(10))
        text = page.locator("body").inner_text()
        return Visit(
            answers[-1]["status"],
            text,
            page.evaluate("isSecureContext"),
            states[-1]["securityState"] if states else "",
            answers[-1].get("securityDetails", {}),
        )
    finally:
        context.close()


def tab(page: Page, label: str) -> Locator:
    """The tab of a flow in Node-RED's editor."""
    return page.locator("#red-ui-workspace-tabs").get_by_text(label)


def add_flow(page: Page, flow: list[dict[str, t.Any]]) -> None:
    """Import a flow into Node-RED's editor as a person does, with Ctrl+I."""
    page.locator("#red-ui-workspace-chart").click(position={"x": 300, "y": 300})
    page.keyboard.press("Control+i")
    text = page.locator("#red-ui-clipboard-dialog-import-text")
    text.fill(json.dumps(flow))
    # The editor looks at it when a key was pressed.
    text.press("End")
    page.locator("#red-ui-clipboard-dialog-ok").click()
    expect(tab(page, flow[0]["label"])).to_be_visible()


def frames_to(page: Page) -> list[str]:
    """What web sockets bring to a page from now on."""
    frames: list[str] = []
    page.on("websocket", lambda opened: opened.on("framereceived", lambda payload: frames.append(str(payload))))
    return frames


def expect_deployment(page: Page, frames: list[str], label: str) -> None:
    """Deploy a new flow in Node-RED's editor, and see that its web socket brings word of that.

    :param frames: of `frames_to`
    """
    told = sum(DEPLOYED in frame for frame in frames)
    add_flow(page, [{"id": f"{label}.tab", "type": "tab", "label": label}])
    page.locator(DEPLOY).click()
    wait_for(
        lambda: sum(DEPLOYED in frame for frame in frames) > told,
        "the editor hears of its deployment",
        lambda: page.wait_for_timeout(100),
    )
    expect(page.get_by_text("Lost connection")).not_to_be_visible()


class Editor:
    """Node-RED's editor in a window of its own, and what happens on its web sockets."""

    def __init__(self, browser: Browser, url: str, login: Login | None = None) -> None:
        self.context = context_of(browser, login)
        self.context.add_init_script(path=NOTICES)
        self.page: Page = self.context.new_page()
        self.sockets: list[WebSocket] = []
        self.frames: list[str] = []
        self.posted: list[str] = []
        self.page.on("websocket", self._socket)
        self.page.on("request", lambda request: self.posted.append(request.url) if request.method == "POST" else None)
        self.page.goto(url)

    def _socket(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framereceived", lambda payload: self.frames.append(str(payload)))

    def log_in(self, username: str, password: str) -> None:
        """Fill in the login and send it."""
        self.page.locator("#node-dialog-login-username").fill(username)
        self.page.locator("#node-dialog-login-password").fill(password)
        self.page.locator("#node-dialog-login-submit").click()

    def expect_open(self) -> None:
        """Wait until the workspace can be used."""
        expect(self.page.locator("#red-ui-workspace-chart")).to_be_visible()
        expect(self.page.locator("#node-dialog-login")).to_have_count(0)
        expect(self.page.locator(DEPLOY)).to_be_visible()

    def wait_for_frame(self, content: str, count: int = 1) -> None:
        """Wait until so many frames with this string have arrived on its web sockets."""
        wait_for(
            lambda: sum(content in frame for frame in self.frames) >= count,
            f"{content} arrives",
            lambda: self.page.wait_for_timeout(100),
        )

    def expect_notice(self, text: str) -> None:
        """Wait until it has told something."""
        self.page.wait_for_function("text => notices.some(notice => notice.includes(text))", arg=text)

    def ask_for_something(self) -> None:
        """Send a request: whatever was done before has sent its own by then."""
        assert self.page.evaluate("fetch('auth/login').then(answer => answer.status)") == 200

    def tab(self, label: str) -> Locator:
        return tab(self.page, label)

    def add(self, flow: list[dict[str, t.Any]]) -> None:
        add_flow(self.page, flow)
