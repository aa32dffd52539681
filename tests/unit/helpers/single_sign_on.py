# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A provider as users name it in the variable `nodered_oidc`."""

from __future__ import annotations

import typing as t

CLIENT_SECRET = "client-secret-only-for-tests"
ISSUER = "https://id.example.com/realms/home"
URL = "https://kitchen.example.com:1880"
ADMINS = {"group": "admins", "permissions": "*"}
FAMILY = {"group": "family"}


def make_oidc(**given: t.Any) -> dict[str, t.Any]:
    """The variable, for the editor and for dashboards unless something else is given; None leaves a key out."""
    whole = {
        "name": "Keycloak",
        "issuer": ISSUER,
        "client_id": "nodered",
        "client_secret": CLIENT_SECRET,
        "url": URL,
        "editor": [ADMINS],
        "dashboards": [FAMILY],
        **given,
    }
    return {key: value for key, value in whole.items() if value is not None}
