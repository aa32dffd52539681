# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running Node-RED shows to an anonymous client, which has no password.

The requests and the answers that count are those of Node-RED 3.1 to 5.0. ``GET /`` proves nothing: it answers 200 with
the editor's page even where everybody must log in.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import http.client
import io
import json
import os
import secrets
import select
import socket
import ssl
import time
import typing as t
import urllib.parse

if t.TYPE_CHECKING:
    import email.message
    from collections.abc import Iterable, Iterator, Mapping

    from .host_state import EndpointState, Expected

    #: Status, headers, and the first 64 KiB of the body.
    Answer = tuple[int, email.message.Message, bytes]

#: Seconds to wait for one answer.
TIMEOUT = 10
#: How a gate of the owner's own (httpAdminMiddleware: addresses, a limit of requests) turns a stranger away before
#: Node-RED's login is asked: Forbidden, Too Many Requests. That is as closed as a login.
TURNED_AWAY = (403, 429)


#: What OpenSSL calls it when a TLS 1.3 server turns away a client for want of a certificate, behind the handshake.
_CERTIFICATE_REQUIRED = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
#: Handshake messages of TLS 1.2 (RFC 5246, section 7.4), and the record that carries them.
_HANDSHAKE, _CERTIFICATE, _CERTIFICATE_REQUEST = 22, 11, 13
#: More bytes than any server sends before it has an answer.
_LONGEST_GREETING = 65536


class OtherCertificateError(OSError):
    """A server shows another certificate than the one that was expected, so it may be another server."""


class _Until(io.RawIOBase):
    """What a socket receives until ``deadline``: its own timeout starts anew with every byte."""

    def __init__(self, sock: socket.socket, stream: io.RawIOBase, deadline: float) -> None:
        self._sock = sock
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int | None:
        left = _left(self._deadline)
        self._sock.settimeout(min(left, self._sock.gettimeout() or left))
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that has to be complete at ``deadline``."""

    def __init__(self, sock: socket.socket, *args: t.Any, deadline: float, **kwargs: t.Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Until(sock, t.cast("t.Any", self.fp).detach(), deadline))


def _left(deadline: float) -> float:
    """Seconds until a time of the monotonic clock; TimeoutError where it is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the answers take too long")
    return left


class Endpoint:
    """One address and port that Node-RED listens on, asked over TLS or in plain.

    :param address: an IP address or a name
    :param port: the port
    :param tls: whether it speaks TLS
    :param timeout: seconds in which a connection, and each answer, has to be complete; else it is TimeoutError
    :param certificate: SHA-256 of DER bytes as lower-case hex; nothing is sent to a server that shows another one
    :param deadline: a time of the monotonic clock by which all answers have to be there
    :param name: the name that is asked for, where one address has several; empty for none
    :param headers: what each request has beside its own headers
    """

    def __init__(
        self,
        address: str,
        port: int,
        tls: bool,
        timeout: float = TIMEOUT,
        certificate: str | None = None,
        deadline: float | None = None,
        name: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.address = address
        self.port = port
        self.tls = tls
        self.timeout = timeout
        self.certificate = certificate
        self.deadline = deadline
        self.name = name
        self.headers = {**({"Host": name} if name else {}), **(headers or {})}
        self._connection: http.client.HTTPConnection | None = None
        self._used = False

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *exc: object) -> None:
        self._disconnect()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a GET request.

        :param path: the path that is asked for
        :param headers: the headers of the request
        :returns: status, headers and the first 64 KiB of the body of the answer
        :raises OSError: there is no answer
        :raises http.client.HTTPException: the answer is not HTTP
        """
        try:
            return self._request("GET", path, None, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # The server may close an idle connection at any time.
            self._disconnect()
            return self._request("GET", path, None, headers)

    def post(self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """The same for a POST request, over a new connection: it is sent once.

        :param form: the fields of the form that is sent
        """
        if self._used:
            self._disconnect()
        body = urllib.parse.urlencode(form)
        return self._request(
            "POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        )

    def connect(self) -> http.client.HTTPConnection:
        """Connect unless that is done.

        :returns: the connection
        :raises OtherCertificateError: the server shows another certificate than the expected one
        :raises OSError: there is no connection
        """
        if self._connection is not None and self._connection.sock is None:
            # The server has closed it behind its last answer, and said so.
            self._disconnect()
        if self._connection is not None:
            return self._connection
        deadline = self._end()
        # HTTPSConnection would shake hands as long as a byte comes now and then.
        connection = http.client.HTTPConnection(self.address, self.port)
        connection.sock = socket.create_connection((self.address, self.port), timeout=_left(deadline))
        self._connection = connection
        if self.tls:
            connection.sock = _shake_hands(connection.sock, deadline, self.name)
        if self.certificate and _fingerprint(connection.sock) != self.certificate:
            self._disconnect()
            raise OtherCertificateError(f"{self.address} shows another certificate")
        return connection

    def _end(self) -> float:
        """When what begins now has to be over."""
        end = time.monotonic() + self.timeout
        return end if self.deadline is None else min(end, self.deadline)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._used = False

    def _request(self, method: str, path: str, body: str | None, headers: Mapping[str, str] | None) -> Answer:
        connection = self.connect()
        self._used = True
        deadline = self._end()
        response_class: t.Any = functools.partial(_Response, deadline=deadline)
        connection.response_class = response_class
        connection.sock.settimeout(_left(deadline))
        connection.request(method, path, body, {**self.headers, **(headers or {})})
        response = connection.getresponse()
        content = response.read(65536)
        if response.read(1):
            self._disconnect()
        return response.status, response.headers, content


def unverified_context() -> ssl.SSLContext:
    """A TLS client that takes any certificate: the caller compares the certificate itself, byte for byte."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _fingerprint(connection: socket.socket) -> str:
    """SHA-256 of the DER bytes of the certificate that the other side of a TLS connection has shown."""
    certificate = t.cast("ssl.SSLSocket", connection).getpeercert(binary_form=True)
    return hashlib.sha256(certificate or b"").hexdigest()


def served_certificate(address: str, port: int, timeout: float = TIMEOUT, name: str = "") -> str:
    """The certificate that a TLS handshake shows.

    :param address: an IP address or a name
    :param port: the port
    :param timeout: seconds to wait
    :param name: the name that is asked for; empty for none
    :returns: SHA-256 of its DER bytes as lower-case hex
    :raises OSError: nothing listens, or the handshake fails
    """
    deadline = time.monotonic() + timeout
    try:
        with (
            socket.create_connection((address, port), timeout=timeout) as plain,
            _shake_hands(plain, deadline, name) as tls,
        ):
            return _fingerprint(tls)
    except ssl.SSLError:
        certificate = certificate_of_refusal(address, port, timeout)
        if certificate is None:
            raise
        return hashlib.sha256(certificate).hexdigest()


def certificate_of_refusal(address: str, port: int, timeout: float = TIMEOUT) -> bytes | None:
    """The certificate of a TLS 1.2 server that wants one of its clients, and ends the handshake without it.

    Python gives no certificate of a handshake that has failed. Before it is encrypted, this one can be read.

    :returns: DER bytes; None where the handshake succeeds, or fails for another reason
    """
    context = unverified_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    deadline = time.monotonic() + timeout
    greeting = b""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=timeout) as plain:
        while len(greeting) < _LONGEST_GREETING:
            try:
                tls.do_handshake()
                return None
            except ssl.SSLWantReadError:
                plain.settimeout(_left(deadline))
                plain.sendall(outgoing.read())
                received = plain.recv(4096)
                if not received:
                    break
                greeting += received
                incoming.write(received)
    messages = dict(_handshake_messages(greeting))
    if _CERTIFICATE_REQUEST not in messages or _CERTIFICATE not in messages:
        return None
    # The length of all certificates, the length of the first, the first.
    first = messages[_CERTIFICATE][3:]
    return first[3 : 3 + int.from_bytes(first[:3], "big")]


def _handshake_messages(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """The messages at the begin of a TLS 1.2 connection, up to the first record that is no handshake."""
    handshake = b""
    while len(stream) >= 5 and stream[0] == _HANDSHAKE:
        end = 5 + int.from_bytes(stream[3:5], "big")
        handshake += stream[5:end]
        stream = stream[end:]
    while len(handshake) >= 4:
        end = 4 + int.from_bytes(handshake[1:4], "big")
        yield handshake[0], handshake[4:end]
        handshake = handshake[end:]


def turns_away(address: str, port: int, timeout: float = TIMEOUT) -> bool:
    """Whether a server turns away everybody who shows no client certificate: that is as closed as a login.

    One that does not is waited for until the time is over, as it has nothing to say.

    :param address: an IP address or a name
    :param port: the port
    :param timeout: seconds to wait
    """
    deadline = time.monotonic() + timeout
    try:
        with (
            socket.create_connection((address, port), timeout=timeout) as plain,
            _shake_hands(plain, deadline) as tls,
        ):
            # The handshake of TLS 1.3 succeeds first. Nothing is sent, which could cut off the answer.
            tls.recv(1)
    except ssl.SSLError as exc:
        return exc.reason == _CERTIFICATE_REQUIRED or certificate_of_refusal(address, port, timeout) is not None
    except OSError:
        pass
    return False


def wants_client_certificate(expected: Expected, timeout: float = TIMEOUT) -> bool:
    """Whether a proved server turns away everybody who shows no client certificate."""
    if not expected["tls"]:
        return False
    try:
        with Endpoint(expected["address"], expected["port"], True, timeout) as endpoint:
            endpoint.get("/")
    except (OSError, http.client.HTTPException):
        return turns_away(expected["address"], expected["port"], timeout)
    return False


def _shake_hands(plain: socket.socket, deadline: float, name: str = "") -> ssl.SSLSocket:
    """The TLS connection over one without, at a time of the monotonic clock at the latest.

    :param name: the name that is asked for; an IP address is none that TLS can ask for

    The time-out of a socket would start anew with every byte.
    """
    plain.setblocking(False)
    tls = unverified_context().wrap_socket(plain, do_handshake_on_connect=False, server_hostname=asked_name(name))
    try:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                select.select([tls], [], [], _left(deadline))
            except ssl.SSLWantWriteError:
                select.select([], [tls], [], _left(deadline))
        tls.settimeout(_left(deadline))
    except BaseException:
        tls.close()
        raise
    return tls


def asked_name(name: str) -> str | None:
    """What TLS asks for (RFC 6066): a DNS name, without the port that a URL may have; None for an address, and for none."""
    asked = name.partition(":")[0]
    return None if not name or name.startswith("[") or asked.replace(".", "").isdecimal() else asked


def speaks_plain_http(address: str, port: int, timeout: float = TIMEOUT) -> bool:
    """Whether the port answers an HTTP request that comes without TLS."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=timeout) as plain:
        deadline = time.monotonic() + timeout
        plain.sendall(b"GET /settings HTTP/1.0\r\n\r\n")
        begin = b""
        while len(begin) < 5:
            plain.settimeout(_left(deadline))
            received = plain.recv(5 - len(begin))
            if not received:
                break
            begin += received
        return begin == b"HTTP/"
    return False


def listening(pids: Iterable[int]) -> list[tuple[str, int]]:
    """The TCP endpoints that processes listen on.

    :param pids: the ids of the processes
    :returns: IP addresses with their ports, sorted
    """
    inodes = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(entry.path)
                    if target.startswith("socket:["):
                        inodes.add(target[8:-1])
    endpoints = set()
    for table, family in (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6)):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as stream:
            for line in list(stream)[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    raw, port = fields[1].split(":")
                    endpoints.add((unpacked(raw, family), int(port, 16)))
    return sorted(endpoints)


def unpacked(raw: str, family: socket.AddressFamily) -> str:
    """An address as /proc/net/tcp writes it, in words of the machine's order."""
    words = [bytes.fromhex(raw[start : start + 8])[::-1] for start in range(0, len(raw), 8)]
    return socket.inet_ntop(family, b"".join(words))


def reachable(address: str) -> str:
    """The address to connect to for a server that listens on ``address``, which may stand for all of them."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(address, address)  # noqa: S104


def is_loopback(address: t.Any) -> bool:
    """Whether only the host itself can connect to what listens on an address or, as uiHost has it, by a name."""
    return isinstance(address, str) and (address.startswith("127.") or address in ("localhost", "::1", "[::1]"))


def join(root: str, path: str) -> str:
    """A path below one of Node-RED's roots, which users write with or without slashes."""
    return "/" + "/".join(part.strip("/") for part in (root, path) if part.strip("/"))


def login_type(endpoint: Endpoint, admin_root: str) -> str | None:
    """Which login the editor asks for.

    :param endpoint: where to ask
    :param admin_root: the path below which the editor is
    :returns: what /auth/login says: "credentials", "strategy", "" for an open editor; None where it is not Node-RED's
    """
    status, _headers, body = endpoint.get(join(admin_root, "auth/login"))
    return _login_type(status, body)


def _login_type(status: int, body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer.get("type", "") if status == 200 and isinstance(answer, dict) else None


def log_in(endpoint: Endpoint, admin_root: str, username: str, password: str) -> tuple[int, bytes]:
    """Log in to the editor, once, with all the rights that the user has, as node-red-admin does it.

    :param endpoint: where to log in
    :param admin_root: the path below which the editor is
    :param username: the user
    :param password: its password
    :returns: status and body of the answer
    """
    status, _headers, body = endpoint.post(
        join(admin_root, "auth/token"),
        {
            "client_id": "node-red-admin",
            "grant_type": "password",
            "scope": "",
            "username": username,
            "password": password,
        },
    )
    return status, body


def log_in_by_page(endpoint: Endpoint, node_root: str, username: str) -> int:
    """Send the form of the login page, with a password that nobody has.

    :param endpoint: where to log in
    :param node_root: the path below which flows answer
    :param username: the user
    :returns: the status of the answer
    """
    form = {"username": username, "password": secrets.token_hex(16)}
    return endpoint.post(login_page(node_root), form, {"Sec-Fetch-Site": "same-origin"})[0]


def sign_on_fault(endpoint: Endpoint, path: str, url: str, client_id: str) -> str:
    """What keeps somebody who asks for single sign-on from the provider.

    :param endpoint: where to ask, by the name that `url` has
    :param path: the path that leads to the provider; its answer comes back to `callback` beside it
    :param url: where browsers find the server, without a path
    :param client_id: what the provider calls the server
    :returns: a phrase; empty where it leads to the provider, with what that needs to send a browser back
    :raises OSError: there is no answer
    :raises http.client.HTTPException: the answer is not HTTP
    """
    status, headers, _body = endpoint.get(path, {"Accept": "text/html"})
    goal = urllib.parse.urlsplit(headers.get("Location", ""))
    if status not in (302, 303) or goal.scheme not in ("https", "http"):
        return f"{path} answers {status} and leads to no provider"
    asked = urllib.parse.parse_qs(goal.query)
    callback = f"{path.removesuffix('/oidc')}/{'oidc/' if path.endswith('/auth/oidc') else ''}callback"
    if asked.get("redirect_uri") != [url + callback] or asked.get("client_id") != [client_id]:
        return f"{path} leads elsewhere than to the provider of nodered_oidc"
    return ""


def login_page(node_root: str) -> str:
    """The path of the login page."""
    return join(node_root, "_login")


def locked_out(status: int, body: bytes) -> bool:
    """Whether a login failed only because there were five wrong ones in ten minutes (auth/strategies.js)."""
    return status == 500 and b"Too many login attempts" in body


def observe(address: str, port: int, admin_root: str = "/", timeout: float = TIMEOUT, name: str = "") -> EndpointState:
    """What stands behind a port: whether it speaks TLS and HTTP, with which certificate, and whether it is open.

    :param address: an IP address or a name
    :param port: the port
    :param admin_root: the path below which the editor may be
    :param timeout: seconds to wait for one answer
    :param name: the name that is asked for; empty for none
    :returns: what it shows
    """
    seen: EndpointState = {
        "address": address,
        "port": port,
        "tls": False,
        "certificate": None,
        "http": None,
        "login": None,
        "settings_status": None,
    }
    if name:
        seen["name"] = name
    try:
        seen["certificate"] = served_certificate(address, port, timeout, name)
        seen["tls"] = True
    except OSError:
        seen["http"] = speaks_plain_http(address, port, timeout)
        if not seen["http"]:
            return seen
    try:
        with Endpoint(address, port, seen["tls"], timeout, name=name) as endpoint:
            seen["login"] = login_type(endpoint, admin_root)
            seen["settings_status"] = endpoint.get(join(admin_root, "settings"))[0]
    except (OSError, http.client.HTTPException):
        pass
    return seen


def prove(expected: Expected, timeout: float = TIMEOUT, opened: set[str] | None = None) -> list[str]:
    """Ask a Node-RED as an anonymous client would.

    :param expected: what it must answer
    :param timeout: seconds to wait for one answer
    :param opened: paths that were open before, and those that are now: a limit of requests that turns away who asks again
        and again closes none of them
    :returns: what is not as expected, a phrase each; empty for a good server
    """
    address, port = expected["address"], expected["port"]
    failures = []
    try:
        if expected["tls"]:
            served = served_certificate(address, port, timeout)
            if expected["certificate"] and served != expected["certificate"]:
                failures.append(f"port {port} serves another certificate than the installed one")
            if speaks_plain_http(address, port, timeout):
                failures.append(f"port {port} answers plain HTTP")
        if expected.get("client_certificate"):
            if not turns_away(address, port, timeout):
                failures.append(f"port {port} lets in who shows no client certificate, although https wants one")
            return failures
        with Endpoint(address, port, expected["tls"], timeout, headers=headers_of_proxy(expected)) as endpoint:
            if expected["admin_root"] is not None and expected["auth"]:
                failures += _prove_admin(endpoint, expected["admin_root"], expected["anonymous"], opened)
            if expected["node_root"] is not None and expected["node_auth"]:
                failures += _prove_basic(endpoint, expected["node_root"], "httpNodeAuth", opened)
            if expected["node_root"] is not None and expected.get("login_page"):
                failures += _prove_login_page(endpoint, expected["node_root"])
            for root in expected["static"]:
                setting = "httpStatic" if expected.get("login_page") else "httpStaticAuth"
                failures += _prove_basic(endpoint, root, setting, opened)
            if not (expected["tls"] or expected["auth"] or expected["node_auth"] or expected["static"]):
                # Nobody is asked for a login, but somebody must answer.
                endpoint.get("/")
    except (ssl.SSLError, ConnectionError) as exc:
        # A TLS 1.3 server refuses behind the handshake; where it has closed before the request is sent, that is lost.
        if expected["tls"] and turns_away(address, port, timeout):
            return failures
        if isinstance(exc, ssl.SSLError):
            failures.append(f"the TLS handshake on port {port} failed: {exc.reason or exc}")
        else:
            failures.append(f"port {port} of {address} does not answer: {exc}")
    except (OSError, http.client.HTTPException) as exc:
        failures.append(f"port {port} of {address} does not answer: {exc}")
    return failures


def headers_of_proxy(expected: Expected) -> dict[str, str]:
    """What a request has to say that a proxy has ended its TLS: with requireHttps, Node-RED leads others elsewhere.

    :param expected: what the server must answer
    """
    return {"X-Forwarded-Proto": "https"} if expected.get("require_https") and not expected["tls"] else {}


def _prove_admin(endpoint: Endpoint, root: str, anonymous: bool, opened: set[str] | None) -> list[str]:
    failures = []
    status, _headers, body = endpoint.get(join(root, "auth/login"))
    if status not in TURNED_AWAY and _login_type(status, body) not in ("credentials", "strategy"):
        failures.append(f"{join(root, 'auth/login')} asks for no login")
    if anonymous:
        return failures
    invented = {"Authorization": f"Bearer {secrets.token_hex(16)}"}
    for path in (join(root, "settings"), join(root, "flows")):
        for headers, client in (({}, "an anonymous client"), (invented, "an anonymous client with an invented token")):
            status = endpoint.get(path, headers)[0]
            if status != 401 and (status not in TURNED_AWAY or path in (opened or ())):
                failures.append(f"{path} answers {status} instead of 401 to {client}")
                if opened is not None and status < 400:
                    opened.add(path)
    return failures


def _prove_basic(endpoint: Endpoint, root: str, setting: str, opened: set[str] | None) -> list[str]:
    path = join(root, f"pifleet-{secrets.token_hex(8)}")
    status, headers, _body = endpoint.get(path)
    if status == 401 and headers.get("WWW-Authenticate", "").startswith("Basic"):
        return []
    if status in TURNED_AWAY and root not in (opened or ()):
        return []
    # Behind the login that does not ask nothing has this name.
    if opened is not None and status in (200, 404):
        opened.add(root)
    return [f"{path} answers {status} instead of 401: {setting} does not ask for its login"]


def _prove_login_page(endpoint: Endpoint, root: str) -> list[str]:
    """What the login page lacks: its redirect for browsers, itself, and its plugin."""
    failures = []
    path, page = join(root, f"pifleet-{secrets.token_hex(8)}"), login_page(root)
    status, headers, _body = endpoint.get(path, {"Accept": "text/html"})
    goal = headers.get("Location", "").partition("?")[0]
    if status not in TURNED_AWAY and (status != 302 or goal != page):
        failures.append(f"{path} answers {status} to a browser and does not lead to {page}")
    status, headers, _body = endpoint.get(page)
    if status not in TURNED_AWAY and (
        status != 200 or "default-src 'none'" not in headers.get("Content-Security-Policy", "")
    ):
        failures.append(f"{page} answers {status} and is not the login page")
    if not guards_sockets(endpoint, root):
        failures.append("web sockets of nodes ask for no login: the plugin of the login page is not loaded")
    return failures


def guards_sockets(endpoint: Endpoint, root: str) -> bool:
    """Whether a web socket, and its stand-in over HTTP, are refused at a path that nothing has.

    Without the plugin of the login page nobody answers to a web socket there.

    :param endpoint: where to ask
    :param root: the path below which flows answer
    :raises OSError: nothing listens
    """
    path = join(root, f"pifleet-{secrets.token_hex(8)}")
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode("ascii"),
    }
    for asked, headers in ((path, upgrade), (f"{path}/?EIO=4&transport=polling", {})):
        endpoint.connect()
        try:
            status = endpoint.get(asked, headers)[0]
        except (OSError, http.client.HTTPException):
            return False
        if status != 401 and status not in TURNED_AWAY:
            return False
    return True
