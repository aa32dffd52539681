#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_credentials
short_description: Reads what may help to decrypt lost credentials of flows
version_added: 0.1.0
description:
  - The part of M(pifleet.nodered.credentials) that runs on the managed host. Use that module instead, which decides on the
    control node what fits.
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: Read the secrets that Node-RED may have had
  pifleet.nodered.host_credentials:
  become: true
  register: evidence
  no_log: true
"""

RETURN = r"""
literals:
  description:
    - String literals behind the name credentialSecret in settings files and their copies, each with C(literal) and
      C(origin).
  returned: success
  type: list
  elements: dict
secrets:
  description: Keys that Node-RED or this collection has kept, each with C(secret) and C(origin).
  returned: success
  type: list
  elements: dict
copies:
  description: Copies of credentials files, the newest first, each with its C(path), its C(name) and how it begins.
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._credentials.evidence import read_evidence
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit, located
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import HOST_ARGUMENTS


def main() -> None:
    module = AnsibleModule(argument_spec=HOST_ARGUMENTS, supports_check_mode=True)
    options = module.params
    try:
        unit = Unit(options["service"], options["user"], options["user_dir"], options["settings_path"])
        evidence = read_evidence(located(unit), Store(unit.name))
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(changed=False, **evidence)


if __name__ == "__main__":
    main()
