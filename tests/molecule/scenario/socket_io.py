# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""socket.io as dashboards speak it (Engine.IO protocol 4), in its two ways, as far as is needed to see who gets in.

Everybody is given a session; what counts is the answer to the message that asks to join: `40` is a welcome, followed by
what the dashboard shows, and `44` is a refusal.
"""

from __future__ import annotations

import json

from .client import Client
from .comms import WebSocket
from .waiting import wait_for

OPEN, JOIN, WELCOME, REFUSAL = "0", "40", "40", "44"


def by_polling(client: Client, url: str, *options: str, until: str = "") -> str:
    """What comes after asking to join, with requests of HTTP, up to a word. The URL ends in /socket.io/."""
    query = f"{url}?EIO=4&transport=polling"
    opened = client.request(query, *options)
    if opened.status != 200:
        return f"{opened.status} {opened.body}"
    assert opened.body.startswith(OPEN), opened
    query += f"&sid={json.loads(opened.body[1:])['sid']}"
    joined = client.request(query, *options, "--header", "Content-Type: text/plain", "--data-binary", JOIN)
    assert (joined.status, joined.body) == (200, "ok"), joined
    received = ""

    def receive() -> bool:
        nonlocal received
        received += client.request(query, *options).body
        return until in received

    wait_for(receive, f"{url} sends {until}")
    return received


def by_web_socket(client: WebSocket) -> str:
    """The first that comes after asking to join; the web socket is of the path /socket.io/?EIO=4&transport=websocket."""
    if client.status != 101:
        return str(client.status)
    opened = client.receive()
    assert opened is not None and opened.startswith(OPEN), opened
    client.send(JOIN)
    return client.receive() or "closed"
