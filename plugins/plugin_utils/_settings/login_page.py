# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The login page in settings.js: a few references to the directory `nodelogin` beside it, the same for every release.

The code that they refer to is in `_login/gate/`.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Collection, Mapping

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.probe import is_loopback
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression

from . import web_sockets
from .desired import DesiredSettings, SettingsOptionError
from .document import SettingsDocument
from .functions import LOGIN_PAGE
from .login_data import LoginPlace
from .login_options import WILDCARD, LoginOptions
from .oidc_options import VARIABLE as OIDC_VARIABLE
from .roots import NODE_ROOT, is_below, is_switched_off, root_of, static_root_of, static_roots
from .source import MISSING, SettingsSource

_NODE_AUTH = ("httpNodeAuth",)
_STATIC = ("httpStatic",)
_STATIC_AUTH = ("httpStaticAuth",)
_NODES = ("nodesDir",)
#: A root that the code on the host can tell apart; with or without slashes at its ends, as Node-RED takes it.
PLAIN_ROOT = re.compile(r"[A-Za-z0-9._~!$&'()*+=:@/-]*")
_PLUGIN = re.compile(r"""["']nodelogin(?:-[\w.-]+)?["']\s*,\s*["']plugin["']""", re.ASCII)


def reference(place: LoginPlace, name: str) -> Expression:
    """The code that names one of the functions of the login page.

    :param name: httpNodeAuth, webSocket, socketIo or http
    """
    return Expression(f'require("./{place.name}/login.js").{name}')


def plugin(place: LoginPlace) -> Expression:
    """The code that names the directory of its plugin."""
    return Expression(f'require("path").join(__dirname, "{place.name}", "plugin")')


def is_reference(value: object, name: str) -> bool:
    """Whether a value is the code that names one of the functions of a login page, whichever directory it has."""
    found = LOGIN_PAGE.fullmatch(value.text) if isinstance(value, Expression) else None
    return found is not None and found[1] == name


def refers(value: object, name: str) -> bool:
    """Whether a value is code in which that stands."""
    return isinstance(value, Expression) and any(found[1] == name for found in LOGIN_PAGE.finditer(value.text))


def names_plugin(value: object) -> bool:
    """Whether a value, or a member of it, is code that names the directory of the plugin of a login page."""
    if isinstance(value, list):
        return any(map(names_plugin, value))
    return isinstance(value, Expression) and _PLUGIN.search(value.text) is not None


def is_used(settings: SettingsSource) -> bool:
    """Whether dashboards and endpoints ask for the login page."""
    return is_reference(settings.value(_NODE_AUTH), "httpNodeAuth")


def functions(place: LoginPlace) -> dict[tuple[str, ...], str]:
    """What web sockets ask, by the setting that says so."""
    socket_io = reference(place, "socketIo").text
    return {
        ("webSocketNodeVerifyClient",): reference(place, "webSocket").text,
        ("ui", "ioMiddleware"): socket_io,
        ("dashboard", "ioMiddleware"): socket_io,
    }


# ----------------------------------------------------------------------------------------------------------------------
# What has to hold


def check(settings: SettingsSource, options: LoginOptions, desired: DesiredSettings) -> str:
    """Refuse what would send passwords in the open, or what no request could be meant by.

    :param settings: settings.js as it is after the edit
    :param options: what login.json is to say of the page
    :param desired: all that was asked for
    :returns: the root of what flows serve; of the server where they have no login page
    :raises SettingsOptionError: it is so
    """
    variable = "nodered_node_users" if options.users else OIDC_VARIABLE
    _check_tls(settings, options, desired.https, variable)
    root = root_of(settings, NODE_ROOT)
    if desired.login is None:
        return _plain(root) if isinstance(root, str) and PLAIN_ROOT.fullmatch(root) else "/"
    if is_switched_off(settings, NODE_ROOT):
        raise SettingsOptionError(f"{variable}: httpNodeRoot is false, so that there is nothing to log in to.")
    if not isinstance(root, str):
        raise SettingsOptionError(
            f"line {settings.line((NODE_ROOT,))}: httpNodeRoot is code, so that it cannot be told where the login page of"
            f" {variable} is. Write the path out, or set it in nodered_settings."
        )
    if not PLAIN_ROOT.fullmatch(root):
        raise SettingsOptionError(
            f"line {settings.line((NODE_ROOT,))}: httpNodeRoot {root!r} has characters that the login page of"
            f" {variable} cannot be told apart by. Use letters, digits and ._~!$&'()*+=:@-."
        )
    roots = [root, *_roots_of_files(settings)]
    for user in options.users:
        for path in user.paths or ():
            _check_within(f"nodered_node_users, user {user.username}: the path {path}", path, roots)
    for position, rule in enumerate(desired.oidc.dashboards if desired.oidc else (), 1):
        for path in rule.get("paths", ()):
            _check_within(f"{OIDC_VARIABLE}, dashboards, entry {position}: the path {path}", path, roots)
    for path in options.open:
        _check_within(f"nodered_node_open: the path {path}", path.removesuffix(WILDCARD), roots)
    return _plain(root)


def _plain(root: str) -> str:
    return "/" + "/".join(part for part in root.split("/") if part)


def _roots_of_files(settings: SettingsSource) -> list[str]:
    """Where files are served; where only running code tells, all of it."""
    value = settings.value(_STATIC)
    is_off = value in (MISSING, None, False, "") or (isinstance(value, Expression) and value.is_undefined)
    return [] if is_off else [static.path for static in static_roots(settings)]


def answers_in_plain(settings: SettingsSource, https: bool) -> bool:
    """Whether the network can reach Node-RED, and it serves no TLS.

    :param https: whether it is to take the certificate of this collection
    """
    host, own = settings.value(("uiHost",)), settings.value(("https",))
    has_tls = https or not (own in (MISSING, None, False, "", 0) or (isinstance(own, Expression) and own.is_undefined))
    return not (has_tls or is_loopback(host))


def _check_tls(settings: SettingsSource, options: LoginOptions, https: bool, variable: str) -> None:
    if answers_in_plain(settings, https) and not options.trusted_proxies:
        raise SettingsOptionError(
            f"{variable}: passwords and logins would cross the network for everybody to read, because Node-RED"
            " serves no TLS. Set nodered_certificate_provider, or uiHost: 127.0.0.1 in nodered_settings, or name the proxy"
            " that ends TLS in nodered_trusted_proxies."
        )


def _check_within(what: str, path: str, roots: Collection[str]) -> None:
    # A path above a root means all of that.
    if not any(is_below(*pair) for root in roots for pair in ((path, root), (root, path))):
        raise SettingsOptionError(
            f"{what} is outside of all that flows serve ({', '.join(sorted(roots))}), so that it means nothing. Correct it."
        )


# ----------------------------------------------------------------------------------------------------------------------
# The edit


def with_page(key: str, value: t.Any, place: LoginPlace) -> t.Any:
    """The value of a setting that somebody asked for, with what belongs to the login page where that is left open."""
    if key == "nodesDir" and isinstance(value, (str, list)) and value:
        return [plugin(place), *([value] if isinstance(value, str) else value)]
    if key in ("ui", "dashboard") and isinstance(value, Mapping) and "ioMiddleware" not in value:
        return {**value, "ioMiddleware": reference(place, "socketIo")}
    return value


def put(
    document: SettingsDocument, place: LoginPlace, static: t.Any, elsewhere: Collection[tuple[str, ...]]
) -> list[str]:
    """Have settings.js refer to the login page.

    :param static: the desired value of httpStatic; None leaves what the file has
    :param elsewhere: settings that were asked for by themselves
    :returns: sentences about what of the owner's own is another one now
    :raises SettingsOptionError: code stands where a reference has to be
    """
    document.set(_NODE_AUTH, reference(place, "httpNodeAuth"))
    web_sockets.drop_verification(document)
    web_sockets.ask_for_login(document, elsewhere, functions(place))
    notes = _drop_static_auth(document)
    notes += _put_into_static(document, place, static)
    _put_into_nodes(document, place)
    return notes


def take_away(document: SettingsDocument) -> None:
    """Have settings.js refer to no login page but where the login of web sockets and of httpNodeAuth stands."""
    nodes = document.get(_NODES)
    if isinstance(nodes, list) and names_plugin(nodes):
        others = [value for value in nodes if not names_plugin(value)]
        if others:
            document.set(_NODES, others)
        else:
            document.remove(_NODES)
    static = document.get(_STATIC)
    if isinstance(static, list):
        plain = [
            {key: value for key, value in entry.items() if key != "middleware" or not is_reference(value, "http")}
            if isinstance(entry, dict)
            else entry
            for entry in static
        ]
        document.set(_STATIC, plain)


def _drop_static_auth(document: SettingsDocument) -> list[str]:
    """Take httpStaticAuth away: a browser would be asked twice."""
    present, line = document.get(_STATIC_AUTH), document.line_of(_STATIC_AUTH)
    if present is MISSING:
        return []
    if isinstance(present, Expression) and not present.is_undefined:
        raise SettingsOptionError(
            f"line {line}: httpStaticAuth is, or may come from, code here. nodered_node_users takes its place; remove it"
            " there."
        )
    document.remove(_STATIC_AUTH)
    return [f"line {line}: httpStaticAuth is gone. Static files ask for the login page now."] if present else []


def _put_into_static(document: SettingsDocument, place: LoginPlace, static: t.Any) -> list[str]:
    """Have static files ask for the login page, where they lie outside of what httpNodeAuth protects."""
    value = document.get(_STATIC) if static is None else static
    line = document.line_of(_STATIC)
    if isinstance(value, Expression) and not value.is_undefined:
        if refers(value, "http"):
            return []
        raise _by_hand(line, "httpStatic", f"middleware: {reference(place, 'http').text}", "into each of its entries")
    if value in (MISSING, None, False, "") or isinstance(value, Expression):
        return []
    entries = value if isinstance(value, list) else [value]
    node_root, notes, desired = root_of(document.settings, NODE_ROOT), [], []
    for entry in entries:
        root = static_root_of(document.settings, entry)
        own = entry.get("middleware") if isinstance(entry, dict) else None
        if not root.has_known_entry or not root.has_known_root or not isinstance(node_root, str):
            if refers(own, "http") or refers(entry, "http"):
                desired.append(entry)
                continue
            raise _by_hand(line, "httpStatic", f"middleware: {reference(place, 'http').text}", "into that entry")
        if is_below(root.path, node_root):
            desired.append(entry)
        elif own is None or is_reference(own, "http"):
            members = {"path": entry} if isinstance(entry, str) else entry
            desired.append({**members, "middleware": reference(place, "http")})
        else:
            desired.append(entry)
            if not refers(own, "http"):
                notes.append(
                    f"line {line}: the files at {root.path} have middleware of your own, which stays. They ask for the login"
                    f" page only if it does: [{reference(place, 'http').text}, ...]."
                )
    if desired != entries:
        document.set(_STATIC, desired)
    elif static is not None:
        document.set(_STATIC, static)
    return notes


def _put_into_nodes(document: SettingsDocument, place: LoginPlace) -> None:
    """Have Node-RED load the plugin, which asks for the login where settings.js has no setting for that."""
    value = document.get(_NODES)
    if names_plugin(value):
        return
    if isinstance(value, Expression) and not value.is_undefined:
        raise _by_hand(document.line_of(_NODES), "nodesDir", plugin(place).text, "in front of what it has")
    others = value if isinstance(value, list) else [value] if isinstance(value, str) and value else []
    document.set(_NODES, [plugin(place), *others])


def _by_hand(line: int | None, key: str, text: str, where: str) -> SettingsOptionError:
    return SettingsOptionError(
        f"line {line}: {key} is, or may come from, code here, and nodered_node_users needs `{text}` {where}. Write it there"
        " by hand."
    )
