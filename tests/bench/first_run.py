# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A first run of open hosts against a plain playbook of community.crypto and a template, in turns, each on fresh hosts.

Both make an authority, a key and a certificate for each host, ask for the same logins, and restart Node-RED. The plain
playbook proves nothing but that something answers, keeps nothing of what it replaces, and takes settings.js as its own.
An unchanged run of each follows. Its modules need a library on the hosts, which is installed before the time begins.
"""

from __future__ import annotations

import glob
import pathlib
import statistics
import subprocess
import sys
import typing as t
import zipfile

import bench

#: The release of Ansible that has the collection, as people install it from PyPI.
ANSIBLE = "ansible==12.3.0"
COLLECTION = "ansible_collections/community/crypto/"
COLLECTIONS = bench.PROJECT / ".build" / "bench-collections"
PLAYBOOK = bench.PROJECT / "tests" / "bench" / "plain" / "secure.yml"
LIBRARY = (
    "apt-get update -qq && DEBIAN_FRONTEND=noninteractive"
    " apt-get install -qq --no-install-recommends python3-cryptography"
)


def install_collection() -> None:
    """Unpack community.crypto from the release of Ansible, and nothing else of that."""
    if COLLECTIONS.joinpath(COLLECTION).is_dir():
        return
    downloaded = COLLECTIONS / "downloaded"
    pip: list[str | pathlib.Path] = [
        bench.PROJECT / ".venv" / "bin" / "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]
    subprocess.run([*pip, "--dest", downloaded, ANSIBLE], check=True)
    (wheel,) = glob.glob(f"{downloaded}/*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(COLLECTIONS, [name for name in archive.namelist() if name.startswith(COLLECTION)])


def plain() -> str:
    return bench.ansible(
        "ansible-playbook",
        str(PLAYBOOK),
        *("-e", f"@{bench.WORK / 'hashes.yml'}", "-e", f"plain_ca={bench.WORK / 'plain-ca'}"),
        *("-f", str(bench.OPTIONS.forks)),
        collections=[COLLECTIONS],
    ).stdout


def measured(run: t.Callable[[], object]) -> tuple[bench.Cost, bench.Cost, list[int], list[int]]:
    """What a first run and an unchanged one take of fresh hosts, and how many modules each host has run in them."""
    names = bench.bring_up("--with-registries")
    try:
        bench.on_each_host(names, "sh", "-c", f"{LIBRARY} >/dev/null")
        bench.ping()
        bench.executions(names)
        first, of_first = bench.cost(run), bench.executions(names)
        unchanged, of_unchanged = bench.cost(run), bench.executions(names)
    finally:
        bench.down()
    return first, unchanged, of_first, of_unchanged


def main() -> None:
    install_collection()
    ways: dict[str, t.Callable[[], object]] = {
        "plain playbook": plain,
        "pifleet.nodered.secure": bench.secure_with_hashes,
    }
    first_runs: dict[str, list[float]] = {way: [] for way in ways}
    unchanged_runs: dict[str, list[float]] = {way: [] for way in ways}
    for _round in range(bench.OPTIONS.rounds):
        for way, run in ways.items():
            first, unchanged, of_first, of_unchanged = measured(run)
            first_runs[way].append(first.elapsed)
            unchanged_runs[way].append(unchanged.elapsed)
            print(
                f"  {way}: first run {first.elapsed:.1f} s, {first.processor:.1f} s of the control node's processor,"
                f" {bench.span(of_first)} modules on a host; unchanged run {unchanged.elapsed:.1f} s,"
                f" {unchanged.processor:.1f} s, {bench.span(of_unchanged)} modules",
                flush=True,
            )
    for title, taken in (("first run", first_runs), ("unchanged run", unchanged_runs)):
        theirs, ours = (statistics.median(taken[way]) for way in ways)
        print(
            f"{title}, {bench.OPTIONS.hosts} hosts: secure {ours:.1f} s, plain {theirs:.1f} s: {theirs / ours:.1f} times"
        )


if __name__ == "__main__":
    PARSER = bench.parser(__doc__, hosts=20, group="bench-first")
    PARSER.add_argument("--rounds", type=int, default=3)
    PARSER.add_argument("--forks", type=int, default=5, help="Ansible's own default is 5")
    PARSER.parse_args(namespace=bench.OPTIONS)
    if bench.OPTIONS.keep:
        sys.exit("--keep: each round needs fresh hosts.")
    main()
