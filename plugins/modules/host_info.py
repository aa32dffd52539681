#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Reads the state of a Node-RED server in one visit
version_added: 0.1.0
description:
  - Returns what the other modules of this collection need to know of a host, so that a host where nothing has to change
    is visited once.
  - Works where Node-RED is stopped, is missing, or has no settings file.
  - Starts neither Node.js nor Node-RED. Versions are read from their packages, and whether a key fits its certificate
    is proved by the standard library.
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
options:
  details:
    description:
      - Also read what only an audit wants to know, see RV(details).
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - The result holds the text of C(settings.js) and with it password hashes, and the key of the credentials. It is never printed, also without
    C(no_log), and should not be cached.
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.settings
  - module: pifleet.nodered.certificate
  - module: pifleet.nodered.restart
"""

EXAMPLES = r"""
- name: Read the state of Node-RED
  pifleet.nodered.host_info:
  become: true
  register: nodered_info

- name: Say which version runs there
  ansible.builtin.debug:
    msg: "{{ nodered_info.node_red.version }} listens on {{ nodered_info.endpoints }}"
"""

RETURN = r"""
host:
  description: The names and addresses of the host.
  returned: success
  type: dict
  contains:
    hostname:
      description: The name without a domain.
      type: str
    fqdn:
      description: The fully qualified name, or the same as RV(host.hostname).
      type: str
    clock:
      description: The time by the host's clock, in seconds since 1970-01-01 UTC.
      type: int
    addresses:
      description: Lasting addresses of the network interfaces, without loopback, link-local and temporary ones.
      type: list
      elements: str
service:
  description: The systemd unit.
  returned: success
  type: dict
  contains:
    name:
      description: Its name with the suffix.
      type: str
    exists:
      description: Whether systemd has loaded it.
      type: bool
    active:
      description: Whether it runs.
      type: bool
    enabled:
      description: Whether it starts with the host.
      type: bool
    drop_in:
      description: The text of this collection's drop-in file, or null.
      type: str
    environment:
      description: The text of this collection's environment file, or null.
      type: str
user:
  description: The user that runs Node-RED, or null.
  returned: success
  type: dict
node:
  description: C(path) and C(version) of Node.js, each null where unknown.
  returned: success
  type: dict
node_red:
  description: C(path) and C(version) of Node-RED and the range of Node.js versions it wants, each null where unknown.
  returned: success
  type: dict
overrides:
  description:
    - Settings that the command line or the environment of the service sets whatever the file says. C(path) is the list
      of keys, empty where it may be any; C(by) says what sets it.
  returned: success
  type: list
  elements: dict
user_dir:
  description: The userDir with its C(path) and C(status).
  returned: success
  type: dict
settings:
  description:
    - The settings file with its C(path), its C(status) (mode, owner, group), its C(sha256) and its C(content)
      (Base64).
    - C(in_use) tells whether Node-RED loads this file, and is null where a script between hides it.
    - Where there is none, C(stock) has the file that the installed Node-RED ships (Base64).
  returned: success
  type: dict
certificate:
  description: The installed certificate chain in PEM, whether a private key is there and whether it fits.
  returned: success
  type: dict
credentials:
  description:
    - What tells which key decrypts the credentials of flows, or null. C(files) has the beginning of each file,
      C(generated) the key that Node-RED has made itself, C(project) the active project.
  returned: success
  type: dict
acme:
  description: What certbot keeps for this service, and whether its renewals are handed on, or null.
  returned: success
  type: dict
exposed:
  description: Files of the userDir that hold secrets and that other users of the host may read.
  returned: success
  type: list
  elements: str
endpoints:
  description: What the running server shows to a stranger, for each port that the service listens on.
  returned: success
  type: list
  elements: dict
proof:
  description: The last proved state (C(expected)) and what is not so any more (C(failures)), or null.
  returned: success
  type: dict
transaction:
  description: The C(id) of a transaction that a former run left open, or null.
  returned: success
  type: dict
details:
  description:
    - What only an audit wants to know, or null without O(details). C(umask) and C(no_new_privileges) of the unit,
      C(listening) with each address and port, C(node_package) with the version of Debian's package of Node.js,
      C(flows) with the kinds of nodes in each file that listen to strangers, C(sessions) with the user and the rights
      of each login that has not ended.
  returned: success
  type: dict
"""

import base64

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._info.gather import gather
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import HOST_ARGUMENTS


def main():
    module = AnsibleModule(
        argument_spec={**HOST_ARGUMENTS, "details": {"type": "bool", "default": False}}, supports_check_mode=True
    )
    try:
        state = gather(**module.params)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    for name in ("content", "stock"):
        if state["settings"][name] is not None:
            state["settings"][name] = base64.b64encode(state["settings"][name]).decode("ascii")
    module.exit_json(changed=False, **state)


if __name__ == "__main__":
    main()
