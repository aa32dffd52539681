# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Misspelt variables, told from those that users have for themselves."""

from __future__ import annotations

import pytest

from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.variable_names import (
    known_variables,
    misspelt,
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("nodered_node_aut", "nodered_node_auth"),
        ("nodered_certificat_names", "nodered_certificate_names"),
        ("nodered_admin_user", "nodered_admin_users"),
        ("nodered_settings_jss", "nodered_settings_js"),
    ],
)
def test_misspelt(name: str, meant: str) -> None:
    assert misspelt([name, "ansible_host"]) == {name: meant}


@pytest.mark.parametrize(
    "name",
    ["nodered_password", "nodered_version", "nodered_vault_admin", "nodered_port", "nodered_site", "node_red_users"],
)
def test_somebodys_own(name: str) -> None:
    assert misspelt([name]) == {}


def test_no_variable_of_the_collection_is_misspelt() -> None:
    known = known_variables()
    assert {"nodered_admin_users", "nodered_serial", "nodered_trust_users", "nodered_rotate", "nodered_info"} <= known
    assert misspelt(known) == {}
