# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""curl on some machine, as far as is needed to see what a Node-RED shows to whom."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shlex
import typing as t

from .waiting import PATIENCE

#: A user and a password.
Login = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a server answered to curl; the status is 0 where there was no HTTP answer, and the body is curl's error."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> t.Any:
        return json.loads(self.body)


class Client:
    """curl on one machine: what somebody there sees of a Node-RED."""

    def __init__(self, machine: t.Any, ca: str) -> None:
        self.machine = machine
        self.ca = ca

    def request(self, url: str, *options: str) -> Answer:
        command = [
            "curl",
            "--silent",
            "--show-error",
            "--include",
            "--noproxy",
            "*",
            "--max-time",
            str(PATIENCE),
            "--cacert",
            self.ca,
            *options,
            url,
        ]
        result = self.machine.run(shlex.join(command))
        if result.rc != 0:
            return Answer(0, {}, f"{result.rc}: {result.stderr}")
        head, _blank, body = result.stdout.replace("\r\n", "\n").partition("\n\n")
        status, *lines = head.splitlines()
        return Answer(
            int(status.split()[1]),
            {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)},
            body,
        )

    def login(self, url: str, username: str, password: str, scope: str = "") -> Answer:
        """Log in to an editor, as Node-RED's own client does. An empty scope asks for all that the user may do."""
        return self.request(
            f"{url}/auth/token",
            "--data-urlencode",
            "client_id=node-red-admin",
            "--data-urlencode",
            "grant_type=password",
            "--data-urlencode",
            f"scope={scope}",
            "--data-urlencode",
            f"username={username}",
            "--data-urlencode",
            f"password={password}",
        )

    def token(self, url: str, username: str, password: str) -> str:
        answer = self.login(url, username, password)
        assert answer.status == 200, f"{username} cannot log in: {answer.status} {answer.body}"
        return answer.json["access_token"]

    def revoke(self, url: str, token: str) -> Answer:
        return self.request(f"{url}/auth/revoke", *bearer(token), "--data-urlencode", f"token={token}")

    @contextlib.contextmanager
    def logged_in(self, url: str, username: str, password: str) -> t.Iterator[str]:
        """The token of a login that ends with the block."""
        token = self.token(url, username, password)
        yield token
        self.revoke(url, token)

    def deploy(self, url: str, flows: list[dict[str, t.Any]], token: str | None = None) -> None:
        """Replace the flows, without a token where the editor is open."""
        answer = self.request(f"{url}/flows", *(bearer(token) if token else ()), "--json", json.dumps(flows))
        assert answer.status == 204, answer

    def openssl(self, *arguments: str) -> t.Any:
        return self.machine.run(shlex.join(["openssl", *arguments]) + " </dev/null")


def bearer(token: str) -> list[str]:
    """The options of curl that send a token."""
    return ["--header", f"Authorization: Bearer {token}"]


def basic(login: Login | None) -> list[str]:
    """The options of curl that send a login of HTTP Basic authentication."""
    return ["--user", ":".join(login)] if login else []


def login_of(user: str) -> Login:
    """The login of a user of the scenarios, all of whose passwords are made alike."""
    return user, f"{user}-only-for-tests"
