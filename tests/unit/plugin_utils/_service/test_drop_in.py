# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the service: systemd reads what was asked for, and nothing else can be given."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import environment_of_file
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service import drop_in

ENVIRONMENT = {
    "HTTPS_PROXY": 'http://u:p%40"\\x$1`@proxy:3128',
    "NODE_ENV": "production",
    "N": 1,
    "EMPTY": "",
    "S": "a 'b' #c",
}


def test_the_environment_file_means_what_was_asked_for() -> None:
    text = drop_in.environment_file(ENVIRONMENT)
    assert environment_of_file(text.encode()) == {name: str(value) for name, value in ENVIRONMENT.items()}
    assert drop_in.variable_names(text) == list(ENVIRONMENT)
    assert drop_in.environment_file({}) == ""


@pytest.mark.parametrize(
    "environment",
    [{"A B": "x"}, {"1A": "x"}, {"A": True}, {"A": None}, {"A": ["x"]}, {"A": "x\nExecStartPre=/bin/evil"}],
)
def test_variables_that_a_service_cannot_be_given(environment: dict[str, t.Any]) -> None:
    with pytest.raises(drop_in.DropInError, match="nodered_environment"):
        drop_in.environment_file(environment)


@pytest.mark.parametrize(
    ("port", "capability"),
    [(None, False), (1880, False), (1024, False), (1023, True), (443, True), (80, True), (0, False)],
)
def test_a_low_port_needs_a_capability(port: int | None, capability: bool) -> None:
    lines = drop_in.drop_in("0077", port).splitlines()
    assert ("AmbientCapabilities=CAP_NET_BIND_SERVICE" in lines) is capability
    assert "UMask=0077" in lines


@pytest.mark.parametrize("umask", ["0077", "0027", "0022", "0037"])
def test_what_others_may_read(umask: str) -> None:
    assert f"\nUMask={umask}\n" in drop_in.drop_in(umask, None)


@pytest.mark.parametrize("umask", ["63", "77", "077", "0000", "0002", "0020", "0777", "0088", "u=rwx", "", "0077\n"])
def test_a_umask_that_is_none_or_lets_others_write(umask: str) -> None:
    with pytest.raises(drop_in.DropInError, match="nodered_umask.*in quotes"):
        drop_in.drop_in(umask, None)
