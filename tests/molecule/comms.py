# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The editor's web socket (/comms, RFC 6455), as far as is needed to see whether it lives."""

from __future__ import annotations

import json
import os
import socket
import ssl
import typing as t


class Comms:
    """A logged-in editor that stays connected, as a browser's does."""

    def __init__(self, address: str, port: int, ca: str, token: str) -> None:
        plain = socket.create_connection((address, port), timeout=40)
        self._stream = ssl.create_default_context(cafile=ca).wrap_socket(plain, server_hostname=address)
        self._stream.sendall(
            f"GET /comms HTTP/1.1\r\nHost: {address}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: cGlmbGVldC5ub2RlcmVkLg==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode("ascii"))
        self._reader = self._stream.makefile("rb")
        status = self._reader.readline()
        assert b" 101 " in status, status
        while self._reader.readline().strip():
            pass
        self._send({"auth": token})
        assert {"auth": "ok"} in self.messages()

    def messages(self) -> list[t.Any]:
        """What comes next; Node-RED says something every 15 seconds at least. Fails when the connection has ended."""
        head = self._reader.read(2)
        assert len(head) == 2 and head[0] == 0x81, f"the connection ended: {head!r}"
        length = head[1]
        if length == 126:
            length = int.from_bytes(self._reader.read(2), "big")
        found = json.loads(self._reader.read(length))
        return found if isinstance(found, list) else [found]

    def _send(self, message: t.Any) -> None:
        content = json.dumps(message).encode("utf-8")
        assert len(content) < 65536
        mask = os.urandom(4)
        length = bytes([0x80 | len(content)]) if len(content) < 126 else b"\xfe" + len(content).to_bytes(2, "big")
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(content))
        self._stream.sendall(b"\x81" + length + mask + masked)

    def close(self) -> None:
        self._reader.close()
        self._stream.close()
