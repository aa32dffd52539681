# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables as each group and the host itself have them, before Ansible lets one take the place of another."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible import constants
from ansible.inventory.helpers import sort_groups
from ansible.vars.plugins import get_vars_from_inventory_sources

_PREFIX = "nodered_"


def hidden_keys(
    hostvars: t.Any, loader: t.Any, sources: Sequence[str], host: str
) -> Iterator[tuple[str, Mapping[str, t.Any], Mapping[str, t.Any]]]:
    """The dictionaries of a host that took the place of another one and leave out some of its keys.

    :param hostvars: Ansible's own, which knows the inventory
    :param loader: Ansible's own, which keeps what it has read
    :param sources: ``ansible_inventory_sources``
    :returns: the variable, the dictionary that the host has, and the one whose keys it lacks
    """
    if constants.DEFAULT_HASH_BEHAVIOUR != "replace":
        return
    values: dict[str, list[t.Any]] = {}
    for layer in _layers(hostvars._inventory.get_host(host), loader, sources):  # noqa: SLF001 - a task has no other way
        for name in layer:
            if name.startswith(_PREFIX):
                values.setdefault(name, []).append(layer[name])
    for name, (*others, present) in values.items():
        if isinstance(present, Mapping):
            for other in others:
                if isinstance(other, Mapping) and set(other) - set(present):
                    yield name, present, other


def _layers(host: t.Any, loader: t.Any, sources: Sequence[str]) -> Iterator[Mapping[str, t.Any]]:
    """The variables of each group and of the host, of the inventory and of the files beside it; the last ones win."""
    for entity in (*sort_groups(host.get_groups()), host) if host is not None else ():
        yield entity.get_vars() if entity is not host else host.vars
        yield get_vars_from_inventory_sources(loader, sources, [entity], "task")
