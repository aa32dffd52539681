# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Node-RED shows to the control node: the view of a stranger on the network.

Only handshakes and GET requests without a login, or with an invented token. Nothing is sent that could change the host.
"""

from __future__ import annotations

import contextlib
import http.client
import secrets
import socket
import ssl
import time
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared import probe, proxy_probe

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import ProxyExpected

#: Seconds to wait for one answer.
TIMEOUT = 5

#: X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module does not name. Other rules judge how old a certificate is.
_NO_CHECK_TIME = 0x200000
#: How long one look may take in all, as a multiple of the time for one answer.
_LONGEST = 12


class Expected(t.NamedTuple):
    """What settings.js says about where Node-RED answers."""

    #: None where the editor and its API are switched off.
    admin_root: str | None
    #: Roots at which a Basic login has to be asked for, each with the setting that says so.
    logins: tuple[tuple[str, str], ...] = ()
    #: The root of what flows serve, where that asks for the login page; else None.
    login_page: str | None = None


def probe_endpoint(
    address: str,
    port: int,
    expected: Expected,
    authorities: str,
    timeout: float = TIMEOUT,
    proxy: ProxyExpected | None = None,
) -> dict[str, t.Any]:
    """What stands behind a port, as `check_host` wants to know it.

    :param authorities: certificates in PEM that are trusted beside those of the system; may be empty
    :param timeout: seconds to wait for one answer; all of them together get 12 times that
    :param proxy: the nginx that answers there for Node-RED; None where Node-RED itself does
    :returns: address, port, reachable; tls, plain_http, old_tls (the protocol or the empty text); certificate (PEM),
        trusted (None where there is no certificate); login (as `login_type`), settings_status, flows_status,
        token_status, cors (the header of /settings); client_certificate (whether nobody gets further without one);
        not_asked (path and setting of logins that are not asked for); sockets_refused (whether the plugin of a login page
        turns web sockets away, None without such a page); not_redirected (ports of a proxy that do not lead plain HTTP to
        TLS)
    """
    external_view: dict[str, t.Any] = {
        "address": address,
        "port": port,
        "reachable": False,
        "tls": False,
        "plain_http": False,
        "old_tls": "",
        "certificate": None,
        "trusted": None,
        "login": None,
        "settings_status": None,
        "flows_status": None,
        "token_status": None,
        "cors": None,
        "client_certificate": False,
        "not_asked": [],
        "not_redirected": [],
        "sockets_refused": None,
    }
    deadline = time.monotonic() + _LONGEST * timeout
    try:
        with socket.create_connection((address, port), timeout):
            external_view["reachable"] = True
    except OSError:
        return external_view
    name = proxy["name"] if proxy else ""
    _probe_tls(external_view, authorities, timeout, name)
    external_view["old_tls"] = proxy_probe.old_protocol(address, port, timeout, name)
    external_view["plain_http"] = probe.speaks_plain_http(address, port, timeout)
    if proxy:
        ports = [each for each in (port, proxy["http"]) if each]
        missing = [each for each in ports if not proxy_probe.redirects(address, each, proxy, timeout)]
        external_view["not_redirected"] = missing
        # A port that answers by leading to the other only is none.
        external_view["plain_http"] &= port in missing
    if not external_view["tls"] and not external_view["plain_http"]:
        return external_view
    try:
        host = proxy_probe.host_of(proxy) if proxy else ""
        with probe.Endpoint(address, port, external_view["tls"], timeout, deadline=deadline, name=host) as endpoint:
            _probe_http(external_view, endpoint, expected)
    except (OSError, http.client.HTTPException):
        external_view["client_certificate"] = external_view["tls"] and probe.turns_away(address, port, timeout)
    return external_view


def _probe_tls(external_view: dict[str, t.Any], authorities: str, timeout: float, name: str) -> None:
    address = (external_view["address"], external_view["port"])
    context = ssl.create_default_context()
    context.check_hostname = False
    # Python is strict from 3.13 on. Browsers, curl and Node.js are not, and whether those trust the certificate is asked.
    context.verify_flags = context.verify_flags & ~ssl.VERIFY_X509_STRICT | _NO_CHECK_TIME
    if authorities:
        with contextlib.suppress(ssl.SSLError):
            context.load_verify_locations(cadata=authorities)
    with contextlib.suppress(OSError):
        try:
            external_view["certificate"] = _served_certificate(address, context, timeout, name)
            external_view["trusted"] = True
        except ssl.SSLCertVerificationError:
            external_view["trusted"] = False
            external_view["certificate"] = _served_certificate(address, probe.unverified_context(), timeout, name)
    external_view["tls"] = external_view["certificate"] is not None


def _served_certificate(address: tuple[str, int], context: ssl.SSLContext, timeout: float, name: str) -> str:
    asked = probe.asked_name(name)
    try:
        with (
            socket.create_connection(address, timeout) as plain,
            context.wrap_socket(plain, server_hostname=asked) as tls,
        ):
            certificate = tls.getpeercert(binary_form=True) or b""
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError:
        # It was verified, and then the server wanted one of ours.
        refused = probe.certificate_of_refusal(*address, timeout)
        if refused is None:
            raise
        certificate = refused
    return ssl.DER_cert_to_PEM_cert(certificate)


def _probe_http(external_view: dict[str, t.Any], endpoint: probe.Endpoint, expected: Expected) -> None:
    if expected.admin_root is not None:
        root = expected.admin_root
        external_view["login"] = probe.login_type(endpoint, root)
        external_view["settings_status"], headers, _body = endpoint.get(probe.join(root, "settings"))
        external_view["cors"] = headers.get("Access-Control-Allow-Origin")
        external_view["flows_status"] = endpoint.get(probe.join(root, "flows"))[0]
        token = {"Authorization": "Bearer " + secrets.token_hex(16)}
        external_view["token_status"] = endpoint.get(probe.join(root, "flows"), token)[0]
    for path, setting in expected.logins:
        status, headers, _body = endpoint.get(probe.join(path, "pifleet-" + secrets.token_hex(8)))
        if status != 401 or not headers.get("WWW-Authenticate", "").startswith("Basic"):
            external_view["not_asked"].append((probe.join(path, ""), setting))
    if expected.login_page is not None:
        external_view["sockets_refused"] = probe.guards_sockets(endpoint, expected.login_page)
