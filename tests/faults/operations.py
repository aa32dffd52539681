# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host is asked for while faults are injected: the runs before, the run itself, and what each asks for."""

from __future__ import annotations

import dataclasses
import typing as t

#: Extra variables of a run.
Variables = dict[str, t.Any]

ADMIN = "admin"
#: Nothing watches the state that faults are injected into.
_BEFORE: Variables = {"nodered_watch_minutes": 0}


def _users(password: str) -> list[dict[str, str]]:
    return [
        {"username": ADMIN, "password": password, "permissions": "*"},
        {"username": "steve", "password": "steve-only-for-tests", "permissions": "read"},
    ]


_FORMER: Variables = {
    "nodered_admin_users": _users("former-only-for-tests"),
    "nodered_node_auth": {"user": "fred", "password": "fred-only-for-tests"},
    "nodered_prove_login": True,
}
_CHANGED: Variables = {
    **_FORMER,
    "nodered_admin_users": _users("changed-only-for-tests"),
    "nodered_certificate_names": ["pi-2.home.arpa"],
    "nodered_environment": {"TITLE": "changed"},
    "nodered_settings": {"editorTheme.page.title": "changed"},
}


@dataclasses.dataclass(frozen=True)
class View:
    """What a client of the host meets."""

    #: The owner's password; None where the host is open to anyone.
    password: str | None = None
    #: The secret that the credentials of flows open with; None where there are none, empty for Node-RED's own.
    secret: str | None = None
    #: Whether nginx answers in the place of Node-RED.
    proxy: bool = False
    #: The user whose Node-RED is installed, and neither runs nor starts with the host; empty where there is none at all,
    #: None where one runs.
    stopped: str | None = None


@dataclasses.dataclass(frozen=True)
class Operation:
    """A run in which faults are injected."""

    name: str
    #: The playbooks, with their variables, that bring an open host to the state before.
    before: tuple[tuple[str, Variables], ...]
    playbook: str
    variables: Variables
    old: View
    new: View
    #: Whether flows with credentials are deployed before.
    deploys_credentials: bool = False
    #: Whether it brings the state back that is kept last.
    restores: bool = False
    #: Whether it begins without Node-RED, and goes on where a former one ended instead of going back.
    bare: bool = False
    #: The kinds of faults that it is for; all of them where there are none.
    kinds: tuple[str, ...] = ()


_OLD = View("former-only-for-tests")
_NEW = View("changed-only-for-tests")
_SECURED = (("secure", {**_FORMER, **_BEFORE}),)
_NGINX: Variables = {"nodered_proxy": "nginx"}
_SECRET = "secret-only-for-tests"
#: The user whom `install` makes.
OWNER = "nodered"

OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("secure-first", (), "secure", _FORMER, View(), _OLD),
        Operation("secure-change", _SECURED, "secure", _CHANGED, _OLD, _NEW),
        Operation("rotate", _SECURED, "rotate", {**_FORMER, "nodered_rotate": "keys,passwords,sessions"}, _OLD, _OLD),
        Operation(
            "restore", (*_SECURED, ("secure", {**_CHANGED, **_BEFORE})), "restore", {}, _NEW, _OLD, restores=True
        ),
        Operation(
            "credentials",
            _SECURED,
            "secure",
            {**_FORMER, "nodered_credential_secret": _SECRET},
            View(_OLD.password, ""),
            View(_OLD.password, _SECRET),
            deploys_credentials=True,
        ),
        Operation(
            "renewal",
            (("secure", {**_FORMER, **_BEFORE, "nodered_certificate_days": 60}),),
            "secure",
            {**_FORMER, "nodered_certificate_renew_before": 70},
            _OLD,
            _OLD,
        ),
        Operation(
            "nginx",
            # It is installed with the first run that asks for it.
            (*_SECURED, ("secure", {**_FORMER, **_BEFORE, **_NGINX}), *_SECURED),
            "secure",
            {**_FORMER, **_NGINX},
            _OLD,
            View(_OLD.password, proxy=True),
        ),
        Operation(
            "install",
            (),
            "install",
            {"nodered_user": OWNER},
            View(stopped=""),
            View(stopped=OWNER),
            bare=True,
            # No way back follows when a module of it alone is killed.
            kinds=("host reset", "run killed", "without power"),
        ),
    )
}
