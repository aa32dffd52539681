# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new certificate in the place of the old one: without a restart, without a broken connection, and never half."""

from __future__ import annotations

import typing as t

import pytest
from comms import Comms
from fleet import CERTIFICATE, PORT, Fleet

RENEWED = ("pi31", "pi41", "pi5")


@pytest.fixture(scope="module", autouse=True)
def secured(fleet: Fleet) -> None:
    run = fleet.play()
    assert run.status == 0, run.output


def served(fleet: Fleet, name: str) -> str:
    """The certificate that a handshake shows, in PEM."""
    connection = fleet.here().openssl("s_client", "-connect", f"{fleet.address(name)}:{PORT}", "-CAfile", fleet.ca,
                                      "-verify_return_error", "-verify_ip", fleet.address(name))
    assert connection.rc == 0, connection.stderr
    start = connection.stdout.index("-----BEGIN CERTIFICATE-----")
    return connection.stdout[start:connection.stdout.index("-----END CERTIFICATE-----")]


def installed(fleet: Fleet, name: str) -> str:
    content = fleet.host(name).file(CERTIFICATE).content_string
    start = content.index("-----BEGIN CERTIFICATE-----")
    return content[start:content.index("-----END CERTIFICATE-----")]


def key(fleet: Fleet, name: str) -> str:
    return fleet.host(name).check_output("openssl pkey -in %s -pubout", CERTIFICATE)


class Host(t.NamedTuple):
    """A host before a renewal, with an editor that is open."""

    process: str
    served: str
    key: str
    editor: Comms


@pytest.fixture
def before(fleet: Fleet) -> t.Iterator[dict[str, Host]]:
    hosts = {
        name: Host(fleet.process(name), served(fleet, name), key(fleet, name),
                   Comms(fleet.address(name), PORT, fleet.ca, fleet.here().token(fleet.url(name), "admin", fleet.password("admin"))))
        for name in fleet.names
    }
    yield hosts
    for host in hosts.values():
        host.editor.close()


@pytest.mark.parametrize("variables", [
    {"nodered_certificate_names": ["heating.example.com"]},
    {"nodered_certificate_names": ["heating.example.com"], "nodered_certificate_new_key": True},
], ids=["another name", "a new key"])
def test_open_connections_survive(fleet: Fleet, before: dict[str, Host], variables: dict[str, t.Any]) -> None:
    run = fleet.play(variables=variables)
    assert run.status == 0, run.output
    for name in RENEWED:
        assert fleet.process(name) == before[name].process
        assert served(fleet, name) == installed(fleet, name) != before[name].served
        assert (key(fleet, name) != before[name].key) is ("nodered_certificate_new_key" in variables)
        assert before[name].editor.messages()
        assert fleet.host(name).file(CERTIFICATE).mode == 0o600
    # This one would show its old certificate for hours.
    assert fleet.process("patient") != before["patient"].process
    assert served(fleet, "patient") == installed(fleet, "patient") != before["patient"].served
    again = fleet.play(variables={"nodered_certificate_names": ["heating.example.com"]})
    assert {name: recap["changed"] for name, recap in again.recap.items()} == dict.fromkeys(fleet.names, 0)
    names = fleet.here().openssl("s_client", "-connect", f"{fleet.address('pi41')}:{PORT}", "-CAfile", fleet.ca,
                                 "-verify_return_error", "-verify_hostname", "heating.example.com")
    assert names.rc == 0, names.stderr
