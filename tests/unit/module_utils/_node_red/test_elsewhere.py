# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Node-REDs beside the service that is meant."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import time
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import elsewhere as module
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.elsewhere import KINDS, elsewhere


@pytest.mark.parametrize(
    ("group", "by", "name"),
    [
        ("0::/system.slice/docker-0123456789abcdef0123.scope", "docker", "0123456789ab"),
        ("12:cpu:/docker/0123456789abcdef0123", "docker", "0123456789ab"),
        ("0::/machine.slice/libpod-0123456789abcdef0123.scope/container", "podman", "0123456789ab"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/nodered.service", "user", "nodered.service"),
        ("0::/system.slice/pm2-pi.service", "pm2", "pm2-pi.service"),
        ("0::/system.slice/snap.node-red.node-red.service", "snap", "node-red"),
        ("0::/system.slice/node-red.service", "service", "node-red.service"),
        ("0::/system.slice/system-node\\x2dred.slice/node-red@site.a.service", "service", "node-red@site.a.service"),
        ("0::/user.slice/user-1000.slice/session-3.scope", "", ""),
        # Not what anybody would call its service.
        ("0::/system.slice/cron.service", "", ""),
        ("0::/system.slice/rc-local.service", "", ""),
        ("0::/system.slice/ssh@3-1.service", "", ""),
        ("0::/lxc.payload.web/system.slice/nodered.service", "container", "web"),
        ("4:cpu:/lxc/web", "container", "web"),
        ("0::/system.slice/nodered-box.service/libpod-payload-0123456789abcdef0123", "podman", "0123456789ab"),
        ("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-0123456789abcdef.scope", "container", "0123456789ab"),
        (
            "0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:0123456789ab",
            "container",
            "0123456789ab",
        ),
        ("0::/machine.slice/systemd-nspawn@web.service/payload/x.service", "container", "systemd-nspawn@web.service"),
        ("0::/machine.slice/machine-web.scope", "container", "web"),
        ("0::/system.slice/nodered-box.service/payload", "container", "nodered-box.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-terminal-7.scope", "", ""),
        ("0::/system.slice/cronicle.service", "service", "cronicle.service"),
    ],
)
def test_control_groups(group: str, by: str, name: str) -> None:
    found = next(((kind, match[1]) for kind, pattern in KINDS if (match := re.search(pattern, group))), ("", ""))
    assert found == (by, name)


@contextlib.contextmanager
def node_red(directory: pathlib.Path) -> t.Iterator[int]:
    """A process with the title of a Node-RED, by its id."""
    program = directory / "node-red"
    shutil.copy("/usr/bin/sleep", program)
    with subprocess.Popen([program, "600"]) as process:
        # The kernel gives the title after the moment that Popen waits for.
        while pathlib.Path(f"/proc/{process.pid}/comm").read_text("utf-8") != "node-red\n":
            time.sleep(0.01)
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_process_with_the_title_of_node_red(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where these tests run in a container, they see the group with the container's.
    monkeypatch.setattr(module, "_root", lambda: "")
    with node_red(tmp_path) as pid:
        group = pathlib.Path(f"/proc/{pid}/cgroup").read_text("ascii")
        expected = next((kind for kind, pattern in KINDS if re.search(pattern, group, re.MULTILINE)), "hand")
        seen = elsewhere([])
        own = elsewhere([pid])
    user = pwd.getpwuid(os.getuid()).pw_name
    assert any(each["by"] == expected and each["user"] == user for each in seen)
    assert len(seen) <= 8
    assert len(own) <= len(seen)


@pytest.mark.parametrize(
    ("first", "group", "by"),
    [
        ("0::/init.scope", "0::/system.slice/nodered.service", "service"),
        (
            "0::/machine/libpod-0123456789ab/init.scope",
            "0::/machine/libpod-0123456789ab/system.slice/x.service",
            "service",
        ),
        ("9:name=systemd:/docker/0123456789ab/init.scope", "8:pids:/docker/0123456789ab", "hand"),
        ("0::/init.scope", "0::/docker/0123456789ab", "docker"),
        ("0::/x/init.scope", "0::/x/system.slice/docker-0123456789ab.scope", "docker"),
    ],
)
def test_a_host_that_is_a_container_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, first: str, group: str, by: str
) -> None:
    with node_red(tmp_path) as pid:
        groups = {"1": [first], str(pid): [group]}
        monkeypatch.setattr(module, "_groups", lambda pid: groups[pid])
        others = [int(each) for each in filter(str.isdigit, os.listdir("/proc")) if int(each) != pid]
        assert [each["by"] for each in elsewhere(others)] == [by]
