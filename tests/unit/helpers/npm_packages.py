# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""npm packages that judge what the collection makes, or are judged with it. They are kept in .build/npm, never in the
repository."""

from __future__ import annotations

import pathlib
import subprocess
import tarfile
import tempfile

_KEPT = pathlib.Path(__file__).resolve().parents[3] / ".build" / "npm"


def npm_file(package: str, version: str, member: str) -> str:
    """The text of a file of a package; what is not kept yet is fetched."""
    kept = _KEPT / f"{package.replace('/', '+')}@{version}" / member
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT) as folder:
            _pack(f"{package}@{version}", folder)
            (archive,) = pathlib.Path(folder).glob("*.tgz")
            with tarfile.open(archive) as opened:
                unpacked = pathlib.Path(folder, "unpacked")
                content = opened.extractfile(f"package/{member}")
                assert content is not None
                unpacked.write_bytes(content.read())
            unpacked.replace(kept)
    return kept.read_text("utf-8")


def npm_modules(*packages: str) -> pathlib.Path:
    """The directory `node_modules` with these packages, each `name@version`, and what they need; installed once."""
    kept = _KEPT / "installed" / "+".join(package.replace("/", "+") for package in packages)
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            _npm(" ".join(packages), "install", "--no-audit", "--no-fund", "--prefix", f"{folder}/new", *packages)
            try:
                pathlib.Path(folder, "new").replace(kept)
            except OSError:
                # Another test was first.
                if not kept.exists():
                    raise
    return kept / "node_modules"


def npm_node(major: int) -> str:
    """A Node.js of this major version, whatever the machine has."""
    return str(npm_modules(f"node@{major}") / "node/bin/node")


def _pack(name: str, folder: str) -> None:
    _npm(name, "pack", "--pack-destination", folder, name)


def _npm(name: str, *command: str) -> None:
    try:
        run = subprocess.run(
            ["npm", "--loglevel=error", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"{name} comes from npm, which cannot be used: {error}") from None
    if run.returncode:
        raise RuntimeError(f"{name} comes from npm, and `npm {command[0]}` failed:\n{run.stderr}")
