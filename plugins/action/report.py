# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import typing as t

from ansible import constants
from ansible.utils.display import Display

from ansible_collections.pifleet.nodered.plugins.plugin_utils._action.base import HostAction
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.argument_specs import argument_spec
from ansible_collections.pifleet.nodered.plugins.plugin_utils._collection.version import collection_version
from ansible_collections.pifleet.nodered.plugins.plugin_utils._errors import UserError
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings import baseline as baselines
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings import suppressions
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Report, Severity
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import finding_data
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import build, terminal_writer
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report import files as report_files
from ansible_collections.pifleet.nodered.plugins.plugin_utils._report.summary import Summary, digest, pluralised
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.registry import RULES

_COLOURS = {
    Severity.CRITICAL: constants.COLOR_ERROR,
    Severity.HIGH: constants.COLOR_ERROR,
    Severity.MEDIUM: constants.COLOR_CHANGED,
    Severity.LOW: constants.COLOR_VERBOSE,
}


#: So many of those are named that could not be looked at.
_MOST = 20


class ActionModule(HostAction):
    """Makes a report of what other tasks found; no host is visited."""

    spec = argument_spec("report")

    def execute(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        baseline = pathlib.Path(options["baseline"]) if options["baseline"] else None
        if options["baseline_write"] and not baseline:
            raise UserError("nodered_baseline_write needs nodered_baseline, the file to write.")
        files = _files(options)
        report, new_baseline = self._made(options, baseline)
        changed = self._write(report, files, baseline, new_baseline)
        if options["formats"] is None or "terminal" in options["formats"]:
            _show(report, files)
        result = {
            "changed": changed,
            "counts": Summary(report).counts,
            "paths": {name: str(path) for name, path in files.items()},
        }
        message = _reason_to_fail(report, options["fail_severity"], files)
        if message:
            # Ansible prints all of a failed result: without the findings, which have been told in a better way.
            raise UserError(message, **result)
        return {**result, "findings": [finding_data(finding) for finding in report.counted()]}

    @staticmethod
    def _made(options: dict[str, t.Any], baseline: pathlib.Path | None) -> tuple[Report, bytes | None]:
        """The report, and the new content of the baseline where one is to be written."""
        rules = {**RULES, **suppressions.RULES}
        common = suppressions.entries(options["suppressions"], rules)
        results = build.results_from_data(options["results"], rules)
        created = datetime.datetime.now(datetime.UTC)
        write = options["baseline_write"]
        former = baselines.read(baseline) if baseline and (baseline.exists() or not write) else {}
        known = former if baseline else None
        report = build.make(options["command"], results, common, rules, known, created, collection_version())
        if not write:
            return report, None
        content = baselines.render(report, former).encode("utf-8", "backslashreplace")
        found = tuple(dataclasses.replace(finding, baselined=not finding.suppression) for finding in report.findings)
        return dataclasses.replace(report, findings=found), content

    def _write(
        self, report: Report, files: dict[str, pathlib.Path], baseline: pathlib.Path | None, new_baseline: bytes | None
    ) -> bool:
        """Write everything, unless in check mode; whether something but the time has changed."""
        mark = digest(report).encode("ascii")
        contents = {path: report_files.render(report, name) for name, path in files.items()}
        try:
            changed = [
                path for path, content in contents.items() if mark not in report_files.beginning(path, len(content))
            ]
            if (
                baseline
                and new_baseline is not None
                and report_files.beginning(baseline, len(new_baseline) + 1) != new_baseline
            ):
                changed.append(baseline)
                contents[baseline] = new_baseline
            for path, content in contents.items():
                if not self.check_mode:
                    report_files.write(path, content)
        except OSError as error:
            raise UserError(f"{error.filename} cannot be written: {error.strerror}.") from None
        return bool(changed)


def _files(options: dict[str, t.Any]) -> dict[str, pathlib.Path]:
    """The files to write, by their formats."""
    desired = options["formats"]
    if options["report_dir"] is None:
        if desired and desired != ["terminal"]:
            raise UserError("nodered_report_formats has files, so nodered_report_dir must say where to write them.")
        return {}
    return {
        name: pathlib.Path(options["report_dir"], file)
        for name, file in report_files.NAMES.items()
        if desired is None or name in desired
    }


def _show(report: Report, files: t.Mapping[str, pathlib.Path]) -> None:
    """Write the report to the terminal as text; the result of a task is shown as JSON, if at all."""
    display = Display()
    best = _best(files)
    hint = f"see {best}" if best else "in a report with -e nodered_report_dir=reports"
    for line in terminal_writer.lines(report, hint):
        display.display(line.text, color=None if line.severity is None else _COLOURS[line.severity])


def _best(files: t.Mapping[str, pathlib.Path]) -> pathlib.Path | None:
    """The file that a person wants to read."""
    return files.get("html", next(iter(files.values()), None))


def _reason_to_fail(report: Report, fail_severity: str, files: t.Mapping[str, pathlib.Path]) -> str:
    """Why the task fails, in one line; the empty text where it does not."""
    summary = Summary(report)
    best = _best(files)
    see = f": see {best}" if best else ""
    # Of which nobody should believe that nothing was found.
    if report.subjects and len(summary.failed) == len(report.subjects):
        names = ", ".join(subject.name for subject in summary.failed[:_MOST])
        more = f" and {len(summary.failed) - _MOST} more" if len(summary.failed) > _MOST else ""
        return f"Nothing was looked at, because {names}{more} could not be{see}."
    if fail_severity == "never":
        return ""
    found = report.counted(Severity[fail_severity.upper()])
    reasons = []
    if found:
        severity = fail_severity if fail_severity == "critical" else f"{fail_severity} or above"
        reasons.append(f"{pluralised(len(found), 'finding')} of severity {severity}")
    if summary.failed:
        reasons.append(f"{pluralised(len(summary.failed), summary.noun)} could not be looked at")
    if not report.subjects:
        reasons.append("Nothing was looked at: results is empty")
    return f"{', and '.join(reasons)}{see}." if reasons else ""
