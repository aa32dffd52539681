# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import re
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
    KeptState,
    RestoreResult,
    StatesResult,
    UndoResult,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import ENVIRONMENT_FILE
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction, host_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import difference, settings_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.kept_states import (
    described_files,
    described_states,
    moment,
    settings_of,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.restored import (
    RestoredSettings,
    restored_settings,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.restart_reasons import (
    check_keep_states,
    check_watch,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.comparison import changed_keys

_LAST = "last"
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9]{1,10}")


class ActionModule(HostAction):
    """Lists the states that a host has kept, or brings one of them back."""

    spec = argument_spec("restore")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        check_keep_states(options["keep_states"])
        check_watch(options["watch_minutes"])
        name = options["state"]
        if name and name != _LAST and not _NAME.fullmatch(name):
            raise UserError(
                f"nodered_restore is {name!r}: it must be {_LAST}, or the name of a state. Without it, the states are listed."
            )
        state = self.state(options)
        return self._brought_back(options, state) if name else self._listed(options, state)

    def _states(self, options: dict[str, t.Any], name: str | None = None) -> list[KeptState]:
        asked = {**host_options(options), "operation": "list", "state": name}
        return self.run_module("host_restore", asked, StatesResult)["states"]

    def _listed(self, options: dict[str, t.Any], state: dict[str, t.Any]) -> dict[str, t.Any]:
        states = self._states(options)
        start, messages = _start(state, options["allow_open"])
        if state["transaction"]:
            messages.append(
                "A run was interrupted here, and what it has replaced is not proved: the next run of pifleet.nodered.secure"
                " finishes or undoes it, and bringing a state back does so first."
            )
        elif state["proof"] and state["proof"]["settings"] != state["settings"]["sha256"]:
            messages.append(
                "settings.js was edited since it was proved. What it is now is kept, too, when a state is brought back."
            )
        messages += described_states(states, state)
        if states:
            messages.append(
                f"To bring one back: -e nodered_restore={_LAST}, or with -l and its name: -e nodered_restore={states[0]['id']}"
            )
        else:
            messages.append(
                "No state is kept here: each run of pifleet.nodered.secure that changes a host keeps the one before."
            )
        return {"changed": False, "states": [each["id"] for each in states], "start": start, "messages": messages}

    def _brought_back(self, options: dict[str, t.Any], state: dict[str, t.Any]) -> dict[str, t.Any]:
        if state["transaction"]:
            if self.check_mode:
                return {
                    "changed": True,
                    "start": False,
                    "messages": ["A run that was interrupted is finished or undone first."],
                }
            limits = {name: options[name] for name in ("timeout", "stable")}
            self.run_module("host_restart", {**host_options(options), **limits, "operation": "undo"}, UndoResult)
            state = self.state(options, fresh=True)
        last = options["state"] == _LAST
        states = self._states(options, None if last else options["state"])
        if not states:
            raise UserError("No state is kept on this host, so that none can be brought back.")
        states = states[:1] if last else states
        restored = _settings(states, state)
        content = restored.content if restored else None
        done = self.run_module(
            "host_restore",
            {
                **host_options(options),
                "operation": "restore",
                "state": states[-1]["id"],
                "settings": None if content is None else base64.b64encode(content).decode("ascii"),
                "sha256": state["settings"]["sha256"],
                "expected": {} if options["allow_open"] else {"tls": _serves_tls(state), "auth": True},
                **{name: options[name] for name in ("keep_states", "watch_minutes", "timeout", "stable")},
            },
            RestoreResult,
        )
        told = _told(states[-1], state, done, restored, self.check_mode)
        result: dict[str, t.Any] = {"changed": done["changed"], "start": False, "messages": told}
        if done["changed"]:
            result |= {"transaction": done["transaction"] or "", "diff": _difference(state, done, content)}
        return result


def _settings(states: list[KeptState], state: dict[str, t.Any]) -> RestoredSettings | None:
    """What settings.js is to be for the last of some states; None where it stays as it is."""
    path = state["settings"]["path"]
    former = settings_of(states, path)
    if former is None:
        return None
    try:
        return restored_settings(state, state["settings"]["content"], former, _changes_environment(states, state))
    except SettingsError as error:
        raise UserError(f"{path} of that state: {error}") from None


def _start(state: dict[str, t.Any], allow_open: bool) -> tuple[bool, list[str]]:
    """Whether a service that does not run is to be started, and what to tell of it."""
    if state["service"]["active"]:
        return False, []
    if state["proof"] is None:
        return False, ["Node-RED does not run, and was never proved here: pifleet.nodered.secure starts it."]
    if not state["proof"]["expected"]["auth"] and not allow_open:
        return False, [
            "Node-RED does not run, and asks nobody for a login: pifleet.nodered.secure secures and starts it. To start it"
            " all the same, add -e nodered_restore_open=true."
        ]
    return True, ["Node-RED does not run. This run starts it, and proves it as it was proved last."]


def _serves_tls(state: dict[str, t.Any]) -> bool:
    expected = (state["proof"] or {}).get("expected", {})
    return bool(expected.get("tls") or expected.get("proxy"))


def _changes_environment(states: list[KeptState], state: dict[str, t.Any]) -> bool:
    path = ENVIRONMENT_FILE % state["service"]["name"]
    return any(file["path"] == path for each in states for file in each["files"])


def _told(
    chosen: KeptState,
    state: dict[str, t.Any],
    done: RestoreResult,
    restored: RestoredSettings | None,
    check_mode: bool,
) -> list[str]:
    """What was done, and what it means."""
    secret = restored is not None and restored.keeps_secret
    messages = ["credentialSecret stays as it is: it decrypts the credentials of today."] if secret else []
    if not done["changed"]:
        return [f"This host is as it was before {moment(chosen)} already. Nothing to do.", *messages]
    present = state["settings"]["content"]
    keys = changed_keys(present or b"", restored.content) if restored else []
    files = "; ".join(described_files(done["files"], state, keys)) or "no file had to be replaced"
    when = f"as it was before {moment(chosen)} ({chosen['id']})"
    first = f"Node-RED would be {when}: {files}." if check_mode else f"Node-RED is {when}, and proved: {files}."
    if restored and restored.content != present:
        messages.append("Users and passwords are those of then, and all logins of the editor end.")
    if done["transaction"]:
        messages.append(f"To undo this: -e nodered_restore={_LAST}")
    return [first, *messages, "The next run of pifleet.nodered.secure makes true again what the inventory asks for."]


def _difference(state: dict[str, t.Any], done: RestoreResult, content: bytes | None) -> list[dict[str, str]]:
    """The settings with every secret hidden, and of all other files what is done with them."""
    path, present = state["settings"]["path"], state["settings"]["content"]
    shown = []
    if content is not None and content != present:
        try:
            shown.append(settings_difference(path, (present or b"").decode("utf-8"), content.decode("utf-8")))
        except (SettingsError, UnicodeDecodeError):
            shown.append(difference(path, "what cannot be read\n", "what it was\n"))
    others = [file for file in done["files"] if file["path"] != path]
    now = "".join(f"{file['path']}: present\n" for file in others if file["change"] != "made")
    then = "".join(f"{file['path']}: as it was\n" for file in others if file["change"] != "removed")
    return [*shown, difference("other files", now, then)] if others else shown
