# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every report says: how many findings of which severity, on whom, and texts that show as they are."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import functools
import hashlib
import json
import re
import typing as t
from collections.abc import Iterable, Sequence

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import (
    Finding,
    Kind,
    Location,
    Report,
    Rule,
    Severity,
    Subject,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import finding_data, subject_data

#: The most severe first.
SEVERITIES = tuple(sorted(Severity, reverse=True))


def pluralised(number: int, what: str) -> str:
    """Such as "1 host" or "2 hosts"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def location_text(location: Location) -> str:
    """Such as settings.js:12, or the empty text."""
    return f"{location.file}:{location.line}" if location.file and location.line else location.file


def natural_sort_key(name: str) -> list[tuple[int, str]]:
    """What names are sorted by, so that pi2 comes before pi10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def remaining_days(until: datetime.datetime, now: datetime.datetime) -> int:
    """Whole days that are left, negative when it is over."""
    return (until - now).days


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a report comes to."""

    report: Report

    @functools.cached_property
    def severities(self) -> dict[Severity, int]:
        """How many findings count, of each severity, the most severe first."""
        numbers = collections.Counter(finding.rule.severity for finding in self.report.findings if finding.counts)
        return {severity: numbers[severity] for severity in SEVERITIES}

    @functools.cached_property
    def suppressed(self) -> list[Finding]:
        return [finding for finding in self.report.findings if finding.suppression]

    @functools.cached_property
    def baselined(self) -> list[Finding]:
        """The findings that only the baseline keeps from counting."""
        return [finding for finding in self.report.findings if finding.baselined and not finding.suppression]

    @functools.cached_property
    def accepted_by_subject(self) -> dict[str, list[str]]:
        """What does not count of each subject that has some, such as "2 critical known", the most severe first."""
        accepted: dict[str, list[str]] = {}
        for severity in SEVERITIES:
            for word, findings in (("baselined", self.baselined), ("suppressed", self.suppressed)):
                numbers = collections.Counter(
                    finding.subject for finding in findings if finding.rule.severity == severity
                )
                for subject, number in numbers.items():
                    accepted.setdefault(subject, []).append(f"{number} {severity} {word}")
        return accepted

    @property
    def not_counted(self) -> str:
        """Such as "1 suppressed, 5 known from the baseline", or the empty text."""
        parts = ((self.suppressed, "suppressed"), (self.baselined, "baselined"))
        return ", ".join(f"{len(findings)} {word}" for findings, word in parts if findings)

    @functools.cached_property
    def passed_rules(self) -> list[Rule]:
        """The rules that found nothing, not even what does not count."""
        broken = {finding.rule for finding in self.report.findings}
        return [rule for rule in self.report.rules if rule not in broken] if self.looked_at else []

    @functools.cached_property
    def failed(self) -> list[Subject]:
        """The subjects that could not be looked at."""
        return [subject for subject in self.report.subjects if subject.error]

    @property
    def looked_at(self) -> int:
        return len(self.report.subjects) - len(self.failed)

    @functools.cached_property
    def by_subject(self) -> dict[str, list[Finding]]:
        """The findings that count, the most severe first, of each subject that has some."""
        by_subject_name: dict[str, list[Finding]] = {}
        for finding in self.report.counted():
            by_subject_name.setdefault(finding.subject, []).append(finding)
        return by_subject_name

    @functools.cached_property
    def by_rule(self) -> list[tuple[Rule, list[Finding]]]:
        """The findings that count of each rule that has some, the most severe rule first, then the most frequent."""
        findings_of: dict[Rule, list[Finding]] = {}
        for finding in self.report.counted():
            findings_of.setdefault(finding.rule, []).append(finding)
        return sorted(findings_of.items(), key=lambda item: (-item[0].severity, -len(item[1]), item[0].identifier))

    @functools.cached_property
    def subjects(self) -> list[Subject]:
        """All subjects: those with the most severe findings first, then what failed, then the others."""
        return sorted(self.report.subjects, key=self._rank)

    def _rank(self, subject: Subject) -> tuple[t.Any, ...]:
        numbers = collections.Counter(finding.rule.severity for finding in self.by_subject.get(subject.name, ()))
        return tuple(-numbers[severity] for severity in SEVERITIES), not subject.error, natural_sort_key(subject.name)

    @property
    def noun(self) -> str:
        """What the subjects are: host or file, and subject where there are both."""
        kinds = {subject.kind.value for subject in self.report.subjects} or {Kind.HOST.value}
        return kinds.pop() if len(kinds) == 1 else "subject"

    @property
    def verdict(self) -> str:
        """The report in one line."""
        of_each = [f"{number} {severity}" for severity, number in self.severities.items() if number]
        if not of_each:
            return self._nothing
        *others, last = of_each
        many = f"{', '.join(others)} and {last}" if others else last
        return f"{many} {self._where}"

    @property
    def headline(self) -> str:
        """The same without the severities."""
        return f"{sum(self.severities.values())} {self._where}" if self.by_subject else self.verdict

    @property
    def _nothing(self) -> str:
        """The verdict where no finding counts."""
        if not self.looked_at:
            return "Nothing was looked at"
        on = f"on {pluralised(self.looked_at, self.noun)}"
        accepted = [
            _with_worst(findings, word)
            for findings, word in ((self.baselined, "baselined"), (self.suppressed, "suppressed"))
            if findings
        ]
        if not accepted:
            return f"Nothing found {on}{self._without}"
        return (
            f"{'Nothing new' if self.baselined else 'Nothing that counts'} {on}: {', '.join(accepted)}{self._without}"
        )

    @property
    def _where(self) -> str:
        noun = "finding" if sum(self.severities.values()) == 1 else "findings"
        return f"{noun} on {len(self.by_subject)} of {pluralised(self.looked_at, self.noun)}{self._without}"

    @property
    def _without(self) -> str:
        number = len(self.failed)
        return f", {number} of {pluralised(len(self.report.subjects), self.noun)} not looked at" if number else ""

    @property
    def counts(self) -> dict[str, int]:
        """All numbers, as a task returns them."""
        return {
            **{str(severity): number for severity, number in self.severities.items()},
            "suppressed": len(self.suppressed),
            "baselined": len(self.baselined),
            "subjects": len(self.report.subjects),
            "failed": len(self.failed),
        }


def _with_worst(findings: Sequence[Finding], word: str) -> str:
    """Such as "5 known (2 critical)"."""
    severities = [finding.rule.severity for finding in findings]
    worst = max(severities)
    return f"{len(findings)} {word} ({severities.count(worst)} {worst})"


def report_data(report: Report) -> dict[str, t.Any]:
    """A report as what JSON can say, but for when it was made: in an order that is the same in each run."""
    return {
        "command": report.command,
        "version": report.version,
        "compared": report.compared,
        "counts": Summary(report).counts,
        "subjects": [subject_data(subject) for subject in sorted(report.subjects, key=lambda subject: subject.name)],
        "rules": [
            {
                "identifier": rule.identifier,
                "severity": str(rule.severity),
                "title": rule.title,
                "rationale": rule.rationale,
                "remediation": rule.remediation,
                "variable": rule.variable,
            }
            for rule in sorted(report.rules, key=lambda rule: rule.identifier)
        ],
        "findings": [finding_data(finding) for finding in ordered(report.findings)],
    }


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The same order in each run, the most severe first."""
    return sorted(
        findings,
        key=lambda finding: (
            -finding.rule.severity,
            finding.subject,
            finding.rule.identifier,
            finding.detail,
            finding.location.file,
            finding.location.line or 0,
            finding.message,
        ),
    )


def digest(report: Report) -> str:
    """The same for two reports that differ only in when they were made: 32 hexadecimal digits."""
    text = json.dumps(report_data(report), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]
