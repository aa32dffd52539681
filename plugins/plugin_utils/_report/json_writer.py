# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as JSON, for programs. Its schema is docs/report.schema.json."""

from __future__ import annotations

import json

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Report
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import time_data

from .summary import digest, report_data

#: Raised when a program that reads the former one would not understand it.
FORMAT_VERSION = 1


def render(report: Report) -> str:
    """The text of the file."""
    head = {
        "format": "pifleet.nodered report",
        "format_version": FORMAT_VERSION,
        "created": time_data(report.created),
        "digest": digest(report),
    }
    return json.dumps({**head, **report_data(report)}, ensure_ascii=False, indent=2) + "\n"
