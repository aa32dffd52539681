# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the nginx in front of a Node-RED shows to an anonymous client, and so what the two of them show together."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import http.client
import json
import re
import secrets
import socket
import ssl
import typing as t
import warnings

from . import probe

if t.TYPE_CHECKING:
    from .host_state import Expected, ProxyExpected

#: What answers where nothing of nginx's own does: Node-RED is not there.
_UNREACHABLE = (502, 503, 504)
#: What nginx itself answers for a Node-RED that it gets no answer of.
_NO_ANSWER = (502, 504)
#: How many others are asked at once; one that is switched off takes seconds.
_AT_ONCE = 8
#: The redirects that keep the method of a request, and those that browsers take for it.
PERMANENT_REDIRECTS = (301, 308)
#: The line of a site that says what it has to answer.
_NAME = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,1000}")
_URL = re.compile(r"https?://[0-9A-Fa-f.:\[\]]{1,60}")
_EXPECTED = re.compile(r"^# proof: (\{.*\})$", re.MULTILINE)


class ProxyOther(t.NamedTuple):
    """Another Node-RED that nginx leads to."""

    #: The path below which it is; empty for one that has a name to itself.
    path: str
    #: That name, maybe a wildcard; empty for one below a path.
    host: str
    #: Scheme, address and port.
    url: str
    #: The name in its certificate; empty for plain HTTP.
    name: str


def prove(expected: Expected, timeout: float = probe.TIMEOUT, opened: set[str] | None = None) -> list[str]:
    """Ask a Node-RED, and the nginx in front of it if there is one, as an anonymous client would.

    :param expected: what they must answer
    :param timeout: seconds to wait for one answer
    :param opened: as `probe.prove` takes it
    :returns: what is not as expected, a phrase each
    """
    failures = probe.prove(expected, timeout, opened)
    proxy = expected.get("proxy")
    return [*failures, *prove_proxy("127.0.0.1", proxy, expected, timeout)] if proxy else failures


def expected_of(site: str | None) -> ProxyExpected | None:
    """What nginx has to answer, as its site for a service says it; None without one, and where it does not.

    The site itself says so, for whoever looks at the host, or goes back to it, without the variables of the control node.

    :param site: the text of the site
    """
    found = _EXPECTED.search(site or "")
    if found is None:
        return None
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        said = json.loads(found[1])
        ports = [int(said[key]) for key in ("https", "http", "port")]
        name, path = str(said["name"]), str(said["path"])
        if _NAME.fullmatch(name) and _PATH.fullmatch(path) and all(0 <= port <= 0xFFFF for port in ports):
            return {"name": name, "https": ports[0], "http": ports[1], "path": path, "port": ports[2]}
    return None


def others_of(site: str | None) -> list[ProxyOther]:
    """The other Node-REDs that nginx leads to, as its site for a service says it; none where it does not.

    :param site: the text of the site
    """
    found = _EXPECTED.search(site or "")
    others: list[ProxyOther] = []
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
        for said in json.loads(found[1]).get("others", []) if found else []:
            other = ProxyOther(*(str(said[key]) for key in ProxyOther._fields))
            place = _NAME.fullmatch(other.host.removeprefix("*.")) if other.host else _PATH.fullmatch(other.path)
            if place and _URL.fullmatch(other.url) and (not other.name or _NAME.fullmatch(other.name)):
                others.append(other)
    return others


def host_of(proxy: ProxyExpected, name: str = "") -> str:
    """The header Host of a request.

    :param name: another name than the first one of the proxy; empty for that
    """
    return name or proxy["name"] if proxy["https"] == 443 else f"{name or proxy['name']}:{proxy['https']}"


def prove_proxy(address: str, proxy: ProxyExpected, expected: Expected, timeout: float = probe.TIMEOUT) -> list[str]:
    """Ask nginx alone.

    :param address: where it is reached
    :param proxy: what it must answer
    :param expected: what Node-RED must answer behind it
    :param timeout: seconds to wait for one answer
    :returns: what is not as expected, a phrase each
    """
    port, failures = proxy["https"], []
    try:
        served = probe.served_certificate(address, port, timeout, proxy["name"])
        if expected["certificate"] and served != expected["certificate"]:
            failures.append(f"port {port} of nginx shows another certificate than the installed one")
        old = old_protocol(address, port, timeout, proxy["name"])
        if old:
            failures.append(f"port {port} of nginx accepts {old}")
        failures += [
            f"port {each} of nginx does not lead plain HTTP to https://{host_of(proxy)}/"
            for each in filter(None, (proxy["http"], port))
            if not redirects(address, each, proxy, timeout)
        ]
        with probe.Endpoint(address, port, True, timeout, name=host_of(proxy)) as endpoint:
            failures += _prove_behind(endpoint, proxy, expected)
    except ssl.SSLError as exc:
        failures.append(f"the TLS handshake with nginx on port {port} failed: {exc.reason or exc}")
    except (OSError, http.client.HTTPException) as exc:
        failures.append(f"nginx does not answer on port {port}: {exc}")
    return failures


def unanswered_others(
    address: str, proxy: ProxyExpected, others: list[ProxyOther], timeout: float = probe.TIMEOUT
) -> list[str]:
    """Ask nginx for the other Node-REDs that it leads to. One may be switched off, so this is no failure.

    :param address: where nginx is reached
    :param proxy: what it must answer
    :param others: the others, in the order of `nodered_proxy_others`
    :param timeout: seconds to wait for each answer
    :returns: some sentences for each that nginx gets no answer of
    """
    if not others:
        return []
    with concurrent.futures.ThreadPoolExecutor(min(len(others), _AT_ONCE)) as pool:
        faults = list(pool.map(lambda other: _fault_of_other(address, proxy, other, timeout), others))
    return [
        f"nodered_proxy_others, entry {number}: {fault} {_advice(other)}"
        for number, (other, fault) in enumerate(zip(others, faults), 1)
        if fault
    ]


def _fault_of_other(address: str, proxy: ProxyExpected, other: ProxyOther, timeout: float) -> str:
    name = host_of(proxy, other.host.replace("*.", "pifleet."))
    path = probe.join(other.path, "")
    context = f"https://{host_of(proxy, other.host)}{path}"
    try:
        with probe.Endpoint(address, proxy["https"], True, timeout, name=name) as endpoint:
            status = endpoint.get(path)[0]
    except (OSError, http.client.HTTPException) as exc:
        return f"{context} does not answer ({exc}), because nginx waits for {other.url}."
    return f"{context} answers {status}, because nginx gets no answer of {other.url}." if status in _NO_ANSWER else ""


def _advice(other: ProxyOther) -> str:
    if other.url.startswith("http:"):
        return (
            "Does Node-RED run there? One that is secured as usual has https: set url to"
            f" {other.url.replace('http:', 'https:', 1)} and name to a DNS name of its certificate. Plain HTTP has one with"
            " nodered_certificate_provider: none."
        )
    return (
        f"Does Node-RED run there, with https, and is {other.name} in its certificate of the fleet's authority? Where its"
        " turn comes later in this run, nothing has to be done."
    )


def _prove_behind(endpoint: probe.Endpoint, proxy: ProxyExpected, expected: Expected) -> list[str]:
    root = expected["admin_root"]
    if root is None:
        status = endpoint.get(probe.join(proxy["path"], ""))[0]
        return [f"nginx answers {status}: it does not reach Node-RED"] if status in _UNREACHABLE else []
    failures = []
    if expected["auth"]:
        status, _headers, _body = endpoint.get(probe.join(root, "auth/login"))
        if status not in (200, *probe.TURNED_AWAY):
            failures.append(f"{probe.join(root, 'auth/login')} answers {status} behind nginx")
        status = endpoint.get(probe.join(root, "settings"))[0]
        if not expected["anonymous"] and status != 401 and status not in probe.TURNED_AWAY:
            failures.append(f"{probe.join(root, 'settings')} answers {status} instead of 401 behind nginx")
    status = _upgrade(endpoint, probe.join(root, "comms"))
    if status not in (101, *probe.TURNED_AWAY):
        failures.append(f"{probe.join(root, 'comms')} answers {status} behind nginx: no web socket can be opened")
    return failures


def _upgrade(endpoint: probe.Endpoint, path: str) -> int:
    """The status that an attempt to open a web socket gets."""
    key = base64.b64encode(secrets.token_bytes(16)).decode("ascii")
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    return endpoint.get(path, headers)[0]


def redirects(address: str, port: int, proxy: ProxyExpected, timeout: float = probe.TIMEOUT) -> bool:
    """Whether a port answers plain HTTP by leading to the one with TLS, and by nothing else."""
    path = f"{probe.join(proxy['path'], '')}?pifleet={secrets.token_hex(4)}"
    with (
        contextlib.suppress(OSError, http.client.HTTPException),
        probe.Endpoint(address, port, False, timeout, name=host_of({**proxy, "https": port})) as endpoint,
    ):
        status, headers, _body = endpoint.get(path)
        return status in PERMANENT_REDIRECTS and headers.get("Location") == f"https://{host_of(proxy)}{path}"
    return False


def old_protocol(address: str, port: int, timeout: float, name: str = "") -> str:
    """The newest of the old protocols that a server accepts; empty where it accepts none.

    :param name: the name that is asked for; empty for none
    """
    context = probe.unverified_context()
    with warnings.catch_warnings():
        # That these are deprecated is the point.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        # OpenSSL offers them only without its own demands.
        context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        contextlib.suppress(OSError),
        socket.create_connection((address, port), timeout) as plain,
        context.wrap_socket(plain, server_hostname=probe.asked_name(name)) as tls,
    ):
        return tls.version() or ""
    return ""
