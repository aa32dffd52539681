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
