#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_certificate
short_description: Makes a key on the host and installs the certificate signed for it
version_added: 0.1.0
description:
  - The part of M(pifleet.nodered.certificate) that runs on the managed host. Use that module instead, which decides on
    the control node whether a certificate is due.
  - The private key is made on the host and never leaves it.
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
      - An operation that is asked for is carried out. Whether it is due is decided by M(pifleet.nodered.certificate).
options:
  operation:
    description:
      - V(request) returns a certificate signing request for the key of the host, which is made when there is none.
      - V(install) puts the key and O(chain) in place.
      - V(self_sign) makes a self-signed certificate for the key and puts both in place.
      - V(follow) copies O(host_key) and O(host_chain), now and whenever they are renewed, by a path unit of systemd.
      - V(forget) takes away what V(follow) has made, but for the copy.
      - V(move) puts the key and the certificates where they are read now, see O(proxy).
    type: str
    required: true
    choices: [request, install, self_sign, follow, forget, move]
  proxy:
    description:
      - Whether nginx reads the key and the certificates, instead of Node-RED.
    type: bool
    default: false
  key_type:
    description:
      - The type that the key must have. When not given, any key that is there will do, and one that has to be made is of
        the type V(ecdsa-p256).
    type: str
    choices: [ecdsa-p256, rsa-2048, rsa-3072, rsa-4096]
  new_key:
    description:
      - Make a new key also where there is one that can be used.
    type: bool
    default: false
  subject:
    description:
      - Common name of a self-signed certificate.
    type: str
  names:
    description:
      - Subject alternative names of a self-signed certificate, each with its type before it, as in V(DNS:pi.local) and
        V(IP:192.0.2.7).
    type: list
    elements: str
  days:
    description:
      - How many days a self-signed certificate is good for.
    type: int
  chain:
    description:
      - The certificate and its intermediate certificates in PEM.
    type: str
  key:
    description:
      - The private key to install with O(chain) in PEM, instead of the host's own.
    type: str
  host_key:
    description:
      - The path of a private key that something else on the host renews.
    type: str
  host_chain:
    description:
      - The path of the certificates for O(host_key).
    type: str
  sha256:
    description:
      - The checksum of both, as M(pifleet.nodered.host_info) has returned it. With other files nothing is changed.
    type: str
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: Ask the host for a signing request
  pifleet.nodered.host_certificate:
    operation: request
  become: true
  register: request
"""

RETURN = r"""
request:
  description: The certificate signing request in PEM.
  returned: when O(operation=request)
  type: str
chain:
  description: The installed certificates in PEM.
  returned: when O(operation=install), O(operation=self_sign), O(operation=follow) or O(operation=move)
  type: str
path:
  description: The file that holds the key and the certificates.
  returned: when O(operation=install), O(operation=self_sign), O(operation=follow) or O(operation=move)
  type: str
transaction:
  description: The open transaction that holds what was replaced. Empty where Node-RED had the certificate already.
  returned: when O(operation) is not V(request)
  type: str
"""

from collections.abc import Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate.followed_certificate import (
    FollowedCertificate,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._certificate.host_certificate import HostCertificate
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.runs import announce
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import HOST_ARGUMENTS, RUN_ARGUMENTS


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **HOST_ARGUMENTS,
            **RUN_ARGUMENTS,
            "operation": {
                "type": "str",
                "required": True,
                "choices": ["request", "install", "self_sign", "follow", "forget", "move"],
            },
            "proxy": {"type": "bool", "default": False},
            "key_type": {
                "type": "str",
                "no_log": False,
                "choices": ["ecdsa-p256", "rsa-2048", "rsa-3072", "rsa-4096"],
            },
            "new_key": {"type": "bool", "default": False, "no_log": False},
            "subject": {"type": "str"},
            "names": {"type": "list", "elements": "str"},
            "days": {"type": "int"},
            "chain": {"type": "str"},
            "key": {"type": "str", "no_log": True},
            "host_key": {"type": "str", "no_log": False},
            "host_chain": {"type": "str"},
            "sha256": {"type": "str"},
        },
        required_if=[
            ("operation", "install", ["chain"]),
            ("operation", "self_sign", ["subject", "names", "days"]),
            ("operation", "follow", ["host_key", "host_chain", "sha256"]),
        ],
    )
    options = module.params
    announce(options)
    try:
        unit = Unit(options["service"], options["user"], options["user_dir"], options["settings_path"])
        certificate = HostCertificate(unit, options["key_type"], options["new_key"], options["proxy"])
        result: Mapping[str, object]
        if options["operation"] == "follow":
            followed = FollowedCertificate(unit, options["proxy"])
            result = followed.follow(options["host_key"], options["host_chain"], options["sha256"])
        elif options["operation"] == "forget":
            result = FollowedCertificate(unit).forget()
        elif options["operation"] == "move":
            result = certificate.move()
        elif options["operation"] == "request":
            result = {"changed": False, "request": certificate.request()}
        elif options["operation"] == "install":
            key = options["key"].encode("ascii") if options["key"] else None
            result = certificate.install(options["chain"].encode("ascii"), key)
        else:
            result = certificate.self_sign(options["subject"], options["names"], options["days"])
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
