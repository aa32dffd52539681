#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_restart
short_description: Restarts Node-RED, proves that it works and is closed, or puts everything back
version_added: 0.1.0
description:
  - The part of M(pifleet.nodered.restart) that runs on the managed host. Use that module instead, which decides on the
    control node whether a restart is due.
  - A proof is made of real TLS handshakes and HTTP requests; neither systemd's word nor Node-RED's log is taken for it.
  - Where only the certificate was replaced, and Node-RED looks for a renewed one often enough (C(httpsRefreshInterval)),
    the service is not restarted but waited for, so that no connection breaks.
  - When the proof fails, every file of the open transaction is put back, the old state is started and proved, and the
    module fails with the reason and the lines of the journal.
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
    support: none
    details:
      - It restarts the service when it is called, except with O(wait_before_restart). Whether that is due is decided by
        M(pifleet.nodered.restart).
options:
  operation:
    description:
      - V(prove) restarts the service and proves it.
      - V(restrict_permissions) takes the rights of other users away from files that hold secrets, without a restart.
      - V(undo) puts back what an open transaction has replaced. Without one it does nothing.
      - V(commit) finishes what V(prove) has left open because of O(keep_open).
    type: str
    default: prove
    choices: [prove, restrict_permissions, undo, commit]
  drop_in:
    description:
      - The content of the systemd drop-in file.
    type: str
    default: ""
  environment:
    description:
      - The content of the environment file beside it, which only root can read.
    type: str
    default: ""
  expected:
    description:
      - What must hold, as far as it was asked for. C(tls), C(auth) and C(login_page) are booleans, C(certificate)
        is the SHA-256 of the DER bytes of the certificate that must be served.
    type: dict
    default: {}
  revoke:
    description:
      - Users of the editor and of the login page whose sessions end, V(*) for all.
    type: list
    elements: str
    default: []
  username:
    description:
      - A user of the editor who must be able to log in. Its password is not needed. One login with a wrong one must be
        refused, which proves that Node-RED can compute hashes on this hardware. Node-RED takes five in ten minutes.
      - With O(keep_open) that is left to V(commit), or to V(undo) where a proved transaction is finished.
    type: str
  transaction:
    description:
      - With O(operation=commit) the transaction that O(operation=prove) has left open. It fails where another run has
        replaced that.
      - With O(operation=undo) the same; without it a transaction that was proved is not undone but finished, if the login
        that was left open holds.
    type: str
  keep_open:
    description:
      - Leave the transaction open after the proof, so that what was replaced can still be put back. It has to be
        followed by O(operation=commit) or O(operation=undo).
    type: bool
    default: false
  watch_minutes:
    description:
      - For how long the host watches, as soon as what V(prove) has changed is finished, whether Node-RED lives on. One that
        ends by itself is put back as it was before. With V(0) it is believed at once.
    type: int
    default: 0
  wait_before_restart:
    description:
      - Give a service that was started less than O(timeout) ago the time to reach the wanted state, and restart it only
        if it does not. For a host that has just been switched on.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that Node-RED may take to answer after a start, and that its settings may take to load. A Pi Zero with many
        nodes takes more than a minute.
    type: int
    default: 180
  stable:
    description:
      - Seconds after which the same process must still run and answer.
    type: int
    default: 3
  keep_states:
    description:
      - How many states are kept at a commit, so that they can be brought back; V(0) keeps all.
    type: int
    default: 0
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: Restart Node-RED and prove that it asks for a login over TLS
  pifleet.nodered.host_restart:
    expected:
      tls: true
      auth: true
  become: true
"""

RETURN = r"""
proof:
  description: The state that was proved.
  returned: when O(operation=prove)
  type: dict
served:
  description: SHA-256 of the DER bytes of the certificate that the server shows, null without TLS.
  returned: when O(operation=prove)
  type: str
remarks:
  description: What could not be proved and is no reason to go back, a sentence each.
  returned: when O(operation=prove)
  type: list
  elements: str
restored:
  description: The files that were put back.
  returned: when O(operation=undo), and on failure
  type: list
  elements: str
displaced:
  description: Where the text of a settings file is kept that somebody had edited since it was written.
  returned: when O(operation=undo)
  type: list
  elements: str
finished:
  description: Whether the transaction was finished instead, because the host had proved it already.
  returned: when O(operation=undo)
  type: bool
transaction:
  description: The transaction that was finished or undone, or null.
  returned: when O(operation=prove) or O(operation=undo)
  type: str
journal:
  description: The service's own last lines.
  returned: on failure
  type: list
  elements: str
"""

from collections.abc import Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.runs import announce
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit

# Stays on the host for a while.
from ansible_collections.pifleet.nodered.plugins.module_utils._service import watch  # noqa: F401 # pylint: disable=unused-import
from ansible_collections.pifleet.nodered.plugins.module_utils._service.service import DesiredService, Service
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import HOST_ARGUMENTS, RUN_ARGUMENTS


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **HOST_ARGUMENTS,
            **RUN_ARGUMENTS,
            "operation": {
                "type": "str",
                "default": "prove",
                "choices": ["prove", "restrict_permissions", "undo", "commit"],
            },
            "drop_in": {"type": "str", "default": ""},
            "environment": {"type": "str", "default": "", "no_log": True},
            "expected": {"type": "dict", "default": {}},
            "revoke": {"type": "list", "elements": "str", "default": []},
            "username": {"type": "str"},
            "transaction": {"type": "str"},
            "keep_open": {"type": "bool", "default": False},
            "watch_minutes": {"type": "int", "default": 0},
            "wait_before_restart": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 180},
            "stable": {"type": "int", "default": 3},
            "keep_states": {"type": "int", "default": 0},
        },
    )
    options = module.params
    announce(options)
    try:
        unit = Unit(options["service"], options["user"], options["user_dir"], options["settings_path"])
        service = Service(unit, options["timeout"], options["stable"], options["keep_states"])
        result: Mapping[str, object]
        if options["operation"] == "undo":
            result = service.undo(options["transaction"])
        elif options["operation"] == "restrict_permissions":
            result = {"changed": service.restrict_permissions()}
        elif options["operation"] == "commit":
            service.commit(options["transaction"], options["username"])
            result = {"changed": True}
        else:
            result = service.prove(DesiredService(**{name: options[name] for name in DesiredService._fields}))
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
