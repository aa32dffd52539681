# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login of httpNodeAuth for web sockets, which Node-RED 3.1 to 5.0 lets through without it.

Nodes with a web socket of their own ask ``webSocketNodeVerifyClient`` (22-websocket.js), the dashboards
``ioMiddleware``: node-red-dashboard below ``ui``, @flowfuse/node-red-dashboard below ``dashboard``, or ``ui`` where there
is no ``dashboard``.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression

from .document import SettingsDocument
from .functions import IO_MIDDLEWARE, LOGIN_PAGE, PREFIX, VERIFY_CLIENT, VERIFY_LOGIN
from .source import MISSING

_VERIFICATION = ("pifleetVerifyLogin",)

#: The settings and their code, where httpNodeAuth is one login. Where it is the login page: `login_page.functions`.
FUNCTIONS = {
    _VERIFICATION: VERIFY_LOGIN,
    ("webSocketNodeVerifyClient",): VERIFY_CLIENT,
    ("ui", "ioMiddleware"): IO_MIDDLEWARE,
    ("dashboard", "ioMiddleware"): IO_MIDDLEWARE,
}


#: Where code of the owner's own may ask for a login to dashboards.
OWN_NODE_LOGINS = (("dashboard", "middleware"), ("ui", "middleware"), ("httpNodeMiddleware",))


def ask_for_login(
    document: SettingsDocument,
    elsewhere: Collection[tuple[str, ...]],
    functions: Mapping[tuple[str, ...], str] | None = None,
) -> None:
    """Let web sockets ask for the login of httpNodeAuth, but for what is asked for ``elsewhere`` and the user's own code.

    :param functions: the settings and their code; None for those of one login
    """
    for path, code in (functions or FUNCTIONS).items():
        if not any(path[: len(other)] == other for other in elsewhere) and _is_free(document, path):
            document.set(path, Expression(code))


def drop_verification(document: SettingsDocument) -> None:
    """Take away what checks the one login of httpNodeAuth."""
    if _is_ours(document.get(_VERIFICATION)):
        document.remove(_VERIFICATION)


def take_away(document: SettingsDocument) -> None:
    """Have web sockets ask for no login, but by the user's own code."""
    for path in paths(document):
        document.remove(path)


def with_login(key: str, value: t.Any) -> t.Any:
    """The value of a setting that somebody asked for, with what asks for the login if that is left open."""
    if key not in ("ui", "dashboard") or not isinstance(value, Mapping) or "ioMiddleware" in value:
        return value
    return {**value, "ioMiddleware": Expression(IO_MIDDLEWARE)}


def paths(document: SettingsDocument) -> list[tuple[str, ...]]:
    """The settings of `ask_for_login` that the document has."""
    return [path for path in FUNCTIONS if _is_ours(document.get(path))]


def own_code(document: SettingsDocument) -> list[str]:
    """The settings for web sockets that hold code of the user's own."""
    return [".".join(path) for path in _not_ours(document) if document.writes(path[0])]


def may_come_from(document: SettingsDocument) -> int | None:
    """The line of the code that may bring functions for web sockets, where none is written out; None where none may."""
    lines = [document.line_of(path) for path in _not_ours(document) if not document.writes(path[0])]
    return lines[0] if lines else None


def _not_ours(document: SettingsDocument) -> list[tuple[str, ...]]:
    return [path for path in FUNCTIONS if document.get(path) is not MISSING and not _is_ours(document.get(path))]


def _is_free(document: SettingsDocument, path: tuple[str, ...]) -> bool:
    if len(path) > 1:
        around = document.get(path[:1])
        if not isinstance(around, dict) and (around is not MISSING or path[0] == "dashboard"):
            return False
    present = document.get(path)
    return present is MISSING or _is_ours(present)


def _is_ours(value: object) -> bool:
    # Of a spread there is a text, and no expression of its own.
    return isinstance(value, Expression) and (
        value.text.startswith(PREFIX) or LOGIN_PAGE.fullmatch(value.text) is not None
    )
