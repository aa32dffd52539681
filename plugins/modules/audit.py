#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit
short_description: Tells what is wrong with a Node-RED server, and changes nothing
version_added: 0.1.0
description:
  - Reads the host in one visit, as M(pifleet.nodered.host_info) does, and looks at the server from the control node as a
    stranger would. Returns what it found as data, for a report.
  - Needs no password of Node-RED and tries none. Sends handshakes and GET requests only, some of them with an invented
    token.
  - Never fails because of what it finds. A host that cannot be reached, or that has no Node-RED, is returned with
    the reason in RV(subject), so that a report has every host.
  - A few of the most popular passwords are tried against the hashes in C(settings.js), on the control node.
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
options:
  ca_dir:
    description:
      - The folder of the fleet's certificate authority on the control node. Its certificate is trusted where it is there.
    type: str
    default: ~/.pifleet/nodered-ca
  ca_certificate:
    description:
      - The certificate of the authority in PEM, instead of that in O(ca_dir).
    type: str
  provider:
    description:
      - Who certifies the host, as M(pifleet.nodered.certificate) takes it. Only with V(ca) the authority is the fleet's own,
        whose constraints are judged.
    type: str
    default: ca
    choices: [ca, selfsigned, file, acme, host, none]
  suppressions:
    description:
      - Findings that are accepted on this host, as in the variable C(nodered_suppressions). They are handed on to
        M(pifleet.nodered.report).
    type: raw
    default: []
  timeout:
    description:
      - Seconds to wait for one answer of the server to the control node.
    type: int
    default: 5
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.host_info
"""

EXAMPLES = r"""
- name: Look for faults
  pifleet.nodered.audit:
  become: true
  register: audit

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ item.severity }}: {{ item.message }}"
  loop: "{{ audit.findings }}"
"""

RETURN = r"""
subject:
  description:
    - The host. C(name) in the inventory; C(error) with the reason why it could not be looked at, or empty; C(address),
      C(node_red) and C(node) (versions); C(certificate) with C(name), C(issuer), C(not_before) and C(not_after).
  returned: always
  type: dict
findings:
  description:
    - What is wrong, the most severe first. Each has C(rule), C(severity), C(title), C(message), C(file), C(line),
      C(detail) and C(fingerprint), which is the same in another run.
  returned: always
  type: list
  elements: dict
rules:
  description: The identifiers of all rules that are applied to a host.
  returned: always
  type: list
  elements: str
suppressions:
  description: What O(suppressions) is.
  returned: always
  type: raw
view:
  description: What the server showed to the control node, or null where it was not looked at, or where another server
    than that of the host seems to have answered.
  returned: always
  type: dict
"""
