#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_restore
short_description: Lists the states of Node-RED that are kept, and brings one back
version_added: 0.1.0
description:
  - The part of M(pifleet.nodered.restore) that runs on the managed host. Use that module instead, which looks on the control
    node whether the credentials of flows can still be decrypted afterwards.
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
  - pifleet.nodered.run
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - A state that was brought back is the present one; to bring it back again changes nothing.
options:
  operation:
    description:
      - V(list) reads the states and changes nothing.
      - V(restore) brings O(state) back, proves it, and puts everything back where that fails.
    type: str
    default: list
    choices: [list, restore]
  state:
    description:
      - The name of a state. A list has only this one and the later ones then, with the settings file that it needs.
    type: str
  settings:
    description:
      - What the settings file is to be, in Base64. Without it the present one stays.
    type: str
  sha256:
    description:
      - SHA-256 of the present settings file.
    type: str
    default: ""
  expected:
    description:
      - What must hold beside what the state has shown itself, C(tls) and C(auth).
    type: dict
    default: {}
  keep_states:
    description:
      - How many states are kept.
    type: int
    default: 10
  watch_minutes:
    description:
      - For how long the host watches, after V(prove) or V(commit) has finished a transaction, whether Node-RED lives on. One
        that ends by itself is put back as it was before. With V(0) it is believed at once.
    type: int
    default: 0
  timeout:
    description:
      - Seconds that Node-RED may take to answer after a start.
    type: int
    default: 180
  stable:
    description:
      - Seconds after which the same process must still run and answer.
    type: int
    default: 3
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: See which states are kept
  pifleet.nodered.host_restore:
  become: true
  register: kept
  no_log: true
"""

RETURN = r"""
states:
  description: The states that are kept, the newest first. Each is how Node-RED was before a transaction.
  returned: when O(operation=list)
  type: list
  elements: dict
files:
  description: The files that were made, replaced or removed for it, each with its C(path) and C(change).
  returned: when O(operation=restore)
  type: list
  elements: dict
transaction:
  description: The transaction that has brought it back, and is a state itself by now; null where nothing was replaced.
  returned: when O(operation=restore)
  type: str
journal:
  description: The service's own last lines.
  returned: on failure
  type: list
  elements: str
"""

import base64
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.runs import announce
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit

# Stays on the host for a while.
from ansible_collections.pifleet.nodered.plugins.module_utils._service import watch  # noqa: F401 # pylint: disable=unused-import
from ansible_collections.pifleet.nodered.plugins.module_utils._service.kept_states import kept_states
from ansible_collections.pifleet.nodered.plugins.module_utils._service.restore import Restoration, restore
from ansible_collections.pifleet.nodered.plugins.module_utils._service.service import Service
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import HOST_ARGUMENTS, RUN_ARGUMENTS

if t.TYPE_CHECKING:
    from collections.abc import Mapping


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **HOST_ARGUMENTS,
            **RUN_ARGUMENTS,
            "operation": {"type": "str", "default": "list", "choices": ["list", "restore"]},
            "state": {"type": "str"},
            "settings": {"type": "str", "no_log": True},
            "sha256": {"type": "str", "default": ""},
            "expected": {"type": "dict", "default": {}},
            "keep_states": {"type": "int", "default": 10},
            "watch_minutes": {"type": "int", "default": 0},
            "timeout": {"type": "int", "default": 180},
            "stable": {"type": "int", "default": 3},
        },
        required_if=[("operation", "restore", ["state"])],
        supports_check_mode=True,
    )
    options = module.params
    announce(options)
    result: Mapping[str, object]
    try:
        unit = Unit(options["service"], options["user"], options["user_dir"], options["settings_path"])
        service = Service(unit, options["timeout"], options["stable"], options["keep_states"])
        if options["operation"] == "list":
            result = {"changed": False, "states": kept_states(service.store, service.unit, options["state"])}
        else:
            settings = None if options["settings"] is None else base64.b64decode(options["settings"])
            wanted = Restoration(
                options["state"], settings, options["sha256"], options["expected"], options["watch_minutes"]
            )
            result = restore(service, wanted, module.check_mode)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
