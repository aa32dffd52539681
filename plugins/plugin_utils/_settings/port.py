# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port that a settings.js has Node-RED listen on."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from .source import MISSING, SettingsSource

#: What Node-RED listens on where nobody names another port.
DEFAULT_PORT = 1880


def port_of(settings: SettingsSource, overrides: Iterable[Mapping[str, t.Any]] = ()) -> int | None:
    """The port that Node-RED listens on with this file; None where only running the code tells, or where something else wins.

    :param settings: the file
    :param overrides: what the command line and the environment set, as the module host_info returns it
    """
    if any(override["path"][:1] in ([], ["uiPort"]) for override in overrides):
        return None
    value = settings.value(("uiPort",))
    if value is MISSING:
        return DEFAULT_PORT
    is_port = isinstance(value, (int, str)) and not isinstance(value, bool) and str(value).isdecimal()
    return int(value) if is_port else None
