# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single sign-on in settings.js: two references for the editor, beside its local users, the same for every release.

Dashboards need none of their own: the login page asks the provider. The code is in `_login/gate/oidc/`.
"""

from __future__ import annotations

import typing as t
import urllib.parse
from collections.abc import Collection

from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names, covers, normalized

from .desired import DesiredSettings, SettingsOptionError
from .document import SettingsDocument
from .functions import EDITOR_SIGN_ON
from .login_data import LoginPlace
from .login_page import PLAIN_ROOT
from .oidc_options import VARIABLE, OidcOptionError, OidcOptions, url_of
from .roots import ADMIN_ROOT, is_switched_off, root_of
from .source import MISSING, SettingsSource

MIDDLEWARE = ("httpAdminMiddleware",)
TOKENS = ("adminAuth", "tokens")


def reference(place: LoginPlace, name: str) -> Expression:
    """The code that names one of the functions for the editor.

    :param name: middleware or tokens
    """
    return Expression(f'require("./{place.name}/oidc/editor.js").{name}')


def is_reference(value: object, name: str) -> bool:
    """Whether a value is the code that names one of these functions, whichever directory it has."""
    found = EDITOR_SIGN_ON.fullmatch(value.text) if isinstance(value, Expression) else None
    return found is not None and found[1] == name


def _refers(value: object, name: str) -> bool:
    """Whether a value, or a member of it, is code in which one of these functions stands."""
    if isinstance(value, list):
        return any(_refers(each, name) for each in value)
    return isinstance(value, Expression) and any(found[1] == name for found in EDITOR_SIGN_ON.finditer(value.text))


def is_used(settings: SettingsSource) -> bool:
    """Whether the editor asks for single sign-on."""
    return _refers(settings.value(MIDDLEWARE), "middleware") or _refers(settings.value(TOKENS), "tokens")


def functions(document: SettingsDocument) -> list[tuple[str, ...]]:
    """The settings that are one of these functions and nothing else."""
    named = ((MIDDLEWARE, "middleware"), (TOKENS, "tokens"))
    return [path for path, name in named if is_reference(document.get(path), name)]


# ----------------------------------------------------------------------------------------------------------------------
# What has to hold


def admin_root(settings: SettingsSource, options: OidcOptions) -> str:
    """Where the editor is, with a slash at both ends.

    :raises SettingsOptionError: it is to have single sign-on, and is nowhere, or only running code tells where
    """
    root = root_of(settings, ADMIN_ROOT)
    if options.editor and is_switched_off(settings, ADMIN_ROOT):
        raise SettingsOptionError(f"{VARIABLE}: httpAdminRoot is false, so that there is no editor to log in to.")
    if options.editor and not isinstance(root, str):
        raise SettingsOptionError(
            f"line {settings.line((ADMIN_ROOT,))}: httpAdminRoot is code, so that it cannot be told where the provider of"
            f" {VARIABLE} sends users back to. Write the path out, or set it in nodered_settings."
        )
    is_plain = isinstance(root, str) and PLAIN_ROOT.fullmatch(root) is not None
    if options.editor and not is_plain:
        raise SettingsOptionError(
            f"line {settings.line((ADMIN_ROOT,))}: httpAdminRoot {root!r} has characters with which the provider of"
            f" {VARIABLE} could send nobody back. Use letters, digits and ._~!$&'()*+=:@-."
        )
    parts = [part for part in str(root).split("/") if part] if is_plain else []
    return f"/{'/'.join(parts)}/" if parts else "/"


def url(desired: DesiredSettings, options: OidcOptions, place: LoginPlace, port: object) -> str:
    """Where browsers find this Node-RED.

    :param port: the port that it listens on, as settings.js has it; the empty text where only running code tells
    :raises SettingsOptionError: nobody said so, and it cannot be told; or the provider would send nobody there
    """
    try:
        known = options.url or _usual_url(desired, place, port)
        options.check_url(known)
    except OidcOptionError as error:
        raise SettingsOptionError(str(error)) from None
    return known


def certificate_warning(url: str, names: Names) -> str:
    """What to say of a URL that browsers would warn of, because the certificate has another name; empty where it fits.

    :param url: where browsers find this Node-RED
    :param names: those of the certificate; of what the host alone says it is told elsewhere
    """
    name = normalized(urllib.parse.urlsplit(url).hostname or "")
    if covers(name, names) or name in names.left_out:
        return ""
    return (
        f"{VARIABLE}: url is {url}, but {name} is not in the certificate, so that browsers would warn. Add it to"
        " nodered_certificate_names, or set url to a name that is in the certificate."
    )


def _usual_url(desired: DesiredSettings, place: LoginPlace, port: object) -> str:
    example = "Set it to where browsers find this Node-RED, such as https://kitchen.example.com:1880."
    if desired.proxy_path is None and not desired.https:
        raise OidcOptionError(
            f"{VARIABLE}: url is missing, because it is not this collection that serves TLS. {example}"
        )
    digits = str(port)
    if desired.proxy_path is None and not digits.isdecimal():
        raise OidcOptionError(
            f"{VARIABLE}: url is missing, and uiPort is code, so that the port cannot be told. {example}"
        )
    try:
        return url_of(place.inventory_name, int(digits) if desired.proxy_path is None else None)
    except OidcOptionError:
        raise OidcOptionError(
            f"{VARIABLE}: url is missing, and the name of the host in the inventory, {place.inventory_name!r}, is none that a"
            f" browser could ask for. {example}"
        ) from None


# ----------------------------------------------------------------------------------------------------------------------
# The edit


def put(document: SettingsDocument, place: LoginPlace, elsewhere: Collection[tuple[str, ...]]) -> None:
    """Have the editor ask for single sign-on beside its users.

    :param elsewhere: settings that were asked for by themselves
    :raises SettingsOptionError: it has no local users, or code stands where a reference has to be
    """
    _require_users(document)
    _put_middleware(document, reference(place, "middleware"), MIDDLEWARE in elsewhere)
    _put_tokens(document, reference(place, "tokens"))


def _require_users(document: SettingsDocument) -> None:
    kind, users = document.get(("adminAuth", "type")), document.get(("adminAuth", "users"))
    if kind != "credentials" or not isinstance(users, (list, dict)) or not users:
        raise SettingsOptionError(
            f"{VARIABLE}: editor needs local users beside it, by whom one gets in while the provider is down, and adminAuth"
            " has none. Set nodered_admin_users."
        )


def _put_middleware(document: SettingsDocument, ours: Expression, is_asked_for: bool) -> None:
    value = document.get(MIDDLEWARE)
    if is_reference(value, "middleware"):
        document.set(MIDDLEWARE, ours)
    elif _refers(value, "middleware"):
        return
    elif isinstance(value, list):
        document.set(MIDDLEWARE, [ours, *value])
    elif _is_code(value) and is_asked_for:
        raise SettingsOptionError(
            f"nodered_settings_js: httpAdminMiddleware has code, and {VARIABLE} needs its own in front of that. Write"
            f" `[{ours.text}, ...]` there, with what it is now in the place of the dots."
        )
    elif _is_code(value):
        raise SettingsOptionError(
            f"line {document.line_of(MIDDLEWARE)}: httpAdminMiddleware is, or may come from, code here, and {VARIABLE} needs"
            f" its own in front of that. Write it there by hand: `httpAdminMiddleware: [{ours.text}, ...]`, with what it"
            " is now in the place of the dots."
        )
    else:
        document.set(MIDDLEWARE, ours)


def _put_tokens(document: SettingsDocument, ours: Expression) -> None:
    value = document.get(TOKENS)
    if _refers(value, "tokens") and not is_reference(value, "tokens"):
        return
    if _is_code(value) and not is_reference(value, "tokens"):
        raise SettingsOptionError(
            f"line {document.line_of(TOKENS)}: adminAuth.tokens is, or may come from, code here, and {VARIABLE} needs its own"
            f" before that. Write it there by hand: `tokens: async (token) => (await {ours.text}(token)) || own(token)`,"
            " with what it is now in the place of own."
        )
    if isinstance(value, list) and value:
        raise SettingsOptionError(
            f"line {document.line_of(TOKENS)}: adminAuth.tokens is a list of access tokens here, and {VARIABLE} needs its"
            " place. Remove them from the file; programs log in as one of nodered_admin_users."
        )
    document.set(TOKENS, ours)


def take_away(document: SettingsDocument) -> None:
    """Have the editor ask for no single sign-on.

    :raises SettingsOptionError: code of the owner's refers to it, which would keep Node-RED from starting
    """
    middleware = document.get(MIDDLEWARE)
    if isinstance(middleware, list):
        others = [value for value in middleware if not is_reference(value, "middleware")]
        if others and len(others) < len(middleware):
            document.set(MIDDLEWARE, others)
        elif middleware and not others:
            document.remove(MIDDLEWARE)
    elif is_reference(middleware, "middleware"):
        document.remove(MIDDLEWARE)
    if is_reference(document.get(TOKENS), "tokens"):
        document.remove(TOKENS)
    for path, name in ((MIDDLEWARE, "middleware"), (TOKENS, "tokens")):
        if _refers(document.get(path), name):
            raise SettingsOptionError(
                f"line {document.line_of(path)}: {'.'.join(path)} has code of your own that refers to single sign-on, which"
                f" {VARIABLE} asks for no more. Remove that part by hand, then run again."
            )


def _is_code(value: t.Any) -> bool:
    return value is not MISSING and isinstance(value, Expression) and not value.is_undefined
