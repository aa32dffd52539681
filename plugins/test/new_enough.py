# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: new_enough
author: The pifleet.nodered maintainers (@pifleet)
version_added: 0.1.0
short_description: Is a Node.js new enough for a Node-RED
description:
  - Whether a version of Node.js satisfies what a release of Node-RED states as its C(engines.node).
positional: _input, answer
options:
  _input:
    description: The version of Node.js, as C(node --version) prints it.
    type: string
    required: true
  answer:
    description: What C(npm view --json node-red@<version> version engines.node) prints.
    type: string
    required: true
"""

EXAMPLES = r"""
- name: Refuse a Node.js that is too old
  ansible.builtin.assert:
    that: node.stdout is pifleet.nodered.new_enough(npm_view.stdout)
"""

RETURN = r"""
_value:
  description: Whether it is new enough.
  type: boolean
"""

from collections.abc import Callable

try:
    from ansible.errors import AnsibleTemplatePluginError
except ImportError:  # ansible-core 2.18
    from ansible.errors import AnsibleFilterError as AnsibleTemplatePluginError

from ansible_collections.pifleet.nodered.plugins.plugin_utils._releases import node_versions


def new_enough(node: str, answer: str) -> bool:
    """See DOCUMENTATION."""
    try:
        return node_versions.new_enough(node, node_versions.required_node(answer))
    except ValueError as error:
        raise AnsibleTemplatePluginError(f"The versions of Node.js cannot be compared: {error}.") from None


class TestModule:
    """What ansible-core asks this file for."""

    def tests(self) -> dict[str, Callable]:
        return {"new_enough": new_enough}
