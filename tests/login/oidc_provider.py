# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A provider of OpenID Connect on loopback, and people who log in with it, by curl."""

from __future__ import annotations

import html
import json
import os
import pathlib
import re
import subprocess
import typing as t
import urllib.parse

from node_red import HERE, PAGE, Answer, NodeRed, free_port, make_certificate, parsed, until
from npm_packages import npm_modules, npm_node

#: The groups of those whom the provider knows. One has the name of the editor's local user.
PEOPLE = {
    "anna": ["family"],
    "boss": ["admins"],
    "gus": ["guests"],
    "eve": ["strangers"],
    "admin": ["strangers"],
    "<b>": ["family"],
}
#: Signs that every way to write a secret down treats in another way.
SECRET = "a secret: +&%/=?"


class Provider:
    """npm's oidc-provider, which knows one Node-RED. `options` are those of provider.mjs."""

    def __init__(self, directory: pathlib.Path, server: NodeRed, **options: t.Any) -> None:
        directory.mkdir()
        make_certificate(directory)
        self.port = free_port()
        self.issuer = f"https://localhost:{self.port}"
        self.certificate = directory / "cert.pem"
        self.log = directory / "log"
        callbacks = (f"{server.base}/_login/callback", f"{server.admin.rstrip('/')}/auth/oidc/callback")
        self.options = {
            "modules": str(npm_modules("oidc-provider@9.13.3")),
            "folder": str(directory),
            "port": self.port,
            "redirectUris": [server.url + callback for callback in callbacks],
            "secret": SECRET,
            "method": "client_secret_basic",
            "algorithm": "RS256",
            "inIdToken": False,
            "people": PEOPLE,
            "unverified": ["gus"],
            "offset": 0,
            "lifetime": 3600,
            **options,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Provider:
        environment = {**os.environ, "PROVIDER": json.dumps(self.options)}
        with self.log.open("wb") as log:
            command = [npm_node(22), str(HERE / "provider.mjs")]
            self.process = started = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until(lambda: b"is ready" in self.log.read_bytes() or started.poll() is not None, "the provider starts")
        assert started.poll() is None, self.log.read_text("utf-8")
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Provider:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def data_for(self, server: NodeRed, **changes: t.Any) -> dict[str, t.Any]:
        """What login.json says of it."""
        return {
            "admin_root": f"{server.admin.rstrip('/')}/",
            "authority": True,
            "client_id": "nodered",
            "client_secret": SECRET,
            "dashboards": [
                {"group": "family", "permissions": "*"},
                {"group": "guests", "permissions": "read"},
                {"group": "guests", "permissions": "*", "paths": [f"{server.base}/api"]},
            ],
            "editor": [
                {"group": "admins", "permissions": "*"},
                {"domain": "example.com", "permissions": ["flows.read", "settings.read", "status.read"]},
            ],
            "groups_claim": "groups",
            "issuer": self.issuer,
            "kind": "openid",
            "name": "Keycloak",
            "scope": "openid profile email groups",
            "session_expiry": 36000,
            "url": server.url,
            "username_claim": "preferred_username",
            **changes,
        }

    def install(self, server: NodeRed, users: list[dict[str, t.Any]] | None = None, **changes: t.Any) -> None:
        """Writes the directory of the login page of a Node-RED that knows this provider."""
        more = {} if users is None else {"users": users}
        data = self.data_for(server, **changes)
        server.install(oidc=data, **more)
        if data["authority"]:
            target = server.directory / "nodelogin/oidc/authority.pem"
            target.write_bytes(self.certificate.read_bytes())


class Person:
    """Somebody with a browser of one's own. Its cookies know no port, as those of all browsers."""

    def __init__(self, directory: pathlib.Path, server: NodeRed, provider: Provider, name: str = "") -> None:
        directory.mkdir(exist_ok=True)
        self.server, self.name = server, name
        self.provider = provider
        self.jar = directory / "cookies"
        self.authorities = directory / "authorities.pem"
        self.authorities.write_bytes(server.certificate.read_bytes() + provider.certificate.read_bytes())

    def go(self, url: str, *arguments: str) -> Answer:
        """The answer to curl; a target is one of Node-RED."""
        command = ["curl", "--silent", "--noproxy", "*", "--include", "--max-time", "60", "--globoff"]
        command += ["--cacert", str(self.authorities), "--cookie", str(self.jar), "--cookie-jar", str(self.jar)]
        whole = urllib.parse.urljoin(self.server.url, url)
        run = subprocess.run([*command, *PAGE, *arguments, whole], capture_output=True, check=False)
        return parsed(run.stdout.decode("utf-8", "replace"))

    def way_back(self, start: str, cancels: bool = False) -> str:
        """Goes to the provider, logs in there, and returns where that sends the browser back to."""
        answer = self.go(start)
        assert answer.status == 302, answer
        url = str(answer.header("location"))
        while not url.startswith(self.server.url):
            answer = self.go(url)
            if answer.header("location") is None:
                answer = self._answer_form(url, answer, cancels)
            url = urllib.parse.urljoin(url, str(answer.header("location")))
        return url

    def sign_on(self, start: str) -> Answer:
        """To the provider, and back; the answer to that."""
        return self.go(self.way_back(start))

    def _answer_form(self, url: str, page: Answer, cancels: bool) -> Answer:
        form = re.search(r'<form[^>]* action="([^"]+)"', page.text)
        assert form, page
        if cancels:
            (target,) = re.findall(r'href="([^"]*/abort)"', page.text)
            return self.go(urllib.parse.urljoin(url, target))
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        body = urllib.parse.urlencode({**fields, "login": self.name, "password": "x"})
        target = urllib.parse.urljoin(url, form[1])
        return self.go(target, "--header", f"Origin: {self.provider.issuer}", "--data", body)


def text_of(answer: Answer) -> str:
    """A page as a person reads it."""
    visible = re.sub(r"<head>.*</head>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(visible).split())


def token_in(answer: Answer) -> str:
    assert answer.status == 200, answer
    (value,) = re.findall(r'"\{\\"access_token\\":\\"([\w-]{43})\\"\}"', answer.text)
    return str(value)


class Place(t.NamedTuple):
    """A Node-RED, its provider, and a directory for people."""

    server: NodeRed
    provider: Provider
    directory: pathlib.Path

    def person(self, name: str = "") -> Person:
        number = len(list(self.directory.iterdir()))
        return Person(self.directory / f"person-{number}", self.server, self.provider, name)

    @property
    def start(self) -> str:
        """Where a login for dashboards begins, which leads to an endpoint that tells what it sees."""
        return f"{self.server.base}/_login/oidc?next={self.server.base}/hello"

    @property
    def editor(self) -> str:
        return self.server.admin.rstrip("/")

    def token_of(self, name: str) -> str:
        """What the editor gets of somebody who signs on."""
        return token_in(self.person(name).sign_on(f"{self.editor}/auth/oidc"))

    def api(self, token: str, target: str, *arguments: str) -> Answer:
        return self.server.curl(self.editor + target, "--header", f"Authorization: Bearer {token}", *arguments)
