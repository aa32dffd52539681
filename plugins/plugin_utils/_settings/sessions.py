# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose logins to the editor have to end because of an edit. Node-RED would let them go on, with the rights they had."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.passwords import PasswordError, check_hash
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import covers
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression

from .document import SettingsDocument
from .source import MISSING

#: Seconds that a login lasts unless adminAuth.sessionExpiryTime says otherwise (auth/tokens.js of Node-RED).
DEFAULT_EXPIRY = 604800


@dataclasses.dataclass(frozen=True)
class EndedSessions:
    """Which logins have to end.

    :ivar users: names, `*` for all
    :ivar expiry: seconds after which all others have to end if they would last longer; None: they may last
    """

    users: list[str]
    expiry: int | None


def kept_elsewhere(document: SettingsDocument) -> bool:
    """Whether a storageModule keeps flows, credentials and sessions, where no run reaches them.

    :param document: settings.js
    """
    value = document.get(("storageModule",))
    is_off = value is MISSING or value in (None, False, "") or (isinstance(value, Expression) and value.is_undefined)
    return not is_off and document.writes("storageModule")


def unended_warning(users: Sequence[str]) -> str:
    """What to tell where sessions had to end, and could not be.

    :param users: whose, `*` for all
    """
    whose = "all users" if "*" in users else ", ".join(sorted(users)) if users else "users"
    return (
        f"The logins of {whose} could not be ended: storageModule of settings.js keeps them, not Node-RED's own file. Delete"
        " the sessions in that storage and restart Node-RED; until then a login lasts, with the rights that it began with,"
        " unless its user is gone from nodered_admin_users."
    )


def ended_sessions(
    before: Mapping[t.Any, Mapping[str, t.Any]],
    after: Mapping[t.Any, Mapping[str, t.Any]],
    expiry_before: object,
    expiry: int | None,
) -> EndedSessions:
    """The logins that end when entries of adminAuth.users take the place of others.

    :param before: the entries of the file by their usernames
    :param after: those that take their place
    :param expiry_before: adminAuth.sessionExpiryTime of the file, whatever stands there
    :param expiry: the desired one, in seconds; None leaves it as it is
    """
    # A user who is new to the file may have been in it before, with a login that lasts.
    users = [str(name) for name in {**before, **after} if name not in before or _loses(before[name], after.get(name))]
    former = expiry_before if isinstance(expiry_before, (int, float)) and expiry_before else DEFAULT_EXPIRY
    return EndedSessions(users, expiry if expiry is not None and expiry < former else None)


def _loses(before: Mapping[str, t.Any], after: Mapping[str, t.Any] | None) -> bool:
    """Whether a user must log in again. Node-RED keeps the rights of a session and checks only that the user exists."""
    if after is None:
        return True
    try:
        same_password = check_hash(before.get("password")) == after["password"]
    except PasswordError:
        same_password = False
    return not same_password or not covers(after["permissions"], before.get("permissions"))
