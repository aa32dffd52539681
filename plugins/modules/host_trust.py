#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_trust
short_description: Tells the system and the browsers of a host whom to trust
version_added: 0.1.0
description:
  - The part of M(pifleet.nodered.trust) that runs on the managed host. Use that module instead, which reads the fleet's
    certificate authority on the control node.
  - Needs root. It reads and writes the databases of a user with that user's rights.
extends_documentation_fragment:
  - pifleet.nodered.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) has O(authorities) trusted.
      - V(absent) takes away every authority that this module has put on the host.
    type: str
    default: present
    choices: [present, absent]
  authorities:
    description:
      - Whom to trust.
    type: list
    elements: dict
    default: []
    suboptions:
      pem:
        description:
          - The certificate in PEM.
        type: str
        required: true
      nickname:
        description:
          - Its name in the databases of browsers, which ends in C((pifleet-nodered-<start of the fingerprint>\)).
        type: str
        required: true
  users:
    description:
      - Users of the host whose browsers are to trust them as well.
    type: list
    elements: str
    default: []
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: Take away whom this host was told to trust
  pifleet.nodered.host_trust:
    state: absent
    users: [ann]
  become: true
"""

RETURN = r"""
differences:
  description: What was changed, or would be in check mode. Each has the store (V(system) or the directory of a database), the
    user whose it is, the fingerprint of the authority, and whether it is trusted there now.
  returned: success
  type: list
  elements: dict
stores:
  description: All stores that were looked at.
  returned: success
  type: list
  elements: str
certificates:
  description: The certificates that were taken away, in PEM by their fingerprint.
  returned: success
  type: dict
remarks:
  description: Sentences for the person who runs the playbook.
  returned: where there are some
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._trust.host_trust import HostTrust
from ansible_collections.pifleet.nodered.plugins.module_utils._trust.system_store import Authority


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
            "authorities": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "pem": {"type": "str", "required": True},
                    "nickname": {"type": "str", "required": True},
                },
            },
            "users": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    options = module.params
    if os.geteuid() != 0:
        module.fail_json(msg="The system's store belongs to root: run this with become.")
    try:
        trust = HostTrust(options["users"], module.check_mode)
        if options["state"] == "absent":
            result = trust.absent()
        else:
            result = trust.present([Authority(each["pem"], each["nickname"]) for each in options["authorities"]])
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
