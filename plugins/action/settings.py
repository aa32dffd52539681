# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import AccountError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import HOST_OPTIONS, Failure, HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._arguments import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._differences import settings_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._passwords import PasswordError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings_document import (
    Expression, SettingsDocument, SettingsError,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._wishes import WishError, Wishes

#: How often a file that its owner changes while we work is read anew.
ATTEMPTS = 3


class ActionModule(HostAction):
    """Edits settings.js on the control node, and sends it to the host only when a byte differs."""

    spec = argument_spec("settings")
    errors = (AccountError, PasswordError, WishError)

    def act(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        state = self.state(options)
        for _attempt in range(ATTEMPTS):
            result = self._edit(options, state)
            if result is not None:
                return result
            state = self.state(options, fresh=True)
        raise Failure(f"{state['settings']['path']} was changed {ATTEMPTS} times by somebody else while it was edited.")

    def _edit(self, options: dict[str, t.Any], state: dict[str, t.Any]) -> dict[str, t.Any] | None:
        """The result, or None when the file has changed since it was read."""
        found = state["settings"]
        path = found["path"]
        wishes = Wishes(options, state["user_dir"]["path"])
        original = found["content"] if found["content"] is not None else found["stock"]
        if original is None:
            raise Failure(f"There is no {path}, and none was found in {state['node_red']['path']} to begin with.")
        try:
            document = SettingsDocument(original)
            revoked = wishes.apply(document, hashing=options["write"])
        except (SettingsError, WishError) as error:
            raise Failure(f"{path}: {error}") from None
        changes = list(document.changes())
        self._check_overrides(state, changes)
        if not options["write"]:
            return {"changed": False, "path": path, "changes": []}
        edited = document.source
        if edited == found["content"]:
            return {"changed": False, "path": path, "changes": []}
        written = self.visit("host_settings", {
            **{name: options[name] for name in HOST_OPTIONS},
            "content": base64.b64encode(edited).decode("ascii"), "sha256": found["sha256"],
            "managed": json.dumps(self._managed(document, wishes)), "load_tls": options["https"],
            "revoke": revoked, "timeout": options["load_timeout"],
        })
        if written["conflict"]:
            return None
        before = (found["content"] or b"").decode("utf-8")
        return {
            "changed": True, "path": path, "changes": changes,
            "diff": settings_difference(path, before, edited.decode("utf-8")),
            "transaction": written.get("transaction", ""),
        }

    @staticmethod
    def _check_overrides(state: dict[str, t.Any], changes: list[str]) -> None:
        """Failure when the command line of the service sets a key again that settings.js is to set."""
        managed = {key.split(".")[0] for key in changes} | {"adminAuth", "https"}
        for name in state["overrides"]:
            if name.split(".")[0] in managed:
                raise Failure(
                    f"The service sets {name} by -D on its command line or in NODE_RED_OPTIONS, which wins over"
                    " settings.js. Remove it from the unit or from the environment file in the userDir.")

    @staticmethod
    def _managed(document: SettingsDocument, wishes: Wishes) -> list[dict[str, t.Any]]:
        """What the host's Node.js must find under each managed key, as far as the key has a value of its own."""
        managed = []
        for path in wishes.paths(document):
            value = document.get(path)
            if not isinstance(value, Expression):
                managed.append({"path": list(path), "value": value})
            elif path == ("https",):
                managed.append({"path": list(path), "type": "function"})
        return managed
