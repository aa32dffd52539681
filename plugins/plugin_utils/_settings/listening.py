# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Node-RED listens with a settings.js: for whom, on which port, and whether by TLS."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression

from .roots import ADMIN_ROOT, COMMON_ROOT, root_of
from .source import MISSING, SettingsSource

#: What Node-RED listens on where nobody names another address or port: every IPv4 address.
DEFAULT_HOST = "0.0.0.0"  # noqa: S104
DEFAULT_PORT = 1880


class Listening(t.NamedTuple):
    """What a file says; None for what only running the code tells, or where something else wins."""

    host: str | None
    port: int | None
    tls: bool | None
    #: The path below which the editor is; False where it is switched off.
    admin_root: str | t.Literal[False] | None


def listening_of(settings: SettingsSource, overrides: Iterable[Mapping[str, t.Any]] = ()) -> Listening:
    """Where Node-RED listens with this file.

    :param settings: the file
    :param overrides: what the command line and the environment set, as the module host_info returns it
    """
    won = {override["path"][0] if override["path"] else "" for override in overrides}

    def known(value: t.Any, default: t.Any, *keys: str) -> t.Any:
        """None for code, and where something else wins; the default for what is missing, or null."""
        if won & {"", *keys}:
            return None
        if isinstance(value, Expression):
            return default if value.is_undefined else None
        return default if value in (MISSING, None) else value

    host = known(settings.value(("uiHost",)), DEFAULT_HOST, "uiHost")
    port = known(settings.value(("uiPort",)), DEFAULT_PORT, "uiPort")
    # An object of options counts, also an empty one.
    tls = known(settings.value(("https",)), False, "https")
    root = known(root_of(settings, ADMIN_ROOT), "/", ADMIN_ROOT, COMMON_ROOT)
    is_port = isinstance(port, (int, str)) and not isinstance(port, bool) and str(port).isdecimal()
    return Listening(
        host if isinstance(host, str) else None,
        int(port) if is_port else None,
        None if tls is None else isinstance(tls, (dict, list)) or bool(tls),
        root if root is False or isinstance(root, str) else None,
    )
