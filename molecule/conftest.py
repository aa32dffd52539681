# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of all scenarios are given. They need the hosts that `molecule create` and `converge` leave."""

from __future__ import annotations

import contextlib

import pytest
from scenario.fleet import Fleet


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest) -> Fleet:
    """The hosts of the scenario that the test belongs to."""
    return Fleet(request.path.parents[1].name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument `name` runs for each host of its scenario."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", Fleet(metafunc.definition.path.parents[1].name).names)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> pytest.TestReport:
    """Show why Node-RED is down, where a test failed and it is."""
    report = yield
    if report.when == "call" and report.failed and "fleet" in item.fixturenames:
        found = item.funcargs["fleet"]
        for name in found.names:
            # A test may have taken away the way there.
            with contextlib.suppress(RuntimeError):
                add_journal(report, found, name)
    return report


def add_journal(report: pytest.TestReport, fleet: Fleet, name: str) -> None:
    """Why Node-RED is down on a host, where it is. RuntimeError where ssh does not get there."""
    host = fleet.host(name)
    if host.run("systemctl is-active %s", fleet.service(name)).stdout.strip() != "active":
        journal = host.run("journalctl --unit %s --lines 40 --no-pager", fleet.service(name)).stdout
        report.sections.append((f"Node-RED is down on {name}, its journal", journal))
