#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_settings_file
short_description: Reads or replaces a settings.js that belongs to no service
version_added: 0.1.0
description:
  - The part of M(pifleet.nodered.settings) that runs where the file lies. Use that module instead, which edits the file
    on the control node.
  - Without O(content) the file is read, else replaced. It keeps its mode, its owner and its group.
extends_documentation_fragment:
  - pifleet.nodered.attributes
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
  path:
    description:
      - The file.
    type: path
    required: true
  content:
    description:
      - The new content in Base64.
    type: str
  sha256:
    description:
      - SHA-256 of the file that the new content was computed from.
      - A file with another one has changed meanwhile and is left alone.
    type: str
  managed:
    description:
      - What must be read back, as in M(pifleet.nodered.host_settings).
    type: str
    default: '[]'
  validate:
    description:
      - Load the new content with the Node.js on the PATH, as the owner of the file and in its directory.
    type: bool
    default: true
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
requirements:
  - Python 3.9 or newer where the file lies, and Node.js if O(validate) is set
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: Read a file
  pifleet.nodered.host_settings_file:
    path: sites/north/settings.js
  delegate_to: localhost
"""

RETURN = r"""
content:
  description: The content in Base64.
  returned: when the file was read
  type: str
sha256:
  description: The checksum of the content.
  returned: when the file was read
  type: str
conflict:
  description: Whether the file has changed since it was read, so that nothing was written.
  returned: when the file was to be replaced
  type: bool
backup_file:
  description: The copy of the old file.
  returned: when the file was replaced and O(backup) is set
  type: str
"""

import base64
import json
from collections.abc import Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._settings.replace import (
    Replacement,
    read_file,
    replace_file,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "no_log": True},
            "sha256": {"type": "str"},
            "managed": {"type": "str", "default": "[]", "no_log": True},
            "validate": {"type": "bool", "default": True},
            "backup": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 60},
        },
        required_together=[("content", "sha256")],
        supports_check_mode=True,
    )
    options = module.params
    result: Mapping[str, object]
    try:
        if options["content"] is None:
            content, sha256 = read_file(options["path"])
            result = {"changed": False, "content": base64.b64encode(content).decode("ascii"), "sha256": sha256}
        else:
            new = Replacement(
                base64.b64decode(options["content"]),
                options["sha256"],
                json.loads(options["managed"]),
                options["backup"],
                options["timeout"],
                module.check_mode,
            )
            result = replace_file(options["path"], new, options["validate"])
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
