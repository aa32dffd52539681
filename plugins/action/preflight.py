# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import functools
import typing as t

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import HostState, UndoResult
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.sentences import of_displaced, of_way_back
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts import passwords
from ansible_collections.pifleet.nodered.plugins.plugin_utils._accounts.users import admin_users
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action import answers
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import (
    HostAction,
    host_certificate,
    host_options,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.certificate_providers import (
    Provider,
    certificate_provider,
    follower_reasons,
    installed_fingerprint,
    source_options,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.dependents import (
    files_warning,
    ipv4_warning,
    plain_http_warning,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.proxy_change import ProxyChange, desired_proxy
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.revocation import within_reach
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.role_variables import role_variables
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.settings_change import (
    ServiceSettings,
    SettingsChange,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.supported import require_lasting_disks
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec, validated
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.module_options import module_options
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.certificates import PkiError, describe
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.drop_in import umask_of
from ansible_collections.pifleet.nodered.plugins.plugin_utils._service.restart_reasons import (
    CLOSED_UMASK,
    check_options,
    desired_environment,
    exposure,
    restart_reasons,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.document import SettingsDocument
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.listening import Listening
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.oidc_options import OidcOptions
from ansible_collections.pifleet.nodered.plugins.plugin_utils._settings.sign_on import certificate_warning

if t.TYPE_CHECKING:
    from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import DependentsState, UserState
    from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import Names

# What is made once and kept is made at import: once in the process that those of the tasks are forked from, one a host.

_SPECS = {module: argument_spec(module) for module in ("certificate", "settings", "proxy", "restart")}
answers.preload(HostState)
passwords.preload()
# An edit for which the parser needs all that it keeps. A library that is missing is told where it is needed.
with contextlib.suppress(UserError):
    SettingsDocument("module.exports = { title: 'é' }".encode()).set("title", "e")


class ActionModule(HostAction):
    """Visits the host once, checks all variables against it, and finds what has to change."""

    spec = argument_spec("preflight")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        variables = role_variables(self.task_vars, self._templar, "certificate", "settings", "proxy", "service")
        given = {module: validated(spec, module_options(module, variables)) for module, spec in _SPECS.items()}
        wrong = [module for module in _SPECS if given[module] is None]
        if wrong:
            raise UserError(
                f"A variable of the role {wrong[0]} has a value of the wrong kind. pifleet.nodered.validate names it."
            )
        certificate, settings, proxy, restart = (t.cast("dict[str, t.Any]", given[module]) for module in _SPECS)
        check_options(restart)
        wanted = desired_proxy(proxy)
        look = functools.partial(
            self.look,
            restart,
            dependents=restart["https"] or wanted is not None,
            seconds=restart["timeout"],
            source=source_options(certificate),
            proxy_ports=wanted.ports if wanted else [],
        )
        found = look()
        undone = False
        if found["transaction"] and not self.check_mode:
            undone = self._ended_interrupted(restart)
            found = look()
        if found["went_back"]:
            told = of_way_back(found["went_back"], found["service"]["name"])
            self.warn(one_line(f"{self.task_vars['inventory_hostname']}: {told}"))
        # What other hosts of the run are compared with, also where this one fails.
        of_host = host_certificate(found, certificate["names"])
        try:
            due, warnings, provider, listening = self._due(found, certificate, settings, proxy, restart)
            if due:
                require_lasting_disks(found)
        except UserError as error:
            if any(of_host.values()):
                error.details["certificate"] = of_host
            raise
        unheard = None if wanted else ipv4_warning(listening.host, self.remote_address, found["host"]["addresses"])
        if unheard:
            self.warn(f"{self.task_vars['inventory_hostname']}: {unheard}")
        if due:
            self._display.display(one_line(f"{self.task_vars['inventory_hostname']} has to change: {'; '.join(due)}"))
        else:
            # Else the tasks that follow give them.
            for warning in warnings:
                self.warn(warning)
        # A result's own mark hides it from every callback; `register` still gets it.
        return {
            "changed": undone,
            "due": due,
            "host_info": found if due else None,
            "certificate": of_host,
            "access": {
                **self._access(found, provider, settings),
                "listening": listening._asdict(),
                "proxy": wanted.https if wanted else None,
            },
            "_ansible_no_log": True,
        }

    def _ended_interrupted(self, restart: dict[str, t.Any]) -> bool:
        """Finish what a former run has left open and proved, or undo it: what is asked for now may be something else.

        :returns: whether files were put back
        """
        limits = {"timeout": restart["timeout"], "stable": restart["stable"]}
        undone = self.run_module("host_restart", {**host_options(restart), **limits, "operation": "undo"}, UndoResult)
        if undone["restored"]:
            aside = of_displaced(map(one_line, undone["displaced"]))
            self.warn(
                f"{self.task_vars['inventory_hostname']}: A former run was interrupted before it had proved its changes."
                f" They were undone before this one began.{aside}"
            )
        return undone["changed"]

    def _due(
        self,
        found: HostState,
        certificate: dict[str, t.Any],
        settings: dict[str, t.Any],
        proxy: dict[str, t.Any],
        restart: dict[str, t.Any],
    ) -> tuple[list[str], list[str], Provider | None, Listening]:
        """What has to change and why, as phrases, what the user should know anyway, who certifies, where Node-RED will listen."""
        known = {"host_info": found}
        state = self.state(known)
        provider = certificate_provider(self, certificate, state)
        reasons = provider.all_reasons() if provider else follower_reasons(state)
        edit = SettingsChange(ServiceSettings(self, {**settings, **known}), settings)
        due = [f"certificate ({', '.join(reasons)})"] if reasons else []
        if edit.is_due:
            due.append(f"settings.js ({', '.join(edit.changes) or 'credentials of flows'})")
        front = ProxyChange({**proxy, "settings_port": edit.listening.port}, state)
        if front.reasons:
            due.append(f"proxy ({', '.join(front.reasons)})")
        restart, unended = within_reach({**restart, "settings_port": edit.listening.port}, state)
        host = self.task_vars["inventory_hostname"]
        environment = desired_environment(state, restart["environment"])
        fingerprint = installed_fingerprint(state) if (restart["https"] or front.after) and not reasons else ""
        of_service = restart_reasons(state, restart, environment, fingerprint)
        of_service += [reason for reason in (exposure(state),) if reason]
        due += [f"service ({', '.join(of_service)})"] if of_service else []
        # Behind a proxy of the owner's, browsers see the certificate of that.
        if provider and not settings["trusted_proxies"]:
            self._warn_of_url(edit.sign_on_url, provider.names)
        if provider and found["dependents"]:
            self._warn_of_dependents(found, edit, provider, certificate["provider"], restart["umask"])
        warnings = [
            *(provider.warnings if provider else ()),
            *edit.warnings,
            *(f"{host}: {warning}" for warning in unended),
        ]
        return due, warnings, provider, edit.listening

    def _access(self, found: HostState, provider: Provider | None, settings: dict[str, t.Any]) -> dict[str, t.Any]:
        """How people come in, for what is told of the run at its end."""
        host = str(self.task_vars["inventory_hostname"])
        names = list(provider.names.dns) if provider else []
        with_domain = next((name for name in names if "." in name), None)
        authority, fingerprint = provider.trusted_source if provider else ("", "")
        sign_on = OidcOptions.from_option(settings["oidc"]) if settings["oidc"] else None
        ends = ""
        with contextlib.suppress(PkiError):
            ends = describe(found["certificate"]["chain"] or "")["not_after"]
        return {
            "name": host if host in names else with_domain or self.remote_address or host,
            "ssh": "" if self.is_here else self.remote_address or host,
            "proved": found["proof"]["expected"] if found["proof"] else None,
            "users": [user.username for user in admin_users(settings["admin_users"])]
            if settings["admin_users"]
            else [],
            "sign_on": sign_on.name if sign_on and sign_on.editor else "",
            "not_after": ends,
            "authority": authority,
            "authority_fingerprint": fingerprint,
        }

    def _warn_of_url(self, url: str, names: Names) -> None:
        """Tell where single sign-on leads to a name that the certificate lacks. Of this task alone, which looks at both.

        :param url: where browsers find this Node-RED for it; empty where nobody asks for it
        """
        warning = certificate_warning(url, names) if url else ""
        if warning:
            self.warn(f"{self.task_vars['inventory_hostname']}: {warning}")

    def _warn_of_dependents(
        self, found: HostState, edit: SettingsChange, provider: Provider, kind: str, umask: str | None
    ) -> None:
        """Tell who will be cut off. Of this task alone, because it is the one before the first change."""
        dependents, user = t.cast("DependentsState", found["dependents"]), t.cast("UserState", found["user"])
        warnings = [
            plain_http_warning(
                dependents,
                found["host"]["addresses"],
                edit.flow_file,
                provider.names,
                private=kind in ("ca", "selfsigned"),
            )
        ]
        # Another one is a choice of the owner's.
        if umask == CLOSED_UMASK and umask_of(found["service"]["drop_in"] or "") is None:
            warnings.append(files_warning(dependents, edit.flow_file, user["name"]))
        for warning in filter(None, warnings):
            self.warn(f"{self.task_vars['inventory_hostname']}: {warning}")
