# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The findings of a validation, put together for a report."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.model import Finding, Kind, Subject
from ansible_collections.pifleet.nodered.plugins.plugin_utils._findings.serialization import (
    finding_data,
    finding_from_data,
    subject_data,
)
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules import inventory, inventory_files
from ansible_collections.pifleet.nodered.plugins.plugin_utils._rules.registry import RULES, RULES_OF_SETTINGS

#: The rules that are applied to a settings file, and to a host, whose settings file is checked as well.
_OF_FILES = frozenset(RULES_OF_SETTINGS)
_OF_HOSTS = _OF_FILES.union(inventory.RULES)


def result_data(
    subject: Subject, findings: t.Iterable[Finding], suppressions: t.Any, secrets: bool = True
) -> dict[str, t.Any]:
    """What a report takes of one subject.

    :param secrets: whether all secrets could be looked at
    """
    rules = _OF_FILES if subject.kind is Kind.FILE else _OF_HOSTS if secrets else _OF_HOSTS - inventory.OF_SECRETS
    return {
        "subject": subject_data(subject),
        "findings": list(map(finding_data, findings)),
        "rules": sorted(rules),
        "suppressions": suppressions,
    }


def merge_shared_findings(results: t.Sequence[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """The results of hosts, and beside them one for each file that is at fault itself, or with a line that several hosts have.

    What is wrong in group_vars is one fault, of the file, however many hosts there are.
    """
    having: dict[tuple[t.Any, ...], dict[str, tuple[dict[str, t.Any], dict[str, t.Any]]]] = collections.defaultdict(
        dict
    )
    for result in results:
        for finding in result["findings"]:
            is_of_host = result["subject"]["kind"] == Kind.HOST.value
            if finding["line"] or (is_of_host and finding["rule"] in inventory_files.OF_WHOLE_FILES):
                having[_fault(finding)][finding["subject"]] = (result, finding)
    shared = {
        fault: list(hosts.values())
        for fault, hosts in having.items()
        if len(hosts) > 1 or fault[0] in inventory_files.OF_WHOLE_FILES
    }
    files: dict[str, dict[str, t.Any]] = {}
    for hosts in shared.values():
        result, data = hosts[0]
        finding = finding_from_data(data, RULES)
        name = finding.location.file
        file = files.setdefault(name, {**result, "subject": subject_data(Subject(name, Kind.FILE)), "findings": []})
        message = f"{finding.message} ({len(hosts)} hosts)" if len(hosts) > 1 else finding.message
        file["findings"].append(finding_data(dataclasses.replace(finding, subject=name, message=message)))
    own = [
        {**result, "findings": [finding for finding in result["findings"] if _fault(finding) not in shared]}
        for result in results
    ]
    return [*own, *files.values()]


def _fault(finding: dict[str, t.Any]) -> tuple[t.Any, ...]:
    """What is the same for a finding that several hosts have."""
    return tuple(finding[key] for key in ("rule", "file", "line", "message", "detail"))
