# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: failed_hosts
author: The pifleet.nodered maintainers (@pifleet)
version_added: 0.1.0
short_description: Tells which hosts of a play have failed so far
description:
  - For a play in batches, which is not to begin another one after a host has failed.
options:
  _terms:
    description: Variables of hosts that hold results of tasks, as they were registered. A host has failed where one of them has.
      One that could not be reached then does not count.
    required: true
  lost:
    description: The same of tasks that change something. A host that could not be reached then has failed.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Begin no further batch where a host has failed
  ansible.builtin.meta: end_play
  when: query('pifleet.nodered.failed_hosts', 'nodered_preflight', lost=['nodered_service_result']) | length > 0
"""

RETURN = r"""
_raw:
  description: The names of the hosts.
  type: list
  elements: str
"""

import typing as t

from ansible.plugins.lookup import LookupBase

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class LookupModule(LookupBase):
    """Which hosts of this play have failed."""

    def run(self, terms: Sequence[str], variables: Mapping[str, t.Any] | None = None, **options: t.Any) -> list[str]:
        """Their names, in the order of the play."""
        lost = options.get("lost", [])
        known = variables or {}
        of_hosts = known.get("hostvars", {})
        names = known.get("ansible_play_hosts_all", ())
        return [name for name in names if _has_failed(of_hosts[name], terms) or _is_lost(of_hosts[name], lost)]


def _results(variables: Mapping[str, t.Any], names: Sequence[str]) -> list[Mapping[str, t.Any]]:
    return [variables[name] for name in names if name in variables]


def _has_failed(variables: Mapping[str, t.Any], names: Sequence[str]) -> bool:
    return any(result.get("failed") and not result.get("unreachable") for result in _results(variables, names))


def _is_lost(variables: Mapping[str, t.Any], names: Sequence[str]) -> bool:
    return any(result.get("unreachable") for result in _results(variables, names))
