# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hook with which certbot hands on renewals. The directories are this user's own, so that its rights are enough."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import certbot_hook
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certbot_hook import (
    RUNNING,
    lineage_name,
)
from certbot_lineages import HOOK, lineage, pair


def test_names_are_safe_for_a_shell():
    assert lineage_name("node-red@pi.service") == "pifleet-node-red@pi"
    assert lineage_name("a\\x2db;$(c).service") == "pifleet-a_x2db___c_"


@pytest.fixture
def deploy(letsencrypt):
    """Runs the hook, and gives the file that it writes."""
    path = letsencrypt / "user dir's" / "nodecerts" / "server.pem"
    path.parent.mkdir(parents=True, mode=0o700)
    script = certbot_hook.hook("nodered", "root", "root", str(path))
    assert script.count("setsid --wait setpriv --reuid=root --regid=root --init-groups --no-new-privs ") == 1
    # Other rights can be taken by root only.
    script = script.replace("setsid --wait setpriv --reuid=root --regid=root --init-groups --no-new-privs ", "")

    def run(**environment):
        result = subprocess.run(
            ["sh", "-c", script],
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return result.returncode, result.stderr

    run.path = path
    return run


def test_hook(letsencrypt, deploy):
    key, chain = pair("pi.example.org")
    lineage(letsencrypt, key, chain + pair("an.authority")[1])
    assert deploy(RENEWED_LINEAGE=str(letsencrypt / "live/pifleet-nodered")) == (0, "")
    assert deploy.path.read_bytes() == key + (letsencrypt / "live/pifleet-nodered/fullchain.pem").read_bytes()
    assert deploy.path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(deploy.path.parent) == ["server.pem"]


def test_hook_makes_its_folder(letsencrypt, deploy):
    lineage(letsencrypt, *pair("pi.example.org"))
    deploy.path.parent.rmdir()
    assert deploy() == (0, "")
    assert deploy.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "environment",
    [
        {"RENEWED_LINEAGE": "/etc/letsencrypt/live/other"},
        {"RENEWED_LINEAGE": "/etc/letsencrypt/live/pifleet-nodered-0001"},
        {RUNNING: "1"},
    ],
)
def test_hook_has_nothing_to_do(letsencrypt, deploy, environment):
    lineage(letsencrypt, *pair("pi.example.org"))
    assert deploy(**environment) == (0, "")
    assert not deploy.path.exists()


def test_hook_refuses_what_does_not_fit(letsencrypt, deploy):
    lineage(letsencrypt, pair("pi.example.org")[0], pair("pi.example.org")[1])
    deploy.path.write_text("good", "ascii")
    status, expected = deploy()
    assert status != 0
    assert "server.pem stays as it is" in expected
    assert deploy.path.read_text("ascii") == "good"
    assert os.listdir(deploy.path.parent) == ["server.pem"]


@pytest.mark.parametrize("name", ["privkey.pem", "fullchain.pem"])
@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_hook_refuses_half_a_lineage(letsencrypt, deploy, name, content):
    lineage(letsencrypt, *pair("pi.example.org"))
    path = letsencrypt / "live/pifleet-nodered" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    deploy.path.write_text("good", "ascii")
    assert deploy()[0] != 0
    assert deploy.path.read_text("ascii") == "good"


def test_hook_replaces_links_instead_of_following_them(letsencrypt, deploy):
    lineage(letsencrypt, *pair("pi.example.org"))
    victim = letsencrypt / "victim"
    victim.write_text("unharmed", "ascii")
    deploy.path.symlink_to(victim)
    (deploy.path.parent / ".server.pem.renewed").symlink_to(victim)
    assert deploy() == (0, "")
    assert victim.read_text("ascii") == "unharmed"
    assert not deploy.path.is_symlink()


def test_hook_names_no_secret():
    assert "BEGIN" not in HOOK
    assert subprocess.run(["sh", "-n", "-c", HOOK], check=False).returncode == 0
