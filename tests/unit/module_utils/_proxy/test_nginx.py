# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of the nginx of a host: who listens on its ports, and how it is read anew and put back."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import Store
from ansible_collections.pifleet.nodered.plugins.module_utils._proxy import nginx


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemctl was asked to do; it says that nginx runs."""
    commands: list[str] = []

    def systemctl(*words: str, check: bool = True) -> str:
        if words[0] == "show":
            return "ActiveState=active\nUnitFileState=enabled\nControlGroup=\n"
        commands.append(" ".join(words))
        return ""

    monkeypatch.setattr(nginx, "systemctl", systemctl)
    return commands


@pytest.fixture
def paths(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Where the site and the authorities of a service are, and its store."""
    monkeypatch.setattr(nginx, "nginx_site", lambda _service: str(tmp_path / "site"))
    monkeypatch.setattr(nginx, "proxy_authorities", lambda _service: str(tmp_path / "authorities.pem"))
    monkeypatch.setattr(nginx, "Store", lambda service: Store(service, str(tmp_path / "store")))
    monkeypatch.setattr(nginx, "installed_version", lambda _package: "1.26.3")
    return tmp_path


def test_a_listener_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (found,) = nginx.listeners([port], [])
        assert (found["address"], found["port"]) == ("127.0.0.1", port)
        assert found["program"] == nginx._program({os.getpid()}) != ""
        assert nginx.listeners([port], [os.getpid()]) == []
    assert nginx.listeners([port], []) == []


def test_a_listener_for_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        (found,) = nginx.listeners([server.getsockname()[1]], [])
    assert found["address"] == "::1"


def test_a_process_that_is_gone_has_no_name() -> None:
    assert nginx._program(None) == nginx._program({1 << 22}) == ""


def test_a_host_without_a_proxy_is_asked_nothing(paths: pathlib.Path, asked: list[str]) -> None:
    assert nginx.proxy_state("nodered", [], []) is None


@pytest.mark.parametrize("of_ours", ["site", "direct"])
def test_what_is_there_is_told_though_nobody_asks_for_it(paths: pathlib.Path, asked: list[str], of_ours: str) -> None:
    if of_ours == "site":
        (paths / "site").write_text("a site", "utf-8")
    else:
        Store("nodered", str(paths / "store")).write(nginx.DIRECT, {"uiHost": None})
    state = nginx.proxy_state("nodered", [], [])
    assert state is not None
    assert (state["site"], state["direct"]) == (("a site", None) if of_ours == "site" else (None, {"uiHost": None}))
    assert (state["version"], state["active"], state["enabled"]) == ("1.26.3", True, True)


def test_a_host_without_nginx(paths: pathlib.Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "installed_version", lambda _package: None)
    state = nginx.proxy_state("nodered", [1], [])
    assert state is not None
    assert (state["version"], state["active"], state["enabled"]) == (None, False, False)


def test_what_a_site_says_that_it_has_to_answer(paths: pathlib.Path) -> None:
    assert nginx.expected("nodered") is None
    said: dict[str, t.Any] = {"name": "kitchen.local", "https": 443, "http": 80, "path": "/", "port": 1880}
    (paths / "site").write_text(f"# a comment\n# proof: {json.dumps(said)}\n", "utf-8")
    assert nginx.expected("nodered") == said


def test_reading_anew_ends_nothing(asked: list[str]) -> None:
    nginx.read_anew()
    assert asked == ["reload nginx.service"]


def worker(title: str = "nginx: worker process") -> subprocess.Popen[bytes]:
    """A process that calls itself one of nginx."""
    process = subprocess.Popen([title, "600"], executable="/bin/sleep")
    # The kernel shows it a moment after the program has begun.
    while not pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(title.encode()):
        time.sleep(0.01)
    return process


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[list[subprocess.Popen[bytes]]]:
    """The processes of nginx; a reload has a new worker come first, and the old one leave later."""
    running = [worker("nginx: master process"), worker("nginx: worker process is shutting down"), worker()]

    def systemctl(*words: str, check: bool = True) -> str:
        if words[0] == "reload":
            running.append(worker())
            threading.Timer(0.3, running[2].kill).start()
        return "ActiveState=active\nControlGroup=of-nginx\n"

    monkeypatch.setattr(nginx, "systemctl", systemctl)
    monkeypatch.setattr(nginx, "processes", lambda group: [process.pid for process in running if group == "of-nginx"])
    yield running
    for process in running:
        process.kill()
        process.wait()


def test_reading_anew_ends_when_the_former_workers_have_left(running: list[subprocess.Popen[bytes]]) -> None:
    nginx.read_anew()
    assert [process.poll() for process in running] == [None, None, -signal.SIGKILL, None]


def test_reading_anew_does_not_wait_without_end(
    running: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nginx, "PATIENCE", 0)
    nginx.read_anew()
    assert running[2].poll() is None


def test_what_does_not_run_is_started(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "properties", lambda: {"ActiveState": "failed"})
    nginx.read_anew()
    assert asked[-1] == "start nginx.service"


@pytest.mark.parametrize(
    ("active", "enabled", "commands"),
    [
        (True, True, ["reload nginx.service"]),
        (False, True, ["stop nginx.service"]),
        (False, False, ["stop nginx.service", "disable --quiet nginx.service"]),
    ],
)
def test_it_runs_again_as_it_did(asked: list[str], active: bool, enabled: bool, commands: list[str]) -> None:
    nginx.as_before({"active": active, "enabled": enabled, "sites": []})
    assert asked == commands


def test_how_it_is_now(asked: list[str]) -> None:
    assert nginx.before([]) == {"active": True, "enabled": True, "sites": []}
