# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts are the host's own word, and in Ansible they win over the inventory: here they must not decide.

Facts of former tasks or from a cache stand above group_vars and host_vars, so that a host could choose what is signed
for it: https://docs.ansible.com/ansible/latest/playbook_guide/playbooks_variables.html, "Understanding variable
precedence".
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

_PREFIX = "nodered_"
_WORD = re.compile(r"[A-Za-z_]\w*")
#: Where Ansible keeps which Python it has found on a host.
_DISCOVERED = "discovered_interpreter_"
_CURE = "clear the facts of this host (meta: clear_facts), and see what has set this one."


def refuse_facts(task_vars: t.Mapping[str, t.Any]) -> None:
    """UserError where a fact has the name of a variable of this collection, or of the inventory's that one is made of.

    A fact that the inventory has no variable for is the user's own choice, and stays: `{{ ansible_facts.fqdn }}`.

    :param task_vars: the variables of the host, with their templates
    """
    facts = task_vars.get("ansible_facts") or {}
    for name in sorted(facts, key=str):
        if str(name).startswith(_PREFIX):
            raise UserError(
                f"{one_line(str(name)[:64])} is a fact of this host, and facts win over the inventory. Variables of this"
                f" collection are never taken from a host: {_CURE}"
            )
    # What Ansible makes of facts has no prefix in ansible_facts and mostly one beside it: the names are looked up in both.
    beside = {
        name
        for fact in map(str, facts)
        for name in (fact, f"ansible_{fact}")
        if name in task_vars and not fact.startswith(_DISCOVERED)
    }
    # All variables of the host are put together again only where one of them may decide.
    used = beside and beside & _made_of(task_vars)
    if used and (hidden := used & _inventory_variables_behind_facts(task_vars)):
        name = min(hidden)
        raise UserError(
            f"{name} is a variable of the inventory and also a fact of this host, and facts win over the inventory."
            f" Variables of this collection are made of it, which must not be a host's own word: {_CURE}"
        )


def _made_of(task_vars: t.Mapping[str, t.Any]) -> set[str]:
    """The words in the templates of this collection's variables, and in the templates of the variables named so.

    Words and not only names, because of `lookup("vars", "domain")` and `hostvars[inventory_hostname]["domain"]`.
    """
    found: set[str] = set()
    names = [name for name in task_vars if name.startswith(_PREFIX)]
    while names:
        for template in _templates(task_vars.get(names.pop())):
            new = set(_WORD.findall(template)) - found
            found |= new
            names += new
    return found


def _templates(value: t.Any) -> t.Iterator[str]:
    """The templates in a value."""
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield value
    elif isinstance(value, t.Mapping):
        for key, part in value.items():
            yield from _templates(key)
            yield from _templates(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _templates(part)


class _NoFacts:
    """Stands for Ansible's cache of facts, and holds none."""

    def get(self, *_names: t.Any) -> dict[str, t.Any]:
        return {}


def _inventory_variables_behind_facts(task_vars: t.Mapping[str, t.Any]) -> set[str]:
    """The variables of the host that would have another value if Ansible held no facts of it."""
    hosts: t.Any = task_vars["hostvars"]
    original = hosts._variable_manager  # noqa: SLF001 # there is no other way to leave facts out
    # Before ansible-core 2.19 copy.copy leaves out what it needs.
    manager = object.__new__(type(original))
    vars(manager).update(vars(original))
    manager._fact_cache = _NoFacts()
    name = task_vars["inventory_hostname"]
    without = manager.get_vars(host=hosts._inventory.get_host(name), include_hostvars=False)  # noqa: SLF001
    seen = hosts.raw_get(name)
    return {name for name in without if name != "ansible_facts" and name in seen and without[name] != seen[name]}
