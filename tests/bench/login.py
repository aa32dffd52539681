# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the login page costs: open dashboards, requests beside them, and a burst of wrong logins from many addresses.

Shows the memory of Node-RED, how long requests take, also against one with httpNodeAuth as an object, and how long its
event loop stands still at most. Fails where a burst stops it for more than 50 ms with a library that hashes in threads,
or where a request takes more than 5 % longer.
"""

from __future__ import annotations

import argparse
import base64
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import signal
import statistics
import sys
import tempfile
import time
import typing as t
import urllib.parse

from node_red import USERS, Clients, NodeRed, hash_of, until

#: Milliseconds that flows may have to wait.
LONGEST_STALL = 50
#: How much longer a request may take than with httpNodeAuth as an object.
MOST_LONGER = 0.05
#: Measures how late the event loop is; a signal writes it down, in milliseconds, and begins anew.
MEASURE = """measure: (() => {
        const delay = require("perf_hooks").monitorEventLoopDelay({ resolution: 1 });
        delay.enable();
        process.on("SIGWINCH", () => {
            const text = JSON.stringify({ max: delay.max / 1e6, p99: delay.percentile(99) / 1e6 });
            require("fs").writeFileSync(require("path").join(__dirname, "measured.new"), text);
            require("fs").renameSync(require("path").join(__dirname, "measured.new"), require("path").join(__dirname, "measured"));
            delay.reset();
        });
    })(),"""


class Measured:
    """A server whose event loop is watched."""

    def __init__(self, server: NodeRed) -> None:
        self.server = server

    def stall(self) -> dict[str, float]:
        """How late the event loop was since the last question, in milliseconds."""
        file = self.server.directory / "measured"
        file.unlink(missing_ok=True)
        assert self.server.process is not None
        self.server.process.send_signal(signal.SIGWINCH)
        until(file.exists, "the event loop is measured")
        measured: dict[str, float] = json.loads(file.read_text("utf-8"))
        return measured

    def memory(self) -> int:
        """Resident MiB."""
        assert self.server.process is not None
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text("utf-8")
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) // 1024


def requests(server: NodeRed, login: str, seconds: float, rate: int) -> list[float]:
    """Milliseconds of each request, so many a second, on a few connections that stay open.

    :param login: the header that lets them in
    """
    text = f"GET /hello HTTP/1.1\r\nHost: localhost:{server.port}\r\n{login}\r\n\r\n".encode()
    workers = 5

    def ask(_worker: int) -> list[float]:
        took = []
        with server.connect() as connection:
            limit = time.monotonic() + seconds
            while time.monotonic() < limit:
                begun = time.monotonic()
                connection.sendall(text)
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += connection.recv(65536)
                assert answer.startswith(b"HTTP/1.1 200"), answer[:80]
                took.append((time.monotonic() - begun) * 1000)
                time.sleep(max(0, workers / rate - (time.monotonic() - begun)))
        return took

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return [one for all_of_one in pool.map(ask, range(workers)) for one in all_of_one]


def of_event_loop(server: NodeRed, login: str, seconds: float, rate: int) -> float:
    """Milliseconds for which the event loop works for a request, whatever else the machine does."""
    assert server.process is not None
    statistics_of_thread = pathlib.Path(f"/proc/{server.process.pid}/task/{server.process.pid}/schedstat")
    before = int(statistics_of_thread.read_text("ascii").split()[0])
    count = len(requests(server, login, seconds, rate))
    return (int(statistics_of_thread.read_text("ascii").split()[0]) - before) / count / 1e6


def stranger(server: NodeRed, _number: int) -> str:
    return f"GET /hello HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: close\r\n\r\n"


def wrong_login(server: NodeRed, number: int) -> str:
    body = urllib.parse.urlencode({"username": f"user{number}", "password": "wrong"})
    return (
        f"POST /_login HTTP/1.1\r\nHost: localhost:{server.port}\r\nOrigin: {server.url}\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


def burst(
    server: NodeRed, text: t.Callable[[NodeRed, int], str], count: int, turn: int
) -> tuple[collections.Counter[int], float]:
    """Statuses of so many requests at once, each from an address of its own, and the longest stall.

    The connections are open before.
    """
    measured = Measured(server)
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connect(f"127.1.{turn}.{number + 1}")) for number in range(count)]
        measured.stall()
        for number, connection in enumerate(connections):
            connection.sendall(text(server, number).encode())
        statuses = collections.Counter(int(connection.recv(65536).split()[1]) for connection in connections)
        return statuses, measured.stall()["max"]


def shown(milliseconds: list[float]) -> str:
    cut = statistics.quantiles(milliseconds, n=100)
    return f"median {statistics.median(milliseconds):.1f} ms, 99 % {cut[98]:.1f} ms, longest {max(milliseconds):.1f} ms"


def measure(release: str, cost: int, arguments: argparse.Namespace) -> float:
    with tempfile.TemporaryDirectory() as folder:
        server = NodeRed(pathlib.Path(folder), release)
        server.settings = MEASURE
        users = [{"username": "fred", "password": hash_of("fred's password", cost), "permissions": "*"}]
        server.install(users=users)
        with server, Clients(server) as clients:
            measured = Measured(server)
            cookie = server.cookie_of("fred")
            before = measured.memory()
            print(f"\nNode-RED {release}, bcrypt of cost {cost}", flush=True)
            alone = requests(server, f"Cookie: {cookie}", arguments.seconds, arguments.rate)
            print(f"  {arguments.rate} requests a second:              {shown(alone)}")
            for number in range(arguments.sockets):
                path = ("/ui/socket.io", "/dashboard/socket.io")[number % 2]
                assert clients.socket_io(str(number), path, ["websocket"], Cookie=cookie).get("open"), number
            print(
                f"  {arguments.sockets} dashboards:                     {measured.memory() - before} MiB more than {before} MiB"
            )
            measured.stall()
            beside = requests(server, f"Cookie: {cookie}", arguments.seconds, arguments.rate)
            print(f"  requests beside them:               {shown(beside)}; event loop {measured.stall()['max']:.0f} ms")
            # Whatever else the machine does makes it longer, and nothing makes it shorter.
            stalls = {}
            for name, text in (("strangers", stranger), ("wrong logins", wrong_login)):
                bursts = [burst(server, text, arguments.logins, turn) for turn in range(arguments.bursts)]
                stalls[name] = min(stall for _statuses, stall in bursts)
                statuses = dict(bursts[0][0])
                print(f"  {arguments.logins} {name + ' at once:':26}  {statuses}; event loop {stalls[name]:.0f} ms")
            assert (
                server.curl(
                    "/_login/out",
                    "--request",
                    "POST",
                    "--header",
                    f"Origin: {server.url}",
                    "--header",
                    f"Cookie: {cookie}",
                ).status
                == 303
            )
            until(lambda: not clients.is_open(str(arguments.sockets - 1)), "the log-out closes the last dashboard")
            return stalls["wrong logins"]


def compare(release: str, arguments: argparse.Namespace) -> float:
    """How much longer a request takes with the login page than with httpNodeAuth as an object, both on one core."""
    password = USERS["fred"]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        servers = []
        for name in ("page", "object"):
            directory = pathlib.Path(folder, name)
            directory.mkdir()
            server = NodeRed(directory, release)
            if name == "object":
                # It takes the place of the page's; sockets are looked after by the same code.
                server.settings = f"httpNodeAuth: {json.dumps({'user': 'fred', 'pass': hash_of(password)})},"
                server.install()
            stack.enter_context(server)
            assert server.process is not None
            for thread in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {min(os.sched_getaffinity(0))})
            basic = base64.b64encode(f"fred:{password}".encode()).decode()
            login = f"Cookie: {server.cookie_of('fred')}" if name == "page" else f"Authorization: Basic {basic}"
            clients = stack.enter_context(Clients(server))
            for number in range(arguments.sockets):
                path = ("/ui/socket.io", "/dashboard/socket.io")[number % 2]
                opened = clients.socket_io(str(number), path, ["websocket"], Authorization=f"Basic {basic}")
                assert opened.get("open"), number
            servers.append((server, login))
        ratios = []
        for _turn in range(arguments.turns):
            page, plain = (
                of_event_loop(server, login, arguments.seconds / 4, arguments.rate) for server, login in servers
            )
            ratios.append(page / plain)
        longer = statistics.median(ratios) - 1
        print(f"\nNode-RED {release}, {arguments.sockets} dashboards, against httpNodeAuth as an object, on one core")
        print(
            f"  a request takes {longer:+.1%} of the event loop ({plain:.2f} ms),"
            f" in {arguments.turns} turns {min(ratios):.2f} to {max(ratios):.2f} times"
        )
        return longer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", nargs="+", default=["4.1.15", "3.1.15"])
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--rate", type=int, default=50, help="requests a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--logins", type=int, default=200)
    parser.add_argument("--bursts", type=int, default=10)
    parser.add_argument("--turns", type=int, default=15, help="of the comparison")
    arguments = parser.parse_args()
    longer = max(compare(release, arguments) for release in arguments.releases)
    stalls = [measure(release, cost, arguments) for release in arguments.releases for cost in (8, 12)]
    if max(stalls) > LONGEST_STALL:
        sys.exit(f"The event loop stood still for {max(stalls):.0f} ms.")
    if longer > MOST_LONGER:
        sys.exit(f"A request takes {longer:.1%} longer than with httpNodeAuth as an object.")


if __name__ == "__main__":
    main()
