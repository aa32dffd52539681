# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A certificate that something else on the host renews: what the host knows of it, and of what follows it."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._host import files
from ansible_collections.pifleet.nodered.plugins.module_utils._host.systemd import systemctl
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_follower import (
    digest,
    follower_paths,
    watching_units,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.certificate_source import (
    RECORD,
    SourceError,
    read_source,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.checksum import checksum
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import store_directory

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        FollowerState,
        SourceState,
    )


def read_follower(service: str) -> FollowerState | None:
    """What follows the certificate of a service.

    :param service: the name of the service, with its suffix
    :returns: None where nothing does
    """
    contents = {path: files.read(path) for path in follower_paths(service)}
    if not any(content is not None for content in contents.values()):
        return None
    said = systemctl("is-active", *watching_units(service), check=False)
    return {
        "sha256": digest({path: (content or b"").decode("utf-8", "replace") for path, content in contents.items()}),
        "active": said.split() == ["active", "active"],
    }


def read_source_state(service: str, key: str | None, chain: str | None) -> SourceState | None:
    """What is to be followed, or else what is followed; the private key stays here.

    :param service: the name of the service, with its suffix
    :param key: the path of the key, where one is asked for
    :param chain: the path of the certificates
    :returns: None where nothing is, neither asked for nor followed
    """
    if not key or not chain:
        content = files.read(os.path.join(store_directory(service), RECORD))
        with contextlib.suppress(ValueError, KeyError, TypeError):
            record = json.loads(content or b"null")
            key, chain = str(record["key"]), str(record["chain"])
    if not key or not chain:
        return None
    state: SourceState = {"key": key, "chain": chain, "problem": "", "certificates": "", "sha256": ""}
    try:
        source = read_source(key, chain)
    except SourceError as exc:
        return {**state, "problem": str(exc)}
    return {
        **state,
        "certificates": source.chain.decode("ascii", "replace"),
        "sha256": checksum(source.content),
    }
