# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Injects faults at every system call of the runs that change a host, and writes what has become of it into the docs."""

from __future__ import annotations

import argparse
import concurrent.futures
import functools
import itertools
import pathlib
import random
import subprocess
import sys
import traceback
import typing as t

from campaign import KINDS, Campaign
from host import PLACES, PLACES_OF_BARE, PROJECT, Host
from operations import OPERATIONS
from results import Kept
from table import written
from tracing import Stuck

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: In memory, where what goes to the disks of the hosts takes no time.
WORK = pathlib.Path("/dev/shm/pifleet-faults")
RESULTS = PROJECT / ".build" / "faults"
DOCUMENT = PROJECT / "docs" / "reliability.md"
#: What runs on hosts and decides what becomes of them, in plugins/.
PROGRAM = ("modules", "module_utils")
#: By image, the release of Node-RED.
IMAGES = {"trixie-nodered41": "4.1", "bookworm-nodered31": "3.1", "trixie-nodered5": "5.0"}


def tell(text: str) -> None:
    print(text, flush=True)


def inject(image: str, operation: str) -> bool:
    """Inject faults into one run, and keep what has become of them; tells whether nothing was wrong."""
    try:
        try:
            return _inject(image, operation)
        except Stuck as stuck:
            tell(f"{operation} is done anew, because the module that was traced stood still: {stuck}")
            return _inject(image, operation)
    except Exception:
        # What is tried beside it goes on.
        tell(f"FAILED {operation} with {IMAGES[image]} comes to no end: {traceback.format_exc()}")
        return False


def _inject(image: str, operation: str) -> bool:
    # Another one each time: podman may keep the address of a host whose test was killed.
    places = PLACES_OF_BARE if OPERATIONS[operation].bare else PLACES
    address = f"10.88.{random.randint(200, 249)}.{random.randint(2, 250)}"
    host = Host(image, f"faults-{image}-{operation}", address, WORK / f"{image}-{operation}", places)
    kept = Kept(None, "") if OPTIONS.sample else _kept(image, operation)
    try:
        host.up()
        campaign = Campaign(host, OPERATIONS[operation], kept, OPTIONS.points, OPTIONS.matching, tell)
        return campaign.run(OPTIONS.kinds)
    finally:
        if not OPTIONS.keep:
            host.down()


@functools.cache
def newest() -> str:
    """The day of the newest module (YYYY-MM-DD)."""
    command = ["git", "log", "-1", "--format=%cs", "--", *(f"plugins/{directory}" for directory in PROGRAM)]
    return subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.strip()


def _kept(image: str, operation: str) -> Kept:
    return Kept(RESULTS / f"{operation}-{IMAGES[image]}.json", newest())


def write_table(pairs: Iterable[tuple[str, str]]) -> None:
    """Write what is kept of faults into the document.

    :param pairs: images and operations
    """
    results = {(operation, IMAGES[image]): _kept(image, operation).all() for image, operation in pairs}
    kept = {about: each for about, each in results.items() if each}
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8"), kept), encoding="utf-8")


def main() -> None:
    pairs = list(itertools.product(OPTIONS.images, OPTIONS.only))
    # Processes, because ptrace(2) belongs to a thread and a wait for what is traced to all of a process.
    with concurrent.futures.ProcessPoolExecutor(OPTIONS.jobs) as pool:
        good = list(pool.map(inject, *zip(*pairs, strict=True)))
    if not OPTIONS.sample:
        write_table(pairs)
    if not all(good):
        sys.exit("Not all hosts were whole, see FAILED above.")


def words(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        given = text.split(",")
        if unknown := set(given) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}")
        return given

    return parse


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", type=words(OPERATIONS), default=list(OPERATIONS), help="operations, with commas")
    parser.add_argument("--images", type=words(IMAGES), default=list(IMAGES), help="images of hosts, with commas")
    parser.add_argument("--kinds", type=words(KINDS), default=list(KINDS), help="kinds of faults, with commas")
    parser.add_argument("--points", type=int, help="at most so many cases of each kind (default: all)")
    parser.add_argument("--jobs", type=int, default=1, help="so many hosts at a time (default: 1)")
    parser.add_argument("--matching", default="", help="points with this in their names, a regular expression")
    parser.add_argument("--sample", action="store_true", help="keep no results, and write no table")
    parser.add_argument("--keep", action="store_true", help="leave the host running")
    OPTIONS = parser.parse_args()
    main()
