# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Web sockets (RFC 6455), and the editor's own (/comms), as far as is needed to see who gets in and whether they live."""

from __future__ import annotations

import json
import os
import socket
import ssl
import typing as t

from .waiting import PATIENCE


class WebSocket:
    """A web socket, or the refusal of one: then `status` is not 101. Without a `ca` any certificate will do.

    The server is asked for by its address, or by the `name` that it has.
    """

    def __init__(
        self,
        address: str,
        port: int,
        ca: str | None,
        path: str,
        headers: t.Mapping[str, str] | None = None,
        name: str = "",
    ) -> None:
        context = ssl.create_default_context(cafile=ca)
        if ca is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection((address, port), timeout=PATIENCE)
        self._stream = context.wrap_socket(plain, server_hostname=name or address)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {name or address}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: cGlmbGVldC5ub2RlcmVkLg==",
            "Sec-WebSocket-Version: 13",
            *(f"{header}: {value}" for header, value in (headers or {}).items()),
        ]
        self._stream.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii"))
        self._reader = self._stream.makefile("rb")
        self.status = int(self._reader.readline().split()[1])
        #: The headers of the answer, their names in lower case.
        self.headers: dict[str, str] = {}
        while line := self._reader.readline().decode("latin-1").strip():
            header, _colon, value = line.partition(":")
            self.headers[header.lower()] = value.strip()

    def send(self, text: str) -> None:
        content = text.encode("utf-8")
        assert len(content) < 65536
        mask = os.urandom(4)
        length = bytes([0x80 | len(content)]) if len(content) < 126 else b"\xfe" + len(content).to_bytes(2, "big")
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(content))
        self._stream.sendall(b"\x81" + length + mask + masked)

    def receive(self) -> str | None:
        """The next text, None when the connection has ended."""
        try:
            head = self._reader.read(2)
        except ConnectionError:
            return None
        if len(head) != 2 or head[0] != 0x81:
            return None
        length = head[1]
        if length == 126:
            length = int.from_bytes(self._reader.read(2), "big")
        elif length == 127:
            length = int.from_bytes(self._reader.read(8), "big")
        return self._reader.read(length).decode("utf-8")

    def close(self) -> None:
        self._reader.close()
        self._stream.close()


class Comms(WebSocket):
    """A logged-in editor that stays connected, as a browser's does."""

    def __init__(self, address: str, port: int, ca: str, token: str, path: str = "/comms") -> None:
        super().__init__(address, port, ca, path)
        assert self.status == 101, self.status
        self.send(json.dumps({"auth": token}))
        assert {"auth": "ok"} in self.messages()

    def messages(self) -> list[t.Any]:
        """What comes next; Node-RED says something every 15 seconds at least. Fails when the connection has ended."""
        text = self.receive()
        assert text is not None, "the connection ended"
        found = json.loads(text)
        return found if isinstance(found, list) else [found]
