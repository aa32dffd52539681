# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report for the terminal: what it comes to, then what was found on whom, the most severe first."""

from __future__ import annotations

import dataclasses

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Report, Severity, Subject

from .summary import Summary, location_text, pluralised

#: How many findings of one subject are shown.
SHOWN = 10
#: How many subjects with findings are shown, and how many that could not be looked at.
SHOWN_SUBJECTS = 50


@dataclasses.dataclass(frozen=True)
class Line:
    """A line, and the severity that its colour tells; None for none."""

    text: str
    severity: Severity | None = None


def lines(report: Report, hint: str) -> list[Line]:
    """The report, in plain text. The hint says where the rest is: "see report.html"."""
    summary = Summary(report)
    worst = next((severity for severity, number in summary.severities.items() if number), None)
    shown = [Line(f"{summary.verdict}.", worst)]
    # Where no finding counts, the verdict has it.
    if summary.by_subject and summary.not_counted:
        shown.append(Line(f"Not counted: {summary.not_counted}."))
    if summary.failed:
        shown.append(Line(""))
        shown.append(Line(f"Not looked at: {pluralised(len(summary.failed), summary.noun)}", Severity.HIGH))
        shown += [
            Line(f"  {one_line(subject.name)}: {one_line(subject.error)}")
            for subject in summary.failed[:SHOWN_SUBJECTS]
        ]
        shown += _rest(len(summary.failed) - SHOWN_SUBJECTS, "", hint)
    subjects = [subject for subject in summary.subjects if subject.name in summary.by_subject]
    for subject in subjects[:SHOWN_SUBJECTS]:
        shown.append(Line(""))
        shown += _subject(summary, subject, hint)
    shown += _rest(len(subjects) - SHOWN_SUBJECTS, f" {summary.noun}s with findings", hint)
    return shown


def _subject(summary: Summary, subject: Subject, hint: str) -> list[Line]:
    findings = summary.by_subject[subject.name]
    versions = [f"Node-RED {subject.node_red}" if subject.node_red else "", subject.address]
    shown = [Line("  ".join(one_line(text) for text in (subject.name, *versions) if text))]
    for finding, following in zip(findings[:SHOWN], [*findings[1:SHOWN], None], strict=False):
        location = location_text(finding.location)
        # The name of a file stands above already; with a line, editors open it there.
        prefix = f"{one_line(location)}: " if location and location != subject.name else ""
        shown.append(
            Line(
                f"  {finding.rule.severity!s:<8}  {prefix}{one_line(finding.message)} [{finding.rule.identifier}]",
                finding.rule.severity,
            )
        )
        # What mends several findings is said once.
        if following is None or following.rule != finding.rule:
            shown.append(Line(f"            Remediation: {one_line(finding.rule.remediation)}"))
    return shown + _rest(len(findings) - SHOWN, "", hint)


def _rest(number: int, what: str, hint: str) -> list[Line]:
    return [Line(f"  ... and {number} more{what}, {hint}")] if number > 0 else []
