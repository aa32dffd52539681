#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Checks all variables against a host and finds what has to change, in one visit
version_added: 0.1.0
description:
  - Reads the variables of the roles C(certificate), C(settings) and C(service) as the roles do, and refuses what cannot
    be, whatever of the three it belongs to, before anything is changed.
  - Visits the host once with M(pifleet.nodered.host_info), compares what was found with what is asked for, and says in
    one line what has to change and why.
  - It has no options. C(pifleet.nodered.secure) begins with it, and leaves a host alone for which it finds nothing.
extends_documentation_fragment:
  - pifleet.nodered.attributes
attributes:
  check_mode:
    support: full
    details:
      - It never changes anything.
  diff_mode:
    support: none
  idempotent:
    support: full
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.host_info
  - module: pifleet.nodered.validate
"""

EXAMPLES = r"""
- name: Find out what has to change
  pifleet.nodered.preflight:
  become: true
  register: nodered_preflight

- name: Leave a host alone where nothing has to change
  ansible.builtin.meta: end_host
  when: nodered_preflight.due | length == 0
"""

RETURN = r"""
due:
  description: What has to change and why, empty where nothing has to.
  returned: success
  type: list
  elements: str
  sample:
    - certificate (there is no certificate yet)
    - settings.js (adminAuth, https)
    - service (the service was never proved)
host_info:
  description: What M(pifleet.nodered.host_info) returned, for the modules that follow; null where nothing is due.
  returned: success
  type: dict
certificate:
  description: What other hosts of the run are compared with, also where this one fails.
  returned: when the host could be read
  type: dict
  contains:
    public_key:
      description: SHA-256 of the DER bytes of the public key, empty without a certificate.
      type: str
    issuer:
      description: Who has signed the certificate, empty where it is self-signed or from an ACME server.
      type: str
    asked:
      description: The names that the user asks for.
      type: list
      elements: str
access:
  description: How people come in, for what is told of the run at its end.
  returned: success
  type: dict
  contains:
    name:
      description: The name or address of the host in the address of its editor.
      type: str
    ssh:
      description: What the control node connects to, empty where it is the host itself.
      type: str
    listening:
      description: Where Node-RED listens with the settings that it is to have, as M(pifleet.nodered.settings) returns it.
      type: dict
    proxy:
      description: The port of the nginx that is asked for, null for none.
      type: int
    proved:
      description: What was proved last (C(port), C(tls), C(admin_root), C(proxy)), null where nothing was.
      type: dict
    users:
      description: Who may log in to the editor.
      type: list
      elements: str
    sign_on:
      description: The name of the provider by which others may, empty without one.
      type: str
    not_after:
      description: When the certificate ends (ISO 8601), empty without one.
      type: str
    authority:
      description: The file on the control node with the certificate that browsers have to trust, or what gives it
        instead; empty without one.
      type: str
    authority_fingerprint:
      description: SHA-256 of that certificate, as browsers show it; empty where it is in a file.
      type: str
"""
