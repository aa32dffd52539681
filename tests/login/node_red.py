# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Node-RED with the login page, on loopback, and who asks it: curl, a socket, and clients of web sockets."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
import typing as t
import urllib.parse

from nginx import Nginx
from npm_packages import npm_modules, npm_node

HERE = pathlib.Path(__file__).parent
PROJECT = HERE.parents[1]
GATE = PROJECT / "plugins/plugin_utils/_login/gate"
DASHBOARDS = ("node-red-dashboard@3.6.6", "@flowfuse/node-red-dashboard@1.31.0")
CLIENTS = ("ws@8.23.0", "socket.io-client@4.8.4")
#: Seconds until something that does not come is given up.
PATIENCE = 120
USERS = {
    "fred": "fred's password",
    "vera": "vera's password",
    "paul": "paul's password",
    "admin": "the editor's password",
}
#: What a browser says when a person opens a page.
PAGE = (
    *("--header", "Accept: text/html"),
    "--user-agent",
    "Mozilla/5.0",
    *("--header", "Sec-Fetch-Mode: navigate"),
    *("--header", "Sec-Fetch-Site: none"),
    *("--header", "Sec-Fetch-Dest: document"),
)


T = t.TypeVar("T")


def until(condition: t.Callable[[], T], what: str) -> T:
    """The first true value of a condition."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"Did not happen within {PATIENCE} s: {what}")


#: The Node.js that hosts have with each release of Node-RED.
NODES = {"3": "18", "4": "20", "5": "22"}


@functools.cache
def hash_of(password: str, cost: int = 8) -> str:
    program = f"console.log(require('bcryptjs').hashSync(process.argv[1], {cost}).replace(/^\\$2[ay]/, '$2b'))"
    modules = npm_modules("node-red@4.1.15")
    return subprocess.run(
        ["node", "-e", program, password],
        env={**os.environ, "NODE_PATH": str(modules)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def make_certificate(directory: pathlib.Path) -> None:
    """key.pem and cert.pem, which signs itself, for a server on loopback."""
    command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(["openssl", *command], cwd=directory, capture_output=True, check=True)


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict[str, list[str]]
    text: str

    def header(self, name: str) -> str | None:
        return next(iter(self.headers.get(name, [])), None)

    @property
    def cookie(self) -> str:
        """What a browser sends back of the cookies that were set."""
        return "; ".join(line.split(";")[0] for line in self.headers["set-cookie"])


class NodeRed:
    """One server in a directory of its own.

    :param directory: the directory
    :param release: of Node-RED
    :param admin: the root of the editor
    :param node: the root of what flows serve
    :param node_js: the major version of Node.js, where it is not that of `NODES`
    :param has_nginx: whether browsers find it behind nginx, which has the TLS; both roots are one path then
    """

    def __init__(
        self,
        directory: pathlib.Path,
        release: str,
        admin: str = "/",
        node: str = "/",
        node_js: str | None = None,
        *,
        has_nginx: bool = False,
    ) -> None:
        self.directory, self.release, self.admin, self.node = directory, release, admin, node
        self.node_js = node_js
        self.base = "" if node == "/" else node
        self.port = free_port()
        self.outer_port = free_port() if has_nginx else self.port
        self.url = f"https://localhost:{self.outer_port}"
        self.log = directory / "log"
        self.certificate = directory / "cert.pem"
        self.settings = ""
        #: Whether dashboards ask for the login page; else only the editor has something of it.
        self.has_gate = True
        #: What Node-RED gets besides.
        self.environment: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self._prepare()

    def _prepare(self) -> None:
        here = self.directory
        make_certificate(here)
        self.nginx = None
        if self.outer_port != self.port:
            self.nginx = Nginx(here, self.node, self.outer_port, self.port)
        (here / "node_modules").symlink_to(npm_modules(*DASHBOARDS))
        shutil.copy(HERE / "flows.json", here / "flows.json")
        shutil.copytree(HERE / "node", here / "nodes")
        for name in ("inside", "outside"):
            (here / name).mkdir()
            (here / name / "data.txt").write_text(f"FILE {name}", "utf-8")
        self.install()

    def install(self, **changes: t.Any) -> None:
        """Writes the directory of the gate and its data, changed as said, and the settings."""
        target = self.directory / "nodelogin"
        sessions = {path: path.read_bytes() for path in target.rglob("*sessions.json")}
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(GATE, target, ignore=None if "oidc" in changes else shutil.ignore_patterns("oidc"))
        for path, content in sessions.items():
            if path.parent.exists():
                path.write_bytes(content)
        data = {
            "cookie_path": self.node if self.nginx else "/",
            "id": "0123abcd",
            "node_root": self.node,
            "open": [f"{self.base}/webhook/*"],
            "session_expiry": 604800,
            "title": "Kitchen",
            "trusted_proxies": ["127.0.0.1"] if self.nginx else [],
            "users": [
                {"username": "fred", "password": hash_of(USERS["fred"]), "permissions": "*"},
                {"username": "vera", "password": hash_of(USERS["vera"]), "permissions": "read"},
                {
                    "username": "paul",
                    "password": hash_of(USERS["paul"]),
                    "permissions": "*",
                    "paths": [f"{self.base}/api", f"{self.base}/ui"],
                },
            ],
            **changes,
        }
        (target / "login.json").write_text(json.dumps(data), "utf-8")
        self._write_settings(signs_on="editor" in changes.get("oidc", {}))

    def _write_settings(self, signs_on: bool) -> None:
        admin_auth = {
            "type": "credentials",
            "users": [{"username": "admin", "password": hash_of(USERS["admin"]), "permissions": "*"}],
        }
        values = {
            "flowFile": "flows.json",
            "uiPort": self.port,
            "uiHost": "127.0.0.1",
            "credentialSecret": "x",
            "httpAdminRoot": self.admin,
            "httpNodeRoot": self.node,
            "telemetry": {"enabled": False, "updateNotification": False},
            # Their welcome lies over what tests press.
            "editorTheme": {"tours": False},
            "logging": {"console": {"level": "info", "audit": False, "metrics": False}},
        }
        here = self.directory
        editor = """
    httpAdminMiddleware: require("./nodelogin/oidc/editor.js").middleware,"""
        gate = f"""
    httpNodeAuth: require("./nodelogin/login.js").httpNodeAuth,
    webSocketNodeVerifyClient: require("./nodelogin/login.js").webSocket,
    ui: {{ ioMiddleware: require("./nodelogin/login.js").socketIo }},
    dashboard: {{ ioMiddleware: require("./nodelogin/login.js").socketIo }},
    httpStatic: [
        {{ path: "{here}/outside", root: "/pictures", middleware: require("./nodelogin/login.js").http }},
        {{ path: "{here}/inside", root: "{self.base}/files", middleware: require("./nodelogin/login.js").http }},
    ],
    nodesDir: [require("path").join(__dirname, "nodelogin", "plugin")],"""
        https = f"""
    https: {{ key: require("fs").readFileSync("{here}/key.pem"), cert: require("fs").readFileSync("{here}/cert.pem") }},"""
        tokens = ' tokens: require("./nodelogin/oidc/editor.js").tokens,' if signs_on else ""
        (here / "settings.js").write_text(
            f"""module.exports = {{
    ...{json.dumps(values)},{"" if self.nginx else https}
    adminAuth: {{ ...{json.dumps(admin_auth)},{tokens} }},{editor if signs_on else ""}{gate if self.has_gate else ""}
    {self.settings}
}};
""",
            "utf-8",
        )

    def start(self, wait: bool = True) -> NodeRed:
        red = npm_modules(f"node-red@{self.release}") / "node-red/red.js"
        with self.log.open("ab") as log:
            log.truncate(0)
            self.process = started = subprocess.Popen(
                [
                    npm_node(int(self.node_js or NODES[self.release[0]])),
                    "--max_old_space_size=256",
                    str(red),
                    "-u",
                    str(self.directory),
                ],
                # It would prefer flows.json of this directory.
                cwd=self.directory,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if self.nginx:
            self.nginx.start()
        if wait:
            until(lambda: "Started flows" in self.said() or started.poll() is not None, "Node-RED starts")
            assert started.poll() is None, self.said()
            # nginx answers 502 before it does.
            until(lambda: self.curl(f"{self.base}/_login").status not in {0, 502}, "Node-RED answers")
        return self

    def stop(self) -> int:
        """Ends Node-RED as systemd does; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=PATIENCE)

    def restart(self, **changes: t.Any) -> None:
        self.stop()
        self.install(**changes)
        self.start()

    def said(self) -> str:
        return self.log.read_text("utf-8", errors="replace")

    def __enter__(self) -> NodeRed:
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.nginx:
            self.nginx.stop()

    # Who asks

    def curl(self, target: str, *arguments: str) -> Answer:
        """The answer to curl; status 0 where there is none."""
        command = ["curl", "--silent", "--noproxy", "*", "--path-as-is", "--include", "--max-time", "60", "--globoff"]
        run = subprocess.run(
            [*command, "--cacert", str(self.certificate), *arguments, self.url + target],
            capture_output=True,
            check=False,
        )
        return parsed(run.stdout.decode("utf-8", "replace"))

    def log_in(self, name: str, password: str | None = None, *arguments: str, to: str | None = None) -> Answer:
        fields = {"username": name, "password": USERS[name] if password is None else password}
        if to is not None:
            fields["next"] = to
        body = urllib.parse.urlencode(fields)
        return self.curl(f"{self.base}/_login", "--header", f"Origin: {self.url}", "--data", body, *PAGE, *arguments)

    def cookie_of(self, name: str) -> str:
        """What a browser sends where somebody has logged in."""
        answer = self.log_in(name)
        assert answer.status == 303, answer
        return answer.cookie

    def raw(self, text: str, source: str = "127.0.0.1") -> Answer:
        """The answer to bytes on a socket."""
        with self.connect(source) as connection:
            connection.sendall(text.encode("latin-1"))
            parts = []
            try:
                while part := connection.recv(65536):
                    parts.append(part)
            except (ssl.SSLError, ConnectionError, TimeoutError):
                pass
        return parsed(b"".join(parts).decode("utf-8", "replace"))

    def connect(self, source: str = "127.0.0.1") -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.certificate))
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=(source, 0))
        return context.wrap_socket(plain, server_hostname="localhost")

    def seen(self) -> list[dict[str, t.Any]]:
        """What flows got to see of dashboards and web sockets."""
        seen: list[dict[str, t.Any]] = json.loads(self.curl(f"{self.base}/webhook/seen").text)
        return seen


def parsed(text: str) -> Answer:
    head, _blank, body = text.partition("\r\n\r\n")
    while head.startswith("HTTP/1.1 100"):
        head, _blank, body = body.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    status = int(first.split(" ")[1]) if first.startswith("HTTP/") else 0
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _colon, value = line.partition(":")
        headers.setdefault(name.lower(), []).append(value.strip())
    return Answer(status, headers, body)


class Clients:
    """Web sockets and dashboards, by the libraries that pages use."""

    def __init__(self, server: NodeRed) -> None:
        self.server = server
        self.number = 0
        environment = {
            **os.environ,
            "NODE_PATH": str(npm_modules(*CLIENTS)),
            "NODE_EXTRA_CA_CERTS": str(server.certificate),
        }
        self.process = subprocess.Popen(
            ["node", str(HERE / "clients.js")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self) -> Clients:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.process.kill()
        self.process.communicate()

    def ask(self, action: str, name: str, **more: t.Any) -> dict[str, t.Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.number += 1
        self.process.stdin.write(json.dumps({"action": action, "name": name, "number": self.number, **more}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, t.Any] = json.loads(self.process.stdout.readline())
        assert answer["number"] == self.number
        return answer

    def web_socket(self, name: str, target: str, **headers: str) -> dict[str, t.Any]:
        url = f"wss://localhost:{self.server.outer_port}{target}"
        return self.ask("webSocket", name, url=url, headers=headers)

    def socket_io(
        self,
        name: str,
        path: str,
        transports: t.Sequence[str] = ("polling", "websocket"),
        auth: dict[str, t.Any] | None = None,
        **headers: str,
    ) -> dict[str, t.Any]:
        more = {"path": path, "transports": transports, "auth": auth or {}, "headers": headers}
        return self.ask("socketIo", name, url=self.server.url, **more)

    def emit(self, name: str, *event: t.Any) -> None:
        self.ask("emit", name, event=event)

    def received(self, name: str) -> list[t.Any]:
        received: list[t.Any] = self.ask("state", name)["received"]
        return received

    def is_open(self, name: str) -> bool:
        return bool(self.ask("state", name)["open"])
