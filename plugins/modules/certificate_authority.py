#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_authority
short_description: Makes, renews or replaces the fleet's certificate authority
version_added: 0.1.0
description:
  - Works on the control node only, on the two files C(ca.pem) and C(ca.key) in O(ca_dir). No host is visited.
  - M(pifleet.nodered.certificate) makes an authority at first use. This module is for making one beforehand or with other
    properties, and for giving it a successor before it ends.
  - An authority that comes from a vault (O(ca_certificate), O(ca_key)) is looked at, and never changed.
extends_documentation_fragment:
  - pifleet.nodered.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows what the certificate says before and after, never PEM.
  idempotent:
    support: partial
    details:
      - V(present) is. V(renewed) and V(replaced) are with O(instead_of), else they do what they say at every run.
options:
  state:
    description:
      - V(present) makes an authority where there is none.
      - V(renewed) gives the same key another certificate that is valid from now on. Certificates of hosts stay good.
      - V(replaced) makes a new key and a new certificate, which the former authority signs as well. With the next run of
        M(pifleet.nodered.certificate) each host gets a certificate that browsers accept whether they trust the former
        authority or the new one.
      - After either of the last two, browsers have to be told to trust the new certificate before the former one ends.
    type: str
    default: present
    choices: [present, renewed, replaced]
  instead_of:
    description:
      - The RV(fingerprint) of the certificate that is to be renewed or replaced. Nothing is done when it already has
        been.
    type: str
  ca_dir:
    description:
      - The folder of the authority.
    type: str
    default: ~/.pifleet/nodered-ca
  ca_passphrase:
    description:
      - The passphrase of its key.
    type: str
  ca_certificate:
    description:
      - The certificate of the authority in PEM, where it comes from a vault and not from O(ca_dir). Needs O(ca_key).
      - Nothing is made then, and V(renewed) and V(replaced) are refused.
    type: str
  ca_key:
    description:
      - The private key of the authority in PEM, from a vault. Needs O(ca_certificate).
    type: str
  common_name:
    description:
      - The name that browsers show, to which a few random letters are added.
    type: str
    default: Node-RED fleet CA
  days:
    description:
      - How many days a new certificate of the authority is good for.
    type: int
    default: 3650
  permitted:
    description:
      - The only domains and networks that a new authority can certify (name constraints, RFC 5280), such as V(local),
        V(example.com) and V(192.168.0.0/16). If its key is ever stolen, it is worth nothing outside of them.
      - When not given, all private domains and networks, the domains of the inventory's names, and O(names); V(*) for any.
        A replaced authority keeps those of the former.
    type: list
    elements: str
  names:
    description:
      - DNS names and IP addresses that a new authority has to be able to certify beside those of the inventory, where
        O(permitted) is not given.
    type: list
    elements: str
    default: []
  key_type:
    description:
      - The type of a new authority's key. When not given V(ecdsa-p256), and for a replaced authority that of the former.
      - An authority that is there keeps its key, and a warning tells where that is of another type.
    type: str
    choices: [ecdsa-p256, rsa-2048, rsa-3072, rsa-4096]
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.certificate
"""

EXAMPLES = r"""
- name: Make an authority that can certify nothing but names at home
  pifleet.nodered.certificate_authority:
    permitted: [local, lan, 192.168.0.0/16]
  run_once: true

- name: Replace it, once
  pifleet.nodered.certificate_authority:
    state: replaced
    instead_of: 5f0d3a2be1c4967788a1d0c9b8e7f6a5b4c3d2e1f00f1e2d3c4b5a69788796a5
  run_once: true
"""

RETURN = r"""
fingerprint:
  description: SHA-256 over the DER bytes of the authority's certificate. Empty in check mode where one is to be made.
  returned: success
  type: str
certificate:
  description: What the certificate says.
  returned: when there is one
  type: dict
ca_certificate:
  description: The file with what browsers have to trust.
  returned: when the authority is kept in O(ca_dir)
  type: str
ca_key:
  description: The file with the private key.
  returned: when the authority is kept in O(ca_dir)
  type: str
messages:
  description: The same for people, a sentence each.
  returned: success
  type: list
  elements: str
"""
