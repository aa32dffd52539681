# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a Node-RED can be managed, and what is said where it cannot."""

from __future__ import annotations

import typing as t

import pytest
from host_state import make_state

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.supported import (
    require_lasting_disks,
    require_node_red,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

NO_SERVICE = {"service__exists": False, "service__active": False, "node_red__version": None}
NOT_FOUND = {"node_red__version": None}


def other(by: str, name: str = "x", user: str = "pi") -> dict[str, str]:
    return {"by": by, "name": name, "user": user}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (NO_SERVICE, ["no service nodered.service", "Install Node-RED first", "nodered_service"]),
        ({**NO_SERVICE, "elsewhere": [other("service", "node-red.service")]}, ["set nodered_service: node-red."]),
        (
            {**NO_SERVICE, "elsewhere": [other("docker"), other("service", "node-red@site.a.service")]},
            ["set nodered_service: node-red@site.a."],
        ),
        ({**NO_SERVICE, "elsewhere": [other("docker", "0123456789ab", "1000")]}, ["by Docker", "container", "README"]),
        ({**NO_SERVICE, "elsewhere": [other("podman")]}, ["by podman", "container"]),
        (
            {**NO_SERVICE, "elsewhere": [other("container", "web")]},
            ["by an engine for containers", "is in a container"],
        ),
        ({**NO_SERVICE, "elsewhere": [other("pm2", "pm2-pi.service")]}, ["by pm2", "pm2 delete"]),
        ({**NO_SERVICE, "elsewhere": [other("snap", "node-red")]}, ["by a snap"]),
        ({**NO_SERVICE, "elsewhere": [other("user", "nodered.service")]}, ["systemctl --user", "User=pi"]),
        ({**NO_SERVICE, "elsewhere": [other("hand", "")]}, ["pi has started a Node-RED by hand"]),
        ({**NO_SERVICE, "elsewhere": [other("service", "\\x1b[31m.service")]}, ["runs a Node-RED"]),
        ({"node_red__manager": "docker"}, ["nodered.service starts Docker", "in a container", "README"]),
        ({"node_red__manager": "pm2", "node_red__version": None}, ["nodered.service starts pm2"]),
        ({"node_red__manager": "another user"}, ["starts Node-RED as another user", "sudo", "Set User= in the unit"]),
        (NOT_FOUND, ["is there, but no Node-RED was found", "ExecStart="]),
        ({**NOT_FOUND, "service__active": False}, ["start the service first"]),
        ({**NOT_FOUND, "elsewhere": [other("service", "b.service")]}, ["set nodered_service: b."]),
        (
            {"settings__guessed": True},
            ["nodered.service runs a script", "nodered_settings_path", "journalctl -u nodered"],
        ),
        ({"node_red__version": "2.2.3"}, ["2.2.3 is too old"]),
        ({"node_red__version": "3.0.2"}, ["3.0.2 is too old"]),
    ],
)
def test_refused(state: dict[str, t.Any], told: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        require_node_red(make_state(**state))
    for text in told:
        assert text in str(caught.value)
    if state.get("elsewhere") or state.get("node_red__manager"):
        assert "Install Node-RED first" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("version", ["3.1.0", "3.1.15", "4.1.15", "5.0.7"])
def test_supported(version: str) -> None:
    require_node_red(make_state(node_red__version=version))


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ("temporary", ["file system in memory (overlay)", "next start", "raspi-config"]),
        ("read-only", ["mounted read-only (overlay)", "remount,rw"]),
        ("full", ["no room where /data is", "1 MiB", "df -h"]),
        ("unchangeable", ["/data cannot be changed", "chattr -i"]),
        ("without owners", ["/data is on overlay", "every user of this host could read", "ext4"]),
    ],
)
def test_a_change_that_cannot_last_is_refused(problem: str, told: list[str]) -> None:
    disk = {"path": "/data", "filesystem": "overlay", "problem": problem}
    with pytest.raises(UserError) as caught:
        require_lasting_disks(make_state(disks=[disk]))
    for text in told:
        assert text in str(caught.value)
    require_lasting_disks(make_state())
