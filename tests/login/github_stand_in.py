# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of GitHub, as its documentation has them, on loopback; and a Node-RED that takes it for GitHub."""

from __future__ import annotations

import http.server
import json
import pathlib
import ssl
import subprocess
import threading
import typing as t
import urllib.parse

from node_red import NodeRed

TOKEN = "gho_made_up"
CODE = "a code"
HOSTS = ("github.com", "api.github.com")
#: What Node-RED loads first, so that these names lead to this machine.
_HOOK = """
const tls = require("tls");
const { connect } = tls;
tls.connect = (options, ...more) => HOSTS.includes(options.host)
    ? connect({ ...options, host: "127.0.0.1", port: PORT, servername: options.host }, ...more)
    : connect(options, ...more);
"""


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        is_right = self.path == "/login/oauth/access_token" and form["code"] == CODE and len(form["code_verifier"]) > 42
        # A refusal has the status 200, too.
        right = {"access_token": TOKEN, "token_type": "bearer", "scope": "read:org,read:user"}
        self._answer(right if is_right else {"error": "bad_verification_code"})

    def do_GET(self) -> None:
        answers: dict[str, t.Any] = {
            "/user": {"login": "octo", "id": 7, "name": None, "email": None},
            "/user/orgs?per_page=100": [{"login": "acme"}],
        }
        is_known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        self._answer(answers[self.path] if is_known else {"message": "Bad credentials"}, 200 if is_known else 401)

    def _answer(self, value: object, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_values: object) -> None:
        """Nobody reads it."""


class GitHub:
    """The stand-in, in a directory of its own."""

    def __init__(self, directory: pathlib.Path) -> None:
        directory.mkdir()
        self.certificate = directory / "cert.pem"
        self.hook = directory / "hook.js"
        names = ",".join(f"DNS:{name}" for name in HOSTS)
        command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=github.com", "-addext", f"subjectAltName={names}"]
        command += ["-keyout", "key.pem", "-out", "cert.pem"]
        subprocess.run(["openssl", *command], cwd=directory, capture_output=True, check=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, directory / "key.pem")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        hook = _HOOK.replace("HOSTS", json.dumps(HOSTS)).replace("PORT", str(self.server.server_port))
        self.hook.write_text(hook, "utf-8")

    def __enter__(self) -> GitHub:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def install(self, server: NodeRed, **changes: t.Any) -> None:
        """Writes the directory of the login page of a Node-RED that takes this for GitHub."""
        server.environment = {
            "NODE_OPTIONS": f"--require {self.hook}",
            "NODE_EXTRA_CA_CERTS": str(self.certificate),
        }
        server.install(
            oidc={
                "admin_root": "/",
                "authority": False,
                "client_id": "nodered",
                "client_secret": "a secret",
                "dashboards": [{"group": "acme", "permissions": "*"}],
                "editor": [{"user": "octo", "permissions": "*"}],
                "groups_claim": "groups",
                "issuer": None,
                "kind": "github",
                "name": "GitHub",
                "scope": "read:user read:org",
                "session_expiry": 36000,
                "url": server.url,
                "username_claim": "login",
                **changes,
            }
        )
