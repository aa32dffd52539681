# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A first run of a hundred open hosts of which one fails, one is off, one hangs and one lies: all others are secured.

curl asks each host afterwards, with the fleet's authority, who gets in; the summary and the exit status have to tell the
same. Then an unchanged run of those that were secured is timed against `ansible -m ping`, in turns, and its memory is
measured.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys

import bench
import yaml

LIAR = bench.PROJECT / "molecule" / "hostile" / "files" / "liar.py"
LIES = "/usr/local/bin/lies"
SUMMARY = bench.WORK / "summary.json"
#: What Ansible's programs end with where a host was unreachable, also where others have failed.
UNREACHABLE = 4
#: Node cannot load a file with these settings. By then the host has a certificate, and has to go back.
NO_LOAD = {"functionGlobalContext": "{ lost: require('no-such-module') }"}
#: How long the host that hangs may do so (seconds): all wait for it, because a play goes on when each host has done a task.
PATIENCE = 60


def make_odd(names: list[str]) -> dict[str, str]:
    """Let the last four hosts be what a fleet has some of.

    :returns: by their names what is expected to be said of them
    """
    failing, off, hanging, lying = names[-4:]
    inventory = yaml.safe_load(bench.WORK.joinpath("inventory.yml").read_text("utf-8"))
    hosts = inventory["nodered"]["hosts"]
    hosts[failing]["nodered_settings_js"] = NO_LOAD
    hosts[hanging]["nodered_start_timeout"] = PATIENCE
    for name, lie in ((hanging, "hangs"), (lying, "host-a-string")):
        hosts[name]["ansible_python_interpreter"] = f"{LIES}/{lie}"
        program = "#!/usr/bin/python3\n" + LIAR.read_text("utf-8")
        install = f"mkdir -p {LIES}; cat > {LIES}/{lie}; chmod 755 {LIES}/{lie}"
        subprocess.run(
            [bench.HOSTS, "exec", "--group", bench.OPTIONS.group, name, "--", "sh", "-c", install],
            input=program.encode(),
            check=True,
        )
    subprocess.run([bench.HOSTS, "down", "--group", bench.OPTIONS.group, off], check=True, stdout=subprocess.DEVNULL)
    bench.WORK.joinpath("inventory.yml").write_text(yaml.safe_dump(inventory), "utf-8")
    return {failing: "failed", off: "off", hanging: "failed", lying: "failed"}


def first_run() -> int:
    """Secure all hosts; the status that the run has ended with."""
    run = bench.ansible(
        "ansible-playbook",
        "pifleet.nodered.secure",
        *("-e", f"@{bench.WORK / 'passwords.yml'}", "-e", f"nodered_summary_path={SUMMARY}"),
        *("-f", str(bench.OPTIONS.forks)),
        statuses=(0, 2, UNREACHABLE),
    )
    bench.WORK.joinpath("first-run.log").write_text(run.stdout, "utf-8")
    return run.returncode


def status(address: str, *arguments: str) -> str:
    """The status that an anonymous client gets for the flows of a host, `000` where there is no trusted connection."""
    command = [
        "curl",
        "--silent",
        "--noproxy",
        "*",
        "--max-time",
        "60",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
    ]
    scheme = "https" if arguments else "http"
    asked = subprocess.run(
        [*command, *arguments, f"{scheme}://{address}:1880/flows"], text=True, stdout=subprocess.PIPE, check=False
    )
    return asked.stdout


def check(names: list[str], odd: dict[str, str], ended: int) -> list[str]:
    """What is not as it should be after the first run, in sentences."""
    summary = json.loads(SUMMARY.read_text("utf-8"))
    expected = {name: odd.get(name, "secured") for name in names}
    told = {host["name"]: host["outcome"] for host in summary["hosts"]}
    faults = [
        f"{name}: {told.get(name)} instead of {outcome}"
        for name, outcome in expected.items()
        if told.get(name) != outcome
    ]
    if ended != UNREACHABLE:
        faults.append(f"the exit status is {ended} instead of {UNREACHABLE}")
    (authority,) = {entry["file"] for entry in summary["authorities"]}
    hosts = yaml.safe_load(bench.WORK.joinpath("inventory.yml").read_text("utf-8"))["nodered"]["hosts"]
    for name, outcome in expected.items():
        address = hosts[name]["ansible_host"]
        if outcome == "secured" and status(address, "--cacert", authority) != "401":
            faults.append(f"{name} does not ask for a login over TLS that the authority vouches for")
        if outcome == "failed" and status(address) != "200":
            faults.append(f"{name} is not as open as it was")
    return faults


def unchanged_runs(names: list[str], odd: dict[str, str]) -> None:
    """Time a run with nothing to do against a ping, of the hosts that are secured."""
    pattern = ":".join(["nodered", *(f"!{name}" for name in odd)])
    count = len(names) - len(odd)
    ratios = []
    if re.search(r"changed=[1-9]", bench.secure(pattern=pattern)):
        sys.exit("A second run changes something.")
    for _round in range(bench.OPTIONS.rounds):
        ping = bench.cost(lambda: bench.ping(pattern))
        secure = bench.cost(lambda: bench.secure(pattern=pattern))
        ratios.append(secure.elapsed / ping.elapsed)
        print(
            f"  ping {ping.elapsed:.1f} s, unchanged run {secure.elapsed:.1f} s, ratio {ratios[-1]:.2f}; processor of the"
            f" control node for each host {ping.processor / count * 1000:.0f} ms and"
            f" {secure.processor / count * 1000:.0f} ms",
            flush=True,
        )
    print(f"unchanged run against ansible -m ping, {count} hosts: median ratio {sorted(ratios)[len(ratios) // 2]:.2f}")
    memory = bench.peak_memory(lambda: bench.secure(pattern=pattern))
    print(f"memory of the control node with {bench.OPTIONS.forks} forks: {memory / 2**20:.0f} MiB at most")


def main() -> None:
    try:
        names = bench.bring_up()
        odd = make_odd(names)
        ended = 0

        def run() -> None:
            nonlocal ended
            ended = first_run()

        taken = bench.cost(run)
        faults = check(names, odd, ended)
        print(f"first run of {len(names)} hosts: {taken.elapsed:.0f} s, exit status {ended}")
        print("\n".join(faults) or "Each host is as it has to be, and the summary says so.", flush=True)
        unchanged_runs(names, odd)
    finally:
        bench.down()
    if faults:
        sys.exit(f"{len(faults)} things are not as they have to be.")


if __name__ == "__main__":
    PARSER = bench.parser(__doc__, hosts=100, group="fleet")
    PARSER.add_argument("--forks", type=int, default=20)
    PARSER.add_argument("--rounds", type=int, default=3)
    PARSER.parse_args(namespace=bench.OPTIONS)
    main()
