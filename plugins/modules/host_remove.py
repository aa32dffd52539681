#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_remove
short_description: Takes this collection off a service of a host
version_added: 0.1.0
description:
  - The part of M(pifleet.nodered.remove) that runs on the managed host. Use that module instead, which decides on the control
    node what C(settings.js) is to be.
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
      - What is asked for is carried out. Whether it is due is decided by M(pifleet.nodered.remove).
options:
  operation:
    description:
      - V(list) reads what is kept of how the host was before, and changes nothing.
      - V(remove) takes away the certificate and what the service was given, restarts it and proves it.
      - V(forget) removes all that is kept of the service.
    type: str
    default: list
    choices: [list, remove, forget]
  keep_certificate:
    description:
      - Whether C(settings.js) still reads the key and the certificate, so that they stay.
    type: bool
    default: false
  keep_states:
    description:
      - How many states are kept.
    type: int
    default: 10
  watch_minutes:
    description:
      - For how long the host watches, after V(remove), whether Node-RED lives on. One that ends by itself is put back as it was
        before. With V(0) it is believed at once.
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
- name: Read how a host was before
  pifleet.nodered.host_remove:
  become: true
  register: before
  no_log: true
"""

RETURN = r"""
settings:
  description: C(settings.js) as it was, in Base64, or null where there was none or nothing is known of it.
  returned: when O(operation=list)
  type: str
opened:
  description: The files and directories that other users of the host get rights back to.
  returned: success
  type: list
  elements: str
transaction:
  description: The transaction that has taken all away, and is a state by now; null with V(forget).
  returned: when O(operation=remove) or O(operation=forget)
  type: str
journal:
  description: The service's own last lines.
  returned: on failure
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.runs import announce
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit

# Stays on the host for a while.
from ansible_collections.pifleet.nodered.plugins.module_utils._service import watch  # noqa: F401 # pylint: disable=unused-import
from ansible_collections.pifleet.nodered.plugins.module_utils._service.removal import forget, origin, remove
from ansible_collections.pifleet.nodered.plugins.module_utils._service.service import Service
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import HOST_ARGUMENTS, RUN_ARGUMENTS

if t.TYPE_CHECKING:
    from collections.abc import Mapping


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **HOST_ARGUMENTS,
            **RUN_ARGUMENTS,
            "operation": {"type": "str", "default": "list", "choices": ["list", "remove", "forget"]},
            "keep_certificate": {"type": "bool", "default": False},
            "keep_states": {"type": "int", "default": 10},
            "watch_minutes": {"type": "int", "default": 0},
            "timeout": {"type": "int", "default": 180},
            "stable": {"type": "int", "default": 3},
        },
        supports_check_mode=True,
    )
    options = module.params
    announce(options)
    try:
        unit = Unit(options["service"], options["user"], options["user_dir"], options["settings_path"])
        service = Service(unit, options["timeout"], options["stable"], options["keep_states"])
        result: Mapping[str, object]
        if module.check_mode and options["operation"] != "list":
            result = {"changed": True, "transaction": None, "opened": []}
        elif options["operation"] == "remove":
            result = remove(service, options["keep_certificate"], options["watch_minutes"])
        elif options["operation"] == "forget":
            result = forget(service)
        else:
            result = origin(service)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
