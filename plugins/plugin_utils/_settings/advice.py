# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the owner should know of settings that were asked for, and of the file that has them."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression

from . import login_page, sign_on, web_sockets
from .apply import AppliedSettings
from .desired import DesiredSettings
from .document import SettingsDocument
from .oidc_options import VARIABLE as OIDC_VARIABLE
from .origin import PutBack, Written


def reminders(desired: DesiredSettings, applied: AppliedSettings) -> list[str]:
    """Sentences about what was asked for, without a secret."""
    messages = [
        f"{owner}: the password is the one from before. Change it in your inventory to make it a new one."
        for owner in applied.unchanged_passwords
    ]
    if desired.default_permissions is not None:
        messages.append(
            "nodered_admin_default_permissions: whoever reaches the editor needs no login for"
            f" {_listed(desired.default_permissions)}. Whoever may read sees all flows with the code of their functions,"
            " the names of brokers and users, and the data that flows keep."
        )
    return messages


def warnings(desired: DesiredSettings, document: SettingsDocument, applied: AppliedSettings) -> list[str]:
    """Sentences about an edited document."""
    messages = list(applied.notes)
    of_others = document.has(sign_on.TOKENS) and not sign_on.is_reference(document.get(sign_on.TOKENS), "tokens")
    if desired.users is not None and of_others:
        messages.append(
            "adminAuth.tokens gives access of its own, which stays whatever nodered_admin_users says. Remove it unless"
            " something needs it."
        )
    # Who asked for a login page has named the proxy, or was refused.
    may_be_plain = desired.drops_https and desired.login is None and document.get(("requireHttps",)) is not True
    if may_be_plain and login_page.answers_in_plain(document.settings, False):
        messages.append(
            "nodered_certificate_provider is none, and Node-RED answers the network in plain HTTP: passwords and flows cross"
            " it for everybody to read. Behind a proxy on the same host set uiHost: 127.0.0.1 in nodered_settings; behind one"
            " elsewhere set requireHttps: true there."
        )
    if desired.node_auth is not None or desired.login is not None:
        page = "nodered_node_users" if desired.login is None or desired.login.users else OIDC_VARIABLE
        asked = "the login of nodered_node_auth" if desired.login is None else f"a login of {page}"
        messages += [
            f"{key} is code of your own and stays. Web sockets ask for {asked} only if that code does."
            for key in web_sockets.own_code(document)
        ]
        line = web_sockets.may_come_from(document)
        if line is not None:
            messages.append(
                f"line {line}: what stands here may bring functions for web sockets (webSocketNodeVerifyClient,"
                f" ui.ioMiddleware), which stay. Web sockets ask for {asked} only if those do."
            )
        messages += [
            f"{'.'.join(path)} is code of your own and stays. If it asks for a login too, everybody has to pass both."
            for path in web_sockets.OWN_NODE_LOGINS
            if document.writes(path[0])
            and _is_code(document.get(path))
            and (len(path) == 1 or not _is_code(document.get(path[:1])))
        ]
    return messages


def of_left(left: Sequence[Written], unasked: Sequence[Written], done: PutBack) -> list[str]:
    """Sentences about settings that this collection has written and that stay, although nobody asks for them any more.

    :param left: all that were left
    :param unasked: those of them that nodered_settings_purge would have go
    :param done: what became of those that were to go already
    """
    messages = []
    if unasked:
        messages.append(
            f"No variable asks any more for what this collection has written here: {_names(unasked)}. Set"
            " nodered_settings_purge: true to have it as it was before, or name it in nodered_settings."
        )
    logins = [entry for entry in left if entry.name in ("httpNodeAuth", "httpStaticAuth")]
    messages += [
        f"{entry.name} stays, although no variable asks for that login any more. To let everybody in, set"
        f" nodered_settings_absent: [{entry.name}]."
        for entry in logins
    ]
    return [*messages, *of_put_back(done)]


def of_put_back(done: PutBack) -> list[str]:
    """Sentences about settings that were to be what they were before, and that stay as they are."""
    messages = []
    if done.edited:
        messages.append(
            f"Somebody else has edited what this collection had written, so that it stays: {_names(done.edited)}."
        )
    return messages + [f"{entry.name} stays: {reason}" for entry, reason in done.impossible]


def _names(entries: Sequence[Written]) -> str:
    return ", ".join(sorted(entry.name for entry in entries))


def _is_code(value: object) -> bool:
    return isinstance(value, Expression) and not value.is_undefined


def _listed(permissions: str | list[str]) -> str:
    return permissions if isinstance(permissions, str) else ", ".join(permissions)
