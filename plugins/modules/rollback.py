#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Puts a host back as it was before the open transaction, and fails with the reason
version_added: 0.1.0
description:
  - For the C(rescue) of a block that changes a Node-RED. Every file that was replaced since the last proved state is put
    back, and the old state is started and proved.
  - It always fails, so that the host counts as failed, with the message of the task that failed before and what became
    of the host.
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
  - pifleet.nodered.host_state
attributes:
  check_mode:
    support: full
    details:
      - Nothing was changed, so nothing is put back.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  failure:
    description:
      - The result of the task that failed, C(ansible_failed_result).
    type: dict
    default: {}
  timeout:
    description:
      - Seconds that Node-RED may take to answer after a start.
    type: int
    default: 180
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.restart
"""

EXAMPLES = r"""
- name: Change the settings, or put the host back as it was
  become: true
  block:
    - name: Change the settings
      pifleet.nodered.settings:
        values: {httpAdminRoot: /admin}

    - name: Restart and prove
      pifleet.nodered.restart:
        changed: true
  rescue:
    - name: Put the host back as it was
      pifleet.nodered.rollback:
        failure: "{{ ansible_failed_result }}"
"""

RETURN = r"""
restored:
  description: The files that were put back.
  returned: where the transaction was undone
  type: list
  elements: str
"""
