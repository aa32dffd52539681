# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Node.js a release of Node-RED runs on."""

from __future__ import annotations

import json
import re


def required_node(answer: str) -> str:
    """The range of Node.js versions, such as `>=18.5`, from what `npm view --json <package> version engines.node` prints.

    npm prints one object, or a list of them in ascending order where the asked version is a range.

    :raises ValueError: it is something else
    """
    parsed = json.loads(answer)
    newest = parsed[-1] if isinstance(parsed, list) and parsed else parsed
    desired = newest.get("engines.node") if isinstance(newest, dict) else None
    if not isinstance(desired, str):
        raise ValueError("npm named no version of Node.js")  # noqa: TRY004 - it is npm that is wrong
    return desired


def new_enough(node: str, desired: str) -> bool:
    """Whether a version such as `v20.19.2` satisfies a range such as `>=18.5`, the only form that Node-RED has used.

    :raises ValueError: the version or the range has another form
    """
    version = re.fullmatch(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:[-+].*)?", node.strip())
    lowest = re.fullmatch(r">=\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?", desired.strip())
    if not version or not lowest:
        raise ValueError(f"{node!r} and {desired!r} cannot be compared")
    return [int(part or 0) for part in version.groups()] >= [int(part or 0) for part in lowest.groups()]
