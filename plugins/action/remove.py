# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
    ModuleResult,
    OriginResult,
    RemovalResult,
    RemoveResult,
    SettingsResult,
    UndoResult,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction, host_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import difference, settings_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.removal import Removal
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.restart_reasons import (
    check_keep_states,
    check_watch,
)

_INTERRUPTED = "A run that was interrupted is finished or undone first."
_CONFIRM = "Nothing was changed. To take all of this away, add -e nodered_remove=true."
_RECORDS = "what this collection keeps on the host, former files among it"


class ActionModule(HostAction):
    """Takes this collection off a host, or says what would go and what would be open then."""

    spec = argument_spec("remove")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        check_keep_states(options["keep_states"])
        check_watch(options["watch_minutes"])
        state = self.state(options)
        confirmed = options["confirmed"] and not self.check_mode
        if state["transaction"]:
            if not confirmed:
                return _result(due=not self.check_mode, changed=self.check_mode, messages=[_INTERRUPTED, _CONFIRM])
            limits = {name: options[name] for name in ("timeout", "stable")}
            self.run_module("host_restart", {**host_options(options), **limits, "operation": "undo"}, UndoResult)
            state = self.state(options, fresh=True)
        kept = self.run_module("host_remove", {**host_options(options), "operation": "list"}, OriginResult)
        original = None if kept["settings"] is None else base64.b64decode(kept["settings"])
        removal = Removal(state, original, kept["opened"])
        forgets = options["records"] and state["last_run"] is not None
        if not removal.parts and not forgets:
            return _result(messages=["There is nothing of this collection to take away on this host."])
        told = removal.told() if removal.parts else []
        if forgets:
            told.append(f"To go as well: {_RECORDS}. Nothing can be brought back then.")
        if not confirmed:
            return _result(
                changed=self.check_mode,
                due=not self.check_mode,
                messages=told if self.check_mode else [*told, _CONFIRM],
                diff=_difference(state, removal),
            )
        transaction = self._removed(options, state, removal) if removal.parts else ""
        if forgets:
            self.run_module("host_remove", {**host_options(options), "operation": "forget"}, RemoveResult)
            transaction = ""
        return _result(
            changed=True,
            messages=_done(removal, transaction, forgets),
            diff=_difference(state, removal),
            transaction=transaction,
        )

    def _removed(self, options: dict[str, t.Any], state: dict[str, t.Any], removal: Removal) -> str:
        """Have the host take everything away in one transaction; its name."""
        host = host_options(options)
        if removal.content is not None:
            self._write_settings(options, state, removal)
        if state["follower"]:
            self.run_module("host_certificate", {**host, "operation": "forget"}, RemovalResult)
        if state["proxy"] and state["proxy"]["site"]:
            self.run_module("host_proxy", host, RemovalResult)
        if state["acme"] and state["acme"]["hook"]:
            self.run_module("host_acme", {**host, "operation": "remove"}, ModuleResult)
        done = self.run_module(
            "host_remove",
            {
                **host,
                "operation": "remove",
                "keep_certificate": removal.keeps_certificate,
                "keep_states": options["keep_states"],
                # What is forgotten cannot be gone back to.
                "watch_minutes": 0 if options["records"] else options["watch_minutes"],
                "timeout": options["timeout"],
                "stable": options["stable"],
            },
            RemoveResult,
        )
        return done["transaction"] or ""

    def _write_settings(self, options: dict[str, t.Any], state: dict[str, t.Any], removal: Removal) -> None:
        settings, page = state["settings"], state["login_page"]
        written = self.run_module(
            "host_settings",
            {
                **host_options(options),
                "content": base64.b64encode(removal.content or b"").decode("ascii"),
                "sha256": settings["sha256"],
                "managed": json.dumps(removal.managed),
                "timeout": options["timeout"],
                "as_found": True,
                "login_removed": bool(page["files"]) and not removal.keeps_login_page,
            },
            SettingsResult,
        )
        if written["conflict"]:
            raise UserError(f"{settings['path']} was changed by somebody else meanwhile. Run this again.")


def _result(
    changed: bool = False,
    due: bool = False,
    messages: t.Sequence[str] = (),
    diff: list[dict[str, str]] | None = None,
    transaction: str = "",
) -> dict[str, t.Any]:
    result: dict[str, t.Any] = {"changed": changed, "due": due, "messages": list(messages), "transaction": transaction}
    return result if diff is None else {**result, "diff": diff}


def _done(removal: Removal, transaction: str, forgets: bool) -> list[str]:
    """What was done, and what it means."""
    parts = [*removal.parts, *([_RECORDS] if forgets else [])]
    messages = [f"Gone, and proved: {'; '.join(parts)}.", *removal.stays]
    messages += [f"Open now: {each}" for each in removal.opened]
    if transaction:
        messages.append("To undo this: pifleet.nodered.restore with -e nodered_restore=last")
    return [*messages, "The next run of pifleet.nodered.secure secures this host again: take it out of the inventory."]


def _difference(state: dict[str, t.Any], removal: Removal) -> list[dict[str, str]]:
    path, present = state["settings"]["path"], state["settings"]["content"]
    shown = []
    if removal.content is not None:
        try:
            shown.append(settings_difference(path, (present or b"").decode("utf-8"), removal.content.decode("utf-8")))
        except (SettingsError, UnicodeDecodeError):
            shown.append(difference(path, "what cannot be read\n", "what it was\n"))
    if removal.others:
        shown.append(difference("other parts", "".join(f"{part}\n" for part in removal.others), ""))
    return shown
