# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states that a host has kept, in words."""

from __future__ import annotations

import base64
import datetime
import os
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import (
    DROP_IN,
    ENVIRONMENT_FILE,
    LOGIN_SESSIONS,
    ORIGIN,
    SIGN_ON_SESSIONS,
    store_directory,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.comparison import changed_keys

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
        EndpointState,
        KeptFile,
        KeptState,
    )

#: Of the year 9999; a host may say what it wants.
_LAST_SECOND = 253402300799
#: How many settings a line names.
_MOST = 8


def moment(state: KeptState) -> str:
    """When the change was proved that ended a state."""
    proved = min(state["proved"], _LAST_SECOND)
    return f"{datetime.datetime.fromtimestamp(proved, datetime.UTC):%Y-%m-%d %H:%M} UTC"


def settings_of(states: t.Sequence[KeptState], path: str) -> bytes | None:
    """The settings file of the last of some states; None where it is the present one.

    :param states: that state and all later ones, the newest first
    :param path: the settings file
    :raises UserError: there was none, or it was not sent
    """
    for state in reversed(states):
        for file in state["files"]:
            if file["path"] != path:
                continue
            if file["change"] == "made":
                raise UserError(
                    f"In that state there was no {one_line(path)}: Node-RED would start open to anyone, so that it cannot be"
                    " brought back."
                )
            if state["settings"] is None:
                raise UserError(
                    f"This host has lost the {one_line(path)} of that state, so that it cannot be brought back."
                )
            return base64.b64decode(state["settings"])
    return None


def described_states(states: t.Sequence[KeptState], host: t.Mapping[str, t.Any]) -> list[str]:
    """A line for each state: its name, what ended it and when, and what it served.

    :param states: all states that are kept, the newest first
    :param host: what the module host_info returned, with the settings as bytes
    """
    after: bytes | None = host["settings"]["content"]
    lines = []
    for number, state in enumerate(states):
        before = None if state["settings"] is None else base64.b64decode(state["settings"])
        keys = changed_keys(before, after) if before is not None and after is not None else []
        changes = "; ".join(described_files(state["files"], host, keys)) or "nothing was replaced"
        ended = f"{state['restored']} was brought back on" if state["restored"] else "the change of"
        name = f"{state['id']}{' (last)' if number == 0 else ''}"
        lines.append(f"{name}: before {ended} {moment(state)} ({changes}). {_served(state)}")
        after = before if before is not None else after
    return lines


def described_files(files: t.Sequence[KeptFile], host: t.Mapping[str, t.Any], keys: t.Sequence[str]) -> list[str]:
    """What was done with the files, those of the login page together.

    :param host: what the module host_info returned
    :param keys: the names of the settings that have changed
    """
    more = f" and {len(keys) - _MOST} more" if len(keys) > _MOST else ""
    named = f": {', '.join(one_line(key) for key in keys[:_MOST])}{more}" if keys else ""
    described = [
        f"{_name(file['path'], host)} {file['change']}{named if file['path'] == host['settings']['path'] else ''}"
        for file in files
    ]
    # The login page has many files.
    return list(dict.fromkeys(described))


def _name(path: str, host: t.Mapping[str, t.Any]) -> str:
    service = host["service"]["name"]
    known = {
        host["settings"]["path"]: os.path.basename(host["settings"]["path"] or ""),
        host["certificate"]["path"]: "certificate",
        DROP_IN % service: "drop-in of the service",
        ENVIRONMENT_FILE % service: "variables of the service",
        os.path.join(store_directory(service), ORIGIN): "record of settings.js as it was first",
    }
    directory, name = os.path.split(path)
    if name == ".sessions.json":
        return "logins of the editor"
    page = host["login_page"]["path"]
    if page and path.startswith(f"{page}/"):
        of_sessions = directory == page and name.startswith(LOGIN_SESSIONS)
        if path.startswith(os.path.join(page, SIGN_ON_SESSIONS)):
            return "logins of the editor"
        return "logins of the login page" if of_sessions else "login page"
    if name == ".config.runtime.json" or name.removesuffix(".backup").endswith("_cred.json"):
        return f"{one_line(name)} (credentials of flows)"
    return one_line(known.get(path) or path)


def _served(state: KeptState) -> str:
    if not state["active"]:
        return "Node-RED did not run."
    # The editor's own, where flows listen too.
    shown = sorted(state["endpoints"], key=lambda each: each["login"] is None)
    return f"Node-RED served {_endpoint(shown[0])}." if shown else "Node-RED answered nobody."


def _endpoint(endpoint: EndpointState) -> str:
    login = {None: "", "": ", open to anyone"}.get(endpoint["login"], ", with a login")
    return f"{'https' if endpoint['tls'] else 'plain HTTP'} on port {endpoint['port']}{login}"
