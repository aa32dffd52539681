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


class Asker:
    """Sends one request after the other, on one connection, to a server."""

    def __init__(self, server: NodeRed, login: str, stack: contextlib.ExitStack) -> None:
        """:param login: the header that lets it in"""
        assert server.process is not None
        self.statistics = pathlib.Path(f"/proc/{server.process.pid}/task/{server.process.pid}/schedstat")
        self.text = f"GET /hello HTTP/1.1\r\nHost: localhost:{server.port}\r\n{login}\r\n\r\n".encode()
        self.connection = stack.enter_context(server.connect())

    def ask(self) -> float:
        """Milliseconds until the answer."""
        begun = time.perf_counter()
        self.connection.sendall(self.text)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.connection.recv(65536)
        took = time.perf_counter() - begun
        assert answer.startswith(b"HTTP/1.1 200"), answer[:80]
        return took * 1000

    def measure(self) -> tuple[float, float]:
        """Milliseconds until the answer, and those for which the event loop worked for it."""
        before = self._worked()
        took = self.ask()
        time.sleep(0.003)  # The kernel counts what a thread has worked when it rests.
        return took, self._worked() - before

    def _worked(self) -> float:
        return int(self.statistics.read_text("ascii").split()[0]) / 1e6


def requests(server: NodeRed, login: str, seconds: float, rate: int) -> list[float]:
    """Milliseconds of each request, so many a second, on a few connections that stay open.

    :param login: the header that lets them in
    """
    workers = 5

    def ask(_worker: int) -> list[float]:
        took = []
        with contextlib.ExitStack() as stack:
            asker = Asker(server, login, stack)
            limit = time.monotonic() + seconds
            while time.monotonic() < limit:
                begun = time.monotonic()
                took.append(asker.ask())
                time.sleep(max(0, workers / rate - (time.monotonic() - begun)))
        return took

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return [one for all_of_one in pool.map(ask, range(workers)) for one in all_of_one]


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
    """How much longer a request takes with the login page than with httpNodeAuth as an object, both on one core.

    They are asked in turns, each time the other one first, so that what else the machine does meets both, and started
    anew several times, since two processes of the same server differ by some percent as well.
    """
    longer, of_event_loop = [], []
    for number in range(arguments.rounds):
        names = ("page", "object") if number % 2 else ("object", "page")
        page, plain = in_turns(release, names, arguments)
        longer.append(page[0] / plain[0] - 1)
        of_event_loop.append(page[1] / plain[1] - 1)
    median = statistics.median(longer)
    print(f"\nNode-RED {release}, {arguments.sockets} dashboards, against httpNodeAuth as an object, on one core")
    print(
        f"  a request takes {median:+.1%} ({plain[0]:.2f} ms), of the event loop {statistics.median(of_event_loop):+.1%}"
        f" ({plain[1]:.2f} ms); of {arguments.rounds} rounds {', '.join(f'{one:+.1%}' for one in sorted(longer))}",
        flush=True,
    )
    return median


def in_turns(release: str, names: t.Sequence[str], arguments: argparse.Namespace) -> list[list[float]]:
    """Milliseconds of a request and of the event loop for it, as medians, with the page and with the object.

    :param names: which is started first
    """
    password = USERS["fred"]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        askers = {}
        for name in names:
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
            askers[name] = Asker(server, login, stack)
            # As many as in the first minute of a server's life: by then its code is compiled.
            for _request in range(60 * arguments.rate):
                askers[name].ask()
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        for turn in range(arguments.turns):
            begun = time.monotonic()
            for name in names if turn % 2 else reversed(names):
                taken[name].append(askers[name].measure())
            time.sleep(max(0, 1 / arguments.rate - (time.monotonic() - begun)))
        return [[statistics.median(column) for column in zip(*taken[name], strict=True)] for name in ("page", "object")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", nargs="+", default=["4.1.15", "3.1.15"])
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--rate", type=int, default=50, help="requests a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--logins", type=int, default=200)
    parser.add_argument("--bursts", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=8, help="of the comparison")
    parser.add_argument("--turns", type=int, default=500, help="of a round, two requests in each")
    arguments = parser.parse_args()
    longer = max(compare(release, arguments) for release in arguments.releases)
    stalls = [measure(release, cost, arguments) for release in arguments.releases for cost in (8, 12)]
    if max(stalls) > LONGEST_STALL:
        sys.exit(f"The event loop stood still for {max(stalls):.0f} ms.")
    if longer > MOST_LONGER:
        sys.exit(f"A request takes {longer:.1%} longer than with httpNodeAuth as an object.")


if __name__ == "__main__":
    main()
