# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of one scenario as its tests use them: commands on them, requests to them, runs of Ansible against them."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import typing as t

import testinfra
import yaml

PROJECT = pathlib.Path(__file__).resolve().parents[2]
CHECKSUMS = (pathlib.Path(__file__).parent / "checksums.sh").read_text("utf-8")
USER_DIR = "/home/pi/.node-red"
SETTINGS = f"{USER_DIR}/settings.js"
CERTIFICATE = f"{USER_DIR}/nodecerts/server.pem"
STORE = "/var/lib/pifleet-nodered"
PORT = 1880
SECURE = "pifleet.nodered.secure"


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of ansible-playbook that has ended."""

    status: int
    output: str
    recap: dict[str, dict[str, int]]

    def said(self, text: str) -> bool:
        """Whether the output has this text, however it was wrapped or escaped."""
        return " ".join(text.split()) in " ".join(self.output.replace("\\n", "\n").replace('\\"', '"').split())


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a server answered to curl; the status is 0 where there was no HTTP answer, and the body is curl's error."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> t.Any:
        return json.loads(self.body)


class Client:
    """curl on one machine: what somebody there sees of a Node-RED."""

    def __init__(self, machine: t.Any, ca: str) -> None:
        self.machine = machine
        self.ca = ca

    def request(self, url: str, *options: str) -> Answer:
        command = ["curl", "--silent", "--show-error", "--include", "--noproxy", "*", "--max-time", "20",
                   "--cacert", self.ca, *options, url]
        result = self.machine.run(shlex.join(command))
        if result.rc != 0:
            return Answer(0, {}, f"{result.rc}: {result.stderr}")
        head, _blank, body = result.stdout.replace("\r\n", "\n").partition("\n\n")
        status, *lines = head.splitlines()
        return Answer(int(status.split()[1]), {
            name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}, body)

    def login(self, url: str, username: str, password: str, scope: str = "") -> Answer:
        """Log in to an editor, as Node-RED's own client does. An empty scope asks for all that the user may do."""
        return self.request(
            f"{url}/auth/token", "--data-urlencode", "client_id=node-red-admin", "--data-urlencode", "grant_type=password",
            "--data-urlencode", f"scope={scope}", "--data-urlencode", f"username={username}",
            "--data-urlencode", f"password={password}")

    def token(self, url: str, username: str, password: str) -> str:
        answer = self.login(url, username, password)
        assert answer.status == 200, f"{username} cannot log in: {answer.status} {answer.body}"
        return answer.json["access_token"]

    def revoke(self, url: str, token: str) -> Answer:
        return self.request(f"{url}/auth/revoke", *bearer(token), "--data-urlencode", f"token={token}")

    def openssl(self, *arguments: str) -> t.Any:
        return self.machine.run(shlex.join(["openssl", *arguments]) + " </dev/null")


def bearer(token: str) -> list[str]:
    """The options of curl that send a token."""
    return ["--header", f"Authorization: Bearer {token}"]


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
            name: self.variables | _variables(self.work / f"host_vars/{name}.yml") for name in self.names}
        self.ca = str(self.work / "ca" / "ca.pem")
        # Of the SSH connections, in a folder with a short name: the path of a socket has at most 107 bytes.
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
            f"ssh://{self._connection['ansible_user']}@{self.address(name)}", sudo=True,
            ssh_identity_file=self._connection["ansible_ssh_private_key_file"],
            ssh_extra_args=self._hosts[name]["ansible_ssh_common_args"],
            controlpath=f"{self._sockets.name}/{name}")

    def command_on(self, name: str, *command: str) -> list[str]:
        """The command line that runs a command on a host as root, to be started here."""
        return [str(PROJECT / "tests/hosts/hosts"), "exec", "--group", self.group, name, "--", *command]

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

    def play(self, *arguments: str, playbook: str = SECURE, variables: dict[str, t.Any] | None = None,
             environment: dict[str, str] | None = None) -> Run:
        """Run a playbook against the hosts, with variables that win over those of the scenario."""
        process = self.start(*arguments, playbook=playbook, variables=variables, environment=environment)
        output, _none = process.communicate()
        return Run(process.returncode, output, _recap(output))

    def start(self, *arguments: str, playbook: str = SECURE, variables: dict[str, t.Any] | None = None,
              environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start such a run, in a process group of its own."""
        extra = self.work / "extra_variables.json"
        extra.touch(mode=0o600)
        extra.write_text(json.dumps(variables or {}), encoding="utf-8")
        return subprocess.Popen(
            [program("ansible-playbook"), "-i", self.inventory, "-e", f"@{extra}", *arguments, playbook],
            env=self._environment() | (environment or {}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def _environment(self) -> dict[str, str]:
        """Ansible's own defaults, whatever the person who runs the tests has set."""
        configuration = self.work / "ansible.cfg"
        configuration.write_text("[defaults]\n", encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return kept | {"ANSIBLE_CONFIG": str(configuration), "ANSIBLE_NOCOLOR": "1",
                       "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".build/collections")}

    def secrets(self) -> set[str]:
        """What nobody may get to see: passwords of the scenario, and hashes and private keys of its hosts."""
        found = set()
        for name in self.names:
            found |= {*_passwords(self.variables_of(name)), *self.secrets_on(name)}
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

    def process(self, name: str) -> str:
        """The process id of Node-RED."""
        return self.host(name).check_output("systemctl show %s --property=MainPID --value", self.service(name))

    def wait(self, name: str, status: int, path: str = "/settings", scheme: str = "https") -> None:
        """Wait until a host's Node-RED answers so."""
        deadline = time.monotonic() + 60
        while (answer := self.here().request(self.url(name, scheme) + path)).status != status:
            assert time.monotonic() < deadline, f"{path} answers {answer.status} instead of {status}: {answer.body}"
            time.sleep(0.3)


def kill(run: subprocess.Popen[str]) -> None:
    """End a run of Ansible as the loss of power would: its workers too, each of which has a session of its own."""
    processes = [run.pid]
    for parent in processes:
        listed = subprocess.run(["pgrep", "--parent", str(parent)], capture_output=True, text=True, check=False)
        processes += [int(child) for child in listed.stdout.split()]
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    run.wait()


def differences(before: list[str], after: list[str]) -> list[str]:
    """What only one of two lists of checksums has."""
    return sorted(set(before) ^ set(after))


def forms(secret: str) -> list[str]:
    """How a secret may be spelled: as it is, or within Base64, whose letters depend on where in a text it stands."""
    content = secret.encode()
    spelled = [secret]
    for start in range(3):
        # Each group of four letters stands for three bytes; what shares a group with other bytes is left out.
        letters = base64.b64encode(b"\0" * start + content).decode().rstrip("=")
        spelled.append(letters[4 if start else 0:len(letters) // 4 * 4])
    return [form for form in spelled if len(form) >= 8]


def leaked(secrets: t.Iterable[str], text: str) -> list[str]:
    """The secrets that a text has."""
    return [secret for secret in secrets if any(form in text for form in forms(secret))]


def program(name: str) -> str:
    """A program of the environment that the tests run in."""
    return str(pathlib.Path(sys.executable).with_name(name))


def _variables(path: pathlib.Path) -> dict[str, t.Any]:
    return yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}


def _recap(output: str) -> dict[str, dict[str, int]]:
    lines = re.findall(r"^(\S+)\s+: (ok=\d+ .*)$", output, re.MULTILINE)
    return {name: {key: int(count) for key, count in re.findall(r"(\w+)=(\d+)", counts)} for name, counts in lines}


def _passwords(value: t.Any, key: str = "") -> t.Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _passwords(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _passwords(item, key)
    elif re.search(r"password$|passphrase$|secret$", key):
        yield str(value)
    else:
        yield from re.findall(r"://[^:/@]+:([^@]+)@", str(value))
