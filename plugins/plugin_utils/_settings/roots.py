# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Below which paths Node-RED serves the editor, the flows' own pages and static files."""

from __future__ import annotations

import typing as t

from .source import MISSING, SettingsSource

#: The settings that hold a root of their own.
ADMIN_ROOT = "httpAdminRoot"
NODE_ROOT = "httpNodeRoot"
#: The root of both.
COMMON_ROOT = "httpRoot"


class StaticRoot(t.NamedTuple):
    """Where the files of one entry of httpStatic are served."""

    #: Begins with a slash; as far as the file tells.
    path: str
    #: False where only running the code tells what the entry is.
    has_known_entry: bool
    #: False where only running the code tells the rest of the path.
    has_known_root: bool


def root_of(settings: SettingsSource, key: str) -> t.Any:
    """The root of the editor or of the flows' pages.

    :param key: `ADMIN_ROOT` or `NODE_ROOT`
    :returns: a string as the user wrote it, False where it is switched off, or an Expression
    """
    for name in (COMMON_ROOT, key):
        value = settings.value((name,))
        if value is not MISSING:
            return value
    return "/"


def is_switched_off(settings: SettingsSource, key: str) -> bool:
    """Whether Node-RED serves nothing there, for one of the reasons that there may be.

    :param key: `ADMIN_ROOT` or `NODE_ROOT`
    """
    return any(settings.value((name,)) is False for name in (COMMON_ROOT, key))


def static_roots(settings: SettingsSource) -> list[StaticRoot]:
    """Where static files are served, an element for each entry of httpStatic; one where that is no list."""
    entries = settings.value(("httpStatic",))
    return [static_root_of(settings, entry) for entry in (entries if isinstance(entries, list) else [entries])]


def static_root_of(settings: SettingsSource, entry: t.Any) -> StaticRoot:
    """Where the files of an entry would be served.

    :param entry: as it stands, or may stand, in httpStatic
    """
    base = settings.value(("httpStaticRoot",))
    return _static_root(base if isinstance(base, str) else "", entry)


def is_below(path: str, root: str) -> bool:
    """Whether a path is a root or lies below it; slashes at either end mean nothing."""
    parts = _parts(root)
    return _parts(path)[: len(parts)] == parts


def _static_root(base: str, entry: t.Any) -> StaticRoot:
    root = entry.get("root", "") if isinstance(entry, dict) else ""
    is_known = isinstance(root, str)
    path = "/".join(("", *_parts(base), *_parts(root if is_known else "")))
    return StaticRoot(path or "/", isinstance(entry, (str, dict)), is_known)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]
