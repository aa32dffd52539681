#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This file is documentation only: the action plugin of the same name does the work, on the control node.

from __future__ import annotations

DOCUMENTATION = r"""
module: bcrypt_hash
author: The pifleet.nodered maintainers (@pifleet)
version_added: 0.1.0
short_description: Hash a password as Node-RED stores it
description:
  - Computes the bcrypt hash of a password on the control node, with the prefix C($2b$), which every Node-RED release
    accepts. It does not connect to the host.
  - The result is hidden from all output, as if C(no_log) were set, and can be registered. Errors are shown, without
    password and hash; in a loop, where Ansible would print the item with them, they are shown as warnings.
options:
  password:
    description: The password, of 1 to 72 bytes in UTF-8, without NUL characters and line breaks.
    type: str
    required: true
  hash:
    description:
      - The hash in use. It is returned, with the prefix C($2b$), if the password fits it.
      - Whatever is not a bcrypt hash of the password is replaced.
    type: str
  cost:
    description:
      - The base-2 logarithm of the number of rounds, V(4) to V(16). Each step doubles the time a login takes, during
        which Node-RED serves nobody else.
      - It counts for a new hash only, unless O(compare_cost=true).
    type: int
    default: 8
  compare_cost:
    description: Whether a O(hash) whose cost is not O(cost) is replaced even though the password fits it.
    type: bool
    default: false
requirements:
  - libpass >= 1.9.3 (control node)
  - bcrypt >= 4.1 (control node)
extends_documentation_fragment:
  - pifleet.nodered.attributes
attributes:
  check_mode:
    support: full
    details: It changes nothing anywhere, so that check mode makes no difference.
  diff_mode:
    support: none
    details: Its result is a secret.
  idempotent:
    support: partial
    details: Without O(hash) it returns another hash each time, because the salt is random.
  platform:
    platforms: all
    support: full
    details: It runs on the control node and does not connect to the host.
seealso:
  - plugin: pifleet.nodered.bcrypt_hash
    plugin_type: filter
  - plugin: pifleet.nodered.bcrypt_match
    plugin_type: test
"""

EXAMPLES = r"""
- name: Hash a password
  pifleet.nodered.bcrypt_hash:
    password: "{{ vault_admin_password }}"
  register: admin

- name: Keep the hash in use as long as the password fits it
  pifleet.nodered.bcrypt_hash:
    password: "{{ vault_admin_password }}"
    hash: "{{ hash_in_use }}"
  register: admin
"""

RETURN = r"""
hash:
  description:
    - The bcrypt hash, 60 characters that start with C($2b$).
    - RV(ignore:changed) is V(true) if O(hash) was given and this is another text.
  returned: success
  type: str
  sample: "$2b$08$..."
"""
