# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit reads on a host: flows that listen, logins that have not ended, and never a token."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import time
import types
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host import packages
from ansible_collections.pifleet.nodered.plugins.module_utils._host.packages import installed_version, package_version
from ansible_collections.pifleet.nodered.plugins.module_utils._info.audit_details import gather_details

TOKEN = "token-only-for-tests"


@pytest.fixture
def unit(tmp_path: pathlib.Path) -> t.Any:
    """What stands in for a unit."""
    account = types.SimpleNamespace(
        name="nobody-here", uid=64000, groups=[64000], rights=contextlib.nullcontext, sight=contextlib.nullcontext
    )
    return types.SimpleNamespace(
        account=account, user_dir=str(tmp_path), properties={"UMask": "0077", "NoNewPrivileges": "yes"}
    )


def test_flows(unit: t.Any, tmp_path: pathlib.Path) -> None:
    flows = [{"type": "tab"}, {"type": "http in"}, {"type": "ui_base", "d": True}, {"type": "websocket-listener"}, 7]
    for name, content in {
        "flows.json": json.dumps(flows),
        "other.json": "[]",
        "flows_cred.json": "[]",
        "broken.json": "[",
        "package.json": "[]",
        ".config.json": "[]",
        "deep.json": "[" * 100000,
        "object.json": "{}",
        "latin.json": "\udcff",
    }.items():
        (tmp_path / name).write_text(content, encoding="utf-8", errors="surrogateescape")
    os.mkfifo(tmp_path / "pipe.json")
    assert gather_details(unit, [])["flows"] == {"flows.json": ["http in", "websocket-listener"], "other.json": []}


def test_sessions(unit: t.Any, tmp_path: pathlib.Path) -> None:
    now = time.time() * 1000
    (tmp_path / ".sessions.json").write_text(
        json.dumps(
            {
                TOKEN: {"user": "admin", "scope": ["*"], "accessToken": TOKEN, "expires": now + 3_600_000},
                "old": {"user": "eve", "scope": "read", "expires": now - 3_600_000},
                "odd": {"user": "mallory", "expires": "never"},
                "odder": 1,
            }
        )
    )
    found = gather_details(unit, [])
    assert found["sessions"] == [{"user": "admin", "scope": ["*"]}]
    assert TOKEN not in json.dumps(found)


def test_nodes_and_logins_of_odd_types(unit: t.Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "flows.json").write_text(json.dumps([{"type": []}, {"type": {}}, {"type": 7}, {"type": "http in"}]))
    logins = [("admin", ["*", 7, []]), ("eve", {"read": 1}), ([], "*"), (7, "*")]
    (tmp_path / ".sessions.json").write_text(
        json.dumps(
            {
                str(number): {"user": user, "scope": scope, "expires": (time.time() + 3600) * 1000}
                for number, (user, scope) in enumerate(logins)
            }
        )
    )
    found = gather_details(unit, [])
    assert found["flows"] == {"flows.json": ["http in"]}
    assert found["sessions"] == [{"user": "admin", "scope": ["*"]}, {"user": "eve", "scope": None}]


@pytest.mark.parametrize("content", ["", "[]", "null", "{"])
def test_sessions_that_are_none(unit: t.Any, tmp_path: pathlib.Path, content: str) -> None:
    (tmp_path / ".sessions.json").write_text(content)
    assert gather_details(unit, [])["sessions"] == []


def test_service(unit: t.Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = gather_details(unit, [os.getpid()])
        assert ["127.0.0.1", listening.getsockname()[1]] in found["listening"]
    assert (found["umask"], found["no_new_privileges"]) == ("0077", True)


def test_a_unit_without_a_folder(unit: t.Any) -> None:
    unit.user_dir = None
    assert gather_details(unit, [])["flows"] == {}


@pytest.mark.parametrize(
    ("version", "installed"), [("20.19.2+dfsg-1", "20.19.2"), ("1:8.0-1", "8.0"), ("20.20.2-1nodesource1", "20.20.2")]
)
def test_versions_of_packages(monkeypatch: pytest.MonkeyPatch, version: str, installed: str) -> None:
    installed_one = "Package: {}\nStatus: install ok installed\nSection: web\nVersion: {}\nDescription: x\n"
    status = installed_one.format("other", "1") + "\n" + installed_one.format("nodejs", version)
    monkeypatch.setattr(packages, "read", lambda _path: status.encode())
    assert package_version("nodejs") == version
    assert installed_version("nodejs") == installed
    assert package_version("missing") is None
    assert installed_version("missing") is None
