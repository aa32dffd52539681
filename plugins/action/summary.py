# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import typing as t

from ansible import constants
from ansible.utils.display import Display

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._pki.certificates import (
    PkiError,
    fingerprint,
    fingerprint_for_people,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import files as report_files
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import run

#: What the tasks of the playbook `secure` register, and Ansible itself for a rescue.
_RESULTS = ("nodered_preflight", *run.LATER_RESULTS, "nodered_given_up", "ansible_failed_result")
_COLOURS = {
    run.Outcome.SECURED: constants.COLOR_CHANGED,
    run.Outcome.DUE: constants.COLOR_CHANGED,
    run.Outcome.UNCHANGED: constants.COLOR_OK,
    run.Outcome.FAILED: constants.COLOR_ERROR,
    run.Outcome.OFF: constants.COLOR_UNREACHABLE,
    run.Outcome.LEFT_OUT: constants.COLOR_SKIP,
}


class ActionModule(HostAction):
    """Tells what has become of the hosts of a run; none is visited."""

    spec = argument_spec("summary")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        hosts = [self._of_host(name) for name in self.task_vars["ansible_play_hosts_all"]]
        authorities = {host.authority: host.authority_fingerprint for host in hosts if host.authority}
        fingerprints = {each: found for each, known in authorities.items() if (found := known or _fingerprint(each))}
        for text, outcome in run.lines(hosts, fingerprints):
            Display().display(text, color=_COLOURS[outcome] if outcome else None)
        data = run.as_data(hosts, fingerprints)
        changed = bool(options["path"]) and self._write(pathlib.Path(options["path"]), data)
        # Ansible takes these for its statistics, as of set_stats: engines such as AWX keep them with the job.
        stats = {"data": {"nodered_summary": data}, "per_host": False, "aggregate": False}
        return {"changed": changed, "summary": data, "ansible_stats": stats}

    def _of_host(self, name: str) -> run.HostSummary:
        # Once for each host: all of its variables are put together whenever it is looked up.
        variables = self.task_vars["hostvars"][name]
        return run.of_host(name, {key: variables[key] for key in _RESULTS if key in variables}, self.check_mode)

    def _write(self, path: pathlib.Path, data: dict[str, t.Any]) -> bool:
        content = (json.dumps(data, indent=2) + "\n").encode("ascii")
        try:
            changed = report_files.beginning(path, len(content) + 1) != content
            if changed and not self.check_mode:
                report_files.write(path, content)
        except OSError as error:
            raise UserError(f"nodered_summary_path: {error.filename} cannot be written: {error.strerror}.") from None
        return changed


def _fingerprint(file: str) -> str:
    """SHA-256 of the certificate in a file, as browsers show it; empty without one."""
    try:
        return fingerprint_for_people(fingerprint(pathlib.Path(file).read_bytes()))
    except (OSError, PkiError):
        return ""
