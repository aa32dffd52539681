# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A test host whose disks are those of `disks`, runs of Ansible against it, and the modules that such a run has sent."""

from __future__ import annotations

import base64
import dataclasses
import fcntl
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import typing as t
import zipfile

import yaml
from disks import DISK_SIZE, Disk

PROJECT = pathlib.Path(__file__).resolve().parents[2]
HOSTS = PROJECT / "tests" / "hosts" / "hosts"
NAME = "pi"
PORT = 1880
USER_DIR = "/home/pi/.node-red"
STORE = "/var/lib/pifleet-nodered"
UNITS = "/etc/systemd/system"
PYTHON = "/usr/bin/python3"
#: What a run of Ansible can need on a machine that is busy (seconds).
PATIENCE = 900
#: By the names of the disks, where the host has them.
PLACES = {"userDir": USER_DIR, "etc": "/etc", "store": "/var/lib", "tmp": "/tmp"}
#: The same for a host without Node-RED, which npm installs.
PLACES_OF_BARE = {"local": "/usr/local", "etc": "/etc", "home": "/home"}
#: What is larger than the other disks (bytes).
_SIZES = {"local": 512 << 20}
#: What is larger than a disk and no part of a host's state: the lists of packages, and what npm has loaded.
_CACHES = {"lists": "/var/lib/apt/lists", "npm": "/root/.npm"}
#: What sudo gives to a module.
_ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "LOGNAME": "root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "USER": "root",
}
_RECORDER = pathlib.Path(__file__).with_name("recording-python")
_RECORDED = "/opt/recording"
#: The lines of what Ansible sends that have the module's options, and the files that it imports.
_OPTIONS = re.compile(rb"^params=(.*),$", re.MULTILINE)
_FILES = re.compile(rb"^zip_data='(.*)',$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of ansible-playbook that has ended."""

    status: int
    output: str
    #: The hosts' tasks that changed something.
    changed: int


class Module(t.NamedTuple):
    """A module as Ansible has sent it: a program for the standard input of Python."""

    program: bytes

    @property
    def options(self) -> dict[str, t.Any]:
        return json.loads(eval(self._match[1]))["ANSIBLE_MODULE_ARGS"]

    @property
    def name(self) -> str:
        """Such as host_restart prove."""
        found = re.search(rb"(?:module_fqn='|^# )[\w.]*\bmodules\.(\w+)", self.program, re.MULTILINE)
        name = found[1].decode("ascii") if found else "?"
        # The look is a program of its own, without what Ansible puts around a module.
        options = {} if name == "host_info" else self.options
        return " ".join(filter(None, (name, options.get("operation"))))

    @property
    def contents(self) -> dict[str, int]:
        """By the names of the collection's files in it, their CRC-32."""
        match = _FILES.search(self.program)
        if match is None:
            return {}
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(match[1]))) as archive:
            files = [each for each in archive.infolist() if each.filename.startswith("ansible_collections/")]
        return {each.filename: each.CRC for each in files}

    @property
    def _match(self) -> re.Match[bytes]:
        match = _OPTIONS.search(self.program)
        if match is None:
            raise ValueError("This is no module as ansible-core 2.19 sends it.")
        return match

    def going_back(self, restart: Module) -> Module:
        """What a run sends after it has failed in this module, as the action plugin rollback does.

        :param restart: host_restart, of any run
        """
        kept = {"service", "user", "user_dir", "settings_path", "timeout", "run", "run_seen"}
        options = {name: value for name, value in self.options.items() if name.startswith("_ansible") or name in kept}
        return restart._with(options | {"operation": "undo"})

    def about(self, transaction: str) -> Module:
        """The same for another transaction, where it is for one."""
        return self._with(self.options | {"transaction": transaction}) if self.options.get("transaction") else self

    def _with(self, options: dict[str, t.Any]) -> Module:
        params = repr(json.dumps({"ANSIBLE_MODULE_ARGS": options})).encode("ascii")
        start, end = self._match.span(1)
        return Module(self.program[:start] + params + self.program[end:])


class Host:
    """The host and its owner's control node.

    :param image: the name of its image
    :param group: the name of its group, which it is alone in
    :param address: the address that it keeps
    :param directory: where its disks, its inventory and what belongs to its runs are
    :param places: by the names of its disks, where it has them
    """

    def __init__(
        self, image: str, group: str, address: str, directory: pathlib.Path, places: t.Mapping[str, str]
    ) -> None:
        self.image = image
        self.address = address
        self.directory = directory
        self.group = group
        self.places = places
        self.disks = {
            name: Disk(name, place, directory / "disks", _SIZES.get(name, DISK_SIZE)) for name, place in places.items()
        }
        self.inventory = directory / "inventory.yml"
        self.process = 0

    @property
    def ca(self) -> pathlib.Path:
        return self.directory / "ca" / "ca.pem"

    # The machine

    def up(self) -> None:
        self.down()
        self.directory.mkdir(parents=True)
        # Another host may be made from the same image.
        with (self.directory.parent / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._hosts("build", self.image)
            reference = f"localhost/pifleet-{self.image}"
            root = pathlib.Path(_output("podman", "image", "mount", reference))
            for disk in self.disks.values():
                disk.make(root / disk.place.lstrip("/"))
            _output("podman", "image", "unmount", reference)
        volumes = [f"--volume={disk.path}:{disk.place}" for disk in self.disks.values()]
        up = ("up", "--group", self.group, NAME, "--image", self.image, "--address", self.address)
        for name, place in _CACHES.items():
            (self.directory / name).mkdir()
            volumes.append(f"--volume={self.directory / name}:{place}")
        self._hosts(*up, "--with-registries", *volumes)
        self._find()
        recorder = self.file(f"{_RECORDED}/python")
        (recorder.parent / "modules").mkdir(parents=True)
        # Not all of them run as root.
        (recorder.parent / "modules").chmod(0o1777)
        shutil.copy(_RECORDER, recorder)
        recorder.chmod(0o755)
        inventory = yaml.safe_load(self._hosts("inventory", "--group", self.group))
        inventory["nodered"]["vars"]["ansible_python_interpreter"] = f"{_RECORDED}/python"
        self.inventory.write_text(yaml.safe_dump(inventory), encoding="utf-8")

    def down(self) -> None:
        self._hosts("down", "--group", self.group)
        for disk in self.disks.values():
            disk.unmount()
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """End everything on it at once, and take its disks out."""
        self._podman("kill", missing_is_fine=True)
        self._podman("wait")
        # What has not gone to the disks yet is written when they are taken out, where nobody loads other ones.
        for disk in self.disks.values():
            disk.unmount()

    def start(self, images: pathlib.Path | None = None) -> None:
        """Start it.

        :param images: a directory with the disks that it starts with; None for those that it has
        """
        for disk in self.disks.values():
            if images:
                disk.load(images / disk.image.name)
            disk.mount()
        self._podman("start")
        self._find()
        deadline = time.monotonic() + PATIENCE
        while self.output("systemctl", "is-system-running").strip() not in ("running", "degraded"):
            if time.monotonic() > deadline:
                raise TimeoutError("The host does not come up.")
            time.sleep(0.1)

    def save(self, target: pathlib.Path) -> None:
        """Copy its disks, with all that was written to files."""
        target.mkdir(parents=True, exist_ok=True)
        for disk in self.disks.values():
            disk.synchronize()
            disk.save(target / disk.image.name)

    def file(self, place: str) -> pathlib.Path:
        """Where a file of the host is on this machine."""
        return pathlib.Path(f"/proc/{self.process}/root", place.lstrip("/"))

    # Programs on it

    def entering(self, *command: str) -> list[str]:
        """The command that runs another one on it as root."""
        variables = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        return ["nsenter", f"--target={self.process}", "--all", "--", "env", "-i", *variables, *command]

    def output(self, *command: str) -> str:
        """What a program on it prints, also where it fails."""
        return subprocess.run(
            self.entering(*command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        ).stdout

    def run(self, command: list[str], given: bytes) -> bytes:
        """Run one of `entering` with an input; returns what it has printed."""
        return subprocess.run(
            command, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False
        ).stdout

    # Runs

    def play(self, playbook: str, variables: dict[str, t.Any]) -> Run:
        """Run a playbook of the collection against it.

        :param playbook: its short name
        :param variables: extra variables
        """
        extra = self.directory / "variables.json"
        extra.touch(mode=0o600)
        extra.write_text(json.dumps({"nodered_ca_dir": str(self.ca.parent), **variables}), encoding="utf-8")
        configuration = self.directory / "ansible.cfg"
        configuration.write_text("[defaults]\n", encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment |= {
            "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".build" / "collections"),
            "ANSIBLE_CONFIG": str(configuration),
            "ANSIBLE_NOCOLOR": "1",
        }
        program = PROJECT / ".venv" / "bin" / "ansible-playbook"
        call = [str(program), "-i", str(self.inventory), "-e", f"@{extra}", f"pifleet.nodered.{playbook}"]
        # A connection of a former run may be one to a host that has been ended since. The path of a socket is short.
        with tempfile.TemporaryDirectory(prefix="ssh") as sockets:
            done = subprocess.run(
                call,
                env=environment | {"ANSIBLE_SSH_CONTROL_PATH_DIR": sockets},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        changed = re.search(rf"^{NAME} .* changed=(\d+) ", done.stdout, re.MULTILINE)
        return Run(done.returncode, done.stdout, int(changed[1]) if changed else 0)

    def recorded(self) -> list[Module]:
        """The modules that runs have sent since this was asked last, in their order."""
        directory = self.file(f"{_RECORDED}/modules")
        modules = []
        for path in sorted(directory.iterdir()):
            modules.append(Module(path.read_bytes()))
            path.unlink()
        return modules

    # Podman

    def _find(self) -> None:
        container = f"pifleet-{self.group}-{NAME}"
        self.process = int(_output("podman", "inspect", "--format", "{{.State.Pid}}", container))

    def _podman(self, command: str, missing_is_fine: bool = False) -> None:
        call = ["podman", command, f"pifleet-{self.group}-{NAME}"]
        environment = os.environ | {"CONTAINERS_CONF": str(HOSTS.with_name("containers.conf"))}
        subprocess.run(call, env=environment, check=not missing_is_fine, capture_output=True, timeout=PATIENCE)

    @staticmethod
    def _hosts(*arguments: str) -> str:
        return _output(str(HOSTS), *arguments)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=PATIENCE).stdout.strip()
