# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report from the results of the tasks that looked at hosts or files."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.redact import redact
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.baseline import BaselineEntry
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import (
    Finding,
    Kind,
    Report,
    Rule,
    Subject,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import (
    DataError,
    finding_from_data,
    subject_from_data,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.suppressions import (
    RULES,
    Entry,
    entries,
    suppress,
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What a task tells of one subject."""

    subject: Subject
    findings: tuple[Finding, ...]
    suppressions: tuple[Entry, ...]
    #: The identifiers of the rules that were applied to it.
    rules: frozenset[str]


def results_from_data(data: Sequence[t.Any], rules: Mapping[str, Rule]) -> list[Result]:
    """The results of tasks; what cannot be used becomes a subject that could not be looked at.

    DataError where two are of one subject; SuppressionError.
    """
    results: dict[str, Result] = {}
    for number, item in enumerate(data, 1):
        try:
            result = _result(item, rules)
        except DataError as error:
            # One host must not take away the report of the others.
            result = Result(_failed(item, f"Item {number} of results", str(error)), (), (), frozenset())
        if result.subject.name in results:
            raise DataError(f"Item {number} of results: there is another one of {result.subject.name}.")
        results[result.subject.name] = result
    return list(results.values())


def _failed(item: t.Any, location: str, error: str) -> Subject:
    """The subject of an item that has none, or one that cannot be used; ``context`` is for a name that is not known."""
    item = item if isinstance(item, Mapping) else {}
    subject = item.get("subject")
    name = subject.get("name") if isinstance(subject, Mapping) else None
    reason, message = f"its result is unusable: {error}", item.get("msg")
    if subject is None and message and isinstance(message, str):
        # Why the task failed before it had a subject.
        reason = redact(message)
    return Subject(name if name and isinstance(name, str) else location, Kind.HOST, reason)


def _result(item: t.Any, rules: Mapping[str, Rule]) -> Result:
    if not isinstance(item, Mapping) or "subject" not in item:
        raise DataError("it has no subject.")
    subject = subject_from_data(item["subject"])
    findings = tuple(finding_from_data(finding, rules) for finding in item.get("findings") or ())
    for finding in findings:
        if finding.subject != subject.name:
            raise DataError(f"its subject is {subject.name}, but a finding is about {finding.subject}.")
    suppressions = entries(item.get("suppressions"), rules, subject.name)
    applied = frozenset(rules if item.get("rules") is None else item["rules"])
    if not applied <= set(rules):
        raise DataError(f"it names the rule {min(applied - set(rules))!r}, which there is not.")
    return Result(subject, findings, tuple(suppressions), applied)


def make(
    command: str,
    results: Sequence[Result],
    common: Sequence[Entry],
    rules: Mapping[str, Rule],
    baseline: Mapping[str, BaselineEntry] | None,
    created: datetime.datetime,
    version: str,
) -> Report:
    """The report of these results.

    :param common: the suppressions for all subjects
    :param baseline: what the baseline has, None without one
    """
    applied = frozenset().union(*(result.rules for result in results), RULES)
    subjects = [result.subject for result in results]
    findings = suppress(
        [finding for result in results for finding in result.findings],
        subjects,
        {result.subject.name: [*common, *result.suppressions] for result in results},
        created.date(),
        applied,
    )
    if baseline is not None:
        findings = [dataclasses.replace(finding, baselined=finding.fingerprint in baseline) for finding in findings]
    rules_in_report = applied | {finding.rule.identifier for finding in findings}
    return Report(
        command,
        created,
        version,
        tuple(subjects),
        tuple(findings),
        tuple(rule for identifier, rule in sorted(rules.items()) if identifier in rules_in_report),
        baseline is not None,
    )
