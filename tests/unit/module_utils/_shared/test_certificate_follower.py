# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units and the program by which a host follows a certificate, the same on both sides."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import certificate_source
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_follower import (
    digest,
    follower_files,
    follower_paths,
    watching_units,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import Reader

KEY, CHAIN = "/etc/letsencrypt/live/pi/privkey.pem", "/etc/letsencrypt/live/pi/fullchain.pem"
COPY = "/home/pi/.node-red/nodecerts/server.pem"


def files(service: str = "nodered.service", key: str = KEY, chain: str = CHAIN) -> dict[str, str]:
    return follower_files(service, Reader(COPY, "pi", "pi"), key, chain)


def test_where_everything_is() -> None:
    assert list(files()) == follower_paths("nodered.service")
    assert watching_units("nodered.service") == watching_units("nodered")
    for unit in watching_units("nodered"):
        assert f"/etc/systemd/system/{unit}" in files()
    program, record, *_units, drop_in = files().values()
    assert program == pathlib.Path(certificate_source.__file__).read_text("utf-8")
    assert json.loads(record)["path"] == COPY
    assert f"Wants={' '.join(watching_units('nodered'))}\n" in drop_in


def watched(contents: dict[str, str]) -> list[str]:
    (text,) = (text for path, text in contents.items() if path.endswith(".path"))
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith("PathChanged=")]


def test_links_and_their_directories_are_watched() -> None:
    """Of a link that is replaced by another, systemd notices the change of the directory only."""
    assert watched(files()) == [KEY, CHAIN, "/etc/letsencrypt/live/pi"]
    assert watched(files(chain="/srv/chain.pem")) == [KEY, "/srv/chain.pem", "/etc/letsencrypt/live/pi", "/srv"]


def test_nothing_is_a_specifier_of_systemd() -> None:
    assert watched(files(key="/srv/100%n/key.pem"))[0] == "/srv/100%%n/key.pem"
    contents = files("node\\x2dred@a.service")
    (unit,) = (text for path, text in contents.items() if path.endswith("certificate.service"))
    assert '"/var/lib/pifleet-nodered/node\\\\x2dred@a/follow_certificate.py"' in unit


@pytest.mark.parametrize("other", [files(key="/srv/key.pem"), files(chain="/srv/chain.pem"), files("other.service")])
def test_the_digest_stands_for_all(other: dict[str, str]) -> None:
    assert digest(files()) == digest(files())
    assert digest(other) != digest(files())
