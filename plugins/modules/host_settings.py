#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_settings
short_description: Replaces a settings.js after the host's own Node.js has loaded it
version_added: 0.1.0
description:
  - The part of M(pifleet.nodered.settings) that runs on the managed host. Use that module instead, which edits the file
    on the control node.
  - The new content is loaded by the Node.js of the service, as its user and in its environment. Only when every managed
    key has the value that was asked for is the old file kept and replaced.
extends_documentation_fragment:
  - pifleet.nodered.attributes
  - pifleet.nodered.host
  - pifleet.nodered.run
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - The difference is computed by M(pifleet.nodered.settings).
  idempotent:
    support: full
options:
  content:
    description:
      - The new content in Base64.
    type: str
    required: true
  sha256:
    description:
      - SHA-256 of the file that the new content was computed from, empty when there was none.
      - A file with another one has changed meanwhile and is left alone.
    type: str
    required: true
  managed:
    description:
      - What must be read back, as a list in JSON. Each entry has C(path) (a list of keys) and either C(value),
        or C(type) (what C(typeof) says).
    type: str
    required: true
  load_tls:
    description:
      - Whether the key and the certificate that C(https) names must load too.
    type: bool
    default: false
  revoke:
    description:
      - Users of the editor whose sessions must end with the next restart, V(*) for all. Node-RED itself would keep them
        for days, with the rights they had.
    type: list
    elements: str
    default: []
  session_expiry:
    description:
      - Seconds after which all sessions of the editor end at the latest, counted from the next restart. Node-RED itself
        would let them go on for as long as they were given.
    type: int
  credentials:
    description:
      - What the next restart is to do with the credentials of flows, in JSON. C(secret) is what they are to be
        encrypted with, C(keys) are other secrets that may fit them now, C(required) are the files for which one must fit,
        C(sources) are the files to put back, each with the C(path) of its copy.
    type: str
  direct:
    description:
      - How settings stood before a proxy came, in JSON, to be kept until it goes. Empty where it goes.
    type: str
  login_files:
    description:
      - Files of the login page to write before the settings, in JSON, by their names below its directory, each with its
        C(content) in Base64 and the C(sha256) of the file that it takes the place of, empty where there is none.
      - Those that are not named stay as they are.
    type: str
  login_removed:
    description:
      - Whether the next restart is to remove the directory of the login page, with its sessions.
    type: bool
    default: false
  login_stale:
    description:
      - Files of single sign-on that the next restart is to remove, by their names below the directory of the login page. With
        C(oidc/editor.js) all of them go, with the logins to the editor.
    type: list
    elements: str
    default: []
  login_revoke:
    description:
      - Users of the login page whose sessions must end with the next restart, V(*) for all.
    type: list
    elements: str
    default: []
  login_narrowed:
    description:
      - Whether somebody gets in by the login page no more who did before, so that the host never goes back by itself.
    type: bool
    default: false
  written:
    description:
      - All settings that this collection has ever written to the file, in JSON, as RV(pifleet.nodered.host_info#module:origin)
        has them. They are kept on the host with the file as it was first.
    type: str
  as_found:
    description:
      - Whether the file gets back the mode and the owner that it had before it was edited first.
    type: bool
    default: false
  backup:
    description:
      - Keep a copy of the old file beside it.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that loading may take.
    type: int
    default: 60
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: Replace the settings by content that was edited on the control node
  pifleet.nodered.host_settings:
    content: "{{ edited | b64encode }}"
    sha256: "{{ nodered_info.settings.sha256 }}"
    managed: '[{"path": ["uiPort"], "value": 1880}]'
  become: true
"""

RETURN = r"""
conflict:
  description: Whether the file has changed since it was read, so that nothing was written.
  returned: success
  type: bool
transaction:
  description: The open transaction that holds what was replaced.
  returned: when something was written
  type: str
backup_file:
  description: The copy of the old file.
  returned: when something was written and O(backup) is set
  type: str
listening:
  description: Where Node-RED listens with the new content, as Node.js found it (C(host), C(port), C(tls), C(admin_root)).
  returned: when the file was the one that was read
  type: dict
"""

import base64
import json
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.runs import announce
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit
from ansible_collections.pifleet.nodered.plugins.module_utils._settings.replace import (
    LoginFile,
    Replacement,
    replace_settings,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import HOST_ARGUMENTS, RUN_ARGUMENTS

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import RestartPlan


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **HOST_ARGUMENTS,
            **RUN_ARGUMENTS,
            "content": {"type": "str", "required": True, "no_log": True},
            "sha256": {"type": "str", "required": True},
            "managed": {"type": "str", "required": True, "no_log": True},
            "load_tls": {"type": "bool", "default": False},
            "revoke": {"type": "list", "elements": "str", "default": []},
            "session_expiry": {"type": "int"},
            "credentials": {"type": "str", "no_log": True},
            "direct": {"type": "str", "no_log": True},
            "login_files": {"type": "str", "no_log": True},
            "login_removed": {"type": "bool", "default": False},
            "login_stale": {"type": "list", "elements": "str", "default": []},
            "login_revoke": {"type": "list", "elements": "str", "default": []},
            "login_narrowed": {"type": "bool", "default": False},
            "written": {"type": "str", "no_log": True},
            "as_found": {"type": "bool", "default": False},
            "backup": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    options = module.params
    announce(options)
    new = Replacement(
        base64.b64decode(options["content"]),
        options["sha256"],
        json.loads(options["managed"]),
        options["backup"],
        options["timeout"],
        module.check_mode,
        direct=None if options["direct"] is None else options["direct"].encode("utf-8"),
        login_files={
            name: LoginFile(base64.b64decode(file["content"]), file["sha256"])
            for name, file in json.loads(options["login_files"] or "{}").items()
        },
        written=json.loads(options["written"]) if options["written"] else None,
        as_found=options["as_found"],
    )
    plan: RestartPlan = {
        "revoke": options["revoke"],
        "session_expiry": options["session_expiry"],
        "credentials": json.loads(options["credentials"]) if options["credentials"] else None,
        "login": {
            "removed": options["login_removed"],
            "stale": options["login_stale"],
            "revoke": options["login_revoke"],
            "narrowed": options["login_narrowed"],
        },
    }
    try:
        unit = Unit(options["service"], options["user"], options["user_dir"], options["settings_path"])
        result = replace_settings(unit, new, options["load_tls"], plan)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
