# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action plugins share: checked arguments, visits to the host that print no secret, one way to fail."""

from __future__ import annotations

import base64
import contextlib
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import redact
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError


class HostCertificate(t.NamedTuple):
    """The certificate that a host has."""

    #: In PEM, with its intermediate certificates; None without one.
    chain: bytes | None
    #: Whether certbot fetched it.
    is_from_acme: bool

    @classmethod
    def of(cls, state: t.Mapping[str, t.Any]) -> HostCertificate:
        """From what the module host_info returned, or the part of it that `preflight` hands on."""
        chain = state["certificate"]["chain"]
        return cls(chain.encode("utf-8") if chain else None, bool(state["acme"]))


_HOST_OPTIONS = ("service", "user", "user_dir", "settings_path")


def host_options(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """The options that say which Node-RED of a host is meant, as every module on the host takes them."""
    return {name: options[name] for name in _HOST_OPTIONS}


class HostAction(ActionBase):
    """An action that compares on the control node and goes to the host only when it must."""

    TRANSFERS_FILES = False
    #: The argument specification.
    spec: t.ClassVar[dict[str, dict[str, t.Any]]] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
        # The validator's own failure would carry the arguments, and with them the source lines of secrets.
        validation = ArgumentSpecValidator(self.spec).validate(self._task.args)
        if validation.error_messages:
            prefix = "Unsupported options: " if validation.unsupported_parameters else ""
            result.update(failed=True, msg=prefix + "; ".join(validation.error_messages))
            return result
        try:
            result.update(self.execute(validation.validated_parameters))
        except UserError as failure:
            result.update(failed=True, msg=str(failure), **failure.details)
        return result

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """The result of the task, from its checked options."""
        raise NotImplementedError

    @property
    def remote_address(self) -> str | None:
        """The name or address that the control node connects to; None for a connection that has none."""
        return self._play_context.remote_addr or None

    def certificates_of_hosts(self) -> dict[str, HostCertificate]:
        """The certificates of the hosts of this play, by their names, as far as this run has seen them."""
        present: dict[str, HostCertificate] = {}
        hosts = self.task_vars.get("hostvars")
        if hosts is None:
            return present
        for name in self.task_vars.get("ansible_play_hosts_all", ()):
            # Without templates: what is looked for are results.
            variables = hosts.raw_get(name)
            for state in (variables.get("nodered_info"), (variables.get("nodered_preflight") or {}).get("host_info")):
                if isinstance(state, t.Mapping) and "certificate" in state:
                    present[name] = HostCertificate.of(state)
        return present

    def inventory_address(self, name: str) -> str:
        """The ansible_host that the inventory has for a host as plain text, else the empty text.

        Read from the inventory itself: `hostvars` would put all variables of all hosts together for every host.
        """
        inventory = getattr(self.task_vars.get("hostvars"), "_inventory", None)
        host = inventory.get_host(name) if inventory else None
        return str(host.vars.get("ansible_host", "")) if host else ""

    @property
    def check_mode(self) -> bool:
        return bool(self._task.check_mode)

    def run_module(self, module: str, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run one of this collection's modules on the host, hidden from every log; UserError when it fails."""
        try:
            with self._hidden():
                result = self._execute_module(
                    module_name=f"pifleet.nodered.{module}",
                    module_args={name: value for name, value in options.items() if value is not None},
                    task_vars=self.task_vars,
                )
        except AnsibleConnectionFailure:
            # Why it failed was hidden as well. A command that has nothing to hide fails for the same reason.
            self._low_level_execute_command("true", sudoable=False)
            raise
        result.pop("invocation", None)
        if result.get("failed"):
            message = result.pop("msg", None)
            # What Ansible says of a module that was killed, or that has a fault, helps nobody.
            if not message or "module_stdout" in result:
                message = _failure_message(result)
            details = {key: value for key, value in result.items() if key not in ("failed", "changed", "exception")}
            raise UserError(message, **details)
        return result

    @contextlib.contextmanager
    def _hidden(self) -> t.Iterator[None]:
        """Keep the connection plugin from printing what a module returns, as it does at -vvv."""
        # Since ansible-core 2.19 the connection has a play context of its own.
        contexts = [self._play_context, getattr(self._connection, "_play_context", self._play_context)]
        former = [context.no_log for context in contexts]
        for context in contexts:
            context.no_log = True
        try:
            yield
        finally:
            for context, no_log in zip(contexts, former, strict=False):
                context.no_log = no_log

    def state(self, options: dict[str, t.Any], fresh: bool = False) -> dict[str, t.Any]:
        """What is known of the host: what the task was handed, else one visit.

        UserError where there is no Node-RED that this collection can manage. The texts of the settings are bytes.
        """
        state = None if fresh else options.get("host_info")
        if not state:
            state = self.run_module("host_info", host_options(options))
        if "service" not in state or "settings" not in state:
            raise UserError("`host_info` must be what pifleet.nodered.host_info returned.")
        require_node_red(state)
        settings = dict(state["settings"])
        for name in ("content", "stock"):
            if settings[name] is not None:
                settings[name] = base64.b64decode(settings[name])
        return {**state, "settings": settings}


def _failure_message(result: dict[str, t.Any]) -> str:
    """Why a module ended without a message of its own."""
    # Since ansible-core 2.19 an exception is an object with its message, before it was the text of the traceback.
    event = getattr(result.get("exception"), "event", None)
    lines = (
        [event.msg]
        if event
        else [str(result.get(key) or "") for key in ("exception", "module_stdout", "module_stderr")]
    )
    lines = "\n".join(lines).strip().splitlines()
    last = redact(lines[-1].strip()) if lines else "it said nothing, as if it had been killed"
    return f"The module ended before it had done its work: {last}."


def require_node_red(state: dict[str, t.Any]) -> None:
    """UserError unless the host has a service that starts a Node-RED of a supported version."""
    name = state["service"]["name"]
    if not state["service"]["exists"]:
        raise UserError(
            f"This host has no service {name}. Install Node-RED first (role pifleet.nodered.install), or set"
            " nodered_service to the service that runs it."
        )
    version = state["node_red"]["version"]
    if version is None:
        raise UserError(
            f"The service {name} is there, but no Node-RED was found that it could start. Install it first (role"
            " pifleet.nodered.install)."
        )
    if int(version.split(".")[0]) < 3 or version.startswith("3.0."):
        raise UserError(
            f"Node-RED {version} is too old: this collection supports 3.1 and newer. Update Node-RED first."
        )
