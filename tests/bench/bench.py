# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet costs: an unchanged run of `pifleet.nodered.secure`, and one of `pifleet.nodered.audit` with its reports,
against `ansible -m ping` on the same hosts.

And what three plain passwords cost against ready hashes. All are timed in turns in one run, because a machine's speed
drifts; the ratio of each round counts, not a single time.
Module executions are counted on the hosts, by a Python interpreter that writes a line whenever it is started.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import secrets
import shutil
import statistics
import subprocess
import sys
import threading
import time

import yaml
from passlib.hash import bcrypt

PROJECT = pathlib.Path(__file__).resolve().parents[2]
HOSTS = PROJECT / "tests" / "hosts" / "hosts"
WORK = PROJECT / ".build" / "bench"
COUNTER = "/usr/local/bin/counting-python"
COUNT = "/var/tmp/module-executions"
COUNTING_PYTHON = (PROJECT / "tests" / "hosts" / "counting-python").read_text("utf-8")


def ansible(program: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run one of Ansible's programs from the environment that `make` has made, with Ansible's own defaults."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(
        ANSIBLE_COLLECTIONS_PATH=str(PROJECT / ".build" / "collections"),
        ANSIBLE_NOCOLOR="1",
        ANSIBLE_CONFIG=str(WORK / "ansible.cfg"),
    )
    run = subprocess.run(
        [PROJECT / ".venv" / "bin" / program, "-i", WORK / "inventory.yml", *arguments],
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        check=False,
    )
    if run.returncode:
        sys.exit(f"{program} {' '.join(arguments)} failed:\n{run.stdout[-4000:]}")
    return run


def ping() -> None:
    ansible("ansible", "nodered", "-m", "ping", "-f", str(OPTIONS.forks))


def secure(logins: str = "passwords") -> str:
    return ansible(
        "ansible-playbook", "pifleet.nodered.secure", "-e", f"@{WORK / logins}.yml", "-f", str(OPTIONS.forks)
    ).stdout


def secure_with_hashes() -> str:
    return secure("hashes")


def audit() -> str:
    return ansible(
        "ansible-playbook",
        "pifleet.nodered.audit",
        "-e",
        f"nodered_ca_dir={WORK / 'ca'}",
        "-e",
        f"nodered_report_dir={WORK / 'reports'}",
        "-f",
        str(OPTIONS.forks),
    ).stdout


def seconds(command) -> float:
    started = time.monotonic()
    command()
    return time.monotonic() - started


def on_each_host(names: list[str], *command: str) -> list[str]:
    """The output of a command on every host."""
    return [
        subprocess.run(
            [HOSTS, "exec", "--group", OPTIONS.group, name, "--", *command],
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout
        for name in names
    ]


def executions(names: list[str]) -> list[int]:
    """How many modules each host has run since the last call."""
    printed = on_each_host(names, "sh", "-c", f"wc -l < {COUNT}; : > {COUNT}")
    return [int(text) for text in printed]


def proportional_memory(root: int) -> int:
    """The memory (proportional set size, bytes) of a process and all below it."""
    parents: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                parent = int(pathlib.Path(entry.path, "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    total, left = 0, [root]
    while left:
        process = left.pop()
        left += parents.get(process, [])
        try:
            for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total


def peak_memory(command) -> int:
    """The most memory that all programs of the control node together take during a command (bytes)."""
    own = proportional_memory(os.getpid())
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.2):
            peak = max(peak, proportional_memory(os.getpid()) - own)

    watcher = threading.Thread(target=watch)
    watcher.start()
    command()
    done.set()
    watcher.join()
    return peak


def write_variables() -> None:
    """The same three logins with plain passwords and with hashes of them."""
    passwords = [secrets.token_urlsafe(12) for _login in range(3)]
    hashes = [bcrypt.using(rounds=8).hash(password) for password in passwords]
    for name, key, (admin, steve, fred) in (("passwords", "password", passwords), ("hashes", "password_hash", hashes)):
        path = WORK / f"{name}.yml"
        path.touch(mode=0o600)
        path.write_text(
            yaml.safe_dump(
                {
                    "nodered_admin_users": [
                        {"username": "admin", key: admin, "permissions": "*"},
                        {"username": "steve", key: steve, "permissions": "read"},
                    ],
                    "nodered_node_auth": {"user": "fred", key: fred},
                    "nodered_ca_dir": str(WORK / "ca"),
                }
            )
        )


def bring_up() -> list[str]:
    """Start the hosts, each with an interpreter that counts, and write the inventory."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True, mode=0o700)
    subprocess.run(
        [
            HOSTS,
            "up",
            "--image",
            OPTIONS.image,
            "--count",
            str(OPTIONS.hosts),
            "--prefix",
            "bench",
            "--group",
            OPTIONS.group,
        ],
        check=True,
    )
    inventory = subprocess.run(
        [HOSTS, "inventory", "--group", OPTIONS.group], check=True, text=True, stdout=subprocess.PIPE
    ).stdout
    WORK.joinpath("inventory.yml").write_text(inventory.replace("/usr/bin/python3", COUNTER))
    WORK.joinpath("ansible.cfg").write_text("[defaults]\n")
    write_variables()
    names = [line.strip().rstrip(":") for line in inventory.splitlines() if line.strip().startswith("bench")]
    on_each_host(
        names,
        "sh",
        "-c",
        f"printf '%s' '{COUNTING_PYTHON}' > {COUNTER}; chmod 755 {COUNTER}; : > {COUNT}; chmod 666 {COUNT}",
    )
    return names


def span(numbers: list[int]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else f"{min(numbers)} to {max(numbers)}"


def measure(names: list[str]) -> None:
    ping()
    executions(names)
    first = seconds(secure)
    first_executions = executions(names)
    output = secure()
    unchanged_executions = executions(names)
    changed = sum("changed=0" not in line for line in output.splitlines() if " : ok=" in line)
    print(f"first run            {first:6.1f} s    module executions per host: {span(first_executions)}")
    print(f"unchanged run: {changed} hosts changed     module executions per host: {span(unchanged_executions)}")
    audit()
    print(f"audit:                                   module executions per host: {span(executions(names))}")
    # The hosts get the ready hashes, which the passwords fit as well: from here on nothing changes.
    secure_with_hashes()
    ratios: dict[str, list[float]] = {}
    for _round in range(OPTIONS.rounds):
        pinged, hashed, plain, audited = (seconds(command) for command in (ping, secure_with_hashes, secure, audit))
        print(f"  ping {pinged:6.2f} s   secure {plain:6.2f} s   with hashes {hashed:6.2f} s   audit {audited:6.2f} s")
        for name, ratio in (
            ("unchanged run against ansible -m ping", plain / pinged),
            ("audit against ansible -m ping", audited / pinged),
            ("unchanged run, plain passwords against ready hashes", plain / hashed),
        ):
            ratios.setdefault(name, []).append(ratio)
    for name, found in ratios.items():
        print(f"{name}, {len(names)} hosts, {OPTIONS.forks} forks: median ratio {statistics.median(found):.2f}")
    print(f"memory of the control node during it: {peak_memory(secure) / 2**20:.0f} MiB")


def main() -> None:
    try:
        measure(bring_up())
    finally:
        if not OPTIONS.keep:
            subprocess.run([HOSTS, "down", "--group", OPTIONS.group], check=False, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=int(os.environ.get("HOSTS", "20")))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--forks", type=int, default=5, help="Ansible's own default is 5")
    parser.add_argument("--image", default="trixie-nodered41")
    parser.add_argument("--group", default="bench")
    parser.add_argument("--keep", action="store_true", help="leave the hosts running")
    OPTIONS = parser.parse_args()
    main()
