# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: bcrypt_match
author: The pifleet.nodered maintainers (@pifleet)
version_added: 0.1.0
short_description: Does a password fit a bcrypt hash
description:
  - Whether a bcrypt hash was made from a password, computed on the control node.
  - Accepts the prefixes C($2a$), C($2b$) and C($2y$). Whatever is not a bcrypt hash does not match any password.
  - Needs the Python libraries C(libpass) and C(bcrypt) on the control node.
positional: _input, password
options:
  _input:
    description: The hash.
    type: string
    required: true
  password:
    description: The password, of 1 to 72 bytes in UTF-8, without NUL characters and line breaks.
    type: string
    required: true
seealso:
  - plugin: pifleet.nodered.bcrypt_hash
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Fail if the password is not the one in use
  ansible.builtin.assert:
    that: hash_in_use is pifleet.nodered.bcrypt_match(vault_admin_password)
"""

RETURN = r"""
_value:
  description: Whether the password fits the hash.
  type: boolean
"""

import typing as t
from collections.abc import Callable

try:
    from ansible.errors import AnsibleTemplatePluginError
except ImportError:  # ansible-core 2.18
    from ansible.errors import AnsibleFilterError as AnsibleTemplatePluginError

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import passwords
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError


def bcrypt_match(hash: t.Any, password: t.Any) -> bool:
    """See DOCUMENTATION; raises AnsibleTemplatePluginError with a message that holds neither password nor hash."""
    try:
        return passwords.fits(password, hash)
    except UserError as error:
        message = str(error)
    # Outside of the handler and without `obj`: ansible-core prints causes, and the source lines `obj` came from.
    raise AnsibleTemplatePluginError(message)


class TestModule:
    """What ansible-core asks this file for."""

    def tests(self) -> dict[str, Callable]:
        return {"bcrypt_match": bcrypt_match}
