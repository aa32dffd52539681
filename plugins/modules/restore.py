#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Lists the states of Node-RED that a host has kept, and brings one back
version_added: 0.1.0
description:
  - Each change of this collection keeps the files as they were before it. So a host has states, each with the name of the
    transaction that ended it.
  - Without O(state) the states are listed and nothing is changed.
  - With O(state) all files are put back as they were then (settings.js, key and certificate, drop-in and variables of the
    service), which undoes that transaction and all later ones. It is a transaction itself. The service is restarted and has to
    show what that state showed; else everything goes back to how it was before. What was replaced is kept as the newest state, so
    that this can be undone in the same way.
  - Sessions of the editor are never brought back, and where settings.js is another one all of them end. The credentials of
    flows stay as they are too, and C(credentialSecret) with them where another one would not decrypt them.
  - A state in which Node-RED asked nobody for a login, or served plain HTTP where it serves TLS now, is refused without
    O(allow_open).
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
  - pifleet.nodered.host_state
  - pifleet.nodered.proof
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows settings.js before and after with every secret hidden, and the names of all other files.
  idempotent:
    support: partial
    details:
      - A state that was brought back by its name is the present one; V(last) means another one by then.
options:
  state:
    description:
      - The name of a state, or V(last) for the one before the last change.
    type: str
    default: ""
  allow_open:
    description:
      - Whether a state may come back in which Node-RED is more open than now, and whether a stopped Node-RED is to be started
        that asks nobody for a login.
    type: bool
    default: false
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.restart
  - module: pifleet.nodered.rollback
  - module: pifleet.nodered.credentials
"""

EXAMPLES = r"""
- name: See which states there are
  pifleet.nodered.restore:
  become: true
  register: kept

- name: Undo the last change, whatever it was
  pifleet.nodered.restore:
    state: last
  become: true
"""

RETURN = r"""
messages:
  description: What there is, or what was done, in sentences without a secret.
  returned: success
  type: list
  elements: str
states:
  description: The names of the states that are kept, the newest first.
  returned: without O(state)
  type: list
  elements: str
start:
  description: Whether Node-RED does not run and should, as it was proved last.
  returned: success
  type: bool
transaction:
  description: What has brought the state back, and is a state itself by now; empty in check mode.
  returned: changed
  type: str
restored:
  description: The files that were put back because the state could not be proved.
  returned: on failure
  type: list
  elements: str
journal:
  description: The service's own last lines.
  returned: on failure
  type: list
  elements: str
"""
