# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Node-RED lives, from what systemd says; systemd itself is played by a table."""

from __future__ import annotations

import json
import os
import pathlib
import pwd
import shutil
import subprocess
import typing as t

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError
from ansible_collections.pifleet.nodered.plugins.module_utils._host.store import PROVED, TRANSACTION, Store
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import environment_of_file, expand
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red import unit as unit_module
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.command_line import overrides
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.settings_loader import runtime_of_service
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.unit import Unit, package_above
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum

ME = pwd.getpwuid(os.getuid())


@pytest.fixture
def unit(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> t.Callable[..., t.Any]:
    """A unit with the given properties, whose home folder is empty."""

    def make(properties: dict[str, str] | None = None, **known: t.Any) -> Unit:
        table = {
            "LoadState": "loaded",
            "ActiveState": "active",
            "User": ME.pw_name,
            "WorkingDirectory": str(tmp_path),
            "ExecStart": "{ path=/usr/bin/env ; argv[]=/usr/bin/env node-red-pi $NODE_OPTIONS -- $NODE_RED_OPTIONS ;"
            " ignore_errors=no ; start_time=[n/a] }",
            "Environment": f"HOME={tmp_path} PATH={tmp_path}/bin NODE_OPTIONS=--max_old_space_size=512",
            **(properties or {}),
        }
        monkeypatch.setattr(
            unit_module,
            "systemctl",
            lambda *arguments, check=True: "\n".join(f"{name}={value}" for name, value in table.items()),
        )
        return Unit("nodered", **known)

    return make


def install_node_red(folder: pathlib.Path, version: str = "4.1.15") -> pathlib.Path:
    package = folder / "lib/node_modules/node-red"
    (package / "bin").mkdir(parents=True)
    (package / "package.json").write_text(
        json.dumps({"name": "node-red", "version": version, "engines": {"node": ">=18.5"}})
    )
    program = package / "bin/node-red-pi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin/node-red-pi").symlink_to(program)
    return package


def test_settings_lie_in_the_home_of_the_user(unit: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    found = unit()
    assert found.settings_path == f"{tmp_path}/.node-red/settings.js"
    assert found.user_dir == f"{tmp_path}/.node-red"
    assert found.account.name == ME.pw_name


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-s other.js", "{home}/other.js"),
        ("--settings /etc/nodered.js", "/etc/nodered.js"),
        ("-u /srv/node-red", "/srv/node-red/settings.js"),
        ("--userDir /srv/one -s /srv/two/settings.js", "/srv/two/settings.js"),
        ("-s first.js -s second.js", "{home}/second.js"),
    ],
)
def test_options_of_the_command_line_win(
    unit: t.Callable[..., t.Any], tmp_path: pathlib.Path, options: str, expected: str
) -> None:
    environment = tmp_path / "environment"
    environment.write_text(f"NODE_RED_OPTIONS={options}\n")
    found = unit({"EnvironmentFiles": f"{environment} (ignore_errors=yes)"})
    assert found.settings_path == expected.format(home=tmp_path)


def test_each_environment_file_counts(unit: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    """systemctl shows a line for each of them; a drop-in adds one to that of the unit."""
    paths = [tmp_path / name for name in ("first", "second")]
    for path in paths:
        path.write_text(f"{path.name.upper()}={path.name}\nLAST={path.name}\n")
    lines = "\nEnvironmentFiles=".join(f"{path} (ignore_errors=no)" for path in paths)
    found = unit({"EnvironmentFiles": lines})
    assert found.environment_files == [str(path) for path in paths]
    assert [found.environment[name] for name in ("FIRST", "SECOND", "LAST")] == ["first", "second", "second"]


def test_node_red_home_counts_only_with_its_configuration(unit: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    properties = {"Environment": f"HOME={tmp_path} NODE_RED_HOME={home}"}
    assert unit(properties).settings_path == f"{tmp_path}/.node-red/settings.js"
    (home / ".config.json").write_text("{}")
    assert unit(properties).settings_path == f"{home}/settings.js"


def test_the_folder_of_node_red_itself_can_hold_the_settings(
    unit: t.Callable[..., t.Any], tmp_path: pathlib.Path
) -> None:
    package = install_node_red(tmp_path)
    (package / ".config.json").write_text("{}")
    assert unit().settings_path == f"{package}/settings.js"


def test_what_the_caller_knows_wins(unit: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    found = unit(user_dir="/data", settings_path="/etc/settings.js")
    assert (found.user_dir, found.settings_path) == ("/data", "/etc/settings.js")
    assert found.settings_in_use == f"{tmp_path}/.node-red/settings.js"
    assert unit(user_dir="/data").settings_path == "/data/settings.js"


def test_versions_come_from_the_packages(unit: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    package = install_node_red(tmp_path)
    node = tmp_path / "lib/node_modules/node"
    (node / "bin").mkdir(parents=True)
    (node / "package.json").write_text('{"name": "node", "version": "22.23.3"}')
    (node / "bin/node").write_text("")
    (node / "bin/node").chmod(0o755)
    (tmp_path / "bin/node").symlink_to(node / "bin/node")
    found = unit()
    assert (found.node_red_home, found.node_red_version, found.node_engine) == (str(package), "4.1.15", ">=18.5")
    assert found.node() == (str(tmp_path / "bin/node"), "22.23.3")


def test_version_of_a_node_without_package_comes_from_its_header(
    unit: t.Callable[..., t.Any], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/node").write_text("")
    (tmp_path / "bin/node").chmod(0o755)
    (tmp_path / "include/node").mkdir(parents=True)
    (tmp_path / "include/node/node_version.h").write_text(
        "#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 19\n#define NODE_PATCH_VERSION 2\n"
    )
    assert unit().node()[1] == "20.19.2"


def test_host_without_the_service(unit: t.Callable[..., t.Any]) -> None:
    found = unit({"LoadState": "not-found", "User": "", "ExecStart": "", "Environment": ""})
    assert (found.exists, found.account, found.settings_path) == (False, None, None)


def test_unknown_user_is_named(unit: t.Callable[..., t.Any]) -> None:
    with pytest.raises(HostError, match="no-such-user does not exist.*nodered_user"):
        unit({"User": "no-such-user"})


def test_environment_file_as_systemd_reads_it() -> None:
    assert environment_of_file(
        b'# comment\n; another\nPLAIN=a b \nQUOTED="c d"\nSINGLE=\'e "f"\'\nEMPTY=\nLONG=one\\\n two\nnot a line\n9BAD=1\n'
    ) == {"PLAIN": "a b", "QUOTED": "c d", "SINGLE": 'e "f"', "EMPTY": "", "LONG": "one two"}


def test_expansion_of_variables() -> None:
    environment = {"MANY": "-v  -s x.js", "ONE": "a b"}
    assert expand(["run", "$MANY", "--title=${ONE}", "$UNSET"], environment) == [
        "run",
        "-v",
        "-s",
        "x.js",
        "--title=a b",
    ]


@pytest.mark.parametrize("content", ["[" * 200000, "[]", "7", '"text"', "{"])
def test_a_package_json_that_is_none(tmp_path: pathlib.Path, content: str) -> None:
    package = install_node_red(tmp_path)
    (package / "bin/package.json").write_text(content)
    assert package_above(str(package / "bin/node-red-pi"))[0] == str(package)


@pytest.mark.parametrize(("version", "engines"), [(7, "node"), ([], []), ({}, {"node": 18})])
def test_a_package_json_with_odd_types(
    unit: t.Callable[..., t.Any], tmp_path: pathlib.Path, version: t.Any, engines: t.Any
) -> None:
    package = install_node_red(tmp_path)
    (package / "package.json").write_text(json.dumps({"name": "node-red", "version": version, "engines": engines}))
    found = unit()
    assert (found.node_red_home, found.node_red_version, found.node_engine) == (str(package), None, None)


@pytest.mark.parametrize("kind", ["pipe", "sparse", "deep"])
def test_a_package_json_that_would_not_end(tmp_path: pathlib.Path, kind: str) -> None:
    path = tmp_path / "package.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "sparse":
        with path.open("wb") as stream:
            stream.truncate(3 << 30)
    else:
        path.write_text("[" * 500_000)
    assert package_above(str(tmp_path / "program")) == (None, None)


@pytest.mark.parametrize("version", ["x.y", "4", "4.1.15\n", "9" * 500 + ".1.1", "\x1b[31m"])
def test_a_version_that_is_none(unit: t.Callable[..., t.Any], tmp_path: pathlib.Path, version: str) -> None:
    install_node_red(tmp_path, version)
    assert unit().node_red_version is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can take another user's rights")
def test_root_finds_nothing_by_the_paths_of_a_user_that_the_user_could_not_find(
    unit: t.Callable[..., t.Any], tmp_path: pathlib.Path
) -> None:
    """The PATH is the user's; what lies behind it is read with that user's rights."""
    for directory in (tmp_path, *tmp_path.parents):
        if str(directory).startswith("/tmp/"):
            directory.chmod(0o755)
    package = install_node_red(tmp_path)
    assert unit({"User": "nobody"}).node_red_version == "4.1.15"
    for directory in (tmp_path / "lib/node_modules/node-red", tmp_path / "bin"):
        directory.chmod(0o700)
        assert unit({"User": "nobody"}).node_red_version is None
        directory.chmod(0o755)
    (package / "package.json").chmod(0o600)
    assert unit({"User": "nobody"}).node_red_version is None
    assert os.geteuid() == 0


#: Units as people have them: what systemd says of each, and what is right. HOME is the home directory of the user.
UNITS = [
    ("node HOME/nrmain/node_modules/node-red/red.js --userDir ./data", "HOME/nrmain", "HOME/nrmain/data"),
    ("node node_modules/node-red/red.js --userDir ./data", "HOME/nrmain", "HOME/nrmain/data"),
    ("npm start", "HOME/nrmain", "HOME/nrmain/data"),
    ("npm --prefix nrmain start", "HOME", "HOME/nrmain/data"),
    ("bash -c cd HOME/nrmain && node_modules/.bin/node-red -u data", "/", "HOME/nrmain/data"),
]


@pytest.mark.parametrize(("command", "directory", "user_dir"), UNITS)
def test_node_red_in_a_project(
    unit: t.Callable[..., t.Any], tmp_path: pathlib.Path, command: str, directory: str, user_dir: str
) -> None:
    """As `npm install node-red` in a directory makes it; red.js is not executable."""
    package = tmp_path / "nrmain/node_modules/node-red"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "node-red", "version": "4.1.15"}')
    (package / "red.js").write_text("")
    (tmp_path / "nrmain/node_modules/.bin").mkdir()
    (package / "red.js").chmod(0o755 if ".bin" in command or "npm" in command else 0o644)
    (tmp_path / "nrmain/node_modules/.bin/node-red").symlink_to("../node-red/red.js")
    (tmp_path / "nrmain/package.json").write_text('{"scripts": {"start": "node-red --userDir ./data"}}')
    found = unit(
        {
            "WorkingDirectory": directory.replace("HOME", str(tmp_path)),
            "ExecStart": f"{{ path=/usr/bin/x ; argv[]={command.replace('HOME', str(tmp_path))} ; ignore_errors=no ; }}",
        }
    )
    expected = user_dir.replace("HOME", str(tmp_path))
    assert (found.node_red_home, found.node_red_version) == (str(package), "4.1.15")
    assert (found.user_dir, found.settings_path) == (expected, f"{expected}/settings.js")
    assert found.command_line.direct


def test_a_node_of_its_own_is_the_one_that_the_unit_names(unit: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    version = tmp_path / ".nvm/versions/node/v20.11.0"
    package = install_node_red(version)
    (package / "red.js").write_text("")
    (version / "bin/node").write_text("")
    (version / "bin/node").chmod(0o755)
    (version / "include/node").mkdir(parents=True)
    (version / "include/node/node_version.h").write_text(
        "#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 11\n#define NODE_PATCH_VERSION 0\n"
    )
    for command in (f"{version}/bin/node {package}/red.js -v", f"{version}/bin/node-red-pi"):
        found = unit(
            {"ExecStart": f"{{ path=x ; argv[]={command} ; ignore_errors=no ; }}", "Environment": "PATH=/nowhere"}
        )
        assert found.node() == (f"{version}/bin/node", "20.11.0")
        assert found.node_red_version == "4.1.15"


def test_what_runs_is_the_node_that_counts(unit: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    """A shell that has set its PATH is not to be seen any more, but the program is."""
    node = tmp_path / "v22/bin/node"
    node.parent.mkdir(parents=True)
    shutil.copy("/usr/bin/sleep", node)
    install_node_red(tmp_path / "v22")
    with subprocess.Popen([node, "600"], env={"PATH": f"{node.parent}:/usr/bin"}) as process:
        try:
            found = unit(
                {
                    "MainPID": str(process.pid),
                    "ExecStart": "{ path=x ; argv[]=/usr/local/bin/start.sh ; ignore_errors=no ; }",
                    "Environment": "PATH=/nowhere",
                }
            )
        finally:
            process.kill()
    assert found.process.node == str(node)
    assert found.node_red_version == "4.1.15"
    assert not found.command_line.direct


@pytest.mark.parametrize("name", ["node-red@site.a", "node-red@site.a.service"])
def test_the_instance_of_a_template_may_have_a_dot(unit: t.Callable[..., t.Any], name: str) -> None:
    unit()
    assert Unit(name).name == "node-red@site.a.service"


def test_words_with_spaces_are_those_that_systemd_has(
    unit: t.Callable[..., t.Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fragment = tmp_path / "nodered.service"
    fragment.write_text('[Service]\nExecStart=/usr/bin/env node-red -u "/media/pi/USB DISK/node-red"\n')
    words = ["/usr/bin/env", "node-red", "-u", "/media/pi/USB DISK/node-red"]
    monkeypatch.setattr(unit_module, "command_of", lambda _name: words)
    found = unit(
        {
            "FragmentPath": str(fragment),
            "ExecStart": "{ path=/usr/bin/env ; argv[]=/usr/bin/env node-red -u /media/pi/USB DISK/node-red ; ignore_errors=no ; }",
        }
    )
    assert found.settings_path == "/media/pi/USB DISK/node-red/settings.js"


def test_quotes_in_a_variable_hold_a_word_together(unit: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    environment = tmp_path / "environment"
    environment.write_text("NODE_RED_OPTIONS='-u \"/media/pi/USB DISK/node-red\"'\n")
    found = unit({"EnvironmentFiles": f"{environment} (ignore_errors=yes)"})
    assert found.settings_path == "/media/pi/USB DISK/node-red/settings.js"


def test_a_linked_settings_file_is_the_one_behind_the_link(
    unit: t.Callable[..., t.Any], tmp_path: pathlib.Path
) -> None:
    (tmp_path / ".node-red").mkdir()
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo/settings.js").write_text("module.exports = {}")
    (tmp_path / ".node-red/settings.js").symlink_to("../repo/settings.js")
    found = unit()
    assert (found.settings_path, found.settings_directory) == (f"{tmp_path}/repo/settings.js", f"{tmp_path}/repo")
    assert found.user_dir == f"{tmp_path}/.node-red"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("    userDir: '/media/usb/nrdata',", "/media/usb/nrdata"),
        ('\t"userDir" : "data", // here', "HOME/data"),
        ("    //userDir: '/home/nol/.node-red/',", "HOME/.node-red"),
        ("    userDir: process.env.DATA,", "HOME/.node-red"),
        ("    userDir: '/a',\n    userDir: '/b',", "HOME/.node-red"),
        ("    userDir: '/a\\x2fb',", "HOME/.node-red"),
    ],
)
def test_the_user_dir_that_is_written_in_the_settings(
    unit: t.Callable[..., t.Any], tmp_path: pathlib.Path, line: str, expected: str
) -> None:
    (tmp_path / ".node-red").mkdir()
    (tmp_path / ".node-red/settings.js").write_text(f"module.exports = {{\n{line}\n}}\n")
    assert unit().user_dir == expected.replace("HOME", str(tmp_path))
    environment = tmp_path / "environment"
    environment.write_text(f"NODE_RED_OPTIONS=-s {tmp_path}/.node-red/settings.js -u /elsewhere\n")
    assert unit({"EnvironmentFiles": f"{environment} (ignore_errors=yes)"}).user_dir == "/elsewhere"


def test_variables_that_are_given_on_the_way_count(unit: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    home, data = tmp_path / "other", tmp_path / "data"
    command = f"/usr/bin/env HOME={home} NODE_RED_HOME={data} PORT=8080 NODE_RED_ENABLE_SAFE_MODE=true node-red"
    properties = {"ExecStart": f"{{ path=x ; argv[]={command} ; ignore_errors=no ; }}"}
    found = unit(properties)
    assert (found.settings_path, found.user_dir) == (f"{home}/.node-red/settings.js", f"{home}/.node-red")
    assert found.environment["PORT"] == "8080"
    assert runtime_of_service(found).environment["NODE_RED_HOME"] == str(data)
    assert [each["by"] for each in overrides(found.command_line, found.environment, "/")] == [
        "NODE_RED_ENABLE_SAFE_MODE"
    ]
    data.mkdir()
    (data / ".config.json").write_text("{}")
    assert unit(properties).settings_path == f"{data}/settings.js"
    # Node.js has the home directory from its variable.
    found = unit({"ExecStart": properties["ExecStart"].replace(" node-red ", " node-red -u ~/nr ")})
    assert found.user_dir == f"{home}/nr"


def test_another_user_leaves_a_guess(unit: t.Callable[..., t.Any]) -> None:
    found = unit({"ExecStart": "{ path=x ; argv[]=/usr/bin/sudo -u pi node-red -u /srv ; ignore_errors=no ; }"})
    assert (found.launch.manager, found.settings_guessed) == ("another user", True)


@pytest.mark.parametrize("name", [PROVED, TRANSACTION])
def test_the_user_dir_that_nodejs_has_found_counts_first(
    unit: t.Callable[..., t.Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(unit_module, "Store", lambda service: Store(service, str(tmp_path / "store")))
    settings = tmp_path / ".node-red/settings.js"
    settings.parent.mkdir()
    settings.write_text("module.exports = { userDir: '/written' }")
    digest = checksum(settings.read_bytes())
    key = "expected" if name == PROVED else "effective"
    for found, of, user_dir in (
        ("/proved", digest, "/proved"),
        ("data", digest, f"{tmp_path}/data"),
        (None, digest, str(settings.parent)),
        (7, digest, str(settings.parent)),
        ("/proved", checksum(b"before"), "/written"),
    ):
        Store("nodered", str(tmp_path / "store")).write(name, {key: {"user_dir": found}, "settings": of})
        assert unit().user_dir == user_dir
    (tmp_path / "store/nodered" / name).write_text("{")
    assert unit().user_dir == "/written"
