# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Injects faults at every system call of the runs that change a host, and writes what has become of it into the docs."""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import random
import sys
import typing as t

from campaign import FAULTS, KINDS, Campaign
from host import PROJECT, Host
from operations import OPERATIONS
from table import Results, table, written
from tracing import Stuck

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: In memory, where what goes to the disks of the hosts takes no time.
WORK = pathlib.Path("/dev/shm/pifleet-faults")
RESULTS = PROJECT / ".build" / "faults"
DOCUMENT = PROJECT / "docs" / "reliability.md"
#: By image, the release of Node-RED.
IMAGES = {"trixie-nodered41": "4.1", "bookworm-nodered31": "3.1", "trixie-nodered5": "5.0"}


def tell(text: str) -> None:
    print(text, flush=True)


def inject(image: str, operation: str) -> bool:
    """Inject faults into one run, and keep what has become of them; tells whether nothing was wrong."""
    try:
        return _inject(image, operation)
    except Stuck as stuck:
        tell(f"{operation} is done anew, because the module that was traced stood still: {stuck}")
        return _inject(image, operation)


def _inject(image: str, operation: str) -> bool:
    # Another one each time: podman may keep the address of a host whose test was killed.
    host = Host(image, f"10.88.{random.randint(200, 249)}.{random.randint(2, 250)}", WORK / image)
    path = _path(operation, IMAGES[image])
    path.parent.mkdir(parents=True, exist_ok=True)
    good = True
    try:
        host.up()
        campaign = Campaign(host, OPERATIONS[operation], OPTIONS.points, OPTIONS.matching, tell)
        for results in campaign.run(OPTIONS.kinds):
            if not OPTIONS.sample:
                kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
                kept.update({kind: dataclasses.asdict(result) for kind, result in results.items()})
                path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
            good = not any(result.failures for result in results.values())
    finally:
        if not OPTIONS.keep:
            host.down()
    return good


def write_table() -> None:
    """Write the results of all that was injected since .build was empty into the document."""
    results: Results = {}
    for operation in OPERATIONS:
        for release in IMAGES.values():
            path = _path(operation, release)
            if path.exists():
                results[operation, release] = json.loads(path.read_text("utf-8"))
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8"), table(results, FAULTS)), encoding="utf-8")


def _path(operation: str, release: str) -> pathlib.Path:
    return RESULTS / f"{operation}-{release}.json"


def main() -> None:
    good = [inject(image, operation) for image in OPTIONS.images for operation in OPTIONS.only]
    if not OPTIONS.sample:
        write_table()
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
    parser.add_argument("--points", type=int, help="at most so many states, or points, of each kind (default: all)")
    parser.add_argument("--matching", default="", help="points with this in their names, a regular expression")
    parser.add_argument("--sample", action="store_true", help="keep no results, and write no table")
    parser.add_argument("--keep", action="store_true", help="leave the host running")
    OPTIONS = parser.parse_args()
    main()
