# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of all hosts at the end of a run, of some that are lost."""

from __future__ import annotations

import json
import pathlib
import subprocess
import types
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.action.summary import ActionModule
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError


def _told(hostvars: dict[str, t.Any], path: pathlib.Path | None, check_mode: bool = False) -> dict[str, t.Any]:
    action = ActionModule(types.SimpleNamespace(check_mode=check_mode), None, None, None, None, None)
    action.task_vars = {"hostvars": hostvars, "ansible_play_hosts_all": list(hostvars)}
    return action.execute({"path": path and str(path)})


@pytest.fixture
def hostvars(tmp_path: pathlib.Path) -> dict[str, t.Any]:
    ca = tmp_path / "ca.pem"
    command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ca"]
    subprocess.run(["openssl", *command, "-keyout", "/dev/null", "-out", ca], check=True, capture_output=True)
    proved = {"port": 1880, "tls": True, "admin_root": "/", "proxy": None}
    access = {"name": "hall", "proved": proved, "users": ["admin"], "not_after": "", "authority": str(ca)}
    return {
        "hall": {"nodered_preflight": {"due": [], "access": access}, "ansible_host": "192.0.2.1"},
        "attic": {"nodered_preflight": {"unreachable": True}},
    }


def test_summary(hostvars: dict[str, t.Any], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "summary.json"
    assert _told(hostvars, path, check_mode=True)["changed"]
    assert not path.exists()
    told = _told(hostvars, path)
    assert told["changed"]
    assert json.loads(path.read_text("utf-8")) == told["summary"]
    # As set_stats returns it, for the whole run.
    stats = told["ansible_stats"]
    assert stats == {"data": {"nodered_summary": told["summary"]}, "per_host": False, "aggregate": False}
    assert not _told(hostvars, path)["changed"]
    by_openssl = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", tmp_path / "ca.pem"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (authority,) = told["summary"]["authorities"]
    assert by_openssl.strip().endswith(f"={authority['fingerprint']}")
    assert "2 hosts: 1 unchanged, 1 off." in capsys.readouterr().out


def test_an_authority_from_a_vault(hostvars: dict[str, t.Any], capsys: pytest.CaptureFixture[str]) -> None:
    given = {"authority": "nodered_ca_certificate (CN=ca)", "authority_fingerprint": "AB:CD"}
    hostvars["hall"]["nodered_preflight"]["access"].update(given)
    told = _told(hostvars, None)["summary"]
    assert told["authorities"] == [{"file": "nodered_ca_certificate (CN=ca)", "fingerprint": "AB:CD"}]
    assert "What browsers have to trust: nodered_ca_certificate (CN=ca), SHA-256 AB:CD." in capsys.readouterr().out


def test_a_file_that_cannot_be_written(hostvars: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="nodered_summary_path"):
        _told(hostvars, tmp_path / "file" / "summary.json")


def test_an_authority_that_is_gone(hostvars: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    (tmp_path / "ca.pem").unlink()
    assert _told(hostvars, None)["summary"]["authorities"] == []
