# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings.js that releases of Node-RED ship, from npm. They are kept in .build/stock, never in the repository.

VERSIONS has one release per distinct file, the lowest, from 0.10 on and without pre-releases. Run this file to have
that list computed again from all releases that npm offers.
"""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import re
import subprocess
import tarfile
import tempfile

VERSIONS = [
    "0.10.2",
    "0.10.4",
    "0.10.6",
    "0.10.8",
    "0.11.2",
    "0.12.4",
    "0.13.0",
    "0.13.4",
    "0.14.3",
    "0.15.2",
    "0.15.3",
    "0.16.2",
    "0.17.0",
    "0.17.5",
    "0.18.0",
    "0.18.5",
    "0.18.6",
    "0.19.1",
    "0.19.5",
    "0.20.0",
    "0.20.8",
    "1.0.1",
    "1.0.5",
    "1.1.2",
    "1.2.3",
    "1.3.1",
    "1.3.4",
    "2.0.0",
    "2.1.1",
    "2.2.0",
    "2.2.3",
    "3.0.0",
    "3.1.0",
    "4.0.0",
    "4.1.0",
    "4.1.10",
    "4.1.11",
    "5.0.1",
    "5.0.7",
]
KEPT = pathlib.Path(__file__).resolve().parents[2] / ".build" / "stock"
AT_ONCE = 4


def stock_files(versions: list[str]) -> dict[str, bytes]:
    """The settings.js of each version; what is not kept yet is fetched."""
    KEPT.mkdir(parents=True, exist_ok=True)
    missing = [version for version in versions if not _kept(version).exists()]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(_fetch, filter(None, (missing[first::AT_ONCE] for first in range(AT_ONCE)))))
    return {version: _kept(version).read_bytes() for version in versions}


def _kept(version: str) -> pathlib.Path:
    return KEPT / f"{version}.js"


def _fetch(versions: list[str]) -> None:
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        _npm("pack", "--loglevel=error", "--pack-destination", folder, *(f"node-red@{version}" for version in versions))
        for version in versions:
            unpacked = pathlib.Path(folder, "settings.js")
            with tarfile.open(pathlib.Path(folder, f"node-red-{version}.tgz")) as archive:
                member = archive.extractfile("package/settings.js")
                assert member is not None
                unpacked.write_bytes(member.read())
            unpacked.replace(_kept(version))


def _npm(*arguments: str) -> str:
    try:
        run = subprocess.run(
            ["npm", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"The stock settings files come from npm, which cannot be used: {error}") from None
    if run.returncode:
        raise RuntimeError(f"The stock settings files come from npm, and `npm {arguments[0]}` failed:\n{run.stderr}")
    return run.stdout


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def main() -> None:
    offered = json.loads(_npm("view", "node-red", "versions", "--json"))
    stable = [version for version in offered if re.fullmatch(r"[\d.]+", version) and _numbers(version) >= [0, 10]]
    files = stock_files(sorted(stable, key=_numbers))
    lowest = {content: version for version, content in reversed(files.items())}
    print(*sorted(lowest.values(), key=_numbers))
    print(f"{len(lowest)} distinct files in {len(files)} releases; VERSIONS has {len(VERSIONS)}")


if __name__ == "__main__":
    main()
