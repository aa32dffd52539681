# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import glob
import pathlib
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.vars import load_extra_vars

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec, validated
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Kind, Subject
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import (
    HostVariables,
    is_stand_in,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.layers import hidden_keys
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.vars_files import source_directories
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.inventory import check_command_line, check_shared
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.inventory_files import check_files, check_hidden
from ansible_collections.pifleet.nodered.plugins.plugin_utils._validation.host_checks import check_file, check_host
from ansible_collections.pifleet.nodered.plugins.plugin_utils._validation.results import (
    merge_shared_findings,
    result_data,
)

#: What the report of a validation is told. Ansible would evaluate them with their lookups.
_REPORT_VARIABLES = (
    "nodered_report_dir",
    "nodered_report_formats",
    "nodered_fail_severity",
    "nodered_baseline",
    "nodered_baseline_write",
)


class ActionModule(HostAction):
    """Checks the variables of a host, or settings files, on the control node alone."""

    _requires_connection = False
    spec = argument_spec("validate")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        today = datetime.datetime.now(datetime.UTC).date()
        # Only who runs it may say so, not the inventory.
        allowed = load_extra_vars(self._loader).get("nodered_validate_lookups", False)
        self._lookups = boolean(allowed if options["lookups"] is None else options["lookups"], strict=False)
        variables = self._variables(self.task_vars)
        suppressions = self._option(options, "suppressions", variables, "nodered_suppressions")
        if options["files"] is None and options["results"] is None:
            settings = self._option(options, "settings", variables, "nodered_validate_settings")
            return {"changed": False, **self._host(variables, settings, suppressions, today)}
        patterns = self._option(options, "files", variables, "nodered_validate_files")
        results = options["results"]
        if not patterns and not results:
            raise UserError(
                "There is nothing to validate: nodered_hosts names no host of the inventory, and"
                " nodered_validate_files names no file."
            )
        files = [check_file(path, today) for path in _matching(patterns or [])]
        results = merge_shared_findings(results or [])
        results += [result_data(subject, findings, suppressions) for subject, findings in files]
        told = {name: _known(variables, name) for name in _REPORT_VARIABLES}
        return {
            "changed": False,
            "results": results,
            "variables": {name: value for name, value in told.items() if value is not None},
        }

    def _host(
        self, variables: HostVariables, settings: str | None, suppressions: t.Any, today: datetime.date
    ) -> dict[str, t.Any]:
        name = self.task_vars["inventory_hostname"]
        findings = check_host(name, variables, settings, today)
        findings += check_command_line(variables, load_extra_vars(self._loader), name)
        sources = self.task_vars.get("ansible_inventory_sources") or []
        findings += check_hidden(hidden_keys(self.task_vars["hostvars"], self._loader, sources, name), name)
        play = self.task_vars.get("ansible_play_hosts_all", [name])
        if name == play[0]:
            hosts: t.Any = self.task_vars["hostvars"]
            others = {other: self._variables(hosts.raw_get(other)) for other in play[1:]}
            findings += check_shared({name: variables, **others})
            findings += check_files(source_directories(sources), name)
        warnings = []
        if variables.undecryptable:
            warnings.append(
                "Secrets that could not be decrypted here were not checked. Give the password of the vault to have them"
                " checked."
            )
        if variables.refused:
            warnings.append(
                "Lookups in variables were not evaluated, and what needs them was not checked. If you trust the inventory,"
                " have it checked with -e nodered_validate_lookups=true."
            )
        subject = Subject(name, Kind.HOST)
        return {
            "results": [result_data(subject, findings, suppressions, secrets=not warnings)],
            "warnings": warnings,
        }

    def _option(self, options: dict[str, t.Any], option: str, variables: HostVariables, name: str) -> t.Any:
        """The value of an option, or of the variable that stands for it where the task does not give it."""
        if options[option] is not None:
            return options[option]
        value = _known(variables, name)
        # As with `default(omit, true)`, an empty one is none.
        if not value:
            return None
        checked = validated(self.spec, {option: value})
        if checked is None:
            raise UserError(f"{name} has a value of the wrong kind.")
        return checked[option]

    def _variables(self, raw: t.Mapping[str, t.Any]) -> HostVariables:
        return HostVariables(raw, self._templar, raw.get("inventory_file"), self._lookups)


def _known(variables: HostVariables, name: str) -> t.Any:
    """The value of a variable of the playbook; None where it is not set, or where only a lookup knows it.

    :raises UserError: it has no value
    """
    if name not in variables.names:
        return None
    value, missing = variables.value(name), variables.missing(name)
    if missing:
        raise UserError(f"{name} has no value: {missing[0].reason}.")
    return None if is_stand_in(value) else value


def _matching(patterns: list[str]) -> list[pathlib.Path]:
    """The files that the patterns name, each once. UserError where one of them names none."""
    found: dict[str, None] = {}
    for pattern in patterns:
        names = glob.glob(pattern, recursive=True, include_hidden=True)
        files = sorted(name for name in names if not pathlib.Path(name).is_dir())
        if not files:
            raise UserError(
                f"There is no file {pattern} in {pathlib.Path.cwd()}, so that nothing would be validated. Correct"
                " nodered_validate_files."
            )
        found.update(dict.fromkeys(files))
    return list(map(pathlib.Path, found))
