# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What settings.js has to say behind a proxy, and how it comes to say again what it said before."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression

from .document import SettingsDocument
from .export import KeyPath
from .roots import ADMIN_ROOT, COMMON_ROOT, NODE_ROOT
from .source import MISSING

HOST = "uiHost"
HTTPS = "https"
#: The address on which only the host itself is answered.
LOOPBACK = "127.0.0.1"
#: The settings that a proxy changes.
CHANGED = (HOST, HTTPS, ADMIN_ROOT, NODE_ROOT)

#: By their names, how settings stood in a file: their JavaScript, None where they were not there.
Direct: t.TypeAlias = Mapping[str, str | None]


def paths(path: str) -> list[KeyPath]:
    """The settings that have a value of their own behind a proxy.

    :param path: below which Node-RED is; at / the roots stay what they are, because they are below that anyway
    """
    return [(HOST,), (HTTPS,), *(((ADMIN_ROOT,), (NODE_ROOT,)) if path != "/" else ())]


def come(document: SettingsDocument, path: str) -> None:
    """Have Node-RED answer nginx alone.

    :param path: below which it is
    :raises SettingsError: the file cannot be edited so
    """
    document.set((HOST,), LOOPBACK)
    if document.get((HTTPS,)) is not MISSING:
        # In its place, so that what comes back stands where it stood.
        document.set((HTTPS,), Expression("undefined"))
    if path == "/":
        return
    if document.get((COMMON_ROOT,)) is not MISSING:
        raise SettingsError(
            f"`{COMMON_ROOT}` wins over the roots that nodered_proxy_path gives. Remove it from the file, or add it to"
            " nodered_settings_absent.",
            document.line_of((COMMON_ROOT,)),
        )
    for root in (ADMIN_ROOT, NODE_ROOT):
        # A switched-off editor stays off.
        if document.get((root,)) is not False:
            document.set((root,), path)


def go(document: SettingsDocument, direct: Direct) -> None:
    """Have the file say what it said before the proxy came, each setting where it stood.

    :param direct: what `standing` has returned then
    :raises SettingsError: the file cannot be edited so
    """
    for key in CHANGED:
        code = direct.get(key)
        if code is not None:
            document.set((key,), Expression(code, verbatim=True))
        elif document.get((key,)) is not MISSING:
            document.remove((key,))


def standing(document: SettingsDocument) -> dict[str, str | None]:
    """How the settings that a proxy changes stand in a file.

    :raises SettingsError: one of them may come from code elsewhere, so that nobody could put it back
    """
    return {key: _code(document, key) for key in CHANGED}


def _code(document: SettingsDocument, key: str) -> str | None:
    if document.get((key,)) is MISSING:
        return None
    node = document.settings.node((key,))
    code = document.settings.text(node).decode("utf-8") if node is not None else ""
    try:
        # Proof that it can stand elsewhere: a method, for one, cannot.
        Expression(code).code  # noqa: B018 # pylint: disable=expression-not-assigned
    except SettingsError:
        raise SettingsError(
            f"`{key}` is, or may come from, code here that could not be put back when the proxy goes. Write it as"
            f" `{key}: value`, or remove it.",
            document.line_of((key,)),
        ) from None
    return code
