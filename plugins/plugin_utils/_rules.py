# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All rules that an audit and a validation apply."""

from __future__ import annotations

from collections.abc import Mapping

from . import _rules_certificates, _rules_host, _rules_inventory, _rules_logins, _rules_settings
from ._findings import Rule

#: By identifier.
RULES: Mapping[str, Rule] = {
    **_rules_settings.RULES, **_rules_logins.RULES, **_rules_certificates.RULES,
    **_rules_host.RULES, **_rules_inventory.RULES,
}
