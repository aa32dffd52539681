# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet costs: an unchanged run of `pifleet.nodered.secure`, and one of `pifleet.nodered.audit` with its reports,
against `ansible -m ping` on the same hosts.

And what three plain passwords cost against ready hashes. All are timed in turns in one run, because a machine's speed
drifts; the ratio of each round counts, not a single time. The processor time of the control node is that of Ansible and
all that it has started. Module executions are counted on the hosts, by a Python interpreter that writes a line whenever
it is started. The median ratio of an unchanged run must not be above --most, or the exit status tells so.
"""

from __future__ import annotations

import argparse
import functools
import os
import pathlib
import re
import resource
import secrets
import shutil
import statistics
import subprocess
import sys
import threading
import time
import typing as t

import yaml
from passlib.hash import bcrypt

PROJECT = pathlib.Path(__file__).resolve().parents[2]
HOSTS = PROJECT / "tests" / "hosts" / "hosts"
WORK = PROJECT / ".build" / "bench"
COUNTER = "/usr/local/bin/counting-python"
COUNT = "/var/tmp/module-executions"
COUNTING_PYTHON = (PROJECT / "tests" / "hosts" / "counting-python").read_text("utf-8")
#: What the command line says; filled by the program that is started.
OPTIONS = argparse.Namespace()

#: Runs what is kept of a module so many times on a host; the least counts, for others use the machine as well.
MODULE_RUNS = 8
#: The tasks of a playbook that measures what one of them costs.
TASKS = 20
#: On a host: the least processor time (ms) of each program, with all that it starts.
LEAST_TIMES = """
import resource, subprocess, sys

def spent():
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return of_children.ru_utime + of_children.ru_stime

def run(path):
    before = spent()
    with open(path) as program:
        subprocess.run([sys.executable], stdin=program, stdout=subprocess.DEVNULL, check=True)
    return (spent() - before) * 1000

for path in sys.argv[2:]:
    print(min(run(path) for _ in range(int(sys.argv[1]))))
"""


class Cost(t.NamedTuple):
    """What a command has taken: seconds by the clock, and of processors of the control node."""

    elapsed: float
    processor: float


def cost(command: t.Callable[[], object]) -> Cost:
    """What a command takes; `ssh` that stays for the next connection is not in it."""
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.monotonic() - started, processor)


def ansible(
    program: str,
    *arguments: str,
    statuses: t.Container[int] = (0,),
    collections: t.Sequence[pathlib.Path] = (),
    **settings: str,
) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs from the environment that `make` has made, with Ansible's own defaults.

    :param statuses: with which status it may end
    :param collections: directories of other collections
    :param settings: variables of the environment beside these
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment.update(
        ANSIBLE_COLLECTIONS_PATH=os.pathsep.join(map(str, [PROJECT / ".build" / "collections", *collections])),
        ANSIBLE_NOCOLOR="1",
        ANSIBLE_CONFIG=str(WORK / "ansible.cfg"),
        **settings,
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
    if run.returncode not in statuses:
        sys.exit(f"{program} {' '.join(arguments)} failed:\n{run.stdout[-4000:]}")
    return run


def ping(pattern: str = "nodered") -> None:
    ansible("ansible", pattern, "-m", "ping", "-f", str(OPTIONS.forks))


def secure(logins: str = "passwords", pattern: str = "nodered", forks: int | None = None) -> str:
    return ansible(
        "ansible-playbook",
        "pifleet.nodered.secure",
        "-e",
        f"@{WORK / logins}.yml",
        "-l",
        pattern,
        "-f",
        str(forks or OPTIONS.forks),
    ).stdout


def down() -> None:
    """Remove the hosts, unless they are to be kept."""
    if not OPTIONS.keep:
        subprocess.run([HOSTS, "down", "--group", OPTIONS.group], check=False, stdout=subprocess.DEVNULL)


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


def peak_memory(command: t.Callable[[], object]) -> int:
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


def bring_up(*arguments: str) -> list[str]:
    """Start the hosts, each with an interpreter that counts, and write the inventory.

    :param arguments: further ones of `hosts up`
    """
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
            *arguments,
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


def measure(names: list[str]) -> float:
    """Measure all of it, and print it; the median ratio of an unchanged run."""
    ping()
    executions(names)
    first = cost(secure)
    first_executions = executions(names)
    output = secure()
    unchanged_executions = executions(names)
    recap = re.findall(r"^(\S+) +: ok=(\d+) +changed=(\d+)", output, re.MULTILINE)
    changed = sum(count != "0" for _name, _ok, count in recap)
    tasks = [int(ok) for _name, ok, _changed in recap]
    print(f"first run       {first.elapsed:6.1f} s    module executions per host: {span(first_executions)}")
    print(
        f"unchanged run: {changed} hosts changed    module executions per host: {span(unchanged_executions)}"
        f"    tasks per host: {span(tasks)}"
    )
    audit()
    print(f"audit:                              module executions per host: {span(executions(names))}")
    # The hosts get the ready hashes, which the passwords fit as well: from here on nothing changes.
    secure_with_hashes()
    ratio = in_turns(len(names))
    parts(names)
    return ratio


def in_turns(count: int) -> float:
    """Time the commands in turns, and print it; the median ratio of an unchanged run to a ping."""
    commands = {"ping": ping, "hashes": secure_with_hashes, "secure": secure, "audit": audit}
    pairs = {
        "unchanged run against ansible -m ping": ("secure", "ping"),
        "audit against ansible -m ping": ("audit", "ping"),
        "unchanged run, plain passwords against ready hashes": ("secure", "hashes"),
    }
    rounds: list[dict[str, Cost]] = []
    for _round in range(OPTIONS.rounds):
        costs = {name: cost(command) for name, command in commands.items()}
        print("  " + "   ".join(f"{name} {taken.elapsed:6.2f} s" for name, taken in costs.items()), flush=True)
        rounds.append(costs)
    ratios = {}
    for title, (one, other) in pairs.items():
        ratios[title] = statistics.median(costs[one].elapsed / costs[other].elapsed for costs in rounds)
        of_processor = statistics.median(costs[one].processor / costs[other].processor for costs in rounds)
        print(
            f"{title}, {count} hosts, {OPTIONS.forks} forks: median ratio {ratios[title]:.2f}; of the control node's"
            f" processor time {of_processor:.2f}"
        )
    return next(iter(ratios.values()))


def parts(names: list[str]) -> None:
    """Where the time and the memory of an unchanged run are, each time beside that of a ping."""
    print("Processor time of the control node:")
    sizes = sorted({1, min(20, len(names)), len(names)})
    commands: dict[str, t.Callable[..., object]] = {"ping": ping, "unchanged run": secure}
    for title, command in commands.items():
        spent = {size: least(functools.partial(command, pattern=first_hosts(size))) for size in sizes}
        for size in sizes[1:]:
            each = (spent[size] - spent[1]) / (size - 1)
            print(
                f"  {title}, {size} hosts: {spent[size] / size * 1000:.0f} ms for each host, of which"
                f" {each * 1000:.0f} ms are its own and the others its share of {spent[1] - each:.2f} s for the start"
            )
    many, few = (least(functools.partial(tasks_on_the_control_node, count)) for count in (TASKS + 1, 1))
    print(f"  a task more that does nothing: {(many - few) / TASKS / len(names) * 1000:.1f} ms for each host")
    print("A module on a host, with all that it starts (the least of several runs):")
    for module, size, milliseconds in modules_alone(names[0]):
        print(f"  {module}: {milliseconds:.0f} ms of its processor, {size / 1024:.0f} KiB sent")
    alone, together = peak_memory(lambda: secure(forks=1)), peak_memory(secure)
    print(f"Memory of the control node: {together / 2**20:.0f} MiB at most", end="")
    # No more of them than hosts are there at once.
    if (most := min(OPTIONS.forks, len(names))) > 1:
        each_fork = (together - alone) / (most - 1)
        print(f", {each_fork / 2**20:.0f} MiB of it for each fork beside the first", end="")
    print()


def first_hosts(count: int) -> str:
    """The pattern of so many hosts."""
    return f"nodered[0:{count - 1}]"


def least(command: t.Callable[[], object]) -> float:
    """The processor time (seconds) of a command on the control node, of several runs the least."""
    return min(cost(command).processor for _run in range(3))


def tasks_on_the_control_node(count: int) -> None:
    """Run so many tasks for all hosts that look at nothing."""
    task = {"name": "Look at nothing", "ansible.builtin.assert": {"that": True, "quiet": True}}
    playbook = WORK / "tasks.yml"
    playbook.write_text(yaml.safe_dump([{"hosts": "nodered", "gather_facts": False, "tasks": [task] * count}]))
    ansible("ansible-playbook", str(playbook), "-f", str(OPTIONS.forks))


def modules_alone(name: str) -> list[tuple[str, int, float]]:
    """What a ping and the look at a host are by themselves: the module, the bytes sent, and ms of the host's processor."""
    kept = "/home/pi/.ansible/tmp"
    on_each_host([name], "rm", "-rf", kept)
    ansible("ansible", name, "-m", "ping", ANSIBLE_KEEP_REMOTE_FILES="1")
    ansible(
        "ansible-playbook",
        "pifleet.nodered.secure",
        *("-e", f"@{WORK / 'passwords.yml'}", "-e", "nodered_pipelining=false", "-l", name),
        ANSIBLE_KEEP_REMOTE_FILES="1",
    )
    (listed,) = on_each_host([name], "find", kept, "-name", "AnsiballZ_*.py", "-printf", "%s %p\n")
    files = sorted((line.split() for line in listed.splitlines()), key=lambda line: int(line[0]))
    paths = [path for _size, path in files]
    (times,) = on_each_host([name], "python3", "-c", LEAST_TIMES, str(MODULE_RUNS), *paths)
    on_each_host([name], "rm", "-rf", kept)
    return [
        (pathlib.Path(path).stem.removeprefix("AnsiballZ_"), int(size), float(milliseconds))
        for (size, path), milliseconds in zip(files, times.splitlines(), strict=True)
    ]


def main() -> None:
    try:
        ratio = measure(bring_up())
    finally:
        down()
    if ratio > OPTIONS.most:
        sys.exit(f"An unchanged run takes {ratio:.2f} times what a ping takes, more than {OPTIONS.most}.")


def parser(description: str | None, hosts: int, group: str) -> argparse.ArgumentParser:
    """What the command lines of all that is measured with hosts have in common."""
    common = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    common.add_argument("--hosts", type=int, default=int(os.environ.get("HOSTS", str(hosts))))
    common.add_argument("--image", default="trixie-nodered41")
    common.add_argument("--group", default=group)
    common.add_argument("--keep", action="store_true", help="leave the hosts running")
    return common


if __name__ == "__main__":
    PARSER = parser(__doc__, hosts=20, group="bench")
    PARSER.add_argument("--rounds", type=int, default=5)
    PARSER.add_argument("--forks", type=int, default=5, help="Ansible's own default is 5")
    PARSER.add_argument("--most", type=float, default=1.3, help="the ratio that an unchanged run may have")
    PARSER.parse_args(namespace=OPTIONS)
    main()
