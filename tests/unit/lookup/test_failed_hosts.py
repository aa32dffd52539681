# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that have failed are told from others, and from those that were off."""

from __future__ import annotations

from ansible_collections.pifleet.nodered.plugins.lookup.failed_hosts import LookupModule


def test_failed_hosts() -> None:
    hostvars = {
        "not begun": {},
        "fine": {"look": {"failed": False}, "end": {"changed": True}},
        "refused": {"look": {"failed": True}},
        "put back": {"look": {"changed": False}, "end": {"failed": True}},
        "off": {"look": {"failed": True, "unreachable": True}},
        "lost": {"look": {"changed": False}, "middle": {"unreachable": True}},
        "of another play": {"look": {"failed": True}},
    }
    variables = {"hostvars": hostvars, "ansible_play_hosts_all": list(hostvars)[:-1]}
    assert LookupModule().run(["look", "end"], variables) == ["refused", "put back"]
    found = LookupModule().run(["look", "end"], variables, lost=["middle", "end"])
    assert found == ["refused", "put back", "lost"]
