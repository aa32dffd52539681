# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet as an engine runs it: ansible-runner, in a container for each job, which forgets everything.

Builds the execution environment, makes the authority on this machine and puts it into a vault, and secures four hosts as
two slices at the same time, each of which knows its own hosts only. Fails where the slices do not end as one run does, where
a host is certified twice, where a job leaves something behind, or where one of its events has a secret.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

import yaml
from scenario.leaks import leaked

PROJECT = pathlib.Path(__file__).resolve().parents[2]
HOSTS = PROJECT / "tests" / "hosts" / "hosts"
ENGINE = PROJECT / ".build" / "engines-venv" / "bin"
WORK = PROJECT / ".build" / "engines"
IMAGE = "localhost/pifleet-nodered-ee"
#: Where a job finds its project, as ansible-runner has it in the container.
INSIDE = "/runner/project"
PLAYBOOKS = ("secure", "validate", "audit")
#: Seconds for one job on the slowest machine.
PATIENCE = 1800
SLICES = (("kitchen", "cellar"), ("garage", "attic"))
IMAGES = {
    "kitchen": "trixie-nodered41",
    "cellar": "bookworm-nodered31",
    "garage": "trixie-nodered41",
    "attic": "trixie-nodered5",
}


def run(*command: str | pathlib.Path, stdin: str = "") -> str:
    """The output of a command that succeeds."""
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )
    if done.returncode:
        said = done.stdout[-6000:] + done.stderr[-6000:]
        sys.exit(f"{' '.join(map(str, command[:4]))} ... failed:\n{said}")
    return done.stdout


def claim(what: str, holds: bool, otherwise: object = "") -> None:
    """Print what was seen, or end where it was not."""
    if not holds:
        sys.exit(f"not so: {what}. {otherwise}".rstrip())
    print(f"   {what}", flush=True)


@contextlib.contextmanager
def step(what: str) -> t.Iterator[None]:
    print(f"== {what}", flush=True)
    started = time.monotonic()
    yield
    print(f"   {time.monotonic() - started:.0f} s", flush=True)


# The execution environment


def build_image(base: str) -> None:
    """Build the execution environment as its definition says, with the collection of this checkout."""
    context = WORK / "image"
    context.mkdir()
    run(PROJECT / ".venv/bin/ansible-galaxy", "collection", "build", PROJECT, "--output-path", context)
    (tarball,) = context.glob("*.tar.gz")
    definition = yaml.safe_load((PROJECT / "execution-environment.yml").read_text("utf-8"))
    # Else it would be that of Ansible Galaxy.
    definition["dependencies"]["galaxy"] = {
        "collections": [{"name": f"/build/collections/{tarball.name}", "type": "file"}]
    }
    definition["additional_build_files"] = [{"src": tarball.name, "dest": "collections"}]
    (context / "execution-environment.yml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    run(
        ENGINE / "ansible-builder",
        "build",
        f"--file={context / 'execution-environment.yml'}",
        f"--context={context / 'context'}",
        f"--tag={IMAGE}",
        "--container-runtime=podman",
        f"--build-arg=EE_BASE_IMAGE={base}",
        f"--extra-build-cli-args={' '.join(ways_to_registries())}",
    )


def ways_to_registries() -> list[str]:
    """The arguments of podman by which apt and pip reach their registries as this machine does; no image keeps them."""
    machine = WORK / "machine"
    machine.mkdir()
    shutil.copyfile("/etc/ssl/certs/ca-certificates.crt", machine / "ca.crt")
    settings = re.findall(r"^Acquire::(?:https?::Proxy |Check-).*$", run("apt-config", "dump"), re.MULTILINE)
    (machine / "apt.conf").write_text("".join(f"{line}\n" for line in settings), encoding="utf-8")
    (machine / "pip.conf").write_text("[global]\ncert = /mnt/ca.crt\n", encoding="utf-8")
    places = {"": "/mnt", "/pip.conf": "/etc/pip.conf", "/apt.conf": "/etc/apt/apt.conf.d/90machine"}
    return ["--network=host", *(f"--volume={machine}{name}:{place}:ro" for name, place in places.items())]


# The fleet


class Fleet:
    """The hosts, and what their owner keeps for the engine: an inventory, and a vault."""

    def __init__(self) -> None:
        self.down()
        for name, image in IMAGES.items():
            self._hosts("up", name, "--image", image)
        group = yaml.safe_load(self._hosts("inventory"))["nodered"]
        self.addresses: dict[str, str] = {name: host["ansible_host"] for name, host in group["hosts"].items()}
        self.ssh_key = pathlib.Path(group["vars"]["ansible_ssh_private_key_file"]).read_text("utf-8")
        arguments = " ".join(host["ansible_ssh_common_args"] for host in group["hosts"].values())
        files = re.findall(r"UserKnownHostsFile=(\S+)", arguments)
        self.known_hosts = "".join(pathlib.Path(file).read_text("utf-8") for file in files)
        self.passwords = {name: secrets.token_hex(12) for name in ("admin", "dashboard", "authority", "vault")}

    @staticmethod
    def _hosts(command: str, *arguments: str) -> str:
        return run(HOSTS, command, "--group", OPTIONS.group, *arguments)

    def down(self) -> None:
        self._hosts("down")

    @property
    def project(self) -> pathlib.Path:
        """What the owner keeps in a repository: an inventory with its variables, and playbooks that import ours."""
        return WORK / "project"

    def write_project(self) -> None:
        strict = f"-oUserKnownHostsFile={INSIDE}/known_hosts -oStrictHostKeyChecking=yes"
        users = [{"username": "admin", "password": "{{ vault_admin }}", "permissions": "*"}]
        hosts = {name: {"ansible_host": address} for name, address in self.addresses.items()}
        group = {
            "ansible_user": "pi",
            "ansible_ssh_common_args": strict,
            "nodered_admin_users": users,
            "nodered_node_auth": {"user": "fred", "password": "{{ vault_dashboard }}"},
        }
        self._write("inventory/hosts.yml", yaml.safe_dump({"nodered": {"hosts": hosts}}))
        self._write("inventory/group_vars/nodered/vars.yml", yaml.safe_dump(group))
        self._write("known_hosts", self.known_hosts)
        for playbook in PLAYBOOKS:
            play = [{"name": playbook, "ansible.builtin.import_playbook": f"pifleet.nodered.{playbook}"}]
            self._write(f"{playbook}.yml", yaml.safe_dump(play))

    def _write(self, name: str, content: str) -> None:
        file = self.project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")

    def inventory(self, names: t.Iterable[str]) -> str:
        """The inventory of a job as AWX has it: what it once read of the project, with these hosts and no others.

        Secrets that are encrypted one by one stay so.
        """
        inventory = self.project / "inventory" / "hosts.yml"
        read = json.loads(run(PROJECT / ".venv/bin/ansible-inventory", "-i", inventory, "--list", "--export"))
        read["nodered"]["hosts"] = [name for name in read["nodered"]["hosts"] if name in names]
        read["_meta"]["hostvars"] = {name: read["_meta"]["hostvars"][name] for name in read["nodered"]["hosts"]}
        return f"#!/usr/bin/env python3\nprint({json.dumps(read)!r})\n"

    @property
    def ca(self) -> pathlib.Path:
        return WORK / "ca" / "ca.pem"

    def make_authority(self) -> str:
        """On this machine, with the whole inventory; what the playbook says."""
        variables = WORK / "authority.yml"
        variables.touch(mode=0o600)
        given = {"nodered_ca_dir": str(self.ca.parent), "nodered_ca_passphrase": self.passwords["authority"]}
        variables.write_text(json.dumps(given), encoding="utf-8")
        inventory = self.project / "inventory" / "hosts.yml"
        given_to = [PROJECT / ".venv/bin/ansible-playbook", "-i", inventory, "-e", f"@{variables}"]
        return run(*given_to, "pifleet.nodered.authority")

    def write_vault(self) -> None:
        """Put the secrets of the fleet, its authority among them, into the project, each encrypted for itself."""
        content = {
            "vault_admin": self.passwords["admin"],
            "vault_dashboard": self.passwords["dashboard"],
            "nodered_ca_certificate": self.ca.read_text("ascii"),
            "nodered_ca_key": self.ca.with_name("ca.key").read_text("ascii"),
            "nodered_ca_passphrase": self.passwords["authority"],
        }
        password = WORK / "vault-password"
        password.touch(mode=0o600)
        password.write_text(self.passwords["vault"], encoding="ascii")
        encrypt = [PROJECT / ".venv/bin/ansible-vault", "encrypt_string", f"--vault-password-file={password}"]
        entries = [run(*encrypt, f"--stdin-name={name}", stdin=text) for name, text in content.items()]
        self._write(
            "inventory/group_vars/nodered/vault.yml", "---\n" + "".join(f"{entry.rstrip()}\n" for entry in entries)
        )

    def secrets(self) -> list[str]:
        """All that no event of a job may have: passwords, and the keys, each line of them, encrypted and in the clear."""
        key = self.ca.with_name("ca.key")
        open_key = run("openssl", "pkey", "-in", key, "-passin", f"pass:{self.passwords['authority']}")
        keys = [key.read_text("ascii"), open_key, self.ssh_key]
        lines = [line for text in keys for line in text.splitlines() if len(line) >= 16 and not line.startswith("-")]
        return [*self.passwords.values(), *lines]

    def certificates(self) -> dict[str, str]:
        """The fingerprint of each host's certificate, as openssl gets it by a connection that it verifies."""
        found = {}
        for name, address in self.addresses.items():
            where = ["-connect", f"{address}:1880", "-CAfile", self.ca, "-verify_ip", address, "-verify_return_error"]
            shown = run("openssl", "s_client", *where)
            found[name] = run("openssl", "x509", "-noout", "-fingerprint", "-sha256", stdin=shown)
        return found


# Jobs


@dataclasses.dataclass
class Job:
    """What is left of a job: its exit status, its events, and what it wrote beside them."""

    name: str
    status: int
    artifacts: pathlib.Path
    left: list[str]

    @property
    def output(self) -> str:
        return (self.artifacts / "stdout").read_text("utf-8")

    @property
    def stats(self) -> dict[str, dict[str, t.Any]]:
        """By their kinds, such as `changed`, how many tasks of each host were of it; and what the run says as data."""
        for file in self.artifacts.glob("job_events/*.json"):
            event = json.loads(file.read_text("utf-8"))
            if event["event"] == "playbook_on_stats":
                return {kind: count for kind, count in event["event_data"].items() if isinstance(count, dict)}
        return {}

    @property
    def summary(self) -> dict[str, t.Any]:
        """What the playbook `secure` says at its end, as an engine keeps it."""
        found: dict[str, t.Any] = self.stats["artifact_data"]["nodered_summary"]
        return found

    def texts(self) -> dict[str, str]:
        """All files of the job by their names."""
        files = [file for file in self.artifacts.rglob("*") if file.is_file()]
        return {str(file.relative_to(self.artifacts)): file.read_text("utf-8", "replace") for file in files}


class Worker:
    """Where one job runs: a directory that an engine makes for it, and takes away with it."""

    def __init__(self, fleet: Fleet, name: str, playbook: str, hosts: t.Iterable[str], **extra: str) -> None:
        """Begin the job.

        :param extra: further variables; in their values, {artifacts} is where an engine looks for what a job leaves
        """
        self.name = name
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pifleet-engine-"))
        shutil.copytree(fleet.project, self.directory / "project")
        variables = {key: value.format(artifacts=f"/runner/artifacts/{name}") for key, value in extra.items()}
        files = {
            "inventory/hosts": fleet.inventory(hosts),
            "env/ssh_key": fleet.ssh_key,
            "env/extravars": yaml.safe_dump(variables),
            # The engine answers the question of Ansible.
            "env/cmdline": "--ask-vault-pass",
            "env/passwords": yaml.safe_dump({r"^Vault password:\s*$": fleet.passwords["vault"]}),
        }
        for path, content in files.items():
            file = self.directory / path
            file.parent.mkdir(exist_ok=True)
            file.touch(mode=0o700)
            file.write_text(content, encoding="utf-8")
        self.given = self._files()
        self.process = subprocess.Popen(
            [
                ENGINE / "ansible-runner",
                "run",
                self.directory,
                f"--playbook={playbook}.yml",
                f"--ident={name}",
                "--process-isolation",
                "--process-isolation-executable=podman",
                f"--container-image={IMAGE}",
                # As AWX has it.
                "--container-option=--user=root",
                "-vvv",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )

    def _files(self) -> set[str]:
        files = (file for file in self.directory.rglob("*") if not file.is_dir())
        return {str(file.relative_to(self.directory)) for file in files}

    def job(self) -> Job:
        """Wait for its end, keep its artifacts, and take the directory away."""
        try:
            status = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
        artifacts = WORK / "jobs" / self.name
        shutil.move(self.directory / "artifacts" / self.name, artifacts)
        left = self._files() - self.given
        shutil.rmtree(self.directory)
        return Job(self.name, status, artifacts, sorted(left))


def jobs(*workers: Worker) -> list[Job]:
    """What becomes of jobs that have begun."""
    return [worker.job() for worker in workers]


def secure_slices(fleet: Fleet, turn: str) -> list[Job]:
    """Both slices at the same time."""
    return jobs(*(Worker(fleet, f"{turn}-slice-{number}", "secure", names) for number, names in enumerate(SLICES, 1)))


def claim_success(done: list[Job]) -> None:
    for job in done:
        claim(f"{job.name} ends with status 0", job.status == 0, job.output[-4000:])


def claim_unchanged(done: list[Job], fleet: Fleet, certificates: dict[str, str]) -> None:
    claim_success(done)
    for job in done:
        claim(f"{job.name} changes nothing", not job.stats["changed"], job.output[-4000:])
        outcomes = {host["outcome"] for host in job.summary["hosts"]}
        claim(f"{job.name} says so itself", outcomes == {"unchanged"}, outcomes)
    claim("every host has the certificate that it had", fleet.certificates() == certificates)


# What is judged


def judge_a_run_without_authority(fleet: Fleet) -> Job:
    """Nothing is made that would be gone with the container, and no host is touched."""
    variables = {"vault_admin": fleet.passwords["admin"], "vault_dashboard": fleet.passwords["dashboard"]}
    (job,) = jobs(Worker(fleet, "no-authority", "secure", ["kitchen"], **variables))
    claim("a job without an authority fails", job.status != 0)
    claim(
        "it says why, and what to do",
        "This run is in an execution environment, which forgets" in job.output,
        job.output,
    )
    plain = run("curl", "--noproxy", "*", "--silent", f"http://{fleet.addresses['kitchen']}:1880/settings")
    claim("its host is as it was", '"version"' in plain, plain)
    return job


def judge_reports(fleet: Fleet) -> list[Job]:
    """The other playbooks of a schedule, with the whole inventory."""
    reports = {"nodered_report_dir": "{artifacts}/report", "nodered_fail_severity": "never"}
    done = [
        job
        for playbook in ("validate", "audit")
        for job in jobs(Worker(fleet, playbook, playbook, fleet.addresses, **reports))
    ]
    claim_success(done)
    for job in done:
        report = json.loads((job.artifacts / "report" / "report.json").read_text("utf-8"))
        rules = collections.Counter(finding["rule"] for finding in report["findings"])
        # As on a Pi, Node-RED runs as a user who may become root; and 3.1 gets no corrections any more.
        known = {"service-user-root-rights", "node-red-out-of-support"} if job.name == "audit" else set()
        claim(f"{job.name} finds {dict(rules) or 'nothing'}", rules.keys() <= known)
    return done


def judge_what_is_left(done: list[Job], fleet: Fleet) -> None:
    containers = run("podman", "ps", "--all", "--format={{.Names}}").split()
    claim("no container is left", not [name for name in containers if name.startswith("ansible_runner_")], containers)
    left = sorted({name for job in done for name in job.left})
    claim(
        f"no worker keeps anything of ours: {', '.join(left) or 'nothing at all'}",
        not any("pifleet" in each for each in left),
    )
    sensitive = fleet.secrets()
    texts = {f"{job.name}/{name}": text for job in done for name, text in job.texts().items()}
    claim(
        f"{len(texts)} files of {len(done)} jobs are looked at",
        all(name in "".join(texts) for name in ("job_events", "stdout")),
    )
    claim(
        "the jobs tell of the hosts",
        all(any(address in text for text in texts.values()) for address in fleet.addresses.values()),
    )
    there = leaked(sensitive, fleet.ca.with_name("ca.key").read_text("ascii") + fleet.ssh_key)
    claim("secrets are found where they are", len(there) >= 2, len(there))
    told = {name: len(found) for name, text in texts.items() if (found := leaked(sensitive, text))}
    claim(f"none of {len(sensitive)} secrets is in any of them", not told, told)


def main() -> None:
    os.environ["CONTAINERS_CONF"] = str(PROJECT / "tests" / "hosts" / "containers.conf")
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "jobs").mkdir(parents=True, mode=0o700)
    with step("Build the execution environment"):
        build_image(OPTIONS.base_image)
    with step("Start the hosts"):
        fleet = Fleet()
    fleet.write_project()
    try:
        with step("Run without an authority"):
            done = [judge_a_run_without_authority(fleet)]
        with step("Make the authority, and put it into a vault"):
            claim("it is made", "changed=1" in fleet.make_authority())
            made = fleet.ca.read_bytes()
            claim("it is made once", "changed=0" in fleet.make_authority() and fleet.ca.read_bytes() == made)
            fleet.write_vault()
        with step("Secure both slices at once"):
            slices = secure_slices(fleet, "first")
            claim_success(slices)
            shown = (
                run("openssl", "x509", "-in", fleet.ca, "-noout", "-fingerprint", "-sha256").strip().partition("=")[2]
            )
            told = [each["fingerprint"] for job in slices for each in job.summary["authorities"]]
            claim(f"both tell what browsers have to trust, {shown[:11]}...", told == [shown, shown], told)
            certificates = fleet.certificates()
        with step("Again"):
            again = secure_slices(fleet, "second")
            claim_unchanged(again, fleet, certificates)
        with step("As one run"):
            whole = jobs(Worker(fleet, "whole", "secure", fleet.addresses))
            claim_unchanged(whole, fleet, certificates)
        with step("Validate and audit"):
            reports = judge_reports(fleet)
        with step("What is left"):
            judge_what_is_left([*done, *slices, *again, *whole, *reports], fleet)
    finally:
        if not OPTIONS.keep:
            fleet.down()


if __name__ == "__main__":
    PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    PARSER.add_argument("--base-image", default="localhost/pifleet-debian-trixie", help="(default: %(default)s)")
    PARSER.add_argument("--group", default="engines", help="the group of the hosts (default: %(default)s)")
    PARSER.add_argument("--keep", action="store_true", help="leave the hosts running")
    OPTIONS = PARSER.parse_args()
    main()
