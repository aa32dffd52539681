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

from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings_document import (
    MISSING, Expression, SettingsDocument,
)

#: How every function here begins, to tell it from one of the user's own.
_OURS = "function pifleet"

#: bcryptjs is the one bcrypt library that every Node-RED has; where another program loads the settings, nobody gets in. It
#: works in slices, so that a wrong password does not stop the flows; the right one is computed once.
#: A browser sends a login that it remembers with the web sockets of any page, so a page of another host gets none.
_VERIFY_LOGIN = """\
function pifleetVerifyLogin(request, done) {
    const origin = request.headers.origin;
    if (origin && origin.replace(/^https?:\\/\\//, "") !== request.headers.host) { return done(false); }
    const login = module.exports.httpNodeAuth || {};
    const header = request.headers.authorization || "";
    const sent = Buffer.from(header.replace(/^Basic /i, ""), "base64").toString();
    const colon = sent.indexOf(":");
    if (colon < 0 || sent.slice(0, colon) !== login.user) { return done(false); }
    if (header === pifleetVerifyLogin.accepted) { return done(true); }
    let bcrypt;
    try { bcrypt = require.main.require("bcryptjs"); } catch (error) { return done(false); }
    bcrypt.compare(sent.slice(colon + 1), String(login.pass), (error, fits) => {
        if (fits) { pifleetVerifyLogin.accepted = header; }
        done(fits === true);
    });
}"""
#: Browsers send a login below the folder of the page that asked for it, and elsewhere when they are asked (RFC 7617).
_VERIFY_CLIENT = """\
function pifleetVerifyClient(info, done) {
    const ask = { "WWW-Authenticate": "Basic realm=\\"Authorization Required\\"" };
    module.exports.pifleetVerifyLogin(info.req, (fits) => done(fits, 401, "Unauthorized", ask));
}"""
_IO_MIDDLEWARE = """\
function pifleetIoMiddleware(socket, next) {
    module.exports.pifleetVerifyLogin(socket.request, (fits) => next(fits ? undefined : new Error("Unauthorized")));
}"""

#: The settings and their code.
FUNCTIONS = {
    ("pifleetVerifyLogin",): _VERIFY_LOGIN,
    ("webSocketNodeVerifyClient",): _VERIFY_CLIENT,
    ("ui", "ioMiddleware"): _IO_MIDDLEWARE,
    ("dashboard", "ioMiddleware"): _IO_MIDDLEWARE,
}


def ask_for_login(document: SettingsDocument, elsewhere: t.Collection[tuple[str, ...]]) -> None:
    """Let web sockets ask for the login of httpNodeAuth, but for what is asked for ``elsewhere`` and the user's own code."""
    for path, code in FUNCTIONS.items():
        if not any(path[:len(other)] == other for other in elsewhere) and _is_free(document, path):
            document.set(path, Expression(code))


def paths(document: SettingsDocument) -> list[tuple[str, ...]]:
    """The settings of `ask_for_login` that the document has."""
    return [path for path in FUNCTIONS if _is_ours(document.get(path))]


def own_code(document: SettingsDocument) -> list[str]:
    """The settings for web sockets that hold code of the user's own."""
    return [".".join(path) for path in FUNCTIONS
            if document.get(path) is not MISSING and not _is_ours(document.get(path))]


def _is_free(document: SettingsDocument, path: tuple[str, ...]) -> bool:
    if len(path) > 1:
        around = document.get(path[:1])
        if not isinstance(around, dict) and (around is not MISSING or path[0] == "dashboard"):
            return False
    present = document.get(path)
    return present is MISSING or _is_ours(present)


def _is_ours(value: object) -> bool:
    return isinstance(value, Expression) and value.code.startswith(_OURS)
