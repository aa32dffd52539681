# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a service listens, told by root of a container as well."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="another user's process is looked into")

SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
#: Root's own rights are there again afterwards.
LOOK = """
import sys
from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.endpoints import listening_of
print(listening_of([int(sys.argv[1])], Account("nobody")))
open("/etc/shadow").close()
"""
#: As in a container.
BLIND = ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace")


@pytest.fixture(params=["", "+net_bind_service"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """The id and the port of a process of nobody's, with a capability or without one."""
    capabilities = [f"--inh-caps={request.param}", f"--ambient-caps={request.param}"] if request.param else []
    user = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *capabilities)
    command = [*user, "/usr/bin/python3", "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        process.communicate("")


@needs_root
@pytest.mark.parametrize("blind", [(), BLIND])
def test_root_sees_where_a_service_listens(server: tuple[int, int], blind: tuple[str, ...]) -> None:
    pid, port = server
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    look = [*blind, sys.executable, "-c", LOOK, str(pid)]
    run = subprocess.run(look, capture_output=True, text=True, check=False, env=environment)
    assert (run.returncode, run.stdout) == (0, f"[('127.0.0.1', {port})]\n"), run.stderr
