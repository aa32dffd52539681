# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canaille, a provider that people host themselves, on loopback, and what its administrator does by its command line."""

from __future__ import annotations

import json
import os
import pathlib
import ssl
import subprocess
import typing as t
import urllib.request

from node_red import PROJECT, NodeRed, free_port, make_certificate, until

#: Made by `make real-provider`.
PROGRAM = PROJECT / ".build/canaille/bin/canaille"
#: Letters, digits and `-._~` only.
SECRET = "a-secret.of~tests_0"
PASSWORD = "a password of tests"
#: The groups of those whom it knows.
GROUPS = {"family": ["anna"], "admins": ["boss"]}
PEOPLE = ("anna", "boss", "eve")


class Canaille:
    """One that knows some people, and each Node-RED that was registered.

    :ivar issuer: its address
    :ivar certificate: the file with its certificate, which signs itself
    """

    def __init__(self, directory: pathlib.Path) -> None:
        directory.mkdir()
        make_certificate(directory)
        port = free_port()
        self.issuer = f"https://localhost:{port}"
        self.certificate = directory / "cert.pem"
        self._directory = directory
        self._log = directory / "log"
        self._environment = {**os.environ, "CANAILLE_CONFIG": str(directory / "canaille.toml")}
        self._process: subprocess.Popen[bytes] | None = None
        key = json.loads(self._run("jwk", "create", "rsa"))
        jwk = ", ".join(f"{name} = {json.dumps(value)}" for name, value in key.items())
        (directory / "canaille.toml").write_text(
            f"""SECRET_KEY = "a key of tests"
SERVER_NAME = "localhost:{port}"
PREFERRED_URL_SCHEME = "https"
[CANAILLE]
DATABASE = "sql"
[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{directory}/db.sqlite"
[CANAILLE_OIDC]
ACTIVE_JWKS = [{{{jwk}}}]
[CANAILLE_HYPERCORN]
BIND = ["127.0.0.1:{port}"]
CERTFILE = "{self.certificate}"
KEYFILE = "{directory}/key.pem"
""",
            "utf-8",
        )

    def _run(self, *command: str) -> str:
        """What a command of its administrator says."""
        run = subprocess.run(
            [str(PROGRAM), *command],
            env=self._environment,
            cwd=self._directory,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def _create(self, kind: str, **fields: str | list[str]) -> str:
        """Creates something; returns its id."""
        options = [
            part
            for name, values in fields.items()
            for value in ([values] if isinstance(values, str) else values)
            for part in (f"--{name.replace('_', '-')}", value)
        ]
        created = json.loads(self._run("create", kind, *options).strip().splitlines()[-1])
        return str(created["id"])

    def __enter__(self) -> Canaille:
        self._run("install")
        for name in PEOPLE:
            address = f"{name}@example.com"
            self._create("user", user_name=name, family_name=name.title(), emails=address, password=PASSWORD)
        for name, members in GROUPS.items():
            self._create("group", display_name=name, members=members)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(PROGRAM), "run"], env=self._environment, cwd=self._directory, stdout=log, stderr=log
            )
        until(self._answers, "Canaille answers")
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text("utf-8")
        try:
            self.description()
        except OSError:
            return False
        return True

    def description(self) -> dict[str, t.Any]:
        """What it says of itself."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(f"{self.issuer}/.well-known/openid-configuration", timeout=10) as answer:
            description: dict[str, t.Any] = json.load(answer)
        return description

    def register(self, server: NodeRed) -> str:
        """Adds a Node-RED as a client, as docs/single-sign-on.md says; returns the id of the client."""
        name = f"nodered-{server.port}"
        client = self._create(
            "client",
            client_name="Node-RED",
            client_id=name,
            client_secret=SECRET,
            redirect_uris=[
                f"{server.url}{server.base}/_login/callback",
                f"{server.url}{server.base}/auth/oidc/callback",
            ],
            scope=["openid", "profile", "email", "groups"],
            grant_types="authorization_code",
            response_types="code",
            token_endpoint_auth_method="client_secret_basic",
        )
        self._run("set", "client", name, "--audience", client)
        return name
