#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: remove
short_description: Takes this collection off a Node-RED, which then is as it was before
version_added: 0.1.0
description:
  - Each setting of C(settings.js) that this collection has written becomes what it was before, or goes where there was none.
    A file that nobody else has edited since comes back byte by byte. What its owner has edited since stays as it is, and is
    named where it is a setting that this collection had written.
  - The drop-in and the variables of the service go, key and certificate, the login page, the site of nginx, what follows or
    renews a certificate, and all logins of the editor. Other users of the host get back the rights to files that were taken
    from them.
  - Flows and their credentials stay. So does C(credentialSecret), where another one would not decrypt the credentials.
  - It is one transaction. The service is restarted and has to serve what its settings say then; else everything goes back to
    how it was. It is kept as a state, so that M(pifleet.nodered.restore) undoes it.
  - Without O(confirmed) nothing is changed. The messages say what would go, and what would be open to whom then.
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
      - Shows C(settings.js) before and after with every secret hidden, and what else goes.
  idempotent:
    support: full
options:
  confirmed:
    description:
      - Whether Node-RED may become as open as it was before.
    type: bool
    default: false
  records:
    description:
      - Whether what this collection keeps on the host goes too, the former files among it. Nothing can be brought back then.
    type: bool
    default: false
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.restore
  - module: pifleet.nodered.settings
"""

EXAMPLES = r"""
- name: See what would go, and what would be open then
  pifleet.nodered.remove:
  become: true
  register: what

- name: Take it off
  pifleet.nodered.remove:
    confirmed: true
  become: true
"""

RETURN = r"""
messages:
  description: What goes, what stays, and what is open then, in sentences without a secret.
  returned: success
  type: list
  elements: str
due:
  description: Whether there is something to take away that O(confirmed) is missing for.
  returned: success
  type: bool
transaction:
  description: What has taken it away, and is a state itself by now; empty in check mode, and where nothing is left of it.
  returned: changed
  type: str
restored:
  description: The files that were put back because the service could not be proved.
  returned: on failure
  type: list
  elements: str
journal:
  description: The service's own last lines.
  returned: on failure
  type: list
  elements: str
"""
