# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which settings two files differ, by name."""

from __future__ import annotations

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import same_meaning

from .source import MISSING, SettingsSource


def changed_keys(before: bytes, after: bytes) -> list[str]:
    """The top-level settings that differ; none where one of the files cannot be read."""
    try:
        old, new = SettingsSource(before), SettingsSource(after)
        names = [*old.lines, *(name for name in new.lines if name not in old.lines)]
        return [name for name in names if _differ(old.value((name,)), new.value((name,)))]
    except SettingsError:
        return []


def _differ(before: object, after: object) -> bool:
    if before is MISSING or after is MISSING:
        return before is not after
    return not same_meaning(before, after)
