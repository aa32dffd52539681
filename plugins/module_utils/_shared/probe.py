# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a running Node-RED shows to somebody who has no password.

The requests and the answers that count are those of Node-RED 3.1 to 5.0. ``GET /`` proves nothing: it answers 200 with
the editor's page even where everybody must log in.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.client
import io
import json
import os
import secrets
import socket
import ssl
import time
import urllib.parse

#: Seconds to wait for one answer.
TIMEOUT = 10


class OtherCertificateError(OSError):
    """A server shows another certificate than the one that was expected, so it may be another server."""


class _Until(io.RawIOBase):
    """What a socket receives until ``deadline``: its own timeout starts anew with every byte."""

    def __init__(self, sock, stream, deadline):
        self._sock = sock
        self._stream = stream
        self._deadline = deadline

    def readable(self):
        return True

    def readinto(self, buffer):
        self._sock.settimeout(min(_left(self._deadline), self._sock.gettimeout()))
        return self._stream.readinto(buffer)

    def close(self):
        self._stream.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that has to be complete at ``deadline``."""

    def __init__(self, sock, *args, deadline, **kwargs):
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Until(sock, self.fp.detach(), deadline))


def _left(deadline):
    """Seconds until a time of the monotonic clock; TimeoutError where it is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the answers take too long")
    return left


class Endpoint:
    """One address and port that Node-RED listens on, asked over TLS or in plain.

    With ``certificate``, SHA-256 of DER bytes as lower-case hex, nothing is sent to a server that shows another one.
    With ``deadline``, a time of the monotonic clock, all answers have to be there by then; else it is TimeoutError.
    """

    def __init__(self, address, port, tls, timeout=TIMEOUT, certificate=None, deadline=None):
        self.address = address
        self.port = port
        self.tls = tls
        self.timeout = timeout
        self.certificate = certificate
        self.deadline = deadline
        self._connection = None
        self._used = False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._disconnect()

    def get(self, path, headers=None):
        """Status, headers and the first 64 KiB of the body that a GET request is answered with."""
        try:
            return self._request("GET", path, None, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # The server may close an idle connection at any time.
            self._disconnect()
            return self._request("GET", path, None, headers)

    def post(self, path, form, headers=None):
        """The same for a POST request with a form (a dictionary), over a new connection: it is sent once."""
        if self._used:
            self._disconnect()
        body = urllib.parse.urlencode(form)
        return self._request(
            "POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        )

    def connect(self):
        """Connect unless that is done. Raises OSError, OtherCertificateError among them."""
        if self._connection is not None:
            return
        timeout = self.timeout if self.deadline is None else min(self.timeout, _left(self.deadline))
        if self.tls:
            self._connection = http.client.HTTPSConnection(
                self.address, self.port, timeout=timeout, context=unverified_context()
            )
        else:
            self._connection = http.client.HTTPConnection(self.address, self.port, timeout=timeout)
        if self.deadline is not None:
            self._connection.response_class = functools.partial(_Response, deadline=self.deadline)
        self._connection.connect()
        if self.certificate:
            shown = hashlib.sha256(self._connection.sock.getpeercert(binary_form=True)).hexdigest()
            if shown != self.certificate:
                self._disconnect()
                raise OtherCertificateError("%s shows another certificate" % self.address)

    def _disconnect(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._used = False

    def _request(self, method, path, body, headers):
        self.connect()
        self._used = True
        self._connection.sock.settimeout(self.timeout)
        self._connection.request(method, path, body, headers or {})
        response = self._connection.getresponse()
        body = response.read(65536)
        if response.read(1):
            self._disconnect()
        return response.status, response.headers, body


def unverified_context():
    """A TLS client that takes any certificate: the caller compares the certificate itself, byte for byte."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def served_certificate(address, port, timeout=TIMEOUT):
    """SHA-256 over the DER bytes of the certificate that a TLS handshake shows, as lower-case hex.

    Raises OSError where nothing listens or the handshake fails.
    """
    with socket.create_connection((address, port), timeout=timeout) as plain:
        with unverified_context().wrap_socket(plain) as tls:
            return hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest()


def speaks_plain_http(address, port, timeout=TIMEOUT):
    """Whether the port answers an HTTP request that comes without TLS."""
    with contextlib.suppress(OSError):
        with socket.create_connection((address, port), timeout=timeout) as plain:
            plain.sendall(b"GET /settings HTTP/1.0\r\n\r\n")
            return plain.recv(5) == b"HTTP/"
    return False


def listening(pids):
    """The TCP endpoints that processes listen on, as a sorted list of (address, port)."""
    inodes = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in os.scandir("/proc/%d/fd" % pid):
                with contextlib.suppress(OSError):
                    target = os.readlink(entry.path)
                    if target.startswith("socket:["):
                        inodes.add(target[8:-1])
    found = set()
    for table, family in (("/proc/net/tcp", socket.AF_INET), ("/proc/net/tcp6", socket.AF_INET6)):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as stream:
            for line in list(stream)[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    raw, port = fields[1].split(":")
                    words = [bytes.fromhex(raw[start : start + 8])[::-1] for start in range(0, len(raw), 8)]
                    found.add((socket.inet_ntop(family, b"".join(words)), int(port, 16)))
    return sorted(found)


def reachable(address):
    """The address to connect to for a server that listens on ``address``, which may stand for all of them."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(address, address)


def join(root, path):
    """A path below one of Node-RED's roots, which users write with or without slashes."""
    return "/" + "/".join(part.strip("/") for part in (root, path) if part.strip("/"))


def login_type(endpoint, admin_root):
    """What /auth/login says: "credentials", "strategy", "" for an open editor, None where it is not Node-RED's."""
    status, _headers, body = endpoint.get(join(admin_root, "auth/login"))
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer.get("type", "") if status == 200 and isinstance(answer, dict) else None


def log_in(endpoint, admin_root, username, password):
    """Status and body of one login with all the rights that the user has, as node-red-admin does it."""
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


def locked_out(status, body):
    """Whether a login failed only because there were five wrong ones in ten minutes (auth/strategies.js)."""
    return status == 500 and b"Too many login attempts" in body


def observe(address, port, admin_root="/", timeout=TIMEOUT):
    """What stands behind a port: whether it speaks TLS and HTTP, with which certificate, and whether it is open."""
    seen = {
        "address": address,
        "port": port,
        "tls": False,
        "certificate": None,
        "http": None,
        "login": None,
        "settings_status": None,
    }
    try:
        seen["certificate"] = served_certificate(address, port, timeout)
        seen["tls"] = True
    except OSError:
        seen["http"] = speaks_plain_http(address, port, timeout)
        if not seen["http"]:
            return seen
    try:
        with Endpoint(address, port, seen["tls"], timeout) as endpoint:
            seen["login"] = login_type(endpoint, admin_root)
            seen["settings_status"] = endpoint.get(join(admin_root, "settings"))[0]
    except (OSError, http.client.HTTPException):
        pass
    return seen


def prove(expected, timeout=TIMEOUT):
    """Attack a Node-RED as a stranger would; returns the list of what is not as expected, empty for a good server.

    ``expected`` has: address, port; tls (bool), certificate (SHA-256 of the DER bytes, or None for any); admin_root
    (None where the editor and its API are switched off), auth (bool), anonymous (bool: the anonymous user may read);
    node_root (or None), node_auth (bool); static (list of roots that ask for a login).
    """
    address, port = expected["address"], expected["port"]
    failures = []
    try:
        if expected["tls"]:
            found = served_certificate(address, port, timeout)
            if expected["certificate"] and found != expected["certificate"]:
                failures.append("port %d serves another certificate than the installed one" % port)
            if speaks_plain_http(address, port, timeout):
                failures.append("port %d answers plain HTTP" % port)
        with Endpoint(address, port, expected["tls"], timeout) as endpoint:
            if expected["admin_root"] is not None and expected["auth"]:
                failures += _prove_admin(endpoint, expected["admin_root"], expected["anonymous"])
            if expected["node_root"] is not None and expected["node_auth"]:
                failures += _prove_basic(endpoint, expected["node_root"], "httpNodeAuth")
            for root in expected["static"]:
                failures += _prove_basic(endpoint, root, "httpStaticAuth")
    except ssl.SSLError as exc:
        failures.append("the TLS handshake on port %d failed: %s" % (port, exc.reason or exc))
    except (OSError, http.client.HTTPException) as exc:
        failures.append("port %d of %s does not answer: %s" % (port, address, exc))
    return failures


def _prove_admin(endpoint, root, anonymous):
    failures = []
    login = login_type(endpoint, root)
    if login not in ("credentials", "strategy"):
        failures.append("%s asks for no login" % join(root, "auth/login"))
    if anonymous:
        return failures
    for path in ("settings", "flows"):
        for headers in ({}, {"Authorization": "Bearer " + secrets.token_hex(16)}):
            status = endpoint.get(join(root, path), headers)[0]
            if status != 401:
                failures.append(
                    "%s answers %d instead of 401 to a stranger%s"
                    % (join(root, path), status, " with an invented token" if headers else "")
                )
    return failures


def _prove_basic(endpoint, root, setting):
    path = join(root, "pifleet-" + secrets.token_hex(8))
    status, headers, _body = endpoint.get(path)
    if status == 401 and headers.get("WWW-Authenticate", "").startswith("Basic"):
        return []
    return ["%s answers %d instead of 401: %s does not ask for its login" % (path, status, setting)]
