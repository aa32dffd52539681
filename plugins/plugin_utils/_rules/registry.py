# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All rules that an audit and a validation apply."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Rule

from . import (
    certificates,
    host,
    https,
    inventory,
    inventory_files,
    login_page,
    logins,
    network,
    passwords,
    proxy,
    settings,
    versions,
)

#: The rules about a settings.js, by their identifiers.
RULES_OF_SETTINGS: Mapping[str, Rule] = {
    **settings.RULES,
    **https.RULES,
    **logins.RULES,
    **passwords.RULES,
    **certificates.RULES,
}
#: The rules that an audit applies to a host.
RULES_OF_HOSTS: Mapping[str, Rule] = {
    **RULES_OF_SETTINGS,
    **host.RULES,
    **login_page.RULES,
    **network.RULES,
    **proxy.RULES,
    **versions.RULES,
}
#: The rules about an inventory, its variables and its files.
RULES_OF_INVENTORIES: Mapping[str, Rule] = {**inventory.RULES, **inventory_files.RULES}
#: All there are.
RULES: Mapping[str, Rule] = {**RULES_OF_HOSTS, **RULES_OF_INVENTORIES}
