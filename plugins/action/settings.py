# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction, host_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import difference, settings_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.variable_names import misspelt
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.analysis import (
    Credentials,
    Migration,
    analyse,
    migration,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.values import Expression
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings import advice, web_sockets
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.apply import apply_settings
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.desired import (
    DesiredSettings,
    SettingsOptionError,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.sessions import EndedSessions
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.source import MISSING

#: How often a file that its owner changes while we work is read anew.
ATTEMPTS = 3


class ActionModule(HostAction):
    """Edits settings.js on the control node, and sends it to the host only when a byte differs."""

    spec = argument_spec("settings")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        if not options["write"]:
            self._check_variables()
        target = self._plain_file(options) if options["path"] else _ServiceFile(self, options)
        for _attempt in range(ATTEMPTS):
            result = self._edit(options, target)
            if result is not None:
                return result
            target.read(fresh=True)
        raise UserError(f"{target.path} was changed {ATTEMPTS} times by somebody else while it was edited.")

    def _check_variables(self) -> None:
        """UserError for a variable that nobody would read: what it asks for would be missing without a word."""
        for name, meant in misspelt(self.task_vars).items():
            raise UserError(
                f"{name} is no variable of this collection. Did you mean {meant}? If it is one of your own,"
                " give it another name."
            )

    def _plain_file(self, options: dict[str, t.Any]) -> _PlainFile:
        for name in ("host_info", "user", "user_dir", "settings_path"):
            if options[name] is not None:
                raise UserError(f"path is for a file that belongs to no service: leave {name} out, or path.")
        return _PlainFile(self, options)

    def _edit(self, options: dict[str, t.Any], target: _SettingsTarget) -> dict[str, t.Any] | None:
        """The result, or None when the file has changed since it was read."""
        wishes = DesiredSettings.from_options(options, target.user_dir)
        try:
            document = SettingsDocument(target.original)
            credentials = target.credentials(document)
            follow = _migration(credentials, wishes)
            applied = apply_settings(wishes, document, hashing=options["write"], another_secret=follow is not None)
        except (SettingsError, SettingsOptionError) as error:
            raise UserError(f"{target.path}: {error}") from None
        target.check(wishes)
        edited = document.source
        if not options["write"]:
            return {"changed": False, "path": target.path, "changes": []}
        plan = follow.plan if follow else None
        of_host = [f"{target.path}: {warning}" for warning in advice.warnings(wishes, document)]
        if credentials and credentials.warning and follow is None:
            of_host.append(credentials.warning)
        told = {
            "warnings": [
                *advice.reminders(wishes, applied),
                *(f"{self.task_vars.get('inventory_hostname')}: {text}" for text in of_host),
            ]
        }
        if edited == target.content and plan is None:
            return {"changed": False, "path": target.path, "changes": [], **told}
        written = target.write(edited, _managed(document, wishes), applied.ended_sessions, plan)
        if written["conflict"]:
            return None
        before = (target.content or b"").decode("utf-8")
        return {
            "changed": True,
            "path": target.path,
            "changes": list(document.changes()),
            "diff": [settings_difference(target.path, before, edited.decode("utf-8")), *_differences(follow)],
            "transaction": written.get("transaction", ""),
            **({"backup_file": written["backup_file"]} if "backup_file" in written else {}),
            **told,
        }


class _SettingsTarget:
    """A settings file where it lies: read once, written by compare-and-swap."""

    path: str
    #: None where it is not known.
    user_dir: str | None = None
    #: What is in the file; None where there is none.
    content: bytes | None
    #: What an edit begins with.
    original: bytes
    sha256: str

    def __init__(self, action: ActionModule, options: dict[str, t.Any]) -> None:
        self.action = action
        self.options = options
        self.read()

    def read(self, fresh: bool = False) -> None:
        """Take in the file; ``fresh`` whatever is known of it already."""
        raise NotImplementedError

    def credentials(self, document: SettingsDocument) -> Credentials | None:
        """What is known of the credentials of flows; None where the file belongs to no service."""
        return None

    def check(self, wishes: DesiredSettings) -> None:
        """UserError when what the file says would not be what counts."""

    def write(
        self, edited: bytes, managed: list[dict[str, t.Any]], ended: EndedSessions, plan: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        """What the module on the host returned; its `conflict` tells that the file is another one by now.

        ``ended`` and ``plan`` are what the restart is to do with sessions and with the credentials.
        """
        raise NotImplementedError

    def _written_by(
        self, module: str, edited: bytes, managed: list[dict[str, t.Any]], **options: t.Any
    ) -> dict[str, t.Any]:
        return self.action.run_module(
            module,
            {
                "content": base64.b64encode(edited).decode("ascii"),
                "sha256": self.sha256,
                "managed": json.dumps(managed),
                "backup": self.options["backup"],
                "timeout": self.options["load_timeout"],
                **options,
            },
        )


class _ServiceFile(_SettingsTarget):
    """The settings file of a service."""

    def read(self, fresh: bool = False) -> None:
        if not self.options["validate"]:
            raise UserError(
                "validate: false is for a file given as path. The settings of a service are always loaded"
                " before they are used."
            )
        self.state = self.action.state(self.options, fresh)
        found = self.state["settings"]
        self.path, self.content, self.sha256 = found["path"], found["content"], found["sha256"]
        self.user_dir = self.state["user_dir"]["path"]
        original = found["content"] if found["content"] is not None else found["stock"]
        if original is None:
            raise UserError(
                f"There is no {self.path}, and none was found in {self.state['node_red']['path']} to begin with."
            )
        self.original = original

    def credentials(self, document: SettingsDocument) -> Credentials | None:
        return analyse(self.state, document)

    def check(self, wishes: DesiredSettings) -> None:
        service = self.state["service"]
        if self.state["settings"]["in_use"] is False:
            raise UserError(
                f"{service['name']} does not load {self.path}: its command line or its environment names another file."
                " Leave nodered_settings_path and nodered_user_dir out to have that one edited, or correct the service."
            )
        for override in self.state["overrides"]:
            for path in wishes.paths:
                length = min(len(path), len(override["path"]))
                if list(path[:length]) == override["path"][:length]:
                    places = ", ".join([f"`systemctl cat {service['name']}`", *service["environment_files"]])
                    raise UserError(
                        f"{'.'.join(path)} is set by {override['by']} when {service['name']} starts, which wins"
                        f" over {self.path}. Remove it there: {places}."
                    )

    def write(
        self, edited: bytes, managed: list[dict[str, t.Any]], ended: EndedSessions, plan: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        return self._written_by(
            "host_settings",
            edited,
            managed,
            revoke=ended.users,
            session_expiry=ended.expiry,
            credentials=json.dumps(plan) if plan else None,
            load_tls=self.options["https"],
            **host_options(self.options),
        )


class _PlainFile(_SettingsTarget):
    """A settings file that belongs to no service, such as one of a repository on the control node."""

    def read(self, fresh: bool = False) -> None:
        self.path = self.options["path"]
        found = self.action.run_module("host_settings_file", {"path": self.path})
        self.content = self.original = base64.b64decode(found["content"])
        self.sha256 = found["sha256"]

    def write(
        self, edited: bytes, managed: list[dict[str, t.Any]], ended: EndedSessions, plan: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        return self._written_by(
            "host_settings_file", edited, managed, path=self.path, validate=self.options["validate"]
        )


def _migration(credentials: Credentials | None, wishes: DesiredSettings) -> Migration | None:
    """How the credentials follow the wished secret; None without one, and where nothing is known of them."""
    if credentials is None or wishes.credential_secret is None:
        return None
    return migration(credentials, wishes.credential_secret)


def _differences(follow: Migration | None) -> list[dict[str, str]]:
    if follow is None or follow.before == follow.after:
        return []
    return [
        difference("credentials", *("".join(f"{line}\n" for line in lines) for lines in (follow.before, follow.after)))
    ]


def _managed(document: SettingsDocument, wishes: DesiredSettings) -> list[dict[str, t.Any]]:
    """What Node.js must find under each setting that is asked for, as far as that can be told without running code."""
    managed: list[dict[str, t.Any]] = []
    functions = web_sockets.paths(document)
    for path in dict.fromkeys((*wishes.paths, *functions)):
        value = document.get(path)
        if value is MISSING:
            managed.append({"path": list(path), "type": "undefined"})
        elif path == ("https",) or path in functions:
            managed.append({"path": list(path), "type": "function"})
        elif not isinstance(value, Expression):
            managed.append({"path": list(path), "value": _literal(value)})
    return managed


def _literal(value: t.Any) -> t.Any:
    """A value without the members of objects that are code."""
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items() if not isinstance(item, Expression)}
    return [_literal(item) for item in value] if isinstance(value, list) else value
