# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a checkout can be released as what galaxy.yml says.

readiness.py CHECKOUT        print the version, or fail with every reason against it
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

import yaml


def _git(checkout: pathlib.Path, *arguments: str) -> list[str]:
    command = ["git", "-c", f"safe.directory={checkout}", "-C", str(checkout), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def version_of(checkout: pathlib.Path) -> str:
    """The version that galaxy.yml says."""
    return yaml.safe_load((checkout / "galaxy.yml").read_text("utf-8"))["version"]


def reasons(checkout: pathlib.Path) -> list[str]:
    """What stands against a release, as sentences that say what to do."""
    version = version_of(checkout)
    found = []
    changed = _git(checkout, "status", "--porcelain")
    if changed:
        found.append(f"Files are changed or not committed: {', '.join(line[3:] for line in changed)}. Commit them.")
    tags = _git(checkout, "tag", "--points-at", "HEAD")
    if tags != [version]:
        found.append(
            f"The commit has {'the tag ' + ', '.join(tags) if tags else 'no tag'}, and galaxy.yml says {version}."
            f" Tag it {version}, and nothing else, or correct galaxy.yml."
        )
    changes = yaml.safe_load((checkout / "changelogs/changelog.yaml").read_text("utf-8"))["releases"]
    if version not in changes:
        found.append(f"changelogs/changelog.yaml has no release {version}. Run `antsibull-changelog release`.")
    fragments = sorted(path.name for path in (checkout / "changelogs/fragments").glob("*.y*ml"))
    if version in changes and fragments:
        found.append(
            f"The changelog of {version} has not what changelogs/fragments says: {', '.join(fragments)}."
            " Give galaxy.yml the next version, and run `antsibull-changelog release`."
        )
    return found


def main(arguments: list[str]) -> None:
    checkout = pathlib.Path(arguments[0]).resolve()
    found = reasons(checkout)
    if found:
        sys.exit("\n".join(["This is not ready to be released:", *found]))
    print(version_of(checkout))


if __name__ == "__main__":
    main(sys.argv[1:])
