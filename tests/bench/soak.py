# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of one host that is changed again and again, while a stranger asks it for its flows and an editor is open.

Fails where a run fails, a stranger is answered with 200, the owner is logged out without a reason, or the store grows.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import http.client
import itertools
import json
import os
import pathlib
import secrets
import shutil
import ssl
import statistics
import subprocess
import sys
import threading
import time
import typing as t

import yaml
from scenario.comms import Comms

PROJECT = pathlib.Path(__file__).resolve().parents[2]
HOSTS = PROJECT / "tests" / "hosts" / "hosts"
WORK = PROJECT / ".build" / "soak"
STORE = "/var/lib/pifleet-nodered"
PORT = 1880
#: Seconds between two questions of the stranger; what is down for less may go unseen.
PAUSE = 0.1
#: Seconds for one request.
PATIENCE = 10
#: KiB by which the store may grow once as many states are kept as there may be.
SLACK = 64
#: Few, so that old ones go.
KEPT_STATES = 5


@dataclasses.dataclass
class Change:
    """A change that is asked for, and whether the owner has to log in anew after it."""

    description: str
    variables: dict[str, t.Any]
    ends_login: bool = False


@dataclasses.dataclass
class Seen:
    """What strangers and the editor have seen."""

    statuses: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    #: Seconds for each time that no connection came about.
    downtimes: list[float] = dataclasses.field(default_factory=list)
    connections: int = 0
    ends: int = 0


class Host:
    """The host, its inventory and its owner."""

    def __init__(self) -> None:
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir(parents=True, mode=0o700)
        self._hosts("up", "pi", "--image", OPTIONS.image)
        self.inventory = WORK / "inventory.yml"
        self.inventory.write_text(self._hosts("inventory"))
        group = yaml.safe_load(self.inventory.read_text())["nodered"]
        self.address: str = group["hosts"]["pi"]["ansible_host"]
        self.passwords = {"admin": secrets.token_hex(12), "steve": secrets.token_hex(12)}
        self.settings: dict[str, t.Any] = {
            "nodered_ca_dir": str(WORK / "ca"),
            "nodered_keep_states": KEPT_STATES,
            "nodered_node_auth": {"user": "fred", "password": secrets.token_hex(12)},
        }

    @property
    def ca(self) -> str:
        return str(WORK / "ca" / "ca.pem")

    @staticmethod
    def _hosts(command: str, *arguments: str) -> str:
        call = [HOSTS, command, "--group", OPTIONS.group, *arguments]
        return subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout

    def down(self) -> None:
        self._hosts("down")

    def run(self, *command: str) -> str:
        return self._hosts("exec", "pi", "--", *command)

    def secure(self) -> str:
        """Run the playbook; the last lines of its output are the error where it fails."""
        extra = WORK / "variables.json"
        extra.touch(mode=0o600)
        users = [
            {"username": name, "password": password, "permissions": "*" if name == "admin" else "read"}
            for name, password in self.passwords.items()
        ]
        extra.write_text(json.dumps({**self.settings, "nodered_admin_users": users}))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment.update(ANSIBLE_COLLECTIONS_PATH=str(PROJECT / ".build" / "collections"), ANSIBLE_NOCOLOR="1")
        program = PROJECT / ".venv" / "bin" / "ansible-playbook"
        call = [program, "-i", self.inventory, "-e", f"@{extra}", "pifleet.nodered.secure"]
        run = subprocess.run(
            call,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if run.returncode:
            sys.exit(f"A run failed:\n{run.stdout[-4000:]}")
        return run.stdout

    def store_size(self) -> int:
        """How much the store takes (KiB)."""
        return int(self.run("du", "-sk", STORE).split()[0])

    def token(self) -> str:
        """A login of the owner."""
        body = json.dumps(
            {
                "client_id": "node-red-editor",
                "grant_type": "password",
                "scope": "*",
                "username": "admin",
                "password": self.passwords["admin"],
            }
        )
        connection = http.client.HTTPSConnection(
            self.address, PORT, timeout=PATIENCE, context=ssl.create_default_context(cafile=self.ca)
        )
        with contextlib.closing(connection):
            connection.request("POST", "/auth/token", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        if answer.status != http.HTTPStatus.OK:
            sys.exit(f"The owner cannot log in: {answer.status}")
        return t.cast("str", json.loads(content)["access_token"])

    def knows(self, token: str) -> bool:
        """Whether a login still counts."""
        connection = http.client.HTTPSConnection(
            self.address, PORT, timeout=PATIENCE, context=ssl.create_default_context(cafile=self.ca)
        )
        with contextlib.closing(connection):
            connection.request("GET", "/flows", headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status == http.HTTPStatus.OK


def stranger(host: Host, seen: Seen, done: threading.Event) -> None:
    """Ask for what a stranger must not have, over TLS and without, until the end."""
    careless = ssl.create_default_context()
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    down_since: float | None = None
    for scheme, path in itertools.cycle(itertools.product(("https", "http"), ("/flows", "/settings"))):
        if done.wait(PAUSE):
            return
        connection: http.client.HTTPConnection
        if scheme == "https":
            connection = http.client.HTTPSConnection(host.address, PORT, timeout=PATIENCE, context=careless)
        else:
            connection = http.client.HTTPConnection(host.address, PORT, timeout=PATIENCE)
        try:
            with contextlib.closing(connection):
                connection.request("GET", path)
                status = str(connection.getresponse().status)
        except (OSError, http.client.HTTPException):
            status = "none"
        seen.statuses[f"{scheme} {status}"] += 1
        if scheme == "https":
            if status == "none":
                down_since = down_since or time.monotonic()
            elif down_since is not None:
                seen.downtimes.append(time.monotonic() - down_since)
                down_since = None


class Editor:
    """An editor in a browser: its web socket is open, and comes again when Node-RED does."""

    def __init__(self, host: Host, seen: Seen, done: threading.Event) -> None:
        self.host, self.seen, self.done = host, seen, done
        self.token = host.token()

    def stay(self) -> None:
        while not self.done.is_set():
            try:
                comms = Comms(self.host.address, PORT, self.host.ca, self.token)
            except (OSError, AssertionError, ValueError, IndexError):
                self.done.wait(1)
                continue
            self.seen.connections += 1
            with contextlib.suppress(OSError, AssertionError, ValueError):
                while not self.done.is_set():
                    comms.messages()
            self.seen.ends += 1
            with contextlib.suppress(OSError):
                comms.close()


def changes(host: Host) -> t.Iterator[Change]:
    """What is asked for, one after the other, for ever."""
    for number in itertools.count():
        yield Change("a title", {"nodered_settings": {"editorTheme.page.title": f"title {number}"}})
        host.passwords["steve"] = secrets.token_hex(12)
        yield Change("somebody else's password", {})
        yield Change("a name in the certificate", {"nodered_certificate_names": [f"pi-{number}.home.arpa"]})
        host.passwords["admin"] = secrets.token_hex(12)
        yield Change("the owner's password", {}, ends_login=True)


def soak(host: Host) -> None:
    seen, done = Seen(), threading.Event()
    host.secure()
    editor = Editor(host, seen, done)
    threads = [
        threading.Thread(target=stranger, args=(host, seen, done), daemon=True),
        threading.Thread(target=editor.stay, daemon=True),
    ]
    for thread in threads:
        thread.start()
    sizes, started = [], time.monotonic()
    wished = changes(host)
    for number in range(1, OPTIONS.runs + 1):
        change = next(wished)
        host.settings.update(change.variables)
        host.secure()
        if change.ends_login:
            if host.knows(editor.token):
                sys.exit("The login of before is still good, although the password is another one.")
            editor.token = host.token()
        elif not host.knows(editor.token):
            sys.exit(f"The owner was logged out by a change of {change.description}.")
        sizes.append(host.store_size())
        if number % 10 == 0:
            print(f"run {number}: {time.monotonic() - started:.0f} s, store {sizes[-1]} KiB", flush=True)
    done.set()
    threads[0].join()
    report(host, seen, sizes)


def report(host: Host, seen: Seen, sizes: list[int]) -> None:
    downtimes = sorted(seen.downtimes)
    print("a stranger's requests:", ", ".join(f"{count} x {what}" for what, count in sorted(seen.statuses.items())))
    if downtimes:
        print(
            f"down {len(downtimes)} times, median {statistics.median(downtimes):.1f} s, at most {downtimes[-1]:.1f} s"
        )
    print(f"the editor's web socket: opened {seen.connections} times, ended {seen.ends} times")
    print(f"the store: {sizes[0]} KiB after the first change, {max(sizes)} KiB at most, {sizes[-1]} KiB at the end")
    answered = [what for what in seen.statuses if what.endswith(" 200")]
    if answered:
        sys.exit(f"A stranger was answered: {answered}")
    full = sizes[2 * KEPT_STATES :]
    if full and sizes[-1] > full[0] + SLACK:
        sys.exit(f"The store grows: {full}")
    if " changed=0 " not in host.secure():
        sys.exit("A run of the same wish has changed something.")


def main() -> None:
    host = Host()
    try:
        soak(host)
    finally:
        if not OPTIONS.keep:
            host.down()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--image", default="trixie-nodered41")
    parser.add_argument("--group", default="soak")
    parser.add_argument("--keep", action="store_true", help="leave the host running")
    OPTIONS = parser.parse_args()
    main()
