# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of one scenario as its tests use them: commands on them, requests to them, runs of Ansible against them."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import typing as t

import testinfra
import yaml

from .client import Client
from .leaks import passwords
from .waiting import PATIENCE, wait_for

PROJECT = pathlib.Path(__file__).resolve().parents[3]
CHECKSUMS = (PROJECT / "tests/molecule/checksums.sh").read_text("utf-8")
SETTINGS_JSON = pathlib.Path(__file__).with_name("settings_json.js").read_text("utf-8")
USER_DIR = "/home/pi/.node-red"
SETTINGS = f"{USER_DIR}/settings.js"
CERTIFICATE = f"{USER_DIR}/nodecerts/server.pem"
STORE = "/var/lib/pifleet-nodered"
PORT = 1880
SECURE = "pifleet.nodered.secure"
#: What `Fleet.held` may leave out, as regular expressions: what any start of Node-RED changes, with what root keeps of
#: files that were refused; and Ansible's own directory for what it sends, with the one that has it.
OF_A_START = rf"\.config\.(nodes|users|projects|modules)|{STORE}|MainPID"
OF_ANSIBLE = r"^/home/pi( d |/\.ansible)"


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of ansible-playbook that has ended."""

    status: int
    output: str
    recap: dict[str, dict[str, int]]

    def said(self, text: str) -> bool:
        """Whether the output has this text, however it was wrapped or escaped."""
        return " ".join(text.split()) in " ".join(self.output.replace("\\n", "\n").replace('\\"', '"').split())


class Fleet:
    """The hosts of one scenario."""

    def __init__(self, scenario: str) -> None:
        self.group = f"molecule-{scenario.replace('_', '-')}"
        self.work = PROJECT / ".build" / "molecule" / scenario
        self.inventory = self.work / "inventory.yml"
        group = yaml.safe_load(self.inventory.read_text("utf-8"))["nodered"]
        self._connection: dict[str, str] = group["vars"]
        self._hosts: dict[str, dict[str, str]] = group["hosts"]
        self.names = list(self._hosts)
        self.variables: dict[str, t.Any] = _variables(self.work / "group_vars/nodered.yml")
        self._variables_of = {
            name: self.variables | _variables(self.work / f"host_vars/{name}.yml") for name in self.names
        }
        self.ca = str(self.work / "ca" / "ca.pem")
        # Of the SSH connections, in a directory with a short name: the path of a socket has at most 107 bytes.
        self._sockets = tempfile.TemporaryDirectory()

    def variables_of(self, name: str) -> dict[str, t.Any]:
        """The variables of the scenario for one host, as they are written."""
        return self._variables_of[name]

    def service(self, name: str) -> str:
        return self.variables_of(name).get("nodered_service", "nodered")

    def address(self, name: str) -> str:
        return self._hosts[name]["ansible_host"]

    def url(self, name: str, scheme: str = "https") -> str:
        return f"{scheme}://{self.address(name)}:{PORT}"

    def host(self, name: str) -> t.Any:
        """A host, to run commands on as root."""
        return testinfra.get_host(
            f"ssh://{self._connection['ansible_user']}@{self.address(name)}",
            sudo=True,
            ssh_identity_file=self._connection["ansible_ssh_private_key_file"],
            ssh_extra_args=self._hosts[name]["ansible_ssh_common_args"],
            timeout=PATIENCE,
            controlpath=f"{self._sockets.name}/{name}",
        )

    def command_on(self, name: str, *command: str) -> list[str]:
        """The command line that runs a command on a host as root, to be started here."""
        return [str(PROJECT / "tests/hosts/hosts"), "exec", "--group", self.group, name, "--", *command]

    def machine_process(self, name: str) -> str:
        """The process id on this machine of a host's first process."""
        container = f"pifleet-{self.group}-{name}"
        command = ["podman", "inspect", "--format", "{{.State.Pid}}", container]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def here(self) -> Client:
        """A client on the control node."""
        return Client(testinfra.get_host("local://"), self.ca)

    def neighbour(self, name: str) -> Client:
        """A client on another host of the fleet than this one."""
        machine = self.host(self.names[self.names.index(name) - 1])
        machine.check_output("printf %%s %s >/tmp/ca.pem", pathlib.Path(self.ca).read_text("utf-8"))
        return Client(machine, "/tmp/ca.pem")

    def password(self, username: str) -> str:
        return next(user["password"] for user in self.variables["nodered_admin_users"] if user["username"] == username)

    def play(
        self,
        *arguments: str,
        playbook: str = SECURE,
        variables: dict[str, t.Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> Run:
        """Run a playbook against the hosts, with variables that win over those of the scenario."""
        process = self.start(*arguments, playbook=playbook, variables=variables, environment=environment)
        return self.end(process)

    def start(
        self,
        *arguments: str,
        playbook: str = SECURE,
        variables: dict[str, t.Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start such a run, in a process group of its own."""
        extra = self.work / "extra_variables.json"
        extra.touch(mode=0o600)
        extra.write_text(json.dumps(variables or {}), encoding="utf-8")
        return subprocess.Popen(
            [program("ansible-playbook"), "-i", self.inventory, "-e", f"@{extra}", *arguments, playbook],
            env=self._environment() | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def end(process: subprocess.Popen[str]) -> Run:
        """Wait for the end of a run that was started."""
        output, _none = process.communicate()
        return Run(process.returncode, output, _recap(output))

    def _environment(self) -> dict[str, str]:
        """Ansible's own defaults, whatever the person who runs the tests has set."""
        configuration = self.work / "ansible.cfg"
        configuration.write_text("[defaults]\n", encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return kept | {
            "ANSIBLE_CONFIG": str(configuration),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".build/collections"),
        }

    def secrets(self) -> set[str]:
        """What nobody may get to see: passwords of the scenario, and hashes and private keys of its hosts."""
        found = set()
        for name in self.names:
            found |= {*passwords(self.variables_of(name)), *self.secrets_on(name)}
        return found

    def secrets_on(self, name: str) -> set[str]:
        """The hashes, the credential secret and the lines of the private key that a host holds."""
        host = self.host(name)
        user_dir = self.variables_of(name).get("nodered_user_dir", USER_DIR)
        settings = host.run("cat %s/settings.js", user_dir).stdout
        key = host.run("openssl pkey -in %s/nodecerts/server.pem", user_dir).stdout
        hashes = re.findall(r"""^(?!\s*//).*["'](\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})["']""", settings, re.MULTILINE)
        return {*hashes, *(line for line in key.splitlines() if line and not line.startswith("-----"))}

    def checksums(self, name: str) -> list[str]:
        """What a host holds, and what runs there."""
        return self.host(name).check_output(CHECKSUMS).splitlines()

    def held(self, name: str, *besides: str) -> list[str]:
        """The same without the lines that match one of these expressions."""
        return [line for line in self.checksums(name) if not re.search("|".join(besides), line)]

    def loaded(self, name: str, path: str = SETTINGS) -> dict[str, t.Any]:
        """What the host's Node.js makes of a settings file, with functions as their source."""
        return json.loads(self.host(name).check_output("cd /home/pi && node -e %s %s", SETTINGS_JSON, path))

    def journal(self, name: str, *options: str) -> str:
        """The journal of a host, with everything that was said before."""
        return self.host(name).check_output(f"journalctl --sync && journalctl --no-pager {' '.join(options)}")

    def process(self, name: str) -> str:
        """The process id of Node-RED."""
        return self.host(name).check_output("systemctl show %s --property=MainPID --value", self.service(name))

    def wait(self, name: str, status: int, path: str = "/settings", scheme: str = "https") -> None:
        """Wait until a host's Node-RED answers so."""
        url = self.url(name, scheme) + path
        wait_for(lambda: self.here().request(url).status == status, f"{url} answers {status}")


def differences(before: list[str], after: list[str]) -> list[str]:
    """What only one of two lists of checksums has."""
    return sorted(set(before) ^ set(after))


def program(name: str) -> str:
    """A program of the environment that the tests run in."""
    return str(pathlib.Path(sys.executable).with_name(name))


def _variables(path: pathlib.Path) -> dict[str, t.Any]:
    return yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}


def _recap(output: str) -> dict[str, dict[str, int]]:
    lines = re.findall(r"^(\S+)\s+: (ok=\d+ .*)$", output, re.MULTILINE)
    return {name: {key: int(count) for key, count in re.findall(r"(\w+)=(\d+)", counts)} for name, counts in lines}
