#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: credentials
short_description: Finds the secret with which lost credentials of flows can be read again
version_added: 0.1.0
description:
  - Does nothing on a host whose Node-RED can decrypt the credentials of its flows.
  - Else it tries, on the control node, the secrets of O(credential_secret), of settings.js and its copies, of Node-RED's
    own files and of what this collection has kept. Where the credentials file itself was overwritten by an empty set or
    is damaged, it takes the newest copy that one of them decrypts. A set that can be read is never replaced by an older
    one.
  - The secret goes into settings.js within a transaction. The files are put right by M(pifleet.nodered.restart), which has
    to follow, while Node-RED is stopped; when its proof fails, everything goes back.
  - Where nothing fits, the task fails and nothing is changed.
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
  - pifleet.nodered.host_state
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows settings.js before and after with every secret hidden.
  idempotent:
    support: full
    details:
      - After the restart.
options:
  credential_secret:
    description:
      - The secret that the inventory has. It is tried as one of several, and in the end the credentials are encrypted with
        it.
      - When it is not given they stay encrypted with the secret that was found.
    type: str
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.restart
  - module: pifleet.nodered.settings
"""

EXAMPLES = r"""
- name: Look for the secret of the credentials
  pifleet.nodered.credentials:
  become: true
  register: found

- name: Bring them back
  pifleet.nodered.restart:
    changed: true
    https: "{{ found.proved.https }}"
    admin_auth: "{{ found.proved.admin_auth }}"
  become: true
  when: found.messages | length > 0
"""

RETURN = r"""
messages:
  description: What was found and what is done about it, in sentences without a secret; empty where nothing is wrong.
  returned: success
  type: list
  elements: str
proved:
  description: What the last proof of the service has shown, C(https) and C(admin_auth), for the next one.
  returned: success
  type: dict
transaction:
  description: The open transaction, empty in check mode.
  returned: changed
  type: str
"""
