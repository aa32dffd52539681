# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof that the owner of a Node-RED gets in: one login from the control node, ended at once.

The password goes to nobody but the Node-RED that it is for, over TLS, and only after that has shown the very certificate
that it was proved with on the host.
"""

from __future__ import annotations

import http.client
import json
import re
import typing as t
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.proxy_probe import host_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError

#: Seconds to wait for a connection, and for an answer: a Pi Zero needs several for one bcrypt hash.
CONNECT_TIMEOUT = 5
ANSWER_TIMEOUT = 60

#: RFC 6750, section 2.1.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class LoginRefusedError(UserError):
    """Node-RED does not let the user in, in a sentence without the password."""


class LoginUnprovedError(UserError):
    """Nothing can be said of the login from here, in a sentence that tells why."""


def prove_login(
    address: str, proved: Mapping[str, t.Any], certificate: str | None, username: str, password: str, is_here: bool
) -> None:
    """Log in once with all rights of a user, and log out.

    :param address: where the control node reaches the host
    :param proved: what `host_restart` has proved: port, tls, admin_root
    :param certificate: SHA-256 of the DER bytes of the certificate that the server showed on the host
    :param is_here: whether that host is the control node itself, so that the password crosses no network
    :raises LoginRefusedError: the login fails
    :raises LoginUnprovedError: the server cannot be reached from here, or not without showing the password to others; or it
        has locked the user after five wrong passwords, which it does for ten minutes
    """
    proxy = proved.get("proxy")
    if not proved["tls"] and not proxy and not is_here:
        raise LoginUnprovedError(
            "Node-RED serves no TLS, and the password would cross the network for everybody to read"
        )
    if (proved["tls"] or proxy) and not certificate:
        raise LoginUnprovedError("the host did not tell which certificate its Node-RED shows")
    port, root = proxy["https"] if proxy else proved["port"], proved["admin_root"]
    name = host_of(proxy) if proxy else ""
    tls = proved["tls"] or bool(proxy)
    with probe.Endpoint(address, port, tls, CONNECT_TIMEOUT, certificate, name=name) as endpoint:
        try:
            endpoint.connect()
        except (OSError, http.client.HTTPException) as error:
            raise LoginUnprovedError(f"port {port} of {address} cannot be reached from here ({error})") from None
        endpoint.timeout = ANSWER_TIMEOUT
        try:
            status, body = probe.log_in(endpoint, root, username, password)
        except probe.OtherCertificateError as error:
            raise LoginUnprovedError(str(error)) from None
        except (OSError, http.client.HTTPException) as error:
            # The network may be to blame. The host itself finds out whether Node-RED has died of it.
            raise LoginUnprovedError(f"Node-RED did not answer to it ({error})") from None
        if probe.locked_out(status, body):
            raise LoginUnprovedError(
                f"Node-RED lets nobody log in as {username} for ten minutes, after five wrong passwords"
            )
        token = _token(status, body)
        if status == http.client.TOO_MANY_REQUESTS:
            raise LoginUnprovedError("a gate in front of the editor answers that there were too many requests")
        if token is None:
            raise LoginRefusedError(f"Node-RED refuses the login of {username} ({status}).")
        try:
            status = endpoint.post(
                probe.join(root, "auth/revoke"), {"token": token}, {"Authorization": f"Bearer {token}"}
            )[0]
        except (OSError, http.client.HTTPException):
            status = 0
        if status != 200:
            raise LoginUnprovedError(
                f"the login of {username} worked, but could not be ended: it lasts until its time is over"
            )


def _token(status: int, body: bytes) -> str | None:
    try:
        token = json.loads(body).get("access_token") if status == 200 else None
    except (ValueError, AttributeError, RecursionError):
        return None
    return token if isinstance(token, str) and _TOKEN.fullmatch(token) else None
