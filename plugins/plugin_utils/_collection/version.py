# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of this collection."""

from __future__ import annotations

import json

from ansible.module_utils.common.yaml import yaml_load

from .paths import COLLECTION


def collection_version() -> str:
    """From what ansible-galaxy installed, or from what it is built of."""
    manifest = COLLECTION / "MANIFEST.json"
    if manifest.exists():
        return json.loads(manifest.read_text("utf-8"))["collection_info"]["version"]
    return str(yaml_load((COLLECTION / "galaxy.yml").read_text("utf-8"))["version"])
