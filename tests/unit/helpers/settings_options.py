# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the module settings for the tests."""

from __future__ import annotations

import typing as t


def make_options(**given: t.Any) -> dict[str, t.Any]:
    """All options, as an action has them where a task gives only these."""
    return {
        "admin_auth": "users",
        "admin_users": None,
        "admin_read_only": False,
        "admin_default_permissions": None,
        "session_expiry": None,
        "node_auth": None,
        "node_users": None,
        "node_open": [],
        "node_session_expiry": 604800,
        "node_title": None,
        "oidc": None,
        "trusted_proxies": [],
        "static": None,
        "static_auth": None,
        "proxy_path": None,
        "https_absent": False,
        "purge": False,
        "https": False,
        "https_options": {},
        "credential_secret": None,
        "values": {},
        "expressions": {},
        "absent": [],
        "new_hashes": False,
        **given,
    }
