#!/usr/bin/python
# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Makes one report of what an audit or a validation found
version_added: 0.1.0
description:
  - Works on the control node only, on what other tasks returned. No host is visited. It is meant to run once, for all
    hosts or files together.
  - Shows a summary on the terminal, writes report files for people, programs and CI, and fails when a finding counts that
    is severe enough.
  - A finding counts unless it is suppressed or in the baseline.
  - Messages name the variables of the playbooks, such as C(nodered_baseline_write) for O(baseline_write).
extends_documentation_fragment:
  - pifleet.nodered.attributes
attributes:
  check_mode:
    support: full
    details:
      - Shows the summary and fails as it would, and writes no file.
  diff_mode:
    support: none
  idempotent:
    support: full
    details:
      - The files are written at every run, so that they tell when somebody looked last. It is a change when anything else
        in them is another than before.
options:
  command:
    description:
      - What was done.
    type: str
    required: true
    choices: [audit, validate]
  results:
    description:
      - What the tasks returned, one item for each host or file, with C(subject) and C(findings). Other keys are ignored.
      - A host that failed or could not be reached has nothing but a C(subject) with C(name) and, why, C(error).
      - An item that cannot be used is reported as a host that could not be looked at, and why.
      - An item can have C(suppressions) for this subject only, and as C(rules) the identifiers of the rules that were
        applied to it. All are taken to be where it has none.
    type: list
    elements: dict
    required: true
  report_dir:
    description:
      - The folder on the control node for the report files C(report.json), C(report.sarif), C(report.xml) (JUnit) and
        C(report.html). It is made where there is none.
      - The files get the mode that your umask gives. They have no secrets, but they say what is weak and where.
      - Without it no file is written.
    type: path
  formats:
    description:
      - Which of them. All when not given.
    type: list
    elements: str
    choices: [terminal, json, sarif, junit, html]
  fail_severity:
    description:
      - The task fails when a finding counts that is at least that severe, or when a host or file could not be looked at,
        or when there was none at all.
      - With V(never) it fails only where none of the hosts and files could be looked at.
    type: str
    default: high
    choices: [critical, high, medium, low, never]
  suppressions:
    description:
      - Findings that are accepted for a while on all hosts and files, as in the variable C(nodered_suppressions).
      - Each has C(rule), C(reason) and C(until), the last day on which it holds, such as V(2026-12-31). It can have
        C(host) and C(file), patterns as in a shell, and C(detail), which must be that of the finding.
      - One that is over, and one that matches nothing, are findings themselves.
    type: raw
  baseline:
    description:
      - A file of findings that are known. They are reported, but do not count.
    type: path
  baseline_write:
    description:
      - Write O(baseline) anew, with all findings that are not suppressed, so that none of them counts any more. What it
        has of hosts and files that this report is not about, or that could not be looked at, is kept.
    type: bool
    default: false
author:
  - The pifleet.nodered maintainers (@pifleet)
"""

EXAMPLES = r"""
- name: Report what was found on two hosts
  pifleet.nodered.report:
    command: audit
    results:
      - "{{ hostvars['kitchen.local'].nodered_audit }}"
      - subject: {name: garage.local, error: No route to host}
    report_dir: reports
    suppressions:
      - {rule: projects-enabled, host: "kitchen*", reason: Moves to another server in spring, until: 2027-03-31}
  run_once: true
"""

RETURN = r"""
counts:
  description:
    - How many findings count, by severity, as C(critical), C(high), C(medium) and C(low).
    - How many are C(suppressed) or C(known).
    - How many C(subjects) there are, and how many of them C(failed).
  returned: always
  type: dict
  sample: {critical: 0, high: 2, medium: 1, low: 4, suppressed: 1, known: 0, subjects: 12, failed: 0}
paths:
  description: The report files, by format.
  returned: always
  type: dict
  sample: {html: reports/report.html, json: reports/report.json}
findings:
  description: The findings that count, the most severe first, as in C(report.json).
  returned: when the task does not fail
  type: list
  elements: dict
"""
