# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.facts import refuse_facts
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError


class Manager:
    """Ansible's, as far as it is asked: facts win over the inventory."""

    def __init__(self, inventory: dict[str, t.Any], facts: dict[str, t.Any]) -> None:
        self._inventory = inventory
        self._fact_cache = {"kitchen": facts}

    def __getstate__(self) -> dict[str, t.Any]:
        """As of ansible-core 2.18, without what get_vars needs."""
        return {"_fact_cache": self._fact_cache}

    def get_vars(self, host: str, include_hostvars: bool) -> dict[str, t.Any]:
        assert not include_hostvars
        return {**self._inventory, **self._fact_cache.get(host, {})}


class Hosts:
    """hostvars."""

    def __init__(self, manager: Manager) -> None:
        self._variable_manager = manager
        self._inventory = self

    def get_host(self, name: str) -> str:
        return name

    def raw_get(self, name: str) -> dict[str, t.Any]:
        return self._variable_manager.get_vars(name, include_hostvars=False)


def variables(inventory: dict[str, t.Any], facts: dict[str, t.Any]) -> dict[str, t.Any]:
    manager = Manager(inventory, facts)
    seen = manager.get_vars("kitchen", include_hostvars=False)
    return {**seen, "ansible_facts": facts, "hostvars": Hosts(manager), "inventory_hostname": "kitchen"}


NAMES = {"nodered_certificate_names": ["{{ inventory_hostname }}.{{ domain }}"]}


def test_a_fact_takes_the_place_of_no_variable() -> None:
    with pytest.raises(UserError, match=r"^domain is a variable of the inventory and also a fact of this host"):
        refuse_facts(variables({**NAMES, "domain": "home.arpa"}, {"domain": "evil.example"}))


@pytest.mark.parametrize(
    "inventory",
    [
        {**NAMES, "domain": "of the host"},
        {**NAMES},
        {"domain": "home.arpa"},
    ],
)
def test_a_fact_that_decides_nothing_is_let_through(inventory: dict[str, t.Any]) -> None:
    refuse_facts(variables(inventory, {"domain": "of the host"}))


def test_a_fact_is_no_variable_of_this_collection() -> None:
    with pytest.raises(UserError, match=r"^nodered_admin_users is a fact of this host"):
        refuse_facts(variables({}, {"nodered_admin_users": []}))
