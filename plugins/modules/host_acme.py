#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_acme
short_description: Has the host fetch its certificate from an ACME server
version_added: 0.1.0
description:
  - The part of M(pifleet.nodered.certificate) that runs on the managed host where an ACME server (RFC 8555) signs. Use
    that module instead, which decides on the control node whether a certificate is due.
  - Installs Debian's certbot where there is none. Certbot's timer renews, and its deploy hook puts each renewed
    certificate where Node-RED, or nginx in front of it, reads it.
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
      - With O(force=true) a new certificate is fetched in each run.
options:
  operation:
    description:
      - V(fetch) fetches a certificate where one is due and puts it in place.
      - V(remove) takes away the hook, so that certbot no longer replaces the certificate of Node-RED. What certbot has
        fetched stays until C(certbot delete).
    type: str
    default: fetch
    choices: [fetch, remove]
  names:
    description:
      - DNS names to be certified.
    type: list
    elements: str
  directory:
    description:
      - The address of the server's directory.
    type: str
    default: https://acme-v02.api.letsencrypt.org/directory
  email:
    description:
      - Where the server's operator may write to. Used when the host opens its account.
    type: str
  challenge:
    description:
      - How the host proves that the names are its own. V(standalone) answers on port 80 while a certificate is fetched,
        V(webroot) puts a file below O(webroot) of a web server on port 80, and V(dns-) with the name of a plugin of
        certbot, such as V(dns-rfc2136), makes a DNS record.
    type: str
    default: standalone
  webroot:
    description:
      - The directory that the web server on port 80 shows.
    type: path
  credentials:
    description:
      - The content of the file that a V(dns-) challenge logs in with. It stays on the host, for root only, because each
        renewal needs it.
    type: str
  configuration:
    description:
      - Further options of certbot, as in its configuration file.
    type: str
  key_type:
    description:
      - The type of the key.
    type: str
    default: ecdsa-p256
    choices: [ecdsa-p256, rsa-2048, rsa-3072, rsa-4096]
  proxy:
    description:
      - Whether nginx reads the key and the certificates, instead of Node-RED.
    type: bool
    default: false
  site:
    description:
      - What the site of nginx has to be while a certificate is fetched, so that the server finds O(webroot). As it is when not
        given. Where O(proxy) is not set and the challenge is V(standalone), the site is taken away first.
    type: str
  force:
    description:
      - Fetch a certificate also where certbot sees no need.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that certbot may take.
    type: int
    default: 600
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: Fetch a certificate
  pifleet.nodered.host_acme:
    names: [pi.example.com]
    email: operator@example.com
  become: true
"""

RETURN = r"""
chain:
  description: The installed certificates in PEM.
  returned: when O(operation=fetch)
  type: str
path:
  description: The file that holds the key and the certificates.
  returned: when O(operation=fetch)
  type: str
fetched:
  description: Whether the server has signed a new certificate.
  returned: when O(operation=fetch)
  type: bool
transaction:
  description: The open transaction that holds what was replaced. Empty where Node-RED had the certificate already.
  returned: when O(operation=fetch)
  type: str
"""

from collections.abc import Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._certificate.certbot import AcmeCertificate
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.runs import announce
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import HOST_ARGUMENTS, RUN_ARGUMENTS


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **HOST_ARGUMENTS,
            **RUN_ARGUMENTS,
            "operation": {"type": "str", "default": "fetch", "choices": ["fetch", "remove"]},
            "names": {"type": "list", "elements": "str"},
            "directory": {"type": "str", "default": "https://acme-v02.api.letsencrypt.org/directory"},
            "email": {"type": "str"},
            "challenge": {"type": "str", "default": "standalone"},
            "webroot": {"type": "path"},
            "credentials": {"type": "str", "no_log": True},
            "configuration": {"type": "str", "no_log": True},
            "key_type": {
                "type": "str",
                "default": "ecdsa-p256",
                "no_log": False,
                "choices": ["ecdsa-p256", "rsa-2048", "rsa-3072", "rsa-4096"],
            },
            "proxy": {"type": "bool", "default": False},
            "site": {"type": "str"},
            "force": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 600},
        },
        required_if=[("operation", "fetch", ["names"]), ("challenge", "webroot", ["webroot"])],
    )
    options = module.params
    announce(options)
    try:
        unit = Unit(options["service"], options["user"], options["user_dir"], options["settings_path"])
        certificate = AcmeCertificate(unit, options)
        fetch = options["operation"] == "fetch"
        result: Mapping[str, object] = certificate.fetch() if fetch else certificate.remove()
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
