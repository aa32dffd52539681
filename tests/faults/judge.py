# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says whether a host is whole, by what other programs say of it: curl, openssl and the host's Node.js."""

from __future__ import annotations

import collections
import contextlib
import json
import pathlib
import subprocess
import tempfile
import threading
import time
import typing as t

from host import PATIENCE, PORT, UNITS, USER_DIR, Host
from operations import ADMIN, View

_LOADER = (pathlib.Path(__file__).parents[1] / "molecule/scenario/settings_json.js").read_text("utf-8")
_DECRYPTER = pathlib.Path(__file__).with_name("decrypt.js").read_text("utf-8")
#: What a stranger asks for, and where: Node-RED itself, and the nginx that may be in front of it.
_PATHS = ("/flows", "/settings")
_PORTS = (("https", PORT), ("http", PORT), ("https", 443))
_OF_NGINX = "/etc/pifleet-nodered/nodered/server.pem"
#: What systemd says of a service that runs, or that starts with the host.
_AT_WORK = frozenset({"active", "activating", "enabled", "enabled-runtime", "linked", "reloading"})
#: What a check of the host prints when it has gone well.
_DONE = "nothing is wrong"
#: Starts Node-RED where nobody else can ask it, and asks it. node-red-pi takes an option with two dashes for one of Node.js.
_START = """
    place=/run/systemd/system/nodered.service.d
    mkdir -p $place
    echo '[Service]
Environment="NODE_RED_OPTIONS=-p 1881 -D uiHost=127.0.0.1"' >$place/port.conf
    systemctl daemon-reload
    systemctl start nodered
    curl --silent --fail --retry 120 --retry-delay 1 --retry-all-errors --retry-max-time 120 \\
        --output /dev/null http://127.0.0.1:1881/flows
    answered=$?
    systemctl stop nodered
    rm -r $place
    systemctl daemon-reload
    test $answered = 0"""
#: Seconds for one request.
_LIMIT = "10"
PASSWORD_OF_FLOW = "flow-only-for-tests"
#: Flows with credentials in them.
FLOWS = [
    {"id": "f6f2187d.f17ca8", "type": "tab", "label": "Flow"},
    {
        "id": "2a4b9c1d.8e3f70",
        "type": "http request",
        "z": "f6f2187d.f17ca8",
        "authType": "basic",
        "wires": [[]],
        "credentials": {"user": "fred", "password": PASSWORD_OF_FLOW},
    },
]


def status(url: str, *options: str) -> str:
    """The status of an answer, 000 for none."""
    return _curl(url, "--output", "/dev/null", "--write-out", "%{http_code}", *options)


def statuses(urls: t.Iterable[str], *options: str) -> list[str]:
    """The same of several at once, in their order."""
    asked = [argument for url in urls for argument in ("--output", "/dev/null", url)]
    return _curl(*asked, "--write-out", "%{http_code}\n", *options).split()


def _curl(*arguments: str) -> str:
    call = ["curl", "--noproxy", "*", "--silent", "--insecure", "--max-time", _LIMIT, *arguments]
    return subprocess.run(call, check=False, capture_output=True, text=True).stdout


class Stranger:
    """Somebody who asks the host for its flows and settings all the time, over TLS and without."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.seen: collections.Counter[str] = collections.Counter()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Stranger:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._done.set()
        self._thread.join()

    def _ask(self) -> None:
        urls = [f"{scheme}://{self._host.address}:{port}{_PATHS[0]}" for scheme, port in _PORTS]
        while not self._done.wait(0.2):
            self.seen.update(statuses(urls, "--max-time", "2"))


class Judge:
    """Says what is wrong with a host.

    :param host: the host
    """

    def __init__(self, host: Host) -> None:
        self.host = host

    def wait_until_up(self, view: View, limit: float = PATIENCE) -> bool:
        """Wait for Node-RED to answer where a view has one that runs; False where systemd has it stopped, or it does not
        in time."""
        deadline = time.monotonic() + limit
        urls = [f"{scheme}://{self.host.address}:{port}/" for scheme, port in _PORTS]
        while view.stopped is None and time.monotonic() < deadline:
            # From nginx alone it comes where Node-RED is not up yet.
            if set(statuses(urls)) - {"000", "502", "504"}:
                return True
            if self.host.output("systemctl", "is-active", "nodered").strip() in ("inactive", "failed"):
                return False
            time.sleep(0.2)
        return view.stopped is not None

    def faults(self, view: View) -> list[str]:
        """What is not as it must be where a client meets a view, with Node-RED up."""
        if view.stopped is not None:
            return self._of_stopped(view.stopped)
        found = [*self._of_certificate(), *self._of_settings(view), *self.faults_of_strangers(view)]
        if view.password:
            found += self._of_logins(view)
        if view.secret is not None:
            found += self._of_credentials(view.secret)
        return found

    def faults_of_strangers(self, view: View) -> list[str]:
        """What a stranger is answered where a client meets a view, as far as it is not what it must be."""
        found = []
        for path in _PATHS:
            plain = status(f"http://{self.host.address}:{PORT}{path}")
            if view.password is None:
                found += [] if plain == "200" else [f"{path} of the open host answers {plain}"]
                continue
            answered = status(f"{self._url(view)}{path}")
            if (answered, plain) != ("401", "000"):
                found.append(f"a stranger is answered {answered} over TLS and {plain} without for {path}")
            if view.proxy and status(f"https://{self.host.address}:{PORT}{path}") != "000":
                found.append(f"Node-RED itself answers a stranger for {path}")
        return found

    def logs_in(self, view: View) -> bool:
        """Whether a login of the owner is let in and sees the flows; it is ended again."""
        token = self._token(view)
        if token is None:
            return False
        bearer = ("--header", f"Authorization: Bearer {token}")
        seen = status(f"{self._url(view)}/flows", *bearer)
        status(f"{self._url(view)}/auth/revoke", *bearer, "--json", json.dumps({"token": token}))
        return seen == "200"

    def deploy(self, view: View) -> None:
        """Deploy flows with credentials."""
        bearer = ("--header", f"Authorization: Bearer {self._token(view)}")
        answer = status(f"{self._url(view)}/flows", *bearer, "--json", json.dumps(FLOWS))
        if answer != "204":
            raise AssertionError(f"the flows were not deployed: {answer}")

    def _url(self, view: View) -> str:
        return f"https://{self.host.address}" if view.proxy else f"https://{self.host.address}:{PORT}"

    def _token(self, view: View) -> str | None:
        asked = {
            "client_id": "node-red-editor",
            "grant_type": "password",
            "scope": "*",
            "username": ADMIN,
            "password": view.password,
        }
        with contextlib.suppress(ValueError, KeyError):
            return str(json.loads(_curl(f"{self._url(view)}/auth/token", "--json", json.dumps(asked)))["access_token"])
        return None

    def _of_logins(self, view: View) -> list[str]:
        return [] if self.logs_in(view) else ["the owner does not get in"]

    def certificate(self) -> bytes | None:
        """The key with its certificates, as Node-RED or nginx reads them; None where neither has any."""
        for place in (_OF_NGINX, f"{USER_DIR}/nodecerts/server.pem"):
            path = self.host.file(place)
            if path.exists():
                return path.read_bytes()
        return None

    def _of_stopped(self, owner: str) -> list[str]:
        """What is wrong with a Node-RED that is not to run, or with its installation where it has an owner."""
        found = [
            f"systemd says that Node-RED is {answer}"
            for asked in ("is-active", "is-enabled")
            if (answer := self.host.output("systemctl", asked, "nodered").strip()) in _AT_WORK
        ]
        if set(statuses(f"{scheme}://{self.host.address}:{port}/" for scheme, port in _PORTS)) != {"000"}:
            found.append("somebody answers in the place of Node-RED")
        if not owner:
            return found
        checks = {
            "systemd does not take the unit": f"systemd-analyze verify {UNITS}/nodered.service",
            "npm misses something": "npm ls --global --all",
            "Node-RED does not answer when it is started": _START,
            "the userDir is not its owner's": f"test $(stat -c %U:%a ~{owner}/.node-red) = {owner}:700",
        }
        done = [
            name
            for name, command in checks.items()
            if _DONE in self.host.output("sh", "-c", f"{command} && echo {_DONE}")
        ]
        return [*found, *(name for name in checks if name not in done)]

    def _of_certificate(self) -> list[str]:
        pem = self.certificate()
        if pem is None:
            return []
        keys = [
            subprocess.run(["openssl", *command], input=pem, capture_output=True, check=False).stdout
            for command in (["pkey", "-pubout"], ["x509", "-noout", "-pubkey"])
        ]
        found = [] if keys[0] and keys[0] == keys[1] else ["the key does not belong to the certificate"]
        with tempfile.NamedTemporaryFile() as chain:
            chain.write(pem)
            chain.flush()
            verified = subprocess.run(
                ["openssl", "verify", "-CAfile", self.host.ca, chain.name], capture_output=True, check=False
            )
        return found if verified.returncode == 0 else [*found, "the authority has not signed the certificate"]

    def _of_settings(self, view: View) -> list[str]:
        printed = self.host.output("node", "-e", _LOADER, f"{USER_DIR}/settings.js")
        try:
            settings = json.loads(printed)
        except ValueError:
            return ["Node.js cannot load settings.js"]
        over_tls = settings.get("uiHost") == "127.0.0.1" if view.proxy else "https" in settings
        closed = over_tls and bool(settings.get("adminAuth", {}).get("users"))
        return [] if closed == (view.password is not None) else [f"settings.js is {'closed' if closed else 'open'}"]

    def _of_credentials(self, secret: str) -> list[str]:
        printed = self.host.output("node", "-e", _DECRYPTER, USER_DIR, secret)
        return [] if PASSWORD_OF_FLOW in printed else ["the credentials of the flow do not open"]


def sentences(found: t.Iterable[str]) -> str:
    """What is wrong, in one line."""
    return "; ".join(found)
