# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
    CredentialsEvidence,
    SettingsResult,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction, host_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.diff import settings_difference
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.analysis import (
    Status,
    analyse,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._credentials.recovery import Recovery, recovery
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._javascript.parser import SettingsError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument


class ActionModule(HostAction):
    """Finds on the control node how lost credentials can be read again; the restart brings them back."""

    spec = argument_spec("credentials")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        state = self.state(options)
        settings = state["settings"]
        original = settings["content"] if settings["content"] is not None else settings["stock"]
        if original is None:
            raise UserError(
                f"There is no {settings['path']}, so it cannot be told what Node-RED does with its credentials."
            )
        try:
            document = SettingsDocument(original)
            found = analyse(state, document)
            readable = found.status is Status.READABLE
            plan = None if readable else recovery(found, self._evidence(options), options["credential_secret"])
            if plan is None:
                return {"changed": False, "messages": [], "proved": _proved(state)}
            if plan.secret is not None:
                document.set(("credentialSecret",), plan.secret)
        except SettingsError as error:
            raise UserError(f"{settings['path']}: {error}") from None
        return {
            "changed": True,
            "messages": list(plan.messages),
            "proved": _proved(state),
            "diff": settings_difference(settings["path"], original.decode("utf-8"), document.source.decode("utf-8")),
            **self._written(options, state, document, plan),
        }

    def _evidence(self, options: dict[str, t.Any]) -> CredentialsEvidence:
        return self.run_module("host_credentials", host_options(options), CredentialsEvidence)

    def _written(
        self, options: dict[str, t.Any], state: dict[str, t.Any], document: SettingsDocument, plan: Recovery
    ) -> dict[str, t.Any]:
        managed = (
            []
            if plan.host_plan["secret"] is None
            else [{"path": ["credentialSecret"], "value": plan.host_plan["secret"]}]
        )
        written = self.run_module(
            "host_settings",
            {
                **host_options(options),
                "content": base64.b64encode(document.source).decode("ascii"),
                "sha256": state["settings"]["sha256"],
                "managed": json.dumps(managed),
                "credentials": json.dumps(plan.host_plan),
            },
            SettingsResult,
        )
        if written["conflict"]:
            raise UserError(f"{state['settings']['path']} was changed by somebody else meanwhile. Run this again.")
        return {"transaction": written.get("transaction", "")}


def _proved(state: dict[str, t.Any]) -> dict[str, bool]:
    """What the last proof has shown, for the next one to show no less."""
    expected = (state["proof"] or {}).get("expected", {})
    return {"https": bool(expected.get("tls")), "admin_auth": bool(expected.get("auth"))}
