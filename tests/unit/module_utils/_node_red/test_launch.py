# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command line starts in the end."""

from __future__ import annotations

import json
import pathlib
import shlex
import time
import tracemalloc

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
        ("/usr/bin/nice bash -c 'bash -c \"node-red -v\"'", "node-red -v", "/home/pi"),
        ("/bin/sh -c 'node-red -p 1880 > log 2>&1 -v'", "node-red -p 1880 -v", "/home/pi"),
        ("/bin/sh -c '(cd /tmp; ls); node-red -s settings.js'", "node-red -s settings.js", "/home/pi"),
        ("/bin/sh -c 'cd /tmp | cat; node-red'", "node-red", "/home/pi"),
        ("/bin/sh -c 'sudo /usr/bin/mount -a; node-red # here'", "node-red", "/home/pi"),
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
        "/bin/bash -c '[ -d /x ] && cd /x; node-red'",
        "/bin/bash -c 'if true; then cd /x; fi; node-red'",
        "/bin/bash -c 'cd $(cat where); node-red'",
        "/bin/bash -c 'cd -; node-red'",
        "/bin/bash -c 'f() { cd /x; }; f; node-red'",
        "/bin/bash -c 'if true; then node-red -u a; fi; node-red -u b'",
        "/bin/bash -c '. /etc/default/nodered; node-red'",
        "/bin/bash -c '[ -f x ] && source ./x; node-red'",
        "/bin/bash -c 'export $(cat .env); node-red'",
        "/bin/bash -c 'env $(cat .env) node-red'",
        "/bin/bash -c 'eval x; node-red'",
        "/bin/bash -c 'set -a; node-red'",
        "/bin/bash -c 'set -- -u x; node-red'",
        "/bin/bash -c 'export HOME=$(pwd); node-red'",
        "/bin/bash -c '[ -d /x ] && export NODE_RED_HOME=/x; node-red'",
        "/bin/bash -c 'if true; then export PORT=1; fi; node-red'",
        "/bin/bash -c 'unset HOME; node-red'",
        "/bin/bash -c 'node-red)'",
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
    found = launch(["npm", "start"], str(tmp_path), {})
    assert found.words[:1] == ["npm"]
    assert not CommandLine(found.words).direct


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
        "#!/bin/sh\ncat <<END\nnode-red -s /evil.js\nEND\n",
        "#!/bin/sh\n" + "a;" * 2000 + "node-red",
        "#!/bin/sh\nnode-red -u x\0\n",
        "#!/bin/sh\nnode-red\n" + "#" * (64 << 10),
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


NVM = """#!/bin/bash
set -euo pipefail
export NVM_DIR="$([ -z "${XDG_CONFIG_HOME-}" ] && printf %s "$HOME/.nvm" || printf %s x)"
[ -s "$NVM_DIR/nvm.sh" ] && \\. "$NVM_DIR/nvm.sh"  # This loads nvm
[ -s "$NVM_DIR/bash_completion" ] && \\. "$NVM_DIR/bash_completion"
if [ ! -d /data ]; then
  mkdir /data || { echo failed; exit 1; }
fi
export PATH="$(npm prefix -g)/bin:$PATH"
cd /srv && export NODE_RED_HOME=~/nr && exec node-red
"""


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("/usr/bin/env HOME=/x NODE_RED_HOME=/y node-red", {"HOME": "/x", "NODE_RED_HOME": "/y"}),
        ("/usr/bin/env NODE_RED_HOME=/opt/node-red node-red -v", {"NODE_RED_HOME": "/opt/node-red"}),
        ("/usr/bin/env SHELL=/bin/sh node-red", {"SHELL": "/bin/sh"}),
        ("/bin/sh -c 'export HOME=/data; exec node-red'", {"HOME": "/data"}),
        ("/bin/sh -c 'HOME=/data; node-red'", {"HOME": "/data"}),
        ("/bin/sh -c 'PORT=1; node-red'", {}),
        ("/bin/sh -c 'PORT=1; export PORT; node-red'", {"PORT": "1"}),
        ("/bin/sh -c 'PORT=1 sleep 5; node-red'", {}),
        ("/bin/sh -c 'A=/srv; export B=$A:~/x; B=2$B PORT=80 node-red'", {"B": "2/srv:/home/pi/x", "PORT": "80"}),
        ("/bin/sh -c '(export PORT=1; ls); node-red'", {}),
        ("/bin/sh -c '(export PORT=1; node-red)'", {"PORT": "1"}),
        ("/bin/sh -c 'sleep 1 && export PORT=1 && node-red'", {"PORT": "1"}),
        (
            "/usr/bin/env A=1 /bin/sh -c 'B=$A env C=2 sh -c \"D=$A node-red\"'",
            {"A": "1", "B": "1", "C": "2", "D": "1"},
        ),
        ("/usr/bin/npm start", {"PORT": "8080", "NODE_RED_HOME": "/data"}),
        ("/srv/start-nvm", {"NODE_RED_HOME": "/home/pi/nr"}),
    ],
)
def test_variables_that_are_given_on_the_way(tmp_path: pathlib.Path, command: str, given: dict[str, str]) -> None:
    script = tmp_path / "start-nvm"
    script.write_text(NVM, "utf-8")
    scripts = {"start": "cross-env PORT=8080 NODE_RED_HOME=/data node-red"}
    (tmp_path / "package.json").write_text(json.dumps({"scripts": scripts}), "utf-8")
    found = launch(shlex.split(command.replace("/srv/", f"{tmp_path}/")), str(tmp_path), ENVIRONMENT)
    assert CommandLine(found.words).direct
    assert CommandLine(found.words).rest == []
    assert found.environment == {**ENVIRONMENT, **given}


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/env -i node-red",
        "/usr/bin/env -u HOME node-red",
        "/usr/bin/env -S node-red",
        "/usr/bin/dotenv -- node-red",
        "/usr/sbin/chroot /srv /usr/bin/node-red",
        "/usr/bin/node --env-file=.env /usr/bin/node-red",
        "/bin/sh -c 'env -C /tmp node-red'",
    ],
)
def test_what_may_give_other_variables_is_not_followed(command: str) -> None:
    assert not CommandLine(launch(shlex.split(command), "/home/pi", ENVIRONMENT).words).direct


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/sudo node-red",
        "/usr/bin/sudo -u pi -H node-red -u x",
        "/usr/bin/sudo -u pi bash -c 'node-red'",
        "/bin/su - pi -c 'node-red -v'",
        "/bin/su pi -c node-red",
        "/usr/sbin/runuser -u pi -- node-red",
        "/usr/bin/setpriv --reuid=pi --init-groups node-red",
        "/usr/sbin/gosu pi npm start",
        "/usr/bin/env A=b sudo node-red",
        "/bin/bash -c 'cd /srv; exec sudo -u pi node-red'",
        "/bin/sh -c 'sleep 5; su - pi -c \"node-red -v\"'",
        "/bin/sh -c 'su - pi -c ./start'",
    ],
)
def test_another_user_is_told(command: str) -> None:
    found = launch(shlex.split(command), "/home/pi", ENVIRONMENT)
    assert found.manager == "another user"
    assert not CommandLine(found.words).direct


def test_rights_that_are_given_up_leave_the_user() -> None:
    found = launch(shlex.split("setpriv --no-new-privs node-red -u x"), "/home/pi", ENVIRONMENT)
    assert (found.manager, CommandLine(found.words).last("userDir")) == (None, "x")


@pytest.mark.parametrize(
    "text",
    [
        "a=" + "x" * 99 + ";" + "".join(f"{chr(n + 1)}=${chr(n)}${chr(n)};" for n in range(ord("a"), ord("r"))),
        "a=" + "x" * 4000 + ";echo" + " $a" * 20000 + ";",
        "(" * 20000,
        "a=" + "x" * (65 << 10) + ";",
        "".join(f"a{n}=1 " for n in range(5000)) + ";" + "a&&b;" * 1000,
    ],
)
@pytest.mark.parametrize("in_file", [True, False])
def test_a_text_costs_little(tmp_path: pathlib.Path, text: str, in_file: bool) -> None:
    script = tmp_path / "start"
    script.write_text(f"#!/bin/sh\n{text}node-red\n", "utf-8")
    tracemalloc.start()
    started = time.process_time()
    try:
        words = [str(script)] if in_file else ["/bin/sh", "-c", f"{text}node-red"]
        found = launch(words, "/", ENVIRONMENT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not CommandLine(found.words).direct
    assert peak < 20 << 20
    assert time.process_time() - started < 10


def test_arguments_that_a_script_repeats_cost_little(tmp_path: pathlib.Path) -> None:
    script = tmp_path / "start"
    script.write_text("#!/bin/sh\nnode-red" + " $@" * 20000, "utf-8")
    script.chmod(0o755)
    tracemalloc.start()
    try:
        assert launch([str(script), *["x" * 99] * 99], "/", {}).words == [str(script)]
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
