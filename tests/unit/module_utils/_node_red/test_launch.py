# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command line starts in the end."""

from __future__ import annotations

import json
import pathlib
import shlex

import pytest

from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.command_line import CommandLine
from ansible_collections.pifleet.nodered.plugins.module_utils._node_red.launch import launch

ENVIRONMENT = {"HOME": "/home/pi", "OPTIONS": "-v", "DATA": "/data"}


@pytest.mark.parametrize(
    ("command", "words", "directory"),
    [
        ("/usr/bin/env node-red-pi -u x", "/usr/bin/env node-red-pi -u x", "/home/pi"),
        ("/usr/bin/node node_modules/node-red/red.js -v", "/usr/bin/node node_modules/node-red/red.js -v", "/home/pi"),
        ("/bin/bash -c 'source ~/.nvm/nvm.sh && node-red -u data'", "node-red -u data", "/home/pi"),
        ("/bin/bash -c source ~/.nvm/nvm.sh && node-red -u data", "node-red -u data", "/home/pi"),
        ("/bin/bash -lc 'cd nr; exec node-red >>log 2>&1'", "exec node-red", "/home/pi/nr"),
        (
            "/bin/sh -c 'cd ~/nr && sleep 5 && node-red -u $DATA ${OPTIONS} > /dev/null'",
            "node-red -u /data -v",
            "/home/pi/nr",
        ),
        (
            "env A=b sh -c 'nice -n 5 node-red --userDir \"/media/USB DISK\"'",
            "nice -n 5 node-red --userDir '/media/USB DISK'",
            "/home/pi",
        ),
        ("/usr/bin/sudo -u pi bash -c 'bash -c \"node-red -v\"'", "node-red -v", "/home/pi"),
        ("/usr/bin/npx node-red -u x", "/usr/bin/npx node-red -u x", "/home/pi"),
        (
            "/bin/bash -c 'mkdir -p /var/log/node-red && exec node-red -u /srv/nr'",
            "exec node-red -u /srv/nr",
            "/home/pi",
        ),
        ("/bin/bash -c 'killall node-red; node-red -u /srv'", "node-red -u /srv", "/home/pi"),
        ("/bin/bash -c 'node-red -u /srv 2>&1 | tee /var/log/node-red'", "node-red -u /srv", "/home/pi"),
        ("/bin/bash -c 'node-red -u /srv &> /var/log/nr.log'", "node-red -u /srv", "/home/pi"),
        ("/bin/bash -c '(cd /srv/nr; node-red -u .)'", "node-red -u .", "/srv/nr"),
        ("/bin/bash -c 'node-red -u /a#b -p 3'", "node-red -u /a#b -p 3", "/home/pi"),
        (
            "/bin/bash -c '~/.npm-global/bin/node-red -u ~/nr'",
            "/home/pi/.npm-global/bin/node-red -u /home/pi/nr",
            "/home/pi",
        ),
        (
            "/usr/bin/env NODE_RED_HOME=/opt/docker node-red",
            "/usr/bin/env NODE_RED_HOME=/opt/docker node-red",
            "/home/pi",
        ),
        ("/bin/sh -c cd /home/pi/docker && node-red", "node-red", "/home/pi/docker"),
        ("/bin/sh -c 'D=/srv/nr; node-red -u $D'", "node-red -u /srv/nr", "/home/pi"),
        ("/bin/sh -c 'export D=/srv; exec node-red -u ${D}/nr'", "exec node-red -u /srv/nr", "/home/pi"),
    ],
)
def test_down_to_node_red(command: str, words: str, directory: str) -> None:
    found = launch(shlex.split(command) if "'" in command else command.split(), "/home/pi", ENVIRONMENT)
    assert (found.words, found.directory, found.manager) == (shlex.split(words), directory, None)


@pytest.mark.parametrize(
    "command",
    [
        "/usr/local/bin/start-everything.sh",
        "/bin/bash /usr/local/bin/start.sh",
        "/bin/bash -c 'node-red -u a & node-red -u b'",
        "/bin/bash -c 'node-red \"'",
        "/bin/bash -c 'node-red -u $UNKNOWN'",
        "/bin/bash -c 'node-red -u $(pwd)'",
        "/bin/bash -c 'node-red -u `pwd`'",
        "/bin/bash -c '[ -d /mnt ] && DATA=/mnt; node-red -u $DATA'",
        "/bin/bash -c 'if true; then DATA=/mnt; fi; node-red -u ${DATA}x'",
        "/bin/bash -c 'start-it /srv/node-red'",
        "/usr/bin/python3 -m http.server",
        "/usr/bin/npm start",
        "sh -c",
        "",
    ],
)
def test_what_cannot_be_told_stays_as_it_is(command: str) -> None:
    words = shlex.split(command) if command.count("'") == 2 else command.split()
    found = launch(words, "/home/pi", ENVIRONMENT)
    assert found.words == (words[:1] if "-c" in words or words[:1] == ["/bin/bash"] else words)
    assert not CommandLine(found.words).direct


@pytest.mark.parametrize(
    ("command", "manager"),
    [
        ("/usr/bin/docker run --rm --name nr -p 1880:1880 nodered/node-red:4.1", "docker"),
        ("/usr/bin/docker run nodered/node-red", "docker"),
        ("/usr/bin/docker compose up", "docker"),
        ("/usr/local/bin/docker-compose -f nr.yml up", "docker"),
        ("/usr/bin/env docker start -a node-red", "docker"),
        ("/usr/bin/podman run docker.io/nodered/node-red", "podman"),
        ("/bin/sh -c 'docker rm -f nr; docker run nodered/node-red'", "docker"),
        ("/usr/lib/node_modules/pm2/bin/pm2 resurrect", "pm2"),
        ("/usr/bin/node /usr/lib/node_modules/pm2/bin/pm2 start node-red", "pm2"),
        ("/snap/bin/node-red -v", "snap"),
        ("/usr/bin/snap run node-red", "snap"),
    ],
)
def test_started_somewhere_else(command: str, manager: str) -> None:
    assert launch(shlex.split(command), "/home/pi", ENVIRONMENT).manager == manager


@pytest.mark.parametrize(
    ("command", "script", "words"),
    [
        ("/usr/bin/npm start", "node-red --userDir ./data", "node-red --userDir ./data"),
        ("/usr/bin/npm run start", "node node_modules/node-red/red.js", "node node_modules/node-red/red.js"),
        ("/usr/bin/npm run-script start -- -p 1881", "node-red -v", "node-red -v -p 1881"),
        ("/usr/bin/npm --prefix HERE start", "node-red", "node-red"),
        ("/usr/bin/npm --prefix=HERE --silent start", "node-red", "node-red"),
        ("/usr/bin/yarn --cwd HERE start", "node-red", "node-red"),
        ("/bin/bash -c 'cd HERE && npm start'", "node-red", "node-red"),
        ("/usr/bin/npm start", "npm run inner", "node-red -u inner"),
        ("/usr/bin/npm start -p 1", "node-red --userDir $DATA/nr", "node-red --userDir /data/nr"),
        ("/usr/bin/yarn start -p 1", "node-red", "node-red -p 1"),
        ("/usr/bin/pnpm run start -p 1", "node-red", "node-red -p 1"),
    ],
)
def test_scripts_of_npm(tmp_path: pathlib.Path, command: str, script: str, words: str) -> None:
    scripts = {"start": script, "inner": "node-red -u inner", "test": "node-red -u wrong"}
    (tmp_path / "package.json").write_text(json.dumps({"scripts": scripts}), "utf-8")
    started_in = "/" if "HERE" in command else str(tmp_path)
    found = launch(shlex.split(command.replace("HERE", str(tmp_path))), started_in, ENVIRONMENT)
    assert (found.words, found.directory) == (words.split(), str(tmp_path))
    assert str(tmp_path / "node_modules/.bin") in found.path


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"scripts": []}', '{"scripts": {"start": 7}}', "[" * 100_000, '{"scripts": {"start": "npm start"}}'],
)
def test_a_package_that_starts_nothing(tmp_path: pathlib.Path, content: str) -> None:
    (tmp_path / "package.json").write_text(content, "utf-8")
    assert launch(["npm", "start"], str(tmp_path), {}).words == ["npm", "start"]


@pytest.mark.parametrize(
    ("script", "words", "directory"),
    [
        ("#!/bin/sh\nexec node-red -u /srv/nr\n", "exec node-red -u /srv/nr", "/home/pi"),
        ("#!/bin/bash -e\n# node-red -u wrong\ncd /srv/nr\n\nnode-red -v \\\n  -u .\n", "node-red -v -u .", "/srv/nr"),
        (
            '#!/usr/bin/env bash\nsource ~/.nvm/nvm.sh\nexec node-red "$@"\n',
            "exec node-red --title 'My Pi'",
            "/home/pi",
        ),
        ("#!/bin/sh\nexport HOME=/srv\nnode-red -u ~/nr\n", "node-red -u /srv/nr", "/home/pi"),
        ("#!/bin/sh\nsleep 5;\nwait-for-it mqtt || exit 1\nnode-red\n", "node-red", "/home/pi"),
    ],
)
@pytest.mark.parametrize("command", ["SCRIPT", "/bin/bash SCRIPT", "/usr/bin/env A=b SCRIPT", "/bin/sh -c SCRIPT"])
def test_scripts_of_a_shell(tmp_path: pathlib.Path, command: str, script: str, words: str, directory: str) -> None:
    path = tmp_path / "start-node-red"
    path.write_text(script, "utf-8")
    path.chmod(0o755)
    started = [*command.replace("SCRIPT", str(path)).split(), "--title", "My Pi"]
    if "-c" in command:
        started = [*started[:-3], shlex.join(started[-3:])]
    found = launch(started, "/home/pi", ENVIRONMENT)
    assert (found.words, found.directory) == (shlex.split(words), directory)


@pytest.mark.parametrize(
    "script",
    [
        "exec node-red -u /srv/nr",
        "#!/usr/bin/python3\nnode-red -u x",
        "#!/bin/sh\nif [ -d a ]; then node-red -u a; else node-red -u b; fi",
        "#!/bin/sh\nnode-red -u a &\nnode-red -u b\n",
        "#!/bin/sh\nnode-red -u $(cat where)\n",
        "#!/bin/sh\nnode-red -u $1\n",
        '#!/bin/sh\necho "\nnode-red',
        "#!/bin/sh\nexec $0\n",
        "\x7fELF",
        "",
    ],
)
def test_a_script_that_does_not_tell(tmp_path: pathlib.Path, script: str) -> None:
    path = tmp_path / "start"
    path.write_text(script, "utf-8")
    path.chmod(0o755)
    assert launch([str(path)], "/", ENVIRONMENT).words == [str(path)]


def test_a_script_that_starts_itself(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "start"
    path.write_text(f"#!/bin/sh\n{path}\n", "utf-8")
    assert not CommandLine(launch([str(path)], "/", {}).words).direct
