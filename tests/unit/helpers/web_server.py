# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that answers as Node-RED does, or as a test wants it."""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import ssl
import threading
import typing as t

#: By path the status, the headers and the body of the answer.
Pages = dict[str, tuple[int, dict[str, str], str]]

LOCKED: Pages = {
    "/auth/login": (200, {}, json.dumps({"type": "credentials", "prompts": []})),
    "/settings": (401, {}, "Unauthorized"),
    "/flows": (401, {}, "Unauthorized"),
}
BASIC = (401, {"WWW-Authenticate": 'Basic realm="Authorization Required"'}, "")


@contextlib.contextmanager
def serving(
    handler: type[http.server.BaseHTTPRequestHandler],
    pem: pathlib.Path | None = None,
    wants_certificate: ssl.TLSVersion | None = None,
) -> t.Iterator[int]:
    """Let a request handler answer on a port of this machine, over TLS with a PEM file; yields the port.

    :param wants_certificate: clients need a certificate, and the protocol is this one at most
    """
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    # Neither requests nor clients that go away are told of.
    for silenced, name in ((handler, "log_message"), (listening, "handle_error")):
        setattr(silenced, name, lambda *_arguments: None)
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        if wants_certificate is not None:
            context.maximum_version = wants_certificate
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(pem)
        listening.socket = context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield listening.server_address[1]
    finally:
        listening.shutdown()
        listening.server_close()


@contextlib.contextmanager
def server(
    pages: Pages,
    pem: pathlib.Path | None = None,
    bearer_opens: bool = False,
    wants_certificate: ssl.TLSVersion | None = None,
) -> t.Iterator[int]:
    """Serve pages; what is not there is 404 without a login."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = pages.get(self.path) or pages.get("*") or (404, {}, "")
            if bearer_opens and self.headers.get("Authorization"):
                status = 200
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

    with serving(Handler, pem, wants_certificate) as port:
        yield port
