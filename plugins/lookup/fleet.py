# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
author: The pifleet.nodered maintainers (@pifleet)
version_added: 0.1.0
short_description: Tells whether a play has hosts
description:
  - For a play of its own before another one, which fails where that other one would have no host. Without it a mistyped
    group is a play that does nothing, with the exit status of success.
  - With C(--limit), the hosts of the pattern that it leaves count.
  - It fails with file and line where a file of group_vars or host_vars is not YAML. Ansible itself would name neither. It
    warns of a file there that Ansible passes over.
options:
  _terms:
    description: The pattern of hosts, once.
    required: true
  variable:
    description: The variable that the pattern is from, for the message.
    type: str
    default: nodered_hosts
"""

EXAMPLES = r"""
- name: Stop where no host is meant
  hosts: "{{ lookup('pifleet.nodered.fleet', nodered_hosts | default('nodered')).hosts }}"
  gather_facts: false
  tasks:
    - name: Say which hosts there are
      ansible.builtin.fail:
        msg: "{{ lookup('pifleet.nodered.fleet', nodered_hosts | default('nodered')).message }}"
      run_once: true
"""

RETURN = r"""
_raw:
  description:
    - A dictionary with C(hosts), the hosts of the play that is to fail, none where nothing is wrong; and C(message), what
      is wrong, or the empty string.
  type: list
  elements: dict
"""

import typing as t

from ansible import constants
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import relative_path
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.vars_files import (
    files_read,
    passed_over,
    source_directories,
    syntax_error,
)

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DISPLAY = Display()
#: Groups that every inventory has.
_OWN = ("all", "ungrouped")
#: So many groups are named.
_MOST = 20
#: The hosts of a play that has none.
_NONE = "localhost:!localhost"


class LookupModule(LookupBase):
    """What is wrong with the pattern of a play, and where a play can say so."""

    def run(
        self, terms: Sequence[str], variables: Mapping[str, t.Any] | None = None, **options: t.Any
    ) -> list[dict[str, str]]:
        """The hosts and the message."""
        (pattern,) = terms
        known = variables or {}
        groups = known.get("groups", {})
        _check_files(known.get("ansible_inventory_sources"), {*groups, *groups.get("all", ())})
        # One host every inventory has.
        if not groups.get("all") and pattern not in constants.LOCALHOST:
            message = "The inventory has no hosts. Name the file with your hosts: -i inventory.yml"
            return [{"hosts": "localhost", "message": message}]
        variable = options.get("variable", "nodered_hosts")
        message = self._message(pattern, groups, known.get("ansible_limit") or "", variable)
        # Whichever hosts a limit leaves; the play connects to none.
        return [{"hosts": "all" if message else _NONE, "message": message}]

    def _message(self, pattern: object, groups: Mapping[str, Sequence[str]], limit: str, variable: str) -> str:
        if not isinstance(pattern, str) or not pattern.strip():
            return f"{variable} must be the name of a group or of a host of the inventory."
        inventory = InventoryManager(self._loader, parse=False)
        for group, hosts in groups.items():
            inventory.add_group(group)
            for host in hosts:
                inventory.add_host(host, group=group)
        meant = {host.name for host in inventory.get_hosts(pattern=pattern)}
        if not meant:
            there = sorted(name for name in groups if name not in _OWN)
            more = f" and {len(there) - _MOST} more" if len(there) > _MOST else ""
            put = (
                "Put your hosts into the group nodered, or name another:"
                if variable == "nodered_hosts"
                else "Name one:"
            )
            return (
                f"The inventory has no host for {variable}={pattern}. Its groups are"
                f" {', '.join(there[:_MOST]) or 'none'}{more}. {put} -e {variable}=GROUP"
            )
        # Hosts that a file lists are left to Ansible.
        if limit and "@" not in limit and meant.isdisjoint(host.name for host in inventory.get_hosts(pattern=limit)):
            return f"No host of {pattern} is left by the limit {limit}. Correct -l, or name them with -e {variable}={limit}"
        return ""


def _check_files(sources: t.Any, names: set[str]) -> None:
    for directory in source_directories(sources):
        for path in files_read(directory, names):
            if fault := syntax_error(path):
                where = f"{relative_path(str(path))}:{fault}"
                raise AnsibleError(f"{where}. This is not YAML. Correct that line, or the one before.")
        for path, read in passed_over(directory):
            _DISPLAY.warning(
                f"Ansible does not read {relative_path(str(path))}, because {relative_path(str(read))} is there. Move the"
                " one into the other."
            )
