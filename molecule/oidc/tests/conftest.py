# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of this scenario share: somebody whom the provider knows, and the way there and back."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import urllib.parse

import pytest
from scenario.client import Answer
from scenario.fleet import Fleet
from scenario.login_page import BROWSER, LoginServer

PROVIDER_PORT = 9443


@dataclasses.dataclass(frozen=True)
class SignedOn:
    """Where somebody has ended who asked for single sign-on, and the cookies of that browser."""

    answer: Answer
    #: All addresses on the way, the first one that was led to being the first.
    way: list[str]
    #: The file with the cookies.
    jar: pathlib.Path

    @property
    def token(self) -> str:
        """The token of the editor that the last page has put into the browser's storage."""
        found = re.search(r'\{\\"access_token\\":\\"([\w-]+)\\"\}', self.answer.body)
        assert found, self.answer
        return found[1]


class SignOnServer(LoginServer):
    """A Node-RED that a provider lets people into."""

    def __init__(self, fleet: Fleet, name: str, directory: pathlib.Path) -> None:
        super().__init__(fleet, name)
        self.directory = directory
        self.provider = fleet.address("pi41")
        certificates = fleet.work / "provider" / "both.pem"
        authority = pathlib.Path(fleet.ca).read_text("utf-8")
        certificates.write_text(authority + (fleet.work / "provider/server.pem").read_text("utf-8"), "utf-8")
        #: The authorities of the fleet and of the provider.
        self.ca = str(certificates)

    def sign_on(self, who: str, path: str) -> SignedOn:
        """Follow the way to the provider and back, as the browser of somebody who is logged in there."""
        jar = self.directory / f"{self.name}-{who}-{path.strip('/').replace('/', '-')}.txt"
        jar.write_text(f"{self.provider}\tFALSE\t/\tTRUE\t0\twho\t{who}\n", "utf-8")
        way, url = [], self.url + path
        for _step in range(10):
            answer = self.follow(url, jar)
            if answer.status not in (302, 303):
                return SignedOn(answer, way, jar)
            url = urllib.parse.urljoin(url, answer.headers["location"])
            way.append(url)
        raise AssertionError(f"no end: {way}")

    def follow(self, url: str, jar: pathlib.Path) -> Answer:
        cookies = ("--cookie", str(jar), "--cookie-jar", str(jar))
        return self.client.request(url, "--cacert", self.ca, *BROWSER, *cookies)

    def to_dashboards(self, who: str) -> SignedOn:
        goal = urllib.parse.quote(self.dashboards[0], safe="")
        return self.sign_on(who, f"{self.page}/oidc?next={goal}")

    def to_editor(self, who: str) -> SignedOn:
        return self.sign_on(who, f"{self.admin_root}/auth/oidc")

    def opens(self, signed_on: SignedOn) -> bool:
        """Whether dashboards are still open to somebody."""
        answer = self.follow(self.url + self.dashboards[0], signed_on.jar)
        assert answer.status in (200, 302), answer
        return answer.status == 200


@pytest.fixture
def server(fleet: Fleet, name: str, tmp_path: pathlib.Path) -> SignOnServer:
    """One host after the other."""
    return SignOnServer(fleet, name, tmp_path)


@pytest.fixture
def servers(fleet: Fleet, tmp_path: pathlib.Path) -> list[SignOnServer]:
    """All of them."""
    return [SignOnServer(fleet, name, tmp_path) for name in fleet.names]
