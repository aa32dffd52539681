#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: restart
short_description: Restarts Node-RED when that is due, proves it from outside, and goes back when it fails
version_added: 0.1.0
description:
  - Does nothing on a host whose service is enabled, runs, has proved the present files before, and still shows it.
  - Else it restarts the service and proves it by a real TLS handshake with the expected certificate and by requests that
    a stranger could send, which must be refused. It proves again some seconds later.
  - The first administrator's own login is proved too, once, from the control node, and ended at once, so that nobody is
    locked out. See O(admin_users).
  - When the proof fails, every file that was replaced since the last proved state is put back, the old state is started
    and proved, and the task fails with the reason and the lines of the journal.
  - A systemd drop-in file gives the service O(umask), because Node-RED writes tokens and credentials anew at every change,
    the right to listen on a O(port) below 1024, and O(environment). The unit itself is never edited.
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
      - Shows the reasons for a restart and the names of changed variables, never their values.
  idempotent:
    support: full
options:
  changed:
    description:
      - Whether an earlier task has replaced files of Node-RED.
    type: bool
    default: false
  force:
    description:
      - Restart and prove also when nothing asks for it.
    type: bool
    default: false
  https:
    description:
      - Whether TLS must be served.
    type: bool
    default: false
  proxy:
    description:
      - V(nginx) where an nginx on the host has to be in front of Node-RED, see M(pifleet.nodered.proxy). It is proved with it.
    type: str
    default: none
    choices: [none, nginx]
  fingerprint:
    description:
      - SHA-256 over the DER bytes of the certificate that must be served. The installed one when not given.
    type: str
  admin_auth:
    description:
      - Whether the editor must ask for a login.
    type: bool
    default: true
  admin_users:
    description:
      - The users of C(adminAuth), as M(pifleet.nodered.settings) takes them. After a restart the first of them who may do
        everything must be known to Node-RED, and a made-up password must be refused.
    type: list
    elements: dict
    default: []
  node_users:
    description:
      - The users of the login page, as M(pifleet.nodered.settings) takes them. Where there are some, dashboards and
        endpoints must ask for the page.
    type: list
    elements: dict
    default: []
  oidc:
    description:
      - Single sign-on, as M(pifleet.nodered.settings) takes it. Where it has C(dashboards), dashboards and endpoints must ask
        for the login page. That it leads to the provider is looked at; where it does not, a warning tells.
      - With it O(revoke) takes any name.
    type: dict
  prove_login:
    description:
      - With V(true) that user also logs in once after a restart, and out again, with the password itself. It is sent to
        nobody but that Node-RED, over TLS, to the certificate that was proved on the host. Whoever has that host can read
        it, so this is for passwords that open nothing else. Where the control node cannot reach the port, or only a hash
        is known, a warning says that the login was not proved so.
    type: bool
    default: false
  revoke:
    description:
      - Users of the editor and of the login page whose sessions end now, V(*) for all.
    type: list
    elements: str
    default: []
  environment:
    description:
      - Variables for the service, such as C(HTTP_PROXY). A value is text.
      - Those that it was given before stay when this is not given.
    type: dict
  umask:
    description:
      - What is taken away from the rights of files that Node-RED and its flows write. V(0077) leaves them to the user of the
        service, V(0027) lets its group read them, V(0022) everybody who may enter their directory. The userDir stays closed
        to everybody but user and group. In quotes, because YAML takes 0077 for another number.
      - It stays what it is when this is not given; on a service that was never restarted so, it becomes V(0077).
    type: str
  port:
    description:
      - The port that Node-RED is to listen on. Below 1024 the service gets the capability for it.
      - What the service may already do stays when this is not given, as long as the settings name a port below 1024, or one
        that is not known before Node-RED runs.
    type: int
  settings_port:
    description:
      - The port that the settings have by now, as M(pifleet.nodered.settings) returns it in C(listening). From 1024 on it takes
        the capability away that O(port) has given once; it gives none.
      - Without O(host_info) the settings are looked at for it.
    type: int
author:
  - The pifleet.nodered maintainers (@pifleet)
seealso:
  - module: pifleet.nodered.host_info
  - module: pifleet.nodered.rollback
"""

EXAMPLES = r"""
- name: Restart Node-RED and prove that it asks for a login over TLS
  pifleet.nodered.restart:
    changed: true
    https: true
  become: true

- name: Let the service use the company's proxy
  pifleet.nodered.restart:
    environment:
      HTTPS_PROXY: http://proxy.example.com:3128
      NO_PROXY: localhost,.example.com
  become: true
"""

RETURN = r"""
reasons:
  description: Why a restart was due, empty when none was.
  returned: success
  type: list
  elements: str
proof:
  description: What was proved.
  returned: after a restart
  type: dict
transaction:
  description: The transaction that was finished, empty in check mode, null where nothing was open.
  returned: changed
  type: str
restored:
  description: The files that were put back.
  returned: on failure
  type: list
  elements: str
journal:
  description: The service's own last lines.
  returned: on failure
  type: list
  elements: str
"""
