#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proxy
short_description: Puts the nginx of a host in front of its Node-RED, or takes it away
version_added: 0.1.0
description:
  - Compares the site that nginx has for the service with the one that is asked for, on the control node. Only when they differ
    does it go to the host.
  - nginx first looks at a copy of its whole configuration with the new site in it. Where it refuses that, or warns of it, the
    host is left as it is. Other sites are not touched.
  - nginx reads the site when M(pifleet.nodered.restart) proves the service. Where that fails, everything is put back.
  - Debian's nginx has to be installed, which the role C(proxy) does.
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
  - pifleet.nodered.host_state
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  proxy:
    description:
      - V(nginx) for one in front of Node-RED, V(none) for Node-RED alone.
    type: str
    default: none
    choices: [none, nginx]
  path:
    description:
      - The path below which nginx leads to Node-RED, which serves everything below it as well. Nothing is taken off it.
    type: str
    default: /
  names:
    description:
      - The DNS names and IP addresses that nginx answers to. When empty, those of the certificate.
    type: list
    elements: str
    default: []
  certificate_names:
    description:
      - The names of the certificate, as M(pifleet.nodered.certificate) has returned them. Those of the installed one when not
        given.
    type: list
    elements: str
  ports:
    description:
      - C(https) is the port that nginx speaks TLS on, C(http) the one that leads to it, V(0) for none. They are 443 and 80 where
        this does not say otherwise.
    type: dict
    default: {}
  hsts:
    description:
      - Seconds for which browsers ask the name by TLS alone, on every port of it. V(0) for none.
    type: int
    default: 0
  others:
    description:
      - Node-REDs of other hosts that nginx leads to as well. Each has C(url), an IP address with scheme and port, and either
        C(path), below which it is, or C(host), the name that it has to itself. With C(https) in C(url) it has C(name), the
        DNS name in its certificate, which has to be one of the fleet's authority.
    type: list
    elements: dict
    default: []
  include:
    description:
      - Further text for the site, within its C(server).
    type: str
  port:
    description:
      - The port that Node-RED listens on. Where this does not say it, the one that it was proved with, or that its settings
        name.
    type: int
  settings_port:
    description:
      - The port that the settings have by now, as M(pifleet.nodered.settings) returns it in C(listening). It counts where
        O(port) does not say one.
    type: int
  provider:
    description:
      - Who certifies the host, as M(pifleet.nodered.certificate) takes it.
    type: str
    default: ca
    choices: [ca, selfsigned, file, acme, host, none]
  ca_dir:
    description:
      - The folder of the fleet's certificate authority on the control node, by which O(others) are known.
    type: str
    default: ~/.pifleet/nodered-ca
  ca_certificate:
    description:
      - The certificate of that authority in PEM, for control nodes that keep nothing.
    type: str
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.certificate
  - module: pifleet.nodered.settings
  - module: pifleet.nodered.restart
"""

EXAMPLES = r"""
- name: Let nginx answer for Node-RED, and for the one of the garage
  pifleet.nodered.proxy:
    proxy: nginx
    others:
      - path: /garage
        url: https://192.168.1.21:1880
        name: garage.local
  become: true
"""

RETURN = r"""
reasons:
  description: What has to change about the proxy, empty when nothing has.
  returned: success
  type: list
  elements: str
transaction:
  description: The open transaction that holds what was replaced. Empty where nothing was.
  returned: success
  type: str
"""
