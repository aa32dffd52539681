# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: bcrypt_hash
author: The pifleet.nodered maintainers (@pifleet)
version_added: 0.1.0
short_description: Hash a password as Node-RED stores it
description:
  - Computes the bcrypt hash of a password on the control node, with the prefix C($2b$), which every Node-RED release
    accepts.
  - Without O(existing) each evaluation gives another hash, because the salt is random. Hand over the hash in use to get
    it back unchanged as long as the password fits.
  - Needs the Python libraries C(libpass) and C(bcrypt) on the control node.
notes:
  - Ansible prints results and variables on several occasions. Use C(no_log) on tasks that use this filter.
positional: _input
options:
  _input:
    description: The password, of 1 to 72 bytes in UTF-8, without NUL characters and line breaks.
    type: string
    required: true
  cost:
    description:
      - The base-2 logarithm of the number of rounds, V(4) to V(16). Each step doubles the time a login takes.
      - It counts for a new hash only, unless O(compare_cost=true).
    type: integer
    default: 8
  existing:
    description:
      - The hash in use, or nothing. It is returned, with the prefix C($2b$), if the password fits it.
      - Whatever is not a bcrypt hash of the password is replaced.
    type: string
  compare_cost:
    description: Whether an O(existing) hash whose cost is not O(cost) is replaced even though the password fits it.
    type: boolean
    default: false
seealso:
  - plugin: pifleet.nodered.bcrypt_match
    plugin_type: test
  - module: pifleet.nodered.bcrypt_hash
"""

EXAMPLES = r"""
- name: Hash a password
  ansible.builtin.set_fact:
    admin_hash: "{{ vault_admin_password | pifleet.nodered.bcrypt_hash }}"
  no_log: true

- name: Keep the hash in use as long as the password fits it
  ansible.builtin.set_fact:
    admin_hash: "{{ vault_admin_password | pifleet.nodered.bcrypt_hash(existing=hash_in_use) }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: The bcrypt hash, 60 characters that start with C($2b$).
  type: string
"""

import typing as t
from collections.abc import Callable

try:
    from ansible.errors import AnsibleTemplatePluginError
except ImportError:  # ansible-core 2.18
    from ansible.errors import AnsibleFilterError as AnsibleTemplatePluginError

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import passwords
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError


def bcrypt_hash(
    password: t.Any, cost: int = passwords.DEFAULT_COST, existing: t.Any = None, compare_cost: bool = False
) -> str:
    """See DOCUMENTATION; raises AnsibleTemplatePluginError with a message that holds neither password nor hash."""
    try:
        return passwords.desired_hash(password, existing, cost, compare_cost)
    except UserError as error:
        message = str(error)
    # Outside of the handler and without `obj`: ansible-core prints causes, and the source lines `obj` came from.
    raise AnsibleTemplatePluginError(message)


class FilterModule:
    """What ansible-core asks this file for."""

    def filters(self) -> dict[str, Callable]:
        return {"bcrypt_hash": bcrypt_hash}
