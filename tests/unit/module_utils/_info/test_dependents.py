# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who talks to a Node-RED that speaks plain HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import types
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host.network import connections
from ansible_collections.pifleet.nodered.plugins.module_utils._info.dependents import MOST, dependents_state
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import DependentsState
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.answers import checked

HOST = {"hostname": "kitchen", "fqdn": "kitchen.lan", "addresses": ["192.0.2.7"], "clock": 0}


def state(
    folder: pathlib.Path, nodes: t.Any = (), connected: t.Any = (), port: int = 1880, umask: str = "0022"
) -> dict[str, t.Any]:
    (folder / "flows.json").write_text(json.dumps(list(nodes)), "utf-8")
    unit = types.SimpleNamespace(
        user_dir=str(folder),
        account=types.SimpleNamespace(rights=contextlib.nullcontext),
        properties={"UMask": umask},
    )
    found = dependents_state(t.cast("t.Any", unit), port, connected, t.cast("t.Any", HOST))
    # As the control node takes it.
    return t.cast("dict[str, t.Any]", checked(DependentsState, found, "dependents"))


def request(url: t.Any, **more: t.Any) -> dict[str, t.Any]:
    return {"type": "http request", "name": "x", "url": url, **more}


@pytest.mark.parametrize(
    "node",
    [
        request("http://localhost:1880/a"),
        request("HTTP://LocalHost:1880"),
        request("http://127.0.0.1:1880/{{path}}"),
        request("http://[::1]:1880/"),
        request("http://pi:secret@kitchen:1880/"),
        request("kitchen.local:1880/x"),
        request("http://kitchen.lan.:1880/x"),
        request("http://192.0.2.7:1880/x"),
        {"type": "websocket-client", "path": "ws://localhost:1880/ws"},
    ],
)
def test_calls(node: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    flows = state(tmp_path, [{"type": "tab"}, node])["calls"]
    assert len(flows["flows.json"]) == 1
    assert "secret" not in str(flows)
    assert "1880" not in str(flows)


@pytest.mark.parametrize(
    "node",
    [
        request("https://localhost:1880/a"),
        request("localhost:1880/a", tls="abc"),
        request("http://localhost/a"),
        request("http://localhost:1881/a"),
        request("http://{{host}}:{{port}}/a"),
        request("http://[::1/"),
        request("http://attic:1880/a"),
        request("http://localhost:1880/a", d=True),
        request(""),
        request(7),
        {"type": ["http request"], "url": "http://localhost:1880/"},
        {"type": "websocket-client", "path": "wss://localhost:1880/ws"},
        {"type": "debug", "url": "http://localhost:1880/"},
    ],
)
def test_no_calls(node: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    assert state(tmp_path, [node])["calls"] == {}


def test_port_80(tmp_path: pathlib.Path) -> None:
    assert state(tmp_path, [request("http://localhost/a")], port=80)["calls"] == {"flows.json": ["http request 'x'"]}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Post", "http request 'Post'"),
        ("http://pi:secret@kitchen/", "http request"),
        ("x" * 500, ("http request '" + "x" * 500)[:60]),
        ({"a": 1}, "http request"),
        (" ", "http request"),
    ],
)
def test_labels(name: t.Any, label: str, tmp_path: pathlib.Path) -> None:
    assert state(tmp_path, [request("http://localhost:1880", name=name)])["calls"] == {"flows.json": [label]}


@pytest.mark.parametrize(
    ("node", "umask", "told"),
    [
        ({"type": "file", "name": "CSV", "overwriteFile": "false"}, "0022", True),
        ({"type": "file"}, "", True),
        ({"type": "file", "overwriteFile": "delete"}, "0022", False),
        ({"type": "file", "d": True}, "0022", False),
        ({"type": "file in"}, "0022", False),
        # Nobody else could read it so far.
        ({"type": "file"}, "0027", False),
        ({"type": "file"}, "0077", False),
    ],
)
def test_writers(node: dict[str, t.Any], umask: str, told: bool, tmp_path: pathlib.Path) -> None:
    assert list(state(tmp_path, [node], umask=umask)["writers"]) == (["flows.json"] if told else [])


def test_bounds(tmp_path: pathlib.Path) -> None:
    connected = [(1880, f"10.0.{high}.{low}") for high in range(4) for low in range(256)]
    found = state(tmp_path, [request("http://localhost:1880")] * 1000, connected)
    assert (len(found["clients"]), len(found["calls"]["flows.json"])) == (MOST, MOST)


def test_clients_of_the_port(tmp_path: pathlib.Path) -> None:
    assert state(tmp_path, connected=[(1880, "10.0.0.2"), (22, "10.0.0.3"), (1880, "10.0.0.2")])["clients"] == [
        "10.0.0.2"
    ]


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="this needs Linux")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_connections(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket(family))
        try:
            server.bind((address, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        server.listen()
        port = server.getsockname()[1]
        assert [remote for local, remote in connections() if local == port] == []
        stack.enter_context(socket.create_connection((address, port)))
        assert [remote for local, remote in connections() if local == port] == [address.removeprefix("::ffff:")]
