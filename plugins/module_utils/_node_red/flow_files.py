# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of flows in a userDir, as JSON."""

from __future__ import annotations

import contextlib
import glob
import itertools
import json
import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.errors import HostError

if t.TYPE_CHECKING:
    from collections.abc import Iterator

#: No flows, although they end so.
_NO_FLOWS = ("package.json", "package-lock.json", "node_modules.json")
#: So many files are read at most.
_MOST_FILES = 100


def read_json(path: str) -> t.Any:
    """What a JSON file says; None where there is none that can be read."""
    with contextlib.suppress(HostError, ValueError, RecursionError):
        return json.loads((files.read(path) or b"null").decode("utf-8"))
    return None


def flow_files(user_dir: str) -> Iterator[tuple[str, list[dict[str, t.Any]]]]:
    """The name of each file of flows, and the nodes in it that are not disabled. Call it with the rights of the user.

    :param user_dir: the userDir
    """
    for path in itertools.islice(sorted(glob.glob(os.path.join(glob.escape(user_dir), "*.json"))), _MOST_FILES):
        name = os.path.basename(path)
        nodes = None if name in _NO_FLOWS or name.endswith("_cred.json") else read_json(path)
        if isinstance(nodes, list):
            yield name, [node for node in nodes if isinstance(node, dict) and not node.get("d")]
