# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as JUnit's XML, which every CI shows: a test suite for each subject, a test case for each rule.

A finding that counts is a failure, one that is suppressed or known leaves its case skipped. A subject that could not be
looked at has one case, with an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from ansible_collections.pifleet.nodered.plugins.module_utils._shared.printable import one_line, printable
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Report, Rule, Subject
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import time_data

from .summary import digest, location_text


def render(report: Report) -> str:
    """The text of the file."""
    findings: dict[tuple[str, str], list[Finding]] = {}
    for finding in report.findings:
        findings.setdefault((finding.subject, finding.rule.identifier), []).append(finding)
    rules = sorted(report.rules, key=lambda rule: (-rule.severity, rule.identifier))
    mark = digest(report)
    root = ElementTree.Element("testsuites", {"name": f"pifleet.nodered.{report.command}"})
    for subject in sorted(report.subjects, key=lambda subject: subject.name):
        root.append(_suite(report, mark, subject, rules, findings))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(
    report: Report, mark: str, subject: Subject, rules: list[Rule], findings: Mapping[tuple[str, str], list[Finding]]
) -> ElementTree.Element:
    name = one_line(subject.name)
    suite = ElementTree.Element(
        "testsuite", {"name": name, "timestamp": time_data(report.created).removesuffix("Z"), "hostname": name}
    )
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in (
        ("digest", mark),
        ("version", report.version),
        ("address", subject.address),
        ("node_red", subject.node_red),
        ("node", subject.node),
    ):
        if value:
            ElementTree.SubElement(properties, "property", {"name": key, "value": one_line(value)})
    if subject.error:
        case = ElementTree.SubElement(suite, "testcase", {"classname": name, "name": "looked at"})
        ElementTree.SubElement(case, "error", {"message": one_line(subject.error), "type": "error"})
    else:
        for rule in rules:
            case = ElementTree.SubElement(
                suite, "testcase", {"classname": name, "name": f"{rule.identifier}: {rule.title}"}
            )
            _outcome(case, rule, findings.get((subject.name, rule.identifier), []))
    cases = suite.findall("testcase")
    for key, tag in (("tests", None), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(len(cases) if tag is None else len([case for case in cases if case.find(tag) is not None])))
    return suite


def _outcome(case: ElementTree.Element, rule: Rule, findings: list[Finding]) -> None:
    counted = [finding for finding in findings if finding.counts]
    if counted:
        failure = ElementTree.SubElement(
            case, "failure", {"message": one_line(counted[0].message), "type": str(rule.severity)}
        )
        failure.text = printable(
            "\n".join([*map(_line, counted), f"Rationale: {rule.rationale}", f"Remediation: {rule.remediation}"])
        )
    elif findings:
        reasons = {_reason(finding): None for finding in findings}
        ElementTree.SubElement(case, "skipped", {"message": one_line("; ".join(reasons))})


def _line(finding: Finding) -> str:
    location = location_text(finding.location)
    return f"{location}: {finding.message}" if location else finding.message


def _reason(finding: Finding) -> str:
    if finding.suppression:
        return f"Accepted until {finding.suppression.until.isoformat()}: {finding.suppression.reason}"
    return "Known: the baseline has it"
