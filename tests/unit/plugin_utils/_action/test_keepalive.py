# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that vanishes in the middle ends its own run, whatever the owner has set for ssh."""

from __future__ import annotations

import typing as t

import pytest
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.keepalive import keep_alive

OURS = "-o ServerAliveInterval=15 -o ServerAliveCountMax=5"


def connection(kind: str, **variables: str) -> t.Any:
    """A connection of Ansible's own, as a task has it with these variables."""
    made = connection_loader.get(kind, PlayContext(), None)
    made.set_options(var_options=variables)
    return made


@pytest.mark.parametrize(("given", "expected"), [(None, OURS), ("-J jump", f"-J jump {OURS}")])
def test_ssh_asks_whether_the_host_is_there(given: str | None, expected: str) -> None:
    ssh = connection("ssh", **({"ansible_ssh_common_args": given} if given else {}))
    keep_alive(ssh)
    keep_alive(ssh)
    assert ssh.get_option("ssh_common_args") == expected


@pytest.mark.parametrize("variable", ["ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"])
def test_what_the_owner_has_set_counts(variable: str) -> None:
    ssh = connection("ssh", **{variable: "-oserveraliveinterval=300"})
    keep_alive(ssh)
    assert "15" not in (ssh.get_option("ssh_common_args") or "")


def test_other_connections_are_left_alone() -> None:
    keep_alive(connection("local"))
