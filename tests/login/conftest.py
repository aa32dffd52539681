# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One Node-RED at a time, of the releases and layouts that PIFLEET_LOGIN asks for: `all`, or a sample."""

from __future__ import annotations

import contextlib
import os
import typing as t

import pytest
from chromium import PATIENCE, started_browser
from node_red import Clients, NodeRed
from oidc_provider import Place, Provider
from playwright.sync_api import Browser, BrowserContext

RELEASES = ("3.1.15", "4.1.15", "5.0.7")
#: httpAdminRoot and httpNodeRoot.
ROOTS = (("/", "/"), ("/admin", "/"), ("/admin", "/api"), ("/x", "/x"))
#: With the Node.js that the release is usually found with; the oldest one also runs on a later one.
_ALL = [*((release, *roots) for release in RELEASES for roots in ROOTS), ("3.1.15", "/", "/", "20")]
SERVERS = _ALL if os.environ.get("PIFLEET_LOGIN") == "all" else [("4.1.15", "/", "/")]


@pytest.fixture(scope="module", params=SERVERS, ids=" ".join)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[NodeRed]:
    with NodeRed(tmp_path_factory.mktemp("node-red"), *request.param) as started:
        yield started


@pytest.fixture(scope="module")
def clients(server: NodeRed) -> t.Iterator[Clients]:
    with Clients(server) as started:
        yield started


@pytest.fixture(scope="module", params=SERVERS, ids=" ".join)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Place]:
    directory = tmp_path_factory.mktemp("oidc")
    (directory / "node-red").mkdir()
    server = NodeRed(directory / "node-red", *request.param)
    with Provider(directory / "provider", server) as provider:
        provider.install(server)
        with server:
            yield Place(server, provider, directory)


@pytest.fixture(scope="module")
def browser() -> t.Iterator[Browser]:
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(started_browser())


@pytest.fixture
def person(browser: Browser) -> t.Iterator[BrowserContext]:
    """Somebody with a browser that knows nobody yet."""
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def fred(server: NodeRed) -> str:
    """The cookie of somebody who may do everything."""
    return server.cookie_of("fred")


@pytest.fixture
def vera(server: NodeRed) -> str:
    """The cookie of somebody who may only look."""
    return server.cookie_of("vera")


@pytest.fixture
def paul(server: NodeRed) -> str:
    """The cookie of somebody who may use some paths."""
    return server.cookie_of("paul")
