# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action plugins share: checked arguments, visits to the host that print no secret, one way to fail."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import getpass
import platform
import re
import secrets
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.host_state import (
    Checksum,
    FailureDetails,
    HostState,
)
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.layout import LOCK_TIMEOUT
from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line, printable
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import decrypted
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.certificates import describe, public_key_fingerprint
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.names import PkiError

from .answers import Shape, ShapeError, checked, failure_message, how_it_ended, parsed
from .bounds import bounded
from .facts import refuse_facts
from .keepalive import keep_alive
from .look_program import MODULE as LOOK
from .look_program import look_program
from .supported import require_lasting_disks, require_node_red


class HostCertificate(t.TypedDict):
    """What other hosts of a run are told of the certificate that a host has; all empty without one."""

    #: SHA-256 of the public key, see `public_key_fingerprint`.
    public_key: Checksum
    #: Who has signed it, for a message; empty where that is the host itself, or whoever renews it there.
    issuer: str
    #: What the user asks for to be in it, see `nodered_certificate_names`; not the host's word.
    asked: list[str]


def host_certificate(state: t.Mapping[str, t.Any], asked: t.Iterable[str] = ()) -> HostCertificate:
    """From what the module host_info returned."""
    chain = state["certificate"]["chain"] or ""
    public_key = issuer = ""
    with contextlib.suppress(PkiError):
        public_key = public_key_fingerprint(chain)
        said = describe(chain)
        issuer = "" if said["self_signed"] or state["acme"] or state["follower"] else one_line(said["issuer"])
    return {"public_key": public_key, "issuer": issuer[:255], "asked": list(asked)}


#: Seconds for a module that reads, where nothing else is asked for, and for one that changes: a Pi Zero makes a large key,
#: certbot waits for its server, Node-RED stops, starts, is put back and starts again.
LONGEST_LOOK = 180
LONGEST_CHANGE = 1800
#: How often a module that changes may wait for its option `timeout`: its settings load, and Node-RED stops and starts, twice
#: where it goes back.
_WAITS = 5
#: Seconds for which a visit waits on the host for another run, before it says so.
_SHORT_WAIT = 10
#: The modules that change a service, and so have to know of which run they are.
_CHANGING = (
    "host_settings",
    "host_certificate",
    "host_acme",
    "host_proxy",
    "host_restart",
    "host_restore",
    "host_remove",
)
#: What this run is called on the hosts. Made at import, once in the process that those of the tasks are forked from.
_RUN = (
    f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}-{secrets.token_hex(4)}"
    f" {re.sub(r'[^A-Za-z0-9_.@-]', '_', f'{getpass.getuser()}@{platform.node()}')[:100]}"
)
#: What the connection says where the program of `become` asks for a password, and none or a wrong one was given.
_PASSWORD_MISSING = re.compile(r"^Missing (\w+) password")
_PASSWORD_WRONG = re.compile(r"^Incorrect (\w+) password")
_HOST_OPTIONS = ("service", "user", "user_dir", "settings_path")


def host_options(options: dict[str, t.Any]) -> dict[str, t.Any]:
    """The options that say which Node-RED of a host is meant, as every module on the host takes them."""
    return {name: options[name] for name in _HOST_OPTIONS}


class HostAction(ActionBase):
    """An action that compares on the control node and goes to the host only when it must."""

    TRANSFERS_FILES = False
    #: What this task has seen of the host itself, and so has checked.
    _seen: HostState | None = None
    #: What is known of the host, wherever it comes from.
    _known: t.Mapping[str, t.Any] | None = None
    #: The run that had worked on the host last when this one looked at it first; None before.
    _run_seen: str | None = None
    #: What the last module has answered, None where that was no answer, and the result of the command that it was.
    _answer: tuple[dict[str, t.Any] | None, t.Mapping[str, t.Any]] = (None, {})
    #: The argument specification.
    spec: t.ClassVar[dict[str, dict[str, t.Any]]] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
        # The validator's own failure would carry the arguments, and with them the source lines of secrets.
        validation = ArgumentSpecValidator(self.spec).validate(decrypted(self._task.args))
        if validation.error_messages:
            prefix = "Unsupported options: " if validation.unsupported_parameters else ""
            result.update(failed=True, msg=prefix + "; ".join(validation.error_messages))
            return result
        try:
            refuse_facts(self.task_vars)
            keep_alive(self._connection)
            outcome = self.execute(validation.validated_parameters)
        except UserError as failure:
            outcome = {"failed": True, "msg": str(failure), **failure.details}
            # As the action debug does: each line of the journal is printed on a line of its own.
            outcome["_ansible_verbose_always"] = bool(failure.details.get("journal"))
        # What no callback prints stays as it is, for the tasks that it is handed on to.
        result.update(outcome if outcome.get("_ansible_no_log") else _printable(outcome))
        # The one fact of a host that Ansible goes on with, as it found it itself: where its Python is.
        if self._discovered_interpreter_key:
            result["ansible_facts"] = {self._discovered_interpreter_key: self._discovered_interpreter}
        return result

    def warn(self, message: str) -> None:
        """Tell the user at once, and not in the result of the task."""
        self._display.warning(printable(message))

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """The result of the task, from its checked options."""
        raise NotImplementedError

    @property
    def remote_address(self) -> str | None:
        """The name or address that the control node connects to; None for a connection that has none."""
        return self._play_context.remote_addr or None

    def certificates_of_others(self) -> dict[str, HostCertificate]:
        """The certificates of the other hosts of this play, by their names, as far as this run has seen them.

        They are those hosts' word: good for a warning, or where several agree, and for nothing else.
        """
        present: dict[str, HostCertificate] = {}
        hosts: t.Any = self.task_vars.get("hostvars")
        if hosts is None:
            return present
        for name in self.task_vars.get("ansible_play_hosts_all", ()):
            if name == self.task_vars["inventory_hostname"]:
                continue
            # Without templates: what is looked for are results.
            variables = hosts.raw_get(name)
            with contextlib.suppress(ShapeError):
                if isinstance(seen := variables.get("nodered_preflight"), t.Mapping) and "certificate" in seen:
                    present[name] = checked(HostCertificate, seen["certificate"], name)
                elif "nodered_info" in variables:
                    present[name] = host_certificate(checked(HostState, variables["nodered_info"], name))
        return present

    def inventory_address(self, name: str) -> str:
        """The ansible_host that the inventory has for a host as plain text, else the empty text.

        Read from the inventory itself: `hostvars` would put all variables of all hosts together for every host.
        """
        inventory = getattr(self.task_vars.get("hostvars"), "_inventory", None)
        host = inventory.get_host(name) if inventory else None
        return str(host.vars.get("ansible_host", "")) if host else ""

    def names_of_inventory(self) -> list[str]:
        """What all hosts of the inventory are called there, and where it has them as plain text their addresses."""
        names = [str(name) for name in self.task_vars.get("groups", {}).get("all", ())]
        return [*names, *filter(None, map(self.inventory_address, names))]

    @property
    def is_here(self) -> bool:
        """Whether the host is the control node itself."""
        return self._connection.transport == "local"

    @property
    def check_mode(self) -> bool:
        return bool(self._task.check_mode)

    def run_module(
        self, module: str, options: dict[str, t.Any], shape: type[Shape], seconds: float | None = None
    ) -> Shape:
        """Run one of this collection's modules on the host, hidden from every log.

        :param shape: what it returns on success, a TypedDict of `host_state`; nothing else of its answer is kept
        :param seconds: how long it may take, whatever the host does; None for what a change may take
        :raises UserError: it failed, took longer, or its answer is none of the module's; or it would change a host that
            keeps no change; with ``became_root`` false in its details where nobody let it become root, so that nothing ran
        """
        if module in _CHANGING:
            options = {**options, "run": _RUN, "run_seen": self._run_seen}
        if seconds is None:
            seconds = LONGEST_CHANGE + _WAITS * options.get("timeout", 0)
        # Going back, and what ends a change or only reads, must not be stopped.
        if self._known and module != "host_info" and options.get("operation") not in ("undo", "commit", "list"):
            require_lasting_disks(self._known)
        try:
            with bounded(seconds, self._connection.transport == "ssh"), self._hidden():
                self._execute_module(
                    module_name=f"pifleet.nodered.{module}",
                    module_args={name: value for name, value in options.items() if value is not None},
                    task_vars=self.task_vars,
                )
        except AnsibleConnectionFailure:
            # Why it failed was hidden as well. A command that has nothing to hide fails for the same reason.
            self._low_level_execute_command("true", sudoable=False)
            raise
        except AnsibleError as error:
            if program := _PASSWORD_WRONG.search(str(error)):
                raise UserError(
                    f"{error}. Correct what the inventory has as ansible_become_password of this host, or what was given for"
                    f" -K: it must be the password of the user that {program[1]} asks there.",
                    became_root=False,
                ) from None
            if not (program := _PASSWORD_MISSING.search(str(error))):
                raise
            raise UserError(
                f"{error}. Add -K (--ask-become-pass) to the command, or keep the password of {program[1]} as"
                " ansible_become_password in a vault.",
                became_root=False,
            ) from None
        answer, printed = self._answer
        if answer is None:
            raise UserError(f"The module ended before it had done its work: {how_it_ended(printed)}.")
        if answer.get("failed"):
            raise UserError(failure_message(answer), **checked(FailureDetails, answer, module))
        return checked(shape, answer, module)

    def _configure_module(self, module_name: str, module_args: dict[str, t.Any], task_vars: t.Any) -> t.Any:
        """Ansible's own, but with another program for the module that most runs consist of."""
        configured = super()._configure_module(module_name, module_args, task_vars)
        if module_name != LOOK:
            return configured
        program = look_program(module_args)
        if len(configured) == 2:
            built, path = configured
            return dataclasses.replace(built, b_module_data=program), path
        # Before ansible-core 2.19.
        style, shebang, _data, path = configured
        return style, shebang, program, path

    def look(
        self,
        options: dict[str, t.Any],
        details: bool = False,
        dependents: bool = False,
        seconds: float = LONGEST_LOOK,
        source: dict[str, str] | None = None,
        proxy_ports: t.Sequence[int] = (),
        patience: float = LOCK_TIMEOUT,
    ) -> HostState:
        """Visit the host once, and read everything that its Node-RED is known by.

        While another run works there, it is visited again: a look that waits on the host could not be told from a host that
        hangs.

        :param options: with those of `host_options`
        :param details: whether to read also what only an audit wants to know
        :param dependents: whether to read also who depends on a server that speaks plain HTTP
        :param seconds: as in `run_module`, for each visit
        :param source: the options that say which certificate of the host is to be followed, if any
        :param proxy_ports: the ports that a proxy is to have, if any
        :param patience: seconds to wait for another run; what is seen after that is what there is
        :raises UserError: as `run_module`
        """
        deadline = time.monotonic() + patience
        asked = {
            **host_options(options),
            "details": details,
            "dependents": dependents,
            "proxy_ports": list(proxy_ports),
            **(source or {}),
        }
        waiting = False
        while True:
            visited = time.monotonic()
            left = max(0.0, deadline - visited)
            # Of the time that a host has for its answer, most is for the reading.
            asked["patience"] = min(left, _SHORT_WAIT, seconds / 4)
            self._seen = self.run_module("host_info", asked, HostState, seconds)
            if not self._seen["busy"] or not left:
                return self._seen
            if not waiting:
                waiting = True
                self._say_who_is_waited_for(self._seen["last_run"], left)
            # One that has not waited itself is not visited all the time.
            time.sleep(max(0.0, visited + asked["patience"] - time.monotonic()))

    def _say_who_is_waited_for(self, run: str | None, seconds: float) -> None:
        begun, _space, owner = (run or "").partition(" ")
        which = f", the one of {begun} by {owner.partition(' ')[0]}" if owner else ""
        host = self.task_vars["inventory_hostname"]
        self._display.display(
            one_line(f"{host}: Another run works on this host{which}. It is waited for, {seconds:.0f} s at most.")
        )

    def _parse_returned_data(self, res: t.Any, *arguments: t.Any) -> t.Any:
        """Keep what a module has printed, and have Ansible make of it an answer with nothing in it.

        Ansible itself hands what it cannot read on to every callback, and takes orders from what it can. What it makes
        of an answer differs from one of its versions to the next.
        """
        self._answer = (parsed(res.get("stdout", "")), res)
        return super()._parse_returned_data({**res, "stdout": "{}", "stderr": ""}, *arguments)

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

    def state(
        self,
        options: dict[str, t.Any],
        fresh: bool = False,
        source: dict[str, str] | None = None,
        proxy_ports: t.Sequence[int] = (),
    ) -> dict[str, t.Any]:
        """What is known of the host: what the task was handed, else one visit.

        UserError where there is no Node-RED that this collection can manage. The texts of the settings are bytes.
        """
        state: t.Mapping[str, t.Any]
        handed = None if fresh else options.get("host_info")
        if not handed:
            state = self.look(options, source=source, proxy_ports=proxy_ports)
        elif self._seen is not None and handed is self._seen:
            state = self._seen
        else:
            try:
                state = checked(HostState, handed, "host_info")
            except ShapeError:
                raise UserError("`host_info` must be what pifleet.nodered.host_info returned.") from None
        require_node_red(state)
        self._known = state
        if self._run_seen is None:
            self._run_seen = state["last_run"] or ""
        settings: dict[str, t.Any] = {**state["settings"]}
        for name in ("content", "stock"):
            if settings[name] is not None:
                settings[name] = base64.b64decode(settings[name])
        return {**state, "settings": settings}


def _printable(value: t.Any) -> t.Any:
    """The same with every string printable, the keys of dictionaries too."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, t.Mapping):
        return {_printable(key): _printable(each) for key, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, (list, tuple)) else value
