#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Puts a host back as it was before the open transaction
version_added: 0.1.0
description:
  - For the C(rescue) of a block that changes a Node-RED. Every file that was replaced since the last proved state is put
    back, and the old state is started and proved.
  - It fails only where that cannot be done. A rescue that is to leave the host counted as failed ends with a task
    that fails, as in the example.
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
      - The result of the task that failed, C(ansible_failed_result). A restart that failed has put everything back itself.
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
      register: put_back

    - name: Count the host as failed
      ansible.builtin.fail:
        msg: "{{ put_back.message }} Why: see above."
"""

RETURN = r"""
message:
  description: What has become of the host, in a sentence.
  returned: success
  type: str
  sample: The host is as it was.
restored:
  description: The files that were put back by this task.
  returned: success
  type: list
  elements: str
"""
