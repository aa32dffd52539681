#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trust
short_description: Makes a machine trust the fleet's certificate authority
version_added: 0.1.0
description:
  - Puts the roots of the fleet's certificate authority into the store of the system, which curl, Python and most programs
    use, and into the databases of the browsers of O(users), which have their own.
  - Only self-signed certificates of an authority that have not expired are given to a host. The authority's key is neither
    read nor needed.
  - The databases are those of Chromium and its relatives and of every profile of Firefox, installed as packages of Debian,
    as snaps or as flatpaks. Chromium's is made when it is missing. A profile that Firefox has yet to make, at its first
    start, cannot be found.
  - A browser that runs has to be restarted.
  - A root that expires later, or is no longer in the file of the authority, stays where it is until O(state=absent).
extends_documentation_fragment:
  - pifleet.nodered.attributes
attributes:
  check_mode:
    support: full
    details:
      - Without C(certutil) on the host it is not known what is in a database, and taken as nothing; a warning says so.
  diff_mode:
    support: full
    details:
      - Shows subject, fingerprint and stores, never PEM.
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) has the authority trusted.
      - V(absent) takes away every authority that this module has put on the host, whichever they were. What was added by
        hand stays. Neither O(ca_dir) nor O(ca_certificate) is needed.
    type: str
    default: present
    choices: [present, absent]
  users:
    description:
      - Users of the host whose browsers are to trust it as well. Their databases are read and written with their own rights.
    type: list
    elements: str
    default: []
  ca_dir:
    description:
      - The folder of the certificate authority on the control node; its C(ca.pem) is read.
    type: str
    default: ~/.pifleet/nodered-ca
  ca_certificate:
    description:
      - The certificates of the authority in PEM, instead of O(ca_dir).
    type: str
requirements:
  - Debian or one of its relatives with the package C(ca-certificates) and Python 3.9 or newer on the managed host, and root
    there
  - C(certutil) of the package C(libnss3-tools) on the managed host, when there are O(users)
  - ansible-core 2.18 or newer, and the packages of C(requirements.txt) on the control node
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.certificate
"""

EXAMPLES = r"""
- name: Have the system and Ann's browsers trust the fleet's authority
  pifleet.nodered.trust:
    users: [ann]
  become: true

- name: Take it away again
  pifleet.nodered.trust:
    state: absent
    users: [ann]
  become: true
"""

RETURN = r"""
authorities:
  description: The certificates that are trusted, each with subject, fingerprint (SHA-256) and not_after.
  returned: O(state=present)
  type: list
  elements: dict
stores:
  description: Where it looked, V(system) and the folders of databases.
  returned: success
  type: list
  elements: str
"""
