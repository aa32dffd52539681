# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as SARIF 2.1.0, which code scanning shows beside the lines of a repository.

A file of the control node is named relative to the working directory, which in CI is the checkout. What lies on a host
is named by its host and its path there, relative to HOSTS, which is nowhere.
"""

from __future__ import annotations

import json
import pathlib
import re
import typing as t
import urllib.parse
from collections.abc import Mapping

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import (
    Finding,
    Kind,
    Report,
    Rule,
    Severity,
    Subject,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import time_data

from .summary import digest, ordered

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_HOME = "https://github.com/pifleet/nodered"
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
#: From what number on code scanning calls something critical, high or medium, with some room.
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}


def render(report: Report, directory: pathlib.Path) -> str:
    """The text of the file; ``directory`` is the working directory, absolute."""
    rules = sorted(report.rules, key=lambda rule: rule.identifier)
    indexes = {rule.identifier: index for index, rule in enumerate(rules)}
    subjects = {subject.name: subject for subject in report.subjects}
    failed = [subject for subject in report.subjects if subject.error]
    run = {
        "tool": {
            "driver": {
                "name": "pifleet.nodered",
                "semanticVersion": report.version,
                "informationUri": _HOME,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "automationDetails": {"id": f"pifleet.nodered.{report.command}/"},
        "invocations": [
            {
                "executionSuccessful": not failed,
                "endTimeUtc": time_data(report.created),
                "toolExecutionNotifications": [_notification(subject) for subject in failed],
            }
        ],
        "originalUriBaseIds": {
            "SRCROOT": {"description": {"text": "The working directory of the run."}},
            "HOSTS": {"description": {"text": "The managed hosts, each a folder with its name in the inventory."}},
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(report, finding, subjects.get(finding.subject), indexes, directory)
            for finding in ordered(report.findings)
        ],
        "properties": {"digest": digest(report)},
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2) + "\n"


def _rule(rule: Rule) -> dict[str, t.Any]:
    variable = f" (`{rule.variable}`)" if rule.variable and rule.variable not in rule.remediation else ""
    return {
        "id": rule.identifier,
        "name": "".join(part.capitalize() for part in rule.identifier.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.rationale},
        "help": {
            "text": f"{rule.rationale}\nRemediation: {rule.remediation}{variable}",
            "markdown": f"{rule.rationale}\n\n**Remediation:** {rule.remediation}{variable}",
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "security-severity": _SCORES[rule.severity],
            "tags": ["security"],
            "severity": str(rule.severity),
        },
    }


def _result(
    report: Report, finding: Finding, subject: Subject | None, indexes: Mapping[str, int], directory: pathlib.Path
) -> dict[str, t.Any]:
    physical: dict[str, t.Any] = {"artifactLocation": _artifact(report, finding, subject, directory)}
    if finding.location.line:
        physical["region"] = {"startLine": finding.location.line}
    elif finding.location.file:
        # Code scanning shows nothing of a file without a line.
        physical["region"] = {"startLine": 1}
    result = {
        "ruleId": finding.rule.identifier,
        "ruleIndex": indexes[finding.rule.identifier],
        "level": _LEVELS[finding.rule.severity],
        "message": {"text": _message(f"{finding.subject}: {finding.message}")},
        "locations": [
            {
                "physicalLocation": physical,
                "logicalLocations": [
                    {"name": one_line(finding.subject), "kind": subject.kind.value if subject else Kind.HOST.value}
                ],
            }
        ],
        "partialFingerprints": {"pifleetNodered/v1": finding.fingerprint},
        "suppressions": [],
    }
    if finding.suppression:
        result["suppressions"] = [
            {
                "kind": "external",
                "status": "accepted",
                "justification": one_line(finding.suppression.reason),
                "properties": {"until": finding.suppression.until.isoformat()},
            }
        ]
    if report.compared:
        result["baselineState"] = "unchanged" if finding.baselined else "new"
    return result


def _artifact(report: Report, finding: Finding, subject: Subject | None, directory: pathlib.Path) -> dict[str, str]:
    # A validation visits no host: what it finds of one is in files of the control node.
    here = finding.location.file if report.command == "validate" else ""
    if here or (subject and subject.kind is Kind.FILE):
        path = directory / (finding.location.file or finding.subject)
        if path.is_relative_to(directory):
            return {"uri": _quoted(path.relative_to(directory).as_posix()), "uriBaseId": "SRCROOT"}
        return {"uri": "file://" + _quoted(path.as_posix())}
    return {
        "uri": _quoted("/".join(filter(None, (finding.subject, finding.location.file.lstrip("/"))))),
        "uriBaseId": "HOSTS",
    }


def _quoted(path: str) -> str:
    try:
        return urllib.parse.quote(path, errors="surrogateescape")
    except UnicodeEncodeError:
        # JSON can have half of a pair, which stands for no byte.
        return urllib.parse.quote(path, errors="surrogatepass")


def _message(text: str) -> str:
    """The text of a message in one line; what is in brackets would be a link (SARIF 2.1.0, 3.11.6)."""
    return re.sub(r"([\\\[\]])", r"\\\1", one_line(text))


def _notification(subject: Subject) -> dict[str, t.Any]:
    return {"level": "error", "message": {"text": _message(f"{subject.name} could not be looked at: {subject.error}")}}
