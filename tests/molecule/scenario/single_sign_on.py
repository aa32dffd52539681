# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Node-RED that a provider lets people into, and their way there and back with curl, which has the cookies of a browser."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import typing as t
import urllib.parse

from .client import Answer
from .fleet import Fleet
from .login_page import BROWSER, LoginServer

PROVIDER_PORT = 9443


@dataclasses.dataclass(frozen=True)
class SignedOn:
    """Where somebody has ended who asked for single sign-on, and the cookies of that browser."""

    answer: Answer
    #: All addresses that the way led to.
    way: list[str]
    #: The file with the cookies.
    jar: pathlib.Path

    @property
    def token(self) -> str:
        """The token of the editor that the last page puts into the browser's storage."""
        found = re.search(r'access_token\\":\\"([\w-]+)\\"', self.answer.body)
        assert found, self.answer
        return found[1]


class SignOnServer(LoginServer):
    """The Node-RED of a host, and the provider on another one.

    :param directory: where cookies are kept
    """

    def __init__(self, fleet: Fleet, name: str, directory: pathlib.Path) -> None:
        super().__init__(fleet, name)
        self.directory = directory
        #: The address of the provider.
        self.provider = fleet.address("pi41")
        both = pathlib.Path(fleet.ca).read_text("utf-8") + (fleet.work / "provider/server.pem").read_text("utf-8")
        (fleet.work / "provider/both.pem").write_text(both, "utf-8")
        #: The authorities of the fleet and of the provider.
        self.authorities = str(fleet.work / "provider/both.pem")

    def sign_on(self, who: str, path: str) -> SignedOn:
        """Follow the way to the provider and back, as the browser of somebody who is logged in there."""
        return self._go(who, path, lambda url: False)

    def way_back(self, who: str, path: str) -> SignedOn:
        """The same, up to where the provider sends the browser back to, which is the last address of the way."""
        return self._go(who, path, lambda url: url.startswith(self.url) and "state=" in url)

    def _go(self, who: str, path: str, is_end: t.Callable[[str], bool]) -> SignedOn:
        jar = self.directory / f"{self.name}-{who}{re.sub('[^a-z]+', '-', path)}.txt"
        jar.write_text(f"{self.provider}\tFALSE\t/\tTRUE\t0\twho\t{who}\n", "utf-8")
        way: list[str] = []
        url = self.url + path
        for _step in range(10):
            answer = self.follow(url, jar)
            if answer.status not in (302, 303):
                return SignedOn(answer, way, jar)
            url = urllib.parse.urljoin(url, answer.headers["location"])
            way.append(url)
            if is_end(url):
                return SignedOn(answer, way, jar)
        raise AssertionError(f"no end: {way}")

    def follow(self, url: str, jar: pathlib.Path) -> Answer:
        """Open an address with the cookies of a browser, which may get others by that."""
        cookies = ("--cookie", str(jar), "--cookie-jar", str(jar))
        return self.client.request(url, "--cacert", self.authorities, *BROWSER, *cookies)

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
