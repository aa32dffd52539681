# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `settings` on files of the control node, where no Node-RED is: as in a repository of settings files."""

from __future__ import annotations

import json
import os
import pathlib
import pwd
import stat
import subprocess
import time
import typing as t

import pytest
from ad_hoc import Run, module

FILE = """\
// Of the north site
module.exports = {
    uiPort: process.env.PORT || 1880,
    credentialSecret: "secret-only-for-tests",
    /* the editor */ editorTheme: { projects: { enabled: false } }, // soon
}
"""
#: A time that no other run of these tests sleeps.
SLEEP = f"3071.{os.getpid()}"
SPAWN = f"""\
require("child_process").spawn("sleep", ["{SLEEP}"], {{detached: true, stdio: "inherit"}}).unref()
require("child_process").spawn("sh", ["-c", "sleep {SLEEP} & sleep {SLEEP}"], {{stdio: "inherit"}})
"""


def settings(path: pathlib.Path, *options: str, **arguments: t.Any) -> Run:
    return module("settings", *options, path=str(path), **arguments)


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "settings.js"
    path.write_text(FILE, "utf-8")
    path.chmod(0o664)
    return path


def node(path: pathlib.Path, expression: str) -> t.Any:
    """What Node.js says of a settings file, called `it`."""
    script = f"const it = require({json.dumps(str(path))}); console.log(JSON.stringify({expression}))"
    return json.loads(subprocess.run(["node", "-e", script], check=True, stdout=subprocess.PIPE, text=True).stdout)


def refused(run: Run, path: pathlib.Path, text: str, *messages: str) -> None:
    assert run.failed
    for message in messages:
        assert message in run.result["msg"]
    assert "Traceback" not in run.output
    assert path.read_text("utf-8") == text
    assert [found.name for found in path.parent.iterdir() if found.name.startswith((".settings", "settings.js."))] == []


def test_a_file_is_edited_once_and_kept(file: pathlib.Path) -> None:
    wishes = {
        "values": {"editorTheme.projects.enabled": True, "httpNodeRoot": "/api"},
        "expressions": {"functionGlobalContext": "{ os: require('os') }"},
        "absent": ["uiPort"],
        "admin_users": [{"username": "admin", "password": "only-for-tests", "permissions": "*"}],
    }
    checked = settings(file, "--check", "--diff", **wishes)
    assert checked.result["changed"] is True
    assert file.read_text("utf-8") == FILE
    run = settings(file, "--diff", "-vvv", backup=True, **wishes)
    assert run.result["changed"] is True
    assert node(
        file,
        "[it.editorTheme.projects.enabled, it.httpNodeRoot, typeof it.functionGlobalContext.os.cpus,"
        " 'uiPort' in it, it.adminAuth.users[0].username]",
    ) == [True, "/api", "function", False, "admin"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o664
    backup = pathlib.Path(run.result["backup_file"])
    assert backup.read_text("utf-8") == FILE
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert '+    httpNodeRoot: "/api",' in run.output
    for secret in ("secret-only-for-tests", "$2b$", node(file, "it.adminAuth.users[0].password")):
        assert secret not in checked.output + run.output
    after = file.read_bytes()
    again = settings(file, "--diff", **wishes)
    assert again.result["changed"] is False
    assert file.read_bytes() == after


def test_what_node_finds_must_be_what_was_asked_for(file: pathlib.Path) -> None:
    (file.parent / "late.js").write_text("module.parent.exports.uiPort = 1\n", "utf-8")
    text = FILE + 'require("./late")\n'
    file.write_text(text, "utf-8")
    refused(settings(file, values={"uiPort": 1990}, backup=True), file, text, str(file), "uiPort", "another value")
    assert settings(file, values={"uiPort": 1990}, validate=False).result["changed"] is True


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("throw new Error('not today')", "not today"),
        ("require('no-such-module')", "no-such-module"),
        ("process.exit(0)", "the file ends the process"),
        ("for (;;) {}", "did not end in 2 s"),
        ("setTimeout(() => {}, 1e6); Promise.reject(new Error('later'))", None),
    ],
)
def test_a_file_that_does_not_load_stays(file: pathlib.Path, code: str, message: str | None) -> None:
    text = FILE + code + "\n"
    file.write_text(text, "utf-8")
    # Only what never ends must run into its limit.
    run = settings(file, values={"uiPort": 1990}, load_timeout=2 if "for (;;)" in code else 300)
    if message is None:
        assert run.result["changed"] is True
    else:
        refused(run, file, text, str(file), message)


@pytest.mark.parametrize(
    ("code", "load_timeout", "changed"),
    [(SPAWN, 300, True), (SPAWN + "for (;;) {}", 3, False)],
    ids=["loads", "never ends"],
)
def test_nothing_is_left_running(file: pathlib.Path, code: str, load_timeout: int, changed: bool) -> None:
    file.write_text(FILE + code, "utf-8")
    assert settings(file, values={"uiPort": 1990}, load_timeout=load_timeout).result["changed"] is changed
    # What was killed takes a moment to be gone.
    for _attempt in range(600):
        if not sleeping():
            break
        time.sleep(0.1)
    assert sleeping() == b""


def sleeping() -> bytes:
    """The processes that a settings file has started."""
    return subprocess.run(["pgrep", "--full", f"sleep {SLEEP}"], stdout=subprocess.PIPE, check=False).stdout


@pytest.mark.parametrize("times", [1, 10])
def test_what_its_owner_writes_meanwhile_is_kept(file: pathlib.Path, times: int) -> None:
    # Each time the file is loaded, that is between reading and writing it, somebody adds a line.
    marks = file.parent / "marks"
    file.write_text(
        FILE
        + f"""
const fs = require("fs")
fs.appendFileSync({json.dumps(str(marks))}, "x")
if (fs.readFileSync({json.dumps(str(marks))}).length <= {times}) fs.appendFileSync(__filename, "// by its owner\\n")
""",
        "utf-8",
    )
    run = settings(file, values={"uiPort": 1990}, backup=True)
    lines = file.read_text("utf-8").splitlines()
    if times == 1:
        assert run.result["changed"] is True
        assert lines.count("// by its owner") == 1
        assert "    uiPort: 1990," in lines
    else:
        assert run.failed
        assert "changed 3 times by somebody else" in run.result["msg"]
        assert lines.count("// by its owner") == 3
        assert "    uiPort: process.env.PORT || 1880," in lines
        assert "backup_file" not in run.result


def test_without_node(file: pathlib.Path) -> None:
    empty = {"ANSIBLE_REMOTE_TMP": str(file.parent / "tmp"), "PATH": f"{file.parent}/bin"}
    (file.parent / "bin").mkdir()
    for program in ("sh", "mkdir", "rm", "echo", "chmod", "sleep"):
        (file.parent / "bin" / program).symlink_to(f"/bin/{program}")
    refused(settings(file, environment=empty, values={"uiPort": 1990}), file, FILE, "No Node.js", "validate")
    run = settings(file, environment=empty, values={"uiPort": 1990}, validate=False)
    assert run.result["changed"] is True
    assert node(file, "it.uiPort") == 1990


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": {"adminAuth": {}}}, "nodered_admin_users"),
        ({"static": {"path": "static"}}, "absolute"),
        ({"user_dir": "/data"}, "user_dir"),
        ({"absent": ["a"], "values": {"a.b": 1}}, "contradicts"),
        ({"expressions": {"a": "{"}}, "not one valid JavaScript expression"),
        ({"no_such_option": 1}, "no_such_option"),
    ],
)
def test_bad_options(file: pathlib.Path, arguments: dict[str, t.Any], message: str) -> None:
    refused(settings(file, **arguments), file, FILE, message)


def test_a_missing_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "none.js"
    assert settings(path).result["msg"] == f"There is no file {path}."
    assert settings(tmp_path).result["msg"] == f"{tmp_path} is not a regular file."
    assert settings(tmp_path / "no" / "settings.js").result["msg"] == f"There is no directory {tmp_path / 'no'}."


def test_the_settings_of_a_service_are_always_loaded() -> None:
    assert "validate: false is for a file given as path" in module("settings", validate=False).result["msg"]


@pytest.fixture
def of_nobody(file: pathlib.Path) -> pathlib.Path:
    """The file in a folder of somebody else."""
    if os.geteuid() != 0:
        pytest.fail("this test needs root, as make test has it: only root can take another user's rights")
    nobody = pwd.getpwnam("nobody")
    for folder in file.parents:
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    os.chown(file.parent, nobody.pw_uid, nobody.pw_gid)
    os.chown(file, nobody.pw_uid, nobody.pw_gid)
    return file


def test_root_runs_the_code_of_others_as_they_would(of_nobody: pathlib.Path) -> None:
    owner = pwd.getpwnam("nobody").pw_uid
    of_nobody.write_text(
        f"if (process.getuid() !== {owner} || process.getgroups().includes(0)) throw 1\n" + FILE, "utf-8"
    )
    assert settings(of_nobody, values={"uiPort": 1990}, backup=True).result["changed"] is True
    assert {found.stat().st_uid for found in of_nobody.parent.iterdir()} == {owner}


def test_root_does_not_run_what_others_could_put_beside_its_file(of_nobody: pathlib.Path) -> None:
    (of_nobody.parent / "local.js").write_text("if (process.getuid() === 0) throw new Error('as root')\n", "utf-8")
    of_nobody.write_text(FILE + 'require("./local")\n', "utf-8")
    os.chown(of_nobody, 0, 0)
    run = settings(of_nobody, values={"uiPort": 1990})
    assert run.result.get("changed") is True, run.output
    assert of_nobody.stat().st_uid == 0


def test_root_follows_a_link_no_further_than_its_owner_could(of_nobody: pathlib.Path) -> None:
    hidden = pathlib.Path("/root/pifleet-hidden-settings.js")
    hidden.write_text(FILE, "utf-8")
    hidden.chmod(0o600)
    try:
        of_nobody.unlink()
        of_nobody.symlink_to(hidden)
        run = settings(of_nobody, values={"uiPort": 1990})
        assert run.failed
        assert "cannot be read: Permission denied" in run.result["msg"]
        assert hidden.read_text("utf-8") == FILE
    finally:
        hidden.unlink()


def test_a_file_that_did_not_load_before(tmp_path: pathlib.Path) -> None:
    """As one of a repository, whose modules are where Node-RED is."""
    text = "const moment = require('moment-only-for-tests');\nmodule.exports = { functionGlobalContext: { moment } };\n"
    path = tmp_path / "settings.js"
    path.write_text(text, "utf-8")
    run = settings(path, values={"uiPort": 1881})
    refused(
        run, path, text, "as it is, before any edit", "Cannot find module 'moment-only-for-tests'", "validate: false"
    )
    assert "    at " not in run.result["msg"]
    assert settings(path, values={"uiPort": 1881}, validate=False).result["changed"] is True
    assert "uiPort: 1881" in path.read_text("utf-8")


def test_a_file_that_an_edit_breaks(file: pathlib.Path) -> None:
    run = settings(file, expressions={"functionGlobalContext": "{ moment: require('moment-only-for-tests') }"})
    refused(run, file, FILE, "cannot load the new", "Cannot find module 'moment-only-for-tests'")
    assert "before any edit" not in run.result["msg"]


@pytest.mark.parametrize(
    "text",
    [
        "const base = { debugMaxLength: 7 };\nmodule.exports = {\n    ...base,\n    httpNodeAuth: {},\n};\n",
        "const key = 'debugMaxLength';\nmodule.exports = {\n    [key]: 7,\n    httpNodeAuth: {},\n};\n",
        "const s = require('./base');\ns.httpNodeAuth = {};\nmodule.exports = s;\n",
    ],
)
def test_a_file_with_keys_that_only_running_it_tells(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "settings.js"
    path.write_text(text, "utf-8")
    (tmp_path / "base.js").write_text("module.exports = { debugMaxLength: 7 };\n", "utf-8")
    wishes = {"values": {"requireHttps": True}, "node_auth": {"user": "fred", "password": "correct horse"}}
    assert settings(path, **wishes).result["changed"] is True
    assert node(path, "[it.requireHttps, it.httpNodeAuth.user, it.debugMaxLength]") == [True, "fred", 7]
    assert settings(path, **wishes).result["changed"] is False
