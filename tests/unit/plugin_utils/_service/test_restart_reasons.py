# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the service should be given, from what it has and what is asked for."""

from __future__ import annotations

import pytest
from host_state import make_state

from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.drop_in import drop_in
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.restart_reasons import (
    check_watch,
    desired_drop_in,
    restart_reasons,
)

PLAIN, LOW, GROUP = drop_in("0077", None), drop_in("0077", 443), drop_in("0027", None)


@pytest.mark.parametrize(
    ("present", "umask", "port", "expected"),
    [
        (None, None, None, PLAIN),
        (None, "0077", 443, LOW),
        (None, "0027", 1880, GROUP),
        (PLAIN, None, None, PLAIN),
        (PLAIN, None, 443, LOW),
        # What is not given stays as it is.
        (GROUP, None, None, GROUP),
        (LOW, "0077", None, LOW),
        (LOW, None, 80, LOW),
        (LOW, None, 1880, PLAIN),
        (GROUP, "0077", None, PLAIN),
        # Other comments are no reason to restart a fleet.
        (PLAIN.replace("# Node-RED writes", "# Formerly: Node-RED writes"), "0077", None, None),
    ],
)
def test_desired_drop_in(present: str | None, umask: str | None, port: int | None, expected: str | None) -> None:
    state = make_state(service__drop_in=present)
    assert desired_drop_in(state, {"umask": umask, "port": port, "settings_port": None}) == (
        present if expected is None else expected
    )


@pytest.mark.parametrize(
    ("settings_port", "expected"), [(443, LOW), (1023, LOW), (1024, PLAIN), (1880, PLAIN), (None, LOW)]
)
def test_the_capability_stays_as_long_as_the_settings_need_it(settings_port: int | None, expected: str) -> None:
    options = {"umask": None, "port": None, "settings_port": settings_port}
    assert desired_drop_in(make_state(service__drop_in=LOW), options) == expected


def test_a_low_port_that_was_proved_without_help_gets_none() -> None:
    state = make_state(service__drop_in=PLAIN)
    state["proof"]["expected"]["port"] = 443
    assert desired_drop_in(state, {"umask": "0077", "port": None, "settings_port": 443}) == PLAIN


@pytest.mark.parametrize("minutes", [0, 10, 1440])
def test_a_watch_of_up_to_a_day_can_be_asked_for(minutes: int) -> None:
    check_watch(minutes)


@pytest.mark.parametrize("minutes", [-1, 1441])
def test_another_watch_is_refused(minutes: int) -> None:
    with pytest.raises(UserError, match="nodered_watch_minutes"):
        check_watch(minutes)


@pytest.mark.parametrize(
    ("asked", "proved", "due"), [("nginx", False, True), ("nginx", True, False), ("none", False, False)]
)
def test_a_proof_without_the_nginx_that_is_asked_for(asked: str, proved: bool, due: bool) -> None:
    state = make_state(service__drop_in=PLAIN)
    assert state["proof"] is not None
    state["proof"]["expected"]["tls"] = False
    if proved:
        state["proof"]["expected"]["proxy"] = {"name": "a", "https": 443, "http": 80, "path": "/", "port": 1880}
    options = {
        "force": False,
        "revoke": [],
        "changed": False,
        "https": False,
        "proxy": asked,
        "admin_auth": True,
        "umask": "0077",
        "port": None,
        "node_users": [],
        "oidc": None,
    }
    reasons = restart_reasons(state, options, "", "")
    assert ("the service was proved without nginx in front of it" in reasons) is due
