# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hook with which certbot hands on renewals. The directories are this user's own, so that its rights are enough."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
from certbot_lineages import HOOK, lineage, pair

from ansible_collections.pifleet.nodered.plugins.module_utils._host.account import Account
from ansible_collections.pifleet.nodered.plugins.module_utils._shared import (
    certbot_deploy_program,
    certbot_hook,
    certbot_hook_program,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certbot_hook import RUNNING
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import Reader, lineage_name

#: What the assignments at the top of a hook set.
NAMES = ("lineage", "user", "group", "path", "unit", "deploy")


def test_names_are_safe_for_a_shell() -> None:
    assert lineage_name("node-red@pi.service") == "pifleet-node-red@pi"
    assert lineage_name("a\\x2db;$(c).service") == "pifleet-a_x2db___c_"


class Hook:
    """A hook of certbot, and the file that it writes."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        script = certbot_hook.hook("nodered", Reader(str(path), "root", "root"))
        # Other rights can be taken by root only.
        rights = 'setsid --wait setpriv --reuid="$user" --regid="$group" --init-groups --no-new-privs '
        assert script.count(rights) == 1
        assert script.count("\nuser=root\ngroup=root\n") == 1
        self.script = script.replace(rights, "")

    def run(self, **environment: str) -> tuple[int, str]:
        """The exit code and what it says."""
        run = subprocess.run(
            ["sh", "-c", self.script],
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return run.returncode, run.stderr


@pytest.fixture
def hook(letsencrypt: pathlib.Path) -> Hook:
    path = letsencrypt / "user dir's" / "nodecerts" / "server.pem"
    path.parent.mkdir(parents=True, mode=0o700)
    return Hook(path)


def test_hook(letsencrypt: pathlib.Path, hook: Hook) -> None:
    key, chain = pair("pi.example.org")
    lineage(letsencrypt, key, chain + pair("an.authority")[1])
    assert hook.run(RENEWED_LINEAGE=str(letsencrypt / "live/pifleet-nodered")) == (0, "")
    assert hook.path.read_bytes() == key + (letsencrypt / "live/pifleet-nodered/fullchain.pem").read_bytes()
    assert hook.path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(hook.path.parent) == ["server.pem"]


def test_hook_makes_its_directory(letsencrypt: pathlib.Path, hook: Hook) -> None:
    lineage(letsencrypt, *pair("pi.example.org"))
    hook.path.parent.rmdir()
    assert hook.run() == (0, "")
    assert hook.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "environment",
    [
        {"RENEWED_LINEAGE": "/etc/letsencrypt/live/other"},
        {"RENEWED_LINEAGE": "/etc/letsencrypt/live/pifleet-nodered-0001"},
        {RUNNING: "1"},
    ],
)
def test_hook_has_nothing_to_do(letsencrypt: pathlib.Path, hook: Hook, environment: dict[str, str]) -> None:
    lineage(letsencrypt, *pair("pi.example.org"))
    assert hook.run(**environment) == (0, "")
    assert not hook.path.exists()


def test_hook_refuses_what_does_not_fit(letsencrypt: pathlib.Path, hook: Hook) -> None:
    lineage(letsencrypt, pair("pi.example.org")[0], pair("pi.example.org")[1])
    hook.path.write_text("good", "ascii")
    status, expected = hook.run()
    assert status != 0
    assert "server.pem stays as it is" in expected
    assert hook.path.read_text("ascii") == "good"
    assert os.listdir(hook.path.parent) == ["server.pem"]


@pytest.mark.parametrize("name", ["privkey.pem", "fullchain.pem"])
@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_hook_refuses_half_a_lineage(letsencrypt: pathlib.Path, hook: Hook, name: str, content: bytes | None) -> None:
    lineage(letsencrypt, *pair("pi.example.org"))
    path = letsencrypt / "live/pifleet-nodered" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    hook.path.write_text("good", "ascii")
    assert hook.run()[0] != 0
    assert hook.path.read_text("ascii") == "good"


def test_hook_replaces_links_instead_of_following_them(letsencrypt: pathlib.Path, hook: Hook) -> None:
    lineage(letsencrypt, *pair("pi.example.org"))
    victim = letsencrypt / "victim"
    victim.write_text("unharmed", "ascii")
    hook.path.symlink_to(victim)
    (hook.path.parent / ".server.pem.renewed").symlink_to(victim)
    assert hook.run() == (0, "")
    assert victim.read_text("ascii") == "unharmed"
    assert not hook.path.is_symlink()


@pytest.mark.parametrize(
    "name",
    [
        "$(touch planted)",
        "`touch planted`",
        "${IFS}$HOME",
        "'; touch planted; '",
        '"; touch planted; "',
        "a' \"$(touch planted)\" 'b",
        "{a,b} & touch planted",
        "a\ntouch planted\n",
        "\\",
        "-rf",
        "*",
    ],
)
def test_a_path_is_never_a_command(letsencrypt: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(letsencrypt)
    lineage(letsencrypt, *pair("pi.example.org"))
    path = letsencrypt / name / "nodecerts" / "server.pem"
    path.parent.mkdir(parents=True, mode=0o700)
    assert Hook(path).run(HOME=str(letsencrypt)) == (0, "")
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert list(letsencrypt.rglob("planted")) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can take another user's rights")
@pytest.mark.parametrize("planted", ["nodecerts", "nodecerts/server.pem", "nodecerts/.server.pem.renewed"])
def test_a_link_of_the_user_leads_the_hook_no_further_than_the_user(letsencrypt: pathlib.Path, planted: str) -> None:
    """With the rights that the hook takes on a host."""
    lineage(letsencrypt, *pair("pi.example.org"))
    for directory in (letsencrypt, *letsencrypt.parents):
        if str(directory).startswith("/tmp/"):
            directory.chmod(0o755)
    home, of_root = letsencrypt / "home", letsencrypt / "of_root"
    of_root.mkdir(mode=0o755)
    (of_root / "server.pem").write_text("of root", "ascii")
    (home / planted).parent.mkdir(parents=True)
    (home / planted).symlink_to(of_root if planted == "nodecerts" else of_root / "server.pem")
    nobody = Account("nobody")
    for path in (home, *home.rglob("*")):
        os.lchown(path, nobody.uid, nobody.gid)
    hook = certbot_hook.hook("nodered", Reader(str(home / "nodecerts/server.pem"), nobody.name, nobody.group))
    run = subprocess.run(["sh", "-c", hook], capture_output=True, text=True, check=False)
    assert (run.returncode == 0) is (planted != "nodecerts"), run.stderr
    assert os.listdir(of_root) == ["server.pem"]
    assert (of_root / "server.pem").read_text("ascii") == "of root"
    if planted != "nodecerts":
        written = home / "nodecerts/server.pem"
        assert (written.is_symlink(), written.stat().st_uid) == (False, nobody.uid)


def test_hook_names_no_secret() -> None:
    assert "BEGIN" not in HOOK
    assert subprocess.run(["sh", "-n", "-c", HOOK], check=False).returncode == 0


def values_of(script: str) -> list[str]:
    """What the assignments at the top of a hook come to when a shell has read them."""
    assignments = script[: script.index('[ "${RENEWED_LINEAGE')]
    command = f"{assignments}\nprintf '%s\\0' " + " ".join(f'"${name}"' for name in NAMES)
    return subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout.split("\0")[:-1]


def test_a_unit_is_told_to_read_what_was_renewed(hook: Hook, letsencrypt: pathlib.Path) -> None:
    """As long as it has not been, and never without need: nginx keeps its former workers as long as their connections."""
    lineage(letsencrypt, *pair("pi.example.org"))
    told = letsencrypt / "told"
    program = letsencrypt / "bin/systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{told}\n[ ! -e {letsencrypt}/broken ]\n', "utf-8")
    program.chmod(0o755)
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    hook.script = hook.script.replace("\nunit=''\n", "\nunit=nginx.service\n").replace("/run/", f"{letsencrypt}/")
    assert f"unread={letsencrypt}/pifleet$(" in hook.script
    (letsencrypt / "broken").touch()
    assert hook.run(**path)[0] != 0
    (letsencrypt / "broken").unlink()
    assert hook.run(**path) == (0, "")
    assert hook.run(**path) == (0, "")
    assert told.read_text("utf-8") == "try-reload-or-restart nginx.service\n" * 2


def test_values_of_the_host_take_the_place_of_the_example() -> None:
    path = "/home/it's \\1 a $HOME/server.pem"
    script = certbot_hook.hook("node-red.service", Reader(path, "an ann", "x;y", "a b.service"))
    assert values_of(script) == [
        "/etc/letsencrypt/live/pifleet-node-red",
        "an ann",
        "x;y",
        path,
        "a b.service",
        certbot_deploy_program.PROGRAM.rstrip("\n"),
    ]


def test_the_rest_stays_as_it_is() -> None:
    example = certbot_hook_program.PROGRAM
    script = certbot_hook.hook("nodered", Reader("/home/pi/server.pem", "pi", "pi"))
    top, rest = example.split("lineage=", 1)[0], example.split("\n\n", 2)[2]
    assert script.startswith(f"{top}lineage=/etc/letsencrypt/live/pifleet-nodered\n")
    assert script.endswith(f"\n\n{rest}")


def test_it_asks_for_the_variable_of_a_run() -> None:
    assert f'[ -z "${{{certbot_hook.RUNNING}:-}}" ] || exit 0' in certbot_hook_program.PROGRAM.splitlines()
