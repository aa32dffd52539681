# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
author: The pifleet.nodered maintainers (@pifleet)
version_added: 0.1.0
short_description: Be sure that a play has hosts
description:
  - Returns the pattern that it is given, for C(hosts) of a play, and fails where the inventory has no host for it. Without
    that, a mistyped group is a play that does nothing, with the exit status of success.
  - With C(--limit), the hosts of the pattern that it leaves count.
options:
  _terms:
    description: The pattern of hosts, once.
    required: true
"""

EXAMPLES = r"""
- name: Secure Node-RED
  hosts: "{{ lookup('pifleet.nodered.fleet', nodered_hosts | default('nodered')) }}"
  gather_facts: false
"""

RETURN = r"""
_raw:
  description: The pattern.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Groups that every inventory has.
_OWN = ("all", "ungrouped")
#: So many groups are named.
_MOST = 20


class LookupModule(LookupBase):
    """The pattern of a play, if there are hosts for it."""

    def run(self, terms: Sequence[str], variables: Mapping[str, t.Any] | None = None, **_options: t.Any) -> list[str]:
        """The pattern; AnsibleLookupError where no host fits it."""
        (pattern,) = terms
        groups = (variables or {}).get("groups", {})
        if not isinstance(pattern, str) or not pattern.strip():
            raise AnsibleLookupError("nodered_hosts must be the name of a group or of a host of the inventory.")
        if not groups.get("all"):
            raise AnsibleLookupError("The inventory has no hosts. Name the file with your hosts: -i inventory.yml")
        inventory = InventoryManager(self._loader, parse=False)
        for group, hosts in groups.items():
            inventory.add_group(group)
            for host in hosts:
                inventory.add_host(host, group=group)
        meant = {host.name for host in inventory.get_hosts(pattern=pattern)}
        if not meant:
            there = sorted(name for name in groups if name not in _OWN)
            more = f" and {len(there) - _MOST} more" if len(there) > _MOST else ""
            raise AnsibleLookupError(
                f"The inventory has no host for nodered_hosts={pattern}. Its groups are"
                f" {', '.join(there[:_MOST]) or 'none'}{more}. Put your hosts into the group nodered, or name another:"
                " -e nodered_hosts=GROUP"
            )
        limit = (variables or {}).get("ansible_limit")
        if (
            limit
            and not limit.startswith("@")
            and meant.isdisjoint(host.name for host in inventory.get_hosts(pattern=limit))
        ):
            raise AnsibleLookupError(
                f"No host of {pattern} is left by the limit {limit}. Correct -l, or name them with -e nodered_hosts={limit}"
            )
        return [pattern]
