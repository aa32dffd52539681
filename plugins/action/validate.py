# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import glob
import pathlib
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Kind, Subject
from ansible_collections.pifleet.nodered.plugins.plugin_utils._inventory.host_variables import HostVariables
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.inventory import check_shared
from ansible_collections.pifleet.nodered.plugins.plugin_utils._validation.host_checks import check_file, check_host
from ansible_collections.pifleet.nodered.plugins.plugin_utils._validation.results import (
    merge_shared_findings,
    result_data,
)


class ActionModule(HostAction):
    """Checks the variables of a host, or settings files, on the control node alone."""

    _requires_connection = False
    spec = argument_spec("validate")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        today = datetime.datetime.now(datetime.UTC).date()
        warnings: list[str] = []
        if options["files"] is None:
            results, warnings = self._host(options, today)
        elif options["files"] or options["results"]:
            files = [check_file(path, today) for path in _matching(options["files"])]
            results = merge_shared_findings(options["results"])
            results += [result_data(subject, findings, options["suppressions"]) for subject, findings in files]
        else:
            raise UserError(
                "There is nothing to validate: nodered_hosts names no host of the inventory, and"
                " nodered_validate_files names no file."
            )
        return {"changed": False, "results": results, "warnings": warnings}

    def _host(self, options: dict[str, t.Any], today: datetime.date) -> tuple[list[dict[str, t.Any]], list[str]]:
        name = self.task_vars["inventory_hostname"]
        variables = HostVariables(self.task_vars, self._templar, self.task_vars.get("inventory_file"))
        findings = check_host(name, variables, options["settings"], today)
        play = self.task_vars.get("ansible_play_hosts_all", [name])
        if name == play[0]:
            findings += check_shared({name: variables, **{other: self._variables_of(other) for other in play[1:]}})
        subject = Subject(name, Kind.HOST)
        if not variables.undecryptable:
            return [result_data(subject, findings, options["suppressions"])], []
        return [result_data(subject, findings, options["suppressions"], secrets=False)], [
            "Secrets that could not be decrypted here were not checked. Give the password of the vault to have them checked."
        ]

    def _variables_of(self, host: str) -> HostVariables:
        raw = self.task_vars["hostvars"].raw_get(host)
        return HostVariables(raw, self._templar, raw.get("inventory_file"))


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
