#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_proxy
short_description: Puts the site of a Node-RED into nginx, or takes it away
version_added: 0.1.0
description:
  - The part of M(pifleet.nodered.proxy) that runs on the managed host. Use that module instead, which decides on the control
    node what the site is to be.
  - nginx first looks at a copy of its whole configuration with the new site in it. Where it refuses that or warns of it,
    nothing is changed. It reads what is put in place when the service is proved.
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
  - pifleet.nodered.run
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - What is asked for is carried out. Whether it is due is decided by M(pifleet.nodered.proxy).
options:
  site:
    description:
      - The content of the site. When not given, the site is taken away.
    type: str
  authorities:
    description:
      - Certificates in PEM of the authorities that the site refers to.
    type: str
    default: ""
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: Take the site away
  pifleet.nodered.host_proxy:
  become: true
"""

RETURN = r"""
transaction:
  description: The open transaction that holds what was replaced.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.runs import announce
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import endpoints
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit, located
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy.placement import Proxy
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import HOST_ARGUMENTS, RUN_ARGUMENTS


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **HOST_ARGUMENTS,
            **RUN_ARGUMENTS,
            "site": {"type": "str"},
            "authorities": {"type": "str", "default": ""},
        },
    )
    options = module.params
    announce(options)
    try:
        unit = located(Unit(options["service"], options["user"], options["user_dir"], options["settings_path"]))
        proxy = Proxy(unit.name, lambda: {"active": unit.active, "endpoints": endpoints(unit)})
        result = proxy.remove() if options["site"] is None else proxy.place(options["site"], options["authorities"])
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
